"""What runs ON the machine beside `lander.py`: standard library only, Python 3.11+.

It is sent in one text with the lander (`apply/program.py`). It must never import anything else of Outlast.
"""

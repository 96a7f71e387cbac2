"""How long writes stop when a database fails over: Outlast's against its peers', side by side."""

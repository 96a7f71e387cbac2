"""Everything is there again in time: after a fault is healed, the site regains what it had."""

from __future__ import annotations

from outlast.proof.verdict import Judgement, Verdict

NAME = "redundancy"


def check(redundant: float | None, limit: float) -> Verdict:
    """`redundant`: seconds from the healing until everything was there again. None: nobody saw it end."""
    if redundant is None:
        return Verdict(NAME, Judgement.UNKNOWN, f"nobody saw everything there again within {limit:g} s")
    if redundant > limit:
        because = f"everything was there again only after {redundant:.1f} s; the limit is {limit:g} s"
        return Verdict(NAME, Judgement.INVALID, because)
    return Verdict(NAME, Judgement.VALID, f"everything was there again after {redundant:.1f} s")

"""The members agree: the same rows on each of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from outlast.proof.verdict import Judgement, Verdict

NAME = "agree"


def check(digests: Mapping[str, str | None]) -> Verdict:
    """`digests`: what each member's rows come to; None: it could not be asked. Members that differ are certain even
    where another one is silent."""
    known = {member: digest for member, digest in sorted(digests.items()) if digest is not None}
    times = Counter(known.values())
    evidence = tuple(f"{member}: {digest}" for member, digest in known.items())
    if len(times) > 1:
        (usual, most), (_, second) = times.most_common(2)
        # Where no digest is more common than all others, nobody says who is wrong.
        tied = most == second
        others = [member for member, digest in known.items() if tied or digest != usual]
        has = "has" if len(others) == 1 else "have"
        because = f"{', '.join(others)} {'have different rows' if tied else f'{has} other rows than the others'}"
        return Verdict(NAME, Judgement.INVALID, because, evidence)
    if silent := sorted(digests.keys() - known.keys()):
        return Verdict(NAME, Judgement.UNKNOWN, f"{', '.join(silent)} could not be asked", evidence)
    if len(known) < 2:
        return Verdict(NAME, Judgement.UNKNOWN, "there are no two members to compare", evidence)
    return Verdict(NAME, Judgement.VALID, f"{len(known)} members hold the same rows")

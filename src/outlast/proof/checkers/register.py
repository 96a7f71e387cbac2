"""No update is lost: who reads a number and writes the next one in one transaction never does it on somebody's back."""

from __future__ import annotations

from collections import Counter

from outlast.proof.checkers.evidence import lines, tell
from outlast.proof.checkers.final import number
from outlast.proof.history import History, Kind, Operation, Outcome
from outlast.proof.verdict import Judgement, Verdict, worst
from outlast.proof.wording import count

NAME = "register"


def check(history: History) -> Verdict:
    """Registers begin at 0. The acknowledged UPDATEs of one register all wrote different numbers, and the final
    acknowledged LOOK at it, begun after the last of them ended, lies between the number of those acknowledged and
    that number and the unknown ones.
    """
    updates: dict[str, list[Operation]] = {}
    for update in history.of(Kind.UPDATE):
        updates.setdefault(update.key, []).append(update)
    found = [verdict for key, those in sorted(updates.items()) if (verdict := _one(history, key, those))]
    if not found:
        return Verdict(NAME, Judgement.UNKNOWN, "no update was acknowledged")
    judgement = worst(verdict.judgement for verdict in found)
    shown = [verdict for verdict in found if verdict.judgement is judgement]
    if judgement is Judgement.VALID:
        acknowledged = sum(update.acknowledged for update in history.of(Kind.UPDATE))
        because = f"{count(acknowledged, 'update')} of {count(len(found), 'register')}, none lost"
        return Verdict(NAME, judgement, because)
    evidence = tuple(line for verdict in shown for line in verdict.evidence)
    return Verdict(NAME, judgement, "; ".join(verdict.because for verdict in shown[:3]), evidence)


def _one(history: History, key: str, updates: list[Operation]) -> Verdict | None:
    """One register. None: nothing was acknowledged of it."""
    done = [update for update in updates if update.acknowledged]
    if not done:
        return None
    times = Counter(number(update) for update in done)
    same = [update for update in done if times[number(update)] > 1 and number(update) is not None]
    if same:
        because = f"{key}: {count(len(same), 'update')} wrote a number that another one wrote too"
        return Verdict(NAME, Judgement.INVALID, because, lines(same))
    if None in times:
        return Verdict(NAME, Judgement.UNKNOWN, f"{key}: what was written cannot be read")
    ended = max(update.ended for update in done)
    looks = [look for look in history.of(Kind.LOOK) if look.key == key and look.acknowledged and look.began > ended]
    look = max(looks, key=lambda look: look.began, default=None)
    value = None if look is None else number(look)
    if look is None or value is None:
        return Verdict(NAME, Judgement.UNKNOWN, f"{key}: nobody could read it after the last update")
    possible = sum(update.outcome is Outcome.UNKNOWN for update in updates)
    if not len(done) <= value <= len(done) + possible:
        because = f"{key} is {value} after {len(done)} acknowledged and {count(possible, 'unknown update')}"
        return Verdict(NAME, Judgement.INVALID, because, (tell(look),))
    return Verdict(NAME, Judgement.VALID, f"{key}: {count(len(done), 'update')}")

"""One experiment: a fault, whom it hits, and what the owner wants to be true of it. What came of it, trial by trial."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from outlast.proof.verdict import Judgement, Verdict

RESTART, SWITCH, LOSE = "restart", "switch", "lose"
ACTS = frozenset({RESTART, SWITCH, LOSE})


@dataclass(frozen=True, slots=True)
class Objective:
    """What `survive:` asks of a failure class. `outage`: the longest time (s) in which nobody was served, in 95 of 100
    trials; no single one may take twice as long. `errors`: how many idempotent requests may fail; None: any number.
    Acknowledged writes are never to be lost."""

    outage: float
    errors: int | None = None


class Role(StrEnum):
    """Which members of a service are meant, as the site is when the trial begins."""

    PRIMARY = "primary"
    """The one that takes its writes, or leads it."""
    OTHER = "other"
    """One that is not primary."""
    OTHERS = "others"
    """All that are not primary."""
    ANY = "any"
    """One after another, by the number of the trial."""
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Aim:
    """Members of one service, or (`machines`) the machines that they are on."""

    service: str
    role: Role
    machines: bool = False


@dataclass(frozen=True, slots=True)
class Hit:
    """What is done, to whom: `fault` is a name of `chaos list`, or `switch`, `restart` and `lose`, which are none: two
    are done to running sites every day, and what is lost is never given back.
    `others` is the other side of a partition; `settings` are the fault's parameters."""

    fault: str
    aim: Aim
    others: Aim | None = None
    settings: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Experiment:
    """`name` is what `--only` takes (`database-primary-power-off`); `failure` the class of `survive:`; `summary` one
    plain line. All `hits` begin at once, when whatever is `given` holds, and are healed after `hold` seconds."""

    name: str
    failure: str
    summary: str
    objective: Objective
    hits: tuple[Hit, ...] = ()
    hold: float = 4.0
    given: tuple[Hit, ...] = ()

    @property
    def heals_itself(self) -> bool:
        """Nothing gives back what was taken but the site itself, so nobody may keep its controllers from it."""
        return any(hit.fault == LOSE for hit in self.hits)


@dataclass(frozen=True, slots=True)
class Beat:
    """One step (`width` seconds from `at`, relative to the fault) of a timeline: operations done and failed, and the
    slowest of those done (s)."""

    at: float
    width: float
    done: int
    failed: int
    slowest: float


@dataclass(frozen=True, slots=True)
class Trial:
    """One run of an experiment. Seconds; None: it did not end within its limit, or cannot be known.

    `outage` is the longest time without service around the fault, `after` the longest from its healing on, both as
    clients saw them. `redundant` is how long after the healing everything was there again.
    `lanes` are timelines by what clients did (`order`, `append`), `marks` (seconds relative to the fault, what).
    `silence` is from when to when (seconds relative to the fault) that outage lasted. `busy` is the share of this
    computer's processors that worked from the fault on. `again` are requests that had to be asked twice, because their
    connection broke; a second one that fails counts in `errors`.
    """

    number: int
    target: str
    outage: float | None
    after: float | None
    redundant: float | None
    acknowledged: int
    errors: int
    slow: int
    lost: int | None
    verdicts: tuple[Verdict, ...]
    lanes: tuple[tuple[str, tuple[Beat, ...]], ...] = ()
    marks: tuple[tuple[float, str], ...] = ()
    silence: tuple[float, float] | None = None
    busy: float | None = None
    again: int = 0


@dataclass(frozen=True, slots=True)
class Proof:
    """An experiment with its trials and the verdicts over all of them."""

    experiment: Experiment
    trials: tuple[Trial, ...]
    judgement: Judgement
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that one `prove` found. `at` is when it began (ISO 8601, UTC), `seconds` how long it took;
    `surroundings` say on what it ran (engine versions, processors), as (name, value)."""

    site: str
    generation: int
    version: str
    at: str
    seconds: float
    command: str
    surroundings: tuple[tuple[str, str], ...]
    proofs: tuple[Proof, ...]

"""Reports that nobody measured, for what shows them. The same at each call."""

from __future__ import annotations

from dataclasses import replace
from math import exp

from outlast.proof.checkers.availability import check_all
from outlast.proof.experiment import Beat, Experiment, Objective, Proof, Report, Trial
from outlast.proof.verdict import Judgement, Verdict, worst

VALID, INVALID, UNKNOWN = Judgement.VALID, Judgement.INVALID, Judgement.UNKNOWN
EXPERIMENTS = {
    "database-writer-power-off": ("machine", "The database's writer loses power.", 1.0, 0.42),
    "database-writer-kill": ("process", "The database's writer is killed.", 1.0, 0.21),
    "database-member-power-off": ("machine", "A member of the database that is not the writer loses power.", 1.0, 0.11),
    "edge-home-power-off": ("machine", "The edge that holds an address loses power.", 1.0, 0.38),
    "web-restart": ("process", "One member of the app is restarted.", 0.5, 0.02),
    "east-data-partition": ("link", "One data machine is cut off from the others.", 5.0, 2.4),
}


def noise(index: int) -> float:
    """A number below 1 that looks like chance and is none."""
    return (index * 7919 + 104729) % 1009 / 1009


def trial(number: int, outage: float | None = 0.4, **fields: object) -> Trial:
    """One trial of twelve seconds, in which nobody was served for `outage` seconds from 50 ms after the fault on."""
    dark = (0.05, 0.05 + (outage or 0.0))
    beats = [lane(name, rate, dark, number) for name, rate in (("browse", 60.0), ("order", 20.0), ("append", 100.0))]
    made = Trial(
        number=number,
        target=f"east-data-{number % 3 + 1}",
        outage=outage,
        after=0.06,
        redundant=9.0 + noise(number),
        acknowledged=1200 + number,
        errors=0,
        slow=3,
        lost=0,
        verdicts=(
            Verdict("lost", VALID, f"{1200 + number} acknowledged writes, none lost"),
            Verdict("twice", VALID, f"{1200 + number} rows, each of them once"),
            Verdict("writers", VALID, "1,100 writes by east-galera-1, east-galera-2, never two"),
        ),
        lanes=tuple(beats),
        marks=((0.0, "power off"), (4.0, "power on")),
        silence=None if outage is None else dark,
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def lane(name: str, rate: float, dark: tuple[float, float], number: int) -> tuple[str, tuple[Beat, ...]]:
    """Beats of 50 ms: nothing is done in the dark, and afterwards what waited is done, later and slower."""
    found: list[Beat] = []
    for step in range(240):
        at, since = -2.0 + step * 0.05, -2.0 + step * 0.05 - dark[1]
        out = dark[0] <= at < dark[1]
        late = exp(-since / 0.2) if 0 <= since < 1.5 else 0.0
        done = 0 if out else round(rate * 0.05 * (0.7 + 0.6 * noise(step + number * 31)) * (1 + 2 * late))
        failed = round(rate * 0.05 * 0.5) if out and name == "append" else 0
        slowest = 0.0 if not done else 0.008 + 0.02 * noise(step * 3 + number) + (dark[1] - dark[0]) * late
        found.append(Beat(round(at, 6), 0.05, done, failed, round(slowest, 6)))
    return name, tuple(found)


def proof(name: str = "database-writer-power-off", trials: int = 12) -> Proof:
    """An experiment whose outages are around what `EXPERIMENTS` says."""
    failure, summary, limit, usual = EXPERIMENTS[name]
    made = [trial(number, round(usual * (0.7 + 0.7 * noise(number)), 4)) for number in range(1, trials + 1)]
    return judged(Experiment(name, failure, summary, Objective(limit, 0)), made)


def judged(experiment: Experiment, trials: list[Trial]) -> Proof:
    """The experiment with these trials, and what follows from them."""
    verdicts = check_all(trials, experiment.objective)
    each = [verdict.judgement for trial in trials for verdict in trial.verdicts]
    return Proof(experiment, tuple(trials), worst([*each, *(v.judgement for v in verdicts)]), verdicts)


def report(*proofs: Proof) -> Report:
    """A report of these experiments."""
    around = (("MariaDB", "11.8.3"), ("Galera", "26.4"), ("Processors", "2"))
    return Report(
        "shop",
        3,
        "0.1.0",
        "2026-11-21T12:00:00Z",
        2400.0,
        "outlast prove -f shop/site.yaml --trials 12",
        around,
        proofs,
    )


def everything() -> Report:
    """Six experiments: one not proved (a write is lost, one trial was too long), one unknown."""
    names = list(EXPERIMENTS)
    proofs = [proof(name, 40 if index == 0 else 12) for index, name in enumerate(names)]
    lost = Verdict("lost", INVALID, "1 of 1203 acknowledged writes lost", ("app-1/rows append w-17 at 1.250: ok",))
    bad = [*proofs[3].trials[:-1], trial(12, 2.7, lost=1, errors=4, verdicts=(lost,))]
    silent = Verdict("agree", UNKNOWN, "east-galera-3 could not be asked")
    open_ = [*proofs[5].trials[:-1], trial(12, None, redundant=None, lost=None, verdicts=(silent,))]
    proofs[3] = judged(proofs[3].experiment, bad)
    proofs[5] = judged(replace(proofs[5].experiment, objective=Objective(5.0)), open_)
    return report(*proofs)

"""A report as a Markdown table, for a README."""

from __future__ import annotations

from outlast.proof.experiment import Report
from outlast.proof.report.figures import figures
from outlast.proof.report.wording import MARK, WORD, number, objective, seconds

HEADER = ("Failure", "Trials", "Objective", "Outage p50", "p95", "Longest", "Errors", "Lost", "Redundant again p50", "")
ALIGN = ("---", "--:", "---", "--:", "--:", "--:", "--:", "--:", "--:", "---")


def markdown(report: Report) -> str:
    """One row for each experiment."""
    rows: list[tuple[str, ...]] = [HEADER, ALIGN]
    for proof in report.proofs:
        found = figures(proof.trials)
        rows.append(
            (
                _plain(proof.experiment.summary),
                str(found.trials),
                objective(proof.experiment.objective),
                seconds(found.p50),
                seconds(found.p95),
                seconds(found.longest),
                number(found.errors),
                number(found.lost),
                seconds(found.redundant),
                f"{MARK[proof.judgement]} {WORD[proof.judgement]}",
            )
        )
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _plain(text: str) -> str:
    """Text that cannot end its cell, start a tag or mark anything up."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace("\n", " ")
    return "".join(f"\\{character}" if character in r"\|`*_[]" else character for character in escaped)

"""Findings as text, and the cases that are kept beside their expected findings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from outlast.kernel.errors import Finding, Invalid
from outlast.site.load import load
from tests.site.models import SECTIONS

CASES = Path(__file__).parent / "cases"


def findings(text: str) -> tuple[Finding, ...]:
    """What is wrong with a site file; nothing when it loads."""
    try:
        load(text, "site.yaml", SECTIONS)
    except Invalid as invalid:
        return invalid.findings
    return ()


def rendered(found: Sequence[Finding]) -> str:
    """Findings as the expected files hold them."""
    lines = [f"{f.where}: {f.what}\n  why: {f.why}\n  fix: {f.fix}\n" for f in found]
    return "".join(lines)


def actual(case: str) -> str:
    """The findings of one case."""
    return rendered(findings((CASES / f"{case}.yaml").read_text(encoding="utf-8")))


if __name__ == "__main__":
    # Writes the expected files anew: read the difference before you commit it.
    for path in CASES.glob("*.yaml"):
        path.with_suffix(".txt").write_text(actual(path.stem), encoding="utf-8")

"""One thing that was looked at before anything is touched, and what was found wrong with it."""

from __future__ import annotations

from dataclasses import dataclass

from outlast.kernel.errors import Finding, failing


@dataclass(frozen=True, slots=True)
class Check:
    """`subject` was looked at for what `about` says; no finding: all of it is well."""

    subject: str
    about: str
    findings: tuple[Finding, ...] = ()

    @property
    def passed(self) -> bool:
        """Nothing stands in the way; there may be warnings."""
        return not failing(self.findings)

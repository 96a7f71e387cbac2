"""What went wrong, in values: findings, and the few exceptions that carry them.

    OutlastError            exit code 1: something failed; the same command resumes
    ├── Invalid             exit code 2: usage, or an invalid site file
    ├── Unreachable         a machine gave no answer: neither healthy nor dead
    └── Negative            exit code 3: a verdict was reached, and it is "no"

A finding always says where, what, why and how to fix it. They are collected and raised together, never
first-only. This module must never print.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding matters: an error stops the command, the others do not."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong or worth knowing.

    `where` is `file:line:column`, a machine, a member or a command; `evidence` holds verbatim lines,
    such as the last log lines of a failing app.
    """

    where: str
    what: str
    why: str
    fix: str
    severity: Severity = Severity.ERROR
    evidence: tuple[str, ...] = ()


class OutlastError(Exception):
    """Something failed. Carries every finding that is known, not only the first."""

    exit_code = 1

    def __init__(self, *findings: Finding) -> None:
        super().__init__("; ".join(f"{finding.where}: {finding.what}" for finding in findings))
        self.findings = findings


class Invalid(OutlastError):
    """The command line or the site file cannot be used as it is."""

    exit_code = 2


class Unreachable(OutlastError):
    """A machine did not answer in time. This says nothing about its health."""


class Negative(OutlastError):
    """A question was answered, and the answer is no: unhealthy, or not proved."""

    exit_code = 3


def failing(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Only the findings that must stop a command."""
    return tuple(finding for finding in findings if finding.severity is Severity.ERROR)

"""The word that no fault may begin, kept beside the site; each machine keeps one too (see `piece`)."""

from __future__ import annotations

from pathlib import Path

from outlast.kernel.errors import Finding, OutlastError

NAME = "chaos-off"


def put(state: Path) -> None:
    """Refuse faults from now on."""
    (state / NAME).touch()


def lift(state: Path) -> None:
    """Refuse them no more."""
    (state / NAME).unlink(missing_ok=True)


def refuse(state: Path) -> None:
    """Raises `OutlastError` when faults are refused."""
    if (state / NAME).exists():
        raise OutlastError(is_off("this site"))


def is_off(where: str) -> Finding:
    """Why a fault did not begin."""
    return Finding(where, "it takes no faults", "somebody ran `outlast chaos off`", "run `outlast chaos on`")

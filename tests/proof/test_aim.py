"""Who is hit follows from who is primary at that moment."""

from __future__ import annotations

import pytest

from outlast.contract.probe import Health
from outlast.kernel.errors import OutlastError
from outlast.proof.aim import aimed
from outlast.proof.experiment import Aim, Role
from outlast.status import MemberStatus, Redundancy, ServiceStatus, Status


def status(primary: str | None) -> Status:
    members = tuple(
        MemberStatus(f"db-{number}", "galera", "database", f"m-{number}", Health.HEALTHY, "", "well")
        for number in (1, 2, 3)
    )
    service = ServiceStatus("database", "east", True, primary, Redundancy(3, 3), "")
    return Status("shop", 1, True, (), (), members, (service,), ())


@pytest.mark.parametrize(
    ("role", "number", "names"),
    [
        (Role.PRIMARY, 0, ("db-2",)),
        (Role.PRIMARY, 7, ("db-2",)),
        (Role.OTHER, 0, ("db-1",)),
        (Role.OTHER, 1, ("db-3",)),
        (Role.OTHER, 2, ("db-1",)),
        (Role.OTHERS, 0, ("db-1", "db-3")),
        (Role.ANY, 1, ("db-2",)),
        (Role.ANY, 5, ("db-3",)),
        (Role.ALL, 0, ("db-1", "db-2", "db-3")),
    ],
)
def test_roles(role: Role, number: int, names: tuple[str, ...]) -> None:
    assert aimed(Aim("database", role), status("db-2"), number) == names
    machines = tuple(name.replace("db", "m") for name in names)
    assert aimed(Aim("database", role, machines=True), status("db-2"), number) == machines


@pytest.mark.parametrize("role", [Role.PRIMARY, Role.OTHER, Role.OTHERS])
def test_without_a_primary_nobody_is_taken_for_it(role: Role) -> None:
    with pytest.raises(OutlastError):
        aimed(Aim("database", role), status(None), 0)


def test_a_service_that_is_not_there() -> None:
    with pytest.raises(OutlastError):
        aimed(Aim("cache", Role.ANY), status("db-2"), 0)

"""Who an experiment hits, as the site is at that moment. Pure."""

from __future__ import annotations

from outlast.kernel.errors import Finding, OutlastError
from outlast.proof.experiment import Aim, Role
from outlast.status import MemberStatus, Status


def aimed(aim: Aim, status: Status, number: int) -> tuple[str, ...]:
    """Names of members or machines; `number` counts the trials from 0. Raises `OutlastError` when there are none."""
    members = [member for member in status.members if member.service == aim.service]
    chosen = _chosen(members, aim.role, _primary(status, aim.service), number)
    if not chosen:
        why = f"no member of {aim.service} is its {aim.role} now"
        fix = "see `outlast status`: the site must be healthy before it is broken"
        raise OutlastError(Finding(aim.service, "nobody can be hit", why, fix))
    return tuple(dict.fromkeys(member.machine if aim.machines else member.name for member in chosen))


def _primary(status: Status, service: str) -> str | None:
    return next((held.primary for held in status.services if held.name == service), None)


def _chosen(members: list[MemberStatus], role: Role, primary: str | None, number: int) -> list[MemberStatus]:
    others = [member for member in members if member.name != primary]
    match role:
        case Role.ALL:
            return members
        case Role.PRIMARY:
            return [member for member in members if member.name == primary]
        case Role.OTHERS:
            return others if primary else []
        case Role.OTHER:
            return [others[number % len(others)]] if others and primary else []
        case Role.ANY:
            return [members[number % len(members)]] if members else []

"""Reads what the probe program on the machine printed: where one member of the database stands."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, cast

from outlast.contract.probe import Health, Output, Report

SYNCED, DONOR = "4", "2"
# Lines of /proc/net/tcp: `sl local_address rem_address st`, addresses as hexadecimal, state 01 is ESTABLISHED.
ARBITER_SCRIPT = """
port=$(printf %04X "$1")
links=$(awk -v port="$port" '$4 == "01" && ($2 ~ ":" port "$" || $3 ~ ":" port "$")' /proc/net/tcp | wc -l)
state=$(systemctl show outlast-galera-arbiter.service --property ActiveState --value)
printf '{"arbiter": {"state": "%s", "links": %s}}\\n' "$state" "$links"
"""


@dataclass(frozen=True, slots=True)
class Position:
    """The last transaction that a member has committed. Sequence numbers compare within one history (`uuid`) only."""

    uuid: str
    seqno: int


@dataclass(frozen=True, slots=True)
class MemberState:
    """What the steward must know of one member.

    `holds` is `nothing`, `data` or `incomplete` (a copy that never was finished). `position` None: `unknown_because`
    says why, or there is none to know. `alone` is for how many seconds it has been alive without a primary component,
    None when it is not alive. `accounts` names what its machine wants; `accounts_outdated` is None while nobody knows.
    """

    arbiter: bool = False
    answers: bool = False
    primary: bool = False
    synced: bool = False
    bootstrapping: bool = False
    holds: str = "nothing"
    position: Position | None = None
    unknown_because: str = ""
    alone: float | None = None
    accounts: str = ""
    accounts_outdated: bool | None = None


def probe(group_port: int) -> tuple[str, ...]:
    """argv for the arbiter: whether garbd runs, and to how many members it has a connection."""
    return ("sh", "-c", ARBITER_SCRIPT, "probe", str(group_port))


def parse(output: Output) -> Report[MemberState]:
    """Healthy when the member is synced with a primary component; what cannot be read is unknown, never dead."""
    if output.returncode != 0:
        lines = output.stderr.strip().splitlines()
        late = output.returncode == 124
        return Report(Health.UNKNOWN, "the probe did not end in time" if late else f"the probe failed: {lines[-1:]}")
    facts = cast(dict[str, Any], json.loads(output.stdout))
    return _arbiter(facts["arbiter"]) if "arbiter" in facts else _member(facts)


def _arbiter(facts: dict[str, Any]) -> Report[MemberState]:
    state = MemberState(arbiter=True)
    if facts["state"] != "active":
        return Report(Health.UNHEALTHY, f"the arbiter is {facts['state']}", role="arbiter", state=state)
    if not facts["links"]:
        return Report(Health.UNHEALTHY, "the arbiter reaches no member", role="arbiter", state=state)
    return Report(Health.HEALTHY, f"votes, connected to {facts['links']} members", role="arbiter", state=state)


def _member(facts: dict[str, Any]) -> Report[MemberState]:
    status = cast(dict[str, str], facts["status"] or {})
    primary = status.get("wsrep_cluster_status") == "Primary"
    serves = primary and status.get("wsrep_ready") == "ON" and status.get("wsrep_local_state") in (SYNCED, DONOR)
    accounts = facts["accounts"]
    state = MemberState(
        answers=facts["status"] is not None,
        primary=primary,
        synced=serves,
        bootstrapping=facts["bootstrapping"],
        holds=facts["holds"],
        position=_position(facts["position"]),
        unknown_because=facts["position_unknown"],
        alone=facts["without_primary"],
        accounts=accounts["wanted"],
        accounts_outdated=None if accounts["applied"] is None else accounts["applied"] != accounts["wanted"],
    )
    role = "donor" if status.get("wsrep_local_state") == DONOR else "" if serves else "joiner" if primary else ""
    if serves:
        size, doing = status.get("wsrep_cluster_size", "?"), ", copies the database to another one" if role else ""
        return Report(Health.HEALTHY, f"synced, one of {size} voting members{doing}", role=role, state=state)
    return Report(Health.UNHEALTHY, _trouble(facts, status, primary), role=role, state=state)


def _position(text: str | None) -> Position | None:
    if text is None:
        return None
    uuid, _, seqno = text.rpartition(":")
    return Position(uuid, int(seqno))


def _trouble(facts: dict[str, Any], status: dict[str, str], primary: bool) -> str:
    if primary:
        return f"in the primary component, not synced yet ({status.get('wsrep_local_state_comment')})"
    if status:
        return f"answers, but is not in a primary component ({status.get('wsrep_cluster_status')})"
    if not facts["alive"]:
        return "MariaDB does not run"
    if facts["bootstrapping"]:
        return "MariaDB starts a new cluster"
    return f"MariaDB runs and does not serve: it waits for a primary component or copies the data ({facts['error']})"

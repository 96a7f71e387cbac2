"""Asks one etcd member for its state, and whether a majority stands behind it."""

from __future__ import annotations

import json
from typing import Any, cast

from outlast.contract.identity import AUTHORITY, Identity
from outlast.contract.probe import Health, Output, Report

# `endpoint status` is answered by the member alone; `endpoint health` reads through the majority. Both always end
# within the command time-out, and their exit status is not needed: an empty answer says the same.
SCRIPT = """
export ETCDCTL_API=3
ask() {
    etcdctl --command-timeout=1500ms --dial-timeout=1s --write-out json "$@" 2>/dev/null
}
ask "$@" endpoint status || echo
ask "$@" endpoint health || true
"""


def probe(address: str, own: Identity) -> tuple[str, ...]:
    """argv: two lines of JSON, for the member itself and for its majority."""
    return ("sh", "-c", SCRIPT, "probe", f"--endpoints={address}", *credentials(own))


def credentials(own: Identity) -> tuple[str, ...]:
    """The options by which etcdctl shows who it is, and knows whom it talks to."""
    return (f"--cacert={AUTHORITY}", f"--cert={own.path}", f"--key={own.key_path}")


def parse(output: Output) -> Report[None]:
    """Healthy when the member answers and a majority agrees to a read."""
    if output.returncode == 124:
        return Report(Health.UNKNOWN, "the probe did not end in time")
    status = _first(output.stdout, "Status")
    if status is None:
        return Report(Health.UNHEALTHY, "etcd does not answer on this machine")
    inner = cast(dict[str, Any], status["Status"])
    leader, own = inner.get("leader", 0), cast(dict[str, Any], inner["header"])["member_id"]
    role = "leader" if leader == own else "follower"
    health = _first(output.stdout, "health")
    if not leader:
        return Report(Health.UNHEALTHY, "answers, but there is no leader: a majority of members is missing", role="")
    if health is None or not health["health"]:
        error = f": {health['error']}" if health and health.get("error") else ""
        return Report(Health.UNHEALTHY, f"answers, but no majority agrees to a read{error}", role=role)
    return Report(Health.HEALTHY, f"{role}, and a majority agrees to a read in {_took(health['took'])}", role=role)


def _took(text: str) -> str:
    """Go's notation of a duration (`2.78041ms`), without the digits that nobody reads; other units as they are."""
    number, unit = text.removesuffix("ms"), text.endswith("ms")
    return f"{max(1, round(float(number)))} ms" if unit else text


def _first(text: str, field: str) -> dict[str, Any] | None:
    """The first object of the JSON list, among the lines of `text`, whose objects have `field`."""
    for line in text.splitlines():
        if not line.startswith("["):
            continue
        entries = cast(list[dict[str, Any]], json.loads(line))
        if entries and field in entries[0]:
            return entries[0]
    return None

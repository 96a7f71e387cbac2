"""Asks one machine which of the floating addresses it holds, and systemd whether keepalived runs."""

from __future__ import annotations

import json
from typing import Any, cast

from outlast.components.keepalived.options import AddressOptions
from outlast.contract.probe import Health, Output, Report
from outlast.contract.view import NodeView

# The floating addresses come first: the parser must know which of the machine's addresses are meant.
SCRIPT = """
echo "$1"
systemctl show outlast-keepalived.service --property ActiveState --value
exec ip -4 -json address show
"""


def probe(view: NodeView[AddressOptions]) -> tuple[str, ...]:
    """argv: the floating addresses, the state of the service, the machine's addresses as JSON."""
    return ("sh", "-c", SCRIPT, "probe", " ".join(floating.address for floating in view.floating))


def parse(output: Output) -> Report[None]:
    """Healthy when keepalived runs; `holds` are the floating addresses on this machine, whatever runs."""
    if output.returncode != 0:
        late = output.returncode == 124
        return Report(
            Health.UNKNOWN, "the probe did not end in time" if late else f"the probe failed: {output.stderr.strip()}"
        )
    wanted, state, interfaces = output.stdout.split("\n", 2)
    here = _addresses(interfaces)
    holds = tuple(address for address in wanted.split() if address in here)
    role = f"holds {', '.join(holds)}" if holds else "standby"
    if state == "active":
        return Report(Health.HEALTHY, f"runs and {role}" if holds else "runs, standing by", role=role, holds=holds)
    left = ", yet the machine still has its address" if holds else ""
    return Report(Health.UNHEALTHY, f"keepalived is {state}{left}", role=role, holds=holds)


def _addresses(interfaces: str) -> set[str]:
    """Every IPv4 address in the output of `ip -json address`."""
    listed = cast(list[dict[str, Any]], json.loads(interfaces))
    return {str(entry["local"]) for interface in listed for entry in interface.get("addr_info", []) if "local" in entry}

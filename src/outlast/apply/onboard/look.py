"""A look at the machine: how its services are, and what its members' probes say of them. Changes nothing."""

# pyright: basic

import os
import time

from outlast.apply.onboard.probes import begin, finish
from outlast.apply.onboard.services import pending, unit_states


def observe(request, ledger):
    """The state of services and what probes print, all probes at once, each within `limit` seconds."""
    deadline = time.monotonic() + request["limit"]
    started = {member: begin(argv) for member, argv in request["probes"].items() if argv}
    enabled = [service for service in request["services"] if service["enabled"]]
    states = unit_states([service["name"] for service in enabled])
    services = {s["name"]: {**states[s["name"]], "pending": pending(s, states[s["name"]], ledger)} for s in enabled}
    probes = {member: finish(process, deadline) for member, process in started.items()}
    return {
        "generation": ledger["generation"],
        "services": services,
        "probes": probes,
        "once": sorted(ledger["once"]),
        "load": os.getloadavg()[0],
    }

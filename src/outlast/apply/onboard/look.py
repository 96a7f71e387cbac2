"""A look at the machine: how its services are, and what its members' probes say of them. Changes nothing."""

# pyright: basic

import contextlib
import os
import pathlib
import subprocess
import time

from outlast.apply.onboard.services import pending, unit_states

NICE = 4


def observe(request, ledger):
    """The state of services and what probes print, all probes at once, each within `limit` seconds."""
    deadline = time.monotonic() + request["limit"]
    started = {
        member: subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for member, argv in request["probes"].items()
        if argv
    }
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


def finish(process, deadline):
    try:
        stdout, stderr = process.communicate(timeout=max(0.05, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return {"returncode": 124, "stdout": "", "stderr": "no answer in time"}
    return {"returncode": process.returncode, "stdout": stdout, "stderr": stderr}


def yield_to_customers():
    """To be looked at must not be felt: this, and the probes that it starts, come after all others."""
    os.nice(NICE)
    # Where sessions share the processor by session, a nice value counts only within its own.
    with contextlib.suppress(OSError):
        pathlib.Path("/proc/self/autogroup").write_text(f"{NICE}\n", "utf-8")

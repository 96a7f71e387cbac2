"""Reads what a controller said of itself last, and how long ago that was by the machine's own monotonic clock."""

from __future__ import annotations

from pydantic import ValidationError

from outlast.contract.controller import CONDITION, SAID_EVERY, Condition, Duty
from outlast.contract.probe import Health, Output, Report

# A busy machine makes everybody late, and a controller first.
STALE = 10 * SAID_EVERY
SCRIPT = f"""
systemctl show outlast-controller.service --property ActiveState --value
cat {CONDITION} 2>/dev/null
echo
exec python3 -ISc 'import time; print(time.monotonic())'
"""
PROBE = ("sh", "-c", SCRIPT)


def parse(output: Output) -> Report[None]:
    """Healthy when it runs and spoke a moment ago, whatever its role: whoever waits is ready too."""
    if output.returncode != 0:
        late = output.returncode == 124
        why = "the probe did not end in time" if late else f"the probe failed: {output.stderr.strip()}"
        return Report(Health.UNKNOWN, why)
    state, _, rest = output.stdout.partition("\n")
    said, _, clock = rest.strip().rpartition("\n")
    if state != "active":
        return Report(Health.UNHEALTHY, f"the controller is {state or 'not known to systemd'}")
    if not said.strip():
        return Report(Health.UNHEALTHY, "runs, and said nothing yet")
    try:
        condition, now = Condition.model_validate_json(said), float(clock)
    except (ValidationError, ValueError):
        return Report(Health.UNKNOWN, "the probe printed something else than what a controller says")
    if now - condition.at > STALE:
        return Report(Health.UNHEALTHY, f"runs, and said nothing for {now - condition.at:.0f} s")
    return Report(Health.HEALTHY, _because(condition, now), role=condition.role)


def _because(condition: Condition, now: float) -> str:
    since = f"{max(0.0, now - condition.since):.0f} s"
    match condition.role:
        case Duty.LEADER:
            said = f"has led for {since} (tenure {condition.tenure})"
        case Duty.STANDBY:
            said = f"has stood by for {since}"
        case Duty.WAITING:
            said = "waits until `outlast up` hands the site over"
    doing = f": {condition.doing}" if condition.doing else ""
    waiting = f"; waits for {', '.join(condition.waiting_on)}" if condition.waiting_on else ""
    return f"{said}{doing}{waiting}"

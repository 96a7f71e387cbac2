"""Asks one app for its health path, and systemd for the state of its service."""

from __future__ import annotations

from outlast.components.app.options import AppOptions
from outlast.contract.probe import Health, Output, Report
from outlast.contract.slot import Slot, in_slot
from outlast.contract.view import NodeView

PROPERTIES = "ActiveState,SubState,NRestarts,ExecMainCode,ExecMainStatus"
# curl prints its line even when it fails; the state of the service tells why.
SCRIPT = """
curl --silent --output /dev/null --max-time 3 --noproxy '*' --header "Host: $2" \\
  --write-out 'path=%{url.path}\\nstatus=%{http_code}\\nseconds=%{time_total}\\n' "$1"
echo "curl=$?"
exec systemctl show "$3" --property "$4"
"""
# Values of ExecMainCode, from <signal.h>: how the main process ended.
EXITED = "1"


def service_name(service: str, slot: Slot) -> str:
    """The systemd service of an app in one slot."""
    return f"outlast-app-{service}-{slot}.service"


def probe(view: NodeView[AppOptions]) -> tuple[str, ...]:
    """argv: one GET of the health path with a limit of 3 seconds, and the state of the service."""
    url = f"http://{view.address}:{view.port(in_slot('http-backend', view.slot))}{view.options.health}"
    return ("sh", "-c", SCRIPT, "probe", url, view.domain, service_name(view.service, view.slot), PROPERTIES)


def parse(output: Output) -> Report[None]:
    """Healthy when the health path answers 2xx or 3xx."""
    facts = dict(line.split("=", 1) for line in output.stdout.splitlines() if "=" in line)
    if output.returncode == 124 or "status" not in facts:
        return Report(Health.UNKNOWN, "the probe did not end in time" if output.returncode == 124 else _odd(output))
    status, path = facts["status"], facts.get("path", "")
    if status.startswith(("2", "3")):
        milliseconds = max(1, round(float(facts["seconds"]) * 1000))
        return Report(Health.HEALTHY, f"answers {status} on {path} in {milliseconds} ms")
    if status != "000":
        return Report(Health.UNHEALTHY, f"answers {status} on {path}")
    return Report(Health.UNHEALTHY, _dead(facts, path))


def _dead(facts: dict[str, str], path: str) -> str:
    """Why nothing answered."""
    restarts = int(facts.get("NRestarts") or 0)
    again = f", restarted {restarts} {'time' if restarts == 1 else 'times'}" if restarts else ""
    if facts.get("SubState") == "running":
        # curl's exit status 28: it ran out of time.
        silent = facts.get("curl") == "28"
        return f"runs, but {f'does not answer on {path} within 3 s' if silent else 'refuses connections'}{again}"
    if facts.get("ExecMainCode", "0") == "0":
        return f"is {facts.get('ActiveState', 'not there')}{again}"
    how = "exited with status" if facts["ExecMainCode"] == EXITED else "was ended by signal"
    return f"{how} {facts.get('ExecMainStatus', '')}{again}"


def _odd(output: Output) -> str:
    lines = output.stderr.strip().splitlines()
    return f"the probe failed: {lines[-1] if lines else f'status {output.returncode}'}"

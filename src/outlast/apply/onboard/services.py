"""Services and jobs of systemd: what each needs since its files changed, and its doing."""

# pyright: basic

import contextlib
import hashlib
import pathlib
import subprocess
import time

from outlast.apply.onboard.ledger import check_generation, check_lease, write_ledger

UNITS = pathlib.Path("/etc/systemd/system")
WANTS = UNITS / "multi-user.target.wants"
LOG_LINES = 25


def activate(request, ledger):
    """Start, restart or reload each service as its inputs ask for; `force` is one of start, restart, stop."""
    check_generation(request, ledger)
    check_lease(request)
    done = {}
    for service in request["services"]:
        name = service["name"]
        state = unit_states([name])[name]
        verb = request["force"] or pending(service, state, ledger)
        # systemd takes the start of what runs for done; noting it would forget that older files are in use.
        if verb == "none" or (verb == "start" and state["ActiveState"] in ("active", "reloading")):
            done[name] = {"did": "none"}
            continue
        if verb in ("restart", "start"):
            systemctl("reset-failed", name)
        if request["behind"] and verb == "start":
            folder = pathlib.Path(request["behind"])
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).touch()
        failed = systemctl(verb, name)
        if failed:
            done[name] = {"did": verb, "failed": failed, "log": journal(name)}
            break
        if verb != "stop":
            ledger["services"][name] = {**keys(service), "since": int(time.time())}
            write_ledger(ledger)
        done[name] = {"did": verb}
    return {"services": done}


def once(request, ledger):
    """Run a one-shot service unless its key is recorded; record it when it succeeded."""
    check_generation(request, ledger)
    check_lease(request)
    if request["key"] in ledger["once"]:
        return {"did": "none"}
    if not request["recorded"]:
        systemctl("reset-failed", request["service"])
        failed = systemctl("start", request["service"])
        if failed:
            return {"did": "start", "failed": failed, "log": journal(request["service"])}
    ledger["once"][request["key"]] = int(time.time())
    write_ledger(ledger)
    return {"did": "none" if request["recorded"] else "start"}


def pending(service, state, ledger, changing=()):
    """What the service needs: start, restart, reload or none. `changing`: files that a dry run would write."""
    if state["ActiveState"] not in ("active", "activating", "reloading"):
        return "start"
    known, now = ledger["services"].get(service["name"], {}), keys(service)
    unit = str(UNITS / service["name"])
    if known.get("restart") != now["restart"] or {unit, *service["restart_on"]} & set(changing):
        return "restart"
    if known.get("reload") != now["reload"] or set(service["reload_on"]) & set(changing):
        return "reload"
    return "none"


def keys(service):
    """Digests of what a service read when it was last started, and when it was last reloaded."""
    return {
        "restart": digest([str(UNITS / service["name"]), *service["restart_on"]]),
        "reload": digest(service["reload_on"]),
    }


def digest(paths):
    total = hashlib.sha256()
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            total.update(hashlib.sha256(pathlib.Path(path).read_bytes()).digest())
    return total.hexdigest()[:16]


def enable(service, enabled):
    link = WANTS / service
    if enabled and not link.is_symlink():
        WANTS.mkdir(exist_ok=True)
        link.symlink_to(UNITS / service)
    elif not enabled:
        link.unlink(missing_ok=True)


def unit_states(names):
    """What systemd says of each service, in one call: {name: {property: text}}."""
    wanted = ("ActiveState", "SubState", "NRestarts", "ExecMainStatus", "Result", "NeedDaemonReload")
    if not names:
        return {}
    command = ["systemctl", "show", *names, "--property", ",".join(wanted)]
    blocks = subprocess.run(command, capture_output=True, text=True, timeout=20).stdout.split("\n\n")
    found = [dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in blocks]
    return {name: {key: block.get(key, "") for key in wanted} for name, block in zip(names, found, strict=True)}


def outdated(states):
    """Whether systemd still goes by an older text of any of these units."""
    return any(state["NeedDaemonReload"] == "yes" for state in states.values())


def systemctl(verb, *names):
    """Empty when it worked, otherwise what systemctl said."""
    done = subprocess.run(["systemctl", verb, *names], capture_output=True, text=True, timeout=600)
    return "" if done.returncode == 0 else (done.stderr.strip() or f"systemctl {verb} exited with {done.returncode}")


def journal(service):
    command = ["journalctl", "--unit", service, "--lines", str(LOG_LINES), "--output", "cat", "--no-pager"]
    return subprocess.run(command, capture_output=True, text=True, timeout=20).stdout.splitlines()

"""Runs ON the machine: puts a bundle in place, activates services, observes. Standard library only, Python 3.11+.

It is sent over SSH with each request (`python3 - ` and one JSON document on standard input) and answers one
JSON document, so machine and tool can never be of different versions. It must never do what it was not told:
which service when is decided by the sender; it only knows what a change of which file means for a service.

Its ledger, /var/lib/outlast/ledger.json, names the generation and every file and service that Outlast put
here; an older generation is refused. The ledger is written before a file is removed and after a service was
started, so a death at any instant leaves work to be done again, never work forgotten.
"""

# pyright: basic
# Everything here comes from one JSON document and goes into one: the types stand on the sender's side, in `facts`.

import contextlib
import fcntl
import grp
import hashlib
import json
import os
import pathlib
import pwd
import subprocess
import sys
import time

ROOT = pathlib.Path("/var/lib/outlast")
LEDGER = ROOT / "ledger.json"
UNITS = pathlib.Path("/etc/systemd/system")
WANTS = UNITS / "multi-user.target.wants"
LOG_LINES = 25


class RefusedError(Exception):
    """The request must not be carried out; the text says why."""


def main():
    request = json.load(sys.stdin)
    verbs = {"land": land, "activate": activate, "observe": observe, "once": once, "sweep": sweep}
    try:
        with locked(exclusive=request["verb"] != "observe"):
            answer = verbs[request["verb"]](request, read_ledger())
    except RefusedError as refusal:
        answer = {"refused": str(refusal)}
    json.dump(answer, sys.stdout)


# -- land: files ------------------------------------------------------------------------------------------------


def land(request, ledger):
    """Make every file as told. `dry`: only say what differs. Services are left alone.

    While a release is missing nothing is written: it must be brought first.
    Where nothing differs and nothing is pending, the answer holds an observation too: the sender may be done then.
    """
    check_generation(request, ledger)
    dry = request["dry"]
    files = request["files"] + [
        {"path": str(UNITS / s["name"]), "content": s["unit"], "mode": 0o644, "owner": "root", "group": "root"}
        for s in request["services"]
    ]
    changed = [file["path"] for file in files if differs(file)]
    missing = [a for a in request["artifacts"] if not pathlib.Path(a["path"]).is_dir()]
    if missing and not dry:
        # Units that name a release which is not here would fail at their next start: what runs now stays as it is.
        return {"changed": [], "artifacts": missing, "pending": {}, "leftovers": {"services": [], "files": []}}
    if not dry:
        before = json.dumps(ledger)
        ledger.update(site=request["site"], generation=request["generation"])
        ledger["files"] = sorted({*ledger["files"], *(file["path"] for file in files)})
        for service in request["services"]:
            ledger["services"].setdefault(service["name"], {})
        if json.dumps(ledger) != before:
            write_ledger(ledger)
        for file in files:
            if file["path"] in changed:
                write(file)
        # Also when a landing before this one died between writing a unit and telling systemd.
        if any(path.startswith(f"{UNITS}/") for path in changed) or outdated(request["services"]):
            systemctl("daemon-reload")
        for service in request["services"]:
            enable(service["name"], service["enabled"])
    enabled = [service for service in request["services"] if service["enabled"]]
    states = unit_states([service["name"] for service in enabled])
    needs = {s["name"]: pending(s, states[s["name"]], ledger, changed) for s in enabled}
    left = leftovers(request, ledger)
    clean = not (changed or missing or any(left.values())) and set(needs.values()) <= {"none"}
    return {
        "changed": changed,
        "artifacts": missing,
        "pending": needs,
        "leftovers": left,
        "observed": observe(request, ledger) if clean and not dry else None,
    }


def differs(file):
    try:
        status = pathlib.Path(file["path"]).lstat()
        content = pathlib.Path(file["path"]).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return True
    # An owner that does not exist yet comes with a package: then the file cannot be right.
    owned = status.st_uid == uid(file["owner"]) and status.st_gid == gid(file["group"])
    return content != file["content"].encode() or status.st_mode & 0o7777 != file["mode"] or not owned


def write(file):
    path = pathlib.Path(file["path"])
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.outlast")
    # Never readable by others, not even for an instant: it may hold a secret.
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as handle:
        handle.write(file["content"].encode())
        os.fchmod(handle.fileno(), file["mode"])
        os.fchown(handle.fileno(), uid(file["owner"]), gid(file["group"]))
        if path == LEDGER:
            handle.flush()
            os.fsync(handle.fileno())
    # No fsync but for the ledger: after a power loss the next request compares the content itself, so nothing of
    # it is believed.
    temporary.replace(path)


def enable(service, enabled):
    link = WANTS / service
    if enabled and not link.is_symlink():
        WANTS.mkdir(exist_ok=True)
        link.symlink_to(UNITS / service)
    elif not enabled:
        link.unlink(missing_ok=True)


# -- activate: services -----------------------------------------------------------------------------------------


def activate(request, ledger):
    """Start, restart or reload each service as its inputs ask for; `verb` forces one of start, restart, stop."""
    check_generation(request, ledger)
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
        failed = systemctl(verb, name)
        if failed:
            done[name] = {"did": verb, "failed": failed, "log": journal(name)}
            break
        if verb != "stop":
            ledger["services"][name] = {**keys(service), "since": int(time.time())}
            write_ledger(ledger)
        done[name] = {"did": verb}
    return {"services": done}


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


def once(request, ledger):
    """Run a one-shot service unless its key is recorded; record it when it succeeded."""
    check_generation(request, ledger)
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


# -- observe: facts ---------------------------------------------------------------------------------------------


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


def unit_states(names):
    """What systemd says of each service, in one call: {name: {property: text}}."""
    wanted = ("ActiveState", "SubState", "NRestarts", "ExecMainStatus", "Result", "NeedDaemonReload")
    if not names:
        return {}
    command = ["systemctl", "show", *names, "--property", ",".join(wanted)]
    blocks = subprocess.run(command, capture_output=True, text=True, timeout=20).stdout.split("\n\n")
    found = [dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in blocks]
    return {name: {key: block.get(key, "") for key in wanted} for name, block in zip(names, found, strict=True)}


def outdated(services):
    """Whether systemd still goes by an older text of any of these units."""
    return any(state["NeedDaemonReload"] == "yes" for state in unit_states([s["name"] for s in services]).values())


# -- sweep: what the site no longer asks for --------------------------------------------------------------------


def sweep(request, ledger):
    """Stop and remove services and files of the ledger that the request does not keep."""
    check_generation(request, ledger)
    gone = leftovers(request, ledger)
    for name in gone["services"]:
        systemctl("stop", name)
        enable(name, enabled=False)
        (UNITS / name).unlink(missing_ok=True)
    for path in gone["files"]:
        pathlib.Path(path).unlink(missing_ok=True)
    if gone["services"]:
        systemctl("daemon-reload")
    for name in gone["services"]:
        del ledger["services"][name]
    ledger["files"] = [path for path in ledger["files"] if path not in gone["files"]]
    write_ledger(ledger)
    return gone


def leftovers(request, ledger):
    kept_services = {s["name"] for s in request["services"]}
    kept_files = {f["path"] for f in request["files"]} | {str(UNITS / name) for name in kept_services}
    return {
        "services": sorted(set(ledger["services"]) - kept_services),
        "files": sorted(set(ledger["files"]) - kept_files),
    }


# -- the ledger and small helpers -------------------------------------------------------------------------------


def check_generation(request, ledger):
    if ledger["site"] not in ("", request["site"]):
        raise RefusedError(f"this machine belongs to the site {ledger['site']}")
    if request["generation"] < ledger["generation"]:
        older = f"generation {request['generation']} is older than {ledger['generation']}"
        raise RefusedError(f"{older}, which is here already")


def read_ledger():
    fresh = {"site": "", "generation": 0, "files": [], "services": {}, "once": {}}
    try:
        return {**fresh, **json.loads(LEDGER.read_text("utf-8"))}
    except FileNotFoundError:
        return fresh


def write_ledger(ledger):
    write(
        {"path": str(LEDGER), "content": json.dumps(ledger, indent=1), "mode": 0o600, "owner": "root", "group": "root"}
    )


@contextlib.contextmanager
def locked(exclusive):
    ROOT.mkdir(parents=True, exist_ok=True)
    with (ROOT / "lock").open("w") as handle:
        if exclusive:
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def systemctl(verb, *names):
    """Empty when it worked, otherwise what systemctl said."""
    done = subprocess.run(["systemctl", verb, *names], capture_output=True, text=True, timeout=600)
    return "" if done.returncode == 0 else (done.stderr.strip() or f"systemctl {verb} exited with {done.returncode}")


def journal(service):
    command = ["journalctl", "--unit", service, "--lines", str(LOG_LINES), "--output", "cat", "--no-pager"]
    return subprocess.run(command, capture_output=True, text=True, timeout=20).stdout.splitlines()


def uid(name):
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(name).pw_uid
    return -1


def gid(name):
    with contextlib.suppress(KeyError):
        return grp.getgrnam(name).gr_gid
    return -1


main()

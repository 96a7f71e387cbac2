"""Runs ON the machine: puts a bundle in place, activates services, observes. Standard library only, Python 3.11+.

It is sent over SSH with each request (`python3 - ` and one JSON document on standard input) and answers one
JSON document, so machine and tool can never be of different versions. It must never do what it was not told:
which service when is decided by the sender; it only knows what a change of which file means for a service.

Its ledger, /var/lib/outlast/ledger.json, names the generation and every file and service that Outlast put
here, with what was written; an older generation is refused, and so is another one of the same number. The ledger is
written before a file is written or removed and after a service was started, so a death at any instant leaves work to
be done again, never work forgotten.
"""

# pyright: basic
# Everything here comes from one JSON document and goes into one: the types stand on the sender's side, in `facts`.

import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import time

from outlast.apply.onboard.lease import change_lease, other_holder
from outlast.apply.onboard.packages import look_at_packages, restore_packages
from outlast.apply.onboard.releases import release_standing, remember_release
from outlast.apply.onboard.standing import file_found, gid, note, overrides, standing, uid

ROOT = pathlib.Path("/var/lib/outlast")
# In memory: a server that was given back keeps no trace of the last question to it.
LOCK = pathlib.Path("/run/outlast-lander.lock")
LEDGER = ROOT / "ledger.json"
UNITS = pathlib.Path("/etc/systemd/system")
WANTS = UNITS / "multi-user.target.wants"
BY_HAND = ROOT / "by-hand"
LOG_LINES = 25
NICE = 10


class RefusedError(Exception):
    """The request must not be carried out; the text says why."""


class BusyError(RefusedError):
    """Somebody else is changing the site now."""


def main():
    request = json.load(sys.stdin)
    verbs = {"land": land, "activate": activate, "observe": observe, "once": once, "sweep": sweep, "restore": restore}
    if request["verb"] in ("observe", "lease"):
        yield_to_customers()
    try:
        with locked(exclusive=request["verb"] != "observe"):
            if request["verb"] == "lease":
                answer = change_lease(request)
            else:
                ROOT.mkdir(parents=True, exist_ok=True)
                answer = verbs[request["verb"]](request, read_ledger())
    except RefusedError as refusal:
        answer = {"refused": str(refusal), "busy": isinstance(refusal, BusyError)}
    json.dump(answer, sys.stdout)


def yield_to_customers():
    """To be looked at must not be felt: this, and the probes that it starts, come after all others."""
    os.nice(NICE)
    # Where sessions share the processor by session, a nice value counts only within its own.
    with contextlib.suppress(OSError):
        pathlib.Path("/proc/self/autogroup").write_text(f"{NICE}\n", "utf-8")


# -- land: files ------------------------------------------------------------------------------------------------


def land(request, ledger):
    """Make every file as told. `dry`: only say what differs. Services are left alone.

    While a release is missing, or is not as it was unpacked, nothing is written: it must be brought first.
    Where nothing differs and nothing is pending, the answer holds an observation too: the sender may be done then.
    """
    check_generation(request, ledger)
    dry = request["dry"]
    if not dry:
        check_lease(request)
    files = request["files"] + [
        {"path": str(UNITS / s["name"]), "content": s["unit"], "mode": 0o644, "owner": "root", "group": "root"}
        for s in request["services"]
    ]
    stands = {file["path"]: standing(file, ledger["files"].get(file["path"])) for file in files}
    wrong = {path: was for path, was in stands.items() if was != "right"}
    own = {*stands, *ledger["files"]}
    foreign = {s["name"]: left for s in request["services"] if (left := overrides(s["name"], own))}
    brought = [{**a, "was": was} for a in request["artifacts"] if (was := release_standing(a["path"])) != "right"]
    enabled = [service for service in request["services"] if service["enabled"]]
    known = set(ledger["services"])
    states = unit_states([service["name"] for service in enabled])
    answer = {
        "changed": [],
        "files": {path: {"was": was, **(file_found(path) if dry else {})} for path, was in wrong.items()},
        "overrides": {path: file_found(path) if dry else {} for left in foreign.values() for path in left},
        "services": {s["name"]: ills for s in enabled if (ills := ailing(s["name"], states[s["name"]], ledger))},
        "artifacts": brought,
        "jobs": [key for key in request["jobs"] if key not in ledger["once"]],
        "packages": look_at_packages(request["packages"], dry),
        "pending": {},
        "leftovers": {"services": [], "files": []},
        "clock": time.time(),
    }
    if not dry:
        before = json.dumps(ledger)
        expire(request, ledger, wrong, foreign, brought)
        if brought:
            # Units that name a release which is not here would fail at their next start: what runs now stays as it is.
            if json.dumps(ledger) != before:
                write_ledger(ledger)
            return answer
        ledger.update(site=request["site"], generation=request["generation"], blueprint=request["blueprint"])
        for file in files:
            if file["path"] in wrong or file["path"] not in ledger["files"]:
                # Until it is written, both what was here and what comes are right.
                ledger["files"][file["path"]] = [*ledger["files"].get(file["path"], [])[-1:], note(file)]
        for service in request["services"]:
            ledger["services"].setdefault(service["name"], {})
        if json.dumps(ledger) != before:
            write_ledger(ledger)
        for file in files:
            if file["path"] in wrong:
                keep_by_hand(file["path"], wrong[file["path"]])
                write(file)
        for left in foreign.values():
            remove_overrides(left)
        if any(len(notes) > 1 for notes in ledger["files"].values()):
            ledger["files"] = {path: notes[-1:] for path, notes in ledger["files"].items()}
            write_ledger(ledger)
        for artifact in request["artifacts"]:
            remember_release(artifact["path"])
        # Also when a landing before this one died between writing a unit and telling systemd.
        if foreign or any(path.startswith(f"{UNITS}/") for path in wrong) or outdated(request["services"]):
            systemctl("daemon-reload")
        for service in request["services"]:
            enable(service["name"], service["enabled"])
        states = unit_states([service["name"] for service in enabled])
    changing = {path for path, was in wrong.items() if was != "rights"} | {str(UNITS / name) for name in foreign}
    needs = {s["name"]: pending(s, states[s["name"]], ledger, changing) for s in enabled}
    left = leftovers(request, ledger)
    ill = wrong or foreign or brought or answer["services"] or answer["jobs"] or answer["packages"]["wrong"]
    clean = not ill and not any(left.values()) and set(needs.values()) <= {"none"} and known >= {*states}
    observed = observe(request, ledger) if clean and request["look"] else None
    return {**answer, "changed": sorted(wrong), "pending": needs, "leftovers": left, "observed": observed}


def ailing(name, state, ledger):
    """How a service that was activated before is not as it was left."""
    if not ledger["services"].get(name):
        return []
    gone = {"failed": "failed", "inactive": "stopped"}.get(state["ActiveState"])
    return [*([gone] if gone else []), *([] if (WANTS / name).is_symlink() else ["disabled"])]


def expire(request, ledger, wrong, foreign, brought):
    """Forget what services read when they may have read something else since: it must be read anew."""
    edited = {path for path, was in wrong.items() if was in ("edited", "deleted", "masked", "replaced")}
    replaced = [artifact["path"] for artifact in brought if artifact["was"] == "edited"]
    for service in request["services"]:
        noted = ledger["services"].get(service["name"], {})
        reads = {str(UNITS / service["name"]), *service["restart_on"]}
        if reads & edited or service["name"] in foreign or any(path in service["unit"] for path in replaced):
            noted.pop("restart", None)
        if set(service["reload_on"]) & edited:
            noted.pop("reload", None)


def keep_by_hand(path, was):
    """What somebody wrote is kept aside: it may have had a reason."""
    kept = BY_HAND / path.lstrip("/")
    if was not in ("edited", "replaced") or not pathlib.Path(path).exists():
        return
    BY_HAND.mkdir(mode=0o700, exist_ok=True)
    kept.parent.mkdir(parents=True, exist_ok=True)
    if pathlib.Path(path).is_dir():
        # Beside its place: it may be large, and on a disk of its own.
        pathlib.Path(path).rename(f"{path}.by-hand")
    else:
        kept.write_bytes(pathlib.Path(path).read_bytes())


def remove_overrides(paths):
    for path in map(pathlib.Path, paths):
        keep_by_hand(str(path), "edited")
        path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            path.parent.rmdir()


def write(file):
    path = pathlib.Path(file["path"])
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_of(path)
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


def temporary_of(path):
    return path.with_name(f".{path.name}.outlast")


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
    check_lease(request)
    gone = leftovers(request, ledger)
    for name in gone["services"]:
        systemctl("stop", name)
        enable(name, enabled=False)
        (UNITS / name).unlink(missing_ok=True)
    for path in map(pathlib.Path, gone["files"]):
        path.unlink(missing_ok=True)
        # What a landing that died left of it, which may hold a secret.
        temporary_of(path).unlink(missing_ok=True)
    if gone["services"]:
        systemctl("daemon-reload")
    for name in gone["services"]:
        del ledger["services"][name]
    ledger["files"] = {path: notes for path, notes in ledger["files"].items() if path not in gone["files"]}
    write_ledger(ledger)
    return gone


def leftovers(request, ledger):
    kept_services = {s["name"] for s in request["services"]}
    kept_files = {f["path"] for f in request["files"]} | {str(UNITS / name) for name in kept_services}
    return {
        "services": sorted(set(ledger["services"]) - kept_services),
        "files": sorted(set(ledger["files"]) - kept_files),
    }


# -- restore: packages ------------------------------------------------------------------------------------------


def restore(request, ledger):
    """Bring packages back to the versions that the machine was made with; what runs on them must start anew."""
    check_generation(request, ledger)
    check_lease(request)
    failed = restore_packages(request["names"])
    if not failed:
        for noted in ledger["services"].values():
            noted.pop("restart", None)
        write_ledger(ledger)
    return {"failed": failed}


# -- the ledger and small helpers -------------------------------------------------------------------------------


def check_generation(request, ledger):
    if ledger["site"] not in ("", request["site"]):
        raise RefusedError(f"this machine belongs to the site {ledger['site']}")
    if request["generation"] < ledger["generation"]:
        older = f"generation {request['generation']} is older than {ledger['generation']}"
        raise RefusedError(f"{older}, which is here already")
    # Two operators with stores of their own make different blueprints of one number, and go on from them.
    expected = {request["generation"]: request["blueprint"], request["parent"]: request["parent_digest"]}
    known = expected.get(ledger["generation"], "")
    if known and ledger["blueprint"] and known != ledger["blueprint"]:
        raise RefusedError(f"generation {ledger['generation']} is here already, and it is another one than yours")


def check_lease(request):
    if who := other_holder(request["lease"]):
        raise BusyError(who)


def read_ledger():
    fresh = {"site": "", "generation": 0, "blueprint": "", "files": {}, "services": {}, "once": {}}
    try:
        ledger = {**fresh, **json.loads(LEDGER.read_text("utf-8"))}
    except FileNotFoundError:
        return fresh
    if isinstance(ledger["files"], list):
        # Earlier ones noted no contents: what is found is taken for what was written.
        ledger["files"] = {path: [] for path in ledger["files"]}
    return ledger


def write_ledger(ledger):
    write(
        {"path": str(LEDGER), "content": json.dumps(ledger, indent=1), "mode": 0o600, "owner": "root", "group": "root"}
    )


@contextlib.contextmanager
def locked(exclusive):
    with LOCK.open("w") as handle:
        if exclusive:
            fcntl.flock(handle, fcntl.LOCK_EX)
            # Of a request that died; files are written again when they differ, the ledger perhaps not.
            temporary_of(LEDGER).unlink(missing_ok=True)
        yield


def systemctl(verb, *names):
    """Empty when it worked, otherwise what systemctl said."""
    done = subprocess.run(["systemctl", verb, *names], capture_output=True, text=True, timeout=600)
    return "" if done.returncode == 0 else (done.stderr.strip() or f"systemctl {verb} exited with {done.returncode}")


def journal(service):
    command = ["journalctl", "--unit", service, "--lines", str(LOG_LINES), "--output", "cat", "--no-pager"]
    return subprocess.run(command, capture_output=True, text=True, timeout=20).stdout.splitlines()


main()

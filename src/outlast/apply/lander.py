"""Runs ON the machine: puts a bundle in place, activates services, observes. Standard library only, Python 3.11+.

It is sent over SSH with each request (`python3 - ` and one JSON document on standard input) and answers one
JSON document, so machine and tool can never be of different versions. It must never do what it was not told:
which service when is decided by the sender; it only knows what a change of which file means for a service.

What it does for `land`, `sweep` and `restore` stands here, the rest in `onboard`: the ledger, services, looks.
"""

# pyright: basic
# Everything here comes from one JSON document and goes into one: the types stand on the sender's side, in `facts`.

import contextlib
import json
import pathlib
import sys
import time

from outlast.apply.onboard.ledger import (
    ROOT,
    BusyError,
    RefusedError,
    changing,
    check_generation,
    check_lease,
    read_ledger,
    temporary_of,
    write,
    write_ledger,
)
from outlast.apply.onboard.look import observe
from outlast.apply.onboard.packages import look_at_packages, restore_packages
from outlast.apply.onboard.probes import yield_to_customers
from outlast.apply.onboard.releases import (
    old_releases,
    release_standing,
    remember_first,
    remember_release,
    remove_release,
    staying,
)
from outlast.apply.onboard.services import (
    UNITS,
    WANTS,
    activate,
    enable,
    once,
    outdated,
    pending,
    systemctl,
    unit_states,
)
from outlast.apply.onboard.standing import file_found, note, overrides, standing

BY_HAND = ROOT / "by-hand"


def main():
    request = json.load(sys.stdin)
    verbs = {each.__name__: each for each in (land, activate, observe, once, sweep, restore)}
    observes = request["verb"] == "observe"
    if observes:
        yield_to_customers()
    try:
        with contextlib.nullcontext() if observes else changing():
            ROOT.mkdir(parents=True, exist_ok=True)
            answer = verbs[request["verb"]](request, read_ledger())
    except RefusedError as refusal:
        answer = {"refused": str(refusal), "busy": isinstance(refusal, BusyError)}
    json.dump(answer, sys.stdout)


def land(request, ledger):
    """Make every file as told. `dry`: only say what differs. Services are left alone.

    While a release is missing, or is not as it was unpacked, nothing is written: it must be brought first.
    Where nothing differs and nothing is pending, the answer holds an observation too: the sender may be done then.
    Of the services only those are touched that are named as `first`.
    """
    check_generation(request, ledger)
    dry = request["dry"]
    if not dry:
        check_lease(request)
    files = request["files"] + [
        {"path": str(UNITS / s["name"]), "content": s["unit"], "mode": 0o644, "owner": "root", "group": "root"}
        for s in request["services"]
    ]
    names = [service["name"] for service in request["services"]]
    stands = {file["path"]: standing(file, ledger["files"].get(file["path"])) for file in files}
    wrong = {path: was for path, was in stands.items() if was != "right"}
    own = {*stands, *ledger["files"]}
    foreign = {s["name"]: left for s in request["services"] if (left := overrides(s["name"], own))}
    brought = [{**a, "was": was} for a in request["artifacts"] if (was := release_standing(a["path"])) != "right"]
    enabled = [service for service in request["services"] if service["enabled"]]
    known = set(ledger["services"])
    states = unit_states(sorted({*names, *known}))
    answer = {
        "changed": [],
        "files": {path: {"was": was, **(file_found(path) if dry else {})} for path, was in wrong.items()},
        "overrides": {path: file_found(path) if dry else {} for left in foreign.values() for path in left},
        "services": {s["name"]: ills for s in enabled if (ills := ailing(s["name"], states[s["name"]], ledger))},
        "artifacts": brought,
        "jobs": [key for key in request["jobs"] if key not in ledger["once"]],
        "packages": look_at_packages(request["packages"], dry),
        "pending": {},
        "leftovers": {"services": [], "files": [], "releases": []},
        "running": [],
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
        remember_first(request["artifacts"], ledger)
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
        if foreign or any(path.startswith(f"{UNITS}/") for path in wrong):
            states = unit_states(sorted({*names, *known}))
        # Also when a landing before this one died between writing a unit and telling systemd. A unit that systemd has
        # not loaded yet it reads when it is asked for: a reload takes longer than all else here (measured).
        strange = {path for path in wrong if path.startswith(f"{UNITS}/")} - {str(UNITS / name) for name in names}
        if strange or outdated(states):
            systemctl("daemon-reload")
        for service in request["services"]:
            enable(service["name"], service["enabled"])
    rewritten = {path for path, was in wrong.items() if was != "rights"} | {str(UNITS / name) for name in foreign}
    needs = {s["name"]: pending(s, states[s["name"]], ledger, rewritten) for s in enabled}
    # Not what lacks its program: packages are brought back before anything runs on them.
    begun = {} if dry or answer["packages"]["wrong"] else start_first(request, ledger, needs)
    needs |= {name: "none" for name, done in begun.items() if "failed" not in done}
    left = leftovers(request, ledger)
    running = [name for name in left["services"] if states[name]["ActiveState"] in ("active", "reloading")]
    ill = wrong or foreign or brought or answer["services"] or answer["jobs"] or answer["packages"]["wrong"] or begun
    clean = not ill and not any(left.values()) and set(needs.values()) <= {"none"} and known >= {*needs}
    observed = observe(request, ledger) if clean and request["look"] else None
    more = {"leftovers": left, "running": running, "observed": observed, "begun": begun}
    return {**answer, "changed": sorted(wrong), "pending": needs, **more}


def start_first(request, ledger, needs):
    """What has to run before anything else changes: `first` names each such service, and the one that is started
    instead where it only has to read what is new, which it does when everything else has changed."""
    instead = {name: other for name, other in request["first"].items() if needs.get(name) == "reload"}
    started = [name for name in request["first"] if needs.get(name) in ("start", "restart")]
    done = {}
    for names, force in ((started, ""), (instead.values(), "start")):
        services = [service for service in request["services"] if service["name"] in names]
        if services:
            done |= activate({**request, "services": services, "force": force, "behind": ""}, ledger)["services"]
    return done


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


def sweep(request, ledger):
    """Stop and remove services and files of the ledger that the request does not keep, and releases of long before."""
    check_generation(request, ledger)
    check_lease(request)
    gone = leftovers(request, ledger)
    if gone["services"]:
        systemctl("stop", *gone["services"])
    for name in gone["services"]:
        enable(name, enabled=False)
        (UNITS / name).unlink(missing_ok=True)
    for path in map(pathlib.Path, gone["files"]):
        path.unlink(missing_ok=True)
        # What a landing that died left of it, which may hold a secret.
        temporary_of(path).unlink(missing_ok=True)
    for path in gone["releases"]:
        remove_release(path)
    for name in gone["services"]:
        del ledger["services"][name]
    ledger["releases"] = staying(request["artifacts"], ledger)
    ledger["files"] = {path: notes for path, notes in ledger["files"].items() if path not in gone["files"]}
    write_ledger(ledger)
    return gone


def leftovers(request, ledger):
    kept_services = {s["name"] for s in request["services"]}
    kept_files = {f["path"] for f in request["files"]} | {str(UNITS / name) for name in kept_services}
    return {
        "services": sorted(set(ledger["services"]) - kept_services),
        "files": sorted(set(ledger["files"]) - kept_files),
        "releases": old_releases(request["artifacts"], ledger),
    }


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


main()

"""The ledger of what Outlast put on this machine, and who may change it: an older generation may not, nor whoever has
not got the lease.

/var/lib/outlast/ledger.json names the generation, every file and service, with what was written, and by folder the
release that was in place last and the one before it. It is written before a file is written or removed and after a
service was started, so a death at any instant leaves work to be done again, never work forgotten.
"""

# pyright: basic

import contextlib
import json
import os
import pathlib

from outlast.apply.onboard.lease import alone, highest_tenure, other_holder
from outlast.apply.onboard.standing import gid, uid

ROOT = pathlib.Path("/var/lib/outlast")
LEDGER = ROOT / "ledger.json"


class RefusedError(Exception):
    """The request must not be carried out; the text says why."""


class BusyError(RefusedError):
    """Somebody else is changing the site now."""


def read_ledger():
    fresh = {"site": "", "generation": 0, "blueprint": "", "files": {}, "services": {}, "once": {}, "releases": {}}
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
def changing():
    with alone():
        # Of a request that died; files are written again when they differ, the ledger perhaps not.
        temporary_of(LEDGER).unlink(missing_ok=True)
        yield


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
    if 0 < request["tenure"] < highest_tenure():
        raise RefusedError("another controller leads by now")
    if who := other_holder(request["lease"]):
        raise BusyError(who)


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

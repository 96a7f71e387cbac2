"""What one site keeps beside its site file, in `.outlast/` (mode 0700): the blueprint, the releases, the lock. An
environment of the file keeps its own below that, so one name is all that others must know to leave alone.

The blueprint is written before it is applied: it is the intent. A command that is killed leaves it there, and
the next one compiles to the same value, so it goes on where the first one stopped.
"""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import shutil
import socket
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path

from outlast.blueprint.blueprint import Blueprint, dump, parse
from outlast.controller.shipments import Shipments
from outlast.kernel.errors import Finding, OutlastError
from outlast.seal import durable

OWN_FOLDER, ENVIRONMENTS = ".outlast", "environments"


def own_folder(environment: str = "") -> str:
    """Where a site keeps its own things, seen from the folder of its file: each environment apart, below the file's."""
    return f"{OWN_FOLDER}/{ENVIRONMENTS}/{environment}" if environment else OWN_FOLDER


class Stage(StrEnum):
    """How far an operator got with the blueprint that is kept. `BEGUN`: whoever governs the site goes on with it when
    the operator does not; `HALTED`: nobody does so unasked."""

    BEGUN = "begun"
    HALTED = "halted"
    DONE = "done"


STAGE = "stage"


class Store:
    """The own folder of one site."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        missing = [each for each in (folder, *folder.parents) if not each.exists()]
        for each in reversed(missing):
            each.mkdir(mode=0o700, exist_ok=True)

    def blueprint(self) -> Blueprint | None:
        """The newest blueprint that was meant to be applied. Raises `OutlastError` when it cannot be read."""
        path = self.folder / "blueprint.json"
        return parse(path.read_bytes(), str(path)) if path.exists() else None

    def keep(self, blueprint: Blueprint) -> None:
        """Remember `blueprint` as the intent, atomically."""
        durable.write(self.folder / "blueprint.json", dump(blueprint))

    def in_place(self) -> Blueprint | None:
        """The newest blueprint that was carried out to its end. Raises `OutlastError` when it cannot be read."""
        path = self.folder / "in-place.json"
        return parse(path.read_bytes(), str(path)) if path.exists() else None

    def keep_in_place(self, blueprint: Blueprint) -> None:
        """Remember that `blueprint` was carried out to its end, atomically."""
        durable.write(self.folder / "in-place.json", dump(blueprint))

    @property
    def shipments(self) -> Shipments:
        """What was shipped of each app."""
        return Shipments(self.folder)

    def stage(self) -> Stage:
        """How far the operator got who handed this folder over."""
        path = self.folder / STAGE
        return Stage(path.read_text(encoding="ascii")) if path.exists() else Stage.DONE

    def release(self, name: str, digest: str) -> Path:
        """Where the tar file of a release is kept, built or not."""
        folder = self.folder / "releases"
        folder.mkdir(exist_ok=True)
        return folder / f"{name}-{digest}.tar.gz"

    def proven(self) -> dict[str, tuple[str, bool]]:
        """By class of failure, when it was last proved (ISO 8601, UTC) and with which verdict."""
        try:
            held = json.loads((self.folder / "proven.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return {failure: (at, valid) for failure, (at, valid) in held.items()}

    def prove(self, verdicts: Mapping[str, bool], at: str) -> None:
        """Remember what a proof came to, beside what others came to."""
        path = self.folder / "proven.json"
        temporary = path.with_suffix(".new")
        now = {failure: (at, valid) for failure, valid in verdicts.items()}
        temporary.write_text(json.dumps({**self.proven(), **now}), encoding="utf-8")
        temporary.replace(path)

    def remove(self) -> None:
        """Forget the site. What environments of the same file keep stays, whoever goes first."""
        for path in self.folder.iterdir():
            if path.name != ENVIRONMENTS:
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        above = self.folder.parents[:2] if self.folder.parent.name == ENVIRONMENTS else ()
        for each in (self.folder / ENVIRONMENTS, self.folder, *above):
            # Not there, or not empty.
            with suppress(OSError):
                each.rmdir()

    @contextmanager
    def lock(self, command: str, wait: float = 0.0) -> Generator[None]:
        """Hold the site against other operators. The kernel drops the lock of a dead process, so none is ever stale.

        Waits up to `wait` seconds, then raises `OutlastError` naming the holder and its age.
        """
        with (self.folder / "lock").open("a+") as handle:
            deadline = time.monotonic() + wait
            while not _taken(handle.fileno()):
                if time.monotonic() >= deadline:
                    handle.seek(0)
                    raise OutlastError(_held(handle.read()))
                time.sleep(0.1)
            handle.truncate(0)
            who = {"user": os.environ.get("SUDO_USER") or getpass.getuser(), "host": socket.gethostname()}
            handle.write(json.dumps({"command": command, "process": os.getpid(), "since": int(time.time()), **who}))
            handle.flush()
            yield
            handle.truncate(0)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _held(text: str) -> Finding:
    try:
        holder = json.loads(text)
        age = int(time.time()) - int(holder["since"])
        where = f"of {holder['user']} on {holder['host']} (process {holder['process']})"
        who = f"`outlast {holder['command']}` {where} has held it for {age} s"
    except (ValueError, KeyError, TypeError):
        who = "another command holds it"
    return Finding(
        where="this site",
        what="somebody else is changing it",
        why=who,
        fix="wait for it to end, or add `--lock-wait 60` to wait for at most 60 seconds",
    )

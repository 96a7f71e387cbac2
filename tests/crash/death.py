"""Runs a piece of work in a process of its own that dies, as if by SIGKILL, right before its n-th step.

A step is whatever shows below one folder: a file put in its place, a file or folder removed, a link made, a program
started. Python's audit events tell (PEP 578). The simulated machines are files below the site's folder, so every call
of a provider, a machine, the vault and the store that has an effect is met, and a put also half way: its new file
written, and not in its place. `fine`: the making of folders and the opening of files for writing are steps too.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

WRITING = frozenset("wax+")
# With the place of the path that matters among the event's arguments.
SHOWING = {"os.rename": 0, "os.remove": 0, "os.rmdir": 0, "os.symlink": 1, "os.link": 1, "os.truncate": 0}
# One case takes a second; a run that waits for what never comes is a failure of that case and of no other.
LIMIT = 60
PREPARING = {"os.mkdir": 0, "os.chmod": 0, "os.chown": 0}


class Death:
    """Counts steps below `folder`, and ends the process before number `step`; 0: never.

    `torn`: the process ends when the file of that opening for writing (from 1) is half written; 0: never.
    """

    def __init__(self, folder: Path, step: int, *, torn: int = 0, fine: bool = False) -> None:
        self.count = 0
        self.opened: list[str] = []
        self.placed: set[str] = set()
        self._folder, self._step, self._torn, self._fine = f"{folder}/", step, torn, fine
        self._dying = False

    @property
    def in_place(self) -> list[int]:
        """Openings, from 1, of files that were written where they stand; locks, which hold nothing, left out."""
        return [
            number
            for number, path in enumerate(self.opened, 1)
            if path not in self.placed and Path(path).is_file() and Path(path).stat().st_size
        ]

    def watch(self, event: str, arguments: tuple[Any, ...]) -> None:
        """An audit hook."""
        is_opening = self._is_opening(event, arguments)
        is_step = self._is_step(event, arguments) or (is_opening and self._fine)
        if self._dying or not (is_step or is_opening):
            return
        if self._torn and len(self.opened) == self._torn:
            self._tear(Path(self.opened[-1]))
        if event == "os.rename":
            self.placed.add(os.fsdecode(arguments[0]))
        self.count += is_step
        if is_step and self.count == self._step:
            self._die()
        if is_opening:
            self.opened.append(os.fsdecode(arguments[0]))

    def _tear(self, half: Path) -> None:
        self._dying = True
        if half.is_file():
            os.truncate(half, half.stat().st_size // 2)
        self._die()

    def _die(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def _is_step(self, event: str, arguments: tuple[Any, ...]) -> bool:
        if event in SHOWING:
            # Removing a whole folder goes by names relative to an open one.
            return self._is_inside(arguments[SHOWING[event]]) or arguments[-1] not in (-1, None)
        is_preparing = event in PREPARING and self._fine and self._is_inside(arguments[PREPARING[event]])
        return event == "subprocess.Popen" or is_preparing

    def _is_opening(self, event: str, arguments: tuple[Any, ...]) -> bool:
        if event != "open":
            return False
        path, mode, flags = arguments
        writes = bool(WRITING & set(mode)) if mode else bool((flags or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
        return writes and self._is_inside(path)

    def _is_inside(self, path: Any) -> bool:
        return not isinstance(path, int) and path is not None and os.fsdecode(path).startswith(self._folder)


def forked(work: Callable[[], str]) -> tuple[int, str]:
    """Run `work` in a copy of this process: its wait status, and the text that it answered or its traceback."""
    return _ended(*_start(work, LIMIT))


def together(works: list[Callable[[], str]]) -> list[tuple[int, str]]:
    """The same for several at once, however long they take."""
    return [_ended(*started) for started in [_start(work) for work in works]]


def _ended(child: int, reader: int) -> tuple[int, str]:
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    return os.waitpid(child, 0)[1], text


def _start(work: Callable[[], str], limit: int = 0) -> tuple[int, int]:
    reader, writer = os.pipe()
    child = os.fork()
    if child:
        os.close(writer)
        return child, reader
    os.close(reader)
    code = 1
    signal.alarm(limit)
    try:
        text = work()
        code = 0
    except BaseException:  # noqa: BLE001 - the copy must end here, whatever happened
        text = traceback.format_exc()
    with os.fdopen(writer, "w") as pipe:
        pipe.write(text)
    os._exit(code)


def watched(death: Death) -> None:
    """From here on this process is mortal."""
    sys.addaudithook(death.watch)

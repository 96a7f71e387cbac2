"""Runs the text of a Python program as if it ran on a simulated machine: the very text that real machines are sent.

The program gets stand-ins for the modules that reach the world: paths lead into the machine's disk, `subprocess` to its
systemd and engines, `time` to its clock. Whatever has no stand-in is refused, so a program can never touch this box.
Owners of files are not simulated: every name is the user who runs the simulation.
"""

# pyright: basic
# Stand-ins take whatever the real modules take: their types are those of the programs that run here.

from __future__ import annotations

import builtins
import importlib
import io
import os
import pathlib
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Sequence
from functools import cache, partial
from types import CodeType, SimpleNamespace
from typing import Any

from outlast.contract.probe import Output
from outlast.machines.sim.beside import Reader, signals, sockets, threads

# They reach nothing but what they are given.
HARMLESS = frozenset(
    (
        "__future__",
        "base64",
        "collections",
        "contextlib",
        "copy",
        "dataclasses",
        "enum",
        "fcntl",
        "functools",
        "hashlib",
        "ipaddress",
        "itertools",
        "json",
        "math",
        "operator",
        "re",
        "shlex",
        "stat",
        "string",
        "textwrap",
        "typing",
    )
)
OS = (
    "O_WRONLY",
    "O_RDONLY",
    "O_RDWR",
    "O_CREAT",
    "O_TRUNC",
    "O_EXCL",
    "O_APPEND",
    "fdopen",
    "fsync",
    "fchmod",
    "close",
    "write",
    "read",
    "fspath",
    "getloadavg",
    "getpid",
    "path",
    "sched_getaffinity",
    "sep",
)
OS_PATHS = (
    "open",
    "stat",
    "lstat",
    "listdir",
    "mkdir",
    "makedirs",
    "unlink",
    "remove",
    "rename",
    "replace",
    "rmdir",
    "chmod",
    "access",
    "readlink",
    "scandir",
)

GREET = "greet"
"""The word for what an address and a port say first; it is no program, and only the simulation knows it."""

Command = Callable[[tuple[str, ...], str, float], Output]
"""Runs argv with this input within so many seconds. A return code of 124 stands for no end in time."""


def run_program(
    text: str,
    argv: Sequence[str],
    stdin: str,
    root: pathlib.Path,
    clock: Clock,
    command: Command,
    reader: Reader | None = None,
) -> Output:
    """What the program printed, unless a `reader` took it. `root` is the machine's disk, `clock` tells seconds."""
    out, err = reader or io.StringIO(), io.StringIO()
    modules = _modules(argv, io.StringIO(stdin), out, err, root, clock, command)
    own = dict(vars(builtins))
    own["__import__"] = _importer(modules)
    own["open"] = modules["pathlib"].Path.open_any
    own["print"] = partial(print, file=out)
    space: dict[str, Any] = {"__name__": "__main__", "__builtins__": own}
    try:
        exec(_compiled(text), space)
    except SystemExit as end:
        if isinstance(end.code, str):
            err.write(f"{end.code}\n")
        return Output(end.code if isinstance(end.code, int) else 1 if end.code else 0, out.getvalue(), err.getvalue())
    except Exception:  # noqa: BLE001 - whatever the program raises ends the program, not the simulation
        return Output(1, out.getvalue(), err.getvalue() + traceback.format_exc())
    return Output(0, out.getvalue(), err.getvalue())


Clock = Callable[[], float]


@cache
def _compiled(text: str) -> CodeType:
    return compile(text, "<program>", "exec")


def _importer(modules: dict[str, Any]) -> Callable[..., Any]:
    def imports(name: str, space: Any = None, local: Any = None, wanted: Sequence[str] = (), level: int = 0) -> Any:
        if name in modules:
            return modules[name]
        if name.partition(".")[0] in HARMLESS:
            return importlib.__import__(name, space, local, wanted, level)
        raise ImportError(f"a simulated machine has no stand-in for the module {name}")

    return imports


def _modules(
    argv: Sequence[str],
    stdin: io.StringIO,
    out: io.StringIO,
    err: io.StringIO,
    root: pathlib.Path,
    clock: Clock,
    command: Command,
) -> dict[str, Any]:
    path = _path_class(root)
    return {
        "sys": SimpleNamespace(stdin=stdin, stdout=out, stderr=err, argv=list(argv), exit=sys.exit),
        "os": _os(path),
        "pathlib": SimpleNamespace(Path=path, PurePosixPath=pathlib.PurePosixPath),
        "time": SimpleNamespace(
            time=clock, monotonic=clock, **({"sleep": out.pause} if isinstance(out, Reader) else {})
        ),
        "pwd": SimpleNamespace(
            getpwnam=lambda _name: SimpleNamespace(pw_uid=os.getuid()), getpwuid=lambda _number: ("root",)
        ),
        "grp": SimpleNamespace(
            getgrnam=lambda _name: SimpleNamespace(gr_gid=os.getgid()), getgrgid=lambda _number: ("root",)
        ),
        "subprocess": _subprocess(command),
        "signal": signals(),
        "threading": threads(),
        "socket": sockets(partial(_greeting, command)),
    }


def _greeting(command: Command, address: str, port: int) -> bytes | None:
    output = command((GREET, address, str(port)), "", 1.0)
    return output.stdout.encode() if output.returncode == 0 else None


@cache
def _path_class(root: pathlib.Path) -> Any:
    class Path(pathlib.PosixPath):
        """A path of the machine: it reads as the machine's own, and leads into its disk."""

        def __fspath__(self) -> str:
            if ".." in self.parts:
                raise ValueError(f"{self}: a simulated machine knows no way up")
            return f"{root}/{str(self).lstrip('/')}"

        def symlink_to(self, target: Any, target_is_directory: bool = False) -> None:
            # The target is the machine's own path: it must not lead into the disk's folder.
            os.symlink(str(target), self, target_is_directory)  # noqa: PTH211 - the other way is this one

        @classmethod
        def open_any(cls, path: Any, *arguments: Any, **options: Any) -> Any:
            return cls(path).open(*arguments, **options)

    return Path


def _os(path: Any) -> SimpleNamespace:
    def rooted(function: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any, **options: Any) -> Any:
            # Every text is a path of the machine here: the functions of OS_PATHS take no others.
            return function(*(path(a) if isinstance(a, str) else a for a in arguments), **options)

        return called

    offered: dict[str, Any] = {name: getattr(os, name) for name in OS}
    # Programs of a simulated machine run in the simulation's own process, which keeps its place among others.
    offered["nice"] = lambda _increment: 0
    # Nor may they end anybody: a program that kills, kills itself.
    offered |= {"killpg": lambda *_: None, "kill": lambda *_: sys.exit(-signal.SIGKILL)}
    offered |= {name: rooted(getattr(os, name)) for name in OS_PATHS}
    offered |= {"fchown": lambda *_: None, "chown": lambda *_, **__: None}
    return SimpleNamespace(**offered, environ={"PATH": "/usr/sbin:/usr/bin"}, getuid=lambda: 0, geteuid=lambda: 0)


def _subprocess(command: Command) -> SimpleNamespace:
    def run(argv: Sequence[str], *, input: str | bytes | None = None, **options: Any) -> Any:  # noqa: A002 - its name
        given = input.decode() if isinstance(input, bytes) else input or ""
        limit = float(options.get("timeout") or 600.0)
        output = command(tuple(map(str, argv)), given, limit)
        if output.returncode == 124:
            raise subprocess.TimeoutExpired(list(argv), limit)
        text = bool(options.get("text") or options.get("encoding") or options.get("universal_newlines"))
        said: list[Any] = [output.stdout, output.stderr] if text else [output.stdout.encode(), output.stderr.encode()]
        done = subprocess.CompletedProcess(list(argv), output.returncode, *said)
        if options.get("check"):
            done.check_returncode()
        return done

    class Popen:
        """A program that has ended by the time it is asked."""

        def __init__(self, argv: Sequence[str], **options: Any) -> None:
            self._done: Any = None
            self._argv, self._options = argv, options
            self.pid = 0
            self.returncode: int | None = None

        def communicate(self, input: str | None = None, timeout: float | None = None) -> tuple[Any, Any]:  # noqa: A002
            if self.returncode is None:
                self._done = run(self._argv, input=input, **{**self._options, "timeout": timeout})
                self.returncode = self._done.returncode
            return self._done.stdout, self._done.stderr

        def kill(self) -> None:
            self._done = self._done or subprocess.CompletedProcess(list(self._argv), -9, "", "")
            self.returncode = self._done.returncode

    constants = {name: getattr(subprocess, name) for name in ("PIPE", "DEVNULL", "STDOUT")}
    errors = {name: getattr(subprocess, name) for name in ("TimeoutExpired", "CalledProcessError", "SubprocessError")}
    return SimpleNamespace(run=run, Popen=Popen, CompletedProcess=subprocess.CompletedProcess, **constants, **errors)

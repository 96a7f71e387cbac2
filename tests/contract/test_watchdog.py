from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import pytest

from outlast.contract.watchdog import PROGRAM, watchdog

QUESTION = "show version"
# Answers each line; told to be busy, it does nothing else any more.
SERVICE = """
import socket, sys
with socket.socket(socket.AF_UNIX) as door:
    door.bind(sys.argv[1])
    door.listen()
    print("ready", flush=True)
    while True:
        with door.accept()[0] as asked:
            if asked.recv(100) == b"be busy\\n":
                asked.sendall(b"yes")
                while True: pass
            asked.sendall(b"2.0")
"""


@pytest.fixture
def program() -> dict[str, Any]:
    """The functions that the program is made of."""
    names: dict[str, Any] = {"__name__": "not main"}
    exec(compile(PROGRAM, "watchdog", "exec"), names)
    return names


@pytest.fixture
def service(tmp_path: Path) -> Generator[subprocess.Popen[str]]:
    """A service with a control socket, and its control group's folder beside it."""
    argv = [sys.executable, "-c", SERVICE, str(tmp_path / "socket")]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        (tmp_path / "cgroup.procs").write_text(f"{process.pid}\n")
        yield process
        process.kill()


def deaf(program: dict[str, Any], folder: Path, times: Sequence[float] = ()) -> bool:
    """Whether it is, after looks without a pause; `times` stand for the clock."""
    clock = iter(times)

    def now() -> float:
        return next(clock) if times else 0.0

    found = program["deaf"](str(folder / "socket"), QUESTION, str(folder), wait=at_once, now=now)
    assert isinstance(found, bool)
    return found


def at_once(_seconds: float) -> None:
    """A pause that takes no time."""


def test_one_that_answers_is_not_deaf(program: dict[str, Any], service: subprocess.Popen[str], tmp_path: Path) -> None:
    assert service.poll() is None
    assert not deaf(program, tmp_path)


def test_one_that_is_stopped_is_deaf(program: dict[str, Any], service: subprocess.Popen[str], tmp_path: Path) -> None:
    service.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, service.pid, os.WSTOPPED | os.WNOWAIT)
    assert deaf(program, tmp_path)


@pytest.mark.usefixtures("service")
def test_one_that_works_and_does_not_answer_is_busy(program: dict[str, Any], tmp_path: Path) -> None:
    assert program["answers"](str(tmp_path / "socket"), "be busy")
    assert program["answers"](str(tmp_path / "socket"), QUESTION) is False
    assert not deaf(program, tmp_path)


def test_a_look_that_came_late_counts_for_nothing(
    program: dict[str, Any], service: subprocess.Popen[str], tmp_path: Path
) -> None:
    service.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, service.pid, os.WSTOPPED | os.WNOWAIT)
    assert deaf(program, tmp_path, times=(0.0, 0.16, 1.0, 1.16, 2.0, 2.16))
    assert not deaf(program, tmp_path, times=(0.0, 0.16, 1.0, 1.5, 2.0, 2.16))


def test_one_that_is_not_there_is_not_deaf(program: dict[str, Any], tmp_path: Path) -> None:
    assert not deaf(program, tmp_path)
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(tmp_path / "socket"))
    assert not deaf(program, tmp_path)


def test_its_service_stands_beside_the_one_that_it_watches() -> None:
    made = watchdog("outlast-door.service", socket="/run/door.sock", question="show version", user="door")
    assert made.name == "outlast-door-watchdog.service"
    (begins,) = (line for line in made.unit.splitlines() if line.startswith("ExecStart="))
    assert begins.endswith('"/run/door.sock" "show version" "/sys/fs/cgroup/system.slice/outlast-door.service"')
    assert "User=door" in made.unit

"""The pulse as a process of this box, with control groups that are folders: what it tells, and when it ends."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

from outlast.apply.program import PULSE, program
from outlast.controller.beat import Beat, Question, Rhythm, request
from tests.apply.test_metric import serving
from tests.blueprint.blueprints import compiled
from tests.toys import FULL

RHYTHM = {"period": 0.05, "probe": 60.0, "offset": 60.0, "limit": 5.0, "life": 60.0, "stuck": 30, "metric": 0.05}
GROUP = "system.slice/one.service"


def has_processes(groups: Path, populated: int) -> None:
    (groups / GROUP).mkdir(parents=True, exist_ok=True)
    (groups / GROUP / "cgroup.events").write_text(f"populated {populated}\nfrozen 0\n")


@contextmanager
def pulse(groups: Path, **more: Any) -> Generator[subprocess.Popen[str]]:
    """A pulse that runs, and in any case has ended afterwards."""
    asked: dict[str, Any] = {
        "members": {},
        "metered": [],
        "metrics": {},
        "gauges": {},
        **RHYTHM,
        "groups": str(groups),
        **more,
    }
    with subprocess.Popen(
        [sys.executable, "-c", program(PULSE)], stdin=-1, stdout=-1, stderr=-1, text=True, pipesize=4096
    ) as process:
        assert process.stdin is not None
        process.stdin.write(json.dumps(asked))
        process.stdin.close()
        try:
            yield process
        finally:
            process.kill()


def lines(process: subprocess.Popen[str]) -> Iterator[Beat]:
    assert process.stdout is not None
    return (Beat.model_validate_json(line) for line in process.stdout)


def until(process: subprocess.Popen[str], holds: Callable[[Beat], object]) -> Beat:
    """The first line of which something holds, within ten seconds."""
    deadline = time.monotonic() + 10
    for line in lines(process):
        if holds(line):
            return line
        assert time.monotonic() < deadline, line
    raise AssertionError("it ended")


def member(*probe: str, units: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"units": list(units), "probe": list(probe)}


def test_a_line_tells_of_the_machine_and_its_services(tmp_path: Path) -> None:
    has_processes(tmp_path, 1)
    for name, text in {
        "cpu.stat": "usage_usec 7500000\nuser_usec 1\n",
        "cpu.max": "150000 100000\n",
        "memory.current": "300\n",
        "memory.max": "1000\n",
    }.items():
        (tmp_path / name).write_text(text)
    with pulse(tmp_path, members={"a": member(units=("one.service", "two.service"))}) as process:
        first, second = (next(lines(process)) for _ in range(2))
    assert first.units == {"one.service": True, "two.service": None}
    assert (first.worked, first.processors, first.memory, first.free) == (7.5, 1.5, 1000, 700)
    assert (first.beat, second.beat) == (0, 1)
    assert 0.01 < second.up - first.up < 1.0
    assert first.boot == Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def test_what_a_service_uses_is_told_of_those_that_are_metered(tmp_path: Path) -> None:
    has_processes(tmp_path, 1)
    (tmp_path / GROUP / "cpu.stat").write_text("usage_usec 2500000\nuser_usec 1\n")
    units = ("one.service", "two.service")
    with pulse(tmp_path, members={"a": member(units=units)}, metered=list(units)) as process:
        assert next(lines(process)).used == {"one.service": 2.5, "two.service": None}
    with pulse(tmp_path, members={"a": member(units=units)}) as process:
        assert next(lines(process)).used == {}


def test_a_machine_without_limits_of_its_own_tells_of_all_of_it(tmp_path: Path) -> None:
    with pulse(tmp_path) as process:
        line = next(lines(process))
    assert line.worked is None
    assert line.processors == len(os.sched_getaffinity(0))
    assert line.memory
    assert line.free
    assert line.free < line.memory


def test_what_a_probe_prints_is_told_once(tmp_path: Path) -> None:
    probe = member("sh", "-c", "echo well; echo oh >&2; exit 3")
    with pulse(tmp_path, members={"a": probe, "b": member("/nobody/has/this"), "c": member()}) as process:
        told = [next(lines(process)) for _ in range(12)]
    said = [line.probes["a"] for line in told if "a" in line.probes]
    assert [(s.returncode, s.stdout, s.stderr) for s in said] == [(3, "well\n", "oh\n")]
    assert [line.probes["b"].returncode for line in told if "b" in line.probes] == [127]
    assert said[0].asked >= told[0].up
    assert not any("c" in line.probes for line in told)


def test_a_probe_that_hangs_stops_no_line_and_is_ended_with_what_it_started(tmp_path: Path) -> None:
    note = tmp_path / "process"
    hangs = member("sh", "-c", f"sleep 1000 & echo $! > {note}; wait")
    with pulse(tmp_path, limit=0.5, members={"a": hangs, "b": member("echo", "well")}) as process:
        before = until(process, lambda line: "b" in line.probes)
        line = until(process, lambda line: "a" in line.probes)
    assert line.probes["a"].returncode == 124
    assert line.beat - before.beat >= 4
    assert has_ended(int(note.read_text()))


def test_a_service_that_loses_its_processes_has_its_probe_run_at_once(tmp_path: Path) -> None:
    has_processes(tmp_path, 1)
    probe = member("cat", str(tmp_path / GROUP / "cgroup.events"), units=("one.service",))
    with pulse(tmp_path, members={"a": probe}) as process:
        assert until(process, lambda line: line.probes).probes["a"].stdout.startswith("populated 1")
        has_processes(tmp_path, 0)
        line = until(process, lambda line: line.probes)
        assert line.probes["a"].stdout.startswith("populated 0")
        assert line.units == {"one.service": False}


def test_a_probe_is_run_again_when_it_is_due(tmp_path: Path) -> None:
    with pulse(tmp_path, probe=0.3, offset=0.2, members={"a": member("echo")}) as process:
        asked = [until(process, lambda line: line.probes).probes["a"].asked for _ in range(4)]
    gaps = [later - earlier for earlier, later in pairwise(asked)]
    assert gaps[0] < min(gaps[1:])
    assert min(gaps[1:]) >= 0.29


def test_it_ends_when_its_reader_is_gone_and_so_do_probes(tmp_path: Path) -> None:
    note = tmp_path / "process"
    with pulse(tmp_path, members={"a": member("sh", "-c", f"echo $$ > {note}; exec sleep 1000")}) as process:
        until(process, lambda _: note.exists() and note.read_text())
        assert process.stdout is not None
        process.stdout.close()
        process.wait(10)
    assert has_ended(int(note.read_text()))


def test_it_ends_when_nobody_reads_on(tmp_path: Path) -> None:
    note = tmp_path / "process"
    probe = member("sh", "-c", f"echo $$ > {note}; exec sleep 1000")
    with pulse(tmp_path, period=0.01, stuck=1, members={"a": probe}) as process:
        until(process, lambda _: note.exists() and note.read_text())
        process.wait(20)
    assert has_ended(int(note.read_text()))


def test_it_ends_after_its_life(tmp_path: Path) -> None:
    with pulse(tmp_path, life=0.3) as process:
        assert len(list(lines(process))) >= 3
        assert process.wait(10) == 0


def test_a_gauge_is_asked_with_every_line(tmp_path: Path) -> None:
    gauges = {name: {"path": str(tmp_path / name), "text": "how much\n"} for name in ("mine", "nobody")}
    with answering(tmp_path / "mine", b"so much\n" * 20_000), pulse(tmp_path, gauges=gauges) as process:
        for _ in range(3):
            assert next(lines(process)).gauges == {"mine": "so much\n" * 20_000, "nobody": None}


def test_a_figure_is_asked_for_beside_the_lines_and_goes_along_with_its_age(tmp_path: Path) -> None:
    place = {"address": "127.0.0.1", "host": "shop.test", "path": "/metrics", "name": "jobs", "limit": 5.0}
    answer = b"HTTP/1.1 200 OK\r\n\r\njobs 7\n"
    with socket.create_server(("127.0.0.1", 0)) as server, serving(answer) as port:
        metrics = {
            "silent": {**place, "port": server.getsockname()[1]},
            "told": {**place, "port": port},
            "gone": {**place, "port": 1},
        }
        with pulse(tmp_path, metrics=metrics) as process:
            first = until(process, lambda line: {"told", "gone"} <= line.metrics.keys())
            later = until(process, lambda line: line.beat >= first.beat + 5)
    assert (first.metrics["told"].value, first.metrics["told"].why) == (7, "")
    # Nobody answers one of them: it holds up neither lines nor others.
    assert set(later.metrics) == {"gone", "told"}
    assert later.metrics["gone"].value is None
    assert later.metrics["gone"].why.startswith("/metrics: ")
    assert first.metrics["gone"].asked < later.metrics["gone"].asked <= later.up


def test_its_own_request_is_one_that_it_understands(tmp_path: Path) -> None:
    bundle = compiled(FULL).bundles[0]
    asked = json.loads(request(bundle, Question(), Rhythm(period=0.05, groups=str(tmp_path))))
    with pulse(tmp_path, **{key: value for key, value in asked.items() if key != "groups"}) as process:
        line = until(process, lambda line: line.probes)
    assert asked["members"].keys() >= line.probes.keys()
    assert set(line.units) == {unit for m in asked["members"].values() for unit in m["units"]}


@contextmanager
def answering(path: Path, text: bytes) -> Generator[None]:
    """A socket that answers every question with `text`."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()

        def serve() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                with client:
                    assert client.recv(100) == b"how much\n"
                    client.sendall(text)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def has_ended(process: int) -> bool:
    """Within ten seconds; one that nobody has waited for yet has ended too."""
    deadline = time.monotonic() + 10
    stat = Path(f"/proc/{process}/stat")
    while time.monotonic() < deadline:
        try:
            if stat.read_text().rpartition(")")[2].split()[0] in "ZX":
                return True
        except OSError:
            return True
    return False

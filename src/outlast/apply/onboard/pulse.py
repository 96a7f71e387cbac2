"""Runs ON the machine: a line of JSON once or twice a second while somebody reads. Standard library only, Python 3.11+.

It tells that the machine lives, which services have processes, what the processor did, what gauges and members say of
loads and, now and then, what the members' probes print. It starts no process but probes, judges nothing and changes
nothing. It ends when nobody reads its lines, and in any case after its life: whoever wants more starts it again.
"""

# pyright: basic
# One JSON document comes in and goes by lines: the types stand on the reader's side, in `controller/beat.py`.

import contextlib
import itertools
import json
import math
import os
import pathlib
import signal
import socket
import sys
import threading
import time

from outlast.apply.onboard.metric import PIECE, figure
from outlast.apply.onboard.probes import NICE, begin, end, finish

ANSWER_LIMIT = 0.3


def main():
    request = json.load(sys.stdin)
    asked = {name: Asked(member) for name, member in request["members"].items()}
    shown = {name: Watched(metric) for name, metric in request["metrics"].items()}
    signal.signal(signal.SIGALRM, lambda *_: stop(asked))
    try:
        beat(request, asked, shown)
    except BrokenPipeError:
        stop(asked)
    for member in asked.values():
        member.stop()


def beat(request, asked, shown):
    """The lines. Each period begins anew where the clock is: what came late is left out, not caught up with."""
    began = time.monotonic()
    due, before = began, None
    boot = read("/proc/sys/kernel/random/boot_id").strip()
    for number in itertools.count():
        now = time.monotonic()
        if now - began >= request["life"]:
            return
        units = {unit: has_processes(request["groups"], unit) for member in asked.values() for unit in member.units}
        for member in asked.values():
            changed = before is not None and any(units[unit] != before[unit] for unit in member.units)
            if now >= due or changed or member.again:
                member.ask(request["limit"])
        for metric in shown.values():
            metric.ask(now, request["metric"])
        if now >= due:
            # All at once at first; from then on each machine at another moment, so that not all of a site look at once.
            due = now + (request["probe"] if number else request["offset"])
        line = {
            "beat": number,
            "boot": boot,
            "up": now,
            **processor(request["groups"]),
            **memory(request["groups"]),
            "units": units,
            "used": {unit: spent(f"{request['groups']}/system.slice/{unit}") for unit in request["metered"]},
            "probes": {name: said for name, member in asked.items() if (said := member.said())},
            "metrics": {name: metric.last for name, metric in shown.items() if metric.last},
            "gauges": {name: ask(**gauge) for name, gauge in request["gauges"].items()},
        }
        # A reader that is gone without a word never reads again: what is written to it would wait for ever.
        signal.alarm(request["stuck"])
        print(json.dumps(line, separators=(",", ":")), flush=True)  # noqa: T201 - what it is for
        signal.alarm(0)
        before = units
        time.sleep(max(0.0, now + request["period"] - time.monotonic()))


class Asked:
    """A member whose probe runs beside the lines, one at a time. `again`: asked for while one ran that began before."""

    def __init__(self, member):
        self.units, self.argv = member["units"], member["probe"]
        self.process, self.answers, self.again = None, [], False
        self.busy = threading.Lock()

    def ask(self, limit):
        if self.argv and self.busy.acquire(blocking=False):
            self.again = False
            threading.Thread(target=self.probe, args=(limit,), daemon=True).start()
        else:
            self.again = bool(self.argv)

    def probe(self, limit):
        os.nice(NICE)  # this thread's own, and of what it starts
        asked = time.monotonic()
        try:
            self.process = begin(self.argv)
            answer = finish(self.process, asked + limit)
        except OSError as error:
            answer = {"returncode": 127, "stdout": "", "stderr": str(error)}
        self.answers.append({**answer, "asked": asked})
        self.process = None
        self.busy.release()

    def said(self):
        """What a probe printed, once."""
        return self.answers.pop(0) if self.answers else None

    def stop(self):
        if process := self.process:
            end(process)


class Watched:
    """A figure that a member shows, asked for beside the lines, one question at a time. `last`: what came of the last
    one that was answered; its age tells when no more come."""

    def __init__(self, metric: dict):
        self.metric, self.last, self.asked = metric, None, -math.inf
        self.busy = threading.Lock()

    def ask(self, now, pause):
        """Every `pause` seconds, unless the one before has no answer yet."""
        if now - self.asked >= pause and self.busy.acquire(blocking=False):
            self.asked = now
            threading.Thread(target=self.look, args=(now,), daemon=True).start()

    def look(self, now):
        self.last = {**figure(**self.metric), "asked": now}
        self.busy.release()


def stop(asked):
    """End at once: nobody reads any more, and to say so would wait."""
    for member in asked.values():
        member.stop()
    os.kill(os.getpid(), signal.SIGKILL)


def has_processes(groups, unit):
    """Whether a service has processes; None where its control group is not to be seen and it may never have run."""
    events = read(f"{groups}/system.slice/{unit}/cgroup.events")
    return "populated 1" in events if events else None


def processor(groups):
    """Seconds that the machine's processors worked since its boot, and how many it has."""
    # Of the machine's own control group, so that a container says what is its own and not its host's.
    quota, _, period = read(f"{groups}/cpu.max").partition(" ")
    allowed = int(quota) / int(period) if quota.isdigit() else len(os.sched_getaffinity(0))
    return {"worked": spent(groups), "processors": allowed}


def spent(group):
    """Seconds that processors worked for a control group; None where it is not to be seen."""
    # Told of every group, also where its parent does not share out processors. Source: cgroup-v2, cpu.stat.
    stat = dict(line.split() for line in read(f"{group}/cpu.stat").splitlines())
    return int(stat["usage_usec"]) / 1e6 if "usage_usec" in stat else None


def memory(groups):
    """Bytes that the machine may use, and those that are free; its host's where it has no limit of its own."""
    used, limit = read(f"{groups}/memory.current"), read(f"{groups}/memory.max")
    if used and limit.strip().isdigit():
        return {"memory": int(limit), "free": int(limit) - int(used)}
    lines = dict(line.split(":") for line in read("/proc/meminfo").splitlines())
    sizes = [int(lines[key].split()[0]) * 1024 if key in lines else None for key in ("MemTotal", "MemAvailable")]
    return {"memory": sizes[0], "free": sizes[1]}


def ask(path, text):
    """What a Unix socket answers to a text; None when it does not."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(ANSWER_LIMIT)
        asking.connect(path)
        asking.sendall(text.encode())
        pieces = list(iter(lambda: asking.recv(PIECE), b""))
        return b"".join(pieces).decode(errors="replace")
    return None


def read(path):
    try:
        return pathlib.Path(path).read_text("utf-8")
    except OSError:
        return ""


if __name__ == "__main__":
    main()

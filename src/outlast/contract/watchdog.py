"""A watchdog ends a process that is alive and deaf, so that systemd starts it again.

It asks the process on its own control socket. One that does not answer may only be short of a processor, and would
lose everything that it holds for nothing: it is ended only if none of its threads has work to do either, in several
looks in a row. Whoever looks needs the processor too, so a look that came late counts for nothing.

systemd's own watchdog (`WatchdogSec=`) cannot tell these apart, and needs a program that knows of it.
"""

from __future__ import annotations

from outlast.contract.bundle import Service
from outlast.contract.unit import Unit, argument

# Takes the control socket, what to ask there, and the folder of the service's control group.
PROGRAM = """
import os, signal, socket, sys, time

PAUSE, STEP, PATIENCE, LOOKS = 0.2, 0.1, 0.15, 3

def answers(path, question):
    # None: nobody is there, which is not the same as no answer.
    with socket.socket(socket.AF_UNIX) as asked:
        asked.settimeout(PATIENCE)
        try:
            asked.connect(path)
            asked.sendall(question.encode() + b"\\n")
            return bool(asked.recv(1)) or None
        except (TimeoutError, BlockingIOError):
            return False
        except OSError:
            return None

def processes(group):
    try:
        with open(group + "/cgroup.procs") as listed:
            return [int(line) for line in listed]
    except OSError:
        return []

def busy(numbers):
    # Running, or waiting for a processor. One that ends while it is looked at is no deaf one.
    try:
        for number in numbers:
            for thread in os.listdir(f"/proc/{number}/task"):
                with open(f"/proc/{number}/task/{thread}/stat") as told:
                    if told.read().rpartition(")")[2].split()[0] == "R":
                        return True
    except OSError:
        return True
    return False

def deaf(path, question, group, looks=LOOKS, wait=time.sleep, now=time.monotonic):
    # Whether it is, after so many looks that all say so.
    for _ in range(looks):
        began = now()
        if answers(path, question) is not False or busy(processes(group)) or now() - began > 2 * PATIENCE:
            return False
        wait(STEP)
    return True

if __name__ == "__main__":
    while True:
        if deaf(*sys.argv[1:]):
            print("it is there, has nothing to do and does not answer: ended, to be started again", flush=True)
            for number in processes(sys.argv[3]):
                os.kill(number, signal.SIGKILL)
        time.sleep(PAUSE)
""".strip()


def watchdog(service: str, *, socket: str, question: str, user: str) -> Service:
    """The service beside `service` that watches it; `question` is a line that is always answered on `socket`."""
    words = (PROGRAM, socket, question, f"/sys/fs/cgroup/system.slice/{service}")
    name = service.removesuffix(".service")
    unit = Unit(
        description=f"the watchdog of {name}",
        start=" ".join(("/usr/bin/python3", "-I", "-S", "-c", *map(argument, words))),
        user=user,
        group=user,
        extra=(f"SyslogIdentifier={name}-watchdog",),
    )
    return Service(f"{name}-watchdog.service", unit.text())

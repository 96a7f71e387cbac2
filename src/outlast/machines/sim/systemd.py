"""A small systemd for one simulated machine: services start at once and run until they are stopped or lose power.

It reads unit files only as far as their type; what a service does is its engine's model. It knows the calls that are
made of the real one, and refuses all others.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

from outlast.contract.probe import Output
from outlast.contract.scene import Process
from outlast.machines.sim import disk

UNITS = "etc/systemd/system"
WANTS = f"{UNITS}/multi-user.target.wants"
ONESHOT = re.compile(r"^Type=oneshot$", re.MULTILINE)
REMAINS = re.compile(r"^RemainAfterExit=(yes|true|1)$", re.MULTILINE)
LOG = 50


@dataclass(frozen=True, slots=True)
class Service:
    """What systemd knows of a service. `loaded` is the digest of the unit's text that it goes by, empty: none yet."""

    state: str = "inactive"
    since: float = 0.0
    starts: int = 0
    loaded: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """All of one machine's systemd. `boot` differs at each boot."""

    boot: str
    services: dict[str, Service] = field(default_factory=dict[str, Service])
    log: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Systemd:
    """The systemd of the machine with this disk; `power` is its state file, `clock` tells seconds."""

    root: Path
    power: Path
    clock: Callable[[], float]

    def boot(self) -> None:
        """Switch on: start every service that is enabled."""
        state = State(f"{self.clock():.6f}")
        for link in sorted((self.root / WANTS).glob("*.service")):
            state, _ = self._start(state, link.name)
        self._keep(state)

    def state(self) -> State | None:
        """What is known now; None while the power is off."""
        text = disk.read(self.power)
        if text is None:
            return None
        held = cast(dict[str, Any], json.loads(text))
        return State(held["boot"], {name: Service(**s) for name, s in held["services"].items()}, tuple(held["log"]))

    def processes(self) -> dict[str, Process]:
        """The services for a scene."""
        state = self.state()
        return {name: _process(state.boot, service) for name, service in state.services.items()} if state else {}

    def control(self, words: Sequence[str]) -> Output:
        """`systemctl` with these words."""
        state = self.state()
        if state is None:
            raise AssertionError("nothing runs on a machine without power")
        verb, *rest = words
        names = [word for word in rest if not word.startswith("-")]
        match verb:
            case "show":
                return self._show(state, rest)
            case "is-active":
                states = [state.services.get(name, Service()).state for name in names]
                return Output(0 if set(states) == {"active"} else 3, "".join(f"{s}\n" for s in states), "")
            case "daemon-reload":
                loaded = {name: replace(s, loaded=self._digest(name)) for name, s in state.services.items()}
                self._keep(replace(state, services=loaded))
            case "reset-failed":
                pass
            case "start" | "restart" | "reload" | "stop":
                return self._do(state, verb, names)
            case _:
                return Output(1, "", f"the simulated systemctl knows no verb {verb}\n")
        return Output(0, "", "")

    def journal(self, words: Sequence[str]) -> Output:
        """`journalctl`: the lines of all services."""
        state = self.state()
        wanted = {after for word, after in pairwise(words) if word in ("--unit", "-u")}
        lines = state.log if state else ()
        return Output(0, "".join(f"{line}\n" for line in lines if not wanted or line.split(":")[0] in wanted), "")

    def _do(self, state: State, verb: str, names: Sequence[str]) -> Output:
        for name in names:
            if verb == "stop":
                stopped = replace(state.services.get(name, Service()), state="inactive")
                state = self._with(state, name, stopped, "stopped")
                continue
            runs = state.services.get(name, Service()).state == "active"
            if verb == "reload" and not runs:
                return Output(1, "", f"Job for {name} failed: it is not active.\n")
            if verb == "reload":
                state = self._with(state, name, state.services[name], "reloaded")
            elif verb == "restart" or not runs:
                state, failed = self._start(state, name)
                if failed:
                    return Output(5, "", failed)
        self._keep(state)
        return Output(0, "", "")

    def _start(self, state: State, name: str) -> tuple[State, str]:
        unit = disk.read(self.root / UNITS / name)
        if unit is None:
            return state, f"Failed to start {name}: Unit {name} not found.\n"
        known = state.services.get(name, Service())
        ends = ONESHOT.search(unit) and not REMAINS.search(unit)
        started = Service(
            "inactive" if ends else "active", self.clock(), known.starts + 1, known.loaded or self._digest(name)
        )
        return self._with(state, name, started, "ran" if ends else "started"), ""

    def _with(self, state: State, name: str, service: Service, did: str) -> State:
        log = (*state.log, f"{name}: {did} at {self.clock():.3f}")[-LOG:]
        return replace(state, services={**state.services, name: service}, log=log)

    def _show(self, state: State, words: Sequence[str]) -> Output:
        names = [word for word in words if word.endswith((".service", ".target", ".socket"))]
        wanted = _after(words, "--property")
        blocks: list[str] = []
        for name in names:
            facts = self._facts(state, name)
            chosen = [key for key in wanted.split(",") if key in facts] if wanted else list(facts)
            is_bare = "--value" in words
            blocks.append("".join(f"{facts[key]}\n" if is_bare else f"{key}={facts[key]}\n" for key in chosen))
        return Output(0, "\n".join(blocks), "")

    def _facts(self, state: State, name: str) -> dict[str, str]:
        service = state.services.get(name, Service())
        runs = service.state == "active"
        return {
            "ActiveState": service.state,
            "SubState": "running" if runs else "dead",
            "NRestarts": "0",
            "ExecMainCode": "0",
            "ExecMainStatus": "0",
            "Result": "success",
            "MainPID": "1000" if runs else "0",
            "InvocationID": _process(state.boot, service).run,
            "NeedDaemonReload": "yes" if service.loaded and service.loaded != self._digest(name) else "no",
        }

    def _digest(self, name: str) -> str:
        text = disk.read(self.root / UNITS / name)
        return hashlib.sha256(text.encode()).hexdigest()[:16] if text is not None else ""

    def _keep(self, state: State) -> None:
        disk.write(self.power, json.dumps(asdict(state)))


def _after(words: Sequence[str], option: str) -> str:
    return next((after for word, after in pairwise(words) if word == option), "")


def _process(boot: str, service: Service) -> Process:
    runs = service.state == "active"
    return Process(service.state, f"{boot}/{service.starts}" if runs else "", service.since)

"""What a machine is asked to tell, and a line of what it tells: the two ends of `apply/onboard/pulse.py`, as values."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field

from pydantic import BaseModel, ConfigDict

from outlast.contract.bundle import Bundle
from outlast.contract.gauge import Gauge
from outlast.contract.probe import Output

GROUPS = "/sys/fs/cgroup"


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Seconds. `period`: from line to line, `gauged`: the same where loads are shown; `probe`: from one run of a
    member's probe to the next, each within `limit`; `metric`: from one question for a member's own figure to the next,
    each within `answer`. A pulse ends by itself after `life`, and when a line is not taken from it for `stuck`.
    `groups` is the folder of the machine's control groups."""

    period: float = 1.0
    gauged: float = 0.5
    # A probe costs 20 to 120 ms of a processor, and a service that loses its processes has its own asked at once.
    probe: float = 10.0
    limit: float = 6.0
    metric: float = 2.0
    answer: float = 1.0
    life: float = 300.0
    stuck: int = 10
    groups: str = GROUPS


class Said(BaseModel):
    """What a probe printed. `asked`: when it was started, by the machine's clock."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    returncode: int
    stdout: str
    stderr: str
    asked: float

    @property
    def output(self) -> Output:
        """The same for the component's parser."""
        return Output(self.returncode, self.stdout, self.stderr)


class Figure(BaseModel):
    """What a member showed of itself, None: `why` not. `asked`: when it was asked, by the machine's clock."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    value: float | None
    why: str
    asked: float


class Beat(BaseModel):
    """One line. `up` is the machine's clock since its boot, `worked` the seconds that its processors worked since then;
    `units` says of each service whether it has processes, None where that is not to be seen; `used` the seconds that
    processors worked for each of those that are metered, since it was started; `probes` are those that ended since the
    line before, `metrics` the last figures that members showed, `gauges` what sockets answered, None: nothing."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    beat: int
    boot: str
    up: float
    worked: float | None
    processors: float
    memory: int | None
    free: int | None
    units: dict[str, bool | None]
    used: dict[str, float | None]
    probes: dict[str, Said]
    metrics: dict[str, Figure]
    gauges: dict[str, str | None]


@dataclass(frozen=True, slots=True)
class Display:
    """Where a member shows a figure of its own: at an address and port, to who asks for `host`; and its name there."""

    address: str
    port: int
    host: str
    path: str
    name: str


@dataclass(frozen=True, slots=True)
class Question:
    """What a machine's pulse shall tell beside its members' health: `gauges` and `metrics` by the members that have
    one; `metered` are services of which it tells what they use."""

    gauges: Mapping[str, Gauge] = field(default_factory=dict[str, Gauge])
    metered: Collection[str] = ()
    metrics: Mapping[str, Display] = field(default_factory=dict[str, Display])


def request(bundle: Bundle, question: Question, rhythm: Rhythm) -> bytes:
    """What the pulse of one machine reads at its start."""
    members = {
        held.member: {
            "units": [service.name for service in held.part.services if service.enabled],
            "probe": list(held.part.probe),
        }
        for held in bundle.parts
        if held.member
    }
    document = {
        "period": min(rhythm.period, rhythm.gauged) if question.gauges else rhythm.period,
        "probe": rhythm.probe,
        "offset": rhythm.probe * (0.5 + _fraction(bundle.machine)),
        "limit": rhythm.limit,
        "life": rhythm.life,
        "stuck": rhythm.stuck,
        "groups": rhythm.groups,
        "members": members,
        "metered": sorted(question.metered),
        "metric": rhythm.metric,
        "metrics": {name: {**asdict(display), "limit": rhythm.answer} for name, display in question.metrics.items()},
        "gauges": {name: {"path": gauge.socket, "text": gauge.question} for name, gauge in question.gauges.items()},
    }
    return json.dumps(document).encode()


def _fraction(name: str) -> float:
    """From 0 to 1, the same for a name each time: machines do not all look at the same moment."""
    return int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) / 2**32

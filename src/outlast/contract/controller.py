"""What a controller is told, and what it says of itself: two files on its machine, between those who write and read.

The component writes the first and reads the second; the process that runs there does it the other way round.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

ASSIGNMENT = "/etc/outlast/controller/controller.json"
STATE = "/var/lib/outlast-controller"
"""Where a site is handed over to, readable by root only."""
RUNTIME = "/run/outlast-controller"
CONDITION = f"{RUNTIME}/status.json"
SAID_EVERY = 1.0
"""Seconds between two conditions that a controller says."""


class Assignment(BaseModel):
    """Who a controller is, and by which members of etcd it agrees with the others: URLs, the nearest first."""

    model_config = ConfigDict(frozen=True)

    site: str
    datacenter: str
    member: str
    machine: str
    endpoints: tuple[str, ...]
    authority: str
    certificate: str
    key: str


class Duty(StrEnum):
    """What a controller does now."""

    LEADER = "leader"
    """It decides and acts."""
    STANDBY = "standby"
    """It follows as soon as nobody leads."""
    WAITING = "waiting"
    """No site was handed over to it yet."""


class Condition(BaseModel):
    """How a controller is. `at` and `since` (of its role) are seconds on the machine's monotonic clock, which nobody
    can set. `tenure`: the number of its time in office, 0 without one."""

    model_config = ConfigDict(frozen=True)

    at: float
    role: Duty
    since: float
    tenure: int = 0
    doing: str = ""
    waiting_on: tuple[str, ...] = ()

"""Keeps a member that was cut off from disturbing the others when it returns.

The old view that it remembers would be proposed to them, and all of them could be without a primary component for
seconds. So a member that finds itself alone and without a primary component leaves the group's port (`gmcast.isolate`),
alive, and asks the others over HTTP:

- one is in a primary component: this member is ended at once. systemd starts it again, without memory of its old view,
  and it joins. Nothing is lost: what it had acknowledged was held by the majority that went on.
- one answers, none is primary: the whole cluster came apart. It returns to the group's port, and they unite by themselves.
- nobody answers: it is still cut off, and stays as it is.

A member whose copy failed leaves the group for good and stays, alive and useless: Galera logs `node restart required`
and leaves that to others. It is ended too, once another one serves.

It never ends a member unless another one serves at that moment.
"""

import os
import signal
from pathlib import Path

import cluster
import neighbours

PID = Path("/run/mysqld/mysqld.pid")
# Members that found each other again need some time to unite; until then they are still alone.
UNITING = 5.0
# A member that is starting or stopping has no group either, for moments.
GONE = 2.0
# One that has just got its copy says that it is alone until it has looked at the group that it is in. On a busy machine
# that was long enough to be ended for it.
ARRIVING = 10.0


class Guard:
    """What is done about a member that is alone: `execute` runs a statement in the database, `ask` tells how the others
    stand, `end` ends MariaDB."""

    def __init__(self, execute, ask, end):
        self.execute, self.ask, self.end = execute, ask, end
        self.isolated = False
        self.uniting_until = 0.0
        self.gone_since = None
        self.arrives_until = None

    def step(self, status, now):
        """Called with each answer of the database; `now` in seconds of a clock that never goes back."""
        if not _has_left(status):
            self.gone_since = None
        elif self.gone_since is None:
            self.gone_since = now
        elif now - self.gone_since >= GONE and neighbours.PRIMARY in self.ask():
            print("left the group for good: MariaDB starts anew, to join the others that serve", flush=True)
            self.end()
            self.gone_since = None
        if not _is_alone(status):
            # The setting dies with the MariaDB that had it.
            self.isolated = False
            if status.get("wsrep_cluster_status") == "Primary":
                self.arrives_until = now
            return
        if self.arrives_until is None:
            self.arrives_until = now + ARRIVING
        if now < self.arrives_until:
            return
        if not self.isolated and now < self.uniting_until:
            return
        if not self.isolated:
            # At once, before anybody is asked: the link may be mended at any moment.
            self._isolate(True)
        standings = self.ask()
        if neighbours.PRIMARY in standings:
            print("was cut off, and others went on: MariaDB starts anew, to join them without its old view", flush=True)
            self.end()
        elif neighbours.OTHER in standings:
            self.uniting_until = now + UNITING
            self._isolate(False)

    def _isolate(self, wanted):
        self.execute(f"SET GLOBAL wsrep_provider_options = 'gmcast.isolate={int(wanted)}'")
        self.isolated = wanted
        print("alone: leaves the group's port until another member answers" if wanted else "returns to the group's port", flush=True)


def end_database():
    try:
        os.kill(int(PID.read_text("utf-8")), signal.SIGKILL)
    except (FileNotFoundError, ProcessLookupError):
        # It has ended already.
        return


def _is_alone(status):
    """Whether nobody else is in its component, and that one is not primary."""
    others = bool(cluster.member()["health"])
    return others and status.get("wsrep_cluster_status") != "Primary" and status.get("wsrep_cluster_size") == "1"


def _has_left(status):
    """Whether it is in no group at all, and was not told to stop."""
    others = bool(cluster.member()["health"])
    return others and status.get("wsrep_cluster_status") == "Disconnected" and not cluster.LEAVING.exists()

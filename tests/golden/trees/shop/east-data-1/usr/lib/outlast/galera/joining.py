"""How a member gets into a cluster that serves, and what is done when it does not get in.

A MariaDB that waits for a primary component looks ten times a second whether it is in one, and hears its group only
then; the others, who need its word before they go on, stand still until it looks. Told not to wait it hears them at
once (decision 41).

It begins to agree with the first one that it meets. Whom it has not met when `suspect` is over it takes for gone, and the
others would take that from it and give up one of their own. So it is slower than they are: then it is the newcomer who is
left out, and tries again (decision 42).

But who waits gives up after 30 s, and is started again; who does not would look for its group for ever. So it is
ended after the same time, when another one serves.
"""

import os
import signal
from pathlib import Path

import cluster
import neighbours

LIMIT = 30.0
PERIOD = 1.0
PROGRAM = "mariadbd"
SUSPECT = "PT0.4S"
PATIENT = "PT1S"
# Galera writes down each primary component that it is in. The start has removed the last one.
VIEW = cluster.DATA / "gvwstate.dat"
# A member that gets a copy is in; the copy may take hours, and what lies in its folder is replaced meanwhile.
COPYING = cluster.DATA / "sst_in_progress"


def options():
    """The option of MariaDB that makes it join at once: what my.cnf says to Galera, not to wait, and to be patient."""
    return f"--wsrep-provider-options={cluster.provider_options()};pc.wait_prim=no;evs.suspect_timeout={PATIENT}"


class Arrival:
    """From when on a member is as quick to suspect the others as they are. `execute` runs a statement in the database."""

    def __init__(self, execute):
        self.execute, self.told = execute, False

    def step(self, status):
        """Called with each answer of the database. Said once for each connection to it: to say it again changes nothing."""
        if self.told or status.get("wsrep_cluster_status") != "Primary":
            return
        self.execute(f"SET GLOBAL wsrep_provider_options = 'evs.suspect_timeout={SUSPECT}'")
        self.told = True


class Joining:
    """`ask` tells how the others stand, `end` ends a process."""

    def __init__(self, ask, end):
        self.ask, self.end = ask, end
        self.entered, self.looked = None, None

    def step(self, now):
        """Called again and again; `now` in seconds of a clock that never goes back."""
        if self.looked is not None and now - self.looked < PERIOD:
            return
        self.looked = now
        run = cluster.noted()
        if run is None or run.get("joins") is None:
            return
        if VIEW.exists() or COPYING.exists():
            self.entered = run["invocation"]
        if now - run["joins"] < LIMIT or self.entered == run["invocation"] or not runs(run["pid"]):
            return
        if neighbours.PRIMARY in self.ask():
            print(f"did not get into the group within {LIMIT:.0f} s: MariaDB starts anew, to join the others that serve", flush=True)
            self.end(run["pid"])


def runs(pid):
    """Whether this process is a MariaDB: the number may be another one's by now."""
    try:
        return Path(f"/proc/{pid}/comm").read_text("utf-8").strip() == PROGRAM
    except (FileNotFoundError, ProcessLookupError):
        return False


def end(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        # It has ended already.
        return

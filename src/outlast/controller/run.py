"""The controller as a process: waits until a site is handed over, waits until it leads, governs, and begins again.

python -m outlast.controller.run /etc/outlast/controller/controller.json
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

from outlast.contract.controller import STATE, Assignment, Duty
from outlast.controller.agreement import Agreement, agreement_of
from outlast.controller.kit import ENVIRONMENT, KEY, SITE_FILE
from outlast.controller.post import Post
from outlast.controller.reign import Reign
from outlast.controller.workspace import Workspace, open_workspace
from outlast.kernel.errors import OutlastError
from outlast.seal.key import VARIABLE

KIT = Path(STATE) / "kit"
PAUSE = 1.0
AGAIN = 3.0
STUCK = 60.0


def handed_over() -> str:
    """Which kit is here; empty: none."""
    with suppress(OSError):
        return (KIT / "digest").read_text(encoding="ascii").strip()
    return ""


async def serve(assignment: Assignment) -> None:
    """Govern the site whenever this member leads. Ends only when it is cancelled."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, _tell_tasks)
    async with agreement_of(assignment) as agreement:
        post = Post(assignment.member, agreement)
        telling = asyncio.create_task(post.keep_telling())
        try:
            while True:
                await _govern(assignment, agreement, post)
        finally:
            telling.cancel()


async def _govern(assignment: Assignment, agreement: Agreement, post: Post) -> None:
    """One tenure, from waiting for a kit to its end."""
    post.takes(Duty.WAITING)
    while not handed_over():  # noqa: ASYNC110 - another process hands it over
        await asyncio.sleep(PAUSE)
    post.takes(Duty.STANDBY)
    try:
        first = next(iter(_opened().site.datacenters))
        if assignment.datacenter != first:
            # Each data centre has a coordination of its own: two leaders would not know of each other.
            post.stands_by(f"the controllers of {first} govern")
            await asyncio.sleep(AGAIN)
            return
        async with agreement.lead(assignment.member, post.stands_by) as tenure:
            post.takes(Duty.LEADER, tenure.number)
            kits = _Kits()
            reign = Reign(kits.newest(), agreement, tenure, post)
            watch = asyncio.create_task(_watch(reign))
            try:
                await reign.run(kits.newer)
            finally:
                watch.cancel()
    except OutlastError as error:
        for finding in error.findings:
            post.failed(finding)
        await asyncio.sleep(AGAIN)


class _Kits:
    """What was handed over, one kit after another."""

    def __init__(self) -> None:
        self._opened = ""

    def newest(self) -> Workspace:
        """The site as it was handed over last."""
        # Noted first: one that comes in this moment is opened once more, and not passed over.
        self._opened = handed_over()
        return _opened()

    def newer(self) -> Workspace | None:
        """The same, when it is another one than before."""
        return self.newest() if handed_over() not in ("", self._opened) else None


def _opened() -> Workspace:
    """What was handed over last: its own folder, not the link to it, so that nothing later appears in the middle."""
    kit = KIT.resolve()
    os.environ[VARIABLE] = (kit / KEY).read_text(encoding="ascii")
    named = kit / ENVIRONMENT
    environment = named.read_text(encoding="ascii") if named.exists() else ""
    return open_workspace(kit / SITE_FILE, environment, sources=False)


async def _watch(reign: Reign) -> None:
    """A leader that does nothing and holds its office would be worse than none: systemd starts this one anew."""
    while time.monotonic() - reign.turned < STUCK:  # noqa: ASYNC110 - what is looked for is that nothing happens
        await asyncio.sleep(AGAIN)
    _tell_tasks()
    print(f"has not looked for {STUCK:g} s: ends", flush=True)  # noqa: T201 - the journal is its terminal
    os._exit(1)


def _tell_tasks() -> None:
    """For a person who asks by `systemctl kill --signal=USR1`: where everything waits."""
    for task in asyncio.all_tasks():
        task.print_stack(file=sys.stdout)
    sys.stdout.flush()


def main() -> None:
    """Serve as the assignment says whose path is on the command line."""
    asyncio.run(serve(Assignment.model_validate_json(Path(sys.argv[1]).read_bytes())))


if __name__ == "__main__":
    main()

"""The dead man of faults that only a provider can heal: a process of its own on the operator's computer.

`python -m outlast.proof.faults.guardian SITE_FILE ENVIRONMENT WORD` reads everything it will need, says `ready`, and
gives the machines of that word (see `guard`) their power back when its time is up. It ends when somebody else did, or
when the site is gone. It must never make a machine, only switch on one that is there.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path

from outlast.contract.registry import discover
from outlast.controller.makers import Place, maker
from outlast.controller.store import own_folder
from outlast.kernel.errors import Finding, OutlastError
from outlast.machines.provider import Provider
from outlast.proof.faults import guard
from outlast.site.load import load
from outlast.topology.sections import sections

POLL = 0.1
READY_LIMIT = 30.0
AGAIN = 2.0
GIVE_UP = 600.0


async def watch(provider: Provider, word: Path) -> None:
    """Keep the word when its time is up, again and again until it is kept."""
    guarded = guard.read(word)
    if guarded is None:
        return
    deadline = time.monotonic() + guarded.seconds
    # Another process takes the file away: nobody here could be told.
    while word.exists() and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(POLL)
    while word.exists():
        try:
            await guard.restore(provider, word)
        except OutlastError as error:
            if time.monotonic() > deadline + GIVE_UP:
                raise
            sys.stderr.write(f"{error}\n")
            await asyncio.sleep(AGAIN)


async def post(site_file: Path, environment: str, word: Path) -> None:
    """Start a guardian, which outlives us, and wait until it has all it needs."""
    argv = [sys.executable, "-m", __name__, str(site_file.resolve()), environment, str(word.resolve())]
    pipe, nobody = subprocess.PIPE, subprocess.DEVNULL
    with word.with_suffix(".log").open("wb") as log:
        # Not asyncio's: that ends its processes when its loop ends.
        guardian = subprocess.Popen(argv, stdin=nobody, stdout=pipe, stderr=log, start_new_session=True)  # noqa: ASYNC220
    assert guardian.stdout is not None
    try:
        async with asyncio.timeout(READY_LIMIT):
            said = await asyncio.to_thread(guardian.stdout.readline)
    except TimeoutError:
        guardian.kill()
        said = b""
    if said != b"ready\n":
        lines = tuple(word.with_suffix(".log").read_text(errors="replace").splitlines()[-8:])
        why = "without it, nobody would switch the machines on again if this command were killed"
        raise OutlastError(
            Finding(word.stem, "the fault's guardian does not start", why, "see below what it said", evidence=lines)
        )


def main() -> None:
    """A guardian's life."""
    site_file, environment, word = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    site = load(site_file.read_text(encoding="utf-8"), str(site_file), sections(discover()), environment).site
    home = site_file.parent
    provider = maker(site).provide(Place(site, home, home / own_folder(environment)))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    asyncio.run(watch(provider, word))
    word.with_suffix(".log").unlink(missing_ok=True)


if __name__ == "__main__":
    main()

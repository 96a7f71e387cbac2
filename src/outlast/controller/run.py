"""The controller as a process: waits until a site is handed over, waits until it leads, governs, and begins again.

python -m outlast.controller.run /etc/outlast/controller/controller.json
"""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from pathlib import Path

from outlast.controller.agreement import Agreement
from outlast.controller.kit import FOLDER, KEY, SITE_FILE
from outlast.controller.post import Post, Settings
from outlast.controller.reign import Reign
from outlast.controller.workspace import open_workspace
from outlast.kernel.errors import OutlastError
from outlast.seal.key import VARIABLE

KIT = Path(FOLDER) / "kit"
PAUSE = 1.0
AGAIN = 3.0


def handed_over() -> str:
    """Which kit is here; empty: none."""
    with suppress(OSError):
        return (KIT / "digest").read_text(encoding="ascii").strip()
    return ""


async def serve(settings: Settings) -> None:
    """Govern the site whenever this member leads. Ends only when it is cancelled."""
    async with Agreement(settings.site, settings.etcd, settings.credentials) as agreement:
        post = Post(settings, agreement)
        telling = asyncio.create_task(post.keep_telling())
        try:
            while True:
                await _govern(settings, agreement, post)
        finally:
            telling.cancel()


async def _govern(settings: Settings, agreement: Agreement, post: Post) -> None:
    """One tenure, from waiting for a kit to its end."""
    post.role, post.tenure = "waiting", 0
    while not handed_over():  # noqa: ASYNC110 - another process hands it over
        await asyncio.sleep(PAUSE)
    post.role = "standby"
    try:
        async with agreement.lead(settings.member, lambda why: post.waits([why])) as tenure:
            post.role, post.tenure = "leader", tenure.number
            while tenure.holds:
                kit = handed_over()
                os.environ[VARIABLE] = (KIT / KEY).read_text(encoding="ascii")
                # The kit's own folder, not the link to it: what is handed over later must not appear in the middle.
                workspace = open_workspace((KIT / SITE_FILE).resolve(), sources=False)
                await Reign(workspace, agreement, tenure, post).run(lambda kit=kit: handed_over() != kit)
    except OutlastError as error:
        for finding in error.findings:
            post.failed(finding)
        await asyncio.sleep(AGAIN)


def main() -> None:
    """Serve as the settings say that are named on the command line."""
    settings = Settings.model_validate_json(Path(sys.argv[1]).read_bytes())
    asyncio.run(serve(settings))


if __name__ == "__main__":
    main()

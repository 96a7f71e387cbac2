"""The options that every verb shares, with one wording."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from outlast.kernel.errors import Invalid

SITE_FILE = Path("site.yaml")


def _environments(context: typer.Context, incomplete: str) -> list[str]:
    """For a shell that completes `-e`: whatever is wrong, it gets nothing, and no message either."""
    # Only a shell that completes reads the site, and a verb that does not is quick without all that.
    from outlast.controller.workspace import environments_of

    file = context.params.get("file")
    try:
        return [name for name in environments_of(Path(file or SITE_FILE)) if name.startswith(incomplete)]
    except Invalid:
        return []


SiteFile: TypeAlias = Annotated[
    Path, typer.Option("-f", "--file", help="The site file.", envvar="OUTLAST_FILE", show_default=True)
]
Environment: TypeAlias = Annotated[
    str,
    typer.Option(
        "-e",
        "--environment",
        help="An environment of the site file; left out: the file without one.",
        envvar="OUTLAST_ENVIRONMENT",
        autocompletion=_environments,
        metavar="NAME",
    ),
]
Yes: TypeAlias = Annotated[
    bool, typer.Option("-y", "--yes", help="Do not ask before something is removed.", envvar="OUTLAST_YES")
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout, and nothing else.")]
Verbose: TypeAlias = Annotated[bool, typer.Option("-v", "--verbose", help="Say more: every step, and tracebacks.")]
Quiet: TypeAlias = Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing but errors and the result.")]
LockWait: TypeAlias = Annotated[
    float, typer.Option("--lock-wait", help="Wait at most this many seconds for another operator.", metavar="SECONDS")
]

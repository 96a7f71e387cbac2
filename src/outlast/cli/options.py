"""The options that every verb shares, with one wording."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

SiteFile: TypeAlias = Annotated[
    Path, typer.Option("-f", "--file", help="The site file.", envvar="OUTLAST_FILE", show_default=True)
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

SITE_FILE = Path("site.yaml")

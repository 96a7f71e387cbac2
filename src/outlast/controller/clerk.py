"""Answers an operator's questions on a machine that runs a controller: what was agreed on, and what happened.

    python -m outlast.controller.clerk /etc/outlast/controller/controller.json read | events AFTER

`read` prints the agreed blueprint, `events` those after a number, one a line. Everything printed is JSON.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from outlast.blueprint.blueprint import dump
from outlast.contract.controller import Assignment
from outlast.controller.agreement import HAPPENING, agreement_of
from outlast.kernel.errors import OutlastError

MODULE = "outlast.controller.clerk"
PAGE = 200
READ, EVENTS = "read", "events"


async def answer(assignment: Assignment, verb: str, argument: str) -> None:
    """Print the answer. Raises `OutlastError`."""
    async with agreement_of(assignment) as agreement:
        if verb == READ:
            agreed = await agreement.intent()
            _print(dump(agreed.blueprint).decode() if agreed else "")
            return
        after = int(argument)
        while page := await agreement.events(after, PAGE):
            for happening in page:
                _print(HAPPENING.dump_json(happening).decode())
            after = page[-1].number


def _print(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - what is printed is the answer


def main() -> None:
    """Answer the question on the command line; ends with 1 and the reason when that cannot be done."""
    path, verb, *rest = sys.argv[1:]
    assignment = Assignment.model_validate_json(Path(path).read_bytes())
    try:
        asyncio.run(answer(assignment, verb, rest[0] if rest else "0"))
    except OutlastError as error:
        sys.exit("; ".join(f"{finding.what}: {finding.why}" for finding in error.findings))


if __name__ == "__main__":
    main()

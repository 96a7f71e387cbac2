"""What a long command says where nobody watches a terminal."""

from __future__ import annotations

import pytest

from outlast.cli.progress import shown
from outlast.kernel.events import Event, Phase

EVENTS = [Event("east-data-1", phase, f"it is {phase}") for phase in Phase]


@pytest.mark.parametrize(
    ("quiet", "verbose", "said"),
    [
        (True, False, []),
        (False, False, [Phase.WAITING, Phase.DONE, Phase.FAILED]),
        (False, True, list(Phase)),
    ],
)
def test_a_file_gets_milestones(
    capsys: pytest.CaptureFixture[str], quiet: bool, verbose: bool, said: list[Phase]
) -> None:
    with shown(None, quiet=quiet, verbose=verbose) as emit:
        for event in EVENTS:
            emit(event)
    heard = capsys.readouterr()
    assert [line.rpartition(" ")[2] for line in heard.err.splitlines()] == [str(phase) for phase in said]
    assert heard.out == ""

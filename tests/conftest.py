"""What holds for every test: lab tests run or fail, they never skip; sites share a vault key that is nobody's."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest
from cryptography.fernet import Fernet
from hypothesis import settings

from outlast.machines.nspawn.requirements import requirements
from outlast.seal.key import VARIABLE

NO_LAB = "OUTLAST_NO_LAB"
LEFT_OUT = pytest.StashKey[int]()

# The boxes that run this are busy: a test's time says nothing about it.
settings.register_profile("outlast", deadline=None, print_blob=True)
settings.load_profile("outlast")
# No test puts a key into the operator's own folder, unless it says where that is.
os.environ[VARIABLE] = Fernet.generate_key().decode()


def left_out() -> bool:
    """Whether a person said that there is no lab here."""
    return os.environ.get(NO_LAB) == "1"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave lab tests out when a person said so."""
    lab = [item for item in items if item.get_closest_marker("lab")]
    if lab and left_out():
        config.hook.pytest_deselected(items=lab)
        items[:] = [item for item in items if item not in lab]
        config.stash[LEFT_OUT] = len(lab)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what was not tested."""
    if count := config.stash.get(LEFT_OUT, 0):
        terminalreporter.write_line(
            f"{NO_LAB}=1: {count} lab tests were left out; nothing is known of them", yellow=True
        )


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """A lab test fails where the box cannot run it, and says what is missing."""
    if item.get_closest_marker("lab") and (missing := [f"{f.what}: {f.fix}" for f in requirements()]):
        pytest.fail(
            f"this box cannot run the lab ({'; '.join(missing)}); {NO_LAB}=1 leaves lab tests out", pytrace=False
        )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A skipped lab test is a failed one."""
    report = yield
    if report.skipped and item.get_closest_marker("lab"):
        report.outcome = "failed"
        report.longrepr = f"a lab test must not skip: {report.longrepr}"
    return report

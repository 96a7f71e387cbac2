"""Every wrong site file of `cases/` gets exactly the findings beside it, and the good one gets none."""

import pytest

from tests.site.golden import CASES, actual

NAMES = sorted(path.stem for path in CASES.glob("*.yaml"))


@pytest.mark.parametrize("case", NAMES)
def test_findings_are_those_beside_the_case(case: str) -> None:
    assert actual(case) == (CASES / f"{case}.txt").read_text(encoding="utf-8")


def test_only_good_cases_have_no_findings() -> None:
    assert {name for name in NAMES if not actual(name)} == {name for name in NAMES if name.startswith("good")}

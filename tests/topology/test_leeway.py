"""What an operator says of a size narrows what the file allows, and what the file does not allow is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlast.contract.scaling import Scaling
from outlast.kernel.errors import Invalid
from outlast.topology.leeway import Leeway, narrowed, refused, said, understood

SCALING = Scaling(least=2, most=8, capacity=10, target=0.5)
OFFICE = Scaling(least=4, most=8, capacity=10, target=0.5, because="mon-fri 08:00-18:00")
WHERE = "site.yaml:7:12"
NUMBER = st.integers(min_value=0, max_value=30)
PAIR = st.tuples(NUMBER, NUMBER).map(sorted)


def test_a_size_is_a_number_two_of_them_or_what_the_file_says() -> None:
    assert understood("web", "4") == 4
    assert understood("web", "3..6") == Leeway("web", 3, 6)
    assert understood("web", "auto") is None
    assert str(Leeway("web", 3, 6)) == "3..6"


@pytest.mark.parametrize("text", ["four", "3-6", "3..", "..6", "6..3", "3...6", "3..6..9", "-1", "1.5", "AUTO", " 4"])
def test_what_is_no_size_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(Invalid) as refusal:
        understood("web", text)
    (finding,) = refusal.value.findings
    assert finding.what == f"`{text}` is no size"
    assert "`outlast scale web 3..6`" in finding.fix


def test_a_leeway_narrows_its_own_service_and_says_so() -> None:
    leeways = (Leeway("api", 1, 1), Leeway("web", 3, 6))
    now = narrowed(SCALING, "web", leeways)
    assert (now.least, now.most, now.because) == (3, 6, "`outlast scale web 3..6`")
    assert narrowed(SCALING, "mail", leeways) == SCALING
    assert narrowed(OFFICE, "web", leeways).because == "mon-fri 08:00-18:00, `outlast scale web 3..6`"


def test_where_a_season_asks_for_more_than_a_leeway_has_the_season_holds() -> None:
    now = narrowed(OFFICE, "web", [Leeway("web", 2, 3)])
    assert (now.least, now.most) == (4, 4)


@given(PAIR, PAIR)
def test_what_the_file_allows_is_never_left(file: list[int], wish: list[int]) -> None:
    scaling = Scaling(least=file[0], most=file[1], capacity=10, target=0.5)
    leeway = Leeway("web", wish[0], wish[1])
    now = narrowed(scaling, "web", [leeway])
    assert scaling.least <= now.least <= now.most <= scaling.most
    if refused("web", leeway, scaling, [], WHERE) is None:
        assert (now.least, now.most) == (leeway.least, leeway.most)


def test_what_is_said_last_holds_and_is_taken_back_by_itself() -> None:
    web, api = Leeway("web", 3, 6), Leeway("api", 1, 2)
    assert said([web], "api", api) == (api, web)
    assert said([api, web], "web", Leeway("web", 4, 4)) == (api, Leeway("web", 4, 4))
    assert said([api, web], "web", None) == (api,)
    assert said([api], "web", None) == (api,)


def test_what_the_file_allows_now_may_be() -> None:
    for size in (None, 2, 8, Leeway("web", 2, 8), Leeway("web", 5, 5)):
        assert refused("web", size, SCALING, [], WHERE) is None


@pytest.mark.parametrize(
    ("size", "what"),
    [
        (9, "web cannot have 9 members"),
        (0, "web cannot have 0 members"),
        (Leeway("web", 1, 4), "web cannot have 1 to 4 members"),
        (Leeway("web", 4, 9), "web cannot have 4 to 9 members"),
    ],
)
def test_what_the_file_does_not_allow_is_refused_with_its_place(size: int | Leeway, what: str) -> None:
    finding = refused("web", size, SCALING, [], WHERE)
    assert finding is not None
    assert (finding.where, finding.what, finding.why) == (WHERE, what, "the site file allows 2 to 8")
    assert "`apps.web.scale`" in finding.fix


def test_a_season_that_does_not_allow_it_is_named() -> None:
    finding = refused("web", 2, OFFICE, [], WHERE)
    assert finding is not None
    assert finding.why == "the site file allows 4 to 8 now (mon-fri 08:00-18:00)"


def test_a_number_outside_of_a_leeway_would_not_last_and_is_refused() -> None:
    finding = refused("web", 7, SCALING, [Leeway("web", 3, 6)], WHERE)
    assert finding is not None
    assert finding.why == "`outlast scale web 3..6` holds until further notice"
    assert "`outlast scale web auto`" in finding.fix
    # Another leeway takes its place.
    assert refused("web", Leeway("web", 3, 7), SCALING, [Leeway("web", 3, 6)], WHERE) is None

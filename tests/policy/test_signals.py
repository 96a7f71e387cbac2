"""What each thing that is measured asks for: the largest wish makes it grow, and nobody leaves unless all agree."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from outlast.contract.scaling import Metric, Scaling
from outlast.policy.memory import Memory
from outlast.policy.observation import Fact, Known, LoadSeen, Unknown
from outlast.policy.signals import Signal, signals
from outlast.policy.size import Resize, resize

SCALING = Scaling(least=2, most=8, capacity=10, target=0.5, processor=0.7, calm=300.0)
MUTE = "two lines are needed to tell"
SHARES = st.lists(st.none() | st.floats(min_value=0.0, max_value=1.0), min_size=1, max_size=8)


def load(busy: float | None, *shares: float | None, now: float = 0.0) -> LoadSeen:
    """Requests at the edge, and what each member uses of its processors; None: unknown."""
    used = {f"web-{number}": known(share, now) for number, share in enumerate(shares, 1)}
    return LoadSeen(known(busy, now), processors=used)


def known(value: float | None, now: float) -> Fact[float]:
    return Unknown(MUTE) if value is None else Known(value, now)


def course(
    busy: float | None, shares: Sequence[float | None], seconds: int, have: int = 2, scaling: Scaling = SCALING
) -> list[tuple[int, Resize]]:
    """(second, change) of each, while all stays as it is and nobody comes or goes."""
    memory, changes = Memory(), list[tuple[int, Resize]]()
    for now in range(seconds + 1):
        change, memory = resize(float(now), "web", have, load(busy, *shares, now=float(now)), scaling, memory)
        if isinstance(change, Resize):
            changes.append((now, change))
    return changes


def test_processors_ask_for_members_and_are_named_as_the_reason() -> None:
    at, change = course(5, (0.94, 0.74), 1)[0]
    assert (at, change) == (1, Resize("web", 3, "processor 84 % of 70 %"))


def test_what_asks_for_most_wins() -> None:
    assert course(22, (0.94, 0.74), 1)[0][1] == Resize("web", 5, "22 requests at once, and each should serve 5")


def test_one_that_is_at_its_target_asks_for_nobody() -> None:
    assert course(5, (0.7, 0.7, 0.7), 20, have=3) == []


def test_all_must_agree_before_one_goes() -> None:
    assert course(5, (0.6, 0.6, 0.6), 400, have=3) == []
    assert [at for at, _ in course(5, (0.3, 0.3, 0.3), 300, have=3)] == [300]
    assert course(14, (0.1, 0.1, 0.1), 400, have=3) == []


def test_nobody_goes_while_one_of_them_is_unknown_and_it_is_said_which() -> None:
    assert course(5, (0.1, 0.1, None), 400, have=3) == []
    assert course(None, (0.1, 0.1, 0.1), 400, have=3) == []
    answer, _ = resize(0.0, "web", 3, load(5, 0.1, 0.1, None), SCALING, Memory())
    assert answer == f"web: what its members use of their processors is unknown (web-3: {MUTE})"
    answer, _ = resize(0.0, "web", 3, load(None, 0.1, 0.1, 0.1), SCALING, Memory())
    assert answer == f"web: its load is unknown ({MUTE})"


def test_those_that_tell_are_enough_to_grow_by() -> None:
    assert course(5, (0.95, 0.95, 0.95, None), 1, have=4)[0][1] == Resize("web", 5, "processor 95 % of 70 %")
    assert course(None, (0.95, 0.95), 1)[0][1] == Resize("web", 3, "processor 95 % of 70 %")


def test_without_anybody_that_tells_nothing_is_known() -> None:
    answer, memory = resize(0.0, "web", 3, load(None, None, None), SCALING, Memory())
    assert isinstance(answer, str)
    assert memory.asks["web"] == ()
    _, processor = signals(0.0, 3, load(5), SCALING, 5.0)
    assert processor.unknown.endswith("(none of them is there)")
    # What was known long ago is not.
    _, processor = signals(9.0, 3, load(5, 0.9, 0.9), SCALING, 5.0)
    assert processor.members is None


def jobs(*shown: float | None, shared: bool = False, now: float = 0.0, have: int = 3) -> Signal:
    """What figures of their own ask for that members show."""
    metric = Metric("http", "/metrics", "jobs_waiting", 50, shared=shared)
    scaling = Scaling(least=2, most=8, capacity=10, target=0.5, metric=metric)
    figures = {f"web-{number}": known(value, now) for number, value in enumerate(shown, 1)}
    *_, signal = signals(0.0, have, LoadSeen(Known(5, 0.0), metrics=figures), scaling, 5.0)
    return signal


def test_figures_of_members_are_added_up() -> None:
    signal = jobs(100, 90, 20)
    assert (signal.members, signal.enough, signal.unknown) == (5, 5, "")
    assert signal.because == "jobs_waiting 210, and each should have 50"
    assert (jobs(0, 0, 0).members, jobs(0, 0, 0).enough) == (2, 2)


def test_a_figure_that_all_show_alike_counts_once() -> None:
    assert jobs(210, 210, 200, shared=True).members == 5
    alone = jobs(None, 210, None, shared=True)
    assert (alone.members, alone.enough, alone.unknown) == (5, 5, "")


def test_an_unknown_figure_is_no_zero() -> None:
    some = jobs(210, None, 0)
    assert (some.members, some.enough) == (5, None)
    assert some.unknown == f"jobs_waiting is unknown (web-2: {MUTE})"
    for shared in (False, True):
        none = jobs(None, None, shared=shared)
        assert (none.members, none.enough) == (None, None)
        old = jobs(500, 500, shared=shared, now=-6.0)
        assert (old.members, old.enough) == (None, None)
        assert "last known 6 s ago" in old.unknown


def test_an_app_with_an_unknown_figure_neither_grows_nor_shrinks_by_it() -> None:
    metric = Metric("http", "/metrics", "jobs_waiting", 50)
    scaling = Scaling(least=2, most=8, capacity=10, target=0.5, metric=metric, calm=10.0)
    memory = Memory()
    for now in range(60):
        seen = LoadSeen(Known(5, float(now)), metrics={"web-1": Unknown(MUTE)})
        answer, memory = resize(float(now), "web", 4, seen, scaling, memory)
        assert answer == f"web: jobs_waiting is unknown (web-1: {MUTE})"


def test_who_asks_for_nothing_of_processors_scales_without_them() -> None:
    plain = Scaling(least=2, most=8, capacity=10, target=0.5)
    assert len(signals(0.0, 2, load(5, 1.0, 1.0), plain, 5.0)) == 1


@given(st.integers(min_value=0, max_value=100), SHARES, st.integers(min_value=2, max_value=8))
def test_it_never_shrinks_where_one_signal_would_grow_it_back(busy: int, shares: list[float | None], have: int) -> None:
    found = signals(0.0, have, load(busy, *shares), SCALING, 5.0)
    changes = course(busy, shares, 301, have=have)
    grown = [change.members for _, change in changes if change.members > have]
    shrunk = [change.members for _, change in changes if change.members < have]
    wants = [signal.members for signal in found if signal.members is not None]
    assert not (grown and shrunk)
    assert all(members == max(wants) for members in grown)
    assert all(members >= max(wants) for members in shrunk)
    assert not (shrunk and None in shares)


@given(SHARES, st.integers(min_value=2, max_value=8))
def test_what_becomes_known_never_makes_it_ask_for_less(shares: list[float | None], have: int) -> None:
    _, some = signals(0.0, have, load(5, *shares), SCALING, 5.0)
    _, every = signals(0.0, have, load(5, *(share or 0.5 for share in shares)), SCALING, 5.0)
    assert every.members is not None
    assert some.members is None or some.members <= every.members
    assert some.members is None or some.enough is None or some.enough >= some.members

"""Durations and sizes are read exactly, written shortly, and never guessed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from outlast.kernel.invalid import Fault
from outlast.kernel.units import (
    LARGEST_SIZE,
    LONGEST_DURATION,
    Duration,
    Size,
    format_duration,
    format_size,
    parse_duration,
    parse_size,
)


class Options(BaseModel):
    model_config = ConfigDict(frozen=True)
    timeout: Duration = Field(default=10.0, ge=1)
    memory: Size = 512 * 1024**2


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("250ms", 0.25), ("10s", 10), ("5m", 300), ("2h", 7200), ("1d", 86400), ("1.5 s", 1.5), (" 0s ", 0)],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "size"),
    [("512MiB", 2**29), ("2GB", 2 * 10**9), ("1kB", 1000), ("7B", 7), ("1.5KiB", 1536), ("1TiB", 2**40), ("0B", 0)],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("value", "what", "fix"),
    [
        (10, "`10` has no unit", "write `10ms`, `10s` or `10m`"),
        (1.5, "`1.5` has no unit", "write `1.5ms`, `1.5s` or `1.5m`"),
        ("10", "`10` has no unit", "write `10ms`, `10s` or `10m`"),
        ("10 sec", "`sec` is not a unit of a duration", "write `10s`"),
        ("10mins", "`mins` is not a unit of a duration", "write `10m`"),
        ("10S", "`S` is not a unit of a duration", "write `10s`"),
        ("3weeks", "`weeks` is not a unit of a duration", "write it like `10s`"),
        ("-1s", "`-1s` is not a duration", "write it like `10s`"),
        ("soon", "`soon` is not a duration", "write it like `10s`"),
        (True, "this is not a duration", "write it like `10s`"),
        (None, "this is not a duration", "write it like `10s`"),
        ("4000d", "`4000d` is too long", "write at most `3650d`"),
    ],
)
def test_refused_durations(value: object, what: str, fix: str) -> None:
    with pytest.raises(Fault) as caught:
        parse_duration(value)
    assert (caught.value.what, caught.value.fix) == (what, fix)
    assert caught.value.why


@pytest.mark.parametrize(
    ("value", "what", "fix"),
    [
        (512, "`512` has no unit", "write `512MiB`, `512GiB` or `512B`"),
        ("512M", "`M` is not a unit of a size", "write `512MiB`"),
        ("2gb", "`gb` is not a unit of a size", "write `2GB`"),
        ("1.5B", "`1.5B` is not a whole number of bytes", "round it or use a smaller unit"),
        ("2000000TB", "`2000000TB` is too large", "write at most `1000000TB`"),
    ],
)
def test_refused_sizes(value: object, what: str, fix: str) -> None:
    with pytest.raises(Fault) as caught:
        parse_size(value)
    assert (caught.value.what, caught.value.fix) == (what, fix)
    assert caught.value.why


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (0.25, "250ms"), (60, "1m"), (90, "90s"), (5400, "90m"), (86400, "1d")]
)
def test_durations_are_written_shortly(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0B"), (1, "1B"), (2**29, "512MiB"), (2 * 10**9, "2GB"), (1536, "1536B"), (2**40, "1TiB")]
)
def test_sizes_are_written_shortly(size: int, text: str) -> None:
    assert format_size(size) == text


@given(st.floats(min_value=0, max_value=LONGEST_DURATION).map(lambda seconds: round(seconds, 9)))
def test_every_duration_survives_being_written(seconds: float) -> None:
    assert parse_duration(format_duration(seconds)) == seconds


@given(st.integers(min_value=0, max_value=LARGEST_SIZE))
def test_every_size_survives_being_written(size: int) -> None:
    assert parse_size(format_size(size)) == size


@given(st.text(max_size=12) | st.from_regex(r"[0-9]{1,4}(\.[0-9])? ?[a-zA-Z]{0,4}", fullmatch=True))
def test_every_text_is_read_or_refused(text: str) -> None:
    for parse in (parse_duration, parse_size):
        try:
            assert parse(text) >= 0
        except Fault as fault:
            assert all((fault.what, fault.why, fault.fix))


def test_options_take_texts_and_give_them_back() -> None:
    options = Options.model_validate({"timeout": "2m", "memory": "1GiB"})
    assert (options.timeout, options.memory) == (120, 2**30)
    assert Options.model_validate_json(options.model_dump_json()) == options
    assert options.model_dump() == {"timeout": 120.0, "memory": 2**30}
    assert Options().model_dump_json() == '{"timeout":"10s","memory":"512MiB"}'


@pytest.mark.parametrize("wrong", [{"timeout": "10ms"}, {"timeout": 10}, {"memory": "1"}])
def test_options_refuse_what_is_out_of_bounds_or_has_no_unit(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Options.model_validate(wrong)

"""Durations, sizes and shares: text with a unit in the site file, plain seconds, bytes and parts of 1 in the program.

A number without a unit is refused: nobody can see whether `timeout: 10` means seconds or milliseconds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from outlast.kernel.invalid import Fault

LONGEST_DURATION = 3650 * 86400.0
LARGEST_SIZE = 1000**6

_NUMBER = r"[0-9]{1,18}(\.[0-9]{1,18})?"


@dataclass(frozen=True)
class _Kind:
    """A kind of quantity: its units, the largest first, and those that a newcomer most likely means."""

    noun: str
    units: Mapping[str, Decimal]
    usual: tuple[str, ...]
    example: str

    @property
    def hint(self) -> str:
        return f"write it like `{self.example}`"

    @property
    def why(self) -> str:
        return f"a {self.noun} is a number and a unit"


_DURATION = _Kind(
    noun="duration",
    units={"d": Decimal(86400), "h": Decimal(3600), "m": Decimal(60), "s": Decimal(1), "ms": Decimal("0.001")},
    usual=("ms", "s", "m"),
    example="10s",
)
_SIZE = _Kind(
    noun="size",
    units={
        "TiB": Decimal(1024**4),
        "GiB": Decimal(1024**3),
        "MiB": Decimal(1024**2),
        "KiB": Decimal(1024),
        "TB": Decimal(1000**4),
        "GB": Decimal(1000**3),
        "MB": Decimal(1000**2),
        "kB": Decimal(1000),
        "B": Decimal(1),
    },
    usual=("MiB", "GiB", "B"),
    example="512MiB",
)
_SHARE = _Kind(noun="share", units={"%": Decimal("0.01")}, usual=("%",), example="60%")


def parse_duration(text: object) -> float:
    """Seconds, from `250ms`, `10s`, `5m`, `2h` or `1d`. Raises `Fault`."""
    seconds = float(_parse(text, _DURATION))
    if seconds > LONGEST_DURATION:
        raise Fault(f"`{text}` is too long", "no duration here exceeds ten years", "write at most `3650d`")
    return seconds


def format_duration(seconds: float) -> str:
    """The shortest text that `parse_duration` reads as `seconds` again."""
    return _format(Decimal(repr(float(seconds))), _DURATION, smallest="ms") if seconds else "0s"


def parse_size(text: object) -> int:
    """Bytes, from `512MiB` (powers of 1024) or `2GB` (powers of 1000). Raises `Fault`."""
    size = _parse(text, _SIZE)
    if size > LARGEST_SIZE:
        raise Fault(f"`{text}` is too large", "no size here exceeds a million terabytes", "write at most `1000000TB`")
    if size != size.to_integral_value():
        raise Fault(f"`{text}` is not a whole number of bytes", "a byte has no parts", "round it or use a smaller unit")
    return int(size)


def format_size(size: int) -> str:
    """The shortest text that `parse_size` reads as `size` again."""
    return _format(Decimal(size), _SIZE, smallest="B") if size else "0B"


def parse_share(text: object) -> float:
    """A part of 1, from `60%`. Raises `Fault`."""
    return float(_parse(text, _SHARE))


def format_share(share: float) -> str:
    """The text that `parse_share` reads as `share` again."""
    return _format(Decimal(repr(float(share))), _SHARE, smallest="%") if share else "0%"


def _parse(text: object, kind: _Kind) -> Decimal:
    if not isinstance(text, str):
        raise _without_unit(text, kind)
    match = re.fullmatch(rf"({_NUMBER}) *([a-zA-Z%]*)", text.strip())
    if match is None:
        raise Fault(f"`{text[:40]}` is not a {kind.noun}", kind.why, kind.hint)
    number, unit = match[1], match[3]
    if not unit:
        raise _without_unit(number, kind)
    if unit not in kind.units:
        likely = _likely(unit, kind)
        raise Fault(
            f"`{unit[:40]}` is not a unit of a {kind.noun}",
            f"the units are {', '.join(f'`{known}`' for known in kind.units)}",
            f"write `{number}{likely}`" if likely else kind.hint,
        )
    return Decimal(number) * kind.units[unit]


def _without_unit(value: object, kind: _Kind) -> Fault:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return Fault(f"this is not a {kind.noun}", kind.why, kind.hint)
    first, *others = (f"`{value}{unit}`" for unit in kind.usual)
    more = f", {' or '.join(others)}" if others else ""
    return Fault(f"`{value}` has no unit", f"nobody can see which {kind.noun} it means", f"write {first}{more}")


def _likely(unit: str, kind: _Kind) -> str | None:
    """The unit that somebody meant who wrote `sec`, `mins`, `G` or `mb`."""
    written = unit.lower()
    same = [known for known in kind.units if known.lower() == written]
    longer = [known for known in kind.units if known.lower().startswith(written)]
    shorter = [known for known in kind.units if len(written) > 1 and written.startswith(known.lower())]
    return next(iter([*same, *longer, *shorter]), None)


def _format(value: Decimal, kind: _Kind, smallest: str) -> str:
    exact = [unit for unit, worth in kind.units.items() if value % worth == 0] or [smallest]
    return min((f"{_plain(value / kind.units[unit])}{unit}" for unit in exact), key=len)


def _plain(number: Decimal) -> str:
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _schema(kind: _Kind) -> dict[str, Any]:
    pattern = f"^{_NUMBER} *({'|'.join(kind.units)})$"
    return {"type": "string", "pattern": pattern, "examples": [kind.example], "x-words": f"a {kind.noun}"}


Duration: TypeAlias = Annotated[
    float,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str, when_used="json"),
    WithJsonSchema(_schema(_DURATION)),
]
Size: TypeAlias = Annotated[
    int,
    BeforeValidator(parse_size),
    PlainSerializer(format_size, return_type=str, when_used="json"),
    WithJsonSchema(_schema(_SIZE)),
]
Share: TypeAlias = Annotated[
    float,
    BeforeValidator(parse_share),
    PlainSerializer(format_share, return_type=str, when_used="json"),
    WithJsonSchema(_schema(_SHARE)),
]

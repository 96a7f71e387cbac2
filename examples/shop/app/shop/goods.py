"""Turn the kinds of wares into the catalogue: every material in every size, each under its own name.

Nothing is random: the same release always yields the same products under the same numbers.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from .wares import KINDS, MAKERS, MATERIALS, PARTING_WORDS, Kind

STOCK = 100_000  # pieces of each product, on the day the shop opens


@dataclass(frozen=True)
class Product:
    """One row of the catalogue; the fields are the columns."""

    id: int
    name: str
    category: str
    kind: str
    material: str
    size: str
    maker: str
    years: int
    summary: str
    description: str
    price_cents: int
    stock: int


def all_products() -> list[Product]:
    """The whole catalogue, numbered from 1, neighbours as different as possible."""
    rounds = max(len(kind.materials) * len(kind.sizes) for kind in KINDS)
    return [
        _product(number, kind, variant)
        for number, (kind, variant) in enumerate(
            (
                (kind, variant)
                for variant in range(rounds)
                for kind in sorted(KINDS, key=lambda kind: _dice(kind.name, variant))
                if variant < len(kind.materials) * len(kind.sizes)
            ),
            start=1,
        )
    ]


def _product(number: int, kind: Kind, variant: int) -> Product:
    # Neighbouring variants differ in material and in size, and each kind begins with another material.
    turn = (variant + _dice(kind.name)) % (len(kind.materials) * len(kind.sizes))
    which = turn % len(kind.materials)
    rank = (turn // len(kind.materials) + which) % len(kind.sizes)
    material, size = kind.materials[which], kind.sizes[rank]
    maker, place = MAKERS[_dice(kind.name, material, "maker") % len(MAKERS)]
    stuff = MATERIALS[material]
    years = round(kind.years * stuff.endurance / 5) * 5 + 5 * rank
    cents = kind.price * stuff.cost * (1 + kind.growth * rank) * (0.94 + _dice(kind.name, material, size) % 13 / 100)
    parting = PARTING_WORDS[_dice(kind.name, material, size, "words") % len(PARTING_WORDS)]
    return Product(
        id=number,
        name=f"{maker} {kind.called.format(material=stuff.word, name=kind.name)}, {size}",
        category=kind.category,
        kind=kind.drawing,
        material=material,
        size=size,
        maker=f"{maker} of {place}",
        years=years,
        summary=kind.pitch,
        description=f"{kind.story} {stuff.praise} {parting.format(years=years, maker=maker)}",
        price_cents=_pleasant(cents),
        stock=STOCK,
    )


def _pleasant(cents: float) -> int:
    """A price one would print: whole euros, to the nearest five above a hundred."""
    step = 500 if cents >= 10_000 else 100
    return max(step, round(cents / step) * step)


def _dice(*words: object) -> int:
    """A number that looks like chance and is always the same for the same words."""
    return zlib.crc32("/".join(str(word) for word in words).encode())

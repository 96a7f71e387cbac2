"""A picture for every product: the drawing of its kind, in its material's colours, on its own wallpaper.

The drawings are SVG with classes instead of colours (b body, d dark, l light, t trim, u trim's dark); this
module only chooses the colours. `templates/art/` holds one drawing for each kind.
"""

from __future__ import annotations

import zlib
from functools import lru_cache
from typing import Any

from flask import Flask, current_app
from markupsafe import Markup

# material: body, dark, light, trim, trim's dark
_PALETTES = {
    "iron": "3b4145 24282b 5d666b 8a5a33 6b4325",
    "copper": "c0703f 94502a e39a68 4a3b32 33281f",
    "brass": "cf9f45 a2752a ecc877 54402c 3b2c1d",
    "steel": "9aa7ad 6d7b82 c9d3d7 8a5a33 6b4325",
    "green": "2f6650 1f4a39 5b9379 b98b4e 8d6733",
    "blue": "2f5d83 1f4361 6491b5 b98b4e 8d6733",
    "red": "b5412f 862c1f d9705c 3b3836 262423",
    "cream": "ecdcb8 cdb88a fbf3de 2f5d83 1f4361",
    "oak": "c08f56 95693a dcb581 7d8a90 56636a",
    "walnut": "7a4d30 563420 a2714d b98b4e 8d6733",
    "ash": "d9bd8d b3935f efdcb9 5d686e 3f494e",
    "cherry": "a85a3a 7c3e26 cc8561 7d8a90 56636a",
    "stone": "b9ab97 8f806b d9cfc0 6d5b48 4c3f31",
    "celadon": "93b5a1 6a8f7a bdd6c6 a2714d 7a4d30",
    "cobalt": "34549b 233b73 6e8bcb e6dcc6 bfb292",
    "terracotta": "c4683f 984a29 e2936d e6d3b3 c0a77d",
    "tan": "b9783f 8d562a d9a06b cf9f45 a2752a",
    "oxblood": "7a2e2c 571d1c a4524e cf9f45 a2752a",
    "black": "38332f 221f1c 5f5852 cf9f45 a2752a",
    "moss": "6a7a45 4c5930 93a36b a2714d 7a4d30",
    "navy": "33466b 22304d 5b7098 c79a55 98703a",
    "rust": "a8492c 7c321c cd7655 5a4130 402d20",
    "mustard": "d29a2c a3731a ebc065 5a4130 402d20",
    "forest": "2c5a45 1c3f2f 558a71 c79a55 98703a",
    "midnight": "2a3f66 1b2a48 536c99 c79a55 98703a",
    "crimson": "a52a35 781b24 cf5f68 cf9f45 a2752a",
    "jet": "312f30 1d1b1c 5b595a cf9f45 a2752a",
    "ivory": "eadfc4 c9b991 faf4e3 8a5a33 6b4325",
}
# wallpaper: wall, figure, floor
_WALLS = (
    "efe2cb e5d1ac d8bf93", "dde5d8 c8d6c1 b2c4a9", "ecdccd dfc4ab cfad8e", "d9e2e6 c1d0d8 a8bcc7",
    "eee6d3 e2d3ab d1be8d", "e7dce0 d6c3cb c2a9b4", "f2dcc5 eac39c d8a877", "dbe1cf c3ceae abb991",
)  # fmt: skip
_FIGURES = ("sun", "arch", "hills", "rays", "dots", "stripes")


def register(shop: Flask) -> None:
    """Let templates say `{{ picture(product) }}`."""
    shop.jinja_env.globals["picture"] = picture


def picture(product: dict[str, Any]) -> Markup:
    """The product as inline SVG; it fills whatever it is put in. Decoration: the name stands beside it."""
    return _draw(product["id"], product["kind"], product["material"])


@lru_cache(maxsize=2048)
def _draw(number: int, kind: str, material: str) -> Markup:
    dice = zlib.crc32(f"wallpaper/{number}".encode())
    wall = _WALLS[dice % len(_WALLS)].split()
    tones = _PALETTES.get(material, _PALETTES["oak"]).split()
    colours = dict(zip("bdltu", tones, strict=True)) | dict(zip(("wall", "figure", "floor"), wall, strict=True))
    return Markup(
        current_app.jinja_env.get_template("art/frame.svg").render(
            kind=kind,
            figure=_FIGURES[dice // 8 % len(_FIGURES)],
            style=";".join(f"--{name}:#{colour}" for name, colour in colours.items()),
        )
    )

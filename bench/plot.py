"""A few lines over time as one picture: an SVG that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 900, 320
LEFT, RIGHT, TOP, BOTTOM = 56, 56, 44, 36
COLOURS = ("#1f6feb", "#2da44e", "#cf222e")


@dataclass(frozen=True, slots=True)
class Line:
    """A name and its points as (seconds, value). `own_axis`: it is drawn against the axis at the right."""

    name: str
    points: Sequence[tuple[float, float]]
    own_axis: bool = False


def picture(lines: Sequence[Line], length: float) -> str:
    """The lines over `length` seconds."""
    tops = {axis: _highest([line for line in lines if line.own_axis is axis]) for axis in (False, True)}
    font = 'font-family="system-ui, sans-serif" font-size="12"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" {font}>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = _y(share, 1.0)
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#d0d7de" stroke-width="1"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{share * tops[False]:.0f}</text>')
        parts.append(f'<text x="{WIDTH - RIGHT + 8}" y="{y + 4:.1f}">{share * tops[True]:.2f} s</text>')
    for number in range(7):
        at = length * number / 6
        parts.append(f'<text x="{_x(at, length):.1f}" y="{HEIGHT - 12}" text-anchor="middle">{at:.0f} s</text>')
    for number, line in enumerate(lines):
        points = " ".join(f"{_x(at, length):.1f},{_y(value, tops[line.own_axis]):.1f}" for at, value in line.points)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{COLOURS[number]}" stroke-width="1.6"/>')
        parts.append(f'<text x="{LEFT + 280 * number}" y="22" fill="{COLOURS[number]}">■ {escape(line.name)}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _highest(lines: Sequence[Line]) -> float:
    return max((value for line in lines for _, value in line.points), default=1.0)


def _x(at: float, length: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * at / length


def _y(value: float, top: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / (top or 1.0))

"""Releases that are the same for every site: built once, whoever asks, and forgotten when nobody does."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from outlast.machines.nspawn.releases import KEEP_SECONDS, build_once
from outlast.machines.provider import BuildOrder


class Builder:
    """Writes what it is asked for, and counts how often."""

    def __init__(self) -> None:
        self.built = 0

    async def build(self, order: BuildOrder) -> AsyncGenerator[str, None]:
        self.built += 1
        yield "builds"
        await asyncio.to_thread(order.target.write_text, f"release of {order.source}")


def order(site: Path) -> BuildOrder:
    site.mkdir(exist_ok=True)
    return BuildOrder("own", Path("package"), "/srv/own", "make", (), site / "own-1.tar.gz", everywhere=True)


async def lines(wanted: BuildOrder, builder: Builder, folder: Path) -> list[str]:
    return [line async for line in build_once(wanted, builder.build, folder)]


async def test_two_sites_at_once_build_it_once(tmp_path: Path) -> None:
    builder, folder = Builder(), tmp_path / "releases"
    wanted = [order(tmp_path / name) for name in ("one", "other")]
    said = await asyncio.gather(*(lines(each, builder, folder) for each in wanted))
    assert builder.built == 1
    assert sorted(line for each in said for line in each)[0] == "builds"
    assert [each.target.read_text() for each in wanted] == ["release of package"] * 2
    assert sorted(path.name for path in folder.iterdir()) == ["lock", "own-1.tar.gz"]


async def test_a_build_that_fails_leaves_nothing_to_others(tmp_path: Path) -> None:
    async def fails(_order: BuildOrder) -> AsyncGenerator[str, None]:
        yield "fails"
        raise RuntimeError("no room")

    builder, folder = Builder(), tmp_path / "releases"
    with pytest.raises(RuntimeError):
        _ = [line async for line in build_once(order(tmp_path / "one"), fails, folder)]
    await lines(order(tmp_path / "one"), builder, folder)
    assert builder.built == 1


async def test_what_nobody_asked_for_is_forgotten(tmp_path: Path) -> None:
    builder, folder = Builder(), tmp_path / "releases"
    folder.mkdir()
    for name, age in (("old.tar.gz", KEEP_SECONDS + 60), ("used.tar.gz", KEEP_SECONDS - 60)):
        (folder / name).write_text("release")
        asked = (folder / name).stat().st_mtime - age
        os.utime(folder / name, (asked, asked))
    (folder / ".copied-half").mkdir()
    await lines(order(tmp_path / "one"), builder, folder)
    assert {path.name for path in folder.iterdir()} == {"lock", "own-1.tar.gz", "used.tar.gz"}

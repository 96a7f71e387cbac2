"""Who gives machines their power back, on simulated machines: one of many, once, and nobody when the site goes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from outlast.kernel.errors import OutlastError
from outlast.machines.provider import Order, Power
from outlast.machines.sim.sim import Sim
from outlast.proof.faults import guard
from outlast.proof.faults.guardian import watch
from tests.sim.site import new_site


async def made(home: Path) -> tuple[Sim, Order, Path]:
    """A machine that has just lost its power, and the word that it gets it back."""
    sim = new_site(home).provider()
    [network] = await sim.networks(["east"])
    order = Order("east-app-1", "east", network[10])
    await sim.create(order)
    word = guard.folder(home / ".outlast") / "power-off-1.json"
    guard.keep(word, guard.Guarded((order,), 0.2))
    await sim.power_off(order.name)
    return sim, order, word


async def power(sim: Sim) -> list[Power]:
    return [found.power for found in await sim.list()]


async def test_the_power_comes_back_once_whoever_is_first(tmp_path: Path) -> None:
    sim, _, word = await made(tmp_path)
    assert guard.pending(tmp_path / ".outlast") == (word,)
    await asyncio.gather(guard.restore(sim, word), guard.restore(sim, word), watch(sim, word))
    assert await power(sim) == [Power.ON]
    assert guard.pending(tmp_path / ".outlast") == ()
    await guard.restore(sim, word)


async def test_the_guardian_keeps_the_word_when_its_time_is_up(tmp_path: Path) -> None:
    sim, _, word = await made(tmp_path)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await watch(sim, word)
    assert loop.time() - began >= 0.2
    assert await power(sim) == [Power.ON]


async def test_the_guardian_ends_when_somebody_else_was_first(tmp_path: Path) -> None:
    sim, order, word = await made(tmp_path)
    guard.keep(word, guard.Guarded((order,), 3600.0))
    watching = asyncio.create_task(watch(sim, word))
    await guard.restore(sim, word)
    async with asyncio.timeout(5):
        await watching


async def test_a_site_that_goes_takes_its_words_back(tmp_path: Path) -> None:
    sim, _, word = await made(tmp_path)
    await guard.dismiss(tmp_path / ".outlast")
    assert not word.exists()
    await watch(sim, word)
    assert await power(sim) == [Power.OFF]


async def test_a_machine_that_is_gone_for_good_is_not_made_again(tmp_path: Path) -> None:
    sim, order, word = await made(tmp_path)
    await sim.destroy(order.name)
    await guard.restore(sim, word)
    assert await sim.list() == ()
    assert not word.exists()


async def test_a_word_that_cannot_be_kept_stays(tmp_path: Path) -> None:
    _, _, word = await made(tmp_path)

    class Broken(Sim):
        async def create(self, order: Order) -> None:
            raise OSError(f"no {order.name}")

    with pytest.raises(OutlastError) as failed:
        await guard.restore(Broken("simulated", tmp_path / ".outlast", {}), word)
    assert word.exists()
    assert failed.value.findings[0].why == "no east-app-1"

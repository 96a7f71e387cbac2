"""Coordination in the lab: losses of power, of disks and of connections, and what etcd still knows after them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import pytest

from outlast.machines.provider import Order
from tests.lab.site import LabSite, copy_of, traces, until

pytestmark = [pytest.mark.lab, pytest.mark.beside]
SITE = "outlast-test-coord"
DATA = ("east-data-1", "east-data-2", "east-data-3")
# The programs on the machine know how etcdctl is called there: own address, and certificates.
ASK = "import sys, member; print(member.ask([member.facts()['client']], *sys.argv[1:], limit=3))"


@pytest.fixture(scope="module")
def site() -> Iterator[LabSite]:
    site = copy_of("tiny", SITE)
    site.run("up", "--yes", limit=600)
    yield site
    site.run("down", "--yes")
    assert traces(SITE) == []


def ask(site: LabSite, machine: str, *words: str) -> str:
    """What etcd on that machine answers; `None` when it does not."""
    call = ("env", "PYTHONPATH=/usr/lib/outlast/etcd", "python3", "-B", "-c", ASK, *words)
    return site.shell(machine, *call).strip()


def members(site: LabSite) -> dict[str, str]:
    """Each member of etcd and its health."""
    return {m["name"]: m["health"] for m in site.status()["members"] if m["component"] == "etcd"}


def well(site: LabSite) -> bool:
    return set(members(site).values()) == {"healthy"}


def up(site: LabSite) -> list[str]:
    """What `up` says it did."""
    return json.loads(site.run("up", "--yes", "--json").stdout)["done"]


async def lose(site: LabSite, *names: str) -> None:
    """Machines and their disks, at once."""
    await asyncio.gather(*(site.provider().destroy(name) for name in names))


async def power(site: LabSite, *, on: bool) -> None:
    """Take the power of all data machines, or give it back."""
    provider = site.provider()
    found = {machine.name: machine for machine in await provider.list()}
    orders = [Order(name, found[name].datacenter, found[name].address) for name in DATA]
    await asyncio.gather(*(provider.create(o) if on else provider.power_off(o.name) for o in orders))


def test_a_new_cluster_of_three(site: LabSite) -> None:
    assert members(site) == {f"east-etcd-{index}": "healthy" for index in (1, 2, 3)}
    assert ask(site, DATA[0], "put", "kept", "yes") != "None"
    assert up(site) == []


def test_nobody_founds_while_the_third_is_cut_off(site: LabSite) -> None:
    asyncio.run(lose(site, DATA[0], DATA[1]))
    asyncio.run(site.provider().cut(DATA[2]))
    try:
        refused = site.run("up", "--yes", expect=1)
        assert DATA[2] in refused.stderr
        for name in DATA[:2]:
            assert ask(site, name, "member", "list") == "None", "somebody founded a cluster"
    finally:
        asyncio.run(site.provider().mend(DATA[2]))
    done = up(site)
    assert sum("founds the cluster anew" in line for line in done) == 1
    assert not any("the cluster is new" in line for line in done), done
    assert well(site)
    assert kept(site)


@pytest.mark.parametrize("by_command", [False, True])
def test_all_lose_their_power_and_go_on(site: LabSite, by_command: bool) -> None:
    asyncio.run(power(site, on=False))
    if by_command:
        done = up(site)
        assert not any("founds" in line for line in done), done
    else:
        asyncio.run(power(site, on=True))
    until("all members are healthy", lambda: well(site), 60)
    assert kept(site)


def kept(site: LabSite) -> bool:
    return all("a2VwdA==" in ask(site, name, "get", "kept") for name in DATA)


def test_all_lose_their_power_and_one_is_gone_for_good(site: LabSite) -> None:
    asyncio.run(power(site, on=False))
    asyncio.run(lose(site, DATA[0]))
    done = up(site)
    assert not any("founds" in line for line in done), done
    joined = [line for line in done if line.startswith("east-etcd-1: started")]
    assert len(joined) == 1, done
    assert "(east-etcd-2, east-etcd-3 went on with the data)" in joined[0]
    assert well(site)
    assert kept(site)


def test_two_lose_their_disks_and_the_third_founds_anew(site: LabSite) -> None:
    asyncio.run(lose(site, DATA[0], DATA[1]))
    done = up(site)
    founded = [line for line in done if "founds the cluster anew" in line]
    assert len(founded) == 1, done
    assert founded[0].startswith("east-etcd-3:")
    assert "east-etcd-1, east-etcd-2 lost their data" in founded[0]
    assert well(site)
    assert kept(site)
    assert up(site) == []

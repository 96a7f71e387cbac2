"""Which server each machine is: the one it was, otherwise the next of its pool; a spare only for a server that is lost.

Names stay logical (`east-data-1`): a machine that moves to a spare takes its name along. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import count

from outlast.kernel.names import machine_name
from outlast.site.schema import Server
from outlast.topology.topology import Machine


def on_servers(
    datacenter: str, pools: Iterable[str], servers: Sequence[Server], before: Sequence[Machine], *, single: bool
) -> list[Machine]:
    """The machines of one data centre; `before` are those it had. `single`: all
    servers are in the only pool.

    A server that is new, or new to its pool, gets the lowest free number. A lost one for which no spare is left has
    no machine.
    """
    machines: list[Machine] = []
    taken = {machine.address for machine in before}
    for pool in pools:
        serving = [s for s in servers if not s.spare and (single or s.pool == pool)]
        numbers = {m.address: _number(m) for m in before if m.pool == pool}
        standing = [server.address for server in serving if not server.lost]
        gone = [server.address for server in serving if server.lost]
        spares = [server.address for server in servers if server.spare]
        # Those that took the place of a lost server before, then as many new ones as it still needs.
        kept = [spare for spare in spares if spare in numbers][: len(gone)]
        fresh = [spare for spare in spares if spare not in taken][: len(gone) - len(kept)]
        taken.update(fresh)
        named = {numbers[address]: address for address in (*standing, *kept) if address in numbers}
        orphans = iter(sorted(numbers[address] for address in gone if address in numbers))
        for address in fresh:
            named[next(orphans, None) or _free(named)] = address
        for address in standing:
            if address not in numbers:
                named[_free(named)] = address
        machines += [
            Machine(machine_name(datacenter, pool, number), datacenter, pool, address)
            for number, address in sorted(named.items())
        ]
    return machines


def floating_homes(addresses: Sequence[str], homes: Sequence[str], held: dict[str, str]) -> list[tuple[str, str]]:
    """(address, home) for as many as there are of both: a machine keeps the address it had."""
    kept = {home: held[home] for home in homes if held.get(home) in addresses}
    free = (address for address in addresses if address not in kept.values())
    pairs = ((kept.get(home) or next(free, None), home) for home in homes)
    return [(address, home) for address, home in pairs if address is not None]


def _number(machine: Machine) -> int:
    return int(machine.name.rpartition("-")[2])


def _free(named: dict[int, str]) -> int:
    return next(number for number in count(1) if number not in named)

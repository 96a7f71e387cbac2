"""Addresses: machines from the bottom of their network, floating ones from its top; what has one keeps it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network

from outlast.kernel.errors import Finding, Invalid


def assign(network: str, names: Sequence[str], held: dict[str, str], *, taken: Iterable[str] = ()) -> dict[str, str]:
    """An address for each name, rising from the eleventh host of `network` (CIDR text).

    A name in `held` keeps its address, so growth moves nothing; one outside the network (the provider gave another)
    is replaced. Raises `Invalid` when the network is full.
    """
    return _fill(IPv4Network(network), names, held, taken, from_top=False)


def assign_floating(
    network: str, names: Sequence[str], held: dict[str, str], *, taken: Iterable[str] = ()
) -> dict[str, str]:
    """The same, falling from the last host: floating addresses and machines meet only when the network is full."""
    return _fill(IPv4Network(network), names, held, taken, from_top=True)


def _fill(
    network: IPv4Network, names: Sequence[str], held: dict[str, str], taken: Iterable[str], *, from_top: bool
) -> dict[str, str]:
    kept = {name: held[name] for name in names if name in held and IPv4Address(held[name]) in network}
    used = {*kept.values(), *taken}
    free = (address for address in _hosts(network, from_top=from_top) if address not in used)
    assigned: dict[str, str] = {}
    for name in names:
        address = kept.get(name) or next(free, None)
        if address is None:
            raise Invalid(_full(network, len(names)))
        assigned[name] = address
    return assigned


def _hosts(network: IPv4Network, *, from_top: bool) -> Iterator[str]:
    # The first ten hosts stay free for the provider: its gateway and what else it may need.
    first, last = 11, network.num_addresses - 2
    steps = range(last, first - 1, -1) if from_top else range(first, last + 1)
    return (str(network[step]) for step in steps)


def _full(network: IPv4Network, wanted: int) -> Finding:
    return Finding(
        where=f"network {network}",
        what=f"{wanted} addresses do not fit",
        why=f"the network has room for {max(0, network.num_addresses - 12)} machines and floating addresses",
        fix="make the pools smaller or give the data centre a larger network",
    )

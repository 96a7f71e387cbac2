"""What is broken on purpose in the network of a site's machines: a value, with one rule for who still reaches whom."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Breakage:
    """`cut`: machines whose packets all vanish. `blocked`: (sender, receiver) pairs whose packets vanish that way.
    `losses`: machines with the share (0 to 1) of their packets, in and out, that vanishes by chance."""

    cut: frozenset[str] = frozenset()
    blocked: frozenset[tuple[str, str]] = frozenset()
    losses: tuple[tuple[str, float], ...] = field(default=())

    def cutting(self, name: str) -> Breakage:
        """And this machine is cut off from everybody."""
        return replace(self, cut=self.cut | {name})

    def parted(self, left: Collection[str], right: Collection[str]) -> Breakage:
        """And no packet gets from one set to the other, either way."""
        return self.one_way(left, right).one_way(right, left)

    def one_way(self, senders: Collection[str], receivers: Collection[str]) -> Breakage:
        """And no packet of a sender gets to a receiver; the other way they do."""
        pairs = {(sender, receiver) for sender in senders for receiver in receivers if sender != receiver}
        return replace(self, blocked=self.blocked | pairs)

    def losing(self, name: str, share: float) -> Breakage:
        """And this share of the machine's packets vanishes. Raises `ValueError` when it is none."""
        if not 0 <= share <= 1:
            raise ValueError(f"{share} is no share: 0 to 1")
        others = tuple((other, lost) for other, lost in self.losses if other != name)
        return replace(self, losses=(*others, (name, share)))

    def mended(self, name: str) -> Breakage:
        """Without anything that concerns this machine."""
        return Breakage(
            cut=self.cut - {name},
            blocked=frozenset(pair for pair in self.blocked if name not in pair),
            losses=tuple((other, share) for other, share in self.losses if other != name),
        )

    def passes(self, sender: str, receiver: str) -> bool:
        """Whether packets get from one machine to another at all."""
        return not {sender, receiver} & self.cut and (sender, receiver) not in self.blocked

    def loss(self, *names: str) -> float:
        """The share that vanishes on a way through all of these machines' links."""
        kept = 1.0
        for name, share in self.losses:
            kept *= 1.0 - share if name in names else 1.0
        return 1.0 - kept

    def dump(self) -> str:
        """As text, to be kept."""
        return json.dumps({"cut": sorted(self.cut), "blocked": sorted(self.blocked), "losses": self.losses})


def parse(text: str) -> Breakage:
    """What `dump` wrote."""
    held = json.loads(text)
    return Breakage(
        cut=frozenset(held["cut"]),
        blocked=frozenset((sender, receiver) for sender, receiver in held["blocked"]),
        losses=tuple((name, float(share)) for name, share in held["losses"]),
    )

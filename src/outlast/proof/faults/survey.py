"""What a machine says of itself before a fault is composed for it; a value."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Survey(BaseModel):
    """`interface` is the one with the machine's address, `hardware` its Ethernet address.

    `operator` is the address from which the operator's SSH connection comes, as seen there, `port` the one that it goes
    to, `hop` who is asked by ARP on the way back. `netem`: its kernel can delay packets.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    interface: str
    hardware: str
    operator: str
    port: int
    hop: str
    netem: bool

"""What a controller may ask of a vendor and what the vendor answers, as JSON.

Names become paths and arguments on the vendor's computer, so nothing passes here that is not a name. There is no word
for faults and for removing a site: controllers need none. Power is taken from a machine that nobody hears any more.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter

from outlast.kernel.errors import Finding
from outlast.kernel.names import DatacenterName, check_name
from outlast.machines.provider import Found, Power

COMMAND = "vendor"
# The longest host name (RFC 1123), which a machine's name is.
MACHINE_LENGTH = 63
# A package list of every engine has two kilobytes, a list of 10,000 machines three million.
REQUEST_LIMIT = 256 * 1024
ANSWER_LIMIT = 16 * 1024 * 1024
# How long the vendor works on each, in seconds. A machine that does not boot in a lab says so after 60.
LIMITS = {"hello": 5.0, "list": 20.0, "networks": 5.0, "create": 150.0, "destroy": 90.0, "power-off": 30.0}


def _machine(text: str) -> str:
    return check_name(text, "a machine", MACHINE_LENGTH)


MachineName: TypeAlias = Annotated[str, AfterValidator(_machine)]
Package: TypeAlias = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9+.-]*$", max_length=200)]
# One line of a public key: more would be more lines of the asker's known hosts.
HostKey: TypeAlias = Annotated[str, Field(pattern=r"^([a-z0-9@.-]+ [A-Za-z0-9+/=]+)?$", max_length=2000)]


class _Word(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Hello(_Word):
    """Who are you?"""

    verb: Literal["hello"] = "hello"


class List(_Word):
    """Which machines are there?"""

    verb: Literal["list"] = "list"


class Networks(_Word):
    """Which networks do these data centres have?"""

    verb: Literal["networks"] = "networks"
    datacenters: tuple[DatacenterName, ...]


class Create(_Word):
    """Make this machine with these packages, or start it again."""

    verb: Literal["create"] = "create"
    name: MachineName
    datacenter: DatacenterName
    address: IPv4Address
    packages: tuple[Package, ...]


class Destroy(_Word):
    """Remove this machine with all it holds."""

    verb: Literal["destroy"] = "destroy"
    name: MachineName


class PowerOff(_Word):
    """Take the power of this machine away. `create` starts it again."""

    verb: Literal["power-off"] = "power-off"
    name: MachineName


Request: TypeAlias = Hello | List | Networks | Create | Destroy | PowerOff
REQUEST: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="verb")])


class Listed(_Word):
    """One machine that exists. `host_key` is what its sshd shows, empty where the vendor does not know it."""

    name: MachineName
    datacenter: DatacenterName
    address: IPv4Address
    power: Power
    current: bool
    host_key: HostKey = ""

    @property
    def found(self) -> Found:
        """The same, as providers say it."""
        return Found(self.name, self.datacenter, self.address, self.power, self.current)


class Answer(_Word):
    """What came of a request: `findings` when it failed, otherwise what it asked for."""

    findings: tuple[Finding, ...] = ()
    edition: str = ""
    machines: tuple[Listed, ...] = ()
    networks: tuple[IPv4Network, ...] = ()

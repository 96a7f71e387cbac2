"""How floating addresses behave on simulated machines: each is where nobody better is heard."""

from __future__ import annotations

import json
import re

from outlast.components.keepalived.probe import SCRIPT
from outlast.components.keepalived.render import CONFIG, PENALTY
from outlast.contract.model import Model, Ran
from outlast.contract.probe import Output
from outlast.contract.scene import Host, Scene

SERVICE = "outlast-keepalived.service"
INSTANCE = re.compile(
    r"^vrrp_instance .*?priority (\d+)$.*?virtual_ipaddress \{\s+([\d.]+)/32", re.MULTILINE | re.DOTALL
)
EDGE = 443


def run(scene: Scene, machine: str, argv: tuple[str, ...]) -> Ran | None:
    """The probe: the floating addresses, the state of the service, the addresses of the machine."""
    if argv[:3] != ("sh", "-c", SCRIPT):
        return None
    here = scene.host(machine)
    held = [address for address in argv[4].split() if _holds(scene, here, address)]
    listed = json.dumps([{"addr_info": [{"local": address} for address in (here.address, *held)]}])
    return Ran(Output(0, f"{argv[4]}\n{here.process(SERVICE).state}\n{listed}\n", ""))


def _holds(scene: Scene, here: Host, address: str) -> bool:
    """Whether no advertisement of a higher priority gets here."""
    own = _priority(scene, here, address)
    heard = [host for host in scene.hosts if host.on and here.name in host.reaches and host.name != here.name]
    return own > 0 and all(_priority(scene, host, address) < own for host in heard)


def _priority(scene: Scene, host: Host, address: str) -> int:
    if not host.process(SERVICE).runs:
        return 0
    priorities = {found[2]: int(found[1]) for found in INSTANCE.finditer(host.read(CONFIG) or "")}
    well = EDGE in scene.serving(host.name)
    return max(0, priorities.get(address, 0) - (0 if well else PENALTY))


MODEL = Model(run=run)

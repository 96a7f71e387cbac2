"""Who makes the machines changes nothing of what they hold."""

from __future__ import annotations

import re
from pathlib import Path

from outlast.blueprint.blueprint import Blueprint
from outlast.blueprint.compile import compile_blueprint
from outlast.contract.bundle import Artifact
from outlast.contract.registry import discover
from outlast.site.load import load
from outlast.topology.place import place
from outlast.topology.sections import sections
from outlast.topology.topology import Ground, Topology

GOVERNED = (Path(__file__).parents[2] / "examples/shop/site.yaml").read_text(encoding="utf-8")
SHOP = f"{GOVERNED}\ncontroller: {{ members: 0 }}\n"
NETWORK = "10.77.0.0/24"
ARTIFACTS = {"web": Artifact("web", "0123456789ab", "/srv/outlast/web/0123456789ab")}


def compiled(text: str) -> Blueprint:
    registry = discover()
    site = load(text, "site.yaml", sections(registry)).site
    topology = place(site, registry, [Ground("east", NETWORK)], None)
    return compile_blueprint(site, registry, topology, ARTIFACTS, None)


def on_servers(topology: Topology, shop: str = SHOP) -> str:
    """The shop's file with servers that have the addresses of this topology."""
    servers = [f"{{ address: {machine.address}, pool: {machine.pool} }}" for machine in topology.machines]
    floating = ", ".join(floating.address for floating in topology.floating)
    east = f"  east: {{ machines: ssh, network: {NETWORK}, floating: [{floating}], servers: [{', '.join(servers)}] }}"
    return re.sub(r"^  east: .*$", east, shop, flags=re.MULTILINE)


def test_every_bundle_is_the_same_in_the_lab_and_on_servers() -> None:
    lab = compiled(SHOP)
    servers = compiled(on_servers(lab.topology))
    assert len(lab.bundles) == 7
    assert {b.machine: b.digest for b in servers.bundles} == {b.machine: b.digest for b in lab.bundles}
    assert servers.same_content(lab)


def test_controllers_ask_a_vendor_in_a_lab_only_and_nothing_else_differs() -> None:
    lab = compiled(GOVERNED)
    servers = compiled(on_servers(lab.topology, GOVERNED))
    for ours, theirs in zip(lab.bundles, servers.bundles, strict=True):
        files, others = ({f.path: f for p in b.parts for f in p.part.files} for b in (ours, theirs))
        differing = [path for path, file in files.items() if file != others[path]]
        assert differing == (["/etc/outlast/firewall/rules.nft"] if "data" in ours.machine else [])


def test_sshd_elsewhere_is_let_in_there_and_nowhere_else() -> None:
    lab = compiled(SHOP)
    moved = compiled(on_servers(lab.topology).replace("pool: edge }", "pool: edge, port: 2222 }", 1))
    changed = [b.machine for b, other in zip(moved.bundles, lab.bundles, strict=True) if b.digest != other.digest]
    assert changed == ["east-edge-1"]
    logins = {r.port for wall in moved.firewalls for r in wall.rules if r.because == "operators log in by SSH"}
    assert logins == {22, 2222}

"""The firewall: what the wiring names passes, and nothing else. Judged from the text that the machines load."""

from __future__ import annotations

from ipaddress import IPv4Network
from itertools import permutations

from hypothesis import given, settings

from outlast.blueprint.blueprint import Blueprint
from outlast.blueprint.compile import compile_blueprint
from outlast.blueprint.firewall import Direction
from outlast.contract.interface import Reach
from outlast.contract.registry import Registry, discover
from outlast.kernel.network import LAB_VENDOR_PORT, Destination, Transport
from outlast.site.load import load
from outlast.site.schema import Datacenter, Firewall, Server, Site
from outlast.topology.place import place
from outlast.topology.sections import sections
from tests import toys
from tests.blueprint.blueprints import compiled
from tests.blueprint.packets import Net, Packet
from tests.topology.sites import real_texts, toy_sites
from tests.toys import TOYS, Options, grounds

OUTSIDE = "198.51.100.7"
NEVER = [1, 80, 443, 3306, 3307, 4567, 9090, 9104, 65535]

Wire = tuple[str, str, str, int]


def wires(site: Site, registry: Registry, blueprint: Blueprint) -> set[Wire]:
    """(from, to, transport, port) of everything that members of different machines need, pair by pair."""
    options = {wish.name: wish.options for wish in site.wishes}
    address = {machine.name: machine.address for machine in blueprint.topology.machines}
    found: set[Wire] = set()
    for user, owner in permutations(blueprint.topology.members, 2):
        if user.machine == owner.machine:
            continue
        near = user.datacenter == owner.datacenter
        within = {
            Reach.SITE: True,
            Reach.DATACENTER: near,
            Reach.CLUSTER: near and user.service == owner.service,
            Reach.MACHINE: False,
        }
        for need in registry[user.component].requires(options[user.service]):
            for offer in registry[owner.component].provides(options[owner.service], owner.index):
                if offer.interface == need.interface and within[need.reach] and not offer.loopback:
                    port = dict(owner.ports)[offer.interface]
                    found.add((address[user.machine], address[owner.machine], str(offer.transport), port))
    return found | {
        (governor, other, "tcp", 22) for governor in governors(registry, blueprint) for other in address.values()
    }


def governors(registry: Registry, blueprint: Blueprint) -> set[str]:
    """The addresses of machines with a member that governs the site."""
    address = {machine.name: machine.address for machine in blueprint.topology.machines}
    return {address[member.machine] for member in blueprint.topology.members if registry[member.component].governs}


def open_to_all(site: Site, registry: Registry, blueprint: Blueprint) -> set[tuple[str, int]]:
    """(address, TCP port) of what serves the world."""
    options = {wish.name: wish.options for wish in site.wishes}
    return {
        (blueprint.topology.machine_by_name[member.machine].address, dict(member.ports)[offer.interface])
        for member in blueprint.topology.members
        for offer in registry[member.component].provides(options[member.service], member.index)
        if offer.public
    }


def judge(site: Site, registry: Registry, blueprint: Blueprint) -> None:
    """Every pair of machines, and the world with every machine, over every port that means anything to the site."""
    net, wanted = Net(blueprint), wires(site, registry, blueprint)
    public = open_to_all(site, registry, blueprint)
    ports = {*NEVER, 22, *(port for member in blueprint.topology.members for _, port in member.ports)}
    for source, target in permutations(net.walls, 2):
        for transport in ("tcp", "udp"):
            for port in ports:
                passes = net.connects(source, target, transport, port)
                assert passes == ((source, target, transport, port) in wanted), (source, target, transport, port)
        assert net.connects(source, target, "vrrp", 0) == ((source, target, "vrrp", 0) in wanted)
    for address in net.walls:
        for ground in blueprint.topology.grounds:
            lab = str(IPv4Network(ground.network)[1])
            assert net.connects(address, lab, "tcp", LAB_VENDOR_PORT) == (address in governors(registry, blueprint))
            assert not net.connects(address, lab, "tcp", 22)
            assert not net.connects(lab, address, "tcp", LAB_VENDOR_PORT)
        for port in ports:
            assert net.connects(OUTSIDE, address, "tcp", port) == (port == 22 or (address, port) in public)
            assert not net.connects(address, OUTSIDE, "tcp", port)
            assert not net.connects(OUTSIDE, address, "udp", port)
        assert not net.connects(OUTSIDE, address, "vrrp", 0)


@settings(deadline=None, max_examples=60)
@given(toy_sites())
def test_what_is_wired_passes_and_nothing_else(site: Site) -> None:
    judge(site, TOYS, compiled(site))


@settings(deadline=None, max_examples=15)
@given(real_texts())
def test_also_with_the_real_components(text: str) -> None:
    site = load(text, "site.yaml", sections(discover())).site
    topology = place(site, discover(), grounds(site), None)
    judge(site, discover(), compile_blueprint(site, discover(), topology, {}, None))


@settings(deadline=None, max_examples=30)
@given(toy_sites())
def test_rules_and_text_have_two_ends(site: Site) -> None:
    blueprint = compiled(site)
    address = {machine.name: machine.address for machine in blueprint.topology.machines}
    ends = {
        (wall.machine, peer.name, rule.direction, rule.transport, rule.port)
        for wall in blueprint.firewalls
        for rule in wall.rules
        for peer in rule.peers
        if peer.name in address
    }
    for machine, peer, direction, transport, port in ends:
        other = Direction.OUT if direction is Direction.IN else Direction.IN
        assert (peer, machine, other, transport, port) in ends


def test_operators_come_from_where_the_site_file_says() -> None:
    site = toys.FULL.model_copy(update={"firewall": Firewall(operators=("192.0.2.0/24", "2001:db8::/32"))})
    net = Net(compiled(site))
    for address in net.walls:
        assert net.connects("192.0.2.9", address, "tcp", 22)
        assert not net.connects(OUTSIDE, address, "tcp", 22)


def test_people_reach_a_server_where_its_sshd_listens() -> None:
    servers = (Server(address="10.77.0.11", pool="app", port=2222), Server(address="10.77.0.12", pool="app"))
    east = Datacenter(machines="ssh", network="10.77.0.0/24", port=2022, servers=servers)
    net = Net(compiled(toys.site(apps={"shop": Options()}, datacenters={"east": east})))
    for address, port in (("10.77.0.11", 2222), ("10.77.0.12", 2022)):
        assert [p for p in (22, 2022, 2222) if net.connects(OUTSIDE, address, "tcp", p)] == [port]


def test_calls_of_the_site_lead_there_and_nowhere_else() -> None:
    calls = (Destination("192.0.2.1/32", 123, Transport.UDP), Destination("203.0.113.0/24", 443))
    net = Net(compiled(toys.FULL.model_copy(update={"firewall": Firewall(calls=calls)})))
    for address, wall in net.walls.items():
        assert net.connects(address, "192.0.2.1", "udp", 123)
        assert net.connects(address, "203.0.113.77", "tcp", 443)
        assert not net.connects(address, "192.0.2.1", "tcp", 123)
        assert not net.connects(address, OUTSIDE, "tcp", 443)
        # Nobody gets in by calling from such a port: a new connection is none that the machine has asked for.
        assert not wall.lets_in(Packet("203.0.113.77", address, "tcp", 443, 3306))
        assert not wall.lets_in(Packet("192.0.2.1", address, "udp", 123, 3306))


def test_a_call_of_an_app_opens_its_machines_only() -> None:
    text = (
        "site: trial\ndomain: trial.test\ndatacenters: { east: { machines: lab } }\n"
        "apps: { web: { source: ., run: serve, calls: [192.0.2.10:443] } }\n"
    )
    site = load(text, "site.yaml", sections(discover())).site
    topology = place(site, discover(), grounds(site), None)
    net = Net(compile_blueprint(site, discover(), topology, {}, None))
    callers = {address for address in net.walls if net.connects(address, "192.0.2.10", "tcp", 443)}
    assert callers == {machine.address for machine in topology.machines if machine.pool == "app"}


def test_growth_opens_the_old_machines_for_the_new_one() -> None:
    before = compiled(toys.site(engines={"store": Options(count=3)}))
    after = compiled(toys.site(engines={"store": Options(count=4)}), before)
    new = after.topology.machine_by_name["east-data-4"].address
    for machine in before.topology.machines:
        assert not Net(before).connects(new, machine.address, "tcp", 3306)
        assert Net(after).connects(new, machine.address, "tcp", 3306)


def test_rules_say_because_of_what() -> None:
    wall = next(wall for wall in compiled(toys.FULL).firewalls if wall.machine == "east-edge-1")
    said = {rule.because for rule in wall.rules}
    assert {"operators log in by SSH", "edge serves https to the world", "edge uses http-backend of shop"} <= said

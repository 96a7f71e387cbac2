"""Faults as values: who can have which, what is refused, and which pieces they are made of."""

from __future__ import annotations

import pytest

from outlast.contract.registry import discover
from outlast.kernel.errors import Invalid, OutlastError
from outlast.machines import provider
from outlast.proof.faults.ailments import kinds
from outlast.proof.faults.catalogue import KINDS, main_unit
from outlast.proof.faults.fault import Fault, Level, Offer
from outlast.proof.faults.offer import offers, refuse
from outlast.proof.faults.piece import BLOCK, HEAL_LIMIT, IDLE, Piece, command, unit_name
from outlast.proof.faults.survey import Survey
from tests.golden.tree import example

_, SHOP = example("shop")
REGISTRY = discover()
ALL = frozenset(provider.Fault)
DATA = ("east-data-1", "east-data-2", "east-data-3")


def surveyed(*, netem: bool = True) -> dict[str, Survey]:
    return {
        machine.name: Survey(
            interface="host0",
            hardware=f"02:00:00:00:00:{number:02x}",
            operator="10.77.0.1",
            port=2022,
            hop="10.77.0.2",
            netem=netem,
        )
        for number, machine in enumerate(SHOP.topology.machines)
    }


def pieces(fault: Fault, *, netem: bool = True) -> list[tuple[str, Piece]]:
    compose = kinds(REGISTRY)[fault.kind].compose
    assert compose is not None
    return compose(f"{fault.kind}-00ff01", fault, SHOP, surveyed(netem=netem))


def offered(held: frozenset[provider.Fault] = ALL) -> dict[str, Offer]:
    return {offer.kind: offer for offer in offers(SHOP, REGISTRY, held)}


def test_everything_that_a_site_can_have_is_offered() -> None:
    found = offered()
    assert set(KINDS) < set(found)
    assert [offer.finding for offer in found.values() if offer.finding] == []
    assert "east-web-1" in found["pause"].targets
    assert set(DATA) < set(found["isolate"].targets)
    assert found["galera-full-copy"].targets == ("east-galera-1", "east-galera-2", "east-galera-3")
    assert found["galera-full-copy"].spares_primary


def test_without_power_there_is_a_reason_and_a_way_out() -> None:
    found = offered(frozenset())
    assert found["power-off"].targets == ()
    finding = found["power-off"].finding
    assert finding is not None
    assert "reboot" in finding.fix
    assert found["reboot"].finding is None
    with pytest.raises(Invalid, match="power"):
        refuse(Fault("power-off", DATA[:1]), SHOP, REGISTRY, frozenset())


@pytest.mark.parametrize(
    ("fault", "what"),
    [
        (Fault("pausee", ("east-web-1",)), "no such kind"),
        (Fault("pause", ("east-data-1",)), "no such member"),
        (Fault("isolate", ("east-web-1",)), "no such machine"),
        (Fault("galera-desync", ("east-web-1",)), "no such member that can have"),
        (Fault("pause", ()), "no target"),
        (Fault("pause", ("east-web-1",), ("east-web-2",)), "no second set"),
        (Fault("partition", DATA[:1]), "between two sets"),
        (Fault("partition", DATA[:2], DATA[1:]), "both sides"),
        (Fault("pause", ("east-web-1",), seconds=0.0), "cannot last"),
        (Fault("loss", DATA[:1], parameters=(("share", 1.5),)), "cannot be 1.5"),
        (Fault("loss", DATA[:1], parameters=(("shares", 0.5),)), "no such parameter"),
    ],
)
def test_what_cannot_be_is_refused(fault: Fault, what: str) -> None:
    with pytest.raises(Invalid) as refused:
        refuse(fault, SHOP, REGISTRY, ALL)
    assert any(what in finding.what for finding in refused.value.findings)
    assert all(finding.fix for finding in refused.value.findings)


@pytest.mark.parametrize("offer", offers(SHOP, REGISTRY, ALL), ids=lambda offer: offer.kind)
def test_whatever_is_begun_on_a_machine_is_also_undone_there(offer: Offer) -> None:
    others = offer.targets[1:3] if offer.level is Level.BETWEEN else ()
    fault = Fault(offer.kind, offer.targets[:1], others)
    refuse(fault, SHOP, REGISTRY, ALL)
    if kinds(REGISTRY)[offer.kind].compose is None:
        return
    found = pieces(fault)
    assert {machine for machine, _ in found} <= set(SHOP.bundle_by_machine)
    assert len(found) == 1 + len(others)
    for _, piece in found:
        # What is over at once, or only the unit's own process, leaves nothing behind.
        assert piece.heal or piece.once or piece.main != IDLE


def test_a_members_main_service_is_meant_not_its_helpers() -> None:
    assert main_unit(SHOP, "east-galera-1") == "outlast-galera.service"
    [(machine, piece)] = pieces(Fault("pause", ("east-galera-1",)))
    assert machine == "east-data-1"
    assert piece.inject[0][-1] == piece.heal[0][-1] == "outlast-galera.service"


def test_a_unit_ends_and_heals_by_itself_and_obeys_the_block() -> None:
    piece = Piece(inject=(("/bin/a", 'x "y" $z %'),), heal=(("/bin/b",),))
    argv = command(unit_name("pause-1", 1), piece, 6)
    assert argv[:2] == ("systemd-run", "--unit=outlast-fault-pause-1-1.service")
    assert "--property=RuntimeMaxSec=6" in argv
    assert "--property=TimeoutStartSec=6" in argv
    assert f"--property=TimeoutStopSec={HEAL_LIMIT:g}" in argv
    assert f"--property=AssertPathExists=!{BLOCK}" in argv
    assert '--property=ExecStartPre="/bin/a" "x \\"y\\" $$z %%"' in argv
    assert '--property=ExecStopPost=-"/bin/b"' in argv
    assert argv[-2:] == IDLE


def test_the_operators_own_line_passes_before_anything_is_dropped() -> None:
    for fault in (Fault("isolate", DATA[:1]), Fault("partition", DATA[:1], DATA[1:]), Fault("loss", DATA[:1])):
        for _, piece in pieces(fault):
            rules = piece.inject[0][1].splitlines()
            accepted = [n for n, rule in enumerate(rules) if rule.endswith(" accept")]
            dropped = [n for n, rule in enumerate(rules) if rule.endswith("drop")]
            into = [rule for rule in rules if "tcp dport 2022" in rule]
            assert into == ["ip saddr 10.77.0.1 tcp dport 2022 accept"]
            half = rules.index("}")
            assert max(a for a in accepted if a < half) < min(d for d in dropped if d < half)
            assert max(a for a in accepted if a > half) < min(d for d in dropped if d > half)


def test_a_partition_stands_on_both_sides_and_one_way_on_the_right_ones() -> None:
    parted = dict(pieces(Fault("partition", DATA[:1], DATA[1:])))
    assert set(parted) == set(DATA)
    one, far = (SHOP.topology.machine_by_name[name].address for name in DATA[:2])
    assert far in parted[DATA[0]].inject[0][1]
    assert one in parted[DATA[1]].inject[0][1]
    way = dict(pieces(Fault("one-way", DATA[:1], DATA[1:2])))
    sender, receiver = way[DATA[0]].inject[0][1], way[DATA[1]].inject[0][1]
    assert f"ip daddr {{ {far} }} drop" in sender
    assert "ip saddr {" not in sender
    assert f"ip saddr {{ {one} }} drop" in receiver
    assert "ip daddr {" not in receiver


def test_latency_says_why_where_the_kernel_cannot() -> None:
    [(_, piece)] = pieces(Fault("latency", DATA[:1], parameters=(("milliseconds", 40.0),)))
    assert piece.inject[0][-2:] == ("delay", "40ms")
    with pytest.raises(OutlastError) as refused:
        pieces(Fault("latency", DATA[:1]), netem=False)
    assert "netem" in refused.value.findings[0].why

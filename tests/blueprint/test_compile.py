"""Compiling: pure, idempotent, and without loss on its way to the disk and back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from outlast.blueprint.blueprint import dump, parse
from outlast.blueprint.compile import compile_blueprint, packages
from outlast.contract.bundle import Bundle
from outlast.contract.registry import discover
from outlast.kernel.errors import OutlastError
from outlast.site.load import load
from outlast.site.schema import Site
from outlast.topology.place import place
from outlast.topology.sections import sections
from tests import toys
from tests.blueprint.blueprints import compiled
from tests.topology.sites import real_texts, toy_sites
from tests.toys import TOYS, Options, grounds


@given(toy_sites())
def test_equal_sites_give_equal_blueprints(site: Site) -> None:
    assert compiled(site) == compiled(site)
    assert dump(compiled(site)) == dump(compiled(site))


@given(toy_sites(), toy_sites())
def test_nothing_new_is_the_parent_itself(first: Site, second: Site) -> None:
    one = compiled(first)
    assert (one.generation, one.parent) == (1, 0)
    assert compiled(first, one) is one
    two = compiled(second, one)
    if two is not one:
        assert (two.generation, two.parent) == (2, 1)
    assert compiled(second, two) is two


@given(toy_sites())
def test_a_blueprint_survives_the_disk(site: Site) -> None:
    blueprint = compiled(site)
    # Whatever was looked up before must not show in the text.
    assert blueprint.bundle_by_machine is not None
    assert blueprint.topology.clusters is not None
    again = parse(dump(blueprint), "blueprint.json")
    assert again == blueprint
    assert [bundle.digest for bundle in again.bundles] == [bundle.digest for bundle in blueprint.bundles]
    assert compiled(site, again) is again


@settings(max_examples=10)
@given(real_texts())
def test_real_components_survive_the_disk_and_compile_to_the_same(text: str) -> None:
    site = load(text, "site.yaml", sections(discover())).site
    topology = place(site, discover(), grounds(site), None)
    blueprint = compile_blueprint(site, discover(), topology, {}, None)
    again = parse(dump(blueprint), "blueprint.json")
    assert again == blueprint
    assert compile_blueprint(site, discover(), topology, {}, again) is again


@pytest.mark.parametrize("text", [b"", b"{}", b"[1, 2]", b'{"generation": 1}', b"\xff\xfe"])
def test_a_damaged_blueprint_is_a_finding(text: bytes) -> None:
    with pytest.raises(OutlastError) as refused:
        parse(text, "blueprint.json")
    assert refused.value.findings[0].where == "blueprint.json"


def test_every_machine_gets_its_members_and_the_names_it_needs() -> None:
    blueprint = compiled(toys.FULL)
    assert [bundle.machine for bundle in blueprint.bundles] == [m.name for m in blueprint.topology.machines]
    held = blueprint.bundle_by_machine["east-app-1"]
    assert [part.member for part in held.parts] == ["", "east-shop-1", "east-api-2", "east-proxy-1"]
    hosts = names(held)
    # Itself, and every database machine that its proxy talks to; not its peers, and never the edge, which talks to it.
    assert {"east-app-1", "east-data-1", "east-data-3"} <= hosts
    assert not {"east-app-2", "east-edge-1"} & hosts
    assert held.part("east-proxy-1").probe == ("echo", "well")
    with pytest.raises(KeyError):
        held.part("east-shop-9")


def names(bundle: Bundle) -> set[str]:
    """The names in the machine's own hosts file."""
    return {line.split()[1] for line in bundle.part("").files[0].content.splitlines()}


def test_a_bundles_digest_follows_its_content() -> None:
    one = compiled(toys.FULL)
    two = compiled(changed("other"), one)
    different = {
        name for name, bundle in two.bundle_by_machine.items() if bundle.digest != one.bundle_by_machine[name].digest
    }
    assert different == {"east-app-1", "east-app-2"}


def changed(text: str) -> Site:
    """The full site with another text for its shop."""
    wishes = [
        wish.model_copy(update={"options": Options(uses=("database",), text=text)}) if wish.name == "shop" else wish
        for wish in toys.FULL.wishes
    ]
    return toys.FULL.model_copy(update={"wishes": tuple(wishes)})


def test_the_image_holds_every_engine_used_or_not() -> None:
    bare = toys.site(apps={"shop": Options()})
    assert packages(bare, TOYS) == ("edge-server", "proxy-server", "store-server", "watch-server", "web-server")
    assert packages(toys.site(), TOYS) == ("edge-server", "proxy-server", "store-server", "watch-server")

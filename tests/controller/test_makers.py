"""Who makes a site's machines, where the site lives and where it was handed over."""

from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path

import pytest

from outlast.contract.registry import discover
from outlast.controller.makers import Place, maker
from outlast.kernel.errors import OutlastError
from outlast.machines.nspawn.lab import Lab
from outlast.machines.nspawn.operator import new_key
from outlast.machines.vendor.client import Vendor
from outlast.machines.vendor.keys import Vending
from outlast.site.load import load
from outlast.topology.sections import sections

TINY = (Path(__file__).parents[2] / "examples/tiny/site.yaml").read_text(encoding="utf-8")


def test_a_controller_asks_the_vendor_and_needs_nothing_of_a_lab(tmp_path: Path) -> None:
    site = load(TINY, "site.yaml", sections(discover())).site
    place, access = Place(site, tmp_path, tmp_path / ".outlast"), tmp_path / ".outlast/vendor/access.json"
    assert isinstance(maker(site).provide(place), Lab)
    access.parent.mkdir(parents=True)
    public = new_key().export_public_key().decode().strip()
    vending = Vending(addresses=(IPv4Address("10.100.0.1"),), port=8470, host_key=public)
    access.write_text(vending.model_dump_json())
    assert isinstance(maker(site).provide(place), Vendor)
    assert maker(site).lacking(place, True) == ()
    access.write_text("")
    with pytest.raises(OutlastError, match="what was handed over cannot be read"):
        maker(site).provide(place)

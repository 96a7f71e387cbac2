"""The example shop, from nothing to running on simulated machines: its secrets can be read on the machines only."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from outlast.blueprint.blueprint import dump
from outlast.blueprint.diff import diff
from outlast.cli.output import print_json
from outlast.contract.registry import discover
from outlast.contract.simulated import simulated
from tests.seal.leaks import ARMOUR, leaks, leaks_below, secret_values
from tests.sim.site import SimSite

SHOP = Path(__file__).parents[2] / "examples" / "shop"


async def test_no_secret_can_be_read_in_the_state_of_the_shop_nor_in_its_plans(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "shop"
    shutil.copytree(SHOP, home, ignore=shutil.ignore_patterns(".outlast"))
    shop = SimSite(home, (home / "site.yaml").read_text(), simulated(discover()))
    await shop.up()
    secrets = secret_values(shop.blueprint(), shop.vault())
    # The folder of the simulation holds the machines' own disks, where services read what was sent.
    assert leaks_below(home / ".outlast", secrets, but="sim") == {}
    assert leaks_below(home / ".outlast", secrets) != {}, "the search finds nothing at all"
    assert leaks(dump(shop.blueprint()), secrets) == []
    certificates = [*(home / ".outlast/certificates").glob("*.pem"), home / ".outlast/ca.pem"]
    assert all(path.read_bytes().startswith(b"-----BEGIN CERTIFICATE-----") for path in certificates)

    for disk in (home / ".outlast/sim/machines").glob("*/root"):
        for file in (path for path in disk.rglob("*") if path.is_file() and path.stat().st_size):
            if leaks(content := file.read_bytes(), secrets):
                file.write_bytes(content + b"\nby hand\n")
    drifts = await shop.drifted()
    assert drifts, "nothing was edited"
    capsys.readouterr()
    print_json({"changes": diff(None, shop.blueprint()), "drift": drifts})
    printed = capsys.readouterr().out.encode()
    assert b"by hand" in printed or b"hidden" in printed
    assert leaks(printed, secrets) == []
    assert ARMOUR not in printed

"""Passwords, certificates and the authority of a simulated site are changed, killed between any two steps and in the
middle of one: at every moment what is used is accepted, and the same call ends what was begun."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest

from outlast.apply.vault import Vault
from outlast.controller.outcome import Terms
from outlast.controller.rotation import Wanted, chosen, ending, rotatable, rotate
from outlast.controller.up import Up
from outlast.kernel.errors import Invalid, Severity
from outlast.kernel.events import silent
from tests.sim.site import SimSite, new_site

WEB = "uses: [database]\n    scale: { min: 2 }\n    secrets: { KEY: word }"
REST = "database: { engine: mariadb }\nsecrets: { word: { env: WORD } }"
PASSWORD = re.compile(r'DATABASE_URL="mysql://web:(\w+)@')


class KilledError(Exception):
    """The command died here."""


class Operator:
    """Brings the site up as the verb does; dies at the `last` call, before it (`half` False) or with only some of the
    machines brought."""

    def __init__(self, site: SimSite, vault: Vault, last: int = 99, *, half: bool = False) -> None:
        self.site, self.vault, self.last, self.half = site, vault, last, half
        self.said: list[str] = []

    async def bring(self, text: str) -> None:
        self.said.append(text)
        dies = len(self.said) > self.last
        if dies and not self.half:
            raise KilledError
        blueprint = self.site.blueprint()
        machines = sorted(blueprint.bundle_by_machine)
        terms = Terms(only=frozenset(machines[::2]) if dies else None)
        sim = self.site.provider()
        await Up(blueprint, self.site.registry, sim, self.vault, {}, silent, terms).run()
        assert_accepted(self.site)
        if dies:
            raise KilledError


def files(site: SimSite, path: str) -> list[str]:
    return [each.read_text() for each in (site.home / ".outlast/sim/machines").glob(f"*/root{path}")]


def used(site: SimSite) -> set[str]:
    return {found[1] for text in files(site, "/etc/outlast/apps/web-a.env") if (found := PASSWORD.search(text))}


def assert_accepted(site: SimSite) -> None:
    """Every password that an app has is accepted by whichever member has its accounts made."""
    accepted = [set(json.loads(text)["passwords"]["web"]) for text in files(site, "/etc/outlast/galera/accounts.json")]
    assert len(accepted) == 3
    assert used(site)
    assert all(used(site) <= each for each in accepted)


async def running(tmp_path: Path) -> tuple[SimSite, Vault]:
    site = new_site(tmp_path, web=WEB, rest=REST)
    vault = site.vault()
    vault.take({"word": "hidden"})
    vault.keep()
    await site.up()
    return site, vault


@pytest.mark.parametrize(("last", "half"), [(99, False), *((n, half) for n in range(3) for half in (False, True))])
async def test_passwords_are_changed(tmp_path: Path, last: int, half: bool) -> None:
    site, vault = await running(tmp_path)
    old = used(site)
    wanted = chosen(["database"], rotatable(vault, site.blueprint()))
    assert wanted == Wanted(passwords=("database/web",))
    if last < 99:
        with pytest.raises(KilledError):
            await rotate(wanted, vault, Operator(site, vault, last, half=half).bring, finish=False)
        assert_accepted(site)
        # Whoever looks sees that it was begun, and a plain `up` does no harm.
        assert [each.name for each in rotatable(site.vault(), site.blueprint()) if each.under_way] == ["database/web"]
        await site.up()
        assert_accepted(site)
    vault = site.vault()
    await rotate(wanted, vault, Operator(site, vault).bring, finish=False)
    new = used(site)
    assert len(old) == len(new) == 1
    assert not old & new
    accounts = [json.loads(text)["passwords"]["web"] for text in files(site, "/etc/outlast/galera/accounts.json")]
    assert accounts == [[*new, *new]] * 3
    assert not any(each.under_way for each in rotatable(vault, site.blueprint()))
    assert await site.up() == ()


async def test_certificates_are_changed(tmp_path: Path) -> None:
    site, vault = await running(tmp_path)
    before = set(files(site, "/etc/outlast/galera/*.pem"))
    wanted = chosen(["certificates"], rotatable(vault, site.blueprint()))
    assert len(wanted.certificates) > 3
    with pytest.raises(KilledError):
        await rotate(wanted, vault, Operator(site, vault, 0).bring, finish=False)
    await rotate(wanted, vault, Operator(site, vault).bring, finish=False)
    assert not before & set(files(site, "/etc/outlast/galera/*.pem"))
    assert await site.up() == ()


@pytest.mark.parametrize("last", [0, 1, 2, 99])
async def test_two_authorities_are_trusted_until_the_old_one_signs_nothing(tmp_path: Path, last: int) -> None:
    site, vault = await running(tmp_path)
    (old,) = set(files(site, "/etc/outlast/authority.pem"))
    wanted = Wanted(authority=True)
    await rotate(wanted, vault, Operator(site, vault).bring, finish=False)
    await rotate(wanted, vault, Operator(site, vault).bring, finish=False)
    (both,) = set(files(site, "/etc/outlast/authority.pem"))
    assert both.startswith(old.strip())
    assert both.count("BEGIN CERTIFICATE") == 2
    if last < 99:
        with pytest.raises(KilledError):
            await rotate(wanted, vault, Operator(site, vault, last).bring, finish=True)
        await site.up()
    vault = site.vault()
    await rotate(wanted, vault, Operator(site, vault).bring, finish=True)
    (new,) = set(files(site, "/etc/outlast/authority.pem"))
    assert new.count("BEGIN CERTIFICATE") == 1
    assert new in both
    assert new != old
    assert await site.up() == ()


async def test_what_the_owner_keeps_and_what_nobody_knows_is_refused(tmp_path: Path) -> None:
    site, vault = await running(tmp_path)
    known = rotatable(vault, site.blueprint())
    with pytest.raises(Invalid) as refused:
        chosen(["word", "databse"], known)
    assert [finding.fix.partition(":")[0] for finding in refused.value.findings] == [
        "change it where you keep it, then run `outlast up`",
        "did you mean database?",
    ]


async def test_what_ends_soon_is_said_until_up_has_renewed_it(tmp_path: Path) -> None:
    site, vault = await running(tmp_path)
    blueprint = site.blueprint()
    assert ending(vault, blueprint, governed=False) == ()
    later = Vault(site.store.folder, "simulated", vault.now + timedelta(days=340))
    (finding,) = ending(later, blueprint, governed=False)
    assert finding.severity is Severity.WARNING
    assert "in 25 days" in finding.what or "in 24 days" in finding.what
    await Up(blueprint, site.registry, site.provider(), later, {}, silent).run()
    assert ending(later, blueprint, governed=False) == ()
    at_its_end = Vault(site.store.folder, "simulated", vault.now + timedelta(days=3300))
    assert [finding.where for finding in ending(at_its_end, blueprint, governed=False)] == ["certificates", "authority"]

"""What happens on a machine: files land, services follow, and a death at any point leaves work, never a mess."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from outlast.apply.apply import Applier, Edition
from outlast.apply.facts import Pending
from outlast.apply.vault import Vault
from outlast.contract.bundle import Bundle, File, MemberPart, Part, Service
from outlast.contract.secret import password
from outlast.kernel.errors import OutlastError
from outlast.kernel.events import silent
from outlast.machines.machine import Machine
from outlast.machines.nspawn.lab import Lab
from outlast.machines.provider import Order
from tests.lab.site import HOMES

pytestmark = [pytest.mark.lab, pytest.mark.beside, pytest.mark.asyncio(loop_scope="module")]
SITE = "outlast-test-land"
HOME = HOMES / SITE
MACHINE = "east-app-1"
NAME = "outlast-trial.service"
UNIT = f"/etc/systemd/system/{NAME}"
JOB = "outlast-trial-job.service"
CLEAN = (
    f"systemctl stop {NAME} {JOB} 2>/dev/null; "
    "rm -rf /var/lib/outlast /etc/trial /run/job /etc/systemd/system/outlast-* "
    "/etc/systemd/system/multi-user.target.wants/outlast-*; systemctl daemon-reload; systemctl reset-failed"
)
TEXT = "[Service]\nExecStart=/bin/sleep infinity\nExecReload=/bin/true\n"
PACKAGE = "outlast-trial-package"
REPOSITORY = f"""
mkdir -p /srv/repository /root/sources && cd /srv/repository
mv /etc/apt/sources.list /etc/apt/sources.list.d/* /root/sources/ 2>/dev/null
echo 'deb [trusted=yes] file:/srv/repository ./' > /etc/apt/sources.list.d/trial.list
for version in 1 2; do
  mkdir -p tree/DEBIAN
  printf 'Package: {PACKAGE}\\nVersion: %s\\nArchitecture: all\\nMaintainer: m <m@m>\\nDescription: d\\n' $version \\
    > tree/DEBIAN/control
  dpkg-deb --build tree {PACKAGE}-$version.deb >/dev/null
done
printf 'Package: {PACKAGE}\\nVersion: 1\\nArchitecture: all\\nMaintainer: m <m@m>\\nDescription: d\\n' > Packages
printf 'Filename: ./{PACKAGE}-1.deb\\nSize: %s\\nSHA256: %s\\n' $(stat -c %s {PACKAGE}-1.deb) \\
  $(sha256sum {PACKAGE}-1.deb | cut -d' ' -f1) >> Packages
"""
JOB_TEXT = "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo ran >> /run/job'\n"

MAIN, LIGHT, OTHER = File("/etc/trial/main", "1\n"), File("/etc/trial/light", "1\n"), File("/etc/trial/other", "1\n")
PART = Part(
    files=(MAIN, LIGHT, OTHER),
    services=(
        Service(NAME, TEXT, restart_on=(MAIN.path,), reload_on=(LIGHT.path,)),
        Service(JOB, JOB_TEXT, enabled=False),
    ),
    probe=("cat", MAIN.path),
)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def connection() -> AsyncIterator[Machine]:
    lab = Lab(SITE, HOME, HOME / ".outlast")
    await lab.clear()
    # What a killed run left is sealed with a key that was its own.
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir(parents=True)
    await lab.prepare([], silent)
    (network,) = await lab.networks(["east"])
    await lab.create(Order(MACHINE, "east", network[11]))
    machine = await lab.connect(MACHINE)
    yield machine
    await machine.close()
    await lab.clear()
    shutil.rmtree(HOME)


@dataclass(frozen=True)
class Trial:
    """A machine that holds nothing of Outlast yet."""

    machine: Machine

    def applier(
        self, part: Part = PART, *, site: str = "trial", generation: int = 1, packages: tuple[str, ...] = ()
    ) -> Applier:
        """Whoever makes the machine match one part."""
        vault = Vault(HOME / ".outlast", SITE, datetime.now(UTC))
        return Applier(
            self.machine, Bundle(MACHINE, (MemberPart("m", part),)), Edition(site, generation, packages=packages), vault
        )

    async def shell(self, script: str) -> str:
        """What a script prints."""
        done = await self.machine.run(["sh", "-c", script])
        return done.stdout.decode().strip()

    async def process(self) -> str:
        """The service's process."""
        return await self.shell(f"systemctl show {NAME} --property MainPID --value")

    async def apply(self, part: Part = PART) -> str:
        """Land and activate; answers what that did to the service."""
        applier = self.applier(part)
        await applier.land()
        return (await applier.activate([NAME]))[NAME].did


@pytest_asyncio.fixture(loop_scope="module")
async def trial(connection: Machine) -> Trial:
    await connection.run(["sh", "-c", CLEAN])
    return Trial(connection)


def with_files(*files: File) -> Part:
    """The part with some of its files changed."""
    by_path = {file.path: file for file in files}
    return replace(PART, files=tuple(by_path.get(file.path, file) for file in PART.files))


def with_unit(text: str) -> Part:
    """The part with another unit for its service."""
    return replace(PART, services=(replace(PART.services[0], unit=text), PART.services[1]))


async def test_a_dry_run_says_everything_and_does_nothing(trial: Trial) -> None:
    landed = await trial.applier().land(dry=True)
    assert set(landed.changed) == {MAIN.path, LIGHT.path, OTHER.path, UNIT, f"/etc/systemd/system/{JOB}"}
    assert landed.pending == {NAME: Pending.START}
    assert await trial.shell(f"ls /etc/trial {UNIT} /var/lib/outlast/ledger.json 2>/dev/null") == ""


async def test_landing_writes_and_enables_but_starts_nothing(trial: Trial) -> None:
    landed = await trial.applier().land()
    assert len(landed.changed) == 5
    assert await trial.shell(f"systemctl is-enabled {NAME}; systemctl is-active {NAME}") == "enabled\ninactive"
    assert await trial.shell(f"systemctl is-enabled {JOB}") == "static"
    again = await trial.applier().land()
    assert (again.changed, again.pending) == ((), {NAME: Pending.START})
    assert not again.clean


async def test_activation_does_as_little_as_the_change_allows(trial: Trial) -> None:
    assert await trial.apply() == "start"
    assert await trial.apply() == "none"
    assert (await trial.applier().land()).clean
    first = await trial.process()
    assert await trial.apply(with_files(replace(OTHER, content="2\n"))) == "none"
    assert await trial.apply(with_files(replace(LIGHT, content="2\n"))) == "reload"
    assert await trial.process() == first
    assert await trial.apply(with_files(replace(MAIN, content="2\n"))) == "restart"
    second = await trial.process()
    assert second != first
    assert await trial.apply(with_unit(TEXT + "Nice=5\n")) == "restart"
    assert await trial.process() != second


async def test_a_dry_run_foretells_what_activation_will_do(trial: Trial) -> None:
    await trial.apply()
    for part, need in (
        (with_files(replace(OTHER, content="2\n")), Pending.NONE),
        (with_files(replace(LIGHT, content="2\n")), Pending.RELOAD),
        (with_files(replace(MAIN, content="2\n")), Pending.RESTART),
        (with_unit(TEXT + "Nice=5\n"), Pending.RESTART),
    ):
        assert (await trial.applier(part).land(dry=True)).pending == {NAME: need}


async def test_rights_and_secrets_are_part_of_a_file(trial: Trial) -> None:
    part = with_files(replace(MAIN, content=f"{password('trial')}\n", mode=0o640, group="nogroup"))
    await trial.applier(part).land()
    assert await trial.shell(f"stat -c '%a %U:%G' {MAIN.path}") == "640 root:nogroup"
    assert len(await trial.shell(f"cat {MAIN.path}")) == 32
    await trial.shell(f"chmod 644 {MAIN.path}")
    assert (await trial.applier(part).land()).changed == (MAIN.path,)
    assert await trial.shell(f"stat -c %a {MAIN.path}") == "640"


async def test_a_service_that_does_not_start_is_told_with_its_last_lines(trial: Trial) -> None:
    bad = with_unit("[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo no such ware; exit 3'\n")
    await trial.applier(bad).land()
    with pytest.raises(OutlastError) as refused:
        await trial.applier(bad).activate([NAME])
    finding = refused.value.findings[0]
    assert (finding.where, finding.what) == (f"{MACHINE}: {NAME}", "the service did not start")
    assert "no such ware" in "\n".join(finding.evidence)
    assert await trial.apply() == "start"


async def test_a_job_runs_once_and_only_when_it_succeeded(trial: Trial) -> None:
    applier = trial.applier()
    await applier.land()
    assert (await applier.once("migrate/1", JOB)).did == "start"
    assert (await applier.once("migrate/1", JOB)).did == "none"
    assert (await applier.once("migrate/2", JOB, recorded=True)).did == "none"
    assert (await applier.once("migrate/2", JOB)).did == "none"
    assert await trial.shell("cat /run/job") == "ran"
    assert (await applier.observe()).once == ("migrate/1", "migrate/2")
    await trial.shell("rm /run/job; mkdir /run/job")
    for _ in range(2):
        with pytest.raises(OutlastError):
            await applier.once("migrate/3", JOB)
    assert (await applier.observe()).once == ("migrate/1", "migrate/2")


async def test_a_sweep_removes_what_is_no_longer_asked_for_and_nothing_else(trial: Trial) -> None:
    await trial.apply()
    await trial.shell("echo mine > /etc/trial/own")
    less = replace(PART, files=(OTHER,), services=())
    landed = await trial.applier(less).land()
    assert (landed.changed, set(landed.leftovers.services)) == ((), {NAME, JOB})
    assert {MAIN.path, LIGHT.path, UNIT} <= set(landed.leftovers.files)
    assert await trial.shell(f"systemctl is-active {NAME}") == "active"
    assert await trial.applier(less).sweep() == landed.leftovers
    assert await trial.shell("ls /etc/trial") == "other\nown"
    assert await trial.shell(f"systemctl is-active {NAME}; ls /etc/systemd/system | grep trial") == "inactive"
    assert (await trial.applier(less).land()).clean
    assert not await trial.applier(less).sweep()


async def test_a_package_that_was_changed_by_hand_is_put_back_from_the_machines_sources(trial: Trial) -> None:
    await trial.shell(REPOSITORY)
    assert await trial.shell(f"dpkg --install /srv/repository/{PACKAGE}-1.deb >/dev/null && echo yes") == "yes"
    applier = trial.applier(packages=(PACKAGE,))
    await applier.land()
    await applier.activate([NAME])
    assert (await applier.land(dry=True)).clean
    await trial.shell(f"dpkg --install /srv/repository/{PACKAGE}-2.deb")
    landed = await applier.land(dry=True)
    assert landed.packages.wrong == {PACKAGE: ("1", "2")}
    assert not landed.clean
    assert (await applier.restore([PACKAGE])).failed == ""
    assert await trial.shell(f"dpkg-query -W -f '${{Version}}' {PACKAGE}") == "1"
    # What ran on the other version is started anew.
    landed = await applier.land()
    assert (landed.packages.wrong, landed.pending) == ({}, {NAME: Pending.RESTART})
    await trial.shell(f"dpkg --purge {PACKAGE}; rm -rf /srv/repository")
    assert (await applier.land(dry=True)).packages.wrong == {PACKAGE: ("1", "")}
    assert "1" in (await applier.restore([PACKAGE])).failed
    assert await trial.shell("ls /usr/sbin/policy-rc.d 2>/dev/null") == ""


async def test_another_blueprint_of_the_same_number_and_its_children_are_refused(trial: Trial) -> None:
    def applier(generation: int, digest: str, parent_digest: str) -> Applier:
        edition = Edition("trial", generation, digest, generation - 1, parent_digest)
        vault = Vault(HOME / ".outlast", SITE, datetime.now(UTC))
        return Applier(trial.machine, Bundle(MACHINE, (MemberPart("m", PART),)), edition, vault)

    await applier(4, "ours", "both").land()
    for stranger in (applier(4, "theirs", "both"), applier(5, "later", "theirs")):
        for dry in (True, False):
            with pytest.raises(OutlastError) as refused:
                await stranger.land(dry=dry)
            assert "it is another one than yours" in refused.value.findings[0].why
    await applier(5, "next", "ours").land()
    # Who missed a generation may go on; who goes back may not.
    await applier(7, "far", "unknown").land()


async def test_an_older_generation_and_another_site_are_refused(trial: Trial) -> None:
    await trial.applier(generation=3).land()
    other = with_files(replace(MAIN, content="2\n"))
    for applier, why in (
        (trial.applier(other, generation=2), "generation 2 is older than 3"),
        (trial.applier(other, generation=9, site="stranger"), "belongs to the site trial"),
    ):
        for attempt in (applier.land, applier.sweep, lambda a=applier: a.activate([NAME])):
            with pytest.raises(OutlastError) as refused:
                await attempt()
            assert why in refused.value.findings[0].why
    assert await trial.shell(f"cat {MAIN.path}; systemctl is-active {NAME}") == "1\ninactive"
    assert (await trial.applier(generation=2).observe()).generation == 3


async def test_a_death_between_landing_and_activation_leaves_work_to_do(trial: Trial) -> None:
    await trial.apply()
    changed = with_files(replace(MAIN, content="2\n"))
    assert (await trial.applier(changed).land()).pending == {NAME: Pending.RESTART}
    # Here the sender died. The next one finds the files right, and the service running on the old ones.
    landed = await trial.applier(changed).land()
    assert (landed.changed, landed.pending) == ((), {NAME: Pending.RESTART})
    assert await trial.apply(changed) == "restart"


async def test_a_death_before_systemd_knew_of_a_unit_is_made_good(trial: Trial) -> None:
    await trial.apply()
    changed = TEXT + "Nice=5\n"
    await trial.shell(f"printf '%s' '{changed}' > {UNIT}")
    assert (await trial.applier(with_unit(changed)).land()).changed == ()
    assert await trial.apply(with_unit(changed)) == "restart"
    assert await trial.shell(f"systemctl show {NAME} --property Nice --value") == "5"


async def test_a_death_before_a_start_was_noted_repeats_it(trial: Trial) -> None:
    await trial.applier().land()
    await trial.shell(f"systemctl start {NAME}")
    assert await trial.apply() == "restart"
    assert await trial.apply() == "none"


async def test_starting_what_runs_forgets_no_change(trial: Trial) -> None:
    await trial.apply()
    applier = trial.applier(with_files(replace(MAIN, content="2\n")))
    await applier.land()
    assert (await applier.activate([NAME], force="start"))[NAME].did == "none"
    assert (await applier.observe()).services[NAME].pending is Pending.RESTART
    assert (await applier.activate([NAME], force="stop"))[NAME].did == "stop"
    assert (await applier.activate([NAME], force="start"))[NAME].did == "start"
    assert (await applier.observe()).services[NAME].pending is Pending.NONE


async def test_an_observation_holds_services_and_probes(trial: Trial) -> None:
    await trial.apply()
    seen = await trial.applier().observe()
    assert seen.services[NAME].active == "active"
    assert JOB not in seen.services
    output = seen.output("m")
    assert output is not None
    assert (output.returncode, output.stdout) == (0, "1\n")
    assert seen.output("nobody") is None
    assert (await trial.applier().observe([])).probes == {}


async def test_a_probe_that_hangs_costs_its_limit_and_says_so(trial: Trial) -> None:
    seen = await trial.applier(replace(PART, probe=("sleep", "60"))).observe()
    output = seen.output("m")
    assert output is not None
    assert output.returncode == 124

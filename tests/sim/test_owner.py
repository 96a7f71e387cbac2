"""The owner's secrets on simulated machines: they reach who reads them, a change restarts nobody else, and what is kept
is enough for a controller."""

from __future__ import annotations

from pathlib import Path

import pytest

from outlast.blueprint.audit import audit
from outlast.blueprint.blueprint import dump
from outlast.blueprint.readers import readers
from outlast.cli.output import print_json
from outlast.controller.owner import SecretChange, changes
from outlast.kernel.errors import Invalid, Severity
from tests.seal.leaks import leaks, leaks_below, secret_values
from tests.sim.site import SimSite, loaded, new_site

SECRETS = "secrets: { word: { env: WORD }, map: { file: map }, spare: { env: SPARE } }"
WEB = "scale: { min: 2 }\n    uses: [database]\n    secrets: { WORD: word, MAP: map }"
OTHER = "other:\n    source: ./app\n    run: serve\n    routes: [/other]"
# With everything that an environment file takes for its own.
MAP = 'one "two" $three\n`four` \\five'


def a_site(tmp_path: Path) -> SimSite:
    (tmp_path / "map").write_text(f"{MAP}\n")
    return new_site(tmp_path, web=f"{WEB}\n  {OTHER}", rest=f"database: {{ engine: mariadb }}\n{SECRETS}")


async def up(site: SimSite, word: str, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """What the verb does with secrets, and then `up`."""
    monkeypatch.setenv("WORD", word)
    workspace = site.workspace(site.provider())
    blueprint, _ = workspace.compiler.compile(await workspace.grounds())
    vault = site.vault()
    vault.take(workspace.find_secrets(blueprint))
    vault.keep()
    return await site.up()


async def test_a_changed_secret_reaches_its_readers_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = a_site(tmp_path)
    await up(site, "first-Xq7", monkeypatch)
    homes = [*(tmp_path / ".outlast/sim/machines").glob("*/root/etc/outlast/apps/web-a.env")]
    assert len(homes) == 2
    for path in homes:
        assert 'WORD="first-Xq7"\n' in path.read_text()
        assert 'MAP="one \\"two\\" \\$three\n\\`four\\` \\\\five"\n' in path.read_text()
        assert path.stat().st_mode & 0o777 == 0o600
    assert await up(site, "first-Xq7", monkeypatch) == ()
    done = await up(site, "second-Lw9", monkeypatch)
    restarted = [line for line in done if "restarted" in line]
    assert [line.partition(": ")[2] for line in restarted] == ["restarted outlast-app-web-a.service"] * 2
    assert all('WORD="second-Lw9"\n' in path.read_text() for path in homes)


async def test_a_plan_names_what_changed_and_holds_no_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    site = a_site(tmp_path)
    await up(site, "first-Xq7", monkeypatch)
    blueprint = site.blueprint()
    told = changes(site.vault(), {"word": "second-Lw9", "map": MAP}, blueprint)
    assert told == (SecretChange("word", "its value changed", ("web",)),)
    assert await site.drifted() == ()
    print_json({"changes": told})
    shown = capsys.readouterr().out.encode() + dump(blueprint)
    assert leaks(shown, [*secret_values(blueprint, site.vault()), b"second-Lw9"]) == []


async def test_what_is_kept_is_sealed_and_only_what_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = a_site(tmp_path)
    await up(site, "first-Xq7", monkeypatch)
    kept = tmp_path / ".outlast/owner"
    assert {path.name for path in kept.iterdir()} == {"word", "map"}
    secrets = {b"first-Xq7", MAP.encode(), b'one "two"'}
    assert leaks_below(tmp_path / ".outlast", secrets, but="sim") == {}
    before = {path.name: path.read_bytes() for path in kept.iterdir()}
    await up(site, "first-Xq7", monkeypatch)
    assert {path.name: path.read_bytes() for path in kept.iterdir()} == before, "an unchanged secret is sealed once"
    # A controller has the folder and no variable.
    monkeypatch.delenv("WORD")
    assert await site.up() == ()
    assert readers(site.blueprint()) == {"map": ("web",), "word": ("web",)}
    vault = site.vault()
    vault.narrow(["word"])
    assert {path.name for path in kept.iterdir()} == {"word"}


async def test_what_is_missing_and_what_nobody_reads_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = a_site(tmp_path)
    await up(site, "first-Xq7", monkeypatch)
    monkeypatch.setenv("WORD", "")
    (tmp_path / "map").unlink()
    workspace = site.workspace(site.provider())
    with pytest.raises(Invalid) as refused:
        workspace.find_secrets(site.blueprint())
    line = next(n for n, text in enumerate(site.text.splitlines(), start=1) if text == SECRETS)
    assert {finding.where.rpartition(":")[0] for finding in refused.value.findings} == {f"{tmp_path}/site.yaml:{line}"}
    warnings = audit(loaded(site.text, site.registry), site.registry, site.blueprint())
    assert [f.where for f in warnings if f.severity is Severity.WARNING and "nobody reads" in f.what] == [
        "secrets.spare"
    ]

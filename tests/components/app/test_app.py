from __future__ import annotations

import os
import shlex
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from outlast.components.app.component import COMPONENT
from outlast.components.app.options import AppOptions
from outlast.components.app.probe import parse
from outlast.components.app.render import quoted
from outlast.contract.bundle import Once, Part
from outlast.contract.changeover import BEHIND
from outlast.contract.identity import AUTHORITY
from outlast.contract.interface import Endpoint, Http, Reach, Required, Variable
from outlast.contract.probe import Health, Output
from outlast.contract.registry import discover
from outlast.contract.scaling import Metric
from outlast.contract.slot import Slot
from outlast.contract.unit import argument
from outlast.kernel.errors import Invalid
from outlast.site.load import load
from outlast.topology.sections import sections
from tests.components.edge_views import RELEASE, content, example, unit, view

ENV = "/etc/outlast/apps/web-a.env"
DATABASE = Endpoint(
    "database",
    "dbproxy",
    "east-dbproxy-1",
    "east-app-1",
    "east",
    "127.0.0.1",
    3306,
    environment=(Variable("DATABASE_URL", "mysql://{account}@{address}:{port}/{site}"),),
)


def render(
    *, artifact: Any = RELEASE, endpoints: tuple[Endpoint, ...] = (), slot: Slot = Slot.A, **options: Any
) -> Part:
    given = {"source": "app", "run": "serve", **options}
    ports = (("http-backend", 8000), ("http-backend-b", 8001))
    seen = view(COMPONENT, "app", service="web", options=given, ports=ports, endpoints=endpoints, artifact=artifact)
    return COMPONENT.render(replace(seen, slot=slot))


def output(*lines: str, returncode: int = 0) -> Output:
    return Output(returncode, "\n".join(lines) + "\n", "")


def test_the_environment_says_where_to_listen_and_what_to_use() -> None:
    lines = content(render(endpoints=(DATABASE,)), ENV).splitlines()
    assert 'HOST="10.0.0.13"' in lines
    assert 'PORT="8000"' in lines
    assert 'DATABASE_URL="mysql://web@127.0.0.1:3306/shop"' in lines
    assert 'APP_SECRET="⟦password:apps/web⟧"' in lines
    path = next(line for line in lines if line.startswith("PATH="))
    assert path.startswith(f'PATH="{RELEASE.path}/.venv/bin:{RELEASE.path}/node_modules/.bin:{RELEASE.path}/bin:/')


def test_the_owner_has_the_last_word_on_the_environment() -> None:
    text = content(render(endpoints=(DATABASE,), env={"DATABASE_URL": "sqlite://", "HOME": "/run/x"}), ENV)
    assert 'DATABASE_URL="sqlite://"' in text
    assert "mysql://" not in text


def test_only_root_reads_the_environment() -> None:
    file = next(file for file in render().files if file.path == ENV)
    assert (file.mode, file.owner, file.group) == (0o600, "root", "root")


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_values_are_read_back_as_they_were(value: str) -> None:
    # Within double quotes a shell undoes the same four escapes as systemd does.
    assert shlex.split(quoted(value).replace("\\$", "$").replace("\\`", "`")) == [value]


def test_the_command_reaches_the_shell_unchanged() -> None:
    text = unit(render(run="A='x y' gunicorn --bind $HOST:$PORT \\\n  a:%b\n"), "outlast-app-web-a.service")
    assert "\\nA='x y' gunicorn --bind $$HOST:$$PORT \\\\\\n  a:%%b\"\n" in text
    assert argument('say "hi"') == '"say \\"hi\\""'


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="this kernel does not know sessions")
def test_who_starts_beside_one_that_serves_begins_behind_it_and_every_other_start_does_not(tmp_path: Path) -> None:
    text = unit(render(run="cat /proc/self/autogroup"), "outlast-app-web-a.service")
    command = next(line for line in text.splitlines() if line.startswith("ExecStart="))
    # What systemd makes of it.
    script = shlex.split(command.replace("$$", "$").replace("%%", "%"))[-1].replace("\\n", "\n")
    assert f"{BEHIND}/outlast-app-web-a.service " in script

    def nice(script: str) -> str:
        done = subprocess.run(["setsid", "bash", "-c", script], capture_output=True, text=True, check=True)
        return done.stdout.split()[-1]

    script = script.replace(BEHIND, str(tmp_path))
    assert nice(script) == "0"
    (tmp_path / "outlast-app-web-a.service").touch()
    assert nice(script) == "19"
    os.utime(tmp_path / "outlast-app-web-a.service", (0, 0))
    assert nice(script) == "0"


def test_the_service_is_hardened_yet_runs_any_language() -> None:
    text = unit(render(stop="12s"), "outlast-app-web-a.service")
    for setting in (
        "DynamicUser=yes",
        f"WorkingDirectory={RELEASE.path}",
        f"EnvironmentFile={ENV}",
        "TimeoutStopSec=12s",
        "KillMode=mixed",
        "Restart=always",
        "CapabilityBoundingSet=",
    ):
        assert setting in text.splitlines()
    assert "MemoryDenyWriteExecute" not in text


def test_a_change_of_the_environment_is_a_restart() -> None:
    assert render().services[0].restart_on == (ENV, AUTHORITY)


def test_a_migration_runs_once_for_each_release() -> None:
    part = render(migrate="migrate now")
    assert part.once == (Once("migrate/web/0a1b2c", "outlast-app-web-migrate.service"),)
    service = next(service for service in part.services if service.name == "outlast-app-web-migrate.service")
    assert not service.enabled
    assert "Type=oneshot" in service.unit
    assert '\\nmigrate now"\n' in service.unit
    assert render().once == ()


def test_without_a_release_there_is_nothing_to_run() -> None:
    part = render(artifact=None)
    assert part.services == ()
    assert part.artifacts == ()


def test_it_offers_a_backend_and_asks_for_what_it_uses() -> None:
    options = AppOptions.model_validate({"source": "a", "run": "b", "routes": ["/api"], "uses": ["database"]})
    served = COMPONENT.provides(options, 1)
    assert [(each.interface, each.port) for each in served] == [("http-backend", None), ("http-backend-b", None)]
    assert {each.http for each in served} == {Http(("/api",), "/healthz")}
    assert COMPONENT.requires(options) == (Required("database", Reach.MACHINE),)
    assert COMPONENT.packages(options.model_copy(update={"packages": ("nodejs",)}))[-1] == "nodejs"


def test_a_port_that_is_said_takes_the_next_one_too() -> None:
    options = AppOptions.model_validate({"source": "a", "run": "b", "port": 8000})
    assert [each.port for each in COMPONENT.provides(options, 1)] == [8000, 8001]


def test_in_the_other_slot_everything_has_another_name() -> None:
    one, other = render(), render(slot=Slot.B)
    assert (one.main.name, one.twin) == (other.twin, other.main.name)
    assert not {file.path for file in one.files} & {file.path for file in other.files}
    assert 'PORT="8001"' in content(other, "/etc/outlast/apps/web-b.env")
    assert any("10.0.0.13:8001/" in word for word in other.probe)


def test_max_follows_a_large_min() -> None:
    options = AppOptions.model_validate({"source": "a", "run": "b", "scale": {"min": 10}})
    assert (options.scale.min, options.scale.max) == (10, 10)


TEXT = """\
site: shop
domain: shop.test
datacenters: { east: { machines: lab } }
apps:
  web:
    source: ./app
    run: serve
    scale: { processor: 70, metric: { path: metrics, name: "jobs waiting", per_member: 0, total: true } }
  api: { source: ./app, run: serve, routes: [/api], scale: { metric: jobs } }
  mail: { source: ./app, run: serve, routes: [/mail], scale: { metric: {} } }
"""


def test_everything_that_is_wrong_with_what_it_scales_by_is_told_at_once_with_its_place() -> None:
    with pytest.raises(Invalid) as refusal:
        load(TEXT, "site.yaml", sections(discover()))
    assert [(f.where, f.what) for f in refusal.value.findings] == [
        ("site.yaml:8:25", "`apps.web.scale.processor`: `70` has no unit"),
        ("site.yaml:8:45", "`apps.web.scale.metric.path` cannot be `metrics`"),
        ("site.yaml:8:60", "`apps.web.scale.metric.name` cannot be `jobs waiting`"),
        ("site.yaml:8:88", "`apps.web.scale.metric.per_member` is 0"),
        ("site.yaml:8:91", "`total` is not a key of `apps.web.scale.metric`"),
        ("site.yaml:9:70", "`apps.api.scale.metric` must be a mapping of keys to values, not the text `jobs`"),
        ("site.yaml:10:64", "`apps.mail.scale.metric` lacks `name`"),
        ("site.yaml:10:64", "`apps.mail.scale.metric` lacks `per_member`"),
    ]
    assert all(finding.why and finding.fix for finding in refusal.value.findings)


def test_what_it_scales_by_is_what_was_asked_for() -> None:
    assert COMPONENT.scales is not None
    plain = COMPONENT.scales(AppOptions.model_validate({"source": "a", "run": "b"}))
    assert (plain.processor, plain.metric) == (None, None)
    asked = {"processor": "70%", "metric": {"name": "jobs_waiting", "per_member": 50, "shared": True}}
    scaling = COMPONENT.scales(AppOptions.model_validate({"source": "a", "run": "b", "scale": asked}))
    assert scaling.processor == 0.7
    assert scaling.metric == Metric("http-backend", "/metrics", "jobs_waiting", 50, shared=True)


@pytest.mark.parametrize(
    "wrong",
    [
        {"scale": {"min": 4, "max": 2}},
        {"scale": {"processor": 0.5}},
        {"scale": {"processor": "0%"}},
        {"scale": {"processor": "101%"}},
        {"scale": {"metric": {"name": "jobs"}}},
        {"scale": {"metric": {"per_member": 5}}},
        {"scale": {"metric": {"name": "jobs waiting", "per_member": 5}}},
        {"scale": {"metric": {"name": "jobs", "per_member": 0}}},
        {"scale": {"metric": {"name": "jobs", "per_member": float("inf")}}},
        {"scale": {"metric": {"name": "jobs", "per_member": 5, "path": "metrics"}}},
        {"scale": {"metric": {"name": "jobs", "per_member": 5, "path": "/a b\r\n"}}},
        {"routes": []},
        {"routes": ["api"]},
        {"routes": ["/a b"]},
        {"env": {"1X": "y"}},
        {"port": 80},
        {"stop": 30},
        {"unknown": 1},
    ],
)
def test_wrong_options_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AppOptions.model_validate({"source": "a", "run": "b", **wrong})


def test_the_example_is_valid() -> None:
    options = example(discover().example("app"), COMPONENT)
    assert options.run.startswith("gunicorn")


PATH = "path=/healthz"
REFUSED = (PATH, "status=000", "seconds=0", "curl=7")
RUNNING = ("NRestarts=0", "ExecMainCode=0", "ExecMainStatus=0", "ActiveState=active", "SubState=running")


@pytest.mark.parametrize(
    ("lines", "health", "because"),
    [
        ((PATH, "status=200", "seconds=0.003085", "curl=0", *RUNNING), "healthy", "answers 200 on /healthz in 3 ms"),
        (("path=/up", "status=302", "seconds=0.000100", "curl=0", *RUNNING), "healthy", "answers 302 on /up in 1 ms"),
        ((PATH, "status=500", "seconds=0.01", "curl=0", *RUNNING), "unhealthy", "answers 500 on /healthz"),
        (
            (PATH, "status=000", "seconds=3.0", "curl=28", *RUNNING),
            "unhealthy",
            "runs, but does not answer on /healthz within 3 s",
        ),
        ((*REFUSED, *RUNNING), "unhealthy", "runs, but refuses connections"),
        (
            (*REFUSED, "NRestarts=4", "ExecMainCode=1", "ExecMainStatus=1",
             "ActiveState=activating", "SubState=auto-restart"),
            "unhealthy",
            "exited with status 1, restarted 4 times",
        ),
        (
            (*REFUSED, "NRestarts=1", "ExecMainCode=2", "ExecMainStatus=9",
             "ActiveState=activating", "SubState=auto-restart"),
            "unhealthy",
            "was ended by signal 9, restarted 1 time",
        ),
        (
            (PATH, "status=000", "seconds=0.000131", "curl=7", "NRestarts=0", "ExecMainCode=0",
             "ExecMainStatus=0", "ActiveState=inactive", "SubState=dead"),
            "unhealthy",
            "is inactive",
        ),
    ],
)  # fmt: skip
def test_the_probe_says_why(lines: tuple[str, ...], health: str, because: str) -> None:
    report = parse(output(*lines))
    assert (report.health, report.because) == (health, because)


def test_a_probe_that_tells_nothing_is_unknown() -> None:
    assert parse(output("", returncode=124)).health is Health.UNKNOWN
    assert parse(Output(127, "", "sh: curl: not found\n")).because == "the probe failed: sh: curl: not found"

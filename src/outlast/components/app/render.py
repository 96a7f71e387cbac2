"""One app on one machine: its release, its environment and its service."""

from __future__ import annotations

from outlast.components.app.container import contained, settings
from outlast.components.app.options import AppOptions
from outlast.components.app.probe import probe, service_name
from outlast.contract.bundle import Artifact, File, Once, Part, Service
from outlast.contract.changeover import BEHIND
from outlast.contract.identity import AUTHORITY
from outlast.contract.secret import owner, password
from outlast.contract.slot import Slot, in_slot
from outlast.contract.source import Image
from outlast.contract.unit import Start, Unit, argument, environment_value
from outlast.contract.view import NodeView

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
MIGRATE_LIMIT = 900.0
# For the whole session of a service: where sessions share the processors. Source: "The autogroup feature" in sched(7).
LAST = "{ echo 19 > /proc/self/autogroup; } 2> /dev/null"


def render(view: NodeView[AppOptions]) -> Part:
    """Everything the app needs on this machine. Without a release (before the first build): only its settings."""
    environment = File(environment_path(view.service, view.slot), _environment(view), mode=0o600)
    if view.artifact is None:
        return Part(files=(environment,))
    files = (environment, settings(view.service)) if _is_image(view) else (environment,)
    reads = (environment.path, AUTHORITY)
    services = [Service(service_name(view.service, view.slot), _unit(view, view.artifact).text(), reads)]
    once: tuple[Once, ...] = ()
    if view.options.migrate is not None:
        name = f"outlast-app-{view.service}-migrate.service"
        services.append(Service(name, _migrate(view, view.artifact, view.options.migrate).text(), enabled=False))
        once = (Once(f"migrate/{view.service}/{view.artifact.digest}", name),)
    return Part(
        files=files,
        services=tuple(services),
        probe=probe(view),
        artifacts=(view.artifact,),
        once=once,
        slot=view.slot,
        twin=service_name(view.service, view.slot.other),
    )


def _unit(view: NodeView[AppOptions], release: Artifact) -> Unit:
    unit = Unit(
        description=f"{view.service}, an app of {view.site}",
        start=_shell(_behind(service_name(view.service, view.slot)), view.options.run),
        dynamic_user=True,
        directory=release.path,
        environment_files=(environment_path(view.service, view.slot),),
        stop_limit=view.options.stop,
    )
    return contained(unit, f"app-{view.slot}", release, view.options.run, _values(view)) if _is_image(view) else unit


def _migrate(view: NodeView[AppOptions], release: Artifact, script: str) -> Unit:
    unit = Unit(
        description=f"{view.service}, an app of {view.site}: migration to release {release.digest}",
        start=_shell(LAST, script),
        type=Start.ONESHOT,
        dynamic_user=True,
        directory=release.path,
        environment_files=(environment_path(view.service, view.slot),),
        start_limit=MIGRATE_LIMIT,
    )
    return contained(unit, "migration", release, script, _values(view)) if _is_image(view) else unit


def _is_image(view: NodeView[AppOptions]) -> bool:
    return isinstance(view.options.origin, Image)


def environment_path(service: str, slot: Slot) -> str:
    """Where the settings of an app in one slot lie, in systemd's own format."""
    return f"/etc/outlast/apps/{service}-{slot}.env"


def _behind(service: str) -> str:
    """It starts behind those who serve when whoever starts it beside them has just asked for that."""
    return f'[ -z "$(find {BEHIND}/{service} -mmin -1 2> /dev/null)" ] || {LAST}'


def _shell(first: str, script: str) -> str:
    # bash, not dash: it replaces itself by the last command of the text, so that the app itself gets the signal
    # to stop, also after `cd somewhere &&` or `NAME=value`.
    text = f"{first}\n{script.strip()}"
    return f"/bin/bash -c {argument(text)}"


def _environment(view: NodeView[AppOptions]) -> str:
    """The environment file."""
    return "".join(f"{name}={quoted(value)}\n" for name, value in _values(view).items())


def _values(view: NodeView[AppOptions]) -> dict[str, str]:
    """The app's variables; what the owner says comes last and wins."""
    release = view.artifact.path if view.artifact else "/nonexistent"
    values = {
        "HOST": view.address,
        "PORT": str(view.port(in_slot("http-backend", view.slot))),
        "APP_SECRET": password(f"apps/{view.service}"),
        "PATH": f"{release}/.venv/bin:{release}/node_modules/.bin:{release}/bin:{SYSTEM_PATH}",
        "VIRTUAL_ENV": f"{release}/.venv",
        # The service has a private /tmp and no home of its own; many tools want to write to one.
        "HOME": "/tmp",
        # Output must reach the journal line by line, not when a buffer is full.
        "PYTHONUNBUFFERED": "1",
    }
    for endpoint in view.endpoints:
        for variable in endpoint.environment:
            values[variable.name] = variable.value(
                address=endpoint.address, port=endpoint.port, site=view.site, account=view.service
            )
    return values | view.options.env | {name: owner(secret) for name, secret in view.options.secrets.items()}


def quoted(value: str) -> str:
    """A value for an environment file, taken literally. Source: EnvironmentFile= in systemd.exec(5)."""
    return f'"{environment_value(value)}"'

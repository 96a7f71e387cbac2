"""One app on one machine: its release, its environment and its service."""

from __future__ import annotations

from outlast.components.app.options import AppOptions
from outlast.components.app.probe import probe
from outlast.contract.bundle import Artifact, File, Once, Part, Service
from outlast.contract.secret import password
from outlast.contract.unit import Start, Unit, argument
from outlast.contract.view import NodeView

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
MIGRATE_LIMIT = 900.0


def render(view: NodeView[AppOptions]) -> Part:
    """Everything the app needs on this machine. Without a release (before the first build): only its settings."""
    environment = File(f"/etc/outlast/apps/{view.service}.env", _environment(view), mode=0o600)
    if view.artifact is None:
        return Part(files=(environment,))
    services = [Service(f"outlast-app-{view.service}.service", _unit(view, view.artifact).text(), (environment.path,))]
    once: tuple[Once, ...] = ()
    if view.options.migrate is not None:
        name = f"outlast-app-{view.service}-migrate.service"
        services.append(Service(name, _migrate(view, view.artifact, view.options.migrate).text(), enabled=False))
        once = (Once(f"migrate/{view.service}/{view.artifact.digest}", name),)
    return Part(
        files=(environment,),
        services=tuple(services),
        probe=probe(view),
        artifacts=(view.artifact,),
        once=once,
    )


def _unit(view: NodeView[AppOptions], release: Artifact) -> Unit:
    return Unit(
        description=f"{view.service}, an app of {view.site}",
        start=_shell(view.options.run),
        dynamic_user=True,
        directory=release.path,
        environment_files=(f"/etc/outlast/apps/{view.service}.env",),
        stop_limit=view.options.stop,
    )


def _migrate(view: NodeView[AppOptions], release: Artifact, script: str) -> Unit:
    return Unit(
        description=f"{view.service}, an app of {view.site}: migration to release {release.digest}",
        start=_shell(script),
        type=Start.ONESHOT,
        dynamic_user=True,
        directory=release.path,
        environment_files=(f"/etc/outlast/apps/{view.service}.env",),
        start_limit=MIGRATE_LIMIT,
    )


def _shell(script: str) -> str:
    # bash, not dash: it replaces itself by the last command of the text, so that the app itself gets the signal
    # to stop, also after `cd somewhere &&` or `NAME=value`.
    return f"/bin/bash -c {argument(script.strip())}"


def _environment(view: NodeView[AppOptions]) -> str:
    """The environment file; what the owner says comes last and wins, as the later of two lines does in systemd."""
    release = view.artifact.path if view.artifact else "/nonexistent"
    values = {
        "HOST": view.address,
        "PORT": str(view.port("http-backend")),
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
    values.update(view.options.env)
    return "".join(f"{name}={quoted(value)}\n" for name, value in values.items())


def quoted(value: str) -> str:
    """A value for an environment file, taken literally. Source: EnvironmentFile= in systemd.exec(5)."""
    for special in ("\\", '"', "$", "`"):
        value = value.replace(special, f"\\{special}")
    return f'"{value}"'

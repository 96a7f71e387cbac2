"""An app that is an image: podman runs it as the service of its slot, and it gets what any app gets, and no more."""

from __future__ import annotations

import shlex
from typing import Any

from outlast.components.app.component import COMPONENT
from outlast.contract.bundle import Part
from outlast.contract.interface import Endpoint, Variable
from tests.components.edge_views import RELEASE, content, unit, view

DATABASE = Endpoint(
    "database",
    "dbproxy",
    "east-dbproxy-1",
    "east-app-1",
    "east",
    "127.0.0.1",
    3306,
    environment=(Variable("DATABASE_URL", "mysql://127.0.0.1/shop?ssl_ca=/etc/outlast/authority.pem"),),
)
IMAGE = {"source": {"image": "app.tar"}, "run": "exec serve --bind $HOST:$PORT"}


def render(*endpoints: Endpoint, **options: Any) -> Part:
    ports = (("http-backend", 8000), ("http-backend-b", 8001))
    given = {**IMAGE, **options}
    return COMPONENT.render(
        view(COMPONENT, "app", service="web", options=given, ports=ports, endpoints=endpoints, artifact=RELEASE)
    )


def start(part: Part, name: str = "outlast-app-web-a.service") -> list[str]:
    lines = unit(part, name).splitlines()
    return shlex.split(next(line for line in lines if line.startswith("ExecStart=")).removeprefix("ExecStart="))


def test_podman_runs_the_image_of_the_release_with_the_network_of_the_machine() -> None:
    words = start(render())
    assert words[0] == "/usr/bin/podman"
    assert words[words.index("--name") + 1] == "app-a"
    assert words[words.index("--network") + 1] == "host"
    assert words[words.index("--cap-drop") + 1] == "all"
    assert words[-3:] == [f"localhost/web:{RELEASE.digest}", "-c", "exec serve --bind $$HOST:$$PORT"]
    text = unit(render(), "outlast-app-web-a.service")
    assert f"{RELEASE.path}/image.tar" in text
    assert "DynamicUser" not in text
    assert "NoNewPrivileges=yes" in text
    assert "Environment=CONTAINERS_CONF=/etc/outlast/apps/web.podman.conf" in text
    assert "keyring = false" in content(render(), "/etc/outlast/apps/web.podman.conf")


def test_it_gets_the_variables_but_not_the_paths_of_a_release() -> None:
    words = start(render(DATABASE, env={"LEVEL": "debug"}))
    passed = {words[at + 1] for at, word in enumerate(words) if word == "--env"}
    assert {"HOST", "PORT", "APP_SECRET", "DATABASE_URL", "LEVEL"} <= passed
    assert not {"PATH", "VIRTUAL_ENV", "HOME"} & passed
    # Whoever is to be trusted is where the variable says, and nothing else of the machine is there.
    assert words[words.index("--volume") + 1] == "/etc/outlast/authority.pem:/etc/outlast/authority.pem:ro"
    assert "--volume" not in start(render())


def test_a_migration_runs_in_the_image_too() -> None:
    part = render(migrate="migrate --all")
    words = start(part, "outlast-app-web-migrate.service")
    assert words[words.index("--name") + 1] == "migration"
    assert words[-1] == "migrate --all"
    assert "Type=oneshot" in unit(part, "outlast-app-web-migrate.service")


def test_only_a_site_with_images_has_podman() -> None:
    packages = {kind: COMPONENT.packages(COMPONENT.options.model_validate(given)) for kind, given in KINDS.items()}
    assert "podman" in packages["image"]
    assert "podman" not in packages["folder"]


KINDS: dict[str, dict[str, Any]] = {"image": IMAGE, "folder": {"source": "app", "run": "serve"}}

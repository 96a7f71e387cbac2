"""What an owner may write as the source of an app, and what each mistake is answered with."""

from __future__ import annotations

from typing import Any

import pytest

from outlast.components.app.options import AppOptions
from outlast.contract.registry import discover
from outlast.contract.source import Archive, Folder, Git, Image
from outlast.kernel.errors import Invalid
from outlast.site.load import load
from outlast.topology.sections import sections

TEXT = """\
site: shop
domain: shop.test
datacenters: { east: { machines: lab } }
apps:
  web:
    run: serve
    source: %s
"""


@pytest.mark.parametrize(
    ("source", "origin"),
    [
        ("./app", Folder("./app")),
        ({"git": "."}, Git(".", "HEAD", ".")),
        ({"git": "..", "revision": "v1.2", "folder": "app"}, Git("..", "v1.2", "app")),
        ({"archive": "./app.tar.gz"}, Archive("./app.tar.gz", ".")),
        ({"image": "./app.oci.tar"}, Image("./app.oci.tar")),
        ({"archive": "app.zip", "folder": "app-1.2"}, Archive("app.zip", "app-1.2")),
    ],
)
def test_a_source_is_a_folder_a_revision_an_archive_or_an_image(source: Any, origin: object) -> None:
    assert AppOptions.model_validate({"source": source, "run": "serve"}).origin == origin


@pytest.mark.parametrize(
    ("source", "place", "what"),
    [
        ("{ gti: . }", "7:15", "`gti` is not a key of `apps.web.source`"),
        ("{ git: ., archive: x.zip }", "7:13", "`apps.web.source`: it has `git` and `archive`"),
        ("{}", "7:13", "`apps.web.source`: it has none of `git`, `archive` and `image`"),
        (
            "{ git: ., archive: x.zip, image: a.tar }",
            "7:13",
            "`apps.web.source`: it has `git` and `archive` and `image`",
        ),
        ("{ git: ., revision: -x }", "7:33", "`apps.web.source.revision` cannot be `-x`"),
        ("{ git: ., revision: 'a:b' }", "7:33", "`apps.web.source.revision` cannot be `a:b`"),
        ("{ git: ., revision: 1.2 }", "7:33", "`apps.web.source.revision` must be text, not the number 1.2"),
        ("{ git: ., folder: ../x }", "7:31", "`apps.web.source.folder`: `../x` leads out of it"),
        ("{ archive: app.rar }", "7:24", "`apps.web.source.archive` cannot be `app.rar`"),
        ("{ archive: a.zip, revision: v1 }", "7:41", "`apps.web.source.revision`: an archive has no revision"),
        ("{ image: app.tar, revision: v1 }", "7:41", "`apps.web.source.revision`: an image has no revision"),
        ("{ image: app.tar, folder: app }", "7:39", "`apps.web.source.folder`: an image has no folder"),
        ("{ image: app.tar }\n    build: make", "8:12", "`apps.web.build`: nothing is built of an image"),
        ("5", "7:13", "`apps.web.source` must be text or a mapping of keys to values, not the number 5"),
    ],
)
def test_a_mistake_has_one_finding(source: str, place: str, what: str) -> None:
    with pytest.raises(Invalid) as caught:
        load(TEXT % source, "site.yaml", sections(discover()))
    assert [(f.where, f.what) for f in caught.value.findings] == [(f"site.yaml:{place}", what)]

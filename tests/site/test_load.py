"""What a good file becomes, and what no text may ever do."""

import re

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from outlast.kernel.errors import Invalid, Severity
from outlast.site.load import load
from outlast.site.schema import Core, Site
from outlast.site.section import Section
from outlast.site.tree import parse
from tests.site.golden import CASES, findings
from tests.site.models import SECTIONS, App, Cache, Edge, Galera, Patroni, Scale

GOOD = (CASES / "good.yaml").read_text(encoding="utf-8")
MERGED = (CASES / "good_merge.yaml").read_text(encoding="utf-8")


def test_a_site_holds_its_core_and_a_wish_for_each_service() -> None:
    site = load(GOOD, "site.yaml", SECTIONS).site
    assert (site.site, site.domain, site.footprint) == ("shop", "shop.test", "spread")
    assert [(w.name, w.component, w.section) for w in site.wishes] == [
        ("web", "app", "apps"),
        ("database", "galera", "database"),
        ("edge", "haproxy", "edge"),
    ]
    assert site.wishes[0].options == App(
        source="./app", run="gunicorn shop:app", uses=("database",), scale=Scale(min=2, max=8)
    )
    assert site.wishes[1].options == Galera()
    assert site.wishes[2].options == Edge()


def test_anchors_engines_and_empty_sections_are_understood() -> None:
    site = load(MERGED, "site.yaml", SECTIONS).site
    options = {wish.name: wish.options for wish in site.wishes}
    assert site.datacenters["west"].standby
    assert site.datacenters["west"].pools == {"app": 4}
    assert options["database"] == Patroni(synchronous=False)
    assert options["edge"] == Edge()
    assert options["cache"] == Cache.model_validate({"size": "1.5GiB", "ttl": "24h"})
    web, api = options["web"], options["api"]
    assert isinstance(web, App)
    assert isinstance(api, App)
    assert web.env["AT"] == "22:30"
    assert web.env["MODE"] == "0644"
    assert (web.timeout, api.timeout) == (1.5, 2.5)
    assert (web.args, api.args) == (("a", "yes"), "serve")


def test_a_file_without_sections_is_a_site() -> None:
    text = "site: shop\ndomain: shop.test\ndatacenters:\n  east: { machines: lab }\napps:\n"
    assert load(text, "site.yaml", SECTIONS[:1]).site.wishes == ()


def test_a_site_is_frozen_and_dumps_its_options() -> None:
    site = load(GOOD, "site.yaml", SECTIONS).site
    with pytest.raises(ValidationError):
        site.domain = "other.test"  # pyright: ignore[reportAttributeAccessIssue]
    assert '"buffer":"512MiB"' in site.model_dump_json()
    assert set(Site.model_fields) - set(Core.model_fields) == {"wishes"}


def test_places_point_at_values_and_keys_or_at_what_is_nearest() -> None:
    places = load(GOOD, "shop/site.yaml", SECTIONS).places
    assert places.where("apps", "web", "source") == "shop/site.yaml:7:13"
    assert places.key("apps", "web", "source") == "shop/site.yaml:7:5"
    assert places.where("apps", "web", "uses", 0) == "shop/site.yaml:9:12"
    assert places.where("apps", "web", "migrate") == "shop/site.yaml:6:3"
    assert places.where("nothing", "like", "it") == "shop/site.yaml:1:1"
    assert places.written("site") == "shop"
    assert places.written("apps") is None
    assert places.written("nothing") is None


def test_merged_values_are_found_where_they_were_written() -> None:
    assert load(MERGED, "f", SECTIONS).places.where("apps", "api", "source") == "f:11:13"


def test_a_tree_has_nothing_where_the_file_has_nothing() -> None:
    tree = parse("a: [1]\n", "f")
    assert [tree.at(path) for path in ((), ("a", 0), ("a", 1), ("a", 0, "b"), ("b",))] == [
        {"a": [1]},
        1,
        None,
        None,
        None,
    ]


def test_limits() -> None:
    long = findings("#" * 200_001)
    deep = findings("site: " + "[" * 30)
    nested = findings(f"{GOOD}cache: &a {{ a: &b [[[[[[[[[[[[1]]]]]]]]]]]] }}\nedge: [[[[[[[[[*b]]]]]]]]]\n")
    laughs = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10))
    billion = findings(f"a0: &a0 [lol]\n{laughs}")
    merges = "".join(f"a{n}: &a{n} {{ <<: [{', '.join([f'*a{n - 1}'] * 9)}] }}\n" for n in range(1, 10))
    bloated = findings(f"a0: &a0 {{ a: 1 }}\n{merges}")
    assert [f.what for f in long] == ["the file has 200001 characters"]
    assert [f.what for f in deep + nested] == ["lists or mappings are nested too deeply"] * 2
    assert [f.what for f in billion + bloated] == ["the file has too many values"] * 2


def test_a_default_section_that_needs_something_is_a_finding_and_not_a_crash() -> None:
    class Mail(BaseModel):
        model_config = ConfigDict(frozen=True, extra="forbid")
        sender: str = Field(examples=["me@shop.test"])

    with pytest.raises(Invalid) as caught:
        load(GOOD, "f", (*SECTIONS, Section("mail", "postfix", Mail, default=True)))
    assert [(f.where, f.what, f.fix) for f in caught.value.findings] == [
        ("f:1:1", "`mail` lacks `sender`", "add `sender: me@shop.test`")
    ]


def test_only_tuples_of_texts_are_checked_as_uses_and_routes() -> None:
    class Files(BaseModel):
        uses: str = "nothing"
        routes: tuple[int, ...] = (1,)

    sections = (*SECTIONS, Section("files", "files", Files, default=True), Section("media", "x", Files, default=True))
    assert [wish.name for wish in load(GOOD, "f", sections).site.wishes][-2:] == ["files", "media"]


def test_an_invisible_character_is_found_whatever_ends_the_lines() -> None:
    assert [f.where for f in findings("a: 1\r\n# x\r# y\u2028ab\x07c")] == ["site.yaml:4:3"]


def test_nothing_can_be_used_where_no_component_can() -> None:
    with pytest.raises(Invalid) as caught:
        load(GOOD.replace("database: {", "# {"), "f", SECTIONS[:1])
    assert [(f.why, f.fix) for f in caught.value.findings] == [("no component here can be used", "remove `database`")]


def test_many_names_cannot_be_there_by_default() -> None:
    with pytest.raises(ValueError, match="apps"):
        Section("apps", "app", App, many=True, default=True)


PIECES = st.sampled_from(
    [
        *GOOD.splitlines(keepends=True),
        *MERGED.splitlines(keepends=True),
        *("\t", "  ", "- ", ": ", ":", "? ", "[", "]", "{", "}", ",", "&a ", "*a", "<<: *a", '"', "'", "\\", "#", "|"),
        *("!!int ", "!x ", "%", "@", "---\n", "~", "yes", "1.10", "0644", ".inf", '"\\U00110000"', '"\\ud800"'),
        *("\r", "\x85", "\u2028", "\ufeff", "\x00", "\ud800", "é", "web", "engine", "apps:\n", "env: ", "uses: [web]"),
    ]
)
TEXTS = st.one_of(st.text(), st.lists(PIECES, max_size=25).map("".join))


@settings(max_examples=300, deadline=None)
@given(TEXTS)
@example("")
@example('"\\UFFFFFFFF"')
@example("&a [*a]")
@example("!0 \ufefd:")
@example("\u2028: [")
@example("apps:\n  source: [x]\n  [a]: b")
@example("apps: {web: [a], {b: c}: d}")
def test_no_text_does_anything_but_load_or_explain(text: str) -> None:
    lines = re.split("\r\n|[\n\r\x85\u2028\u2029]", text)
    for finding in findings(text):
        place = re.fullmatch(r"site\.yaml:(\d+):(\d+)", finding.where)
        assert place is not None
        line, column = int(place[1]), int(place[2])
        assert 1 <= line <= len(lines)
        assert 1 <= column <= len(lines[line - 1]) + 1
        for part in (finding.what, finding.why, finding.fix):
            assert part.strip()
            assert part.isprintable()
        assert finding.severity is Severity.ERROR


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["min", "max", "web", "x"]), inner),
    max_leaves=6,
)
KEYS = ["source", "run", "routes", "scale", "env", "port", "timeout", "args", "uses", "engine", "members", "limits"]


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["web", "A b", *KEYS]), VALUES | st.dictionaries(st.sampled_from(KEYS), VALUES)),
    st.sampled_from(["apps", "database", "edge", "cache", "datacenters", "site", "nothing"]),
)
def test_no_value_anywhere_does_anything_but_load_or_explain(value: object, key: str) -> None:

    text = yaml.safe_dump({"site": "shop", "domain": "shop.test", key: value}, allow_unicode=True)
    assert all(part for f in findings(text) for part in (f.where, f.what, f.why, f.fix))

"""Environments: what lies over what, where findings about it point, and which of them cannot live side by side."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from outlast.kernel.errors import Finding, Invalid
from outlast.site.environments import overlaid
from outlast.site.load import load, load_all
from outlast.site.places import Places
from outlast.site.schema import Site
from outlast.site.tree import Value, parse
from tests.site.models import SECTIONS, App, Galera

TEXT = """\
site: shop
domain: shop.test
datacenters: { east: { machines: lab } }
apps:
  web: { source: ./app, run: serve, uses: [database], routes: [/], env: { LEVEL: info, AT: home } }
  api: { source: ./api, run: serve, routes: [/api] }
database: { engine: mariadb, members: 5 }
environments:
"""
STAGING = """\
  staging:
    footprint: compact
    apps:
      web: { routes: [/shop], env: { LEVEL: debug } }
      api:
    database: { buffer: 1GiB }
"""


def site(overlay: str, name: str = "staging") -> Site:
    return load(TEXT + overlay, "site.yaml", SECTIONS, name).site


def found(overlay: str, name: str | None = "staging") -> tuple[Finding, ...]:
    """What is wrong with one environment, or (None) with any."""
    with pytest.raises(Invalid) as caught:
        if name is None:
            load_all(TEXT + overlay, "site.yaml", SECTIONS)
        else:
            load(TEXT + overlay, "site.yaml", SECTIONS, name)
    return caught.value.findings


def test_mappings_merge_lists_and_scalars_replace_and_nothing_removes() -> None:
    staging = site(STAGING)
    options = {wish.name: wish.options for wish in staging.wishes}
    web = options["web"]
    assert isinstance(web, App)
    assert (web.source, web.uses, web.routes, web.env) == (
        "./app",
        ("database",),
        ("/shop",),
        {"LEVEL": "debug", "AT": "home"},
    )
    assert "api" not in options
    assert options["database"] == Galera.model_validate({"members": 5, "buffer": "1GiB"})
    assert staging.footprint == "compact"


def test_each_is_a_site_of_its_own_and_the_file_stays_what_it_is() -> None:
    staging, own = site(STAGING), site(STAGING, "")
    assert (staging.site, staging.domain) == ("shop-staging", "staging.shop.test")
    assert (own.site, own.domain, own.footprint) == ("shop", "shop.test", "spread")
    assert {wish.name for wish in own.wishes} == {"web", "api", "database", "edge"}
    named = site("  staging: { site: test, domain: example.test }\n")
    assert (named.site, named.domain) == ("test", "example.test")
    assert site("  staging:\n").site == "shop-staging"


def test_all_of_a_file_are_loaded_the_file_itself_first() -> None:
    loaded = load_all(f"{TEXT}{STAGING}  preview: {{}}\n", "site.yaml", SECTIONS)
    assert [(each.environment, each.site.site) for each in loaded] == [
        ("", "shop"),
        ("staging", "shop-staging"),
        ("preview", "shop-preview"),
    ]
    assert {each.environments for each in loaded} == {("staging", "preview")}


def test_everything_stands_where_it_was_written() -> None:
    places: Places = load(TEXT + STAGING, "site.yaml", SECTIONS, "staging").places
    assert places.where("apps", "web", "source") == "site.yaml:5:18"
    assert places.where("apps", "web", "routes", 0) == "site.yaml:12:23"
    assert places.where("apps", "web", "env", "LEVEL") == "site.yaml:12:45"
    assert places.where("apps", "web", "env", "AT") == "site.yaml:5:92"
    assert places.where("database", "buffer") == "site.yaml:14:25"
    assert places.where("footprint") == "site.yaml:10:16"
    # What is not said anywhere comes from the environment's name.
    assert places.key("site") == places.key("domain") == "site.yaml:9:3"


def test_findings_point_into_the_environment_and_name_it() -> None:
    overlay = "  staging:\n    apps: { web: { usse: [] } }\n    database: { members: 4 }\n"
    assert [(f.where, f.what) for f in found(overlay)] == [
        ("site.yaml:10:20", "`usse` is not a key of `apps.web` (environment `staging`)"),
        (
            "site.yaml:11:26",
            "`database.members`: 4 members cannot outvote each other (environment `staging`)",
        ),
    ]
    # The environment took away what another part of the file relies on.
    (finding,) = found("  staging:\n    database:\n")
    assert finding.where == "site.yaml:5:44"
    assert finding.what == "`apps.web` uses `database`, which the file does not ask for (environment `staging`)"


def test_what_all_have_in_common_is_said_once_and_names_none() -> None:
    overlay = "  staging: { footprint: small }\n  preview: {}\nrecovery: soon\n"
    assert [(f.where, f.what) for f in found(overlay, None)] == [
        ("site.yaml:9:25", "`footprint` cannot be `small` (environment `staging`)"),
        ("site.yaml:11:11", "`recovery` cannot be `soon`"),
    ]
    assert [f.what for f in found(overlay, "preview")] == ["`recovery` cannot be `soon`"]


def test_nothing_removes_only_what_is_there() -> None:
    (finding,) = found("  staging:\n    databose:\n")
    assert (finding.where, finding.fix) == ("site.yaml:10:5", "write `database:`")
    (finding,) = found("  staging:\n    cache:\n")
    assert finding.what == "`cache` is removed, and is not there (environment `staging`)"
    assert finding.fix == "write `cache: {}` if you want one with its defaults, or remove the line"


@pytest.mark.parametrize(
    ("overlay", "name", "what", "fix"),
    [
        ("  staging:\n", "stagin", "there is no environment `stagin`", "did you mean `staging`?"),
        ("  preview:\n", "qa", "there is no environment `qa`", "use one of these, or add `environments: { qa: {} }`, "),
        ("", "qa", "there is no environment `qa`", "add `environments: { qa: {} }`, or leave -e out"),
        ("  staging: [1]\n", "staging", "`environments.staging` must be a mapping", "write `staging: {}`"),
        (
            "  in-between-again:\n",
            "in-between-again",
            "its site would be called `shop-in-between-again`, which has 21 characters",
            "write `site: shop-in-between-agai`",
        ),
    ],
)
def test_an_environment_that_cannot_be_meant_is_told(overlay: str, name: str, what: str, fix: str) -> None:
    (finding,) = found(overlay, name)
    assert finding.what.startswith(what)
    assert finding.fix.startswith(fix)


def test_a_name_must_be_one_and_environments_have_none_of_their_own() -> None:
    assert [f.what for f in found("  Staging: {}\n", "")] == ["`Staging` cannot name an environment"]
    assert [f.what for f in found("  a: { environments: {} }\n", "a")] == [
        "an environment has environments (environment `a`)"
    ]


def test_two_of_one_name_cannot_live_side_by_side() -> None:
    for name in ("", "one", "two"):
        (finding,) = found("  one: { site: test }\n  two: { site: test }\n", name)
        assert finding.where == "site.yaml:10:10"
        assert finding.what == "the environment `two` is called `test`, as the environment `one` is"


def test_servers_addresses_and_domains_belong_to_one() -> None:
    servers = "{ machines: ssh, network: 10.0.0.0/24, floating: [10.0.0.201], servers: [{ address: 10.0.0.3 }] }"
    text = TEXT.replace("{ machines: lab }", servers)
    overlay = (
        "  one: { domain: shop.test }\n  two: { datacenters: { east: { machines: lab, servers: , floating: } } }\n"
    )
    with pytest.raises(Invalid) as caught:
        load(text + overlay, "site.yaml", SECTIONS)
    told = [(f.where, f.what) for f in caught.value.findings if "one" in f.what]
    assert told == [
        (
            "site.yaml:9:3",
            "the environment `one` has the floating address 10.0.0.201 and the server 10.0.0.3, as the file without an "
            "environment has",
        ),
        ("site.yaml:9:10", "the environment `one` has the domain `shop.test`, as the file without an environment has"),
    ]
    # Where the file has no domain, none is shared.
    with pytest.raises(Invalid) as caught:
        load(text.replace("domain: shop.test\n", "") + "  two:\n", "site.yaml", SECTIONS)
    assert not [f for f in caught.value.findings if "has the domain" in f.what]
    # In a lab every site has addresses of its own, whatever people type.
    assert site("  staging: { domain: shop.test }\n").domain == "shop.test"


scalars = st.one_of(st.integers(0, 9), st.sampled_from(["a", "b"]))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abcd"), inner, max_size=4)),
    max_leaves=12,
)
mappings = st.dictionaries(st.sampled_from("abcd"), values, max_size=4)


def merged(under: Value, over: Value) -> Value:
    """The rule in two lines, for things that remove nothing."""
    if not isinstance(under, dict) or not isinstance(over, dict):
        return over
    return under | {key: merged(under.get(key), value) for key, value in over.items()}


@given(under=mappings, over=mappings)
def test_any_two_merge_by_that_rule_and_every_value_has_its_place(under: Value, over: Value) -> None:
    text = yaml.safe_dump({"common": under, "environments": {"x": {"common": over}}})
    tree = parse(text, "site.yaml")
    laid = overlaid(tree, "x")
    assert laid.root == {"common": merged(under, over)}
    assert laid.findings == ()
    assert set(laid.places.spots) == {(), *paths(laid.root["common"], ("common",))}
    # Each place is that of an equal value of the file, in the overlay where that one says it.
    for path in laid.places.spots:
        said = tree.at(("environments", "x", *path))
        if path and ("environments", "x", *path) in tree.places.spots and not isinstance(said, dict):
            assert laid.places.where(*path) == tree.places.where("environments", "x", *path)


def paths(value: Value, path: tuple[str | int, ...]) -> set[tuple[str | int, ...]]:
    """Every path of a value."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return {path}.union(*(paths(item, (*path, part)) for part, item in parts))

"""The starter file, the documents and the JSON Schema: made of what the sections bring, and true."""

import json
from collections.abc import Iterator
from typing import Any, Literal

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from outlast.kernel.units import Duration
from outlast.site.core import CORE_TEXTS
from outlast.site.load import load
from outlast.site.schema import Core
from outlast.site.schema_json import json_schema
from outlast.site.section import Section
from outlast.site.shape import Shape
from outlast.site.starter import document, starter, titles
from tests.site.models import APP_EXAMPLE, SECTIONS, App


@given(st.text(max_size=40))
@example("NO")
def test_a_starter_file_loads_whatever_its_folder_is_called(folder: str) -> None:
    loaded = load(starter(folder, SECTIONS), "site.yaml", SECTIONS)
    assert [wish.name for wish in loaded.site.wishes] == ["web", "edge"]


def test_a_starter_file_says_what_must_be_said_and_shows_the_rest_as_comments() -> None:
    lines = starter("My Shop", (*SECTIONS, Section("log", "rsyslog", BaseModel, default=True, example="log: {}\n")))
    assert "site: my-shop\n" in lines
    assert "domain: my-shop.test\n" in lines
    assert "    run: gunicorn --bind $HOST:$PORT shop:app\n" in lines
    assert "    # scale: { min: 2, max: 8 }\n" in lines
    assert "# database:\n#   engine: mariadb\n" in lines
    assert "# The site also has log, which need no settings" in lines


def test_a_starter_file_needs_no_sections() -> None:
    assert load(starter("", ()), "site.yaml", ()).site.site == "shop"


def test_comments_and_continued_values_of_an_example_stay_with_their_key() -> None:
    written = "apps:\n  web:\n    # What starts it.\n    run: >-\n      a\n\n      b\n    source: .\n    # Before.\n"
    written += "    build: |\n      make\n\n    health: /up\n"
    text = starter("shop", (Section("apps", "app", App, many=True, example=written),))
    assert "    # build: |\n    #   make\n\n    # health: /up\n" in text
    assert "    run: >-\n      a\n\n      b\n    source: .\n    # Before.\n" in text


@pytest.mark.parametrize("key", [*CORE_TEXTS, "apps", "database", "edge", "cache"])
def test_a_document_is_yaml_and_names_every_option(key: str) -> None:
    text = document(key, SECTIONS)
    assert set(yaml.safe_load(text) or {key}) == {key}
    assert f"# {key}" in text


def test_a_document_says_type_default_and_description() -> None:
    text = document("apps", SECTIONS)
    assert text.startswith(APP_EXAMPLE)
    assert "# apps.<name>.source: text, required. The folder with its source, seen from the site file.\n" in text
    assert "# apps.<name>.timeout: a duration, default `30s`. How long a request may take.\n" in text
    assert "# apps.<name>.scale.min: a whole number, at least 1 and at most 200, default `2`." in text
    assert "# apps.<name>.build: text, optional. A command" in text
    assert "# database.engine: `postgresql` for the options below." in document("database", SECTIONS)


def test_there_is_no_document_of_an_unknown_key() -> None:
    with pytest.raises(KeyError):
        document("nothing", SECTIONS)


def test_titles_are_one_sentence_each() -> None:
    assert titles(SECTIONS) == {
        **{key: shape.description for key, shape in Shape.of(Core).keys.items()},
        "apps": "A program of yours, started from its source on every app machine.",
        "database": "A database on three machines; any one of them may fail. A replicated PostgreSQL database.",
        "edge": "The load balancers in front of everything.",
        "cache": "A cache that may forget anything.",
    }


def test_the_json_schema_knows_the_whole_file() -> None:
    schema = json_schema((*SECTIONS, Section("bus", "rabbitmq", Named, engine="amqp")))
    assert json.loads(json.dumps(schema)) == schema
    assert set(schema["properties"]) == {*Core.model_fields, "apps", "database", "edge", "cache", "bus"}
    assert schema["required"] == ["site", "domain", "datacenters"]
    assert schema["properties"]["apps"]["propertyNames"]["maxLength"] == 20
    assert schema["properties"]["database"]["properties"]["engine"]["enum"] == ["mariadb", "postgresql"]
    assert schema["properties"]["bus"]["properties"]["engine"]["const"] == "amqp"
    assert schema["properties"]["datacenters"]["additionalProperties"] is False
    assert schema["$defs"]["App"]["properties"]["timeout"]["default"] == "30s"
    nodes = list(_nodes(schema))
    assert not any("x-words" in node for node in nodes)
    references = {str(node["$ref"]).rpartition("/")[2] for node in nodes if "$ref" in node}
    assert references <= set(schema["$defs"])
    assert {"App", "Scale", "Edge", "Cache", "Datacenter"} <= set(schema["$defs"])
    assert not {"Core", "_Name"} & set(schema["$defs"])


class Named(BaseModel):
    """Options of every shape that a component may use."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pair: tuple[int, str] = (1, "a")
    pairs: list[tuple[int, str]] = Field(default_factory=list[tuple[int, str]])
    anything: Any = None
    list_of_anything: list[Any] = Field(default_factory=list[Any])
    mapping: dict[str, Any] = Field(default_factory=dict[str, Any])
    waits: list[Duration] = Field(default_factory=list[Duration])
    either: Literal["a", 1] = "a"
    tree: "list[Named]" = Field(default_factory=lambda: list[Named]())
    by_name: "dict[str, Named]" = Field(default_factory=lambda: dict[str, Named]())


class Endless(BaseModel):
    """A model that needs itself."""

    inner: "list[Endless]"
    choice: list[int | str]
    free: list[dict[str, int]]
    mode: Literal["fast", "safe"]


def test_the_sample_of_an_endless_shape_ends() -> None:
    sample = Shape.of(Endless).sample
    assert (sample["choice"], sample["free"], sample["mode"]) == ([1], [{"name": 1}], "fast")
    assert sample["inner"][0]["inner"] == [{}]
    assert Shape.of(Endless).at(("inner", 0, "nothing", "more")) is None
    assert Shape.of(Endless).keys["choice"].words == "a list of values, each a whole number or text"
    assert Shape.of(Endless).keys["free"].words == "a list of mappings of names to values"


def test_shapes_speak_plainly() -> None:
    shapes = Shape.of(Named).keys
    words = {key: shape.words for key, shape in shapes.items()}
    assert words == {
        "pair": "a list of whole numbers",
        "pairs": "a list of lists of whole numbers",
        "anything": "a value",
        "list_of_anything": "a list",
        "mapping": "a mapping of names to values",
        "waits": "a list of durations",
        "either": "`a` or `1`",
        "tree": "a list of mappings of keys to values",
        "by_name": "a mapping of names to values",
    }
    assert shapes["waits"].sample == ["10s"]
    assert shapes["either"].sample == "a"
    assert shapes["anything"].sample == "text"
    assert shapes["mapping"].sample == {}
    assert shapes["tree"].sample == [{"pair": [1, "a"]}]
    assert shapes["by_name"].sample == {"name": {"pair": [1, "a"]}}
    assert Shape.of(Named).at(("pair", 0, "more")) is None
    assert max(len(path) for path, _ in Shape.of(Named).walk()) == 6


def _nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node  # pyright: ignore[reportUnknownVariableType]
        for value in node.values():  # pyright: ignore[reportUnknownVariableType]
            yield from _nodes(value)
    elif isinstance(node, list):
        for value in node:  # pyright: ignore[reportUnknownVariableType]
            yield from _nodes(value)

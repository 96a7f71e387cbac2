"""Templates of a component: the path below its `templates/` folder mirrors the machine."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined


@cache
def _environment(package: str) -> Environment:
    return Environment(
        loader=PackageLoader(package, "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )


def render(package: str, template: str, **values: object) -> str:
    """The text of `templates/<template>.j2` of a component's package; an undefined name is an error."""
    return _environment(package).get_template(f"{template}.j2").render(**values)

"""Names: of sites, apps and data centres, and what is composed of them.

A name is a part of host names, of unit names and of paths, so it is lower-case letters, digits and single
hyphens, starting with a letter. The lengths keep the longest composed name a legal host name.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, WithJsonSchema

from outlast.kernel.invalid import Fault

SITE_LENGTH = 20
APP_LENGTH = 20
DATACENTER_LENGTH = 12
POOL_LENGTH = 12
ENVIRONMENT_LENGTH = 16

_PATTERN = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
_NAME = re.compile(_PATTERN)


def member_name(datacenter: str, service: str, index: int) -> str:
    """What a member is called, for ever: `east-galera-2`. Indexes count from 1."""
    return f"{datacenter}-{service}-{index}"


def machine_name(datacenter: str, pool: str, index: int) -> str:
    """What a machine is called: `east-data-1`. Indexes count from 1."""
    return f"{datacenter}-{pool}-{index}"


def check_name(text: str, kind: str, length: int) -> str:
    """`text` itself, when it can name `kind` ("an app"). Raises `Fault` with a name that would do."""
    if len(text) <= length and _NAME.fullmatch(text):
        return text
    proposal = propose_name(text, length)
    raise Fault(
        what=f"{_shown(text)} cannot name {kind}",
        why=_reason(text, length),
        fix=f"call it `{proposal}`" if proposal else "choose a name such as `web` or `shop-2`",
    )


def propose_name(text: str, length: int) -> str:
    """The nearest valid name, or an empty text when nothing is left of it."""
    words = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return re.sub(r"^[0-9-]+", "", words)[:length].strip("-")


def _reason(text: str, length: int) -> str:
    if len(text) > length:
        return f"it has {len(text)} characters and may have {length}, because host names are made of it"
    return "a name is lower-case letters, digits and single hyphens inside it, and starts with a letter"


def _shown(text: str) -> str:
    if not text:
        return "an empty text"
    return f"`{text}`" if len(text) <= 40 else f"`{text[:37]}...`"


def name_schema(words: str, length: int) -> dict[str, Any]:
    """What a JSON Schema says of such a name; `words` are for people."""
    return {"type": "string", "pattern": _PATTERN, "minLength": 1, "maxLength": length, "x-words": words}


def _site(text: str) -> str:
    return check_name(text, "a site", SITE_LENGTH)


def _app(text: str) -> str:
    return check_name(text, "an app", APP_LENGTH)


def _datacenter(text: str) -> str:
    return check_name(text, "a data centre", DATACENTER_LENGTH)


def _pool(text: str) -> str:
    return check_name(text, "a pool", POOL_LENGTH)


def _environment(text: str) -> str:
    return check_name(text, "an environment", ENVIRONMENT_LENGTH)


SiteName: TypeAlias = Annotated[str, AfterValidator(_site), WithJsonSchema(name_schema("a name", SITE_LENGTH))]
AppName: TypeAlias = Annotated[str, AfterValidator(_app), WithJsonSchema(name_schema("a name", APP_LENGTH))]
DatacenterName: TypeAlias = Annotated[
    str, AfterValidator(_datacenter), WithJsonSchema(name_schema("a name", DATACENTER_LENGTH))
]
PoolName: TypeAlias = Annotated[str, AfterValidator(_pool), WithJsonSchema(name_schema("a name", POOL_LENGTH))]
EnvironmentName: TypeAlias = Annotated[
    str, AfterValidator(_environment), WithJsonSchema(name_schema("a name", ENVIRONMENT_LENGTH))
]

"""The domain of a site: what is accepted, and what people write instead."""

from __future__ import annotations

import re
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, WithJsonSchema

from outlast.kernel.invalid import Fault

LONGEST = 253
_PATTERN = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+$"
_DOMAIN = re.compile(_PATTERN)
_WHY = "a domain is names of lower-case letters, digits and hyphens, joined by dots"


def check_domain(text: str) -> str:
    """`text` itself, when it is a domain name that the site can answer to. Raises `Fault`."""
    if len(text) <= LONGEST and _DOMAIN.fullmatch(text):
        if re.fullmatch(r"[0-9.]+", text):
            raise Fault(f"`{text}` is an address", "a site answers to a name", "write a name such as `shop.test`")
        return text
    raise _fault(text)


def _fault(text: str) -> Fault:
    shown = f"{f'`{text[:60]}`' if text else 'an empty text'} is not a domain"
    cleaned = _cleaned(text)
    if len(text) > LONGEST:
        return Fault(shown, f"a domain has at most {LONGEST} characters", "choose a shorter one")
    if not text.isascii():
        return Fault(shown, _WHY, "write it in its ASCII form, which starts with `xn--`")
    if _DOMAIN.fullmatch(cleaned):
        return Fault(shown, _WHY, f"write `{cleaned}`")
    if _DOMAIN.fullmatch(f"{cleaned}.test"):
        return Fault(shown, "a domain has at least two names", f"write `{cleaned}.test` while you try things out")
    return Fault(shown, _WHY, "write it like `shop.test`")


def _cleaned(text: str) -> str:
    """Without scheme, port, path, wildcard and capitals."""
    bare = re.sub(r"^[a-z][a-z0-9+.-]*://", "", text.strip().lower())
    bare = re.sub(r"[:/?#].*$", "", bare)
    return bare.removeprefix("*.").strip(".").replace("_", "-").replace(" ", "-")


Domain: TypeAlias = Annotated[
    str,
    AfterValidator(check_domain),
    WithJsonSchema({"type": "string", "pattern": _PATTERN, "examples": ["shop.test"], "x-words": "a domain"}),
]

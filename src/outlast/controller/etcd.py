"""Talks to etcd through its JSON gateway: keys with revisions, leases, and transactions of one round trip.

Members are asked in turn, and every question has a limit. What may change something is never asked twice: a change
without an answer may have been made or not, and only whoever asked can find out what that means.
"""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, Field, ValidationError

from outlast.controller.agreed import Held, Range
from outlast.kernel.errors import Finding, OutlastError, Unreachable

CONNECT_LIMIT = 0.5
ASK_LIMIT = 1.0
CHANGE_LIMIT = 2.0
# A member without a majority says so in 5xx; whatever else is no answer says something about the question.
UNABLE = 500

Operation = Mapping[str, object]
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Credentials:
    """The site's authority, and the certificate and key of whoever asks."""

    authority: Path
    certificate: Path
    key: Path


class _Header(BaseModel):
    revision: int = 0


class _Response(BaseModel):
    response_range: Range = Field(default_factory=Range)


class _Txn(BaseModel):
    header: _Header
    succeeded: bool = False
    responses: tuple[_Response, ...] = ()


class _Granted(BaseModel):
    ID: int


class _Refreshed(BaseModel):
    """Without a TTL the lease is gone."""

    TTL: int = 0


class _Stream(BaseModel):
    result: _Refreshed


class _Nothing(BaseModel):
    """An answer that says no more than that it came."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a transaction: at which revision, and what each of its reads found."""

    succeeded: bool
    revision: int
    found: tuple[tuple[Held, ...], ...]


class Etcd:
    """One cluster. `endpoints` are the URLs of its members, the nearest first; who gave no answer is asked last."""

    def __init__(self, endpoints: Sequence[str], credentials: Credentials) -> None:
        self._turn = list(endpoints)
        context = ssl.create_default_context(cafile=credentials.authority)
        context.load_cert_chain(credentials.certificate, credentials.key)
        # The environment's proxies are for the world outside the site.
        self._client = httpx.AsyncClient(verify=context, trust_env=False, timeout=httpx.Timeout(None))

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def range(self, start: str, end: str = "", *, limit: int = 0, last: bool = False) -> tuple[Held, ...]:
        """The key `start`, or all from there up to `end`: at most `limit` of them, from the `last` one on if asked."""
        body = get(start, end, limit=limit, last=last)["request_range"]
        return (await self._ask("kv/range", body, Range)).kvs

    async def transact(
        self, compare: Sequence[Operation], success: Sequence[Operation], failure: Sequence[Operation]
    ) -> Outcome:
        """Carry out `success` when all of `compare` hold, otherwise `failure`. `Unreachable`: nobody knows which."""
        body = {"compare": compare, "success": success, "failure": failure}
        answer = await self._ask("kv/txn", body, _Txn, CHANGE_LIMIT, changes=True)
        found = tuple(response.response_range.kvs for response in answer.responses)
        return Outcome(answer.succeeded, answer.header.revision, found)

    async def grant(self, seconds: int) -> int:
        """A new lease: keys that are put under it live as long as it does."""
        return (await self._ask("lease/grant", {"TTL": str(seconds)}, _Granted, CHANGE_LIMIT, changes=True)).ID

    async def refresh(self, lease: int) -> bool:
        """Give the lease its whole time again; False: there is none any more."""
        return (await self._ask("lease/keepalive", {"ID": str(lease)}, _Stream)).result.TTL > 0

    async def revoke(self, lease: int) -> None:
        """End the lease, and with it its keys."""
        await self._ask("lease/revoke", {"ID": str(lease)}, _Nothing)

    async def _ask(self, path: str, body: object, kind: type[M], limit: float = ASK_LIMIT, changes: bool = False) -> M:
        silent: list[str] = []
        for endpoint in tuple(self._turn):
            try:
                async with asyncio.timeout(limit):
                    timeout = httpx.Timeout(None, connect=CONNECT_LIMIT)
                    response = await self._client.post(f"{endpoint}/v3/{path}", json=body, timeout=timeout)
                if response.status_code < UNABLE:
                    return _read(endpoint, response, kind)
                why, asked = _said(response), True
            except (httpx.HTTPError, TimeoutError) as error:
                why = str(error) or f"no answer within {limit:g} s"
                asked = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
            self._turn.remove(endpoint)
            self._turn.append(endpoint)
            silent.append(f"{endpoint}: {why}")
            if asked and changes:
                raise Unreachable(_unknown(silent))
        raise Unreachable(_silent(silent))


def created(key: str, revision: int) -> Operation:
    """Holds when `key` came to be at `revision`; 0: when there is none."""
    return {"key": _b64(key), "target": "CREATE", "result": "EQUAL", "create_revision": str(revision)}


def changed(key: str, revision: int) -> Operation:
    """Holds when `key` last changed at `revision`; 0: when there is none."""
    return {"key": _b64(key), "target": "MOD", "result": "EQUAL", "mod_revision": str(revision)}


def put(key: str, value: bytes, lease: int = 0) -> Operation:
    """Give `key` this value, to live as long as `lease` (0: for ever)."""
    return {"request_put": {"key": _b64(key), "value": b64encode(value).decode(), "lease": str(lease)}}


def get(start: str, end: str = "", *, limit: int = 0, last: bool = False) -> dict[str, dict[str, object]]:
    """Read one key, or all from `start` up to `end`."""
    order = {"sort_order": "DESCEND", "sort_target": "KEY"} if last else {}
    reach = {"range_end": _b64(end)} if end else {}
    return {"request_range": {"key": _b64(start), "limit": str(limit), **reach, **order}}


def delete(start: str, end: str) -> Operation:
    """Remove all keys from `start` up to `end`."""
    return {"request_delete_range": {"key": _b64(start), "range_end": _b64(end)}}


def _b64(text: str) -> str:
    return b64encode(text.encode()).decode()


def _read(endpoint: str, response: httpx.Response, kind: type[M]) -> M:
    if not response.is_success:
        fix = "see its log with `outlast logs`; when it is out of room, its quota is"
        raise OutlastError(Finding(endpoint, "etcd refused what it was asked", _said(response), fix))
    try:
        return kind.model_validate_json(response.content)
    except ValidationError as error:
        why = f"{error.errors()[0]['msg']} in {response.text[:200]}"
        fix = "report this: another version of etcd may speak differently"
        raise OutlastError(Finding(endpoint, "etcd's answer cannot be read", why, fix)) from None


def _said(response: httpx.Response) -> str:
    try:
        told: Any = response.json()
        return str(told["message"])
    except (ValueError, KeyError, TypeError):
        return f"status {response.status_code}: {response.text[:200]}"


def _silent(endpoints: list[str]) -> Finding:
    why = "no member of etcd answers with a majority behind it"
    fix = "see `outlast status`; it serves again when more than half of its members reach each other"
    return Finding("etcd", "nothing can be agreed on", why, fix, evidence=tuple(endpoints))


def _unknown(endpoints: list[str]) -> Finding:
    why = "a change was sent and no answer came: it may have been made or not"
    fix = "read what is there now, and go on from that"
    return Finding("etcd", "nobody knows whether it agreed", why, fix, evidence=tuple(endpoints))

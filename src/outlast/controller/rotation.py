"""Changes what Outlast made itself: passwords, certificates, the authority. Nobody is refused meanwhile.

What changes is accepted in its old and in its new form before anybody uses the new one, and the old one is given up
when nobody uses it any more. Between two of these steps the whole site is brought to what the vault says then, by the
same path as `up`. The vault keeps the step, so the same command goes on wherever one was killed.
"""

from __future__ import annotations

import difflib
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

from outlast.apply.certificates import RENEW_BEFORE
from outlast.apply.vault import Vault
from outlast.blueprint.blueprint import Blueprint
from outlast.blueprint.readers import readers
from outlast.contract.secret import Kind as Marker
from outlast.kernel.errors import Finding, Invalid, Severity

AUTHORITY, CERTIFICATES = "authority", "certificates"
# People must be handed the new one; and nothing outlives who signed it, while a certificate is valid for a year.
ANNOUNCE_BEFORE = timedelta(days=400)

Bring: TypeAlias = Callable[[str], Awaitable[None]]


class Kind(StrEnum):
    """What can be changed; what the owner keeps is only listed."""

    PASSWORD = "password"
    CERTIFICATE = "certificate"
    AUTHORITY = "authority"
    OWNER = "owner's secret"


@dataclass(frozen=True, slots=True)
class Rotatable:
    """One secret with its age. `made` and `ends` are None where that is not known, or never. `name` is what the verb
    takes."""

    name: str
    kind: Kind
    made: datetime | None
    ends: datetime | None
    services: tuple[str, ...]
    under_way: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """What shall be changed, by the names that the vault has for it."""

    passwords: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ()
    authority: bool = False


def rotatable(vault: Vault, blueprint: Blueprint) -> tuple[Rotatable, ...]:
    """Everything secret that the site reads, with its age."""
    passwords, held = readers(blueprint, Marker.PASSWORD), vault.passwords
    with vault.turn():
        authority, _ = vault.authority.signer()
        return (
            *(
                Rotatable(name, Kind.PASSWORD, held.made(name), None, passwords[name], held.under_way(name))
                for name in readers(blueprint, Marker.OTHER)
            ),
            *_certificates(vault, blueprint),
            Rotatable(
                AUTHORITY,
                Kind.AUTHORITY,
                authority.not_valid_before_utc,
                authority.not_valid_after_utc,
                (),
                vault.authority.under_way(),
            ),
            *(
                Rotatable(name, Kind.OWNER, vault.taken(name), None, services)
                for name, services in readers(blueprint).items()
            ),
        )


def _certificates(vault: Vault, blueprint: Blueprint) -> Iterable[Rotatable]:
    for name, services in readers(blueprint, Marker.CERTIFICATE).items():
        valid = vault.certificates.validity(name) or (None, None)
        marked = vault.certificates.is_unwanted(name)
        yield Rotatable(f"{CERTIFICATES}/{name}", Kind.CERTIFICATE, *valid, services, marked)


def ending(vault: Vault, blueprint: Blueprint, *, governed: bool) -> tuple[Finding, ...]:
    """A warning of the certificates that end soon, and of the authority when it does. Needs no vault key. `governed`:
    controllers renew them on the machines, and what lies here is of no account."""
    names = () if governed else readers(blueprint, Marker.CERTIFICATE)
    ends = {name: valid[1] for name in names if (valid := vault.certificates.validity(name))}
    soon = {name: end for name, end in ends.items() if end - vault.now < RENEW_BEFORE}
    findings: list[Finding] = []
    if soon:
        first = min(soon, key=lambda name: soon[name])
        what = f"{len(soon)} certificates end soon, {first} {_in_days(soon[first], vault.now)}"
        why = "`outlast up` renews those that end within 30 days, and nobody has run it since"
        findings.append(Finding(CERTIFICATES, what, why, "run `outlast up`", Severity.WARNING))
    end = vault.authority.ends()
    if end is not None and end - vault.now < ANNOUNCE_BEFORE:
        why = "what it signed is worth nothing afterwards"
        fix = "run `outlast rotate authority`, which says how it goes on"
        findings.append(Finding(AUTHORITY, f"it ends {_in_days(end, vault.now)}", why, fix, Severity.WARNING))
    return tuple(findings)


def _in_days(end: datetime, now: datetime) -> str:
    days = (end - now).days
    return f"in {days} days" if days >= 0 else f"{-days} days ago"


def chosen(names: Iterable[str], known: Iterable[Rotatable]) -> Wanted:
    """What is meant by these names: one secret, or all whose names begin so (`database`). Raises `Invalid`."""
    all_known = tuple(known)
    found: dict[str, Rotatable] = {}
    findings: list[Finding] = []
    for name in names:
        meant = [each for each in all_known if each.name == name or each.name.startswith(f"{name}/")]
        kept = [each for each in meant if each.kind is Kind.OWNER]
        if kept:
            fix = "change it where you keep it, then run `outlast up`: the apps that read it start anew, one by one"
            findings.append(Finding(name, "Outlast did not make this secret", "you keep it elsewhere", fix))
        elif not meant:
            findings.append(_unknown(name, all_known))
        found |= {each.name: each for each in meant}
    if findings:
        raise Invalid(*findings)
    passwords = tuple(name for name, each in found.items() if each.kind is Kind.PASSWORD)
    certificates = (name for name, each in found.items() if each.kind is Kind.CERTIFICATE)
    return Wanted(passwords, tuple(name.partition("/")[2] for name in certificates), AUTHORITY in found)


async def rotate(wanted: Wanted, vault: Vault, bring: Bring, *, finish: bool) -> None:
    """Change what is wanted. `bring` makes the site as the vault says; `finish`: the authority that stands beside the
    old one takes over from it; otherwise a new one is put there. Raises `OutlastError`; the same call goes on from
    there."""
    with vault.turn():
        for name in wanted.passwords:
            vault.passwords.begin(name)
        _renew(wanted, vault)
        if wanted.authority and not finish:
            vault.authority.begin()
    await bring("what is new is accepted beside what is old")
    if wanted.authority and finish:
        with vault.turn():
            vault.authority.switch()
        await bring("the new authority has signed every certificate")
        with vault.turn():
            vault.authority.finish()
        await bring("the old authority is trusted no longer")
    if wanted.passwords:
        with vault.turn():
            for name in wanted.passwords:
                vault.passwords.switch(name)
        await bring("everybody uses the new passwords")
        with vault.turn():
            for name in wanted.passwords:
                vault.passwords.retire(name)
        await bring("the old passwords are accepted no longer")
        with vault.turn():
            for name in wanted.passwords:
                vault.passwords.finish(name)


def _renew(wanted: Wanted, vault: Vault) -> None:
    """Mark the certificates, unless an earlier call that was killed has: some of them are new already."""
    if not any(map(vault.certificates.is_unwanted, wanted.certificates)):
        for name in wanted.certificates:
            vault.certificates.renew(name)


def _unknown(name: str, known: tuple[Rotatable, ...]) -> Finding:
    names = sorted({part for each in known for part in (each.name, each.name.partition("/")[0])})
    close = difflib.get_close_matches(name, names, n=1)
    fix = f"did you mean {close[0]}?" if close else "`outlast rotate --list` names all"
    return Finding(name, "the site has no such secret", "no part of it reads one of that name", fix)

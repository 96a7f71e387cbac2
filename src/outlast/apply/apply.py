"""One machine and its bundle: land files, activate services, observe, over one connection.

Every call is one round trip. It decides nothing: what comes next is the controller's business.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from outlast.apply.facts import Activated, Holder, Landed, Leftovers, Observed, Restored, ServiceDone
from outlast.apply.program import answering
from outlast.apply.turns import Turns
from outlast.apply.vault import Vault
from outlast.blueprint.blueprint import Blueprint
from outlast.contract.bundle import Artifact, Bundle, Service
from outlast.kernel.errors import Finding, OutlastError
from outlast.machines.machine import Machine

LAND_LIMIT = 120.0
ACTIVATE_LIMIT = 900.0
OBSERVE_LIMIT = 6.0
RESTORE_LIMIT = 1300.0
# Where something serves, it yields to that. An `up` that was killed leaves its unpacking running on the machine, so
# each waits for the one before it and has a folder of its own; what it was sent of the release ends too early for gzip.
# What an unpacking that died left goes first, also of another release: nobody would ever again. What was there goes
# before the note of what it was like, and the new one comes last: whenever this is killed, the release is missing or
# whole. What runs in the old folder goes on in it until it is restarted.
UNPACK = """
if [ "$3" = yields ]; then { echo 19 > /proc/self/autogroup; renice -n 19 -p $$; } >/dev/null 2>&1 || true; fi
mkdir -p "${2%/*}"
exec 9<"${2%/*}"
flock 9
find "${2%/*}" -mindepth 1 -maxdepth 1 -name '*.unpacking*' -exec rm -rf {} +
mkdir "$1"
tar -xzf - -C "$1"
if [ -e "$2" ]; then mv -T "$2" "$1.old"; fi
rm -f "$2.print"
mv -T "$1" "$2"
rm -rf "$1.old"
"""

A = TypeVar("A", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Edition:
    """Which blueprint is applied, as machines' ledgers note it: its number and digest, and those of its parent.

    `packages` are the Debian packages whose versions are watched, `lease` the operator's; both may be empty. `tenure`
    is a leading controller's.
    """

    site: str
    generation: int
    digest: str = ""
    parent: int = 0
    parent_digest: str = ""
    packages: tuple[str, ...] = ()
    lease: str = ""
    tenure: int = 0


def edition(blueprint: Blueprint, holder: Holder | None = None) -> Edition:
    """The edition that a blueprint is, for whoever applies it."""
    return Edition(
        blueprint.topology.site,
        blueprint.generation,
        blueprint.digest,
        blueprint.parent,
        blueprint.parent_digest,
        blueprint.packages,
        holder.id if holder else "",
        holder.tenure if holder else 0,
    )


class Applier:
    """Makes one machine match `bundle`. What keeps the machine busy waits for its turn, unless `turns` are left out."""

    def __init__(
        self, machine: Machine, bundle: Bundle, edition: Edition, vault: Vault, turns: Turns | None = None
    ) -> None:
        self.machine = machine
        self.bundle = bundle
        self._edition = edition
        self._vault = vault
        self._turns = turns or Turns()
        self._services = [service for held in bundle.parts for service in held.part.services]

    async def land(self, *, dry: bool = False, look: bool = True, first: Mapping[str, str] | None = None) -> Landed:
        """Write every file that differs and enable services; nothing is started but what has to run `first`: each such
        service or, where it only has to be reloaded, the one that is named beside it. `dry`: only say what differs.

        While a release is missing there, nothing is written: `unpack` it and land again.
        A machine on which nothing is to be done answers with an observation (`look`) too, in the same round trip.
        """
        jobs = [job.key for held in self.bundle.parts for job in held.part.once]
        how = {"dry": dry, "look": look, "first": dict(first or {})}
        more = {"jobs": jobs, "packages": list(self._edition.packages), **how}
        content = await self._content()
        async with self._turns.work():
            answer = await self._ask("land", Landed, LAND_LIMIT, **content, **self._look(self._members), **more)
        self._raise_failed(answer.begun)
        return answer

    async def restore(self, packages: Iterable[str]) -> Restored:
        """Bring packages back to the versions that the machine was made with, from its own package sources."""
        return await self._ask("restore", Restored, RESTORE_LIMIT, names=sorted(packages))

    async def unpack(self, artifact: Artifact, tar: Path, *, serves: bool = True) -> None:
        """Bring a release to the machine: unpacked beside its place, then renamed, so a half one is never there.
        `serves`: something there may need the processors more."""
        temporary = f"{artifact.path}.{token_hex(4)}.unpacking"
        argv = ["sh", "-e", "-c", UNPACK, "unpack", temporary, artifact.path, "yields" if serves else ""]
        async with self._turns.work():
            done = await self.machine.run(argv, stdin=tar, limit=ACTIVATE_LIMIT)
        if done.returncode != 0:
            raise OutlastError(
                Finding(
                    where=self.machine.name,
                    what=f"the release {artifact.name} {artifact.digest} could not be unpacked",
                    why=done.stderr.decode(errors="replace").strip() or f"tar exited with {done.returncode}",
                    fix="make room on the machine, then run the same command again",
                )
            )

    async def activate(self, names: Iterable[str], *, force: str = "", behind: str = "") -> dict[str, ServiceDone]:
        """Start, restart or reload what its inputs ask for. Raises `OutlastError` when a service does not start.

        `behind`: a folder in which each that starts finds a file of its name, and begins behind whoever serves.
        """
        how = {"force": force, "behind": behind}
        wanted = [service for service in self._services if service.name in set(names)]
        async with self._turns.work():
            answer = await self._ask("activate", Activated, ACTIVATE_LIMIT, services=_services(wanted), **how)
        self._raise_failed(answer.services)
        return answer.services

    async def once(self, key: str, service: str, *, recorded: bool = False) -> ServiceDone:
        """Run a one-time job unless it ran; `recorded`: only note that it ran elsewhere."""
        done = await self._ask("once", ServiceDone, ACTIVATE_LIMIT, key=key, service=service, recorded=recorded)
        if done.failed:
            raise OutlastError(self._failed(service, done))
        return done

    async def observe(self, members: Iterable[str] | None = None) -> Observed:
        """The services and probes of `members` (None: all on this machine)."""
        chosen = self._members if members is None else set(members)
        services = [s for held in self.bundle.parts if held.member in chosen for s in held.part.services]
        look = self._look(chosen)
        return await self._ask("observe", Observed, OBSERVE_LIMIT + 2, services=_services(services), **look)

    async def sweep(self) -> Leftovers:
        """Stop and remove what the bundle no longer names."""
        content = await self._content()
        async with self._turns.end():
            return await self._ask("sweep", Leftovers, ACTIVATE_LIMIT, **content)

    @property
    def _members(self) -> set[str]:
        return {held.member for held in self.bundle.parts if held.member}

    def _look(self, members: set[str]) -> dict[str, object]:
        probes = {held.member: list(held.part.probe) for held in self.bundle.parts if held.member in members}
        return {"probes": probes, "limit": OBSERVE_LIMIT}

    async def _content(self) -> dict[str, object]:
        # Filling in secrets reads files: off the event loop, because all machines are served by it.
        contents = await asyncio.to_thread(filled, self.bundle, self._vault)
        return {
            "files": contents,
            "services": _services(self._services),
            "artifacts": [{"name": a.name, "digest": a.digest, "path": a.path} for a in self.bundle.artifacts],
        }

    async def _ask(self, verb: str, answer: type[A], within: float, /, **request: object) -> A:
        edition = self._edition
        document = {
            "site": edition.site,
            "generation": edition.generation,
            "blueprint": edition.digest,
            "parent": edition.parent,
            "parent_digest": edition.parent_digest,
            "lease": edition.lease,
            "tenure": edition.tenure,
            **request,
        }
        return await ask(self.machine, verb, answer, within, **document)

    def _raise_failed(self, services: Mapping[str, ServiceDone]) -> None:
        failed = [self._failed(name, done) for name, done in services.items() if done.failed]
        if failed:
            raise OutlastError(*failed)

    def _failed(self, service: str, done: ServiceDone) -> Finding:
        return Finding(
            where=f"{self.machine.name}: {service}",
            what=f"the service did not {done.did}",
            why=done.failed,
            fix=f"mend what its last lines name, then run the same command again (`outlast ssh {self.machine.name}`)",
            evidence=done.log,
        )


def filled(bundle: Bundle, vault: Vault) -> list[dict[str, object]]:
    """A bundle's files with their secrets; what of these is missing is made by that, and kept in the vault."""
    for held in bundle.parts:
        for wanted in held.part.certificates:
            vault.issue(wanted)
    return [
        {
            "path": file.path,
            "content": vault.fill(file.content),
            "mode": file.mode,
            "owner": file.owner,
            "group": file.group,
        }
        for held in bundle.parts
        for file in held.part.files
    ]


def _services(services: Iterable[Service]) -> list[dict[str, object]]:
    return [
        {
            "name": service.name,
            "unit": service.unit,
            "restart_on": list(service.restart_on),
            "reload_on": list(service.reload_on),
            "enabled": service.enabled,
        }
        for service in services
    ]


async def ask(machine: Machine, verb: str, answer: type[A], within: float, /, **request: object) -> A:
    """One request to whichever program on a machine answers the verb, and its answer. Raises `OutlastError` when the
    machine refuses or stumbles.
    """
    document = json.dumps({"verb": verb, **request}).encode()
    done = await machine.run(["python3", "-I", "-S", "-c", answering(verb)], stdin=document, limit=within)
    reply: dict[str, object] | None = json.loads(done.stdout) if done.returncode == 0 else None
    if reply is not None and "refused" not in reply:
        try:
            return answer.model_validate(reply)
        except ValidationError as error:
            raise OutlastError(_odd(machine.name, verb, str(error))) from None
    if reply:
        raise OutlastError(_refused(machine.name, verb, str(reply["refused"]), busy=bool(reply.get("busy"))))
    raise OutlastError(_odd(machine.name, verb, done.stderr.decode(errors="replace")))


def _refused(machine: str, verb: str, why: str, *, busy: bool) -> Finding:
    changed = "somebody changed the site since: fetch their site file and state, then run `outlast plan`"
    fix = "wait for it to end, then run the same command again" if busy else changed
    return Finding(machine, f"the machine refused to {verb}", why, fix)


def _odd(machine: str, verb: str, text: str) -> Finding:
    lines = tuple(text.strip().splitlines()[-10:])
    why = lines[-1] if lines else "it answered nothing"
    return Finding(machine, f"the machine could not {verb}", why, "run the command again", evidence=lines)

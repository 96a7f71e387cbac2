"""What changes between two blueprints, machine by machine, file by file, with its effect on services. Pure."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from enum import StrEnum

from outlast.blueprint.blueprint import Blueprint
from outlast.blueprint.firewall import Peer, Rule
from outlast.blueprint.slots import moved, takeovers
from outlast.contract.bundle import Bundle, File, Service


class Effect(StrEnum):
    """What a change does to a service."""

    START = "start"
    RESTART = "restart"
    RELOAD = "reload"
    STOP = "stop"
    TAKE_OVER = "take over"
    """The next one starts beside it, and relieves it without a failed request."""


class Change(StrEnum):
    """What happens to a machine or a file."""

    CREATE = "create"
    UPDATE = "update"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file that differs; `lines` is a unified diff of its text (markers in place of secrets)."""

    path: str
    change: Change
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ServiceChange:
    """One service that is touched, and `because` of what."""

    service: str
    effect: Effect
    because: str


@dataclass(frozen=True, slots=True)
class RuleChange:
    """Connections that are allowed from now on (`create`), or no longer (`remove`)."""

    change: Change
    rule: Rule

    @property
    def text(self) -> str:
        """The rule in plain words."""
        return self.rule.text


@dataclass(frozen=True, slots=True)
class MachineChange:
    """Everything that changes on one machine."""

    machine: str
    change: Change
    files: tuple[FileChange, ...]
    services: tuple[ServiceChange, ...]
    artifacts: tuple[str, ...]
    firewall: tuple[RuleChange, ...]


def diff(before: Blueprint | None, after: Blueprint) -> tuple[MachineChange, ...]:
    """The changes from `before` to `after`, in the order of machine names; empty when nothing changes."""
    old = before.bundle_by_machine if before else {}
    new = after.bundle_by_machine
    rules = [{wall.machine: wall.rules for wall in held.firewalls} if held else {} for held in (before, after)]
    changes = (
        _machine(name, old.get(name), new.get(name), _rules(*(held.get(name, ()) for held in rules)))
        for name in sorted({*old, *new})
    )
    return tuple(change for change in changes if change is not None)


def _machine(name: str, old: Bundle | None, new: Bundle | None, rules: tuple[RuleChange, ...]) -> MachineChange | None:
    if old == new:
        return None
    relieved = takeovers(old, new)
    before = moved(old, new) if old else None
    files = _files(_all_files(before), _all_files(new))
    touched = {file.path for file in files}
    services = _services(_all_services(before), _all_services(new), touched, relieved)
    artifacts = tuple(sorted(_artifacts(new) - _artifacts(old)))
    change = Change.CREATE if old is None else Change.REMOVE if new is None else Change.UPDATE
    return MachineChange(name, change, files, services, artifacts, rules)


def _rules(old: tuple[Rule, ...], new: tuple[Rule, ...]) -> tuple[RuleChange, ...]:
    """What is let through anew, then what no longer is; of a rule that stays, only the peers that come or go."""
    return tuple(
        RuleChange(change, replace(rule, peers=peers))
        for change, rules, others in ((Change.CREATE, new, old), (Change.REMOVE, old, new))
        for rule in rules
        if (peers := _without(rule, others))
    )


def _without(rule: Rule, others: tuple[Rule, ...]) -> tuple[Peer, ...]:
    held = {peer for other in others if replace(other, peers=rule.peers) == rule for peer in other.peers}
    return tuple(peer for peer in rule.peers if peer not in held)


def _files(old: dict[str, File], new: dict[str, File]) -> tuple[FileChange, ...]:
    return tuple(
        FileChange(path, _kind(old.get(path), new.get(path)), _lines(old.get(path), new.get(path)))
        for path in sorted({*old, *new})
        if old.get(path) != new.get(path)
    )


def _kind(old: object, new: object) -> Change:
    return Change.CREATE if old is None else Change.REMOVE if new is None else Change.UPDATE


def _lines(old: File | None, new: File | None) -> tuple[str, ...]:
    if old is None or new is None:
        # All of it at once: a large site has millions of lines, which need not be compared with nothing.
        sign, content = ("+", new.content) if new else ("-", old.content if old else "")
        lines = [f"{sign}{line}" for line in content.splitlines()]
        span = "1" if len(lines) == 1 else f"1,{len(lines)}"
        header = f"@@ -0,0 +{span} @@" if new else f"@@ -{span} +0,0 @@"
        return (header, *lines) if lines else ()
    lines = [*difflib.unified_diff(old.content.splitlines(), new.content.splitlines(), lineterm="", n=2)][2:]
    if (old.mode, old.owner, old.group) != (new.mode, new.owner, new.group):
        lines.insert(0, f"{old.owner}:{old.group} {old.mode:04o} becomes {new.owner}:{new.group} {new.mode:04o}")
    return tuple(lines)


def _services(
    old: dict[str, Service], new: dict[str, Service], touched: set[str], relieved: dict[str, str]
) -> tuple[ServiceChange, ...]:
    changes: list[ServiceChange] = []
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if after is None:
            changes.append(ServiceChange(name, Effect.STOP, "the site no longer asks for it here"))
        elif before is None:
            effect = Effect.START if after.enabled else None
            changes += [ServiceChange(name, effect, "it is new here")] if effect else []
        elif name in relieved:
            changes.append(ServiceChange(name, Effect.TAKE_OVER, relieved[name]))
        elif not after.enabled:
            continue
        elif before.unit != after.unit:
            changes.append(ServiceChange(name, Effect.RESTART, "its unit changed"))
        elif hit := touched & set(after.restart_on):
            changes.append(ServiceChange(name, Effect.RESTART, f"{', '.join(sorted(hit))} changed"))
        elif hit := touched & set(after.reload_on):
            changes.append(ServiceChange(name, Effect.RELOAD, f"{', '.join(sorted(hit))} changed"))
    return tuple(changes)


def _all_files(bundle: Bundle | None) -> dict[str, File]:
    return {file.path: file for held in bundle.parts for file in held.part.files} if bundle else {}


def _all_services(bundle: Bundle | None) -> dict[str, Service]:
    return {service.name: service for held in bundle.parts for service in held.part.services} if bundle else {}


def _artifacts(bundle: Bundle | None) -> set[str]:
    return {f"{artifact.name} {artifact.digest}" for artifact in bundle.artifacts} if bundle else set()

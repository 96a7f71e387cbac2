"""Looks for secrets where none may be."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from pathlib import Path

from outlast.apply.vault import Vault
from outlast.blueprint.blueprint import Blueprint
from outlast.contract.secret import MARKER

ARMOUR = b"PRIVATE KEY"
PUBLIC = ("certificate:", "authority:")


def secret_values(blueprint: Blueprint, vault: Vault) -> set[bytes]:
    """Every password and private key that a file of the blueprint holds when it is sent; never none."""
    files = [file for bundle in blueprint.bundles for held in bundle.parts for file in held.part.files]
    markers = {found[0] for file in files for found in MARKER.finditer(file.content)}
    values = {vault.fill(marker).encode() for marker in markers if not marker[1:].startswith(PUBLIC)}
    assert any(ARMOUR in value for value in values)
    assert any(ARMOUR not in value for value in values)
    return values


def leaks(text: bytes, secrets: Iterable[bytes]) -> list[bytes]:
    """What of the secrets can be read in a text: as they are, in base64, or a line of a private key."""
    pieces = {ARMOUR}
    for secret in secrets:
        body = [line for line in secret.splitlines() if ARMOUR not in line]
        if ARMOUR in secret:
            # Of an elliptic key the last line is its public half, which the certificate holds too.
            body.pop()
        pieces |= {secret, base64.b64encode(secret), *(line for line in body if len(line) >= 16)}
    return [piece for piece in pieces if piece in text]


def leaks_below(folder: Path, secrets: Iterable[bytes], *, but: str = "") -> dict[str, list[bytes]]:
    """The files below a folder in which secrets can be read; `but`: leave out this folder in it."""
    files = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    assert files
    wanted = {name: path for name, path in files.items() if not but or not name.startswith(f"{but}/")}
    return {name: found for name, path in wanted.items() if (found := leaks(path.read_bytes(), secrets))}

"""The vault key: found in the environment or in the operator's own folder, made at the first use, proved later.

It never lies in the site's folder. There, the *mark* says which key it is and proves it, so that a wrong one is refused
before anything is read or written.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from outlast.kernel.errors import Finding, Invalid, OutlastError
from outlast.seal import durable

VARIABLE = "OUTLAST_VAULT_KEY"
MARK = "vault.json"
PROOF = b"outlast"


@dataclass(frozen=True, slots=True)
class Mark:
    """`key` names the key's file, `home` is the folder that it was made for, `proof` is empty until there is a key."""

    key: str
    home: str
    proof: str = ""


def unlock(folder: Path, site: str, environment: Mapping[str, str], *, sealed: bool) -> Fernet:
    """What seals and opens the secrets in `folder`; `sealed`: there are some already, so a key must exist.

    Raises `OutlastError` when the key is missing or another, and has changed nothing then.
    """
    mark = _read(folder)
    if mark is None:
        if sealed:
            raise OutlastError(_lost_mark(folder))
        mark = Mark(f"{site}-{secrets.token_hex(4)}", str(folder.resolve()))
        # Before the key: a death in between leaves no key that nobody knows of.
        _write(folder, mark)
    given, file = environment.get(VARIABLE, ""), _keys(environment) / mark.key
    if not (mark.proof or given or file.exists()):
        durable.write(file, Fernet.generate_key() + b"\n")
    cipher = _given(given) if given else _held(folder, file)
    if not mark.proof:
        _write(folder, Mark(mark.key, mark.home, cipher.encrypt(PROOF).decode()))
    elif not _proves(cipher, mark):
        raise _other(folder, mark, file, given=bool(given))
    return cipher


def text(folder: Path, environment: Mapping[str, str]) -> str:
    """The key itself, for whoever shall open the secrets elsewhere. Raises `OutlastError` without it."""
    mark = _read(folder)
    if mark is None:
        raise OutlastError(_lost_mark(folder))
    if given := environment.get(VARIABLE, ""):
        return given.strip()
    file = _keys(environment) / mark.key
    _held(folder, file)
    return file.read_text().strip()


def forget(folder: Path, environment: Mapping[str, str]) -> None:
    """Remove the key file of a site that is going, unless the folder is a copy of another that lives."""
    with suppress(OutlastError):
        if mark := _read(folder):
            home = Path(mark.home)
            original = None if home == folder.resolve() else _read(home)
            if original is None or original.key != mark.key:
                (_keys(environment) / mark.key).unlink(missing_ok=True)


def _keys(environment: Mapping[str, str]) -> Path:
    configured = Path(environment.get("XDG_CONFIG_HOME", ""))
    # A relative one is to be ignored, says the XDG Base Directory Specification.
    root = configured if configured.is_absolute() else Path(environment.get("HOME") or Path.home()) / ".config"
    return root / "outlast" / "keys"


def _read(folder: Path) -> Mark | None:
    try:
        held = json.loads((folder / MARK).read_text())
        return Mark(str(held["key"]), str(held["home"]), str(held["proof"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        raise OutlastError(_lost_mark(folder)) from None


def _write(folder: Path, mark: Mark) -> None:
    durable.write(folder / MARK, json.dumps(asdict(mark)).encode())


def _proves(cipher: Fernet, mark: Mark) -> bool:
    try:
        return cipher.decrypt(mark.proof) == PROOF
    except InvalidToken:
        return False


def _given(text: str) -> Fernet:
    try:
        return Fernet(text.strip())
    except ValueError:
        why = "a key is 32 random bytes in URL-safe base64, 44 characters"
        fix = f"set it to the content of a key file, or unset {VARIABLE}"
        raise Invalid(Finding(VARIABLE, "it is not a vault key", why, fix)) from None


def _held(folder: Path, file: Path) -> Fernet:
    try:
        return Fernet(file.read_text().strip())
    except FileNotFoundError:
        why = f"{VARIABLE} is not set, and {file} does not exist"
        raise OutlastError(Finding(str(folder), "the site's secrets cannot be opened", why, _fix(file))) from None
    except ValueError:
        raise OutlastError(Finding(str(file), "it is not a vault key", "it was damaged", _fix(file))) from None


def _other(folder: Path, mark: Mark, file: Path, *, given: bool) -> OutlastError:
    what = "the site's secrets cannot be opened"
    why = f"{VARIABLE if given else file} is not the key {mark.key} they were sealed with; nothing was changed"
    fix = f"unset {VARIABLE}, or set it to the site's own key" if given else _fix(file)
    finding = Finding(str(folder), what, why, fix)
    return Invalid(finding) if given else OutlastError(finding)


def _fix(file: Path) -> str:
    return (
        f"copy {file.name} from an operator who has it to {file} (mode 0600), or set {VARIABLE} to its content; "
        "when nobody has it, `outlast down` works without it"
    )


def _lost_mark(folder: Path) -> Finding:
    why = "the folder holds sealed secrets, and nothing says with which key"
    return Finding(str(folder / MARK), "it is missing or damaged", why, "restore it from a copy of the folder")

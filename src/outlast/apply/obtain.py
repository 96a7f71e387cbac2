"""Finds the values of the owner's secrets, on the computer of whoever runs `up`: in files, variables, and by commands.

A value goes to the caller and nowhere else: no finding holds any part of one, nor what a command printed on standard
output.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from outlast.kernel.errors import Finding, Invalid
from outlast.site.secrets import SecretSource

COMMAND_LIMIT = 60.0
AT_ONCE = 8
# An argument or a variable of a process may have 128 KiB (MAX_ARG_STRLEN in <linux/binfmts.h>), its name included.
LONGEST = 100_000
# systemd drops a variable with any other control character, and logs it with its value (env_value_is_valid).
CONTROLS = "\t\n"


class _Fault(Exception):
    """Why there is no value: what, why, fix, and which key of the secret says so."""

    def __init__(self, what: str, why: str, fix: str, key: str) -> None:
        super().__init__(what)
        self.what, self.why, self.fix, self.key = what, why, fix, key


def obtain(sources: Mapping[str, SecretSource], home: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """The value of each secret, without the line ends that a file or a command puts last.

    `home` is the folder of the site file. Raises `Invalid` with a finding for each that has none; `where` is a path in
    the site file, such as `secrets.stripe.env`.
    """
    ask = partial(_value, home=home, environment=environment)
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        found = dict(zip(sources, pool.map(ask, sources.values()), strict=True))
    findings = [
        Finding(f"secrets.{name}.{fault.key}", f"secret {name}: {fault.what}", fault.why, fault.fix)
        for name, fault in found.items()
        if isinstance(fault, _Fault)
    ]
    if findings:
        raise Invalid(*findings)
    return {name: value for name, value in found.items() if isinstance(value, str)}


def _value(source: SecretSource, home: Path, environment: Mapping[str, str]) -> str | _Fault:
    try:
        if source.file is not None:
            return _checked(_read(home / Path(source.file).expanduser()), "file", source.file)
        if source.env is not None:
            return _checked(_variable(source.env, environment), "env", source.env)
        assert source.command is not None, "a source has one place"
        return _checked(_printed(source.command, home, environment), "command", "what it prints")
    except _Fault as fault:
        return fault


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        what = "its file does not exist" if missing else "its file cannot be read"
        why = str(path) if missing else f"{path}: {error.strerror}"
        raise _Fault(
            what, why, "put it there, or name another file; the path is seen from the site file", "file"
        ) from None


def _variable(name: str, environment: Mapping[str, str]) -> bytes:
    if name not in environment:
        why = "the environment of this command does not have it; `sudo` drops most variables unless told otherwise"
        fix = f"export {name}, and with sudo add `--preserve-env={name}`"
        raise _Fault(f"the variable {name} is not set", why, fix, "env")
    return environment[name].encode(errors="surrogateescape")


def _printed(script: str, home: Path, environment: Mapping[str, str]) -> bytes:
    fix = "run the command by hand in the folder of the site file until it prints the secret"
    try:
        done = subprocess.run(
            ["sh", "-c", script],
            cwd=home,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=COMMAND_LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _Fault(f"its command did not end within {COMMAND_LIMIT:g} s", "it was ended", fix, "command") from None
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        why = said[-1] if said else "it said nothing on standard error"
        raise _Fault(f"its command ended with {done.returncode}", why, fix, "command")
    return done.stdout


def _checked(content: bytes, key: str, place: str) -> str:
    try:
        value = content.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        why = "an environment variable holds UTF-8 text"
        raise _Fault("its value is not text", why, "encode it, for example with base64", key) from None
    if not value:
        raise _Fault("its value is empty", f"{place} holds nothing", "write it there, or take the secret out", key)
    if len(content) > LONGEST:
        why = f"an environment variable may have {LONGEST} bytes"
        raise _Fault(f"its value has {len(content)} bytes", why, "keep only the secret itself there", key)
    odd = next((c for c in value if (ord(c) < 32 or 127 <= ord(c) < 160) and c not in CONTROLS), "")
    if odd:
        why = (
            f"it has the control character {ord(odd):#04x}, and an environment variable holds text, tabs and line ends"
        )
        fix = "store it with Unix line ends" if odd == "\r" else "encode it, for example with base64"
        raise _Fault("its value is not plain text", why, fix, key)
    return value

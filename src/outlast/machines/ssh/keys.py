"""Whether the private keys that the site file names can be used without asking anybody."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import asyncssh

from outlast.kernel.errors import Finding

# Read or written by others than their owner (chmod(2)).
OTHERS = 0o077


def unusable(keys: Iterable[Path]) -> Iterator[Finding]:
    """A finding for each key that cannot be used."""
    for path in dict.fromkeys(keys):
        try:
            asyncssh.read_private_key(path)
        except FileNotFoundError:
            yield _finding(
                path, "the key is not there", "no file of that name exists", f"ssh-keygen -t ed25519 -f {path}"
            )
        except PermissionError as error:
            why = error.strerror or str(error)
            yield _finding(path, "the key cannot be read", why, "run the command as the user whose key it is")
        except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
            fix = "name a private key that has no passphrase: nobody is there to type one when Outlast logs in"
            yield _finding(path, "the key cannot be used", str(error), fix)
        else:
            if path.stat().st_mode & OTHERS:
                why = "other users of this computer may read it, and OpenSSH refuses such a key"
                yield _finding(path, "the key is no secret", why, f"chmod 600 {path}")


def _finding(path: Path, what: str, why: str, fix: str) -> Finding:
    return Finding(str(path), what, why, fix)

"""The site's secrets and its own certificate authority, in `.outlast/` (mode 0700) beside the site file.

What Outlast makes is made on first use and kept; what the owner keeps elsewhere is taken when `up` runs, and kept too.
Passwords and private keys are kept sealed, certificates can be read. Values leave only towards the machine whose files
name them.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from outlast.apply.authority import Authority
from outlast.apply.certificates import Certificates
from outlast.apply.passwords import Passwords
from outlast.contract.secret import Certificate, Kind, Reference, resolve
from outlast.contract.unit import environment_value
from outlast.kernel.errors import Finding, OutlastError
from outlast.seal import durable
from outlast.seal.seal import Seal


class Vault:
    """Secrets of one site. `folder` is its `.outlast` folder, `now` the time by which certificates are judged."""

    def __init__(self, folder: Path, site: str, now: datetime) -> None:
        self._folder = folder
        self._seal = Seal(folder, site)
        self._taken: dict[str, str] = {}
        self.now = now
        self.passwords = Passwords(folder / "passwords", self._seal)
        self.authority = Authority(folder, self._seal, site, now)
        self.certificates = Certificates(folder / "certificates", self._seal, self.authority, now)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def authority_path(self) -> Path:
        """The certificate that clients trust."""
        return self.authority.path

    def take_over(self) -> None:
        """Prove the key and seal what an earlier version left in clear. Raises `OutlastError` without the right key."""
        self._seal.take_over()

    def forget(self) -> None:
        """Remove the key from this computer, for a site that is going."""
        self._seal.forget()

    @contextmanager
    def turn(self) -> Generator[None]:
        """For whoever changes passwords, certificates or the authority themselves."""
        with self._seal.turn():
            yield

    def fill(self, text: str) -> str:
        """`text` with every marker replaced by its secret.

        Raises `OutlastError` for a certificate that was not issued before.
        """
        with self._seal.turn():
            return resolve(text, self._value)

    def issue(self, wanted: Certificate) -> None:
        """Make or renew a certificate so that it names exactly what is wanted and is valid for a month more."""
        with self._seal.turn():
            self.certificates.issue(wanted)

    def take(self, values: Mapping[str, str]) -> None:
        """Fill in these secrets of the owner from now on, whatever is kept."""
        self._taken = dict(values)

    def keep(self) -> None:
        """Keep what was taken, sealed, for whoever brings machines up later."""
        with self._seal.turn():
            for name in self.differing(self._taken):
                self._seal.write(self._owners_path(name), self._taken[name].encode())

    def narrow(self, read: Collection[str]) -> None:
        """Keep no secret of the owner that is not `read` any more."""
        with self._seal.turn():
            for path in self._owners_path("").glob("*"):
                if path.name not in read:
                    durable.remove(path)

    def differing(self, values: Mapping[str, str]) -> dict[str, bool]:
        """Those of the owner's secrets whose value is not the one that is kept, and whether one is kept at all."""
        paths = {name: self._owners_path(name) for name in values}
        kept = {name: self._seal.read(path).decode() for name, path in paths.items() if path.exists()}
        return {name: name in kept for name, value in values.items() if kept.get(name) != value}

    def taken(self, name: str) -> datetime | None:
        """When the kept value of a secret of the owner was taken; None: never."""
        path = self._owners_path(name)
        return self._seal.written(path) if path.exists() else None

    def _value(self, reference: Reference) -> str:
        match reference.kind:
            case Kind.PASSWORD:
                return self.passwords.value(reference.name)
            case Kind.OTHER:
                return self.passwords.other(reference.name)
            case Kind.OWNER:
                return environment_value(self._owners(reference.name))
            case Kind.CERTIFICATE:
                return self.certificates.read(reference.name, ".pem")
            case Kind.KEY:
                return self.certificates.read(reference.name, ".key")
            case Kind.AUTHORITY:
                return self.authority.trusted()

    def _owners(self, name: str) -> str:
        if name in self._taken:
            return self._taken[name]
        path = self._owners_path(name)
        if not path.exists():
            why = "`outlast up` finds the value and keeps it sealed for all that come later"
            raise OutlastError(Finding(f"secret {name}", "its value is not known here", why, "run `outlast up`"))
        return self._seal.read(path).decode()

    def _owners_path(self, name: str) -> Path:
        return self._folder / "owner" / name


def now() -> datetime:
    """The time, for whoever opens a vault at the edge of the program."""
    return datetime.now(UTC)

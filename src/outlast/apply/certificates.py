"""The certificates that the site's authority signed: made on first use, and anew a month before their end.

Which key belongs to which certificate is checked, not believed: a death between the two writes leaves them apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from outlast.apply.authority import Authority, key_text, key_usage
from outlast.contract.secret import Certificate
from outlast.kernel.errors import Finding, OutlastError
from outlast.seal import durable
from outlast.seal.seal import Seal

LIFE = timedelta(days=365)
RENEW_BEFORE = timedelta(days=30)
UNWANTED = ".renew"


@dataclass(frozen=True, slots=True)
class Certificates:
    """The certificates below `folder`. Whoever calls holds the seal's turn."""

    folder: Path
    seal: Seal
    authority: Authority
    now: datetime

    def issue(self, wanted: Certificate) -> None:
        """Make or renew a certificate so that it names exactly what is wanted and is valid for a month more."""
        unwanted = self._path(wanted.name, UNWANTED)
        if unwanted.exists() or not self._serves(wanted):
            self._sign(wanted)
            durable.remove(unwanted)

    def read(self, name: str, suffix: str) -> str:
        """A certificate (`.pem`) or its key (`.key`). Raises `OutlastError` for one that was never issued."""
        path = self._path(name, suffix)
        if not path.exists():
            why = "no part of a bundle lists a certificate of that name"
            fix = "report this: a component's fault"
            raise OutlastError(Finding(f"certificate {name}", "a file needs it and nobody issued it", why, fix))
        return self.seal.read(path).decode()

    def renew(self, name: str) -> None:
        """Make it anew when it is next sent, whatever it is."""
        durable.write(self._path(name, UNWANTED), b"")

    def is_unwanted(self, name: str) -> bool:
        """Whether it will be made anew."""
        return self._path(name, UNWANTED).exists()

    def is_due(self, name: str) -> bool:
        """Whether it is there and will be made anew: somebody asked for that, or it ends within a month."""
        valid = self.validity(name)
        return valid is not None and (self.is_unwanted(name) or valid[1] - self.now <= RENEW_BEFORE)

    def validity(self, name: str) -> tuple[datetime, datetime] | None:
        """From when until when it is valid; None: there is none yet."""
        path = self._path(name, ".pem")
        if not path.exists():
            return None
        held = x509.load_pem_x509_certificate(path.read_bytes())
        return held.not_valid_before_utc, held.not_valid_after_utc

    def _path(self, name: str, suffix: str) -> Path:
        return self.folder / f"{name}{suffix}"

    def _sign(self, wanted: Certificate) -> None:
        authority, authority_key = self.authority.signer()
        key = ec.generate_private_key(ec.SECP256R1())
        purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, wanted.name)]))
            .issuer_name(authority.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.now - timedelta(hours=1))
            .not_valid_after(self.now + LIFE)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
            .add_extension(x509.SubjectAlternativeName(_names(wanted)), critical=False)
            # Strict checkers (Python since 3.13) refuse a certificate that does not name its authority's key.
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
            )
            .sign(authority_key, hashes.SHA256())
        )
        # The key first: a certificate that is there always has its key.
        self.seal.write(self._path(wanted.name, ".key"), key_text(key))
        durable.write(self._path(wanted.name, ".pem"), certificate.public_bytes(serialization.Encoding.PEM))

    def _serves(self, wanted: Certificate) -> bool:
        path = self._path(wanted.name, ".pem")
        if not path.exists():
            return False
        held = x509.load_pem_x509_certificate(path.read_bytes())
        names = held.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        fresh = held.not_valid_after_utc - self.now > RENEW_BEFORE
        return fresh and set(names) == set(_names(wanted)) and self._signed(held) and self._belongs(wanted.name, held)

    def _signed(self, held: x509.Certificate) -> bool:
        try:
            held.verify_directly_issued_by(self.authority.signer()[0])
        except (InvalidSignature, ValueError):
            return False
        return True

    def _belongs(self, name: str, held: x509.Certificate) -> bool:
        key_path = self._path(name, ".key")
        if not key_path.exists():
            return False
        key = serialization.load_pem_private_key(self.seal.read(key_path), password=None)
        return key.public_key() == held.public_key()


def _names(wanted: Certificate) -> list[x509.GeneralName]:
    return [*map(x509.DNSName, wanted.dns), *(x509.IPAddress(ip_address(address)) for address in wanted.addresses)]

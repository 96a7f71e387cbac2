"""The site's generated secrets and its own certificate authority, in `.outlast/` (mode 0700) beside the site file.

What is missing is made on first use and kept; passwords and private keys are kept sealed, certificates can be read.
Values leave only towards the machine whose files name them.
"""

from __future__ import annotations

import secrets
import string
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from outlast.contract.secret import Certificate, Kind, Reference, resolve
from outlast.kernel.errors import Finding, OutlastError
from outlast.seal import durable
from outlast.seal.seal import Seal

ALPHABET = string.ascii_letters + string.digits
AUTHORITY_LIFE = timedelta(days=3650)
CERTIFICATE_LIFE = timedelta(days=365)
RENEW_BEFORE = timedelta(days=30)


class Vault:
    """Secrets of one site. `folder` is its `.outlast` folder, `now` the time by which certificates are judged."""

    def __init__(self, folder: Path, site: str, now: datetime) -> None:
        self._folder = folder
        self._site = site
        self._now = now
        self._seal = Seal(folder, site)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def authority_path(self) -> Path:
        """The certificate that clients trust."""
        return self._folder / "ca.pem"

    def take_over(self) -> None:
        """Prove the key and seal what an earlier version left in clear. Raises `OutlastError` without the right key."""
        self._seal.take_over()

    def forget(self) -> None:
        """Remove the key from this computer, for a site that is going."""
        self._seal.forget()

    def fill(self, text: str) -> str:
        """`text` with every marker replaced by its secret.

        Raises `OutlastError` for a certificate that was not issued before.
        """
        with self._seal.turn():
            return resolve(text, self._value)

    def issue(self, wanted: Certificate) -> None:
        """Make or renew a certificate so that it names exactly what is wanted and is valid for a month more."""
        path = self._path("certificates", wanted.name, ".pem")
        with self._seal.turn():
            if not (path.exists() and self._serves(path, wanted)):
                self._sign(path, wanted)

    def _value(self, reference: Reference) -> str:
        match reference.kind:
            case Kind.PASSWORD:
                return self._password(reference.name)
            case Kind.CERTIFICATE:
                return self._issued(reference.name, ".pem")
            case Kind.KEY:
                return self._issued(reference.name, ".key")
            case Kind.AUTHORITY:
                self._authority()
                return self.authority_path.read_text()

    def _issued(self, name: str, suffix: str) -> str:
        path = self._path("certificates", name, suffix)
        if not path.exists():
            why = "no part of a bundle lists a certificate of that name"
            fix = "report this: a component's fault"
            raise OutlastError(Finding(f"certificate {name}", "a file needs it and nobody issued it", why, fix))
        return self._seal.read(path).decode()

    def _password(self, name: str) -> str:
        path = self._path("passwords", name, "")
        if not path.exists():
            self._seal.write(path, "".join(secrets.choice(ALPHABET) for _ in range(32)).encode())
        return self._seal.read(path).decode()

    def _path(self, kind: str, name: str, suffix: str) -> Path:
        return self._folder / kind / f"{name}{suffix}"

    def _authority(self) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        key_path = self._folder / "ca.key"
        if not (key_path.exists() and self.authority_path.exists()):
            self._found_authority(key_path)
        key = serialization.load_pem_private_key(self._seal.read(key_path), password=None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return x509.load_pem_x509_certificate(self.authority_path.read_bytes()), key

    def _found_authority(self, key_path: Path) -> None:
        # ECDSA: a TLS handshake costs a tenth of one with RSA-2048 (figures in HAProxy's introduction).
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name(f"Outlast authority of {self._site}")
        certificate = (
            self._builder(name, name, key.public_key(), AUTHORITY_LIFE)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        self._seal.write(key_path, _key_text(key))
        durable.write(self.authority_path, certificate.public_bytes(serialization.Encoding.PEM), mode=0o644)

    def _sign(self, path: Path, wanted: Certificate) -> None:
        authority, authority_key = self._authority()
        key = ec.generate_private_key(ec.SECP256R1())
        purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        certificate = (
            self._builder(_name(wanted.name), authority.subject, key.public_key(), CERTIFICATE_LIFE)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
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
        self._seal.write(path.with_suffix(".key"), _key_text(key))
        durable.write(path, certificate.public_bytes(serialization.Encoding.PEM))

    def _builder(
        self, subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, life: timedelta
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - timedelta(hours=1))
            .not_valid_after(self._now + life)
        )

    def _serves(self, path: Path, wanted: Certificate) -> bool:
        held = x509.load_pem_x509_certificate(path.read_bytes())
        names = held.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        fresh = held.not_valid_after_utc - self._now > RENEW_BEFORE
        return fresh and set(names) == set(_names(wanted)) and self._signed(held) and self._belongs(path, held)

    def _signed(self, held: x509.Certificate) -> bool:
        try:
            held.verify_directly_issued_by(self._authority()[0])
        except (InvalidSignature, ValueError):
            return False
        return True

    def _belongs(self, path: Path, held: x509.Certificate) -> bool:
        """Whether the key beside the certificate is its own: a death between the two writes leaves them apart."""
        key_path = path.with_suffix(".key")
        if not key_path.exists():
            return False
        key = serialization.load_pem_private_key(self._seal.read(key_path), password=None)
        return key.public_key() == held.public_key()


def now() -> datetime:
    """The time, for whoever opens a vault at the edge of the program."""
    return datetime.now(UTC)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _names(wanted: Certificate) -> list[x509.GeneralName]:
    return [*map(x509.DNSName, wanted.dns), *(x509.IPAddress(ip_address(address)) for address in wanted.addresses)]


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _key_text(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )

"""Who signs the site's certificates, and the change to another one: meanwhile everybody trusts both.

`ca.pem` holds every authority that is trusted, and `ca.key` the key of the one that signs: which one that is follows
from the key, so that one write makes the change. `ca.incoming.key` is the key of one that signs nothing yet.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from outlast.kernel.errors import Finding, OutlastError
from outlast.seal import durable
from outlast.seal.seal import Seal

LIFE = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class Authority:
    """The authority of `site`, kept in `folder`. Whoever calls holds the seal's turn."""

    folder: Path
    seal: Seal
    site: str
    now: datetime

    @property
    def path(self) -> Path:
        """What clients trust."""
        return self.folder / "ca.pem"

    def trusted(self) -> str:
        """Every certificate that is trusted, as PEM text."""
        self.signer()
        return self.path.read_text()

    def signer(self) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        """The one that signs, and its key; made on first use."""
        if not (self._key.exists() and self.path.exists()):
            # ECDSA: a TLS handshake costs a tenth of one with RSA-2048 (figures in HAProxy's introduction).
            key = ec.generate_private_key(ec.SECP256R1())
            self.seal.write(self._key, key_text(key))
            self._trust([self._certificate(key)])
        key = self._read(self._key)
        signer = self._of(key)
        if signer is None:
            why = "ca.pem has no certificate that belongs to ca.key"
            raise OutlastError(Finding(str(self.path), "it is damaged", why, "restore both from a copy of the folder"))
        return signer, key

    def ends(self) -> datetime | None:
        """When the first of those that are trusted is no longer valid; None: there is none. Needs no key."""
        return min((held.not_valid_after_utc for held in self._held()), default=None) if self.path.exists() else None

    def under_way(self) -> bool:
        """Whether a change was begun and not finished."""
        return self._incoming.exists() or (self.path.exists() and len(self._held()) > 1)

    def begin(self) -> None:
        """A new one is trusted too, unless a change is under way."""
        self.signer()
        if self.under_way() and not self._incoming.exists():
            return
        if not self._incoming.exists():
            self.seal.write(self._incoming, key_text(ec.generate_private_key(ec.SECP256R1())))
        key = self._read(self._incoming)
        if self._of(key) is None:
            self._trust([*self._held(), self._certificate(key)])

    def switch(self) -> None:
        """The new one signs: all certificates are made anew when they are next sent."""
        if self._incoming.exists():
            self.seal.write(self._key, key_text(self._read(self._incoming)))
            durable.remove(self._incoming)

    def finish(self) -> None:
        """The old one is trusted no longer."""
        self._trust([self.signer()[0]])

    @property
    def _key(self) -> Path:
        return self.folder / "ca.key"

    @property
    def _incoming(self) -> Path:
        return self.folder / "ca.incoming.key"

    def _read(self, path: Path) -> ec.EllipticCurvePrivateKey:
        key = serialization.load_pem_private_key(self.seal.read(path), password=None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return key

    def _held(self) -> list[x509.Certificate]:
        return x509.load_pem_x509_certificates(self.path.read_bytes())

    def _of(self, key: ec.EllipticCurvePrivateKey) -> x509.Certificate | None:
        return next((held for held in self._held() if held.public_key() == key.public_key()), None)

    def _trust(self, certificates: list[x509.Certificate]) -> None:
        text = b"".join(held.public_bytes(serialization.Encoding.PEM) for held in certificates)
        durable.write(self.path, text, mode=0o644)

    def _certificate(self, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
        # A name of its own: whoever trusts two tells them apart by it.
        name = x509.Name(
            [x509.NameAttribute(NameOID.COMMON_NAME, f"Outlast authority of {self.site} {secrets.token_hex(3)}")]
        )
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.now - timedelta(hours=1))
            .not_valid_after(self.now + LIFE)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(key_usage(signs_certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )


def key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    """What a key may be used for: to sign certificates, or to show who one is."""
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


def key_text(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A private key as it is kept, before it is sealed."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )

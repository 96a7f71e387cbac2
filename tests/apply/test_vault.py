"""The vault: what it makes it keeps, and it makes it again only when it must."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

from outlast.apply.passwords import ALPHABET
from outlast.apply.vault import Vault
from outlast.contract.secret import Certificate, authority, certificate, key, password
from outlast.kernel.errors import OutlastError

NOW = datetime(2030, 6, 1, tzinfo=UTC)
EDGE = Certificate("edge-east", dns=("shop.test", "*.shop.test"), addresses=("10.77.0.254", "10.77.0.11"))


def opened(folder: Path, now: datetime = NOW) -> Vault:
    return Vault(folder / ".outlast", "shop", now)


def issued(folder: Path, wanted: Certificate = EDGE, now: datetime = NOW) -> x509.Certificate:
    """The certificate that the vault gives out at that time."""
    vault = opened(folder, now)
    vault.issue(wanted)
    return x509.load_pem_x509_certificate(vault.fill(certificate(wanted.name)).encode())


def test_a_password_is_made_once_and_kept(tmp_path: Path) -> None:
    made = opened(tmp_path).fill(password("apps/web"))
    assert len(made) == 32
    assert set(made) <= set(ALPHABET)
    assert opened(tmp_path).fill(f"a {password('apps/web')} b") == f"a {made} b"
    assert opened(tmp_path).fill(password("apps/api")) != made


def test_many_machines_at_once_get_one_secret(tmp_path: Path) -> None:
    vault = opened(tmp_path)

    def fill(number: int) -> tuple[str, str]:
        vault.issue(EDGE)
        pair = vault.fill(f"{certificate(EDGE.name)}{key(EDGE.name)}")
        return vault.fill(password(f"apps/{number % 2}")), pair

    with ThreadPoolExecutor(16) as pool:
        filled = list(pool.map(fill, range(64)))
    assert len({secret for secret, _ in filled}) == 2
    assert len({pair for _, pair in filled}) == 1


def test_a_certificate_names_exactly_what_is_wanted(tmp_path: Path) -> None:
    made = issued(tmp_path)
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == list(EDGE.dns)
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == list(EDGE.addresses)
    assert not made.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    purposes = made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert {*purposes} == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}


def test_a_certificate_is_signed_by_the_sites_authority_and_has_its_key(tmp_path: Path) -> None:
    made = issued(tmp_path)
    vault = opened(tmp_path)
    root = x509.load_pem_x509_certificate(vault.fill(authority()).encode())
    made.verify_directly_issued_by(root)
    assert root.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert vault.authority_path.read_text() == vault.fill(authority())
    private = load_pem_private_key(vault.fill(key(EDGE.name)).encode(), password=None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    assert private.public_key() == made.public_key()


def test_a_certificate_is_renewed_thirty_days_before_its_end(tmp_path: Path) -> None:
    first = issued(tmp_path)
    end = first.not_valid_after_utc
    assert issued(tmp_path, now=end - timedelta(days=30, seconds=1)) == first
    renewed = issued(tmp_path, now=end - timedelta(days=30))
    assert renewed != first
    assert renewed.not_valid_after_utc - (end - timedelta(days=30)) == timedelta(days=365)


@pytest.mark.parametrize(
    "wanted",
    [
        Certificate(EDGE.name, dns=(*EDGE.dns, "www.example.test"), addresses=EDGE.addresses),
        Certificate(EDGE.name, dns=EDGE.dns, addresses=EDGE.addresses[:1]),
    ],
)
def test_other_names_are_another_certificate(tmp_path: Path, wanted: Certificate) -> None:
    first = issued(tmp_path)
    assert issued(tmp_path, wanted) != first


def test_the_order_of_names_does_not_matter(tmp_path: Path) -> None:
    first = issued(tmp_path)
    assert issued(tmp_path, Certificate(EDGE.name, EDGE.dns[::-1], EDGE.addresses[::-1])) == first


def test_a_new_authority_signs_everything_anew(tmp_path: Path) -> None:
    first = issued(tmp_path)
    (tmp_path / ".outlast/ca.key").unlink()
    second = issued(tmp_path)
    assert second != first
    second.verify_directly_issued_by(x509.load_pem_x509_certificate(opened(tmp_path).authority_path.read_bytes()))


@pytest.mark.parametrize("lost", [True, False])
def test_a_certificate_without_its_own_key_is_made_anew(tmp_path: Path, lost: bool) -> None:
    first = issued(tmp_path)
    path = tmp_path / ".outlast/certificates/edge-east.key"
    if lost:
        path.unlink()
    else:
        # A renewal that died between its two writes.
        issued(tmp_path, Certificate("other", dns=("other.test",)))
        path.write_bytes((tmp_path / ".outlast/certificates/other.key").read_bytes())
    second = issued(tmp_path)
    assert second != first
    private = load_pem_private_key(opened(tmp_path).fill(key(EDGE.name)).encode(), password=None)
    assert private.public_key() == second.public_key()


@pytest.mark.parametrize("marker", [certificate("unknown"), key("unknown")])
def test_a_certificate_that_nobody_issued_is_a_finding(tmp_path: Path, marker: str) -> None:
    with pytest.raises(OutlastError) as refused:
        opened(tmp_path).fill(marker)
    finding = refused.value.findings[0]
    assert finding.where == "certificate unknown"
    assert finding.why
    assert finding.fix


def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    issued(tmp_path)
    opened(tmp_path).fill(password("apps/web"))
    folder = tmp_path / ".outlast"
    modes = {str(path.relative_to(folder)): path.stat().st_mode & 0o777 for path in (folder, *folder.rglob("*"))}
    files = {name: mode for name, mode in modes.items() if (folder / name).is_file()}
    assert modes["."] == 0o700
    assert {name for name, mode in files.items() if mode != 0o600} == {"ca.pem"}
    assert "passwords/apps/web" in files
    assert not [name for name in files if name.endswith(".new")]

"""Sealed secrets: only the right key opens them, and nothing is lost by a wrong one, a death or a second process."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from outlast.kernel.errors import Invalid, OutlastError
from outlast.seal.key import MARK, VARIABLE
from outlast.seal.seal import Seal

SECRET = b"correct horse battery staple"
CLEAR = {
    "passwords/apps/web": b"p4ssw0rd",
    "certificates/edge.key": b"-----BEGIN PRIVATE KEY-----",
    "ca.key": b"-----BEGIN PRIVATE KEY----- of the authority",
    "ssh/id_ed25519": b"-----BEGIN OPENSSH PRIVATE KEY-----",
}
HALVES = ("passwords/apps/.web.new", "certificates/.edge.key.new", ".ca.key.new", "ssh/id_ed25519.new")
PUBLIC = {"certificates/edge.pem": b"-----BEGIN CERTIFICATE-----", "ca.pem": b"x", "ssh/known_hosts": b"y"}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "site" / ".outlast"
    folder.mkdir(parents=True)
    return folder


def opened(place: Path, operator: str = "one", **more: str) -> Seal:
    """The seal as an operator with a configuration folder of its own finds it."""
    return Seal(place, "shop", {"XDG_CONFIG_HOME": str(place.parents[1] / operator), **more})


def keys(place: Path, operator: str = "one") -> list[Path]:
    return [*(place.parents[1] / operator).glob("outlast/keys/*")]


def contents(place: Path) -> dict[str, bytes]:
    """Everything that is kept, but for locks."""
    files = (path for path in place.rglob("*") if path.is_file() and path.suffix != ".lock")
    return {str(path.relative_to(place)): path.read_bytes() for path in files}


def in_clear(place: Path) -> None:
    """A folder as the first version left it, dead in the middle of some writes."""
    for name, content in {**CLEAR, **PUBLIC, **dict.fromkeys(HALVES, SECRET)}.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content)


def test_a_secret_can_be_read_again_and_lies_nowhere_in_clear(place: Path) -> None:
    opened(place).write(place / "ca.key", SECRET)
    assert opened(place).read(place / "ca.key") == SECRET
    assert not [name for name, content in contents(place).items() if SECRET in content]
    assert (place / "ca.key").stat().st_mode & 0o777 == 0o600


def test_the_key_lies_outside_the_sites_folder_for_the_operator_alone(place: Path) -> None:
    opened(place).write(place / "ca.key", SECRET)
    (file,) = keys(place)
    assert file.name.startswith("shop-")
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    key = file.read_bytes().strip()
    assert not [name for name, content in contents(place).items() if key in content]


def test_a_relative_configuration_folder_counts_as_none(place: Path, tmp_path: Path) -> None:
    Seal(place, "shop", {"XDG_CONFIG_HOME": "here", "HOME": str(tmp_path)}).write(place / "ca.key", SECRET)
    assert len([*(tmp_path / ".config/outlast/keys").iterdir()]) == 1


def test_a_second_operator_gets_in_with_the_key_file_or_its_content(place: Path) -> None:
    opened(place).write(place / "ca.key", SECRET)
    (file,) = keys(place)
    assert opened(place, "two", **{VARIABLE: file.read_text()}).read(place / "ca.key") == SECRET
    assert keys(place, "two") == []
    shutil.copytree(place.parents[1] / "one", place.parents[1] / "two")
    assert opened(place, "two").read(place / "ca.key") == SECRET


def test_a_key_from_the_environment_makes_no_file(place: Path) -> None:
    given = {VARIABLE: Fernet.generate_key().decode()}
    opened(place, **given).write(place / "ca.key", SECRET)
    assert opened(place, **given).read(place / "ca.key") == SECRET
    assert keys(place) == []


def without(place: Path) -> Seal:
    return opened(place, "nobody")


def other_file(place: Path) -> Seal:
    (file,) = keys(place)
    file.write_bytes(Fernet.generate_key())
    return opened(place)


def damaged_file(place: Path) -> Seal:
    (file,) = keys(place)
    file.write_bytes(b"")
    return opened(place)


def other_variable(place: Path) -> Seal:
    return opened(place, **{VARIABLE: Fernet.generate_key().decode()})


def no_key(place: Path) -> Seal:
    return opened(place, **{VARIABLE: "letmein"})


def no_mark(place: Path) -> Seal:
    (place / MARK).unlink()
    return opened(place)


def damaged_mark(place: Path) -> Seal:
    (place / MARK).write_text("{}")
    return opened(place)


@pytest.mark.parametrize(
    ("spoilt", "code"),
    [
        (without, 1),
        (other_file, 1),
        (damaged_file, 1),
        (no_mark, 1),
        (damaged_mark, 1),
        (other_variable, 2),
        (no_key, 2),
    ],
)
def test_without_the_right_key_nothing_is_read_and_nothing_overwritten(
    place: Path, spoilt: Callable[[Path], Seal], code: int
) -> None:
    opened(place).write(place / "ca.key", SECRET)
    (place / "passwords").mkdir()
    (place / "passwords/web").write_bytes(b"in clear")
    seal = spoilt(place)
    before = contents(place)
    for attempt in (
        lambda: seal.read(place / "ca.key"),
        lambda: seal.write(place / "ca.key", b"new"),
        lambda: seal.write(place / "passwords/api", b"new"),
        seal.take_over,
    ):
        with pytest.raises(OutlastError) as refused:
            attempt()
        assert refused.value.exit_code == code
        assert isinstance(refused.value, Invalid) == (code == 2)
        (finding,) = refused.value.findings
        assert finding.where
        assert finding.why
        assert finding.fix
    assert contents(place) == before
    assert keys(place, "nobody") == []


def test_a_changed_secret_is_named(place: Path) -> None:
    opened(place).write(place / "ca.key", SECRET)
    content = bytearray((place / "ca.key").read_bytes())
    content[-9] ^= 1
    (place / "ca.key").write_bytes(content)
    with pytest.raises(OutlastError, match=r"ca\.key"):
        opened(place).read(place / "ca.key")


def test_what_lies_in_clear_is_read_until_it_is_taken_over(place: Path) -> None:
    in_clear(place)
    for name, content in CLEAR.items():
        assert opened(place).read(place / name) == content
    assert not (place / MARK).exists(), "reading made a key"
    opened(place).take_over()
    after = contents(place)
    for name, content in CLEAR.items():
        assert content not in b"".join(after.values())
        assert opened(place).read(place / name) == content
    assert {name: after[name] for name in PUBLIC} == PUBLIC
    assert set(HALVES) & set(after) == set()
    opened(place).take_over()
    assert contents(place) == after


# The mark, the key, the mark with the proof, then one after another what lay in clear.
REPLACED = 3 + len(CLEAR)


@pytest.mark.parametrize("done", range(REPLACED + 1))
def test_a_death_between_any_two_writes_of_a_taking_over_loses_nothing(place: Path, done: int) -> None:
    in_clear(place)
    process = multiprocessing.get_context("fork").Process(target=die, args=(place, done))
    process.start()
    process.join(30)
    assert process.exitcode == (9 if done < REPLACED else 0)
    for name, content in CLEAR.items():
        assert opened(place).read(place / name) == content
    opened(place).take_over()
    assert len(keys(place)) == 1
    kept = contents(place)
    for name, content in CLEAR.items():
        assert opened(place).read(place / name) == content
        assert content not in b"".join(kept.values())


def die(place: Path, done: int) -> None:
    """Take over, and die when `done` files have been replaced and the next one lies beside its place."""
    left = done

    def hook(event: str, _arguments: object) -> None:
        nonlocal left
        if event == "os.rename":
            if left == 0:
                os._exit(9)
            left -= 1

    sys.addaudithook(hook)
    opened(place).take_over()


def test_many_processes_at_once_make_one_key_and_one_secret(place: Path) -> None:
    context = multiprocessing.get_context("fork")
    ends = [context.Pipe(duplex=False) for _ in range(8)]
    processes = [context.Process(target=make, args=(place, write)) for _, write in ends]
    for process in processes:
        process.start()
    made = {read.recv() for read, _ in ends if read.poll(30)}
    for process in processes:
        process.join(30)
    assert [process.exitcode for process in processes] == [0] * 8
    assert len(made) == 1
    assert len(keys(place)) == 1
    assert opened(place).read(place / "ca.key") in made


def make(place: Path, answer: Connection) -> None:
    seal = opened(place)
    with seal.turn():
        if not (place / "ca.key").exists():
            seal.write(place / "ca.key", os.urandom(8))
        answer.send(seal.read(place / "ca.key"))


def test_the_key_goes_with_the_site(place: Path) -> None:
    opened(place).write(place / "ca.key", SECRET)
    opened(place).forget()
    assert keys(place) == []
    opened(place).forget()


def test_a_copy_of_the_folder_does_not_take_the_key_with_it(place: Path, tmp_path: Path) -> None:
    opened(place).write(place / "ca.key", SECRET)
    shutil.copytree(place.parent, tmp_path / "copy")
    copy = tmp_path / "copy/.outlast"
    environment = {"XDG_CONFIG_HOME": str(tmp_path / "one")}
    assert Seal(copy, "shop", environment).read(copy / "ca.key") == SECRET
    Seal(copy, "shop", environment).forget()
    assert opened(place).read(place / "ca.key") == SECRET
    shutil.rmtree(place.parent)
    Seal(copy, "shop", environment).forget()
    assert keys(place) == []

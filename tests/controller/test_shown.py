"""A difference tells what was changed, and never a secret."""

from __future__ import annotations

from dataclasses import replace

from outlast.apply.facts import FileFound, Standing
from outlast.contract.bundle import File
from outlast.contract.secret import password
from outlast.controller.shown import HIDDEN, difference

PLAIN = File("/etc/plain", "one\ntwo\nthree\n")
SECRET = File("/etc/secret", f"HOST=here\nWORD={password('web')}\n{password('alone')}\nPORT=1\n")
FILLED = "HOST=here\nWORD=s3cret\nlonely\nPORT=1\n"


def found(content: str, **rights: object) -> FileFound:
    told: dict[str, object] = {"mode": 0o644, "owner": "root", "group": "root"}
    return FileFound.model_validate({"was": Standing.EDITED, "content": content, **told, **rights})


def test_what_was_changed_by_hand_is_shown_against_what_was_told() -> None:
    lines = difference(PLAIN, PLAIN.content, found("one\n2\nthree\n"))
    assert lines[1:] == (" one", "-two", "+2", " three")


def test_rights_are_shown_beside_the_text() -> None:
    assert difference(PLAIN, PLAIN.content, found(PLAIN.content, mode=0o600, owner="nobody")) == (
        "root:root 0644 was told, nobody:root 0600 is there",
    )


def test_secrets_old_and_new_are_hidden_and_keys_are_not() -> None:
    text = FILLED.replace("s3cret", "mine").replace("lonely", "other").replace("PORT=1", "PORT=2")
    lines = difference(SECRET, FILLED, found(text))
    assert lines[1:] == (
        " HOST=here",
        f"-WORD={HIDDEN}",
        f"-{HIDDEN}",
        "-PORT=1",
        f"+WORD={HIDDEN}",
        f"+{HIDDEN}",
        f"+PORT={HIDDEN}",
    )


def test_a_line_of_a_secret_that_looks_like_a_key_is_hidden() -> None:
    filled = FILLED.replace("s3cret", "-----BEGIN-----\nuser: s3cret\nbGFzdA=")
    lines = difference(SECRET, filled, found("HOST=here\nWORD=\nhost: other\n"))
    assert not [line for line in lines if "s3cret" in line or "user" in line or "bGFzdA" in line or "host" in line]


def test_a_file_that_only_some_may_read_shows_nothing_new() -> None:
    private = replace(PLAIN, mode=0o640)
    lines = difference(private, private.content, found("one\ntwo\nthree\nmine\n", mode=0o640))
    assert lines[-1] == f"+{HIDDEN}"


def test_nothing_is_told_of_what_was_not_read() -> None:
    assert difference(PLAIN, PLAIN.content, FileFound(was=Standing.EDITED)) == ()

"""Releases come and go under the eyes of a customer, who notices nothing; what does not do well is taken back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.asking import Answers, asking
from tests.lab.site import ROOT, LabSite, copy_of, kill_after, traces, until

pytestmark = pytest.mark.lab
SITE = "outlast-test-deploy"
SOURCE = (ROOT / "examples/tiny/app/hello.py").read_text()
PAGE = 'if path == "/":'
# One page in five.
FALSE = SOURCE.replace(
    PAGE,
    f"""if path == "/" and os.urandom(1)[0] < 51:
                self._answer(HTTPStatus.INTERNAL_SERVER_ERROR, "text/plain", "no")
            el{PAGE}""",
)
# Each page takes some memory for ever.
LEAKING = SOURCE.replace(
    PAGE,
    f"""if path == "/" and HELD.append(b"x" * 20_000_000):
                pass
            el{PAGE}""",
).replace("INSTANCE =", "HELD = []\nINSTANCE =")


@pytest.fixture(scope="module")
def tiny() -> Iterator[LabSite]:
    site = copy_of("tiny", SITE)
    site.run("up", "--yes")
    yield site
    site.run("down", "--yes")
    assert traces(SITE) == []


@pytest.fixture
def customer(tiny: LabSite) -> Iterator[Answers]:
    with asking(tiny) as answers:
        yield answers
    assert answers.count > 20
    assert answers.wrong == answers.again == []


def write(site: LabSite, source: str) -> None:
    (site.home / "app/hello.py").write_text(source)


def greet(site: LabSite, word: str) -> None:
    """Change the source, so that the app greets with this word."""
    write(site, SOURCE.replace("Hello.", word))


def greeting(site: LabSite) -> set[str]:
    """The words that all instances greet with now."""
    words: set[str] = set()
    with site.client(site.status()["urls"][0]) as client:
        for _ in range(8):
            found = re.search(r"<h1>(\w+)", client.get("/").text)
            words.add(found[1] if found else "")
    return words


def shipments(site: LabSite) -> list[dict[str, Any]]:
    return json.loads(site.run("releases", "--json").stdout)["shipments"]


@pytest.mark.usefixtures("customer")
def test_a_release_takes_over_and_the_one_before_comes_back(tiny: LabSite) -> None:
    greet(tiny, "Welcome")
    told = json.loads(tiny.run("deploy", "hello", "--dry-run", "--json").stdout)
    assert (told["built"], [change["machine"] for change in told["changes"]]) == (False, ["east-app-1", "east-app-2"])
    assert greeting(tiny) == {"Hello"}
    tiny.run("deploy", "hello")
    assert greeting(tiny) == {"Welcome"}
    tiny.run("rollback")
    assert greeting(tiny) == {"Hello"}
    # The source still says otherwise, and `up` knows why that is not what is wanted.
    assert "hello stays as it is" in tiny.run("up", "--yes").stdout
    assert greeting(tiny) == {"Hello"}
    assert [each["fate"] for each in shipments(tiny)] == ["in place", "in place", "in place", "left"]
    tiny.run("deploy")
    assert greeting(tiny) == {"Welcome"}
    tiny.run("plan", "--detailed-exitcode", expect=0)


@pytest.mark.usefixtures("customer")
def test_a_release_that_never_answers_is_taken_back(tiny: LabSite) -> None:
    before = greeting(tiny)
    write(tiny, "print('the oven is cold', flush=True)\nraise SystemExit(3)\n")
    failed = tiny.run("deploy", "hello", expect=1)
    assert "the oven is cold" in failed.stderr
    assert "it was taken back" in failed.stderr
    assert greeting(tiny) == before
    assert tiny.status()["healthy"]
    assert shipments(tiny)[-1]["fate"] == "withdrawn"
    assert "hello stays as it is" in tiny.run("up", "--yes").stdout
    tiny.run("plan", "--detailed-exitcode", expect=0)


def test_a_release_that_errs_now_and_then_is_taken_back_after_a_few_errors(tiny: LabSite) -> None:
    before = greeting(tiny)
    write(tiny, FALSE)
    with asking(tiny) as answers:
        failed = tiny.run("deploy", "hello", "--watch", "20s", "--canary", "20%", "--json", expect=1)
    assert "of its answers were errors" in json.loads(failed.stdout)["findings"][0]["why"]
    assert greeting(tiny) == before
    assert len(answers.wrong) <= 10
    assert answers.count > 20


@pytest.mark.usefixtures("customer")
def test_a_release_that_leaks_is_taken_back_before_anybody_notices(tiny: LabSite) -> None:
    before = greeting(tiny)
    write(tiny, LEAKING)
    failed = tiny.run("deploy", "hello", "--watch", "20s", "--canary", "20%", "--json", expect=1)
    assert "MiB of memory" in json.loads(failed.stdout)["findings"][0]["why"]
    assert greeting(tiny) == before


@pytest.mark.usefixtures("customer")
def test_a_setting_takes_over_as_a_release_does(tiny: LabSite) -> None:
    greet(tiny, "Welcome")
    tiny.edit("    health: /healthz ", "    env: { COLOUR: red }\n    health: /healthz ")
    planned = tiny.run("plan")
    assert "take over outlast-app-hello-" in planned.stdout
    refused = tiny.run("deploy", "hello", "--dry-run")
    assert "serves release" in refused.stdout
    tiny.run("up", "--yes")
    shown = tiny.run("exec", "east-app-1", "--", "sh", "-c", "cat /etc/outlast/apps/hello-*.env").stdout
    assert shown.count('COLOUR="red"') == 1
    assert shown.count("PORT=") == 1


@pytest.mark.parametrize("seconds", [1.5, 3.0, 4.5, 6.0])
@pytest.mark.usefixtures("customer")
def test_killed_at_any_moment_the_same_command_finishes(tiny: LabSite, seconds: float) -> None:
    word = f"Moment{seconds:g}".replace(".", "")
    greet(tiny, word)
    victim = tiny.start("deploy", "hello")
    kill_after(victim, seconds)
    tiny.run("deploy", "hello")
    assert greeting(tiny) == {word}
    running = tiny.run("exec", "east-app-2", "--", "systemctl", "list-units", "--plain", "outlast-app-hello-*").stdout
    assert running.count("running") == 1
    tiny.run("plan", "--detailed-exitcode", expect=0)


@pytest.mark.usefixtures("customer")
def test_two_deploys_at_once_take_turns(tiny: LabSite) -> None:
    greet(tiny, "First")
    first = tiny.start("deploy", "hello")
    until("the first one holds the site", lambda: (tiny.home / ".outlast/lock").read_text(), 10)
    tiny.run("deploy", "hello")
    assert first.wait(60) == 0
    first.communicate()
    assert greeting(tiny) == {"First"}


def test_what_is_not_there_cannot_be_shipped_nor_come_back(tiny: LabSite) -> None:
    assert "its apps: hello" in tiny.run("deploy", "helo", expect=2).stderr
    assert "there is no release to go back to" in tiny.run("rollback", "hello", "ffffff", expect=2).stderr
    assert "is not a share" in tiny.run("deploy", "--canary", "some", expect=2).stderr

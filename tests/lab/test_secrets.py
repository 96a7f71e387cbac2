"""The owner's secrets in a real site under its controllers: where they are, and nowhere else; and their change."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from outlast.apply.vault import Vault, now
from outlast.contract.controller import STATE
from outlast.contract.secret import password
from tests.lab.searching import agreed, places
from tests.lab.site import LabSite, copy_of, traces, until
from tests.lab.steady import Steady

pytestmark = pytest.mark.lab
SITE = "outlast-test-secret"
VARIABLE, ENV = "OUTLAST_TEST_STRIPE", "/etc/outlast/apps/web-a.env"
# With all that an environment file could take for its own.
STRIPE = 'sk_test_Xq7 "quoted" $HOME `id` \\n end\'s'
MAIL = "mail-Zr4-marker"
MAP = "-----BEGIN MAP-----\nfirst-Lw9=\n\tsecond: line\n-----END MAP-----"
OWN = {"stripe": STRIPE, "mail": MAIL, "map": "first-Lw9="}
ACCOUNTS = "/etc/outlast/galera/accounts.json"
APP = "outlast-app-web-a.service"


@pytest.fixture(scope="module")
def shop() -> Iterator[LabSite]:
    with pytest.MonkeyPatch.context() as operator:
        operator.setenv(VARIABLE, STRIPE)
        site = copy_of("shop", SITE, governed=True)
        site.edit("\ndatacenters:", "\nfootprint: compact\ndatacenters:")
        (site.home / "mail.secret").write_text(f"{MAIL}\n")
        # What prints it holds it in another form: the text of the command is no secret.
        shown = base64.b64encode(MAP.encode()).decode()
        named = f"secrets:\n  stripe: {{ env: {VARIABLE} }}\n  mail: {{ file: mail.secret }}\n"
        named += f"  map: {{ command: 'echo {shown} | base64 -d' }}\n  nobody: {{ file: mail.secret }}\n"
        site.edit("\ndatacenters:", f"\n{named}\ndatacenters:")
        site.edit("    routes: [/] ", "    secrets: { STRIPE_KEY: stripe, MAIL: mail, MAP_KEY: map }\n    routes: [/] ")
        site.run("up", "--yes", "-v", limit=600)
        until("the site is healthy", lambda: site.status()["healthy"], 90)
        yield site
        site.run("down", "--yes")
    assert traces(SITE) == []


def database_password(site: LabSite) -> str:
    return Vault(site.home / ".outlast", SITE, now()).fill(password("database/web"))


def started(site: LabSite) -> dict[str, str]:
    """When each service of Outlast was last started, by machine and service."""
    show = ["systemctl", "show", "outlast-*", "--property", "Id,ExecMainStartTimestampMonotonic"]
    found: dict[str, str] = {}
    for machine, said in site.everywhere(*show).items():
        for block in said.strip().split("\n\n"):
            told = dict(line.split("=", 1) for line in block.splitlines())
            found[f"{machine} {told['Id']}"] = told["ExecMainStartTimestampMonotonic"]
    return found


def read_by_app(site: LabSite, machine: str) -> dict[str, str]:
    """The environment of the running app."""
    script = f"cat /proc/$(systemctl show {APP} -p MainPID --value)/environ"
    text = site.shell(machine, "sh", "-c", script)
    return dict(entry.split("=", 1) for entry in text.split("\0") if "=" in entry)


def apps(site: LabSite) -> list[str]:
    return sorted(member["machine"] for member in site.status()["members"] if member["component"] == "app")


def test_an_app_reads_every_secret_as_it_is(shop: LabSite) -> None:
    for machine in apps(shop):
        environment = read_by_app(shop, machine)
        assert environment["STRIPE_KEY"] == STRIPE
        assert environment["MAIL"] == MAIL
        assert environment["MAP_KEY"] == MAP


def test_a_secret_is_where_it_is_read_and_nowhere_else(shop: LabSite) -> None:
    texts = {**OWN, "stripe": "sk_test_Xq7", "password": database_password(shop)}
    allowed = {name: {ENV, f"environ of {APP}"} for name in texts}
    allowed["password"] |= {ACCOUNTS}
    homes = set(apps(shop))
    for name, by_machine in places(shop, texts).items():
        for machine, found in by_machine.items():
            assert found <= allowed[name], (name, machine)
            assert (f"environ of {APP}" in found) == (machine in homes), (name, machine)
    said = {verb: shop.run(*verb, expect=None) for verb in VERBS}
    held = {f"{' '.join(verb)}": f"{done.stdout}{done.stderr}".encode() for verb, done in said.items()}
    machine = shop.status()["machines"][0]
    held["etcd"] = agreed(shop, machine["name"], machine["address"])
    assert b"/intent" in held["etcd"] or b"intent" in held["etcd"]
    state = shop.home / ".outlast"
    held |= {str(path): opened(path) for path in state.rglob("*") if path.is_file()}
    held |= {f"arguments of {path.parent.name}": opened(path) for path in Path("/proc").glob("[0-9]*/cmdline")}
    for name, text in texts.items():
        for form in (text.encode(), base64.b64encode(text.encode())):
            assert [place for place, content in held.items() if form in content] == [], name


VERBS = (
    ("plan", "--json"),
    ("plan", "-v"),
    ("up", "--yes", "-v"),
    ("up", "--yes", "--json"),
    ("status", "--json"),
    ("check", "--json"),
    ("doctor", "--json"),
    ("events", "--json", "--last", "500"),
    ("rotate", "--list", "--json"),
    ("logs", "web", "-n", "500", "--json"),
    ("docs", "secrets"),
)


def opened(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError:
        return b""
    return gzip.decompress(content) if path.name.endswith(".tar.gz") else content


def test_a_changed_secret_is_planned_by_its_name_and_reaches_those_who_read_it(
    shop: LabSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "sk_test_Another8")
    plan = shop.run("plan", "--json", "--detailed-exitcode", expect=2).stdout
    assert json.loads(plan)["secrets"] == [{"secret": "stripe", "what": "its value changed", "services": ["web"]}]
    assert "Another8" not in plan
    before = started(shop)
    shop.run("up", "--yes")
    after = started(shop)
    assert {name for name in before if before[name] != after[name]} == {f"{home} {APP}" for home in apps(shop)}
    assert {read_by_app(shop, home)["STRIPE_KEY"] for home in apps(shop)} == {"sk_test_Another8"}
    shop.run("plan", "--detailed-exitcode", expect=0)
    monkeypatch.setenv(VARIABLE, "")
    refused = shop.run("up", "--yes", expect=2).stderr
    assert "secret stripe: its value is empty" in refused
    assert "site.yaml:" in refused


def test_a_controller_fills_a_secret_in_without_the_operator(shop: LabSite) -> None:
    machine = apps(shop)[-1]
    asyncio.run(shop.provider().destroy(machine))
    until("it is seen as gone", lambda: not shop.status()["healthy"], 120)
    until("all is there again", lambda: shop.status()["healthy"], 240)
    assert read_by_app(shop, machine)["MAP_KEY"] == MAP


def test_the_password_of_the_database_is_changed_under_load_and_nobody_notices(shop: LabSite) -> None:
    old, before = database_password(shop), started(shop)
    with Steady(shop, shop.status()["urls"]) as load:
        until("customers are served", lambda: load.answered > 40, 30)
        killed(shop, "rotate", "database", after="everybody uses the new passwords")
        shop.run("rotate", "database")
        seen = load.answered
        until("they go on", lambda: load.answered > seen + 40, 30)
    assert load.failed == []
    new, after = database_password(shop), started(shop)
    assert new != old
    assert {name for name in before if before[name] != after[name]} == {f"{home} {APP}" for home in apps(shop)}
    assert all(found == set() for found in places(shop, {"old": old})["old"].values())
    with shop.client(shop.status()["urls"][0]) as client:
        assert [t for t in load.orders if client.get(f"/api/orders/{t}").status_code != 200] == []


def killed(site: LabSite, *arguments: str, after: str) -> None:
    """Run `outlast` until it has said this, and kill it."""
    process = site.start(*arguments)
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if after in line:
            break
    process.kill()
    process.communicate(timeout=10)
    assert after in said, said


def test_certificates_are_changed_under_load_without_a_restart(shop: LabSite) -> None:
    before, held = started(shop), certificates(shop)
    with Steady(shop, shop.status()["urls"]) as load:
        until("customers are served", lambda: load.answered > 40, 30)
        shop.run("rotate", "certificates")
        seen = load.answered
        until("they go on", lambda: load.answered > seen + 40, 30)
    assert load.failed == []
    after = started(shop)
    restarted = {name.partition(" ")[2] for name in before if before[name] != after[name]}
    assert restarted <= {"outlast-controller.service"}
    changed = certificates(shop)
    assert set(changed) == set(held)
    assert not {name for name in held if held[name] == changed[name]}


def test_certificates_that_are_due_are_changed_by_the_leader_under_load(shop: LabSite) -> None:
    before, held = started(shop), certificates(shop)
    # As if they ended soon, in what each controller was handed over: nobody knows which one leads when it looks.
    due = f"cd {STATE}/kit/.outlast/certificates; find . -name '*.pem' | sed 's/pem$/renew/' | xargs touch"
    with Steady(shop, shop.status()["urls"]) as load:
        until("customers are served", lambda: load.answered > 40, 30)
        shop.everywhere("sh", "-e", "-c", due)
        until("all are new", lambda: not held.items() & certificates(shop).items(), 240)
        seen = load.answered
        until("they go on", lambda: load.answered > seen + 40, 30)
    assert load.failed == []
    after = started(shop)
    restarted = {name.partition(" ")[2] for name in before if before[name] != after[name]}
    assert restarted == {"outlast-controller.service"}
    until("nothing is left to be done", lambda: "is in place" in shop.run("events", "--last", "20").stdout, 120)
    left = shop.everywhere("find", f"{STATE}/kit/.outlast/certificates/", "-name", "*.renew").values()
    assert "".join(left).strip() == ""


def certificates(site: LabSite) -> dict[str, str]:
    """The serial number of what each engine shows to whoever connects to it now, by machine and port."""
    script = 'openssl s_client -connect "$1:$2" $3 </dev/null 2>/dev/null | openssl x509 -noout -serial'
    found: dict[str, str] = {}
    for machine in site.status()["machines"]:
        # The database speaks its own words first.
        for port, words in (("443", ""), ("2379", ""), ("4567", ""), ("3306", "-starttls mysql")):
            argv = ["sh", "-c", script, "show", machine["address"], port, words]
            found[f"{machine['name']} {port}"] = site.shell(machine["name"], *argv)
    assert all(serial.startswith("serial=") for serial in found.values())
    return found


def test_the_authority_is_changed_under_load(shop: LabSite) -> None:
    old = (shop.home / ".outlast/ca.pem").read_text()
    held = certificates(shop)
    with Steady(shop, shop.status()["urls"]) as load:
        shop.run("rotate", "authority")
        until("they go on", lambda: load.answered > 40, 30)
    assert load.failed == []
    assert old in (shop.home / ".outlast/ca.pem").read_text()
    with Steady(shop, shop.status()["urls"]) as load:
        shop.run("rotate", "authority", "--finish")
        seen = load.answered
        until("they go on", lambda: load.answered > seen + 40, 30)
    assert load.failed == []
    assert old not in (shop.home / ".outlast/ca.pem").read_text()
    changed = certificates(shop)
    assert not {name for name in held if held[name] == changed[name]}
    until("the site is healthy", lambda: shop.status()["healthy"], 60)

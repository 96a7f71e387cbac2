"""What the site's engines say to whoever speaks in clear, or shows no certificate of the site's own authority."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.lab.site import LabSite, copy_of, until

pytestmark = [pytest.mark.lab, pytest.mark.beside]
SITE = "outlast-test-tls"
# Runs on a machine that may reach the port: what comes back in clear, over TLS without a certificate, with one that
# nobody signed, and with the member's own.
PROGRAM = """
import json, socket, ssl, subprocess, sys
host, port, chain, key = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout /run/f.key -out /run/f.pem"
subprocess.run([*make.split(), "-subj", "/CN=foreign"], check=True, capture_output=True)

def attempt(tls):
    try:
        with socket.create_connection((host, port), timeout=3) as plain:
            if tls is None:
                plain.sendall(b"GET /version HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
                return plain.recv(60).decode("latin-1")
            with tls.wrap_socket(plain, server_hostname=host) as secure:
                secure.sendall(b"GET /version HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
                secure.settimeout(1.5)
                try:
                    return "accepted: " + secure.recv(60).decode("latin-1")
                except TimeoutError:
                    return "accepted: it waits"
    except OSError as error:
        return f"refused: {error}"

def context(*pair):
    made = ssl.create_default_context(cafile="/etc/outlast/authority.pem")
    if pair:
        made.load_cert_chain(*pair)
    return made

print(json.dumps({
    "clear": attempt(None), "nobody": attempt(context()),
    "foreign": attempt(context("/run/f.pem", "/run/f.key")), "member": attempt(context(chain, key)),
}))
"""
# An app's own driver with the app's own password, with and without TLS.
CLIENT = """
set -a; . /etc/outlast/apps/web-a.env; exec "$VIRTUAL_ENV/bin/python" -c '
import os, ssl, pymysql
from urllib.parse import urlsplit
url = urlsplit(os.environ["DATABASE_URL"])
own = {"user": url.username, "password": url.password}
for tls in {"ssl_disabled": True}, {"ssl": ssl.create_default_context(cafile="/etc/outlast/authority.pem")}:
    try:
        with pymysql.connect(host=url.hostname, port=url.port, **own, **tls) as made:
            cursor = made.cursor()
            cursor.execute("SHOW STATUS LIKE \\"Ssl_version\\"")
            print("in as", cursor.fetchone())
    except pymysql.MySQLError as error:
        print("refused", error)
'
"""


@pytest.fixture(scope="module")
def shop() -> Iterator[LabSite]:
    site = copy_of("shop", SITE)
    site.run("up", "--yes", "--json", limit=600)
    until("the site is healthy", lambda: site.status()["healthy"], 60)
    yield site
    site.run("down", "--yes")


def attempts(site: LabSite, source: str, target: str, port: int, identity: str) -> dict[str, str]:
    """What `source` hears on a port of `target`, for each way to speak to it."""
    address = next(m["address"] for m in site.status()["machines"] if m["name"] == target)
    argv = ["python3", "-c", PROGRAM, address, str(port), identity, f"{identity}.key"]
    return json.loads(site.shell(source, *argv))


@pytest.mark.parametrize(
    ("name", "port", "source", "target", "identity"),
    [
        ("etcd's clients", 2379, "east-data-2", "east-data-1", "/etc/outlast/etcd/east-etcd-2.pem"),
        ("etcd's members", 2380, "east-data-2", "east-data-1", "/etc/outlast/etcd/east-etcd-2.pem"),
        ("Galera's group", 4567, "east-data-2", "east-data-1", "/etc/outlast/galera/east-galera-2.pem"),
        ("the proxies' table", 10306, "east-app-2", "east-app-1", "/etc/outlast/dbproxy/east-dbproxy-2.pem"),
    ],
)
def test_only_a_member_is_heard(shop: LabSite, name: str, port: int, source: str, target: str, identity: str) -> None:
    heard = attempts(shop, source, target, port, identity)
    assert heard["member"].startswith("accepted"), (name, heard)
    for stranger in ("nobody", "foreign"):
        assert heard[stranger].startswith("refused") or heard[stranger] == "accepted: ", (name, heard)
    # Nothing of the protocol in clear: silence, the end of the connection, a TLS alert, or a plain "speak TLS".
    assert "etcdserver" not in heard["clear"], (name, heard)
    assert heard["clear"].startswith(("refused", "HTTP/1.0 400", "\x15\x03")) or not heard["clear"], (name, heard)


def test_a_database_client_in_clear_is_refused(shop: LabSite) -> None:
    clear, secure = shop.shell("east-app-1", "bash", "-c", CLIENT).splitlines()
    assert clear.startswith("refused")
    assert "3159" in clear
    assert "TLSv1.3" in secure

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from outlast.contract.listener import Listener, arguments
from outlast.contract.unit import Unit

# A service that says where it listens, and closes.
SERVICE = "import os, socket; print(socket.socket(fileno=int(os.environ['DOOR'].removeprefix('fd@'))).getsockname()[1])"


@pytest.fixture
def systemd(tmp_path: Path) -> Generator[socket.socket]:
    """The socket on which it hears what services have to say."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as hears:
        hears.bind(str(tmp_path / "notify"))
        hears.setblocking(False)
        yield hears


def start(systemd: socket.socket, port: int, kept: dict[str, int] | None = None) -> int:
    """Start the service with what was kept; the port on which it listens."""
    kept = kept or {}
    options = arguments([Listener("DOOR", "127.0.0.1", port)])
    # What systemd kept begins at 3, whatever this process has there.
    places = "".join(f"os.dup2({fd}, {3 + number}); " for number, fd in enumerate(kept.values()))
    begin = f"import os, sys; {places}os.execv(sys.argv[1], sys.argv[1:])"
    argv = [sys.executable, "-c", begin, sys.executable, *options, sys.executable, "-c", SERVICE]
    environment = {**os.environ, "NOTIFY_SOCKET": systemd.getsockname(), "LISTEN_FDNAMES": ":".join(kept)}
    ran = subprocess.run(
        argv, env=environment, pass_fds=tuple(kept.values()), capture_output=True, text=True, timeout=20
    )
    assert ran.returncode == 0, ran.stderr
    return int(ran.stdout)


def test_a_listener_is_bound_once_and_stays_while_the_service_is_away(systemd: socket.socket) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert start(systemd, port) == port
    said, (kept,), *_ = socket.recv_fds(systemd, 100, 1)
    assert said == f"FDSTORE=1\nFDNAME=127.0.0.1_{port}".encode()
    # The service has ended: whoever comes now waits until it is there again.
    with socket.create_connection(("127.0.0.1", port), timeout=5):
        assert start(systemd, port, {f"127.0.0.1_{port}": kept}) == port
    with pytest.raises(BlockingIOError):
        systemd.recv(100)
    os.close(kept)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_one_that_is_not_wanted_any_more_goes(systemd: socket.socket) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
        free.close()
        assert start(systemd, port, {"127.0.0.1_80": other.fileno()}) == port
    assert systemd.recv(100) == b"FDSTOREREMOVE=1\nFDNAME=127.0.0.1_80"
    assert systemd.recv(100) == f"FDSTORE=1\nFDNAME=127.0.0.1_{port}".encode()


def test_a_unit_says_how_many_are_kept() -> None:
    listeners = (Listener("ONE", "0.0.0.0", 80), Listener("TWO", "0.0.0.0", 443))
    lines = Unit(description="a door", start="/usr/sbin/door -f", listeners=listeners).text().splitlines()
    assert {"FileDescriptorStoreMax=2", "SyslogIdentifier=door"} <= set(lines)
    (begins,) = (line for line in lines if line.startswith("ExecStart="))
    assert begins.endswith('"ONE=0.0.0.0:80" "TWO=0.0.0.0:443" "--" /usr/sbin/door -f')
    assert "FileDescriptorStoreMax" not in Unit(description="no door", start="/bin/true").text()

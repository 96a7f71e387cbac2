"""A real MariaDB and a real shop on loopback, for the tests of the example. Both end by their own pid."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

APP = Path(__file__).parents[2] / "examples" / "shop" / "app"
_CACHE = Path("/var/tmp/outlast-tests/shop-venv")
_SEARCH_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
_INIT = """\
CREATE DATABASE IF NOT EXISTS shop;
CREATE USER IF NOT EXISTS 'shop'@'127.0.0.1' IDENTIFIED BY 'p@ss/word';
GRANT ALL ON shop.* TO 'shop'@'127.0.0.1';
"""  # one statement in each line: the server reads it so


def until(what: str, within: float, holds: Callable[[], bool]) -> None:
    """Return as soon as `holds()`; fail after `within` seconds."""
    deadline = time.monotonic() + within
    pause = threading.Event()
    while not holds():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {within:.0f} s: {what}")
        pause.wait(0.02)


def free_port() -> int:
    """A port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def shop_python() -> Path:
    """Python with exactly the shop's requirements, made once for each version of them."""
    requirements = APP / "requirements.txt"
    digest = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:12]
    home = _CACHE / digest
    if not (home / "complete").exists():
        shutil.rmtree(home, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        pip = [home / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements]
        subprocess.run(pip, check=True)
        (home / "complete").touch()
    return home / "bin" / "python"


class Mariadb:
    """One private server with its own data directory, which may be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "init.sql").write_text(_INIT)
        self._run("mariadb-install-db", "--auth-root-authentication-method=normal", "--skip-test-db")

    @property
    def url(self) -> str:
        """As DATABASE_URL wants it."""
        return f"mysql://shop:p%40ss%2Fword@127.0.0.1:{self.port}/shop"

    def start(self) -> None:
        """Start it and wait until it listens, which it does after recovery."""
        server = _program("mariadbd")
        arguments = [
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            f"--socket={self._folder}/socket",
            f"--init-file={self._folder}/init.sql",
            "--skip-name-resolve",
            "--innodb-snapshot-isolation=ON",  # the default of the version that sites run
            "--innodb-buffer-pool-size=64M",
        ]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [server, *self._common(), *arguments], stdout=log, stderr=log, start_new_session=True
            )
        until(f"MariaDB listens; its log: {self._folder}/log", 30, self._listens)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; after SIGKILL and SIGTERM wait for the end."""
        assert self._process is not None
        self._process.send_signal(number)
        if number in (signal.SIGKILL, signal.SIGTERM):
            self._process.wait(20)
            self._process = None

    def stop(self) -> None:
        """Whatever state it is in."""
        if self._process is not None:
            self.signal(signal.SIGKILL)

    def _listens(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            pytest.fail("MariaDB ended:\n" + (self._folder / "log").read_text()[-3000:])
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _common(self) -> list[str]:
        owner = ["--user=root"] if os.geteuid() == 0 else []
        return ["--no-defaults", *owner, f"--datadir={self._folder}/data"]

    def _run(self, program: str, *arguments: str) -> None:
        command = [_program(program), *self._common(), *arguments]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            pytest.fail(f"{program}: {done.stdout[-1500:]}{done.stderr[-1500:]}")


@contextmanager
def mariadb() -> Generator[Mariadb]:
    """A server, started."""
    with tempfile.TemporaryDirectory(prefix="outlast-shop-") as folder:
        server = Mariadb(Path(folder))
        try:
            server.start()
            yield server
        finally:
            server.stop()


def migrate(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the shop's migration to its end."""
    return subprocess.run(
        [shop_python(), "-m", "shop.migrate"], cwd=APP, env=environment, capture_output=True, text=True, timeout=90
    )


def environment(**variables: str) -> dict[str, str]:
    """What the shop is started with: PATH, and these; no compiled files in the source folder."""
    return {"PATH": os.environ.get("PATH", ""), "PYTHONDONTWRITEBYTECODE": "1", **variables}


@contextmanager
def shop(variables: dict[str, str]) -> Generator[httpx.Client]:
    """The shop under gunicorn, and a client to talk to it. It must end gracefully when it is asked to."""
    base = f"http://127.0.0.1:{(port := free_port())}"
    gunicorn = "-m gunicorn --workers 2 --threads 32 --no-control-socket --log-level warning --bind"
    process = subprocess.Popen(
        [shop_python(), *gunicorn.split(), f"127.0.0.1:{port}", "shop:app"],
        cwd=APP,
        env=variables,
        start_new_session=True,
    )

    def answers() -> bool:
        if process.poll() is not None:
            pytest.fail(f"gunicorn ended with {process.returncode}")
        try:
            return httpx.get(f"{base}/healthz").status_code == 200
        except httpx.TransportError:
            return False

    try:
        until("the shop answers", 20, answers)
        limits = httpx.Limits(max_connections=100, keepalive_expiry=1)
        with httpx.Client(base_url=base, timeout=20, limits=limits, follow_redirects=True) as client:
            yield client
        process.terminate()
        assert process.wait(15) == 0, "gunicorn ends by itself after SIGTERM"
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


def _program(name: str) -> str:
    found = shutil.which(name, path=_SEARCH_PATH)
    if found is None:
        pytest.fail(
            f"{name} is missing: these tests run against a real MariaDB."
            " Install it: apt-get install --no-install-recommends mariadb-server"
        )
    return found

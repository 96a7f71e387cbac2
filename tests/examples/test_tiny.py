"""The tiny example: it answers, and it ends politely."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import httpx
import pytest
import shop_lab

APP = Path(__file__).parents[2] / "examples" / "tiny" / "app"


@pytest.fixture
def hello() -> Generator[tuple[subprocess.Popen[bytes], str]]:
    base = f"http://127.0.0.1:{(port := shop_lab.free_port())}"
    variables = {"PATH": os.environ.get("PATH", ""), "HOST": "127.0.0.1", "PORT": str(port)}
    process = subprocess.Popen([sys.executable, "hello.py"], cwd=APP, env=variables)

    def answers() -> bool:
        assert process.poll() is None
        try:
            return httpx.get(f"{base}/healthz").status_code == 200
        except httpx.TransportError:
            return False

    try:
        shop_lab.until("it answers", 10, answers)
        yield process, base
    finally:
        process.kill()
        process.wait(5)


def test_it_says_hello_and_who_it_is(hello: tuple[subprocess.Popen[bytes], str]) -> None:
    _, base = hello
    with httpx.Client(base_url=base) as client:
        page = client.get("/?again")
        assert page.status_code == 200
        assert f"<code>{page.headers['X-Served-By']}</code>" in page.text
        assert client.get("/healthz").json() == {"status": "ok", "instance": page.headers["X-Served-By"]}
        assert client.head("/").headers["Content-Length"] == str(len(page.content))
        assert client.get("/elsewhere").status_code == 404


def test_it_ends_when_asked_even_with_an_idle_customer(hello: tuple[subprocess.Popen[bytes], str]) -> None:
    process, base = hello
    with httpx.Client(base_url=base) as customer:
        assert customer.get("/").status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0

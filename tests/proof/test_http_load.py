"""Customers of the web, and a server that breaks their connections."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import struct
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TypedDict

import certifi

from outlast.apply.vault import Vault, now
from outlast.contract.secret import Certificate, certificate, key
from outlast.proof.checkers import availability
from outlast.proof.history import Kind, Operation, Outcome, history
from outlast.proof.workloads.http import HttpLoad
from outlast.site.promises import Customers

CUSTOMERS = Customers.model_validate(
    {
        "browse": ["/page"],
        "order": {"path": "/orders", "body": '{"token": "{token}", "product": {number}}', "found": "/orders/{token}"},
        "rate": 50,
        "orders": 50,
    }
)
RESET_WHEN_CLOSED = struct.pack("ii", 1, 0)
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


class Order(TypedDict):
    """One order, as it is sent."""

    token: str
    product: int


def length(head: bytes) -> int:
    """How many bytes follow the head of a request."""
    (said,) = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return int(said.split(b":")[1])


async def come(broken: int, orders: list[Order] | None = None) -> list[Operation]:
    """What customers note while the first `broken` requests of each path end with their connection. Adds to `orders`
    what was ordered."""
    seen: Counter[bytes] = Counter()
    enough = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        path = head.split()[1]
        if orders is not None and head.startswith(b"POST"):
            orders.append(json.loads(await reader.readexactly(length(head))))
        seen[path] += 1
        if seen[path] > broken:
            writer.write(ANSWER)
            await writer.drain()
        writer.close()
        if seen.total() > 2 * broken + 20:
            enough.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        load = HttpLoad((f"http://127.0.0.1:{port}",), Path(certifi.where()), CUSTOMERS)
        async with asyncio.timeout(30), load.working():
            await enough.wait()
    return load.operations


async def come_by_tls(folder: Path, reset: int) -> list[Operation]:
    """What customers note while `reset` connections are made and end before they are secure."""
    vault = Vault(folder / "vault", "shop", now())
    vault.issue(Certificate("edge", ("localhost",), ("127.0.0.1",)))
    (folder / "edge.pem").write_text(vault.fill(certificate("edge")) + vault.fill(key("edge")))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "edge.pem")
    loop = asyncio.get_running_loop()
    enough = asyncio.Event()
    came = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ANSWER)
        await writer.drain()
        writer.close()

    def answering() -> asyncio.StreamReaderProtocol:
        return asyncio.StreamReaderProtocol(asyncio.StreamReader(), serve)

    async def accept(listening: socket.socket) -> None:
        nonlocal came
        async with asyncio.TaskGroup() as connections:
            while True:
                connection, _ = await loop.sock_accept(listening)
                came += 1
                if came > reset:
                    connections.create_task(loop.connect_accepted_socket(answering, connection, ssl=context))
                else:
                    # As who has taken over an address answers for connections that it does not know.
                    await loop.sock_recv(connection, 1)
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_WHEN_CLOSED)
                    connection.close()
                if came > 2 * reset + 20:
                    enough.set()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        accepting = asyncio.create_task(accept(listening))
        load = HttpLoad((f"https://127.0.0.1:{listening.getsockname()[1]}",), vault.authority_path, CUSTOMERS)
        async with asyncio.timeout(30), load.working():
            await enough.wait()
        accepting.cancel()
    return load.operations


def test_what_changes_nothing_is_asked_again_once_when_its_connection_breaks() -> None:
    held = history(asyncio.run(come(broken=1)))
    assert availability.errors(held) == 0
    assert availability.again(held) == 1
    (again,) = [o for o in held.of(Kind.BROWSE) if o.is_repeated]
    assert again.acknowledged
    # An order may have been taken: that is noted as it was, and only its own token is sent again.
    (order,) = [o for o in held.of(Kind.ORDER) if not o.acknowledged]
    assert order.outcome is Outcome.UNKNOWN
    assert [o.acknowledged for o in held.of(Kind.ORDER) if o.key == order.key] == [False, True]


def test_a_connection_that_broke_before_it_was_secure_is_one_that_broke(tmp_path: Path) -> None:
    held = history(asyncio.run(come_by_tls(tmp_path, reset=2)))
    assert availability.errors(held) == 0
    assert availability.again(held) >= 1
    # Nothing was sent, and that is known: such an order was not taken.
    broken = [o for o in held.of(Kind.ORDER) if not o.acknowledged]
    assert all(o.outcome is Outcome.FAILED for o in broken)
    assert len(broken) + availability.again(held) == 2


def test_who_is_refused_is_not_asked_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]

    async def refused() -> list[Operation]:
        visitors = CUSTOMERS.model_copy(update={"order": None})
        load = HttpLoad((f"http://127.0.0.1:{port}",), Path(certifi.where()), visitors)
        with suppress(TimeoutError):
            async with asyncio.timeout(0.3), load.working():
                await asyncio.Event().wait()
        return load.operations

    held = history(asyncio.run(refused()))
    assert availability.errors(held) >= 1
    assert availability.again(held) == 0


def test_who_is_cut_off_twice_was_not_served() -> None:
    held = history(asyncio.run(come(broken=6)))
    assert availability.errors(held) >= 1
    assert all(o.is_repeated for o in held.of(Kind.BROWSE) if not o.acknowledged)


def test_each_order_is_for_the_next_thing_and_asks_for_the_same_when_it_is_sent_again() -> None:
    orders: list[Order] = []
    asyncio.run(come(broken=1, orders=orders))
    products = {order["token"]: order["product"] for order in orders}
    assert len(products) < len(orders), "the broken one came twice"
    assert all(products[order["token"]] == order["product"] for order in orders)
    assert sorted(products.values()) == list(range(1, len(products) + 1))

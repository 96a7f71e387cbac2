"""Asks a member for a figure of its own: one GET on its port, answered in the text format of Prometheus.

Source: "Exposition formats" in Prometheus' documentation, the text format 0.0.4.
"""

import math
import socket
import time

LARGEST = 1 << 20
PIECE = 65536
# Of a reason, in characters: what an app prints is anybody's text, and goes along with every line.
LONGEST = 200


def figure(address: str, port: int, host: str, path: str, name: str, limit: float) -> dict[str, float | str | None]:
    """`value`, or None and `why` it is not known. Within `limit` seconds."""
    try:
        return {"value": total(body(answer(address, port, host, path, limit)), name), "why": ""}
    except (OSError, ValueError) as error:
        return {"value": None, "why": f"{path}: {error}"[:LONGEST]}


def answer(address: str, port: int, host: str, path: str, limit: float) -> bytes:
    """All of what the port answers. HTTP 1.0, so that its end is the end of the connection."""
    deadline = time.monotonic() + limit
    with socket.create_connection((address, port), timeout=limit) as talk:
        talk.sendall(f"GET {path} HTTP/1.0\r\nHost: {host}\r\nAccept: text/plain\r\nConnection: close\r\n\r\n".encode())
        said = b""
        while len(said) <= LARGEST:
            talk.settimeout(max(0.001, deadline - time.monotonic()))
            piece = talk.recv(PIECE)
            if not piece:
                return said
            said += piece
    raise ValueError(f"it answers with more than {LARGEST >> 20} MiB")


def body(said: bytes) -> str:
    """The text of an answer that is one."""
    head, _, rest = said.partition(b"\r\n\r\n")
    status = head.split(b"\r\n", 1)[0].decode(errors="replace").split(" ")
    if not status[0].startswith("HTTP/") or len(status) == 1:
        raise ValueError("it answers no HTTP")
    if not status[1].startswith("2"):
        raise ValueError(f"it answers {status[1]}")
    return rest.decode(errors="replace")


def total(text: str, name: str) -> float:
    """The sum of all that is shown under a name, whatever its labels."""
    begins = tuple(name + character for character in "{ \t")
    values = [value_of(line, name) for line in text.splitlines() if line.startswith(begins)]
    if not values:
        raise ValueError(f"it shows no {name}")
    if not math.isfinite(sum(values)) or min(values) < 0:
        raise ValueError(f"it shows a {name} that is no number from 0 on")
    return sum(values)


def value_of(line: str, name: str) -> float:
    # Values of labels may hold braces and blanks; behind the last brace stand the value and when it was true.
    rest = line.rpartition("}")[2] if line.startswith(f"{name}{{") else line[len(name) :]
    words = rest.split()
    if not words:
        raise ValueError(f"it shows a {name} without a value")
    return float(words[0])

"""Listening sockets that outlive their service: systemd keeps them while it starts the service again.

A connection that comes while nobody is there to take it waits in the kernel and is served a moment later, where it
would be refused otherwise. They go when the service is stopped for good.

Source: FileDescriptorStoreMax= in systemd.service(5), FDSTORE=1 in sd_notify(3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

INTERPRETER = "/usr/bin/python3"
# Takes NAME=ADDRESS:PORT for each, `--`, and the command that it becomes.
PROGRAM = """
import os, socket, sys
mark = sys.argv.index("--")
wanted = [word.partition("=")[::2] for word in sys.argv[1:mark]]
names = [name for name in os.environ.pop("LISTEN_FDNAMES", "").split(":") if name]
kept = {name: socket.socket(fileno=number) for number, name in enumerate(names, 3)}
def say(what, *numbers):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.connect(os.environ["NOTIFY_SOCKET"])
        socket.send_fds(systemd, [what.encode()], numbers)
for name in kept.keys() - {place.replace(":", "_") for _, place in wanted}:
    say(f"FDSTOREREMOVE=1\\nFDNAME={name}")
for variable, place in wanted:
    name, (address, port) = place.replace(":", "_"), place.split(":")
    if name not in kept:
        kept[name] = socket.create_server((address, int(port)), backlog=4096)
        say(f"FDSTORE=1\\nFDNAME={name}", kept[name].fileno())
    kept[name].set_inheritable(True)
    os.environ[variable] = f"fd@{kept[name].fileno()}"
os.execv(sys.argv[mark + 1], sys.argv[mark + 1 :])
""".strip()


@dataclass(frozen=True, slots=True)
class Listener:
    """A TCP socket; the service finds it as `fd@NUMBER` in the variable `name`."""

    name: str
    address: str
    port: int


def arguments(listeners: Sequence[Listener]) -> tuple[str, ...]:
    """What stands between the interpreter and a command that shall have them."""
    return ("-I", "-S", "-c", PROGRAM, *(f"{each.name}={each.address}:{each.port}" for each in listeners), "--")

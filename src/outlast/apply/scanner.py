"""Runs anywhere, also ON a machine: tries TCP ports, says which sockets listen. Standard library only, Python 3.11+.

One JSON document in, one out, as with the lander. It sends nothing over a connection that comes about: it only closes
it. It must never judge: what should be open is known to the sender.
"""

# pyright: basic
# Everything here comes from one JSON document and goes into one: the types stand on the sender's side, in `facts`.

import contextlib
import errno
import itertools
import json
import selectors
import socket
import subprocess
import sys
import time


def main():
    request = json.load(sys.stdin)
    answer = {"open": {address: [] for address in request["addresses"]}, "silent": 0, "tried": 0}
    ports = [port for first, last in request["ports"] for port in range(first, last + 1)]
    for address in request["addresses"]:
        found, silent = knock(address, ports, request["width"], request["patience"])
        answer["open"][address] = sorted(found)
        answer["silent"] += silent
        answer["tried"] += len(ports)
    json.dump({**answer, "listening": listening() if request["listening"] else []}, sys.stdout)


def knock(address, ports, width, patience):
    """The ports on which a connection came about, and how many never answered within `patience` seconds.

    At most `width` are tried at the same time.
    """
    found, silent, waiting = [], 0, {}
    coming = iter(ports)
    port = next(coming, None)
    with selectors.DefaultSelector() as selector:
        while port is not None or waiting:
            while port is not None and len(waiting) < width:
                client = socket.socket()
                client.setblocking(False)
                if client.connect_ex((address, port)) in (0, errno.EINPROGRESS):
                    selector.register(client, selectors.EVENT_WRITE, client)
                    waiting[client] = (port, time.monotonic() + patience)
                else:
                    client.close()
                port = next(coming, None)
            for client in [key.data for key, _ in selector.select(patience)]:
                code = client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                found += [waiting[client][0]] if code == 0 else []
                close(selector, waiting, client)
            # The oldest come first.
            late = itertools.takewhile(lambda entry: entry[1][1] <= time.monotonic(), waiting.items())
            for client, _ in list(late):
                silent += 1
                close(selector, waiting, client)
    return found, silent


def close(selector, waiting, client):
    del waiting[client]
    selector.unregister(client)
    client.close()


def listening():
    """Every listening TCP socket and bound UDP socket, as [transport, address, port, program]."""
    command = ["ss", "--listening", "--tcp", "--udp", "--numeric", "--processes", "--no-header"]
    lines = subprocess.run(command, capture_output=True, text=True, timeout=20).stdout.splitlines()
    found = []
    for words in (line.split() for line in lines):
        address, _, port = words[4].rpartition(":")
        program = words[6].split('"')[1] if len(words) > 6 and '"' in words[6] else ""
        with contextlib.suppress(ValueError):
            found.append([words[0], address.partition("%")[0].strip("[]"), int(port), program])
    return found


if __name__ == "__main__":
    main()

"""Runs ON a machine: does the sshd of another one greet? A port that opens only shows that a kernel lives."""

# pyright: basic

import contextlib
import json
import socket
import sys


def main():
    request = json.load(sys.stdin)
    json.dump(greets(**request), sys.stdout)


def greets(address, port, limit):
    with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=limit) as talk:
        talk.settimeout(limit)
        return talk.recv(4) == b"SSH-"
    return False


if __name__ == "__main__":
    main()

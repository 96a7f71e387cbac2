"""Reads etcd's write-ahead log: whose it is, and up to where its cluster has agreed. It never writes.

etcd's own tools say this of a running member only. Source of the format: etcd 3.5, server/storage/wal (encoder.go,
decoder.go, walpb/record.proto) and raft's raftpb/raft.proto (HardState): frames of eight bytes of length, little endian,
and one record; the lower 56 bits are the record's length, and the lowest three bits of the last byte, when its highest bit
is set, the padding behind it.
"""

import mmap
import struct
from collections import namedtuple

METADATA, STATE = 1, 3
KINDS = range(1, 6)
LENGTH = (1 << 56) - 1

Log = namedtuple("Log", "cluster member committed")


def read(folder):
    """The newest segment names everything: each begins with the metadata and the last state of the one before."""
    newest = max(folder.glob("*.wal"))
    metadata = state = None
    with newest.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        for kind, start, end in _records(text):
            if kind == METADATA:
                metadata = text[start:end]
            elif kind == STATE:
                state = text[start:end]
    if metadata is None:
        raise ValueError(f"{newest.name} names no cluster")
    identity = _fields(_fields(metadata)[3])
    committed = _fields(_fields(state)[3]).get(3, 0) if state else 0
    return Log(f"{identity[2]:x}", f"{identity[1]:x}", committed)


def _records(text):
    """(kind, start, end) of each whole record; what a crash cut off at the end is none."""
    at, size = 0, len(text)
    while at + 8 <= size:
        (frame,) = struct.unpack_from("<Q", text, at)
        start, end = at + 8, at + 8 + (frame & LENGTH)
        # A record begins with its kind: field 1, as a variable-length number.
        if frame == 0 or end > size or end - start < 2 or text[start] != 0x08 or text[start + 1] not in KINDS:
            return
        yield text[start + 1], start, end
        at = end + ((frame >> 56) & 0x7 if frame >> 63 else 0)


def _fields(message):
    """Numbers and byte strings of one protobuf message, by field number."""
    found, at = {}, 0
    while at < len(message):
        key, at = _number(message, at)
        value, at = _number(message, at)
        if key & 7 == 2:
            value, at = message[at:at + value], at + value
        elif key & 7:
            raise ValueError(f"a field of wire type {key & 7} was not expected")
        found[key >> 3] = value
    return found


def _number(message, at):
    value = shift = 0
    while True:
        if at >= len(message):
            raise ValueError("a record ends in the middle of a number")
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at

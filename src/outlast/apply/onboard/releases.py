"""Whether an unpacked release is still as it was unpacked. Only looks at names, sizes, modes and times, never at
contents: a release has thousands of files, and this is asked at every `up`."""

# pyright: basic

import hashlib
import os
import pathlib

# Made beside the sources by whoever runs them as root.
IGNORED = {"__pycache__"}


def release_standing(path):
    """`right`, `missing`, `deleted` or `edited`; a release that is seen for the first time is right."""
    record = pathlib.Path(f"{path}.print")
    if not pathlib.Path(path).is_dir():
        return "deleted" if record.exists() else "missing"
    return "right" if not record.exists() or record.read_text("utf-8") == fingerprint(path) else "edited"


def remember_release(path):
    """Note what a release is like, unless that was noted since it was unpacked."""
    record = pathlib.Path(f"{path}.print")
    if not record.exists():
        temporary = record.with_suffix(".new")
        temporary.write_text(fingerprint(path), "utf-8")
        temporary.replace(record)


def fingerprint(path):
    total = hashlib.sha256()
    folders = [""]
    while folders:
        folder = folders.pop()
        for entry in sorted(os.scandir(f"{path}{folder}"), key=lambda entry: entry.name):
            name = f"{folder}/{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                folders += [] if entry.name in IGNORED else [name]
                continue
            status = entry.stat(follow_symlinks=False)
            line = f"{name} {status.st_mode} {status.st_uid} {status.st_size} {status.st_mtime_ns}\n"
            total.update(line.encode(errors="surrogateescape"))
    return total.hexdigest()[:16]

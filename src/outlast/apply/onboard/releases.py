"""The unpacked releases: whether one is still as it was unpacked, and which of them nobody needs any more.

Only looks at names, sizes, modes and times, never at contents: a release has thousands of files, and this is asked at
every `up`. Beside what is wanted stays what was in place before it, so the way back needs no bringing.
"""

# pyright: basic

import hashlib
import os
import pathlib
import subprocess

# So many of those before stay.
BEFORE = 1
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


def staying(artifacts, ledger):
    """By folder the names of the releases that stay there, the wanted one first."""
    stay = {}
    for path in (pathlib.Path(artifact["path"]) for artifact in artifacts):
        before = [name for name in ledger["releases"].get(str(path.parent), []) if name != path.name]
        stay[str(path.parent)] = [path.name, *before[:BEFORE]]
    return stay


def remember_first(artifacts, ledger):
    """Where nothing was noted yet: what came last but for what is wanted was in place, else what is wanted."""
    for path in (pathlib.Path(artifact["path"]) for artifact in artifacts):
        if str(path.parent) not in ledger["releases"]:
            others = [name for name in found(path.parent) if name != path.name and (path.parent / name).is_dir()]
            newest = sorted(others, key=lambda name: (path.parent / name).stat().st_ctime)
            ledger["releases"][str(path.parent)] = newest[-1:] or [path.name]


def old_releases(artifacts, ledger):
    """The paths of all releases that do not stay, or of what is left of them."""
    stay = staying(artifacts, ledger)
    folders = {*stay, *ledger["releases"]}
    return sorted(
        f"{folder}/{name}" for folder in folders for name in found(folder) if name not in stay.get(folder, [])
    )


def found(folder):
    """The releases in a folder. What is being unpacked is none yet."""
    names = [path.name for path in pathlib.Path(folder).iterdir()] if pathlib.Path(folder).is_dir() else []
    return {name.partition(".")[0] for name in names if ".unpacking" not in name}


def remove_release(path):
    """Whenever this is killed, the release is whole or gone, and what is left of it is found."""
    subprocess.run(["rm", "-rf", f"{path}.removed", f"{path}.print"], timeout=600)
    if pathlib.Path(path).is_dir():
        pathlib.Path(path).rename(pathlib.Path(f"{path}.removed"))
    subprocess.run(["rm", "-rf", f"{path}.removed"], timeout=600)


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

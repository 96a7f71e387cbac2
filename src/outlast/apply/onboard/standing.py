"""How files and units stand on the machine, against what was wanted and against what was written here last.

Only looks. The ledger notes for each file what was written: so a file that somebody edited can be told from one
that is as an older blueprint asked for.
"""

# pyright: basic

import contextlib
import grp
import hashlib
import pathlib
import pwd
import stat

DROP_IN_FOLDERS = (
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/etc/systemd/system",
    "/run/systemd/system",
)
SHOWN = 65536


def standing(file, noted):
    """`right`, or how it is not: `new`, `outdated`, `deleted`, `edited`, `rights`, `masked` or `replaced`.

    `noted`: what was written here before, None when Outlast never wrote it.
    """
    path = pathlib.Path(file["path"])
    try:
        status = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return "new" if noted is None else "deleted"
    if not stat.S_ISREG(status.st_mode):
        return "masked" if path.is_symlink() and str(path.readlink()) == "/dev/null" else "replaced"
    found = [digest_of(path.read_bytes()), rights(status.st_mode, status.st_uid, status.st_gid)]
    wanted = note(file)
    if found == wanted:
        return "right"
    if noted is None or not noted:
        return "outdated"
    if found in noted:
        return "outdated"
    return "rights" if found[0] in (wanted[0], *(earlier[0] for earlier in noted)) else "edited"


def note(file):
    """What the ledger keeps of a file that is as told."""
    # An owner that does not exist yet comes with a package: then the file cannot be right.
    return [digest_of(file["content"].encode()), rights(file["mode"], uid(file["owner"]), gid(file["group"]))]


def file_found(path):
    """A file as it is now, for a person: its text (the beginning of a long one) and its rights."""
    path = pathlib.Path(path)
    try:
        status = path.stat()
        with path.open("rb") as handle:
            text = handle.read(SHOWN).decode(errors="replace")
    except OSError:
        return {}
    return {
        "content": text,
        "mode": stat.S_IMODE(status.st_mode),
        "owner": name_of(pwd.getpwuid, status.st_uid),
        "group": name_of(grp.getgrgid, status.st_gid),
    }


def overrides(name, own):
    """Drop-ins of a unit that are not in `own`: somebody else's."""
    paths = (path for folder in DROP_IN_FOLDERS for path in pathlib.Path(folder, f"{name}.d").glob("*.conf"))
    return sorted(str(path) for path in paths if str(path) not in own)


def digest_of(content):
    return hashlib.sha256(content).hexdigest()[:16]


def rights(mode, user, group):
    return f"{mode & 0o7777:o} {user} {group}"


def uid(name):
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(name).pw_uid
    return -1


def gid(name):
    with contextlib.suppress(KeyError):
        return grp.getgrnam(name).gr_gid
    return -1


def name_of(look_up, number):
    try:
        return look_up(number)[0]
    except KeyError:
        return str(number)

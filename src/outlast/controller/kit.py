"""The kit: all that a controller needs of a site's folder, handed over to the machines that run one.

It is the site file and the name of its environment, the secrets (sealed, with their key beside them), the blueprint and
the releases in use: enough to run `up` from there. Only root of those machines reads it. A kit is put beside the one
before and takes its place by one rename; releases are brought once.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from outlast.blueprint.blueprint import Blueprint
from outlast.contract.bundle import Artifact
from outlast.contract.controller import STATE
from outlast.controller.store import Store, own_folder
from outlast.kernel.errors import Finding, OutlastError
from outlast.machines.machine import Machine

SITE_FILE, ENVIRONMENT, KEY = "site.yaml", "environment", "vault.key"
# What of a site's own folder goes along. Releases go by themselves; locks, guards and evidence stay.
TAKEN = (
    "blueprint.json",
    "vault.json",
    "ca.*",
    "certificates/**/*",
    "passwords/**/*",
    "owner/*",
    "ssh/*",
    "vendor/access.json",
    "vendor/id_ed25519",
)
LOOK_LIMIT, PUT_LIMIT = 15.0, 120.0
NONE = "none"
LOOK = f"""
mkdir -p -m 700 "$1"
cd "$1"
mkdir -p releases kits
cat kit/digest 2>/dev/null || echo {NONE}
ls releases
"""
# `$2` is the kit's digest, `$3` the site's own folder in it, `$4` the way from there to the releases, `$5` and on are
# those that it needs; the kit itself comes by standard input.
PLACE = """
cd "$1"
rm -rf "kits/$2.new"
mkdir -m 700 "kits/$2.new"
tar -xf - -C "kits/$2.new"
ln -s "$4" "kits/$2.new/$3/releases"
rm -rf "kits/$2"
mv -T "kits/$2.new" "kits/$2"
before=$(basename "$(readlink kit || echo none)")
ln -sfn "kits/$2" kit.new
mv -T kit.new kit
find kits -mindepth 1 -maxdepth 1 ! -name "$2" ! -name "$before" -exec rm -rf {} +
shift 4
for release in releases/*; do
  case " $* " in *" ${release#releases/} "*) ;; *) rm -f "$release" ;; esac
done
"""


@dataclass(frozen=True)
class Kit:
    """What is handed over. `own` is the site's own folder in it; `releases` are the tar files in use, by the name that
    they have there."""

    digest: str
    own: str
    tar: bytes
    releases: Mapping[str, Path]


def pack(
    file: Path,
    environment: str,
    store: Store,
    key: str,
    blueprint: Blueprint,
    artifacts: Mapping[str, Path],
    more: Mapping[str, bytes],
) -> Kit:
    """The kit of a site as it is now. `artifacts`: where the tar file of each release lies, by its digest; `more` are
    further files, by their names below the site's own folder."""
    own = own_folder(environment)
    entries = dict(_entries(file, environment, store.folder, key)) | {f"{own}/{name}": c for name, c in more.items()}
    digest = hashlib.sha256(repr(sorted((name, hashlib.sha256(c).digest()) for name, c in entries.items())).encode())
    wanted = {name: artifacts[artifact.digest] for artifact in in_use(blueprint) if (name := _file_name(artifact))}
    digest.update(repr(sorted(wanted)).encode())
    text = digest.hexdigest()[:16]
    return Kit(text, own, _tar({**entries, "digest": f"{text}\n".encode()}), wanted)


def in_use(blueprint: Blueprint) -> set[Artifact]:
    """Every release that some machine shall hold."""
    return {artifact for bundle in blueprint.bundles for artifact in bundle.artifacts}


async def hand_over(kit: Kit, machines: Iterable[Machine], *, new: bool = False) -> tuple[str, ...]:
    """Bring the kit to these machines (`new`: to those only that have none); the names of those that got it.

    Raises `OutlastError`.
    """
    results = await asyncio.gather(*(_hand_over(kit, machine, new) for machine in machines), return_exceptions=True)
    errors = [result for result in results if isinstance(result, BaseException)]
    if errors:
        raise errors[0]
    return tuple(name for name in results if isinstance(name, str) and name)


async def _hand_over(kit: Kit, machine: Machine, new: bool) -> str:
    """The machine's name when something was to do."""
    digest, *held = (await _sh(machine, LOOK, STATE)).split()
    if digest == kit.digest or (new and digest != NONE):
        return ""
    for name in sorted(kit.releases.keys() - set(held)):
        # Beside its place first: a controller may look for it at this moment.
        await machine.put_file(f"{STATE}/releases/{name}", kit.releases[name], mode=0o600)
    way = "../" * (kit.own.count("/") + 3) + "releases"
    argv = (STATE, kit.digest, kit.own, way, *sorted(kit.releases))
    await _sh(machine, PLACE, *argv, stdin=kit.tar, limit=PUT_LIMIT)
    return machine.name


async def _sh(machine: Machine, script: str, *argv: str, stdin: bytes = b"", limit: float = LOOK_LIMIT) -> str:
    done = await machine.run(["sh", "-e", "-c", script, "kit", *argv], stdin=stdin, limit=limit)
    if done.returncode != 0:
        why = done.stderr.decode(errors="replace").strip() or f"it ended with {done.returncode}"
        fix = "make room on the machine, then run `outlast up` again; the site runs on, and nobody heals it from there"
        raise OutlastError(Finding(machine.name, "its controller could not be given the site", why, fix))
    return done.stdout.decode()


def _entries(file: Path, environment: str, folder: Path, key: str) -> Iterator[tuple[str, bytes]]:
    yield SITE_FILE, file.read_bytes()
    if environment:
        yield ENVIRONMENT, environment.encode()
    yield KEY, key.encode()
    for pattern in TAKEN:
        for path in sorted(folder.glob(pattern)):
            if path.is_file():
                yield f"{own_folder(environment)}/{path.relative_to(folder)}", path.read_bytes()


def _tar(entries: Mapping[str, bytes]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        for name, content in entries.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), 0o600
            tar.addfile(info, io.BytesIO(content))
    return target.getvalue()


def _file_name(artifact: Artifact) -> str:
    return f"{artifact.name}-{artifact.digest}.tar.gz"

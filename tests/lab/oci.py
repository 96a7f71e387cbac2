"""An image of a container, made of a lab's own Debian: a shell, Python, and a program. One layer, as an OCI archive."""

from __future__ import annotations

import hashlib
import io
import json
import re
import subprocess
import tarfile
from pathlib import Path

from outlast.machines.nspawn.image import IMAGES

PROGRAMS = ("/usr/bin/dash", "/usr/bin/python3")
LINKS = {"bin": "usr/bin", "lib": "usr/lib", "lib64": "usr/lib64", "usr/bin/sh": "dash"}


def write(archive: Path, program: Path) -> None:
    """The image with `program` as `/app/main.py`."""
    layer = _layer(program)
    config = _json(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Env": ["PATH=/usr/bin"]},
            "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
        }
    )
    kind = "application/vnd.oci.image"
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": f"{kind}.manifest.v1+json",
            "config": _described(config, f"{kind}.config.v1+json"),
            "layers": [_described(layer, f"{kind}.layer.v1.tar")],
        }
    )
    index = _json({"schemaVersion": 2, "manifests": [_described(manifest, f"{kind}.manifest.v1+json")]})
    blobs = {f"blobs/sha256/{_digest(blob).partition(':')[2]}": blob for blob in (layer, config, manifest)}
    with tarfile.open(archive, "w") as tar:
        for name, content in {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}', "index.json": index, **blobs}.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


def _layer(program: Path) -> bytes:
    root = max(IMAGES.glob("*.used"), key=lambda path: path.stat().st_mtime).with_suffix("")
    listed = subprocess.run(["chroot", root, "ldd", *PROGRAMS], capture_output=True, text=True, check=True).stdout
    libraries = {f"/usr{path}" if path.startswith("/lib") else path for path in re.findall(r"(/\S+) \(0x", listed)}
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        for path in sorted({*PROGRAMS, *libraries}):
            # The file itself, whatever stands for it.
            tar.add((root / path.lstrip("/")).resolve(), path.lstrip("/"))
        (library,) = root.glob("usr/lib/python3.*")
        tar.add(library, str(library.relative_to(root)), filter=_useful)
        tar.add(program, "app/main.py")
        for name, link in LINKS.items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, link
            tar.addfile(info)
    return target.getvalue()


def _useful(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if re.search(r"__pycache__|/test|/idlelib|/config-", info.name) else info


def _described(blob: bytes, kind: str) -> dict[str, object]:
    return {"mediaType": kind, "digest": _digest(blob), "size": len(blob)}


def _digest(blob: bytes) -> str:
    return f"sha256:{hashlib.sha256(blob).hexdigest()}"


def _json(value: object) -> bytes:
    return json.dumps(value).encode()

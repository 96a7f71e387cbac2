"""An app whose release is an image: podman runs it in a service of the machine, with the machine's network.

Each app has a store of images of its own, so no app tidies up what another one starts from. It is a plain copy (`vfs`):
an overlay on an overlay, which the disks of a lab are, does not exist.
"""

from __future__ import annotations

from collections.abc import Mapping

from outlast.contract.bundle import Artifact, File
from outlast.contract.identity import AUTHORITY
from outlast.contract.source import IMAGE_FILE
from outlast.contract.unit import Unit, argument

# crun runs without a control group of the container's own; catatonit passes signals on, which a first process ignores.
PACKAGES = ("podman", "crun", "catatonit")
# What is not the image's: it has its own.
OWN = frozenset({"PATH", "VIRTUAL_ENV", "HOME"})
# A machine of a lab has no keyrings, and the journal is podman's own output.
SETTINGS = """\
[containers]
keyring = false
log_driver = "passthrough"

[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
"""
# For podman, to unpack images and to make the container, which itself gets none of them.
CAPABILITIES = (
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_MKNOD",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_ADMIN",
    "CAP_SYS_CHROOT",
)
# What a changeover has left goes before the next image comes; the one that runs stays.
LOAD = """\
image="$1" file="$2"; shift 2
"$@" image exists "$image" && exit
"$@" image prune --all --force > /dev/null
"$@" tag "$("$@" pull --quiet "oci-archive:$file" || "$@" pull --quiet "docker-archive:$file")" "$image"
"""


def settings(service: str) -> File:
    """How podman behaves for this app."""
    return File(f"/etc/outlast/apps/{service}.podman.conf", SETTINGS)


def contained(unit: Unit, name: str, release: Artifact, script: str, values: Mapping[str, str]) -> Unit:
    """`unit`, running `script` in the image instead: it needs a shell there. `name` is the container's, `values` are
    the variables that it gets."""
    service = release.name
    # Within what goes when a server is given back.
    store, runtime = f"outlast/images/{service}", f"outlast-images-{service}"
    folders = ["--root", f"/var/lib/{store}", "--runroot", f"/run/{runtime}"]
    podman = ["/usr/bin/podman", *folders, "--storage-driver", "vfs"]
    image = f"localhost/{service}:{release.digest}"
    passed = [word for variable in values if variable not in OWN for word in ("--env", variable)]
    trusted = any(AUTHORITY in value for value in values.values())
    passed += ["--volume", f"{AUTHORITY}:{AUTHORITY}:ro"] if trusted else []
    limits = ["--network", "host", "--cgroups", "disabled", "--cap-drop", "all", "--security-opt", "no-new-privileges"]
    options = ["--rm", "--replace", "--name", name, "--pull", "never", "--init", *limits, *passed]
    options += ["--entrypoint", "/bin/sh", image, "-c", argument(script.strip())]
    load = ["/bin/sh", "-e", "-c", argument(LOAD), "load", image, f"{release.path}/{IMAGE_FILE}", *podman]
    return Unit(
        description=unit.description,
        start=" ".join([*podman, "run", *options]),
        before_start=(" ".join(load),),
        type=unit.type,
        environment_files=unit.environment_files,
        start_limit=max(unit.start_limit, 300.0),
        stop_limit=unit.stop_limit,
        capabilities=CAPABILITIES,
        own_devices=False,
        state=store,
        runtime=runtime,
        runtime_preserve=True,
        extra=(
            f"Environment=CONTAINERS_CONF={settings(service).path} HOME=/tmp",
            # Images hold such files; nothing in the container gains by them.
            "RestrictSUIDSGID=no",
        ),
    )

"""One controller: who it is, Outlast's own release, and its service."""

from __future__ import annotations

from outlast.components.controller.options import ControllerOptions
from outlast.components.controller.probe import PROBE
from outlast.components.controller.recipe import PYTHON
from outlast.contract.bundle import Artifact, File, Part, Service
from outlast.contract.controller import ASSIGNMENT, RUNTIME, STATE, Assignment
from outlast.contract.identity import AUTHORITY, Identity, identity
from outlast.contract.unit import Unit
from outlast.contract.view import NodeView

FOLDER = "/etc/outlast/controller"
SERVICE = "outlast-controller.service"
# It shares its machine with the database. Processor: a fifth of anybody else's weight. Memory: enough for a site of
# some hundred machines, and when the machine has too little it is the first to go.
MODEST = ("Nice=5", "CPUWeight=20", "IOWeight=20", "MemoryMax=512M", "OOMScoreAdjust=500")


def render(view: NodeView[ControllerOptions]) -> Part:
    """Everything that one controller needs on this machine. Without a release (before the first build): its files."""
    own = identity(view.member, FOLDER, user="root", addresses=(view.address,))
    assignment = File(ASSIGNMENT, _assignment(view, own).model_dump_json(indent=1) + "\n")
    files, certificates = (assignment, *own.files), (own.wanted,)
    if view.artifact is None:
        return Part(files=files, certificates=certificates)
    # A restart costs the leader its office and nobody a request: so it need not learn to read anything anew.
    service = Service(SERVICE, _unit(view.artifact).text(), restart_on=(*(file.path for file in files), AUTHORITY))
    return Part(files=files, services=(service,), probe=PROBE, artifacts=(view.artifact,), certificates=certificates)


def _assignment(view: NodeView[ControllerOptions], own: Identity) -> Assignment:
    nearest = sorted(view.using("etcd-client"), key=lambda endpoint: endpoint.machine != view.machine)
    return Assignment(
        site=view.site,
        datacenter=view.datacenter,
        member=view.member,
        machine=view.machine,
        endpoints=tuple(f"https://{endpoint.address}:{endpoint.port}" for endpoint in nearest),
        authority=AUTHORITY,
        certificate=own.path,
        key=own.key_path,
    )


def _unit(release: Artifact) -> Unit:
    return Unit(
        description="Outlast controller: heals and sizes the site",
        start=f"{release.path}/{PYTHON} -m outlast.controller.run {ASSIGNMENT}",
        state=STATE.rpartition("/")[2],
        # Secrets and keys of the whole site lie there.
        state_mode="0700",
        runtime=RUNTIME.rpartition("/")[2],
        stop_limit=20,
        open_files=16384,
        # It reads nobody's home, and an SSH client that is kept from looking for one connects to nobody.
        extra=(f"Environment=HOME={STATE}", *MODEST),
    )

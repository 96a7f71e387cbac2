"""What can go wrong inside a member of the database, to be tried on purpose."""

from __future__ import annotations

from outlast.contract.ailment import Ailment
from outlast.contract.bundle import Part

SERVICE = "outlast-galera.service"
# As root over the unix socket, as a person would.
CLIENT = ("/usr/bin/mariadb", "--protocol=socket", "--connect-timeout=3", "--execute")
# The state file first: whoever is interrupted leaves a copy that is known to be worth nothing, and never one that looks
# whole. `fresh` says the same to the start.
LOSE = (
    "rm -f /var/lib/mysql/grastate.dat"
    " && install --owner=mysql --group=mysql --mode=644 /dev/null /var/lib/outlast-galera/fresh"
    " && find /var/lib/mysql -mindepth 1 -delete"
)


def _has_data(part: Part) -> bool:
    """The arbiter has none."""
    return any(service.name == SERVICE for service in part.services)


DESYNC = Ailment(
    name="desync",
    summary="a database member falls behind as it likes, and holds up nobody (wsrep_desync)",
    inject=((*CLIENT, "SET GLOBAL wsrep_desync = ON"),),
    heal=((*CLIENT, "SET GLOBAL wsrep_desync = OFF"),),
    afflicts=_has_data,
    spares_primary=True,
)
FULL_COPY = Ailment(
    name="full-copy",
    summary="a database member stops and loses all of its data; healing starts it, and it copies everything anew",
    inject=(("/usr/bin/systemctl", "stop", SERVICE), ("/bin/sh", "-c", LOSE)),
    # It is not waited for: how long a copy takes is what one wants to see.
    heal=(("/usr/bin/systemctl", "start", "--no-block", SERVICE),),
    afflicts=_has_data,
    spares_primary=True,
)
AILMENTS = (DESYNC, FULL_COPY)

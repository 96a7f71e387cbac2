"""What the members of the database ask each other over HTTP, and what one that leaves tells. Apart from what they share
else, because it takes longer to import than a probe takes.
"""

import http.client
from concurrent.futures import ThreadPoolExecutor

import cluster

LOOK, LOOK_LIMIT = "/look", 0.2
PRIMARY, OTHER, SILENT = "primary", "other", "silent"


def leave():
    """This member is leaving: clients are asked to go elsewhere. The program that tells them is told to look; where it
    does not answer, they hear it when they ask next."""
    cluster.LEAVING.touch()
    own = cluster.member()
    try:
        connection = http.client.HTTPConnection(own["address"], own["health_port"], timeout=LOOK_LIMIT)
        connection.request("GET", LOOK)
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        pass


def primary_elsewhere():
    """The address of another member that says it is in a primary component, or an empty text."""
    addresses = cluster.member()["health"]
    return next((address for address, standing in zip(addresses, standings()) if standing == PRIMARY), "")


def standings(limit=0.6):
    """How each other member that holds data stands, asked at the same time: PRIMARY, OTHER, or SILENT."""
    addresses = cluster.member()["health"]
    if not addresses:
        return []
    with ThreadPoolExecutor(len(addresses)) as pool:
        return list(pool.map(lambda address: _standing(address, limit), addresses))


def _standing(address, limit):
    try:
        connection = http.client.HTTPConnection(address, timeout=limit)
        connection.request("GET", "/primary")
        return PRIMARY if connection.getresponse().status == 200 else OTHER
    except (OSError, http.client.HTTPException):
        return SILENT

"""What the members of the database ask each other over HTTP, and what one that leaves tells. Apart from what they share
else, because it takes longer to import than a probe takes.
"""

import http.client
import time
from concurrent.futures import ThreadPoolExecutor

import cluster

LOOK, LOOK_LIMIT = "/look", 0.2
SETTLED, NOT_YET = "/settled", "503 Service Unavailable"
# How long a member that wants to leave waits for the others, and how often it asks.
SETTLE_LIMIT, BETWEEN_QUESTIONS = 2.0, 0.1
PRIMARY, OTHER, SILENT = "primary", "other", "silent"


def leave():
    """This member is leaving: clients are asked to go elsewhere. The program that tells them is told to look; where it
    does not answer, they hear it when they ask next."""
    settle()
    cluster.LEAVING.touch()
    own = cluster.member()
    try:
        connection = http.client.HTTPConnection(own["address"], own["health_port"], timeout=LOOK_LIMIT)
        connection.request("GET", LOOK)
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        pass


def settle():
    """Wait while another member has only just begun to serve. One proxy of two knows that a little earlier, and they would
    choose differently who is written to next."""
    deadline = time.monotonic() + SETTLE_LIMIT
    addresses = cluster.member()["health"]
    while time.monotonic() < deadline and NOT_YET in _statuses(addresses, SETTLED, 0.6):
        time.sleep(BETWEEN_QUESTIONS)


def primary_elsewhere():
    """The address of another member that says it is in a primary component, or an empty text."""
    addresses = cluster.member()["health"]
    return next((address for address, standing in zip(addresses, standings()) if standing == PRIMARY), "")


def standings(limit=0.6):
    """How each other member that holds data stands, asked at the same time: PRIMARY, OTHER, or SILENT."""
    meaning = {"": SILENT, "200 OK": PRIMARY}
    return [meaning.get(status, OTHER) for status in _statuses(cluster.member()["health"], "/primary", limit)]


def _statuses(addresses, path, limit):
    """What each answers to a question, asked at the same time: a status of HTTP, or an empty text."""
    if not addresses:
        return []
    with ThreadPoolExecutor(len(addresses)) as pool:
        return list(pool.map(lambda address: _status(address, path, limit), addresses))


def _status(address, path, limit):
    try:
        connection = http.client.HTTPConnection(address, timeout=limit)
        connection.request("GET", path)
        answer = connection.getresponse()
        return f"{answer.status} {answer.reason}"
    except (OSError, http.client.HTTPException):
        return ""

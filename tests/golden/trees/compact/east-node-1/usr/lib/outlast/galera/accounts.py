"""Makes the accounts in the database what accounts.json says, through this member; all members get them.

For each app: an account that may do everything in the site's schema, and a second one, `<app>_read`, that may
only read. Each has one password, or two while it is changed. It can be run again at any time.
"""

import hashlib
import json
import sys
import time
from pathlib import Path

import cluster

PATIENCE = 20.0
READS = "SELECT, SHOW VIEW, EXECUTE, CREATE TEMPORARY TABLES"


def proof(password):
    """What the database keeps of a password. Made here, so that none is ever part of a statement: those lie in the
    files of the replication, and perhaps in a log."""
    return "*" + hashlib.sha1(hashlib.sha1(password.encode()).digest()).hexdigest().upper()


def wanted_digest():
    """Names what this program would make: the file with its passwords, and the program itself."""
    return hashlib.sha256(cluster.ACCOUNTS.read_bytes() + Path(__file__).read_bytes()).hexdigest()[:16]


def applied_digest(cursor):
    """What was made last, or an empty text."""
    cursor.execute("SHOW TABLES FROM mysql LIKE 'outlast_accounts'")
    if not cursor.fetchall():
        return ""
    cursor.execute("SELECT digest FROM mysql.outlast_accounts WHERE account = ''")
    row = cursor.fetchone()
    return row[0] if row else ""


def apply(cursor):
    document = json.loads(cluster.ACCOUNTS.read_text("utf-8"))
    schema, digest = document["schema"], wanted_digest()
    cursor.execute(
        "CREATE TABLE IF NOT EXISTS mysql.outlast_accounts"
        " (account VARCHAR(80) NOT NULL PRIMARY KEY, digest CHAR(16) NOT NULL) ENGINE=InnoDB"
    )
    cursor.execute(f"CREATE DATABASE IF NOT EXISTS `{schema}` CHARACTER SET utf8mb4")
    accounts = {}
    for app, passwords in document["passwords"].items():
        proofs = list(dict.fromkeys(map(proof, passwords)))
        accounts[app] = (proofs, "ALL PRIVILEGES")
        accounts[f"{app}_read"] = (proofs, READS)
    for account, (proofs, privileges) in accounts.items():
        # Whoever shows that he knows one of them is in. Source: "Authentication from MariaDB 10.4".
        identified = " OR ".join("mysql_native_password USING %s" for _ in proofs)
        # One statement each: an account with the old passwords works until the moment it has the new ones.
        cursor.execute(f"CREATE USER IF NOT EXISTS `{account}`@'%%' IDENTIFIED VIA {identified}", proofs)
        cursor.execute(f"ALTER USER `{account}`@'%%' IDENTIFIED VIA {identified}", proofs)
        cursor.execute(f"GRANT {privileges} ON `{schema}`.* TO `{account}`@'%'")
        cursor.execute("REPLACE INTO mysql.outlast_accounts VALUES (%s, %s)", (account, digest))
    # Accounts that Outlast made and the site no longer names; nobody else's.
    cursor.execute("SELECT account FROM mysql.outlast_accounts WHERE account <> ''")
    for (account,) in cursor.fetchall():
        if account not in accounts:
            cursor.execute(f"DROP USER IF EXISTS `{account}`@'%'")
            cursor.execute("DELETE FROM mysql.outlast_accounts WHERE account = %s", (account,))
    # Last: only what was done to the end counts as done.
    cursor.execute("REPLACE INTO mysql.outlast_accounts VALUES ('', %s)", (digest,))


def connect(limit):
    import pymysql

    return pymysql.connect(
        unix_socket=str(cluster.SOCKET), user="root", autocommit=True,
        connect_timeout=limit, read_timeout=limit, write_timeout=limit,
    )


def main():
    """Make the accounts; answers what prevents it. A member is not ready for a moment whenever another one joins."""
    import pymysql

    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with connect(30) as connection, connection.cursor() as cursor:
                return apply(cursor)
        except pymysql.MySQLError as error:
            if time.monotonic() > deadline:
                return f"the accounts could not be made: {error}"
            time.sleep(0.3)


if __name__ == "__main__":
    sys.exit(main())

"""Has the database read its certificate, its key and the authority anew. What is connected stays connected.

Clients and the group of members each have their own command. A database that does not run reads them when it starts.
"""

import sys

import cluster

LIMIT = 10


def main():
    import pymysql

    try:
        connection = pymysql.connect(
            unix_socket=str(cluster.SOCKET), user="mysql", autocommit=True,
            connect_timeout=LIMIT, read_timeout=LIMIT, write_timeout=LIMIT,
        )
    except pymysql.MySQLError:
        print("the database does not answer: it reads its certificate when it starts")
        return
    with connection, connection.cursor() as cursor:
        cursor.execute("FLUSH SSL")
        cursor.execute("SET GLOBAL wsrep_provider_options = 'socket.ssl_reload=1'")


if __name__ == "__main__":
    sys.exit(main())

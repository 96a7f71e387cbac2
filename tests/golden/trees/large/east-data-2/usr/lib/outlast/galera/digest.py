"""Prints what the rows of every table of this member come to: members that hold the same print the same."""

import accounts

SYSTEM = ("information_schema", "performance_schema", "mysql", "sys")


def main():
    with accounts.connect(30) as connection, connection.cursor() as cursor:
        # Whatever was committed anywhere before this question is counted.
        cursor.execute("SET SESSION wsrep_sync_wait = 1")
        cursor.execute(
            "SELECT table_schema, table_name FROM information_schema.tables"
            " WHERE table_type = 'BASE TABLE' AND table_schema NOT IN %s ORDER BY 1, 2",
            (SYSTEM,),
        )
        for schema, name in cursor.fetchall():
            cursor.execute(f"CHECKSUM TABLE `{schema}`.`{name}` EXTENDED")
            print(*cursor.fetchone())


if __name__ == "__main__":
    main()

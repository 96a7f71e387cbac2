"""The database: MariaDB with Galera, every member with all of the data, one of them written to at a time."""

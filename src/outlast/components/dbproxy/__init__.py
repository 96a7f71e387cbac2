"""The way to the database: on every machine that uses it, a local address that always leads to the right member."""

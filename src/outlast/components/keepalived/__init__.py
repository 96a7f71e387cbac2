"""The floating addresses of the edge: each held by exactly one edge machine that answers."""

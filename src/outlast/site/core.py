"""The documented text of the core keys, as `outlast init` writes it and `outlast docs` shows it."""

from __future__ import annotations

CORE_TEXTS = {
    "site": """\
# The name of the site. It goes into the names of everything that is made for it.
site: shop
""",
    "domain": """\
# What people type. Names under `.test` are for trying things out.
domain: shop.test
""",
    "datacenters": """\
# Where the machines are. `lab` makes them inside this computer.
datacenters:
  east:
    machines: lab
    # pools: { app: 4 }      # more machines of one kind than the default
  # west:                    # a second data centre, ready to take over
  #   machines: lab
  #   standby: true
""",
    "footprint": """\
# `spread` gives every role machines of its own; `compact` puts all of them on three machines.
footprint: spread
""",
}

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
# Where the machines are. `lab` makes them inside this computer; `ssh` uses servers that you have, as below.
datacenters:
  east:
    machines: lab
    # pools: { app: 4 }      # more machines of one kind than the default
  # west:                    # a second data centre, ready to take over
  #   machines: lab
  #   standby: true
  # south:                   # bare Debian 13 servers with nothing but sshd
  #   machines: ssh
  #   network: 10.0.0.0/24   # they share it, and reach each other in it
  #   floating: [10.0.0.201, 10.0.0.202]    # free addresses of it that users come to
  #   user: root             # or somebody with passwordless sudo
  #   key: ~/.ssh/id_ed25519
  #   servers:
  #     - { address: 10.0.0.11, pool: edge }
  #     - { address: 10.0.0.12, pool: edge }
  #     - { address: 10.0.0.29, spare: true }    # waits until it replaces another
""",
    "footprint": """\
# `spread` gives every role machines of its own; `compact` puts all of them on three machines.
footprint: spread
""",
    "firewall": """\
# Machines accept and open only what the site's own parts need of each other; nobody lists that. Beyond it:
firewall:
  # Where people may come from to log in by SSH. Narrow it when you know your addresses.
  operators: [0.0.0.0/0, "::/0"]
  # What every machine may reach outside the site, such as time servers. For a single app: its own `calls`.
  calls: []               # calls: [192.0.2.1:123/udp, 192.0.2.53:53/udp]
""",
    "secrets": """\
# Secrets that you keep elsewhere. Here stands where each is found when `outlast up` runs, never its value; an app gets
# those that it names, as in `secrets: { STRIPE_KEY: stripe }`.
secrets:
  stripe: { env: STRIPE_KEY }                      # a variable of whoever runs `outlast up`
  mail: { file: ../secrets/mail-password }         # a file, seen from this one
  map: { command: pass show shop/map-key }         # shell text; what it prints is the secret
""",
    "recovery": """\
# How soon a silence counts as a failure: sets the database's failure detector, the proxies' checks, the signs of life
# of addresses and the edges' time-outs together. A section's own word is stronger. `normal` suits one data centre.
recovery: normal          # fast: quiet machines of your own; patient: busy or far apart
""",
    "survive": """\
# What users may notice of each kind of failure: `outlast prove` judges by it. No acknowledged write may ever be lost.
survive:
  process: { outage: 1500ms }    # dies, or is alive and deaf
  machine: { outage: 1s }        # loses its power, or is cut off
  link: { outage: 1500ms }       # some machines do not reach some others
  load: { outage: 1s }           # too much to do, or all data copied
  planned: { outage: 500ms, errors: 0 }    # restarts and moves on purpose
  pair: { outage: 2s }           # two machines at once
  power: { outage: 2m }          # all machines of a data centre at once
""",
    "customers": """\
# What customers do while `outlast prove` breaks the site: requests at a fixed rate over every address.
customers:
  browse: [/]
  # order:                 # something that is written once for its token, however often it is repeated
  #   path: /api/orders
  #   body: '{"token": "{token}", "items": [{"product": {number}, "quantity": 1}]}'
  #   found: /api/orders/{token}
  rate: 15                 # requests a second over each address
  orders: 8                # orders a second
""",
    "environments": """\
# Other sites from this file, beside this one: `outlast up -e staging`. What one says here goes over the rest of the
# file: mappings merge, all else replaces, and a key with nothing after it is removed.
environments:
  staging:                 # the site `shop-staging` at `staging.shop.test`; `site` and `domain` say otherwise
    footprint: compact
    # apps: { web: { scale: { min: 1 } } }
    # cache:                 # staging has none
""",
}

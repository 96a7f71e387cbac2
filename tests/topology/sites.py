"""Sites at random, of the tests' own components and of the real ones."""

from __future__ import annotations

from hypothesis import strategies as st

from outlast.site.schema import Datacenter, Site
from tests import toys
from tests.toys import Options

APP_NAMES = ("shop", "api", "admin", "mail")
FIXED_PORTS = {name: 20100 + number for number, name in enumerate(APP_NAMES)}
POOLS: tuple[str, ...] = ("app", "edge", "data")


@st.composite
def datacenters(draw: st.DrawFn) -> dict[str, Datacenter]:
    """One or two data centres, some with pools of other sizes."""
    names = draw(st.sampled_from([("east",), ("west",), ("east", "west")]))
    pools = st.dictionaries(st.sampled_from(POOLS), st.integers(1, 6), max_size=3)
    return {name: Datacenter(machines="lab", pools=draw(pools)) for name in names}


@st.composite
def toy_sites(draw: st.DrawFn) -> Site:
    """Any mixture of toys."""
    engines = {
        name: Options(count=draw(st.integers(1, 5)))
        for name in ("edge", "store", "watch", "proxy")
        if draw(st.booleans())
    }
    uses = ("database",) if "proxy" in engines else ()
    apps = {
        name: Options(
            count=draw(st.integers(1, 5)),
            port=draw(st.sampled_from([None, FIXED_PORTS[name]])),
            uses=uses if draw(st.booleans()) else (),
        )
        for name in draw(st.lists(st.sampled_from(APP_NAMES), unique=True, max_size=4))
    }
    return toys.site(
        apps=apps, engines=engines, datacenters=draw(datacenters()), compact=draw(st.sampled_from([False, False, True]))
    )


APP = """
  {name}:
    source: .
    run: serve
    routes: [/{name}]
    scale: {{ min: {count} }}
"""


@st.composite
def real_texts(draw: st.DrawFn) -> str:
    """Site files of the real components: apps and defaults."""
    names = draw(st.lists(st.sampled_from(APP_NAMES), unique=True, min_size=1, max_size=3))
    apps = "".join(APP.format(name=name, count=draw(st.integers(1, 5))) for name in names)
    pools = draw(st.sampled_from(["{}", "{ edge: 3 }", "{ app: 6, data: 5 }"]))
    east = f"datacenters:\n  east: {{ machines: lab, pools: {pools} }}\n"
    west = draw(st.sampled_from(["", "  west: { machines: lab, standby: true }\n"]))
    return f"site: trial\ndomain: trial.test\n{east}{west}apps:{apps}"

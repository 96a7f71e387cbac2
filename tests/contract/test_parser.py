"""How every component reads what its probe printed, whatever that was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlast.contract.probe import Health, Output
from outlast.contract.registry import discover
from outlast.controller.observe import understood
from tests.contract.subject import NAMES

# Beginnings of what probes print, cut off or bent: nearer to the truth than noise ever comes.
BENT = (
    *("{", "[", "{}", "[]", "null", "0", '""', "[1]", '[{"Status": {}}]', '[{"Status": {"leader": 1}}]'),
    *('[{"health": true}]', '{"error": null}', '{"arbiter": {}}', '{"table": "", "servers": ""}', '{"status": null}'),
    *("a\nactive\n", "a\nactive\n[", "a\nactive\n{}", "a\nactive\n[1]", '10.0.0.1\nactive\n[{"addr_info": 1}]'),
    *("# pxname", "# pxname,svname\nx,y", "# pxname,svname,type,status,stot\nx,y,2,UP,many", "status=", "status=200"),
    *("status=200\nseconds=soon", "status=000\nNRestarts=many", "=", "path==\nstatus=200\nseconds=0.1"),
)
TEXTS = st.one_of(st.sampled_from(BENT), st.text(max_size=60), st.lists(st.sampled_from(BENT)).map("\n".join))
OUTPUTS = st.builds(Output, st.sampled_from([0, 0, 0, 1, 7, 124, 255, -9]), TEXTS, TEXTS)


@pytest.mark.parametrize("name", NAMES)
@given(output=OUTPUTS)
def test_whatever_its_probe_prints_there_is_a_report(name: str, output: Output) -> None:
    report = understood(discover()[name], output)
    assert report.because.strip(), "no reason is given"
    if output.returncode == 124:
        assert report.health is not Health.HEALTHY

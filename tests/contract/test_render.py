"""What every component puts on a machine."""

from __future__ import annotations

import posixpath
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from jinja2 import Environment, UndefinedError, meta

from outlast.contract.identity import AUTHORITY
from outlast.contract.registry import discover
from outlast.contract.secret import Kind, references
from outlast.contract.template import render
from tests.contract.subject import NAMES, folder, package, parts, templates

pytestmark = pytest.mark.parametrize("name", NAMES)

SECTIONS = ["[Unit]", "[Service]", "[Install]"]
ASSIGNMENT = re.compile(r"[A-Z][A-Za-z]+=.*")
COMMANDS = ("ExecStart=", "ExecStartPre=", "ExecStartPost=", "ExecReload=", "ExecStopPost=")
WRONG = re.compile(r"unknown section|unknown key|failed to parse|invalid|bad unit|neither a valid", re.IGNORECASE)


def test_it_renders_for_the_first_and_the_last_member(name: str) -> None:
    found = parts(name)
    assert found, "a site of everything has no member of it"
    component = discover()[name]
    for view, part in found:
        assert component.render(view) == part, "the same view gave another part"


def test_its_files_are_absolute_named_once_and_not_open_to_all(name: str) -> None:
    for _, part in parts(name):
        paths = [file.path for file in part.files]
        assert len(set(paths)) == len(paths)
        for file in part.files:
            assert posixpath.isabs(file.path)
            assert posixpath.normpath(file.path) == file.path
            assert not file.mode & 0o022, f"{file.path} can be written to by others"
            secret = any(r.kind in (Kind.PASSWORD, Kind.KEY) for r in references(file.content))
            assert not (secret and file.mode & 0o007), f"{file.path} holds a secret that everybody may read"


def test_what_it_names_is_there(name: str) -> None:
    for _, part in parts(name):
        # The authority that all trust is written for all, by the machine's own base.
        paths = {AUTHORITY, *(file.path for file in part.files)}
        services = {service.name for service in part.services}
        for service in part.services:
            assert {*service.restart_on, *service.reload_on} <= paths, f"{service.name} heeds files that nobody writes"
            assert not set(service.restart_on) & set(service.reload_on)
            if service.reload_on:
                assert "ExecReload=" in service.unit, f"{service.name} cannot be reloaded"
        assert {job.service for job in part.once} <= services
        texts = [file.content for file in part.files]
        needed = {r.name for text in texts for r in references(text) if r.kind in (Kind.CERTIFICATE, Kind.KEY)}
        assert needed <= {certificate.name for certificate in part.certificates}


def test_its_probe_is_a_command(name: str) -> None:
    for _, part in parts(name):
        assert part.probe
        assert all(part.probe[:2])
        assert not any("\0" in word for word in part.probe)


def test_its_units_parse(name: str) -> None:
    for _, part in parts(name):
        assert len({service.name for service in part.services}) == len(part.services)
        for service in part.services:
            assert re.fullmatch(r"outlast-[a-z0-9-]+\.service", service.name)
            lines = [line for line in service.unit.splitlines() if line and not line.startswith("#")]
            assert [line for line in lines if line.startswith("[")] == SECTIONS
            strange = [line for line in lines if line not in SECTIONS and not ASSIGNMENT.fullmatch(line)]
            assert strange == []
            assert sum(line.startswith("ExecStart=") for line in lines) == 1
            commands = [line.partition("=")[2].lstrip("+-!:@") for line in lines if line.startswith(COMMANDS)]
            assert [command for command in commands if not command.startswith("/")] == []
            assert not references(service.unit), "everybody may read a unit: a secret has no place there"


def test_systemd_understands_its_units(name: str, tmp_path: Path) -> None:
    # An extra where the tool is there: the box may have another systemd, and none of the programs.
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        return
    written: list[str] = []
    for service in {service.name: service for _, part in parts(name) for service in part.services}.values():
        (tmp_path / service.name).write_text(service.unit, encoding="utf-8")
        written.append(str(tmp_path / service.name))
    done = subprocess.run(
        [analyze, "verify", "--man=no", "--recursive-errors=no", *written], capture_output=True, text=True, timeout=60
    )
    complaints = [line for line in done.stderr.splitlines() if str(tmp_path) in line and WRONG.search(line)]
    assert complaints == []


def test_its_templates_refuse_undefined_names(name: str) -> None:
    component = discover()[name]
    environment = Environment(trim_blocks=True, lstrip_blocks=True)
    for template in templates(component):
        source = (folder(component) / "templates" / f"{template}.j2").read_text(encoding="utf-8")
        if meta.find_undeclared_variables(environment.parse(source)):
            with pytest.raises(UndefinedError):
                render(package(component), template)


def test_its_templates_mirror_the_machine(name: str) -> None:
    written = {file.path.lstrip("/") for _, part in parts(name) for file in part.files}
    folders = {posixpath.dirname(path) for path in written}
    for template in templates(discover()[name]):
        assert posixpath.dirname(template) in folders, f"{template} is written nowhere"

"""What the lab needs of the box."""

from __future__ import annotations

import os
import shutil

from outlast.kernel.errors import Finding

PROGRAMS = {
    "systemd-nspawn": "systemd-container",
    "ip": "iproute2",
    "mmdebstrap": "mmdebstrap",
    "ssh": "openssh-client",
}


def requirements() -> tuple[Finding, ...]:
    """Everything that is missing, at once."""
    findings: list[Finding] = []
    if os.geteuid() != 0:
        why = "the lab makes machines, networks and mounts, and only root may"
        findings.append(Finding("this box", "you are not root", why, "run the same command with sudo"))
    for program, package in PROGRAMS.items():
        if shutil.which(program) is None:
            why = "the lab is made with it"
            findings.append(Finding("this box", f"`{program}` is missing", why, f"apt-get install {package}"))
    return tuple(findings)

"""The Debian packages of the machine: which versions it was made with, which it has now, and how to get them back.

What is installed when Outlast first asks is what is intended. Watched are the packages that the site asks for and
all that come from the same sources (an engine's own package is seldom the one that is asked for). dpkg is asked
only when its status file has changed since the last time.
"""

# pyright: basic

import json
import os
import pathlib
import subprocess

DPKG_STATUS = pathlib.Path("/var/lib/dpkg/status")
PACKAGES_RECORD = pathlib.Path("/var/lib/outlast/packages.json")
START_POLICY = pathlib.Path("/usr/sbin/policy-rc.d")
SYSTEMD = "/etc/systemd/system"
DPKG_FORMAT = "${Package}\t${db:Status-Status}\t${Version}\t${source:Package}\n"
APT_LIMIT = 600


def look_at_packages(names, dry):
    """{"wrong": {package: [intended, found or ""]}, "versions": {package that was asked for: version}}."""
    try:
        status = DPKG_STATUS.stat()
    except FileNotFoundError:
        return {"wrong": {}, "versions": {}}
    record = json.loads(PACKAGES_RECORD.read_text("utf-8")) if PACKAGES_RECORD.exists() else {"intended": {}}
    asked = {"status": [status.st_mtime_ns, status.st_size], "asked": sorted(names)}
    if {key: record.get(key) for key in asked} != asked:
        record.update(asked, found=watched_packages(names, record["intended"]))
        for name, version in record["found"].items():
            record["intended"].setdefault(name, version)
        if not dry:
            write_packages(record)
    found, intended = record["found"], record["intended"]
    wrong = {name: [want, found.get(name, "")] for name, want in intended.items() if found.get(name) != want}
    return {"wrong": wrong, "versions": {name: found[name] for name in sorted(names) if name in found}}


def watched_packages(names, intended):
    """The versions of the packages that matter, as they are installed now."""
    asked = subprocess.run(["dpkg-query", "-W", "-f", DPKG_FORMAT], capture_output=True, text=True, timeout=60)
    lines = [line.split("\t") for line in asked.stdout.splitlines()]
    installed = {name: (version, source) for name, state, version, source in lines if state == "installed"}
    sources = {installed[name][1] for name in {*names, *intended} if name in installed}
    return {name: version for name, (version, source) in installed.items() if source in sources}


def restore_packages(names):
    """Bring intended versions back from the machine's own sources. Empty when it worked, otherwise apt's words."""
    record = json.loads(PACKAGES_RECORD.read_text("utf-8"))
    wanted = [f"{name}={record['intended'][name]}" for name in names]
    before = started_by_systemd()
    policed = START_POLICY.exists()
    if not policed:
        # Installing starts nothing: what runs when is Outlast's business.
        START_POLICY.write_text("#!/bin/sh\nexit 101\n")
        START_POLICY.chmod(0o755)
    try:
        options = ["-y", "--allow-downgrades", "--no-install-recommends", "-o", "Dpkg::Options::=--force-confold"]
        done = apt(["install", *options, *wanted])
        if done.returncode != 0 and apt(["update", "-o", "Acquire::Retries=0"]).returncode == 0:
            done = apt(["install", *options, *wanted])
    finally:
        if not policed:
            START_POLICY.unlink(missing_ok=True)
        for link in started_by_systemd() - before:
            pathlib.Path(link).unlink()
    return "" if done.returncode == 0 else (done.stderr.strip() or done.stdout.strip() or "apt-get failed")


def apt(arguments):
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    return subprocess.run(["apt-get", *arguments], env=environment, capture_output=True, text=True, timeout=APT_LIMIT)


def started_by_systemd():
    """What systemd starts by itself."""
    return {str(path) for path in pathlib.Path(SYSTEMD).glob("*.wants/*")}


def write_packages(record):
    temporary = PACKAGES_RECORD.with_suffix(".new")
    temporary.write_text(json.dumps(record, indent=1), "utf-8")
    temporary.replace(PACKAGES_RECORD)

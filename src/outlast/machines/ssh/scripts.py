"""What runs on servers to look at them, to prepare them and to give them back: shell texts, for dash and nothing more.

Python may be absent on a server, so only the base system is used. Every script may be killed at any instant and run
again.
"""

from __future__ import annotations

import shlex

from outlast.blueprint.nftables import SERVICE as FIREWALL
from outlast.machines.debian import EMPTIED, ENGINE_SOCKETS

# Beside the lander's own folder, which goes when a server is given back; this one goes last.
STATE = "/var/lib/outlast-server"
MARKER = f"{STATE}/site.json"
APT = "-q -y --no-install-recommends -o DPkg::Lock::Timeout=300 -o APT::Update::Error-Mode=any"
KEEP_FILES = "-o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold"

# A machine's firewall lets it call only what its parts need. While packages are fetched it may call anybody; the
# firewall's own reload ends that.
OPEN = """
if nft list chain inet outlast accepted_out >/dev/null 2>&1; then
  nft 'add rule inet outlast accepted_out accept; add rule inet outlast accepted_in ct state established accept'
fi
"""
CLOSE = f"if systemctl is-active --quiet {FIREWALL}; then systemctl reload {FIREWALL}; fi"

SURVEY = f"""
say() {{ printf '%s\\t%s\\n' "$1" "$2"; }}
. /etc/os-release
say system "$ID $VERSION_ID"
say title "$PRETTY_NAME"
say user "$(id -u)"
say systemd "$([ -d /run/systemd/system ] && echo yes)"
say memory "$(sed -n 's/^MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo)"
say room "$(df -Pk /var | sed -n '2s/^[^ ]* *[0-9]* *[0-9]* *\\([0-9]*\\).*/\\1/p')"
say identity "$(cat /etc/machine-id 2>/dev/null)"
say addresses "$(hostname -I 2>/dev/null)"
say marker "$(cat {MARKER} 2>/dev/null)"
listens='s/^ *[0-9]*: [0-9A-F]*:\\([0-9A-F]*\\) [0-9A-F]*:0000 0A .*/\\1/p'
say listening "$(sed -n "$listens" /proc/net/tcp | tr '\\n' ' ')"
say data "$(for f in {" ".join(EMPTIED)}; do [ -z "$(ls -A "/$f" 2>/dev/null)" ] || printf '/%s ' "$f"; done)"
began=$(date +%s%N)
getent hosts outlast-asks.invalid >/dev/null
say lookup "$((($(date +%s%N) - began) / 1000000))"
"""
"""One line for each fact: its name, a tab, its value. Sizes are KiB, ports hexadecimal, the look-up milliseconds."""

SOURCES = f"""
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/partial"
lists="-o Dir::State::Lists=$folder -o Acquire::Languages=none -o Acquire::Retries=0 -o APT::Sandbox::User=root"
timeout 40 apt-get {APT} $lists update 2>&1
"""
"""Fetches the package lists into a folder of its own and throws them away: fails when a source does not answer."""

PREPARE = f"""
set -eu
umask 022
marker=$1 name=$2; shift 2
mkdir -p {STATE}
cd {STATE}
keep() {{ [ -e "$2" ] || {{ cp -p "$1" "$2.new" && mv "$2.new" "$2"; }}; }}
links() {{ find /etc/systemd/system -path '*.wants/*' -type l ! -name 'outlast-*' | sort; }}
filled() {{ for f in {" ".join(EMPTIED)}; do [ -z "$(ls -A "/$f" 2>/dev/null)" ] || echo "/$f"; done; }}
printf '%s\\n' "$marker" > site.json.new
mv site.json.new site.json
[ -e /etc/hosts ] || echo "127.0.0.1 localhost" > /etc/hosts
keep /etc/hosts hosts.before
keep /etc/hostname hostname.before
[ -s /etc/machine-id ] || systemd-machine-id-setup
echo "$name" > /etc/hostname
hostname "$name"
grep -q " $name\\$" /etc/hosts || echo "127.0.1.1 $name" >> /etc/hosts
missing=""
for package; do
  [ "$(dpkg-query -W -f '${{db:Status-Status}}' "$package" 2>/dev/null)" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || [ -e installing ] || exit 0
# What was here before: a run that is killed leaves it to the next one.
[ -e installing ] || {{ links > links.before; filled > filled.before; touch installing; }}
# Nothing that is installed may start by itself. A policy of the owner's is put aside meanwhile.
policy=/usr/sbin/policy-rc.d
[ ! -e $policy ] || grep -q outlast $policy || mv $policy $policy.before-outlast
printf '#!/bin/sh\\n# outlast: put here while packages are installed\\nexit 101\\n' > $policy
chmod 755 $policy
export DEBIAN_FRONTEND=noninteractive
trap {shlex.quote(CLOSE)} EXIT
{OPEN}
dpkg --configure -a
apt-get {APT} update
apt-get {APT} {KEEP_FILES} install $missing
apt-get clean
rm $policy
[ ! -e $policy.before-outlast ] || mv $policy.before-outlast $policy
# Debian enables services at their installation: Outlast says itself which of them run.
links | comm -13 links.before - | xargs -r rm -f
for unit in {" ".join(ENGINE_SOCKETS)}; do ln -sf /dev/null "/etc/systemd/system/$unit"; done
filled | comm -13 filled.before - | while read -r folder; do find "$folder" -mindepth 1 -delete; done
systemctl daemon-reload
# Builds are started over the bus; the next boot would have brought it.
systemctl start dbus.socket
rm installing
"""
"""Arguments: the marker, the machine's name, packages. The marker comes first: whoever is killed has claimed."""

RESET = f"""
set -eu
cd /
grep -qs '"identity": "'"$1"'"' {MARKER} || exit 0
[ -z "$2" ] || grep -qs '"machine": "'"$2"'"' {MARKER} || exit 0
units=$(cd /etc/systemd/system && ls -d outlast-*.service 2>/dev/null || true)
[ -z "$units" ] || systemctl stop $units || true
if [ -e /var/lib/outlast/ledger.json ]; then
  python3 -c 'import json; print("\\n".join(json.load(open("/var/lib/outlast/ledger.json"))["files"]))' |
    grep -vx /etc/hosts | while read -r file; do rm -f "$file"; done
fi
rm -f /etc/systemd/system/outlast-*.service /etc/systemd/system/*.wants/outlast-*.service
systemctl daemon-reload
systemctl reset-failed
rm -rf /etc/outlast /usr/lib/outlast /srv/outlast /run/outlast-* /var/lib/outlast /var/log/outlast-*
for folder in /var/lib/outlast-* /var/lib/private/outlast-* /var/cache/outlast-* /var/cache/private/outlast-*; do
  [ "$folder" = {STATE} ] || rm -rf "$folder"
done
for folder in {" ".join(EMPTIED)}; do
  grep -qsx "/$folder" {STATE}/filled.before || [ ! -d "/$folder" ] || find "/$folder" -mindepth 1 -delete
done
policy=/usr/sbin/policy-rc.d
if [ -e $policy ] && grep -q outlast $policy; then rm $policy; fi
[ ! -e $policy.before-outlast ] || mv $policy.before-outlast $policy
[ ! -e {STATE}/hosts.before ] || cp -p {STATE}/hosts.before /etc/hosts
if [ -e {STATE}/hostname.before ]; then
  cp -p {STATE}/hostname.before /etc/hostname
  hostname "$(cat /etc/hostname)"
fi
rm -rf {STATE}
"""
"""Arguments: the site's identity and the machine's name; empty: whichever it is. Without that marker nothing is done.

Everything that the site put there goes, the packages stay; the marker goes last.
"""

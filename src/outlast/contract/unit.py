"""systemd services as values, with hardened defaults: a component says only where it needs more.

Source of the settings: systemd.exec(5), systemd.service(5) and `systemd-analyze security`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from outlast.contract.listener import INTERPRETER, Listener, arguments


class Start(StrEnum):
    """How systemd learns that the service is up (`Type=`)."""

    SIMPLE = "simple"
    EXEC = "exec"
    NOTIFY = "notify"
    ONESHOT = "oneshot"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One service unit. Times are in seconds; `writable` lists the only paths it may write to.

    `state` and `runtime` name folders below /var/lib and /run that systemd makes and gives to the user.
    `dynamic_user` True: a user of its own that exists only while it runs. `early`: it starts before any other service
    and before the network, and stays until the machine is off. `listeners` are bound before it starts, and stay while
    it is started again.
    """

    description: str
    start: str
    before_start: tuple[str, ...] = ()
    after_start: tuple[str, ...] = ()
    before_stop: tuple[str, ...] = ()
    after_stop: tuple[str, ...] = ()
    reload: tuple[str, ...] = ()
    type: Start = Start.EXEC
    user: str = "root"
    group: str = ""
    dynamic_user: bool = False
    directory: str = ""
    environment_files: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    wants: tuple[str, ...] = ()
    restart: str = "always"
    restart_after: float = 0.5
    start_limit: float = 90.0
    stop_limit: float = 30.0
    kill_mode: str = "mixed"
    listeners: tuple[Listener, ...] = ()
    open_files: int | None = None
    memory_lock: bool = False
    realtime: bool = False
    capabilities: tuple[str, ...] = ()
    address_families: tuple[str, ...] = ()
    state: str = ""
    state_mode: str = "0750"
    runtime: str = ""
    runtime_preserve: bool = False
    writable: tuple[str, ...] = ()
    home_visible: bool = False
    own_devices: bool = True
    conditions: tuple[str, ...] = ()
    early: bool = False
    extra: tuple[str, ...] = ()

    def text(self) -> str:
        """The unit file."""
        return "\n".join([*self._unit(), "", *self._service(), "", "[Install]", "WantedBy=multi-user.target", ""])

    def _unit(self) -> list[str]:
        network = () if self.early else ("network-online.target",)
        wants = ("network-pre.target",) if self.early else network
        return [
            "[Unit]",
            f"Description={self.description}",
            # Without the default dependencies, which would put it behind what it must come before.
            *(["DefaultDependencies=no", "Before=network-pre.target sysinit.target"] if self.early else []),
            f"After={' '.join((*network, *self.after))}",
            f"Wants={' '.join((*wants, *self.wants))}",
            # A member that keeps failing is tried for ever: giving up is the owner's decision, not systemd's.
            "StartLimitIntervalSec=0",
            *self.conditions,
        ]

    def _service(self) -> list[str]:
        lines = ["[Service]", f"Type={self.type}"]
        # Root is never named: with `User=root`, NoNewPrivileges= and a system call filter together, systemd 257 takes
        # CAP_SETUID away although the bounding set has it, and nothing can change to another user (measured).
        user = [] if self.user == "root" else [f"User={self.user}"]
        lines += ["DynamicUser=yes"] if self.dynamic_user else user
        lines += [f"Group={self.group}"] if self.group else []
        lines += [f"WorkingDirectory={self.directory}"] if self.directory else []
        lines += [f"EnvironmentFile={path}" for path in self.environment_files]
        lines += [f"ExecStartPre={command}" for command in self.before_start]
        lines += [f"ExecStart={self._start()}"]
        lines += [f"ExecStartPost={command}" for command in self.after_start]
        lines += [f"ExecReload={command}" for command in self.reload]
        lines += [f"ExecStop={command}" for command in self.before_stop]
        lines += [f"ExecStopPost={command}" for command in self.after_stop]
        if self.type is not Start.ONESHOT:
            lines += [f"Restart={self.restart}", f"RestartSec={self.restart_after:g}s", f"KillMode={self.kill_mode}"]
        lines += [f"TimeoutStartSec={self.start_limit:g}s", f"TimeoutStopSec={self.stop_limit:g}s"]
        lines += self._kept() if self.listeners else []
        lines += [f"LimitNOFILE={self.open_files}"] if self.open_files else []
        lines += ["LimitMEMLOCK=infinity"] if self.memory_lock else []
        lines += [f"StateDirectory={self.state}", f"StateDirectoryMode={self.state_mode}"] if self.state else []
        lines += [f"RuntimeDirectory={self.runtime}"] if self.runtime else []
        lines += ["RuntimeDirectoryPreserve=yes"] if self.runtime_preserve else []
        return [*lines, *self._hardening(), *self.extra]

    def _kept(self) -> list[str]:
        # What it says would stand in the journal under the interpreter's name.
        program = self.start.split(maxsplit=1)[0].rpartition("/")[2]
        return [f"FileDescriptorStoreMax={len(self.listeners)}", f"SyslogIdentifier={program}"]

    def _start(self) -> str:
        if not self.listeners:
            return self.start
        return " ".join((INTERPRETER, *map(argument, arguments(self.listeners)), self.start))

    def _hardening(self) -> list[str]:
        capabilities = " ".join(self.capabilities)
        return [
            f"CapabilityBoundingSet={capabilities}",
            *([f"AmbientCapabilities={capabilities}"] if capabilities and self.user != "root" else []),
            "NoNewPrivileges=yes",
            "ProtectSystem=strict",
            *([f"ReadWritePaths={' '.join(self.writable)}"] if self.writable else []),
            f"ProtectHome={'no' if self.home_visible else 'yes'}",
            # A private /tmp waits for the making of temporary files.
            *([] if self.early else ["PrivateTmp=yes"]),
            f"PrivateDevices={'yes' if self.own_devices else 'no'}",
            "ProtectKernelTunables=yes",
            "ProtectKernelModules=yes",
            "ProtectControlGroups=yes",
            "RestrictSUIDSGID=yes",
            *([] if self.realtime else ["RestrictRealtime=yes"]),
            "LockPersonality=yes",
            f"RestrictAddressFamilies={' '.join(('AF_UNIX AF_INET AF_INET6 AF_NETLINK', *self.address_families))}",
        ]


def environment_value(text: str) -> str:
    """`text` as it stands between double quotes in an environment file, taken literally; it may have several lines.

    Source: EnvironmentFile= in systemd.exec(5).
    """
    for special in ("\\", '"', "$", "`"):
        text = text.replace(special, f"\\{special}")
    return text


def argument(text: str) -> str:
    """`text` as one argument of a unit's command, taken literally.

    Source: "Command lines" in systemd.service(5): quotes and backslashes as in C, `$` and `%` doubled.
    """
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("$", "$$").replace("%", "%%")
    return f'"{escaped}"'

"""The systemd unit that keeps the supervisor of a project, through reboots."""

from __future__ import annotations

from pathlib import Path

_UNIT = """\
[Unit]
Description=Fairlead releases of {folder}
After=network-online.target
Wants=network-online.target

[Service]
WorkingDirectory={folder}
EnvironmentFile=-{folder}/.env.local
ExecStart={python} -m fairlead ship supervise
Restart=always
RestartSec=1
# Releases outlive their supervisor: the next one finds them.
KillMode=process

[Install]
WantedBy=multi-user.target"""


def unit_of(folder: Path, *, python: str) -> str:
    """`folder`: the project's; `python`: that in which Fairlead is installed."""
    return _UNIT.format(folder=folder, python=python)

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The systemd units of additional sendmail daemons: their text, and which are there. The unit is the registration.

Private to the collection: it can change at any time.
"""

import glob
import os
import typing as t

DIRECTORY = "/etc/systemd/system"
#: Where a unit of the same name would be somebody else's.
FOREIGN = (
    "/lib/systemd/system/{}.service",
    "/usr/lib/systemd/system/{}.service",
    "/run/systemd/system/{}.service",
    "/etc/init.d/{}",
)
MARK = "# Written by postmaster.mta: it goes when the instance is removed."
#: A file of the configuration directory: how often the daemon runs its queue, as the option that says so; empty is never.
ENVIRONMENT = "postmaster.env"
QUEUE_RUN = "QUEUE_RUN"
QUEUE_INTERVAL = "10m"

# In the foreground, so that the process that a SIGHUP makes of it is the one that systemd knows.
_TEXT = """\
{mark}
[Unit]
Description=sendmail instance {name} ({directory})
Documentation=man:sendmail(8)
Wants=network-online.target
After=network-online.target nss-lookup.target remote-fs.target {service}.service

[Service]
Type=exec
Environment={variable}=-q{interval}
EnvironmentFile=-{directory}/{environment}
RuntimeDirectory={name}
ExecStart={program} -bD -L {name} -C {directory}/sendmail.cf ${variable}
ExecReload=/bin/kill -HUP $MAINPID
Restart=on-failure
RestartSec=10
TimeoutStopSec=60

[Install]
WantedBy=multi-user.target
"""


def path(name: str) -> str:
    """Return where the unit of an instance lies."""
    return os.path.join(DIRECTORY, f"{name}.service")


def text(name: str, directory: str, program: str, service: str) -> str:
    """Return the unit of an instance.

    :param service: the unit of the primary instance, after which this one starts.
    """
    return _TEXT.format(
        mark=MARK,
        name=name,
        directory=directory,
        program=program,
        service=service,
        variable=QUEUE_RUN,
        interval=QUEUE_INTERVAL,
        environment=ENVIRONMENT,
    )


def directory_of(content: str) -> str:
    """Return the configuration directory that a unit of ours is for; empty for one that is not ours."""
    if not content.startswith(MARK + "\n"):
        return ""
    for line in content.split("\n"):
        words = line.split()
        if line.startswith("ExecStart=") and "-C" in words[:-1]:
            return os.path.dirname(words[words.index("-C") + 1])
    return ""


def read(name: str) -> str:
    """Return a unit's text; empty where there is none."""
    try:
        with open(path(name), encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError:
        return ""


def known() -> t.Tuple[t.Tuple[str, str], ...]:
    """Return name and configuration directory of each instance that has a unit of ours."""
    names = sorted(os.path.basename(file_name)[: -len(".service")] for file_name in glob.glob(path("sendmail-*")))
    pairs = [(name, directory_of(read(name))) for name in names]
    return tuple((name, directory) for name, directory in pairs if directory)


def at_boot(name: str) -> bool:
    """Return whether systemd starts the unit at boot."""
    return bool(glob.glob(os.path.join(DIRECTORY, "*.wants", f"{name}.service")))


def environment(interval: str) -> bytes:
    """Return the file that says how often the queue is run."""
    return f"{QUEUE_RUN}=-q{interval}\n".encode("ascii")


def interval_in(content: str) -> str:
    """Return how often the queue is run, as that file says; empty where it does not say, or never."""
    for line in content.split("\n"):
        name, dummy, value = line.strip().partition("=")
        if name == QUEUE_RUN and value.startswith("-q"):
            return value[2:]
    return ""

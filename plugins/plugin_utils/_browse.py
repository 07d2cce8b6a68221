# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How one gets through the doors of a play: the command of ssh, and what the browser is told.

Private to the collection: it can change at any time.
"""

from __future__ import annotations

import shlex
import socket
import subprocess
import time
import typing as t

#: What a server of SOCKS 5 answers to one who needs no authentication.
_GREETING, _WELCOME = b"\x05\x01\x00", b"\x05\x00"
_PATIENCE, _PAUSE = 10.0, 0.1
Answer = t.Mapping[str, t.Any]


class Entrance(t.NamedTuple):
    """Where a door is entered on this machine: a port of 127.0.0.1, or a socket of the file system."""

    port: int
    path: str = ""

    @property
    def text(self) -> str:
        """As C(ssh -L) takes it."""
        return self.path or f"127.0.0.1:{self.port}"

    def connected(self) -> socket.socket:
        """Return a connection to it.

        :raises OSError: nothing listens there.
        """
        link = socket.socket(socket.AF_UNIX if self.path else socket.AF_INET, socket.SOCK_STREAM)
        link.settimeout(_PATIENCE)
        try:
            link.connect(self.path or ("127.0.0.1", self.port))
        except OSError:
            link.close()
            raise
        return link


def command(variables: Answer, answer: Answer, entrance: Entrance, defaults: Answer) -> list[str]:
    """Return the command that leads to a door, and ends when that closes.

    :param variables: of the relay, as Ansible connects to it.
    :param answer: of the module browse.
    :param defaults: C(user), C(port) and C(key) of the configuration of Ansible.
    """
    # A connection that ssh shares with others would keep the way open when this command has ended.
    words = ["ssh", "-S", "none", "-o", "ExitOnForwardFailure=yes"]
    for name in ("ansible_ssh_common_args", "ansible_ssh_extra_args"):
        words += shlex.split(str(variables.get(name) or ""))
    options = {
        "-i": _first(variables, "ansible_ssh_private_key_file", "ansible_private_key_file") or defaults.get("key"),
        "-p": _first(variables, "ansible_port", "ansible_ssh_port") or defaults.get("port"),
        "-l": _first(variables, "ansible_user", "ansible_ssh_user") or defaults.get("user"),
    }
    words += [word for name, value in options.items() if value for word in (name, str(value))]
    if entrance.path:
        words += ["-o", "StreamLocalBindUnlink=yes", "-o", "StreamLocalBindMask=0177"]
    host = _first(variables, "ansible_host", "ansible_ssh_host") or variables["inventory_hostname"]
    return [*words, "-L", f"{entrance.text}:{answer['socket']}", str(host), "cat", answer["ended_by"]]


def _first(variables: Answer, *names: str) -> t.Any:
    return next((variables[name] for name in names if variables.get(name)), None)


def lines(host: str, answer: Answer, words: t.Sequence[str], entrance: Entrance, checked: bool) -> list[str]:
    """Return what is said about the door of one relay.

    :param words: the command that leads to it.
    :param checked: whether this is check mode.
    """
    if not answer["open"]:
        done = ("would be closed" if checked else "closed now") if answer["changed"] else "is closed"
        return [f"{host}: {done}"]
    state = ("would be open" if checked else "open") if answer["changed"] else "open already"
    until = answer["until"].replace("T", " ").replace("Z", " UTC")
    return [
        f"{host}: {state} until {until}, leaves from {' and '.join(answer['addresses'])}",
        f"  {shlex.join(words)}",
        *(f"  {line}" for line in browser(entrance)),
    ]


def browser(entrance: Entrance) -> list[str]:
    """Return what a browser and curl are told."""
    if entrance.path:
        return [
            f"Firefox: SOCKS host file://{entrance.path}, SOCKS v5, proxy DNS when using SOCKS v5",
            f"curl --proxy socks5h://localhost{entrance.path} URL",
        ]
    return [
        f"Browser: SOCKS host 127.0.0.1, port {entrance.port}, SOCKS v5, proxy DNS when using SOCKS v5",
        f"curl --proxy socks5h://127.0.0.1:{entrance.port} URL",
    ]


def connect(words: t.Sequence[str], entrance: Entrance) -> str:
    """Start ssh in the background, unless it leads to the door already; return why that failed, or nothing."""
    if is_connected(entrance):
        return ""
    batch = [words[0], "-f", "-o", "BatchMode=yes", *words[1:]]
    # What goes on in the background must not hold a pipe of ours.
    done = subprocess.run(
        batch, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, timeout=60
    )
    if done.returncode == 0 and is_connected(entrance):
        return ""
    return f"ssh does not lead to it (exit status {done.returncode}); type its command to see why"


def is_connected(entrance: Entrance) -> bool:
    """Return whether somebody leads to a door there. The ssh of one that has just closed is given time to end."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        try:
            with entrance.connected() as link:
                link.sendall(_GREETING)
                if link.recv(len(_WELCOME)) == _WELCOME:
                    return True
        except ConnectionRefusedError:
            return False
        except FileNotFoundError:
            return False
        except OSError:
            pass
        time.sleep(_PAUSE)
    return False

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Open a SOCKS door from which one user of this host leaves from the relay's own address, for a time; or close it.

Private to the collection: it can change at any time.

All of it is below one directory of /run, and one transient unit of systemd, which removes the directory however it ends: at its time, by
its stop, by a fault, or with the host. So nothing has to be remembered.
"""

import json
import os
import socket
import sys
import time
import typing as t

from .. import _addresses, _files, _mta, _zipapp
from .._errors import OptionError, PostmasterError
from .._kit import door, install
from .._model import kinds
from .._runner import Runner
from . import sources

OPEN, CLOSED = "open", "closed"
ARGUMENT_SPEC: t.Dict[str, t.Any] = {
    **_mta.ARGUMENT_SPEC,
    "state": {"type": "str", "choices": [OPEN, CLOSED], "default": OPEN},
    "addresses": {"type": "list", "elements": "str", "default": []},
    "duration": {"type": "str", "default": "1h"},
    "uid": {"type": "int"},
}
SHORTEST, LONGEST = 1, 86400
#: Where the directory of each door is, and what is known of it there.
RUN, KNOWN, ARCHIVE = "/run", "door.json", "door.pyz"
#: systemd ends the door where it does not end by itself. Seconds after its time.
_GRACE = 15


class Door(t.NamedTuple):
    """A door.

    :param sources: the addresses to leave from, at most one for each IP version.
    :param until: when it closes, in seconds since the epoch.
    """

    uid: int
    sources: t.Tuple[str, ...]
    until: float

    @property
    def unit(self) -> str:
        """The name of its unit, and of its directory."""
        return _unit(self.uid)

    @property
    def directory(self) -> str:
        """Where its files are."""
        return os.path.join(RUN, self.unit)


def run(params: t.Mapping[str, t.Any], check_mode: bool, runner: t.Optional[Runner] = None) -> t.Dict[str, t.Any]:
    """Open or close the door of one user.

    :raises PostmasterError: a bad option, an address that is not of this host, or systemd does not run here.
    """
    runner = runner or Runner()
    _mta.insist_on_root(runner)
    if not install.has_systemd(runner):
        raise PostmasterError("systemd does not run this host, and it is what would close the door")
    uid = params["uid"] if params["uid"] is not None else int(os.environ.get("SUDO_UID") or 0)
    live = _live(runner, uid)
    if params["state"] == CLOSED:
        if live and not check_mode:
            _close(runner, uid)
        return _answer(None, [f"stop {live.unit}.service"] if live else [])
    seconds = _seconds(params["duration"])
    wanted = Door(uid, _sources(runner, params), time.time() + seconds)
    if live and live.sources == wanted.sources:
        return _answer(live, [])
    actions = ([f"stop {live.unit}.service"] if live else []) + [f"start {wanted.unit}.service"]
    if not check_mode:
        _close(runner, uid)
        _open(runner, wanted, seconds)
    return _answer(wanted, actions)


def _answer(shown: t.Optional[Door], actions: t.List[str]) -> t.Dict[str, t.Any]:
    answer: t.Dict[str, t.Any] = {"changed": bool(actions), "actions": actions, "open": shown is not None}
    if shown:
        answer.update(
            addresses=list(shown.sources),
            until=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(shown.until)),
            socket=os.path.join(shown.directory, door.SOCKET),
            ended_by=os.path.join(shown.directory, door.OPEN),
        )
    return answer


def _unit(uid: int) -> str:
    return f"postmaster-mta-browse-{uid}"


# --- what is wanted -------------------------------------------------------------------------------------------------


def _seconds(value: str) -> int:
    try:
        seconds = kinds.duration(value)
    except ValueError as problem:
        raise OptionError("duration", value, str(problem))
    if not SHORTEST <= seconds <= LONGEST:
        raise OptionError("duration", value, "from 1 second to 24 hours")
    return seconds


def _sources(runner: Runner, params: t.Mapping[str, t.Any]) -> t.Tuple[str, ...]:
    """Return the addresses to leave from, at most one for each IP version.

    :raises OptionError: two of one version, or one that this host does not have.
    """
    known = params["addresses"] or sources.identity(runner, params).get("send_from") or sources.default_sources()
    addresses = tuple(dict.fromkeys(_address(text) for text in known))
    if len(door.by_family(addresses)) < len(addresses):
        raise OptionError("addresses", ", ".join(addresses), "there must be at most one address for each IP version")
    return addresses


def _address(text: str) -> str:
    try:
        address = str(_addresses.address(text))
    except ValueError as problem:
        raise OptionError("addresses", text, str(problem))
    (family,) = door.by_family([address])
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError as problem:
            raise OptionError("addresses", text, f"this host cannot leave from it: {problem.strerror}")
    return address


# --- what is there --------------------------------------------------------------------------------------------------


def _live(runner: Runner, uid: int) -> t.Optional[Door]:
    """Return the door of a user; None where it is closed."""
    if runner.run(["systemctl", "is-active", "--quiet", f"{_unit(uid)}.service"], check=False).rc:
        return None
    try:
        known = json.loads((_files.read(os.path.join(RUN, _unit(uid), KNOWN)) or b"").decode("ascii"))
        return Door(uid, tuple(known["sources"]), known["until"])
    except (ValueError, KeyError):
        # It runs, and nobody knows how: it is closed before another one opens.
        return Door(uid, (), 0)


def _close(runner: Runner, uid: int) -> None:
    unit = _unit(uid)
    runner.run(["systemctl", "stop", f"{unit}.service"], check=False)
    _files.remove(os.path.join(RUN, unit))


def _open(runner: Runner, wanted: Door, seconds: int) -> None:
    """Start a door; it takes clients when this returns.

    :raises PostmasterError: it does not start; then nothing of it is left.
    """
    os.mkdir(wanted.directory, 0o700)
    try:
        archive = os.path.join(wanted.directory, ARCHIVE)
        _files.write_new(archive, _zipapp.content(*door.__name__.split(".")[-2:]), 0o600)
        known = json.dumps({"sources": wanted.sources, "until": wanted.until})
        _files.write_new(os.path.join(wanted.directory, KNOWN), known.encode("ascii"), 0o600)
        runner.run([*_systemd_run(wanted, seconds), "--", sys.executable, "-I", archive, *_arguments(wanted, seconds)])
    except (OSError, PostmasterError):
        _close(runner, wanted.uid)
        raise


def _systemd_run(wanted: Door, seconds: int) -> t.List[str]:
    properties = {
        "Type": "notify",
        "RuntimeDirectory": wanted.unit,
        "RuntimeDirectoryMode": "0700",
        "RuntimeMaxSec": str(seconds + _GRACE),
        "NoNewPrivileges": "yes",
        "TasksMax": "64",
    }
    command = ["systemd-run", "--quiet", "--collect", f"--unit={wanted.unit}"]
    command.append(f"--description=postmaster.mta: leave from {' and '.join(wanted.sources)}, user {wanted.uid}")
    return command + [f"--property={name}={value}" for name, value in properties.items()]


def _arguments(wanted: Door, seconds: int) -> t.List[str]:
    return [wanted.directory, str(wanted.uid), str(seconds), *wanted.sources]


__all__ = ("ARGUMENT_SPEC", "run")

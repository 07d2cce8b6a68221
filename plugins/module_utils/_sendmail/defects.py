# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with a host before anything is changed, and what no run of ours would repair.

A sendmail.cf or a table of ours that somebody spoilt is no such thing: the run writes it anew.

Private to the collection: it can change at any time.
"""

import os
import stat
import typing as t

from .._model.host import Host
from .compile import map_entries
from .tables import ACCESS, ALIASES, RECIPIENTS, ROUTES

#: Files of the configuration directory that are read, written or started from.
_READ = (
    "sendmail.mc",
    "sendmail.cf",
    "access",
    ACCESS,
    "mailertable",
    ROUTES,
    RECIPIENTS,
    ALIASES,
    "aliases",
    "local-host-names",
    "relay-domains",
    "sendmail.conf",
    "Makefile",
    "virtusertable",
    "genericstable",
    "domaintable",
)
#: Number and reason of each line that is wrong.
LineDefects = t.List[t.Tuple[int, str]]


def broken(host: Host) -> t.Tuple[str, ...]:
    """Return what is wrong, each with file and line."""
    directory = host.instance.config_directory
    findings = _writable_by_others(directory)
    for name in _READ:
        findings += _unreadable(os.path.join(directory, name))
    if findings or not os.path.isdir(directory):
        return tuple(findings)
    for name, judge in (("access", _map_defects), ("mailertable", _route_defects), ("aliases", _alias_defects)):
        findings += [f"{directory}/{name}:{number}: {why}" for number, why in judge(_text(directory, name))]
    if host.instance.primary:
        findings += _shell_defects(host, directory) + _make_defects(host, directory)
    return tuple(findings)


def _writable_by_others(directory: str) -> t.List[str]:
    """Return what others may write to: sendmail takes no table from such a place (op.me, DontBlameSendmail)."""
    findings = []
    for path in [directory] + [os.path.join(directory, name) for name in _READ]:
        mode = stat.S_IMODE(os.stat(path).st_mode) if os.path.exists(path) else 0
        if mode & (stat.S_IWGRP | stat.S_IWOTH):
            findings.append(
                f"{path}: others than its owner may write to it (mode {mode:04o}), and sendmail distrusts that"
            )
    return findings


def _unreadable(path: str) -> t.List[str]:
    if os.path.islink(path) and not os.path.exists(path):
        return [f"{path}: a symbolic link to nowhere"]
    if os.path.exists(path) and not os.path.isfile(path):
        return [f"{path}: not a file"]
    return []


def _text(directory: str, name: str) -> str:
    path = os.path.join(directory, name)
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8", errors="surrogateescape") as stream:
        return stream.read()


def _map_defects(text: str) -> LineDefects:
    """Return what makemap refuses: a key without a value, a key that stands twice."""
    first: t.Dict[str, int] = {}
    defects: LineDefects = []
    for number, key, value in map_entries(text):
        before = first.setdefault(key.lower(), number)
        if before != number:
            defects.append((number, f"{key} stands in line {before} already"))
        elif not value:
            defects.append((number, f"{key} has no value"))
    return defects


def _route_defects(text: str) -> LineDefects:
    defects = _map_defects(text)
    reported = {number for number, dummy in defects}
    for number, dummy, value in map_entries(text):
        if ":" not in value and number not in reported:
            defects.append((number, f"{value} is not mailer:host"))
    return defects


def _alias_defects(text: str) -> LineDefects:
    """Return lines that newaliases refuses (aliases(5)); one that begins with a blank continues the one before."""
    defects: LineDefects = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip() and line[0] not in "# \t" and ":" not in line:
            defects.append((number, f"{line.strip()} has no colon"))
    return defects


def _shell_defects(host: Host, directory: str) -> t.List[str]:
    """Return what the shell says about sendmail.conf, which the service's start script (Debian) reads."""
    path = os.path.join(directory, "sendmail.conf")
    if not os.path.exists(path):
        return []
    result = host.runner.run(["sh", "-n", path], timeout=30, check=False)
    complaints = [line for line in result.err.split("\n") if line.strip()]
    return [line if path in line else f"{path}: {line}" for line in complaints]


def _make_defects(host: Host, directory: str) -> t.List[str]:
    """Return what make says about the Makefile, without which the start script starts nothing."""
    path = os.path.join(directory, "Makefile")
    if not os.path.exists(path):
        return []
    if not _text(directory, "Makefile").strip():
        return [f"{path}: empty, and the service would not start"]
    # With a target that no Makefile has, make reads the file, does nothing, and says what it could not read.
    argv = ["make", "-q", "-f", path, "none-of-that-name"]
    result = host.runner.run(argv, timeout=60, check=False, cwd=directory)
    return [line for line in result.err.split("\n") if line.startswith(f"{path}:") and "***" in line]

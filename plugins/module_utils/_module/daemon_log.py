# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why an MTA does not run: the line of its own log.

Private to the collection: it can change at any time.
"""

import os
import re
import time
import typing as t

from .._runner import Runner

_FILES = ("/var/log/mail.log", "/var/log/maillog", "/var/log/mail", "/var/log/syslog", "/var/log/messages")
#: A line of an MTA that says why it does not run.
_REASON = re.compile(
    r"(?:postfix|sendmail|sm-mta|postmulti)[^ :]*?(?:\[\d+\])?: (.*(?:fatal|panic|SYSERR|syserr|NOQUEUE).*)",
    re.IGNORECASE,
)
_TAIL = 65536
_MOST = 300


def reason(runner: Runner, since: float) -> str:
    """Return the last line in which an MTA says why it does not run; empty where there is none."""
    lines = _journal(runner, since) or _file_lines(since)
    reasons = [match.group(1) for match in map(_REASON.search, lines) if match]
    return reasons[-1][:_MOST] if reasons else ""


def _journal(runner: Runner, since: float) -> t.List[str]:
    command = ["journalctl", "--quiet", "--no-pager", "--output=short", f"--since=@{int(since)}", "--lines=500"]
    lines = runner.run(command, check=False, timeout=20).out.splitlines() if runner.which("journalctl") else []
    return [line for line in lines if _REASON.search(line)]


def _file_lines(since: float) -> t.List[str]:
    """Return the end of the newest log file that was written since then."""
    for path in _FILES:
        try:
            if os.stat(path).st_mtime < int(since):
                continue
            with open(path, "rb") as stream:
                stream.seek(max(0, os.fstat(stream.fileno()).st_size - _TAIL))
                lines = stream.read().decode("utf-8", "replace").splitlines()
        except OSError:
            continue
        recent = [line for line in lines if not _is_older(line, since)]
        if any(_REASON.search(line) for line in recent):
            return recent
    return []


def _is_older(line: str, since: float) -> bool:
    """Return whether a line was written before; one whose time nobody can read was not."""
    if line[:1].isalpha():
        # The traditional form, "Nov  3 10:00:00", has no year.
        text, pattern = f"{time.localtime(since).tm_year} {line[:15]}", "%Y %b %d %H:%M:%S"
    else:
        text, pattern = line[:19].replace("T", " "), "%Y-%m-%d %H:%M:%S"
    try:
        stamp = time.strptime(text, pattern)
    except ValueError:
        return False
    return time.mktime(stamp[:8] + (-1,)) < int(since)

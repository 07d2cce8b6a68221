# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Debian's own files around sendmail: they must start the daemon and must not rebuild its configuration.

Private to the collection: it can change at any time.

Debian's init script runs make, which would build sendmail.cf anew whenever sendmail.mc is newer. It does not start the daemon
when make fails.
"""

import re
import typing as t

from .._model.host import File
from .draft import Draft, duration_text

_MADE_BY_US = (b"/etc/mail/sendmail.cf", b"/etc/mail/databases", b"/etc/mail/Makefile")


def keep_hands_off(draft: Draft) -> None:
    """Add sendmail.conf and Makefile, where they exist, changed so that make leaves the configuration alone."""
    conf, makefile = draft.current("sendmail.conf"), draft.current("Makefile")
    if conf is not None:
        values = {"HANDS_OFF": "Yes"}
        interval = draft.policy.queue.run_interval
        if interval is not None:
            values["QUEUE_INTERVAL"] = duration_text(interval)
        draft.files["sendmail.conf"] = File(with_shell_values(conf, values))
    if makefile is not None:
        draft.files["Makefile"] = File(without_cf_rule(makefile), 0o754)


def with_shell_values(content: bytes, values: t.Mapping[str, str]) -> bytes:
    """Return a shell file with C(NAME="value") lines replaced or added; everything else stays byte for byte."""
    text = content.decode("utf-8", "surrogateescape")
    for name, value in sorted(values.items()):
        text = _with_shell_value(text, name, f'{name}="{value}"')
    return text.encode("utf-8", "surrogateescape")


def _with_shell_value(text: str, name: str, line: str) -> str:
    assignments = list(re.finditer(rf'^{name}=("[^"\n]*"|[^\s;#]*)', text, re.MULTILINE))
    if assignments:
        # The shell takes the last one.
        last = assignments[-1]
        return text[: last.start()] + line + text[last.end() :]
    if text and not text.endswith("\n"):
        text += "\n"
    return f"{text}{line}\n"


def without_cf_rule(content: bytes) -> bytes:
    """Return Debian's Makefile without the rules that write the configuration; those for tables stay."""
    lines = []
    for line in content.split(b"\n"):
        target, colon, dummy = line.partition(b" :")
        if colon and target in _MADE_BY_US:
            lines.append(target + b" : # postmaster.mta sees to it")
        elif not _is_prerequisite(line):
            lines.append(line)
    return b"\n".join(lines)


def _is_prerequisite(line: bytes) -> bool:
    """Return whether a line continues a rule and names a file that we make."""
    return line.startswith(b"\t/") and line.endswith(b"\\") and line.strip(b"\t \\") in _MADE_BY_US

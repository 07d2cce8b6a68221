# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""sendmail.mc becomes sendmail.cf.

Private to the collection: it can change at any time.
"""

from .._errors import Refused
from .._model.host import Host
from . import cf


def build_cf(host: Host, text: str) -> str:
    """Run m4 over a sendmail.mc and return the cf, without what it says about the moment.

    :raises Refused: m4 failed, or complained with exit status 0, which loses settings.
    """
    result = host.runner.run(["m4"], stdin=text, timeout=60, check=False)
    complaints = [line for line in result.err.split("\n") if line.strip()]
    if result.rc or complaints:
        raise Refused(
            [f"sendmail.mc: {_with_source(line, text)}" for line in complaints or [f"m4 failed ({result.rc})"]]
        )
    return cf.neutralise(result.out)


def _with_source(line: str, text: str) -> str:
    """A message of m4 together with the line of sendmail.mc that it names (C(m4:stdin:12: ...))."""
    parts = line.split(":")
    if len(parts) > 2 and parts[1] == "stdin" and parts[2].isdigit():
        lines = text.split("\n")
        number = min(int(parts[2]), len(lines))
        return f"{line.strip()} [line {number}: {lines[number - 1].strip()}]"
    return line.strip()

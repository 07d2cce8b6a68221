# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which senders the access table of a sendmail instance refuses already (twin of _postfix/refusals.py).

Private to the collection: it can change at any time.
"""

import os
import re
import typing as t

from .._runner import Runner
from . import discover

_ANSWER = re.compile(r"map_lookup: access \(([^)]*)\) returns (.*) \(-?\d+\)\s*\Z")
#: Answers that do not keep a message out (cf/README, "ANTI-SPAM CONFIGURATION CONTROL").
_HARMLESS = ("OK", "RELAY", "SKIP")


def refused_senders(runner: Runner, config_directory: str, addresses: t.Iterable[str]) -> t.FrozenSet[str]:
    """Return the addresses that the access table rejects, discards, quarantines or answers with an error.

    sendmail is asked itself, in address test mode; the order of keys is that of check_mail: address, user@, domain,
    parent domains, each with and without the tag.
    """
    keys = {address: _keys(address) for address in addresses}
    answers = _ask(runner, config_directory, {key for names in keys.values() for key in names})
    refused = set()
    for address, names in keys.items():
        answer = next((answers[key] for key in names if key in answers), "")
        if _keeps_out(answer):
            refused.add(address)
    return frozenset(refused)


def _ask(runner: Runner, config_directory: str, keys: t.Iterable[str]) -> t.Dict[str, str]:
    """Return what the access map has for each key that it knows."""
    commands = "".join(f"/map access {key}\n" for key in sorted(keys))
    configuration = os.path.join(config_directory, "sendmail.cf")
    result = runner.run([discover.program(runner), "-bt", "-C", configuration], stdin=commands)
    matches = [_ANSWER.search(line) for line in result.out.splitlines()]
    return {match.group(1): match.group(2) for match in matches if match}


def _keeps_out(answer: str) -> bool:
    """Return whether sendmail refuses, discards or quarantines after this answer."""
    return bool(answer) and answer.upper() not in _HARMLESS


def _keys(address: str) -> t.List[str]:
    local, _at, domain = address.lower().rpartition("@")
    labels = domain.split(".")
    plain = [address.lower(), local + "@"] + [".".join(labels[start:]) for start in range(len(labels))]
    # A blank or a control character would be another command.
    return [tag + key for key in plain for tag in ("from:", "") if key.isprintable() and " " not in key]

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which senders the access tables of a Postfix instance refuse already (twin of _sendmail/refusals.py).

Private to the collection: it can change at any time.
"""

import typing as t

from .._errors import CommandError
from .._runner import Runner

_RESTRICTIONS = tuple(
    f"smtpd_{stage}_restrictions" for stage in ("client", "helo", "sender", "relay", "recipient", "data", "end_of_data")
)
#: Answers that do not keep a message out, access(5).
_HARMLESS = ("OK", "DUNNO", "PERMIT", "WARN", "PREPEND", "INFO", "BCC", "REDIRECT", "FILTER")


def refused_senders(runner: Runner, config_directory: str, addresses: t.Iterable[str]) -> t.FrozenSet[str]:
    """Return the addresses for which a check_sender_access table says reject, discard, hold or an error.

    :raises CommandError: when a table cannot be asked.

    C(postmap -q) looks one key up; the order of keys is smtpd's, access(5): address, domain, parent domains, user@.
    """
    keys = {address: _keys(address) for address in addresses}
    refused = set()
    for table in _tables(runner, config_directory):
        answers = _ask(runner, config_directory, table, {key for names in keys.values() for key in names})
        for address, names in keys.items():
            answer = next((answers[key] for key in names if key in answers), "")
            if _keeps_out(answer):
                refused.add(address)
    return frozenset(refused)


def _ask(runner: Runner, config_directory: str, table: str, keys: t.Iterable[str]) -> t.Dict[str, str]:
    """Return what a table has for each key that it knows."""
    lines = "".join(f"{key}\n" for key in sorted(keys))
    result = runner.run(["postmap", "-c", config_directory, "-q", "-", table], stdin=lines, check=False)
    if result.rc > 1:  # 1 is that no key was found
        raise CommandError(result.argv, result.rc, result.out, result.err)
    pairs = [line.partition("\t") for line in result.out.splitlines() if "\t" in line]
    return {key: answer for key, _tab, answer in pairs}


def _keeps_out(answer: str) -> bool:
    """Return whether smtpd refuses, discards or holds after this answer; a number alone means OK."""
    return bool(answer) and not answer.isdigit() and not answer.upper().startswith(_HARMLESS)


def _tables(runner: Runner, config_directory: str) -> t.List[str]:
    """Return the tables behind check_sender_access in any of smtpd's restriction lists, in their order."""
    tables: t.List[str] = []
    answer = runner.run(["postconf", "-c", config_directory, "-h", "-x"] + list(_RESTRICTIONS))
    for line in answer.out.splitlines():
        words = line.replace(",", " ").replace("{", " ").replace("}", " ").split()
        for word, after in zip(words, words[1:]):
            if word == "check_sender_access" and after not in tables:
                tables.append(after)
    return tables


def _keys(address: str) -> t.List[str]:
    local, _at, domain = address.lower().rpartition("@")
    labels = domain.split(".")
    return [address.lower()] + [".".join(labels[start:]) for start in range(len(labels))] + [local + "@"]

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lines of the mailertable that no option of the policy says, as lines of transport(5) and virtual(5).

Private to the collection: it can change at any time.
"""

import re
import typing as t

from .._model.move import CONVERTED, DIFFERS, NOT_CONVERTED, Row
from .compile import Entry

#: Mailers of sendmail's own that speak SMTP.
_SMTP = frozenset(("smtp", "esmtp", "smtp8", "dsmtp", "relay"))
#: The words that an error of a table can have in the place of a status (sysexits.h), with what sendmail makes of them.
_WORDS = {
    "usage": "5.5.4",
    "nouser": "5.1.1",
    "nohost": "5.1.2",
    "unavailable": "5.0.0",
    "software": "5.3.0",
    "tempfail": "4.0.0",
    "protocol": "5.5.0",
    "config": "5.3.5",
}
_ERROR = re.compile(r"error:(?:(\d\.\d{1,3}\.\d{1,3}):|([a-z]+)[: ])?\s*(.*)\Z", re.IGNORECASE)
_CODE = re.compile(r"([45])\d\d(?: ([45]\.\d{1,3}\.\d{1,3}))?[ -](.*)\Z")
#: What the rules know without a definition.
_BUILT_IN = frozenset(("error", "local"))
_BY_HAND = "it names a mailer or an action that transport(5) has no word for"


class Routes(t.NamedTuple):
    """What the lines become."""

    transports: t.List[str]
    aliases: t.List[str]
    rows: t.List[Row]


def routes(entries: t.Iterable[Entry], mailers: t.Mapping[str, str], known: t.Collection[str], hostname: str) -> Routes:
    """Return what lines of the mailertable become.

    :param mailers: the ports of the mailers of the configuration itself, by name.
    :param known: the names of all mailers; empty where the configuration was not read.
    """
    result = Routes([], [], [])
    for entry in entries:
        where, text = f"mailertable:{entry.line}", f"{entry.key} {entry.value}"
        mailer = entry.value.partition(":")[0]
        if known and mailer not in known and mailer.lower() not in _BUILT_IN:
            verdict, number, sentence = _unknown(result, entry, mailer)
        else:
            verdict, number, sentence = _converted(result, entry, mailers, hostname)
        test = "" if verdict == CONVERTED else f"sendmail -bt: 3,0 user@{entry.key.lstrip('.')}"
        result.rows.append(Row(number, verdict, where, text, sentence, test))
    return result


def _unknown(result: Routes, entry: Entry, mailer: str) -> t.Tuple[str, int, str]:
    """Take a line whose mailer the configuration does not have: sendmail refuses what it is about."""
    result.transports.append(f"{entry.key} error:5.3.0 unknown mailer {mailer}")
    return CONVERTED, 17, f"transport_maps: error; sendmail itself has no mailer {mailer!r} and refuses mail for it"


def _converted(result: Routes, entry: Entry, mailers: t.Mapping[str, str], hostname: str) -> t.Tuple[str, int, str]:
    mailer, dummy, rest = entry.value.partition(":")
    name = mailer.lower()
    key = "*" if entry.key == "." else entry.key
    if name == "error":
        result.transports.append(f"{key} error:{_error(entry.value)}")
        return DIFFERS, 17, "transport_maps: error; the reply has the same status, and 550 or 450"
    if name == "discard":
        result.transports.append(f"{key} discard:{rest or 'mailertable'}")
        return CONVERTED, 17, "transport_maps: discard"
    if name == "local":
        return _local(result, key, rest, hostname)
    if name in _SMTP or mailer in mailers:
        port = mailers.get(mailer, "")
        hops = [hop for hop in re.split(r":(?![^\[]*\])", rest) if hop]
        ending = f":{port}" if port else ""
        result.transports.append(f"{key} smtp:{', '.join(f'{hop}{ending}' for hop in hops)}")
        if mailer in mailers:
            return (
                DIFFERS,
                17,
                f"transport_maps: smtp to port {port or 25}; the flags F= of the mailer are not converted",
            )
        return CONVERTED, 16, "transport_maps"
    return NOT_CONVERTED, 17, _BY_HAND


def _local(result: Routes, key: str, user: str, hostname: str) -> t.Tuple[str, int, str]:
    if not user:
        result.transports.append(f"{key} local:")
        return CONVERTED, 17, "transport_maps: local"
    if key.startswith((".", "*")):
        return (
            NOT_CONVERTED,
            17,
            "every user below a domain is one local user; nearest: a pcre table in virtual_alias_maps",
        )
    result.aliases.append(f"@{key} {user}@{hostname or 'localhost'}")
    return CONVERTED, 17, "virtual_alias_maps: every user of the domain is one local user"


def _error(value: str) -> str:
    """Return status and text of an error, as error(8) takes them."""
    match = _ERROR.match(value)
    status, word, text = match.groups() if match else (None, None, value)
    coded = _CODE.match(text)
    if coded:
        text = coded.group(3)
        status = status or coded.group(2) or f"{coded.group(1)}.0.0"
    status = status or _WORDS.get((word or "").lower()) or "5.0.0"
    return f"{status} {text.strip() or 'mail for this domain is not taken'}"


def own_mailers(mailers: t.Mapping[str, str]) -> t.Dict[str, str]:
    """Return the mailers of the configuration itself that talk SMTP to another host, with their ports.

    :param mailers: the definitions, by name.
    """
    ports: t.Dict[str, str] = {}
    for name, text in mailers.items():
        fields = {
            key.strip(): value.strip() for key, dummy, value in (field.partition("=") for field in text.split(","))
        }
        words = fields.get("A", "").split()
        talks = fields.get("P") in ("[IPC]", "[TCP]") and words[:2] == ["TCP", "$h"] and len(words) < 4
        if talks and name.lower() not in _SMTP:
            ports[name] = words[2] if len(words) > 2 else ""
    return ports

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The routes of a live sendmail as routes of the policy. Twin of C(_postfix.live_routes).

Private to the collection: it can change at any time.
"""

import re
import typing as t

from .. import _addresses
from .._model import policy_routes as _routes
from . import cf
from .compile import map_entries
from .mailers import DISCARD
from .routes import DEFAULT, HOLD, MAP, TABLE

if t.TYPE_CHECKING:
    from .read import Live

Options = t.Dict[str, t.Any]
#: Mailers that speak ESMTP or SMTP as smtp.m4 defines them, ours among them.
_MAILER = re.compile(r"(?:relay|smtp|(?:esmtp|postmaster_helo)\d*)\Z")
_HOP = re.compile(r"(?:(?P<mailer>\w+):)?(?P<hosts>\S+)\Z")
_HOST = re.compile(r"\[[^\[\]\s]+\]|[^:\[\]\s]+")
_REFUSAL = re.compile(r'error:(?P<status>[0-9.]+):"550 (?P<text>[^"]+)"\Z')


class Routes(t.NamedTuple):
    """The routes that the policy can say, and the lines that it cannot."""

    options: Options
    unread: t.List[str]


def read(live: "Live") -> Routes:
    """Return the routes of mailertable, SMART_HOST and our own table."""
    domains, unread = _domains(live, _table(live, "mailertable"), "mailertable")
    ours = _table(live, TABLE) if MAP in live.cf.maps else {}
    action = ours.pop(DEFAULT, "")
    by_domain = {key: value for key, value in ours.items() if key.startswith("to:") and "@" not in key}
    more, more_unread = _domains(live, {key[3:]: value for key, value in by_domain.items()}, TABLE)
    options: Options = {"domains": domains + more, "addresses": [], "senders": []}
    for key, value in ours.items():
        if key not in by_domain and not _take_address(live, options, key, value):
            more_unread.append(f"{TABLE}: {key} {value}")
    options["default"], default_unread = _default(live, action)
    return Routes(options, unread + more_unread + default_unread)


def _take_address(live: "Live", options: Options, key: str, value: str) -> bool:
    """Add the route of one recipient, or of a sender; return whether it is one."""
    tag, dummy, name = key.partition(":")
    route = _options(live, value, "")
    if route is None or tag not in ("to", "from"):
        return False
    if tag == "to":
        options["addresses"].append({"address": name, **route})
    else:
        options["senders"].append({"sender": name, **route})
    return True


def _table(live: "Live", name: str) -> t.Dict[str, str]:
    if name != TABLE and live.text and name not in live.cf.maps:
        return {}
    return {key.lower(): value for dummy, key, value in map_entries(live.content(name))}


def _default(live: "Live", action: str) -> t.Tuple[t.Optional[Options], t.List[str]]:
    if action:
        return _options(live, action, ""), []
    smart_host = live.cf.macros.get("S", "").strip()
    default = _options(live, smart_host, "") if smart_host else None
    return default, [f"SMART_HOST: {smart_host}"] if smart_host and default is None else []


def _domains(live: "Live", entries: t.Mapping[str, str], table: str) -> t.Tuple[t.List[Options], t.List[str]]:
    """Return the routes by domain of a table, and its lines that are none."""
    domains, unread = [], []
    for key, value in entries.items():
        options = None if key.startswith(".") else _options(live, value, key)
        if options is not None:
            subdomains = {"subdomains": True} if _is_same_route(live, entries, key) else {}
            domains.append({"domain": key, **options, **subdomains})
        elif not key.startswith(".") or not _is_same_route(live, entries, key[1:]):
            unread.append(f"{table}: {key} {value}")
    return domains, unread


def _is_same_route(live: "Live", entries: t.Mapping[str, str], domain: str) -> bool:
    """Return whether the subdomains of a domain go where the domain itself goes."""
    if domain not in entries or f".{domain}" not in entries:
        return False
    options = _options(live, entries[domain], domain)
    return options is not None and options == _options(live, entries[f".{domain}"], f"%1.{domain}")


def _options(live: "Live", text: str, itself: str) -> t.Optional[Options]:
    """Return mailer:host as a route; None for what the policy cannot say.

    :param itself: the domain of the route. In SMART_HOST the mailer may be missing; it is relay then.
    """
    refusal = _REFUSAL.match(text)
    if refusal:
        return _routes.refusal_of(refusal.group("status"), refusal.group("text"))
    match = _HOP.match(text)
    if match is None:
        return None
    mailer = match.group("mailer") or "relay"
    if mailer in (DISCARD, HOLD):
        return {"action": _routes.DISCARD if mailer == DISCARD else _routes.HOLD}
    manner, hosts = _manner(live, mailer), _hosts(match.group("hosts"), itself)
    return None if manner is None or hosts is None else {**hosts, **manner}


def _hosts(text: str, itself: str) -> t.Optional[Options]:
    """Return a list of next hops as options; None where it mixes names with and without brackets."""
    words = _words(text)
    literals = [word for word in words if word.startswith("[")]
    if not words or len(literals) not in (0, len(words)):
        return None
    names = [_bare(word.strip("[]")) for word in words]
    if names == [itself]:
        return {"mx": False} if literals else {}
    if not all(map(_is_host, names)):
        return None
    options = _routes.hosts_of(names)
    if not literals:
        options["mx"] = True
    return options


def _words(text: str) -> t.List[str]:
    """Return the hosts of C(host1:[host2]); none where there is anything else in the text."""
    if text.lower().startswith("ipv6:"):
        return [text]
    words = _HOST.findall(text)
    return words if ":".join(words) == text else []


def _manner(live: "Live", mailer: str) -> t.Optional[Options]:
    """Return what a mailer says about the connection; None for one that is not like esmtp."""
    definition = live.cf.mailers.get(mailer, "")
    if not _MAILER.match(mailer):
        return None
    port = cf.mailer_port(definition) if definition else int(re.sub(r"\D", "", mailer) or 25)
    options: Options = {} if port == 25 else {"port": port}
    return {**options, "esmtp": False} if cf.has_flag(definition, "2") else options


def _bare(host: str) -> str:
    return host[5:] if host.lower().startswith("ipv6:") else host


def _is_host(text: str) -> bool:
    for kind in (_addresses.hostname, _addresses.address):
        try:
            return bool(kind(text))
        except ValueError:
            pass
    return False

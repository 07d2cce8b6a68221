# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The helpers that main.cf and master.cf name: milters, policy services and content filters.

Private to the collection: it can change at any time.
"""

import os
import re
import typing as t

from .._model.helper import FILTER, MILTER, POLICY, Helper
from . import restrictions
from .master_cf import Service, main_service
from .parameters import split_list
from .ports import port_number

Values = t.Mapping[str, str]

_POLICY_SERVICE = re.compile(r"check_policy_service\s+(\{[^}]*\}|[^\s,]+)")
_ATTRIBUTE = re.compile(r"(\w+)\s*=\s*([^,}]+)")
#: What smtpd does while a milter does not answer (milter_default_action). With accept mail passes.
_CONSEQUENCES = {
    "reject": "every message is refused with a 5xx reply",
    "tempfail": "every message gets a 451",
    "shutdown": "every client gets a 421 and is disconnected",
    "quarantine": "every message is put on hold",
}
_PASSES = "mail passes without it"
#: Answers of a policy service with which mail goes on, in lower case (access(5)).
_TAKES = ("dunno", "ok", "permit")
#: A content filter with one host and one port, C(smtp:[127.0.0.1]:10024).
_FILTER = re.compile(r"(?:[\w-]*smtp[\w-]*|relay|lmtp):\[(?:ipv6:)?([^\]]+)\]:(\w+)\Z")


class _Jail(t.NamedTuple):
    """Where smtpd looks for sockets: the queue, and the directory that is its root."""

    queue: str
    root: str


def helpers(values: Values, services: t.Mapping[str, Service]) -> t.Tuple[Helper, ...]:
    """Return the helpers of the service that listens on the relay's port.

    :param values: the parameters, expanded.
    """
    key = main_service(services)
    service = services[key] if key else None
    effective = dict(values, **(service.option_values if service else {}))
    queue = effective.get("queue_directory", "")
    jail = _Jail(queue, queue if service and service.chroot == "y" else "")
    several = (*_milters(effective, jail), *_policy_services(effective, jail), _content_filter(effective))
    return tuple(helper for helper in several if helper is not None)


def _milters(values: Values, jail: _Jail) -> t.Iterator[t.Optional[Helper]]:
    for element in split_list(values.get("smtpd_milters", "")):
        place, attributes = _braced(element)
        action = attributes.get("default_action") or values.get("milter_default_action", "tempfail")
        consequence = _CONSEQUENCES.get(action, _PASSES)
        yield _helper(Helper(MILTER, place, "smtpd_milters", refuses=action != "accept", consequence=consequence), jail)


def _policy_services(values: Values, jail: _Jail) -> t.Iterator[t.Optional[Helper]]:
    default = values.get("smtpd_policy_service_default_action", "451 4.3.5 Server configuration problem")
    for name in (*restrictions.LISTS, *split_list(values.get("smtpd_restriction_classes", ""))):
        for element in _POLICY_SERVICE.findall(values.get(name, "")):
            place, attributes = _braced(element)
            action = attributes.get("default_action", default)
            refuses = action.partition(" ")[0].lower() not in _TAKES
            consequence = f"mail that it should judge gets {action}" if refuses else _PASSES
            yield _helper(Helper(POLICY, place, name, refuses=refuses, consequence=consequence), jail)


def _content_filter(values: Values) -> t.Optional[Helper]:
    """Return the content filter of new mail where it is one host with its port; others have a route like any mail."""
    setting = values.get("content_filter", "")
    match = _FILTER.match(setting)
    port = port_number(match.group(2)) if match else None
    if match is None or not port:
        return None
    waits = "all new mail waits in the queue"
    return Helper(FILTER, setting, "content_filter", host=match.group(1), port=port, consequence=waits)


def _braced(element: str) -> t.Tuple[str, t.Dict[str, str]]:
    """Return the place in C({ inet:host:port, name=value }), and its attributes."""
    if not element.startswith("{"):
        return element, {}
    place, dummy, rest = element[1:-1].strip().partition(",")
    attributes = {name: value.strip("{} ") for name, value in _ATTRIBUTE.findall(rest)}
    return place.strip(), attributes


def _helper(helper: Helper, jail: _Jail) -> t.Optional[Helper]:
    """Return the helper with its socket or its address; None where its place is none that smtpd could use."""
    family, dummy, rest = helper.place.partition(":")
    if family in ("unix", "local"):
        if not rest.startswith("/"):
            return helper._replace(path=os.path.join(jail.queue, rest))
        return helper._replace(path=rest if rest.startswith(jail.root + "/") else jail.root + rest)
    host, dummy, port = rest.rpartition(":")
    number = port_number(port) if family == "inet" else None
    return helper._replace(host=host.strip("[]") or "localhost", port=number) if number else None

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kit does on a host: the options of the module, checked, and as the jobs read them from the kit's own file.

Private to the collection: it can change at any time.

A part that an option leaves out stays as it is: one role sets the reports, another one the canary.
"""

import json
import re
import typing as t

from .._errors import OptionError
from . import places, schedule
from .install import Job
from .saved import PARTS, Settings, load

PRESENT, ABSENT = "present", "absent"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,40}\Z")

_STATE: t.Dict[str, t.Any] = {"type": "str", "choices": [PRESENT, ABSENT], "default": PRESENT}

ARGUMENT_SPEC: t.Dict[str, t.Any] = {
    "state": _STATE,
    "expiry": {
        "type": "dict",
        "options": {
            "state": _STATE,
            "on_calendar": {"type": "str", "default": "*-*-* 00:05"},
            "instance": {"type": "str", "default": "all"},
        },
    },
    "metrics": {
        "type": "dict",
        "options": {
            "state": _STATE,
            "interval": {"type": "str", "default": "5m"},
            "directory": {"type": "path", "default": "/var/lib/prometheus/node-exporter"},
        },
    },
    "reports": {
        "type": "list",
        "elements": "dict",
        "options": {
            "name": {"type": "str", "required": True},
            "on_calendar": {"type": "str", "default": "hourly"},
            "mail_to": {"type": "list", "elements": "str"},
            "mail_from": {"type": "str"},
            "subject": {"type": "str"},
            "directory": {"type": "path"},
            "formats": {
                "type": "list",
                "elements": "str",
                "choices": ["html", "txt", "csv", "json"],
                "default": ["html"],
            },
            "keep": {"type": "int", "default": 100},
            "title": {"type": "str", "default": "Mail report"},
            "top": {"type": "int", "default": 10},
            "instance": {"type": "str", "default": "all"},
            "internal": {
                "type": "dict",
                "options": {
                    "networks": {"type": "list", "elements": "str", "default": []},
                    "domains": {"type": "list", "elements": "str", "default": []},
                },
            },
        },
    },
    "canary": {
        "type": "list",
        "elements": "dict",
        "options": {
            "name": {"type": "str", "required": True},
            "recipient": {"type": "str", "required": True},
            "sender": {"type": "str"},
            "subject": {"type": "str", "default": "canary"},
            "template": {"type": "str", "default": "{subject} {host} {utc} {number}"},
            "interval": {"type": "str", "default": "5m"},
            "timeout": {"type": "str"},
            "mailbox": {"type": "path"},
            "instance": {"type": "str"},
            "server": {"type": "str"},
            "alert": {
                "type": "dict",
                "options": {
                    "mail_to": {"type": "list", "elements": "str", "required": True},
                    "mail_from": {"type": "str"},
                    "after": {"type": "int", "default": 3},
                    "again": {"type": "str", "default": "4h"},
                    "server": {"type": "str"},
                },
            },
        },
    },
}


def merged(live: Settings, params: t.Mapping[str, t.Any]) -> Settings:
    """Return the settings after a call of the module: parts that it names are replaced, others stay."""
    settings: Settings = {name: live[name] for name in PARTS if live.get(name)}
    for name in PARTS:
        given = params.get(name)
        if given is None:
            continue
        part = _kept(given)
        settings.pop(name, None)
        if part:
            settings[name] = part
    return settings


def _kept(given: t.Any) -> t.Any:
    """Return a part without what only says whether it is there; nothing where it shall not be."""
    if isinstance(given, list):
        return [_plain(entry) for entry in given]
    return _plain(given) if given["state"] == PRESENT else None


def _plain(entry: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
    """Return the options that are set; times in seconds as well, as the jobs need them."""
    plain = {name: value for name, value in entry.items() if name != "state" and value is not None}
    for name in ("alert",):
        if name in plain:
            plain[name] = _plain(plain[name])
    if "interval" in plain:
        plain.setdefault("timeout", plain["interval"])
    for name in ("interval", "timeout", "again"):
        if name in plain:
            plain[f"{name}_seconds"] = schedule.interval(name, plain[name]).seconds
    return plain


def jobs(settings: Settings) -> t.List[Job]:
    """Return what runs by itself.

    :raises OptionError: an option that makes no sense.
    """
    found = [job for part in PARTS if settings.get(part) for job in _JOBS[part](settings[part])]
    names = [job.name for job in found]
    for name in names:
        if names.count(name) > 1:
            raise OptionError("name", name, "two parts have this name")
    return found


def _expiry(part: t.Mapping[str, t.Any]) -> t.List[Job]:
    when = schedule.calendar("expiry.on_calendar", part["on_calendar"])
    return [Job("expiry", "remove the blocks whose last day is over", "expiry.on_calendar", ("expiry",), when)]


def _reports(parts: t.Sequence[t.Mapping[str, t.Any]]) -> t.List[Job]:
    return [_report(f"reports[{number}]", part) for number, part in enumerate(parts)]


def _report(option: str, part: t.Mapping[str, t.Any]) -> Job:
    # A job that reads its settings needs none of this.
    from .._log.deliveries import Internal
    from . import post, report

    name = name_of(f"{option}.name", part["name"])
    if not part.get("mail_to") and not part.get("directory"):
        raise OptionError(option, name, "expected mail_to, directory or both")
    for address in part.get("mail_to") or ():
        post.address(f"{option}.mail_to", address)
    if part.get("mail_from"):
        post.address(f"{option}.mail_from", part["mail_from"])
    for count in ("keep", "top"):
        if part[count] < 1:
            raise OptionError(f"{option}.{count}", part[count], "1 or more")
    if part.get("subject"):
        post.filled(f"{option}.subject", part["subject"], dict.fromkeys(report.PLACEHOLDERS, ""))
    internal = part.get("internal") or {}
    Internal(internal.get("networks") or (), internal.get("domains") or ())
    when = schedule.calendar(f"{option}.on_calendar", part["on_calendar"])
    return Job(f"report-{name}", f"the report {name}", f"{option}.on_calendar", ("report", name), when)


def _canaries(parts: t.Sequence[t.Mapping[str, t.Any]]) -> t.List[Job]:
    return [_canary(f"canary[{number}]", part) for number, part in enumerate(parts)]


def _canary(option: str, part: t.Mapping[str, t.Any]) -> Job:
    from . import canary, post

    name = name_of(f"{option}.name", part["name"])
    alert = part.get("alert") or {}
    written = [("recipient", part["recipient"]), ("sender", part.get("sender"))]
    written += [("alert.mail_to", value) for value in alert.get("mail_to") or ()]
    written += [("alert.mail_from", alert.get("mail_from"))]
    for what, address in written:
        if address:
            post.address(f"{option}.{what}", address)
    for what, server in (("server", part.get("server")), ("alert.server", alert.get("server"))):
        if server:
            post.endpoint(f"{option}.{what}", server)
    if alert and alert["after"] < 1:
        raise OptionError(f"{option}.alert.after", alert["after"], "1 or more")
    post.filled(f"{option}.template", part["template"], dict.fromkeys(canary.PLACEHOLDERS, ""))
    when = schedule.interval(f"{option}.interval", part["interval"])
    return Job(f"canary-{name}", f"the canary {name}", f"{option}.interval", ("canary", name), when)


def _metrics(part: t.Mapping[str, t.Any]) -> t.List[Job]:
    when = schedule.interval("metrics.interval", part["interval"])
    return [Job("metrics", "figures for Prometheus", "metrics.interval", ("metrics",), when)]


_JOBS: t.Dict[str, t.Callable[[t.Any], t.List[Job]]] = {
    "expiry": _expiry,
    "reports": _reports,
    "canary": _canaries,
    "metrics": _metrics,
}


def products(settings: Settings) -> t.List[str]:
    """Return the files outside the kit's directory that jobs write and that go with them."""
    if not settings.get("metrics"):
        return []
    from . import metrics

    return [metrics.path_of(settings["metrics"])]


def name_of(option: str, value: str) -> str:
    """Return a name that can stand in the name of a unit and of a file.

    :raises OptionError: it cannot.
    """
    if not _NAME.match(value):
        raise OptionError(option, value, "small letters, digits and hyphens, 41 at most")
    return value


def content(settings: Settings) -> bytes:
    """Return the settings as the kit's own file has them."""
    text = json.dumps(dict(settings, version=places.VERSION), indent=1, sort_keys=True)
    return (text + "\n").encode("utf-8")


__all__ = (
    "ABSENT",
    "ARGUMENT_SPEC",
    "PARTS",
    "PRESENT",
    "Settings",
    "content",
    "jobs",
    "load",
    "merged",
    "name_of",
    "products",
)

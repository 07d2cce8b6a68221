# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kit does on a host: the options of the module, checked, and as the jobs read them from the kit's own file.

Private to the collection: it can change at any time.

A part that an option leaves out stays as it is: one role sets the reports, another one the canary.
"""

import json
import os
import re
import typing as t

from .. import _files
from .._errors import OptionError
from . import places, schedule
from .install import Job

PRESENT, ABSENT = "present", "absent"
#: The parts of the settings, as the module's options are named.
PARTS = ("expiry", "reports")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,40}\Z")

Settings = t.Dict[str, t.Any]
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
    return {name: value for name, value in entry.items() if name != "state" and value is not None}


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
    for address in [*(part.get("mail_to") or ()), part.get("mail_from")]:
        if address:
            post.address(f"{option}.mail_to" if address != part.get("mail_from") else f"{option}.mail_from", address)
    for name_of_count in ("keep", "top"):
        if part[name_of_count] < 1:
            raise OptionError(f"{option}.{name_of_count}", part[name_of_count], "1 or more")
    if part.get("subject"):
        post.filled(f"{option}.subject", part["subject"], dict.fromkeys(report.PLACEHOLDERS, ""))
    internal = part.get("internal") or {}
    Internal(internal.get("networks") or (), internal.get("domains") or ())
    when = schedule.calendar(f"{option}.on_calendar", part["on_calendar"])
    return Job(f"report-{name}", f"the report {name}", f"{option}.on_calendar", ("report", name), when)


_JOBS: t.Dict[str, t.Callable[[t.Any], t.List[Job]]] = {"expiry": _expiry, "reports": _reports}


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


def load() -> Settings:
    """Return the settings of this host; nothing where the kit is not installed.

    :raises OptionError: the file cannot be read.
    """
    path = places.settings()
    stored = _files.read(path)
    if stored is None:
        return {}
    try:
        settings: Settings = json.loads(stored.decode("utf-8"))
        return {name: settings[name] for name in PARTS if name in settings}
    except (ValueError, TypeError) as problem:
        raise OptionError(os.path.basename(path), path, f"not the settings of the kit: {problem}")


__all__ = ("ABSENT", "ARGUMENT_SPEC", "PARTS", "PRESENT", "content", "jobs", "load", "merged", "name_of")

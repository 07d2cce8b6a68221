# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of a relay about itself, made by a timer: by mail, as a file, or both.

Private to the collection: it can change at any time.

A run first keeps the finished report together with the place to which it has read, then delivers it, then makes that place the one from which
the next run reads. A run that is killed between two of these steps is finished by the next one: nothing is told twice, nothing is lost.
"""

import datetime
import hashlib
import os
import socket
import time
import typing as t

from .. import _files, _mta
from .._errors import OptionError, PostmasterError
from .._log.deliveries import Internal
from .._model.host import Host
from .._module import campaign_info, history_info, queue_info, status_info
from .._report import build, page, plain
from .._report.figures import Figures, Period
from .._runner import Runner
from . import memory, post, reading
from .memory import Memory

#: The forms of a report, by the ending of its file.
FORMS: t.Dict[str, t.Callable[[Figures], str]] = {
    "html": page.page,
    "txt": plain.text,
    "csv": plain.table_csv,
    "json": plain.as_json,
}
#: In so many of the last lines of the log campaigns are looked for, which takes a second.
CAMPAIGN_LINES = 100000
SUBJECT = "{title} of {host}, {begin} to {end} UTC"
Part = t.Mapping[str, t.Any]


def run(runner: Runner, part: Part, now: t.Optional[float] = None) -> str:
    """Make one report and deliver it; return what was done, in words.

    :param now: seconds since the epoch.
    :raises PostmasterError: it could not be delivered; the next run does it.
    """
    job = f"report-{part['name']}"
    remembered = memory.load(job)
    done = []
    if remembered.get("pending"):
        remembered = _finish(runner, job, part, remembered, is_late=True)
        done.append("delivered the report that an earlier run had made")
    instant = time.time() if now is None else now
    memory.save(job, dict(remembered, pending=_made(runner, part, remembered, instant)))
    _finish(runner, job, part, memory.load(job), is_late=False)
    return "; ".join([*done, "delivered"])


def _finish(runner: Runner, job: str, part: Part, remembered: Memory, is_late: bool) -> Memory:
    """Deliver what is kept, then go on from where it has read to."""
    pending: Memory = remembered["pending"]
    _write_files(part, pending)
    recipients = tuple(part.get("mail_to") or ())
    # A run that was killed may have sent the mail already: then the log has its Message-ID.
    if recipients and not (is_late and reading.is_logged(runner, pending["after"], pending["id"].encode("ascii"))):
        _mail(runner, part, pending)
    after = dict(pending["after"], number=pending["number"])
    memory.save(job, after)
    return after


# --- making it --------------------------------------------------------------------------------------------------------


def _made(runner: Runner, part: Part, remembered: Memory, now: float) -> Memory:
    """Return a finished report, with the place to which it has read."""
    read = reading.figures(runner, remembered, now, _instance(part), _internal(part))
    figures = _figures(runner, part, read, remembered.get("until") or read.begin, now)
    number = int(remembered.get("number", 0)) + 1
    host = socket.getfqdn()
    digest = hashlib.sha256(f"{host} {part['name']} {number} {now}".encode("utf-8")).hexdigest()[:20]
    return {
        "number": number,
        "id": f"postmaster.mta.report.{part['name']}.{number}.{digest}@{host}",
        "stamp": time.strftime("%Y-%m-%dT%H%M%SZ", time.gmtime(now)),
        "subject": _subject(part, figures, host),
        "forms": {name: FORMS[name](figures) for name in sorted({"txt", "html", *part["formats"]})},
        "after": read.after,
    }


def _instance(part: Part) -> str:
    return "" if part["instance"] == _mta.ALL else str(part["instance"])


def _internal(part: Part) -> Internal:
    internal = part.get("internal") or {}
    return Internal(internal.get("networks") or (), internal.get("domains") or ())


def _figures(runner: Runner, part: Part, read: reading.Read, begin: float, now: float) -> Figures:
    host = socket.getfqdn()
    asked: t.Dict[str, t.Mapping[str, t.Any]] = {}
    notes = list(read.notes)
    for name, ask in _QUESTIONS.items():
        try:
            asked[name] = ask(runner, part)
        except (PostmasterError, OSError) as problem:
            notes.append(f"the {name} could not be read: {problem}")
    asked["log"] = {"tables": read.figures.tables(), "read": reading.coverage(read, now), "notes": notes}
    answers = build.Asked(*({host: asked[name]} if name in asked else {} for name in build.Asked._fields))
    period = Period(_utc(begin), _utc(now))
    return build.build(answers, {}, part["title"], period, _utc(now), part["top"])


def _utc(seconds: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)


def _queue(runner: Runner, part: Part) -> t.Dict[str, t.Any]:
    params = {"mta": "auto", "instance": part["instance"], "select": None, "limit": 0, "sort": "oldest", "top": 0}
    return queue_info.run(params, False, runner)


def _certificates(runner: Runner, part: Part) -> t.Dict[str, t.Any]:
    rows = []
    for host in _hosts(runner, part):
        certificate = status_info.certificate_of(host)
        rows.append({"certificate": dict(certificate._asdict()) if certificate else None})
    return {"instances": rows}


def _history(runner: Runner, part: Part) -> t.Dict[str, t.Any]:
    return history_info.run({"mta": "auto", "instance": part["instance"], "limit": 1000}, False, runner)


def _campaigns(runner: Runner, part: Part) -> t.Dict[str, t.Any]:
    params = {name: spec.get("default") for name, spec in campaign_info.ARGUMENT_SPEC.items()}
    params.update(instance=part["instance"], lines=CAMPAIGN_LINES, reader=f"report-{part['name']}")
    return campaign_info.run(params, True, runner)


_QUESTIONS: t.Dict[str, t.Callable[[Runner, Part], t.Dict[str, t.Any]]] = {
    "queue": _queue,
    "host": _certificates,
    "campaigns": _campaigns,
    "history": _history,
}


def _hosts(runner: Runner, part: Part) -> t.Tuple[Host, ...]:
    return _mta.chosen(runner, "auto", part["instance"])


def _subject(part: Part, figures: Figures, host: str) -> str:
    return post.filled("reports.subject", part.get("subject") or SUBJECT, words(figures, host))


def words(figures: Figures, host: str) -> t.Dict[str, str]:
    """Return what can stand in a subject."""
    totals = figures.log["totals"]
    return {
        "title": figures.title,
        "host": host,
        "begin": f"{figures.period.begin:%Y-%m-%d %H:%M}",
        "end": f"{figures.period.end:%Y-%m-%d %H:%M}",
        "sent": str(totals["sent"]),
        "deferred": str(totals["deferred"]),
        "bounced": str(totals["bounced"]),
        "rejected": str(totals["rejected"]),
    }


#: The names of words(), for those who check a subject before there are figures.
PLACEHOLDERS = ("title", "host", "begin", "end", "sent", "deferred", "bounced", "rejected")


# --- delivering it ----------------------------------------------------------------------------------------------------


def _write_files(part: Part, pending: Memory) -> None:
    """Write the report's files; a second time they are the same. Of each form only the newest are kept."""
    directory = part.get("directory")
    if not directory:
        return
    if not os.path.isdir(directory):
        raise OptionError("reports.directory", directory, "no such directory")
    for form in part["formats"]:
        name = f"{part['name']}-{pending['stamp']}.{form}"
        _files.write_new(os.path.join(directory, name), pending["forms"][form].encode("utf-8"), 0o640)
        for old in _own_files(part, form)[: -part["keep"]]:
            _files.remove(old)


def _own_files(part: Part, form: str) -> t.List[str]:
    """Return the files of one form that earlier runs have written, the oldest first."""
    start, end = f"{part['name']}-2", f".{form}"
    length = len(f"{part['name']}-0000-00-00T000000Z") + len(end)
    names = [name for name in os.listdir(part["directory"]) if name.startswith(start) and name.endswith(end)]
    return [os.path.join(part["directory"], name) for name in sorted(names) if len(name) == length]


def _mail(runner: Runner, part: Part, pending: Memory) -> None:
    sender = part.get("mail_from") or f"postmaster@{socket.getfqdn()}"
    envelope = post.Envelope(sender, tuple(part["mail_to"]))
    forms = pending["forms"]
    attached = [post.Attachment(f"{part['name']}-{pending['stamp']}.html", "html", forms["html"])]
    content = post.message(envelope, pending["subject"], forms["txt"], pending["id"], attached)
    host = _sender_instance(runner, part)
    post.send(post.addresses(host)[0], envelope, content)


def _sender_instance(runner: Runner, part: Part) -> Host:
    """Return the instance that takes the report: the primary one, where every one is reported."""
    if part["instance"] == _mta.ALL:
        return _mta.chosen(runner, "auto", _mta.ALL)[0]
    return _mta.find(runner, "auto", part["instance"])


__all__ = ("FORMS", "PLACEHOLDERS", "SUBJECT", "run", "words")

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module log_archive: keep the mail log for so many days, without breaking the rotation of other logs.

Private to the collection: it can change at any time.
"""

import glob
import json
import os
import re
import tempfile
import typing as t

from .. import _files, _mta, _scratch
from .._errors import OptionError, Refused
from .._log import sources
from .._model import logrotate
from .._runner import Runner

PRESENT, ABSENT = "present", "absent"
CONFIGURATION, DIRECTORY = "/etc/logrotate.conf", "/etc/logrotate.d"
OWN = "postmaster-mta"
JOURNAL_FILE = "/etc/systemd/journald.conf.d/postmaster-mta.conf"
#: What the files of others were before, so that they can be given back.
STATE = "/var/lib/postmaster.mta/log-archive.json"
MARK = "# Written by postmaster.mta, module log_archive: changes of yours are lost."
_OWNER = re.compile(r"([a-z_][a-z0-9_-]{0,31}):([a-z_][a-z0-9_-]{0,31})\Z")

ARGUMENT_SPEC: t.Dict[str, t.Any] = {
    "state": {"type": "str", "choices": [PRESENT, ABSENT], "default": PRESENT},
    "keep_days": {"type": "int", "default": 92},
    "compress": {"type": "bool", "default": True},
    "owner": {"type": "str"},
    "path": {"type": "list", "elements": "str"},
}
#: Contents by path; None is no file.
Contents = t.Dict[str, t.Optional[str]]


class Wanted(t.NamedTuple):
    """What is to stand where.

    :param given: what the files of others were before we took a log out, to be kept.
    :param notes: what could not be given back.
    """

    files: Contents
    given: t.Dict[str, t.Dict[str, str]]
    notes: t.Tuple[str, ...] = ()


def run(params: t.Mapping[str, t.Any], check_mode: bool, runner: t.Optional[Runner] = None) -> t.Dict[str, t.Any]:
    """Bring the archive to the state that the parameters describe.

    :raises OptionError: an option that makes no sense.
    :raises Refused: logrotate would not take the files; nothing was changed.
    """
    runner = runner or Runner()
    _mta.insist_on_root(runner)
    wanted = _without_archive() if params["state"] == ABSENT else _with_archive(runner, params)
    before = {path: _read(path) for path in wanted.files}
    changes = {path: text for path, text in sorted(wanted.files.items()) if before[path] != text}
    if changes:
        _check(runner, changes)
        if not check_mode:
            _write_down(runner, changes, wanted)
    return {
        "changed": bool(changes),
        "actions": [f"{_verb(before[path], text)} {path}" for path, text in changes.items()],
        "diff": [_diff(path, before[path], text) for path, text in changes.items()],
        "notes": list(wanted.notes),
    }


def _write_down(runner: Runner, changes: Contents, wanted: Wanted) -> None:
    """Write the files, remember what others' files were, and let the journal read its own."""
    _write(changes)
    _keep(wanted.given)
    if JOURNAL_FILE in changes:
        runner.run(["systemctl", "restart", "systemd-journald"])


def _verb(before: t.Optional[str], after: t.Optional[str]) -> str:
    if before is None:
        return "create"
    return "remove" if after is None else "edit"


def _diff(path: str, before: t.Optional[str], after: t.Optional[str]) -> t.Dict[str, str]:
    return {"before_header": path, "after_header": path, "before": before or "", "after": after or ""}


def _read(path: str) -> t.Optional[str]:
    content = _files.read(path)
    return None if content is None else content.decode("utf-8", "surrogateescape")


def _own() -> str:
    return os.path.join(DIRECTORY, OWN)


# --- what must be there -------------------------------------------------------------------------------------------------


def _with_archive(runner: Runner, params: t.Mapping[str, t.Any]) -> Wanted:
    if params["keep_days"] < 1:
        raise OptionError("keep_days", params["keep_days"], "1 or more")
    logs = tuple(params["path"] or sources.discover(runner))
    if logs == (sources.JOURNAL,):
        text = f"{MARK}\n[Journal]\nMaxRetentionSec={params['keep_days']}day\n"
        return Wanted({JOURNAL_FILE: text}, _given())
    if not runner.which("logrotate"):
        raise OptionError("state", PRESENT, "logrotate is not installed on this host")
    files, given, script = _taken_out(logs)
    archive = logrotate.Archive(params["keep_days"], params["compress"], _owner(params["owner"]))
    files[_own()] = logrotate.stanza(logs, archive, script or _own_script(), MARK)
    return Wanted(files, given)


def _owner(value: t.Optional[str]) -> t.Optional[t.Tuple[str, str]]:
    if not value:
        return None
    match = _OWNER.match(value)
    if not match:
        raise OptionError("owner", value, "expected user:group")
    return match.group(1), match.group(2)


def _taken_out(logs: t.Sequence[str]) -> t.Tuple[Contents, t.Dict[str, t.Dict[str, str]], t.Tuple[str, ...]]:
    """Return the files of others without these logs, what they were, and how the syslog daemon is told."""
    files: Contents = {}
    given = _given()
    script: t.Tuple[str, ...] = ()
    for path in _others():
        before = text = _read(path) or ""
        for log in logs:
            taken = logrotate.take_out(path, text, log)
            if taken:
                text, script = taken.text, script or taken.script
        if text != before:
            files[path] = text
            given[path] = {"before": before, "after": text}
    return files, given, script


def _others() -> t.List[str]:
    names = sorted(glob.glob(os.path.join(glob.escape(DIRECTORY), "*")))
    return [path for path in [CONFIGURATION, *names] if os.path.isfile(path) and path != _own()]


def _own_script() -> t.Tuple[str, ...]:
    """Return how the syslog daemon was told when our stanza was written: the files of others no longer say it."""
    text = _read(_own()) or ""
    logs = re.findall(r"^(/\S+)$", text, re.MULTILINE)
    taken = logrotate.take_out(_own(), text, logs[0]) if logs else None
    return taken.script if taken else ()


def _without_archive() -> Wanted:
    """Give back what others had; what they have changed since stays theirs."""
    files: Contents = {path: None for path in (_own(), JOURNAL_FILE) if os.path.exists(path)}
    notes = []
    for path, texts in _given().items():
        if _read(path) == texts["after"]:
            files[path] = texts["before"]
        else:
            notes.append(f"{path}: it was changed since, so nothing was given back; name the mail log in it again")
    return Wanted(files, {}, tuple(notes))


def _given() -> t.Dict[str, t.Dict[str, str]]:
    try:
        known: t.Dict[str, t.Dict[str, str]] = json.loads(_files.read(STATE) or b"{}")
    except ValueError:
        return {}
    return known


# --- checking and writing -------------------------------------------------------------------------------------------------


def _check(runner: Runner, changes: Contents) -> None:
    """Have logrotate read a copy of its configuration with the changes in it.

    :raises Refused: it finds an error that it did not find before.
    """
    if not runner.which("logrotate") or set(changes) == {JOURNAL_FILE}:
        return
    fresh = _errors(runner, changes) - _errors(runner, {})
    if fresh:
        raise Refused(sorted(fresh))


def _errors(runner: Runner, changes: Contents) -> t.Set[str]:
    """Return the errors of logrotate for its configuration with some changes."""
    with _scratch.directory("postmaster-logrotate-", tempfile.gettempdir()) as scratch:
        directory, configuration = os.path.join(scratch, "d"), os.path.join(scratch, "conf")
        os.mkdir(directory)
        for path in {*_others(), _own(), *changes} - {JOURNAL_FILE}:
            text = changes[path] if path in changes else _read(path)
            target = configuration if path == CONFIGURATION else os.path.join(directory, os.path.basename(path))
            if text is not None:
                text = text.replace(DIRECTORY, directory) if path == CONFIGURATION else text
                _files.write_new(target, text.encode("utf-8", "surrogateescape"), 0o644)
        answer = runner.run(["logrotate", "-d", "-s", os.path.join(scratch, "state"), configuration], check=False)
        lines = (answer.out + answer.err).replace(directory, DIRECTORY).splitlines()
        return {line for line in lines if line.startswith("error:")}


def _write(changes: Contents) -> None:
    """Write what takes the log out of other stanzas before our own: at no time two stanzas have it."""
    for path in sorted(changes, key=lambda path: path == _own() and changes[path] is not None):
        text = changes[path]
        if text is None:
            _files.remove(path)
            continue
        os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
        _files.write_new(path, text.encode("utf-8", "surrogateescape"), 0o644, like=path)


def _keep(given: t.Dict[str, t.Dict[str, str]]) -> None:
    if given:
        _files.keep_json(STATE, given)
    else:
        _files.remove(STATE)


__all__ = ("ARGUMENT_SPEC", "run")

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module kit: what must run on a relay without a controller, installed, renewed or removed.

Private to the collection: it can change at any time.
"""

import hashlib
import typing as t

from .. import _mta, _zipapp
from .._kit import install, main, places, schedule, settings
from .._runner import Runner

ARGUMENT_SPEC = settings.ARGUMENT_SPEC


def run(params: t.Mapping[str, t.Any], check_mode: bool, runner: t.Optional[Runner] = None) -> t.Dict[str, t.Any]:
    """Bring the kit to the state that the parameters describe.

    :raises PostmasterError: an option that makes no sense, or a step that failed; the host is then as it was before.
    """
    runner = runner or Runner()
    _mta.insist_on_root(runner)
    jobs: t.List[install.Job] = []
    live = settings.load()
    if params["state"] == settings.ABSENT:
        todo = install.removal(settings.products(live))
    else:
        wanted = settings.merged(live, params)
        jobs = settings.jobs(wanted)
        for job in jobs:
            schedule.check(runner, job.option, job.schedule)
        # Named by the module itself: what nothing imports, Ansible would not send.
        archive = _zipapp.content(*main.__name__.split(".")[-2:])
        leftovers = sorted(set(settings.products(live)) - set(settings.products(wanted)))
        todo = install.plan(runner, jobs, settings.content(wanted), archive, leftovers)
    if todo.changed and not check_mode:
        install.apply(runner, todo)
    return {
        "changed": todo.changed,
        "actions": todo.actions(),
        "diff": [_diff(change) for change in todo.files if change.path != places.archive()],
        "version": places.VERSION,
        "archive": places.archive(),
        "jobs": [_shown(job) for job in jobs],
    }


def _shown(job: install.Job) -> t.Dict[str, t.Any]:
    when = job.schedule.calendar or f"every {job.schedule.seconds} seconds"
    return {"name": job.name, "title": job.title, "when": when}


def _diff(change: install.FileChange) -> t.Dict[str, str]:
    before, after = (_text(content) for content in (change.before, change.after))
    return {"before_header": change.path, "after_header": change.path, "before": before, "after": after}


def _text(content: t.Optional[bytes]) -> str:
    """Return a file as a diff shows it; of state and archives only a digest."""
    if content is None:
        return ""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    return text if text and len(text) < 20000 else f"sha256 {hashlib.sha256(content).hexdigest()}\n"


__all__ = ("ARGUMENT_SPEC", "run")

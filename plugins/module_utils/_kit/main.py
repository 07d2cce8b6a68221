# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The entrance of the kit: the archive is run with the name of a job.

Private to the collection: it can change at any time.
"""

import sys
import typing as t

from .._errors import OptionError, PostmasterError
from .._runner import Runner
from . import places, settings


def main(arguments: t.Sequence[str]) -> int:
    """Run one job. Return the exit status: 0 done, 1 failed, 2 no such job."""
    if list(arguments) == ["version"]:
        sys.stdout.write(f"{places.VERSION}\n")
        return 0
    job = _JOBS.get(arguments[0]) if arguments else None
    if job is None:
        sys.stderr.write(f"expected version or one of {', '.join(sorted(_JOBS))}\n")
        return 2
    name = "-".join(arguments)
    try:
        with places.alone(name) as is_alone:
            # An earlier run that still works does what this one was started for.
            said = job(Runner(), settings.load(), arguments[1:]) if is_alone else ""
    except PostmasterError as problem:
        sys.stderr.write(f"{name}: {problem}\n")
        return 1
    if said:
        sys.stdout.write(f"{name}: {said}\n")
    return 0


def _expiry(runner: Runner, known: settings.Settings, arguments: t.Sequence[str]) -> str:
    from . import expiry

    return expiry.run(runner, known.get("expiry") or {})


def _report(runner: Runner, known: settings.Settings, arguments: t.Sequence[str]) -> str:
    from . import report

    return report.run(runner, _named(known, "reports", arguments))


def _canary(runner: Runner, known: settings.Settings, arguments: t.Sequence[str]) -> str:
    from . import canary

    return canary.run(runner, _named(known, "canary", arguments))


def _metrics(runner: Runner, known: settings.Settings, arguments: t.Sequence[str]) -> str:
    from . import metrics

    return metrics.run(runner, known["metrics"], known)


def _named(known: settings.Settings, part: str, arguments: t.Sequence[str]) -> t.Mapping[str, t.Any]:
    """Return the settings of the job that the arguments name.

    :raises OptionError: there is none of this name.
    """
    for entry in known.get(part) or ():
        if [entry["name"]] == list(arguments):
            named: t.Mapping[str, t.Any] = entry
            return named
    raise OptionError(part, " ".join(arguments), "the settings of the kit have none of this name")


#: Each job imports what it needs when it runs, since Python compiles every import.
_JOBS: t.Dict[str, t.Callable[[Runner, settings.Settings, t.Sequence[str]], str]] = {
    "canary": _canary,
    "expiry": _expiry,
    "metrics": _metrics,
    "report": _report,
}

__all__ = ("main",)

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module message_info returns: one message of a queue, and what the log says about it.

Private to the collection: it can change at any time.
"""

import typing as t

from .. import _mta, _queue_trace
from .._driver.queue import queue_of
from .._model import queue, selection
from .._runner import Runner
from .queue_info import with_hold_reasons

ARGUMENT_SPEC: t.Dict[str, t.Any] = dict(
    _mta.ARGUMENT_SPEC,
    id={"type": "str", "required": True},
    body_limit={"type": "int", "default": 4096},
    log_limit={"type": "int", "default": 100},
)


def run(params: t.Mapping[str, t.Any], check_mode: bool, runner: t.Optional[Runner] = None) -> t.Dict[str, t.Any]:
    """Return what the module message_info returns. The log is read for a message that left the queue, too."""
    runner, name = runner or Runner(), params["id"]
    selection.parse({"ids": [name]}, {})
    hosts = _mta.chosen(runner, params["mta"], params["instance"])
    detail = next(filter(None, (queue_of(host.mta).message(host, name, params["body_limit"]) for host in hosts)), None)
    files = tuple(dict.fromkeys(path for host in hosts for path in queue_of(host.mta).log_files(host)))
    since = detail.message.arrival if detail else 0
    lines = _queue_trace.lines(runner, _queue_trace.whole(files, since), name, params["log_limit"])
    answer: t.Dict[str, t.Any] = {
        "exists": detail is not None,
        "log": list(lines),
        "attempts": [dict(attempt._asdict()) for attempt in _queue_trace.attempts(lines)],
    }
    if detail is None:
        return dict(answer, message=None, waits_for="It is not in the queue.", headers=[], body="", body_size=0)
    message = next(with_hold_reasons(hosts, [detail.message]))
    return dict(
        answer,
        message=queue.as_record(message),
        waits_for=queue.waits_for(message),
        headers=[{"name": header, "value": value} for header, value in detail.headers],
        body=detail.body,
        body_size=detail.body_size,
    )

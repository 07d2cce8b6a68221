# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module queue_info returns: the messages of a host's queues, and their summary.

Private to the collection: it can change at any time.
"""

import time
import typing as t

from .. import _mta, _queue_trace
from .._driver.queue import queue_of
from .._errors import CommandError
from .._model import queue, queue_summary
from .._model import selection as _select
from .._model.host import Host
from .._model.queue import Message
from .._model.selection import Selection
from .._runner import Runner

ARGUMENT_SPEC: t.Dict[str, t.Any] = dict(
    _mta.ARGUMENT_SPEC,
    limit={"type": "int", "default": 100},
    sort={"type": "str", "choices": list(queue.ORDERS), "default": "oldest"},
    top={"type": "int", "default": 20},
    **_select.ARGUMENT_SPEC,
)


def run(
    params: t.Mapping[str, t.Any],
    check_mode: bool,
    runner: t.Optional[Runner] = None,
    now: t.Optional[float] = None,
) -> t.Dict[str, t.Any]:
    """Return what the module queue_info returns.

    :param now: seconds since the epoch, from which ages are counted.
    :raises PostmasterError: an option that makes no sense, or no such instance.
    """
    instant = time.time() if now is None else now
    selection = _select.parse(params["select"], queue.STATUSES)
    hosts = _mta.chosen(runner or Runner(), params["mta"], params["instance"])
    unreadable: t.List[t.Dict[str, str]] = []
    tally = queue_summary.Tally(instant)
    selected = _select.chosen(with_hold_reasons(hosts, _listing(hosts, unreadable)), selection, instant)
    shown = queue.first(_counted(selected, selection, tally), params["sort"], params["limit"])
    by_name = {host.instance.name: host for host in hosts}
    return {
        "messages": [queue.as_record(_detailed(by_name[message.instance], message)) for message in shown],
        "summary": tally.summary(params["top"]),
        "unreadable": unreadable,
        "instances": [_as_instance(host) for host in hosts],
        "host_status": [dict(status._asdict()) for host in hosts for status in queue_of(host.mta).host_status(host)],
    }


def _counted(messages: t.Iterable[Message], selection: Selection, tally: queue_summary.Tally) -> t.Iterator[Message]:
    """Pass messages on and count them. Of recipients, only those that fit the selection are counted."""
    fits = _select.recipient_predicate(selection)
    for message in messages:
        if fits is None:
            tally.add(message)
        else:
            fitting = tuple(recipient for recipient in message.recipients if fits(recipient, message.reason))
            tally.add(message._replace(recipients=fitting))
        yield message


def with_hold_reasons(hosts: t.Sequence[Host], messages: t.Iterable[Message]) -> t.Iterator[Message]:
    """Give messages on hold the reason that the log has. sendmail keeps it with the message; Postfix only logs it."""
    reasons: t.Optional[t.Dict[str, str]] = None
    for message in messages:
        if message.status == queue.HOLD and not message.reason:
            if reasons is None:
                files = tuple(dict.fromkeys(path for host in hosts for path in queue_of(host.mta).log_files(host)))
                reasons = _queue_trace.hold_reasons(files)
            message = message._replace(reason=reasons.get(message.id, ""))
        yield message


def _as_instance(host: Host) -> t.Dict[str, t.Any]:
    instance = host.instance
    return {
        "mta": instance.mta,
        "name": instance.name,
        "config_directory": instance.config_directory,
        "queue_directories": list(instance.queue_directories),
    }


def read_ahead(mtas: t.Iterable[str]) -> None:
    """Import what a look at the queue uses of the drivers: to be called before threads do (see host_info)."""
    for mta in mtas:
        queue_of(mta)


def _detailed(host: Host, message: Message) -> Message:
    return queue_of(host.mta).detailed(host, message)


def _listing(hosts: t.Sequence[Host], unreadable: t.List[t.Dict[str, str]]) -> t.Iterator[Message]:
    """Yield the messages of all instances. An instance whose queue cannot be listed is reported, unless it is the only one."""

    def report(path: str, why: str) -> None:
        unreadable.append({"path": path, "why": why})

    for host in hosts:
        try:
            yield from queue_of(host.mta).messages(host, report)
        except CommandError as problem:
            if len(hosts) == 1:
                raise
            report(host.instance.config_directory, str(problem))

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a capture instance has caught: the envelope of each message, and the message itself byte for byte.

Private to the collection: it can change at any time.
"""

import base64
import time
import typing as t

from .. import _mta
from .._clock import utc
from .._driver.capture import capture_of
from .._driver.daemon import daemon_of
from .._driver.queue import queue_of
from .._errors import OptionError
from .._model import capture, queue
from .._model import selection as _select
from .._model.host import Host
from .._runner import Runner

__all__ = ("ARGUMENT_SPEC", "run")

ARGUMENT_SPEC: t.Dict[str, t.Any] = {
    **_mta.ARGUMENT_SPEC,
    "name": {"type": "str"},
    "content": {"type": "bool", "default": False},
    "limit": {"type": "int", "default": 1000},
    "max_bytes": {"type": "int", "default": 1 << 20},
    "total_bytes": {"type": "int", "default": 20 << 20},
    "select": _select.ARGUMENT_SPEC["select"],
}


def run(params: t.Mapping[str, t.Any], check_mode: bool, runner: t.Optional[Runner] = None) -> t.Dict[str, t.Any]:
    """Return what the module capture_info returns.

    :raises PostmasterError: an option that cannot be meant, or no such MTA.
    """
    runner = runner or Runner()
    for option in ("limit", "max_bytes", "total_bytes"):
        if params[option] < 0:
            raise OptionError(option, params[option], "expected a number that is not negative")
    host = _mta.find(runner, params["mta"], params["instance"])
    driver = capture_of(host.mta)
    name = params["name"] or f"{host.mta}-capture"
    hop = driver.hop_there(host)
    return {
        "mta": host.mta,
        "instance": host.instance.name,
        "capture_instance": name,
        "routes": list(driver.routes_there(host)),
        "address": hop.address if hop else "",
        "port": hop.port if hop else 0,
        **_caught(runner, host.mta, name, params),
    }


def _caught(runner: Runner, mta: str, name: str, params: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
    """Return what is known of the capture instance and its queue; nothing where there is no such instance."""
    instances = [instance for instance in _mta.find_all(runner, mta) if instance.name == name]
    if not instances:
        return {"exists": False, "running": False, "count": 0, "messages": [], "truncated": False}
    host = _mta.host(runner, instances[0])
    messages, count = _messages(host, params)
    return {
        "exists": True,
        "running": daemon_of(mta).running(host).pid is not None,
        "count": count,
        "messages": messages,
        "truncated": count > len(messages),
    }


def _messages(host: Host, params: t.Mapping[str, t.Any]) -> t.Tuple[t.List[t.Dict[str, t.Any]], int]:
    """Return the oldest ones, up to the limits; and how many there are."""
    selection = _select.parse(params["select"], queue.STATUSES)
    chosen = _select.chosen(queue_of(host.mta).messages(host), selection, time.time())
    messages = sorted(chosen, key=lambda message: (message.arrival, message.id))
    left = params["total_bytes"]
    records = []
    for message in messages[: params["limit"]]:
        record = _record(host, message, params["max_bytes"])
        if params["content"]:
            content = record["content"]
            if len(content) > left:
                break
            left -= len(content)
            record["content"] = base64.b64encode(content).decode("ascii")
        else:
            del record["content"]
        records.append(record)
    return records, len(messages)


def _record(host: Host, message: queue.Message, limit: int) -> t.Dict[str, t.Any]:
    content, whole = queue_of(host.mta).raw(host, message, limit)
    return {
        "id": message.id,
        "status": message.status,
        "arrival": message.arrival,
        "arrived": utc(message.arrival),
        "sender": message.sender,
        "recipients": [recipient.address for recipient in message.recipients],
        "client": capture.client_of(content),
        "size": whole,
        "content": content,
        "cut": whole > len(content),
    }

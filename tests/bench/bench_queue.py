# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Queues of 20,000 messages: our summary beside the MTA's own listing, our delete beside one postsuper."""

from __future__ import annotations

import typing as t

from figures import Row
from queuehosts import QueueHost, queue_host

MESSAGES = 20000
ROUNDS = 9
#: Megabytes that a summary may need.
MEMORY = 100


def rows() -> t.Iterator[Row]:
    """The ratios of issue 4."""
    with queue_host("postfix-3.7") as host:
        _fill_postfix(host)
        yield from _summary(host, "postqueue -j", ["postqueue", "-j"], 1.3)
        yield from _delete(host)
    with queue_host("sendmail-8.17") as host:
        # Without the daemon, which would try the messages and return the old ones.
        host.run("pkill -x sendmail; sleep 1", check=False)
        host.call("fill_sendmail", count=MESSAGES)
        yield from _summary(host, "mailq", ["/usr/sbin/sendmail", "-C", "/etc/mail/sendmail.cf", "-bp"], 1.0)


def _fill_postfix(host: QueueHost) -> None:
    """20,000 messages that wait, from 40 senders to 20 domains, without an attempt in between."""
    host.run(
        "postconf -e defer_transports=smtp queue_run_delay=3000s minimal_backoff_time=3000s enable_long_queue_ids=yes; postfix reload"
    )
    host.call("fill_postfix", count=MESSAGES)


def _summary(host: QueueHost, name: str, yardstick: t.Sequence[str], bound: float) -> t.Iterator[Row]:
    """What queue_info does on the host, from the search for instances to the finished tables, beside the MTA's listing."""
    found = host.call("time_summary", rounds=ROUNDS, yardstick=list(yardstick))
    assert found["messages"] == MESSAGES, found
    what = f"summary of {MESSAGES} messages : {name}, {host}"
    # The best of each: what other programs take away from a round is no property of either.
    yield Row(what, min(found["ours"]), min(found["theirs"]), "s", bound)
    yield Row(f"memory of that : {MEMORY} MB", found["megabytes"], MEMORY, "MB", 1)


def _delete(host: QueueHost) -> t.Iterator[Row]:
    """Half of the messages by one postsuper, the other half by the module, by selection."""
    found = host.call("time_delete", count=MESSAGES // 2)
    assert found["affected"] == MESSAGES // 2 and found["left"] == 0, found
    yield Row(f"delete {MESSAGES // 2} selected : postsuper -d -, {host}", found["ours"], found["theirs"], "s", 1.5)

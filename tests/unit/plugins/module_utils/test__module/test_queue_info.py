# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What waits, of all instances of a host."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import CommandError, OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._model import queue as _queue
from ansible_collections.postmaster.mta.plugins.module_utils._module import message_info, queue_info
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__module.queue_twin import (
    NOW,
    NoJournal,
    ids,
    message,
)


def info(**changes):
    given = {"mta": "auto", "instance": "all", "select": None, "limit": 10, "sort": "oldest", "top": 5}
    return queue_info.run(dict(given, **changes), False, NoJournal(), NOW)


def test_info_reads_all_instances(twin):
    found = info()
    assert ids(found) == ["ABCDEF4", "ABCDEF1", "ABCDEF2", "ABCDEF3"]
    assert found["messages"][0]["next_attempt"] == NOW + 5
    assert [one["name"] for one in found["instances"]] == ["one", "two"]
    assert found["unreadable"][0] == {"path": "/spool/broken", "why": "cut off"}


def test_info_of_the_primary_instance(twin):
    assert ids(info(instance=None)) == ["ABCDEF1", "ABCDEF2", "ABCDEF3"]
    assert ids(info(instance="/etc/two")) == ["ABCDEF4"]


def test_info_counts_only_recipients_that_fit(twin):
    found = info(select={"domain": ["b.test"]}, limit=0)
    assert found["messages"] == []
    assert [row["name"] for row in found["summary"]["domains"]] == ["b.test"]
    assert found["summary"]["total"]["recipients"] == 1
    assert found["summary"]["domains"][0]["oldest"]["id"] == "ABCDEF4"


def test_info_of_one_instance_that_cannot_list_fails_and_of_several_reports(twin, monkeypatch):
    working = twin.messages

    def messages(host, report=_queue.ignore):
        if host.instance.name == "one":
            raise CommandError(["postqueue", "-j"], 1, "", "fatal: no local interface")
        return working(host)

    monkeypatch.setattr(twin, "messages", messages)
    found = info()
    assert ids(found) == ["ABCDEF4"]
    assert found["unreadable"][0]["path"] == "/etc/one" and "no local interface" in found["unreadable"][0]["why"]
    with pytest.raises(CommandError):
        info(instance=None)


def test_no_mta_at_all(twin, monkeypatch):
    monkeypatch.setattr(queue_info._mta, "find_all", lambda runner, mta="auto": ())
    with pytest.raises(OptionError, match="mta: auto: no MTA is installed here"):
        info()


def test_a_hold_of_postfix_has_the_reason_of_the_log(twin, tmp_path):
    log = tmp_path / "mail.log"
    log.write_text(
        "mx postfix/smtpd[9]: NOQUEUE: hold: RCPT from c[192.0.2.2]: <h@x.test>: Sender address held for review; from=<h@x.test>\n"
        "mx postfix/smtpd[9]: ABCDEF2: client=c[192.0.2.2]\n"
    )
    twin.log_files = lambda host: (str(log),)
    twin.queue = (message(2, "hold", reason=""),)
    found = info()
    assert found["messages"][0]["reason"] == "<h@x.test>: Sender address held for review"
    assert found["summary"]["reasons"][0]["name"] == "held for review"
    assert info(select={"reason": ["held for review"]})["summary"]["total"]["messages"] == 1
    assert (
        "held for review"
        in message_info.run(
            {"mta": "auto", "instance": "all", "id": "ABCDEF2", "body_limit": 2, "log_limit": 5}, False, NoJournal()
        )["waits_for"]
    )

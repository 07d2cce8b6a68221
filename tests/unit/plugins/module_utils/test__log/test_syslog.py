# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every form of a line becomes the one form that the reader knows."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._log import syslog

PLAIN = b"Nov 22 07:39:25 mx postfix/qmgr[7]: A1: removed\n"
DATED = b"2026-11-22T07:39:25Z mx postfix/qmgr[7]: A1: removed\n"


@pytest.mark.parametrize(
    "line, record",
    [
        (PLAIN, PLAIN),
        (b"<22>" + PLAIN, PLAIN),
        (b"Nov 22 07:39:25 <mail.info> mx postfix/qmgr[7]: A1: removed\n", PLAIN),
        (b"Nov  2 7:39:25 x", None),
        (b"Nov 2 07:39:25 mx postfix/qmgr[7]: A1: removed", b"Nov  2 07:39:25 mx postfix/qmgr[7]: A1: removed\n"),
        (b"<22>1 2026-11-22T07:39:25Z mx postfix/qmgr 7 - - A1: removed", DATED),
        (b"2026-11-22 07:39:25 UTC mx postfix/qmgr[7]: A1: removed", DATED),
        (b"mail-1  | " + PLAIN, PLAIN),
        (b"2026-11-22T07:39:26Z stdout F " + PLAIN, PLAIN),
        (
            b'{"time": "2026-11-22T07:39:25Z", "host": {"name": "mx"}, "tag": "postfix/qmgr", "pid": 7, "msg": "A1: removed"}',
            DATED,
        ),
        (
            b'{"time": "2026-11-22T07:39:25Z", "host": "mx", "ident": "postfix/qmgr[7]:", "MESSAGE": [65, 49, 58, 32, 255]}',
            b"2026-11-22T07:39:25Z mx postfix/qmgr[7]: A1: \xff\n",
        ),
    ],
)
def test_each_form(line, record):
    if record is None:
        with pytest.raises(syslog.Skipped):
            syslog.records(line)
    else:
        assert syslog.records(line) == [record]


def test_a_repeated_line_counts_as_often_as_it_came():
    assert syslog.records(PLAIN.replace(b"A1: removed", b"message repeated 3 times: [ A1: removed]")) == [PLAIN] * 3
    assert syslog.records(b"Nov 22 07:39:26 mx last message repeated 2 times", PLAIN) == [PLAIN] * 2
    with pytest.raises(syslog.Skipped) as caught:
        syslog.records(b"Nov 22 07:39:26 mx last message repeated 2 times")
    assert caught.value.kind == syslog.REPEATS_UNKNOWN


@pytest.mark.parametrize(
    "line, kind", [(b"gibberish", syslog.NO_TIME), (b"Nov 22 07:39:25 mx no program", syslog.NO_PROGRAM)]
)
def test_what_is_no_record_says_why(line, kind):
    with pytest.raises(syslog.Skipped) as caught:
        syslog.records(line)
    assert caught.value.kind == kind


def test_a_mark_is_nothing():
    assert syslog.records(b"Nov 22 07:39:25 mx -- MARK --\n") == []


def test_the_host_of_a_line():
    assert (syslog.host_of(PLAIN), syslog.host_of(b"gibberish")) == (b"mx", b"")

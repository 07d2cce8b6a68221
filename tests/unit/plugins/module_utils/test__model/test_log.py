# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The words of a log line: addresses, status codes, reasons; and how much a message may remember."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._model import log
from ansible_collections.postmaster.mta.plugins.module_utils._model.log import address_end


@pytest.mark.parametrize(
    "text, end",
    [(b"<a@b>, x", 5), (b'<"a>, "@b>, x', 10), (b'<"a\\">"@b>, x', 10), (b"root, x", 4), (b"root", 4), (b"<>, x", 2)],
)
def test_the_end_of_an_address(text, end):
    assert address_end(text, 0) == end


def test_an_address_without_an_end_is_an_error():
    with pytest.raises(ValueError):
        address_end(b'<"a@b', 0)


@pytest.mark.parametrize(
    "why, code",
    [
        (b"550 5.7.1 no", b"5.7.1"),
        (b"5.1.10 no", b"5.1.10"),
        (b"550 no 5.7.1", b""),
        (b"192.0.2.1 said", b""),
        (b"", b""),
    ],
)
def test_the_enhanced_status_code_stands_first_or_behind_the_code(why, code):
    assert log.enhanced(why) == code


def test_what_the_other_side_said_has_no_frame():
    assert log.said(b"status=sent (250 Ok (queued))\n") == b"250 Ok (queued)"
    assert log.said(b"stat=Sent (Ok)\n") == b"Sent (Ok)"
    assert log.bare(b"<a@b>") == b"a@b" and log.bare(b"root") == b"root"


def test_a_record_within_a_record_is_not_ignored():
    with pytest.raises(ValueError, match="another record"):
        log.expect_record(b"message repeated 3 times: [ x]")
    log.expect_record(b"connect from x")


def test_sessions_without_a_process_are_nobodys_and_the_oldest_go():
    sessions = {}
    log.remember_session(sessions, b"postfix/smtp", "nobody")
    assert sessions == {}
    for number in range(20001):
        log.remember_session(sessions, b"postfix/smtp[%d]" % number, number)
    assert len(sessions) == 10001 and sessions[b"postfix/smtp[20000]"] == 20000


@pytest.mark.parametrize(
    "reply, queue_id",
    [
        (b"250 2.0.0 Ok: queued as 4F2B1C", b"4F2B1C"),
        (b"250 2.0.0 6AI1atAa021630 Message accepted for delivery", b"6AI1atAa021630"),
        (b"250 2.0.0 Ok: kept", b""),
        (b"", b""),
    ],
)
def test_the_queue_id_that_the_next_hop_names(reply, queue_id):
    assert log.taken_as(reply) == queue_id

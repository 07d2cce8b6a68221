# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""That the join of what is found equals the join of all is in test_narrow.py; here is what a line alone tells."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._log import context
from ansible_collections.postmaster.mta.plugins.module_utils._runner import Runner

HEAD = b"Nov 22 07:39:01 mx1 "


@pytest.mark.parametrize(
    ("line", "process"),
    [
        (HEAD + b"postfix/smtp[7]: 4ABC12: to=<a@b>\n", b" mx1 postfix/smtp[7]"),
        (b"2026-11-22T07:39:01.5+01:00 mx1 sm-mta[7]: x\n", b" mx1 sm-mta[7]"),
        (HEAD + b"postfix/smtp: 4ABC12: to=<a@b>\n", b" mx1 postfix/smtp"),
        (HEAD + b"sendmail[7]: [ID 801593 mail.info] 1AB: x\n", b""),
        (HEAD + b"last message repeated 3 times\n", b""),
        (b"2026-11-22T07:39:01Z mx1 app 7 - - 4ABC12: x\n", b""),
        (b'{"message": "4ABC12: x"}\n', b""),
    ],
)
def test_the_process_of_a_line(line, process):
    assert context.process_of(line) == process
    assert context.is_usual(line) == bool(process)


def test_the_form_of_a_file_is_that_of_all_its_lines():
    with_process, without = HEAD + b"postfix/smtp[7]: x\n", HEAD + b"postfix/smtp: x\n"
    assert context.form_of([with_process]) is context.Form.WITH_PROCESS
    assert context.form_of([with_process, without]) is context.Form.USUAL
    assert context.form_of([with_process, b"{}\n"]) is context.Form.OTHER


@pytest.mark.parametrize("text", [b"4ABC12D", b"3ZrZQk1k7zz", b"6AI0001Aa010000"])
def test_a_queue_id(text):
    assert context.is_queue_id(text)


@pytest.mark.parametrize("text", [b"NOQUEUE", b"warning", b"statistics", b"", b"connect from a", b"a.b12"])
def test_no_queue_id(text):
    assert not context.is_queue_id(text)


def test_samples_are_whole_lines_of_all_of_a_file(tmp_path):
    path = tmp_path / "log"
    lines = [b"%07d\n" % number for number in range(100000)]
    path.write_bytes(b"".join(lines))
    samples = context.samples(str(path), 4)
    assert samples[0] == lines[0]
    assert samples[-1] == lines[-1]
    assert set(samples) <= set(lines)
    assert 4 <= len(samples) <= 8


def test_the_line_after_is_that_of_the_same_host(tmp_path):
    path = tmp_path / "log"
    first, other, repeat = (
        HEAD + b"a[1]: x\n",
        b"Nov 22 07:39:01 mx2 a[1]: x\n",
        HEAD + b"last message repeated 2 times\n",
    )
    path.write_bytes(first + other + repeat)
    assert context.after(str(path), 0, first) == (len(first + other), repeat)
    assert context.after(str(path), len(first + other), repeat) == (-1, b"")


def test_a_line_longer_than_what_is_read_at_once_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(context, "_FIRST_STEP", 64)
    process = b" mx1 postfix/smtp[7]"
    lines = [HEAD + b"postfix/smtp[7]: 4ABC%03d: to=<%b@b>\n" % (number, b"a" * number * 40) for number in range(9)]
    path = tmp_path / "log"
    path.write_bytes(b"".join(lines))
    whole = path.stat().st_size
    assert [line for _offset, line in context._lines_back(str(path), process, 0, whole)] == lines[::-1]
    assert context.complete(Runner(), {}) is None


@pytest.mark.parametrize(
    ("between", "bound"),
    [(b"connect from x[192.0.2.1]", True), (b"Anonymous TLS connection established from x", False)],
)
def test_a_connection_ends_the_sessions_before_it(tmp_path, between, bound):
    path = tmp_path / "log"
    start = HEAD + b"postfix/smtpd[7]: %b\n" % between
    path.write_bytes(start + HEAD + b"postfix/smtpd[7]: 4ABC: client=x[192.0.2.1]\n")
    assert context._are_bound(str(path), b" mx1 postfix/smtpd[7]", [len(start)]) is bound

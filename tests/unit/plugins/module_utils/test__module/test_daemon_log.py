# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why an MTA does not run, in the words of its log."""

import time

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._module import daemon_log


class NoJournal:
    """A host without a journal."""

    def which(self, name):
        return None


@pytest.fixture(name="log")
def _log(tmp_path, monkeypatch):
    path = tmp_path / "mail.log"
    monkeypatch.setattr(daemon_log, "_FILES", (str(tmp_path / "none"), str(path)))
    return path


def stamp(ago):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(time.time() - ago))


def test_the_last_reason_counts_and_what_was_before_does_not(log):
    log.write_text(
        f"{stamp(9000)} mx postfix/master[1]: fatal: an old trouble\n"
        f"{stamp(60)} mx postfix/master[2]: fatal: open /etc/postfix/main.cf\n"
        f"{stamp(50)} mx postfix/smtpd[3]: connect from x\n"
    )
    assert daemon_log.reason(NoJournal(), time.time() - 3600) == "fatal: open /etc/postfix/main.cf"


def test_a_log_without_a_reason_says_nothing(log):
    log.write_text(f"{stamp(60)} mx postfix/smtpd[3]: connect from x\n")
    assert daemon_log.reason(NoJournal(), time.time() - 3600) == ""
    log.unlink()
    assert daemon_log.reason(NoJournal(), time.time() - 3600) == ""


def test_a_line_whose_time_nobody_can_read_is_not_older():
    now = time.time()
    assert daemon_log._is_older(f"{stamp(7200)} mx x", now) and not daemon_log._is_older("half a line", now)
    traditional = time.strftime("%b %d %H:%M:%S", time.localtime(now - 86400 * 2))
    assert daemon_log._is_older(f"{traditional} mx x", now) or time.localtime(now).tm_yday < 3

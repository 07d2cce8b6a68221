# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which senders the access map of sendmail refuses: sendmail itself is asked, in its test mode."""

from ansible_collections.postmaster.mta.plugins.module_utils._runner import Result
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import refusals as sendmail_refusals


class Scripted:
    """Answers commands from a table of beginnings."""

    def __init__(self, answers):
        self.answers = answers
        self.asked = []
        self.status = 0

    def which(self, program):
        return program

    def run(self, argv, stdin=None, timeout=60, check=True, env=None, cwd=None):
        self.asked.append((tuple(argv), stdin))
        return Result(tuple(argv), 0 if check else self.status, self.answers[argv[0]], "")


def test_sendmail_is_asked_in_test_mode():
    runner = Scripted(
        {
            "sendmail": "> map_lookup: access (from:emalsrv.brand.com) returns ERROR:5.7.1:550 no (0)\n"
            "> map_lookup: access (from:ok.example) returns RELAY (0)\n> map_lookup: access (from:x.example) no match (0)\n"
        }
    )
    wanted = ["a@emalsrv.brand.com", "a@ok.example", "a@x.example"]
    assert sendmail_refusals.refused_senders(runner, "/etc/mail", wanted) == {"a@emalsrv.brand.com"}
    assert "/map access from:emalsrv.brand.com\n" in runner.asked[0][1]

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which senders the access tables of Postfix refuse: the keys that smtpd tries, and the answers that keep a message out."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import CommandError
from ansible_collections.postmaster.mta.plugins.module_utils._postfix import refusals as postfix_refusals
from ansible_collections.postmaster.mta.plugins.module_utils._runner import Result


class Scripted:
    """Answers commands from a table of beginnings."""

    def __init__(self, answers):
        self.answers = answers
        self.asked = []
        self.status = 0

    def run(self, argv, stdin=None, timeout=60, check=True, env=None, cwd=None):
        self.asked.append((tuple(argv), stdin))
        return Result(tuple(argv), 0 if check else self.status, self.answers[argv[0]], "")


def test_postfix_looks_up_the_keys_of_smtpd():
    runner = Scripted(
        {
            "postconf": "\n\ncheck_sender_access lmdb:/etc/postfix/access, reject_unauth_destination\n",
            "postmap": "emalsrv.brand.com\tREJECT\nok.example\tOK\nbare.example\t550\n",
        }
    )
    wanted = ["a@x.emalsrv.brand.com", "a@brand.com", "a@ok.example", "a@bare.example"]
    assert postfix_refusals.refused_senders(runner, "/etc/postfix", wanted) == {"a@x.emalsrv.brand.com"}
    assert runner.asked[1][0] == ("postmap", "-c", "/etc/postfix", "-q", "-", "lmdb:/etc/postfix/access")
    assert "x.emalsrv.brand.com\n" in runner.asked[1][1]


def test_a_table_that_cannot_be_asked_is_an_error():
    runner = Scripted({"postconf": "check_sender_access lmdb:/none\n", "postmap": ""})
    runner.status = 69
    with pytest.raises(CommandError):
        postfix_refusals.refused_senders(runner, "/etc/postfix", ["a@b.example"])

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a client is told at RCPT, as far as configuration and tables say it."""

from ansible_collections.postmaster.mta.plugins.module_utils._model.route import RouteQuestion, TableEntry
from ansible_collections.postmaster.mta.plugins.module_utils._postfix import rcpt_answer as answers


class TestAnswers:
    VALUES = {
        "mynetworks": "127.0.0.0/8 10.25.0.60/32 [fd00::]/16",
        "smtpd_relay_restrictions": "permit_mynetworks, reject_unauth_destination",
        "smtpd_recipient_restrictions": "check_recipient_access hash:/x/rcpt, check_policy_service unix:/p",
        "smtpd_sender_restrictions": "check_sender_access hash:/x/sender",
    }

    def answer(self, client="10.25.0.99", served=False, sender="s@bad.test", tables=None):
        def ask(role, table, keys):
            known = (tables or {}).get(table, {})
            return [TableEntry(role, table, key, known[key]) for key in keys if key in known]

        return answers.answer(self.VALUES, RouteQuestion("u@ok.test", sender, client), served, ask)

    def test_a_stranger_may_not_relay(self):
        said, rules = self.answer()
        assert said == "554 5.7.1 Relay access denied"
        assert rules[-1].given == "reject_unauth_destination"

    def test_a_trusted_client_may(self):
        assert self.answer("10.25.0.60")[0] == "accepted"
        assert self.answer("fd00::7")[0] == "accepted"

    def test_mail_for_us_is_taken(self):
        assert self.answer(served=True)[0] == "accepted"

    def test_an_access_table_refuses(self):
        tables = {"hash:/x/sender": {"bad.test": "550 5.7.1 go away"}}
        assert self.answer(tables=tables, client="10.25.0.60")[0] == "550 5.7.1 go away"

    def test_an_access_table_permits_only_in_its_list(self):
        assert self.answer(tables={"hash:/x/sender": {"bad.test": "OK"}})[0] == "554 5.7.1 Relay access denied"

    def test_what_needs_the_session_is_undecided(self):
        rules = self.answer(served=True)[1]
        assert [rule.result for rule in rules if "check_policy_service" in rule.given] == ["undecided"]

    def test_without_a_client_nothing_is_said(self):
        assert self.answer(client="") == ("", ())

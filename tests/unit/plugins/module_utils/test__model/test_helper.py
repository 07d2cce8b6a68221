# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A helper is as dangerous as the MTA is by default: mail is refused while it does not answer."""

from ansible_collections.postmaster.mta.plugins.module_utils._model.helper import FILTER, MILTER, POLICY, Helper


def test_without_a_word_of_the_configuration_a_dead_helper_stops_mail():
    helper = Helper(MILTER, "inet:localhost:8891", "smtpd_milters")
    assert helper.refuses and not helper.path and not helper.consequence


def test_the_kinds_are_words_for_a_sentence():
    assert [f"the {kind} does not answer" for kind in (MILTER, POLICY, FILTER)] == [
        "the milter does not answer",
        "the policy service does not answer",
        "the content filter does not answer",
    ]

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A statement that no part of a move takes has a sentence, or is named as not known."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._model.move import CONSTRUCTS
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import mc_source, move_others


def said(text):
    (call,) = mc_source.read(text, lambda name: None).calls
    return move_others.about(call)


@pytest.mark.parametrize(
    "text, verdict",
    [
        ("FEATURE(`access_db')", "converted"),
        ("FEATURE(`smrsh')", "differs"),
        ("FEATURE(`sts')", "not converted"),
        ("FEATURE(`of_our_own')", "not converted"),
        ("TRUST_AUTH_MECH(`PLAIN')", "not converted"),
        ("define(`PROCMAIL_MAILER_PATH', `/usr/bin/procmail')", "not converted"),
        ("LDAPROUTE_DOMAIN(`x.test')", "not converted"),
    ],
)
def test_each_kind(text, verdict):
    assert said(text).verdict == verdict


@pytest.mark.parametrize(
    "text", ["OSTYPE(`debian')", "VERSIONID(`x')", "define(`_USE_ETC_MAIL_')", "define(`confMAX_HOP', `9')"]
)
def test_what_says_nothing_about_mail(text):
    """Options have rows of their own."""
    assert said(text) is None


def test_every_row_has_a_construct():
    rows = [*move_others._FEATURES.values(), *move_others._MACROS.values()]
    assert {number for number, dummy, sentence in rows if sentence} <= set(CONSTRUCTS)

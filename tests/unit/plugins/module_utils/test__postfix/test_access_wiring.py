# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One restriction list of main.cf with our elements in front, and everything else as it was."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._postfix import main_cf
from ansible_collections.postmaster.mta.plugins.module_utils._postfix.access import RELAY_CONTROL, SENDER, Facts
from ansible_collections.postmaster.mta.plugins.module_utils._postfix.access_wiring import rewired

OURS = ["check_sender_access hash:$config_directory/access_from"]
BUILT_IN = "permit_mynetworks, defer_unauth_destination"


def wired(content, expected, name=SENDER):
    known = Facts("hash", content, main_cf.parse(content), {RELAY_CONTROL: BUILT_IN}, BUILT_IN)
    return rewired(content, name, OURS, expected, known)


@pytest.mark.parametrize(
    "content",
    [
        b"a = 1\nsmtpd_sender_restrictions = permit_mynetworks,\n  reject\nb = 2\n",
        b"smtpd_sender_restrictions =\n  reject\n",
        b"smtpd_sender_restrictions =\na = 1\n",
        b"a = 1\n",
    ],
)
def test_our_elements_stand_in_front_and_go_again_to_the_byte(content):
    with_ours = wired(content, OURS)
    value = main_cf.parse(with_ours).values[SENDER]
    assert value.startswith(OURS[0])
    assert wired(with_ours, []) == content


def test_a_relay_control_that_was_not_set_keeps_what_is_built_in():
    with_ours = wired(b"a = 1\n", OURS, RELAY_CONTROL)
    assert main_cf.parse(with_ours).values[RELAY_CONTROL] == f"{OURS[0]}, {BUILT_IN}"
    assert wired(with_ours, [], RELAY_CONTROL) == b"a = 1\n"


def test_where_nothing_is_expected_nothing_is_added():
    assert wired(b"a = 1", []) == b"a = 1"
    assert wired(b"a = 1", OURS).startswith(b"a = 1\n")

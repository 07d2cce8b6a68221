# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What becomes of a message with a line that gets an action; as findings they are in test_judgement.py."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._postfix import content_checks, master_cf

SERVICES = master_cf.parse(
    b"discard unix - - n - - discard\nsmtp unix - - n - - smtp\nretry unix - - n - - error\n"
).services


@pytest.mark.parametrize(
    "value, code",
    [
        ("DISCARD", "discards_everything"),
        ("reject no", "refuses_everybody"),
        ("REDIRECT a@b.test", "rewrites_everything"),
        ("FILTER discard:", "discards_everything"),
        ("FILTER retry:4.0.0 later", "refuses_everybody"),
        ("FILTER scan:[127.0.0.1]:10024", "undefined_service"),
        ("FILTER smtp:[192.0.2.1]:10024", None),
        ("WARN", None),
        ("PREPEND X: y", None),
        ("", None),
    ],
)
def test_an_action_has_a_fate(value, code):
    fate = content_checks.fate_of(value, SERVICES)
    assert (fate[0] if fate else None) == code

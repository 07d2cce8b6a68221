# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module says of the answers that it got, and without the library that asks."""

import types

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._dns import query as _dns
from ansible_collections.postmaster.mta.plugins.module_utils._errors import PostmasterError
from ansible_collections.postmaster.mta.plugins.module_utils._module import dns_info as _dnsinfo


def test_without_dnspython_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setattr(_dns, "MISSING", "No module named 'dns'")
    with pytest.raises(PostmasterError, match="python3-dnspython"):
        _dnsinfo.run({}, False, None)


def picture(*answers, unvalidated=()):
    """Return a picture with some answers to the question for the mail exchangers: whether they are good, and their flags."""
    given = {
        (f"192.0.2.{number}", "x.test", "MX"): types.SimpleNamespace(good=good, flags=frozenset(flags.split()))
        for number, (good, flags) in enumerate(answers)
    }
    again = {number: types.SimpleNamespace(status=status) for number, status in enumerate(unvalidated)}
    return types.SimpleNamespace(domain="x.test", answers=given, unvalidated=again)


@pytest.mark.parametrize(
    "answers, unvalidated, expected",
    [
        ([(True, "aa"), (True, "ad signed")], [], "secure"),
        ([(True, "signed")], [], "signed"),
        ([(True, "aa")], [], "unsigned"),
        ([(False, "ad")], [], "unknown"),
        ([], [], "unknown"),
        ([(False, "")], [_dns.NOERROR], "bogus"),
    ],
)
def test_what_is_signed_and_who_vouches_for_it(answers, unvalidated, expected):
    assert _dnsinfo.dnssec(picture(*answers, unvalidated=unvalidated)) == expected

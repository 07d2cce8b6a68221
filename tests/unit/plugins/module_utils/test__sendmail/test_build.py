# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What m4 says about a sendmail.mc: an error, a lost setting, or a warning that somebody chose."""

import types

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import Refused
from ansible_collections.postmaster.mta.plugins.module_utils._runner import Result
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import build


def host(rc, out, err):
    runner = types.SimpleNamespace(run=lambda argv, **options: Result(tuple(argv), rc, out, err))
    return types.SimpleNamespace(runner=runner)


def test_the_cf_comes_back():
    assert build.build(host(0, "V10/Berkeley\n", ""), "mc").cf == "V10/Berkeley\n"


def test_what_was_chosen_by_name_is_a_warning():
    warning = "*** WARNING: FEATURE(`relay_local_from') may cause your system to act as open\n   relay"
    built = build.build(host(0, "V10\n", warning), "mc")
    assert built.warnings == (
        "sendmail.mc: *** WARNING: FEATURE(`relay_local_from') may cause your system to act as open relay",
    )


@pytest.mark.parametrize(
    "rc, err, message",
    [
        (0, "*** ERROR: something is lost", "something is lost"),
        (1, "m4:stdin:2: bad expression", "[line 2: define(`x']"),
        (1, "", "m4 failed (1)"),
    ],
)
def test_what_loses_a_setting_is_refused(rc, err, message):
    with pytest.raises(Refused) as caught:
        build.build_cf(host(rc, "", err), "dnl\ndefine(`x'\n")
    assert message in str(caught.value)

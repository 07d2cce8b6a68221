# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hardened baseline of Postfix."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._postfix import baseline
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix.postfix_host import (
    reader,
)
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix.postfix_rendering import (
    rendered,
    values,
)


@pytest.mark.parametrize("there,level", [("2", "3.9"), ("3.6", "3.9"), ("3.9", "3.9"), ("3.11", "3.11")])
def test_the_compatibility_level_is_never_lowered(there, level):
    live = {"main.cf": f"compatibility_level = {there}\nalias_maps =\n".encode()}
    assert values(rendered(current=reader("3.10.13", live)))["compatibility_level"] == level


def test_each_measure_stands_once_and_says_why():
    names = [measure.name for measure in baseline.HARDENED]
    assert len(set(names)) == len(names)
    assert all(measure.why for measure in baseline.HARDENED)


@pytest.mark.parametrize(
    "etrn, hidden", [(False, "silent-discard, dsn, chunking, etrn"), (True, "silent-discard, dsn, chunking")]
)
def test_queue_runs_are_offered_where_the_policy_has_them(etrn, hidden):
    assert values(rendered({"session": {"etrn": etrn}}))["smtpd_discard_ehlo_keywords"] == hidden

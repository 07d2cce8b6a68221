# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether there is a Postfix to ask."""

from ansible_collections.postmaster.mta.plugins.module_utils._postfix import detect
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.scripted_runner import ScriptedRunner


def test_postconf_tells():
    assert detect.installed(ScriptedRunner({}, ["postconf"]))
    assert not detect.installed(ScriptedRunner({}, ["sendmail"]))

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module is the one of instances, for sendmail; test_instance.py has what that does."""

from ansible_collections.postmaster.mta.plugins.module_utils._module import instance, sendmail_instance


def test_the_instance_is_one_of_this_mta(monkeypatch):
    monkeypatch.setattr(instance, "apply", lambda *given: given)
    assert sendmail_instance.run({"name": "x"}, True, None) == ("sendmail", {"name": "x"}, True, None)


def test_its_options():
    assert set(sendmail_instance.ARGUMENT_SPEC) - set(instance.ARGUMENT_SPEC) == set()

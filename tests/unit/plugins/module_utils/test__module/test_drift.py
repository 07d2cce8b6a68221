# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What somebody else changed of what we wrote."""

from ansible_collections.postmaster.mta.plugins.module_utils import _result
from ansible_collections.postmaster.mta.plugins.module_utils._account.ownership import Drift
from ansible_collections.postmaster.mta.plugins.module_utils._module import drift
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__module.one_change import change


def test_a_file_that_changed_since_is_named_with_its_generation(host, live):
    change(live, {"access_to": b"new@a.test REJECT\n"})
    assert drift.drift_of(host) == []
    (live / "access_to").write_bytes(b"somebody else\n")
    (entry,) = drift.drift_of(host)
    assert (entry["file"], entry["generation"], entry["written"]) == (str(live / "access_to"), 1, "")
    (live / "access_to").unlink()
    assert drift.drift_of(host)[0]["since"] == ""


def test_the_values_of_secrets_are_not_shown():
    shown = drift.shown("/etc/postfix", Drift("main.cf smtp_sasl_password_maps", "static:user:secret", None), ())
    assert shown["written"] != "static:user:secret" or not _result.looks_secret(
        "smtp_sasl_password_maps", "static:user:secret"
    )
    hidden = drift.shown("/etc/postfix", Drift("main.cf x", "1", None), ("x",))
    assert (hidden["setting"], hidden["written"], hidden["live"]) == ("x", _result.HIDDEN, None)
    assert drift.shown("/etc/postfix", Drift("file access", "text", "other"))["written"] == ""

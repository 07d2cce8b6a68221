# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What somebody else changed of what we wrote."""

import json

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils import _change, _result
from ansible_collections.postmaster.mta.plugins.module_utils._account.ownership import Drift
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import NOTHING, Activation, File
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


SECRET = b"CANARY-4711"


@pytest.fixture(name="with_secret")
def _with_secret(live):
    """A secret under a name that tells nothing, written long ago; since then others have written."""
    text = b"a = 1\nsmtpd_x_word = %s\n" % SECRET
    owned = {"relay": {"main.cf smtpd_x_word": [None, SECRET.decode()]}}
    change(live, {"main.cf": text}, hidden=["smtpd_x_word"], owned=owned)
    for number in range(25):
        change(live, {"access_to": b"x%d REJECT\n" % number}, "access")
    return live


def test_a_secret_that_was_changed_is_drift_without_its_value(host, with_secret):
    (with_secret / "main.cf").write_bytes(b"a = 1\nsmtpd_x_word = %s-2\n" % SECRET)
    (entry,) = drift.drift_of(host)
    assert entry["setting"] == "smtpd_x_word" and SECRET.decode() not in json.dumps(entry)


@pytest.mark.parametrize(
    "after", [b"a = 1\n", b"a = 2\nsmtpd_x_word =\n# x\n  %s\n" % SECRET, b"smtpd_x_word = %s2\n" % SECRET]
)
def test_no_diff_of_any_module_shows_what_was_a_secret_once(with_secret, after):
    files = _change.difference(str(with_secret), {"main.cf": File(after)})
    plan = _change.Plan(str(with_secret), files, (), Activation(NOTHING))
    assert SECRET.decode() not in json.dumps(_result.diff(plan))

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The answer: what is shown of a change, and what never is."""

from ansible_collections.postmaster.mta.plugins.module_utils import _result as _answer
from ansible_collections.postmaster.mta.plugins.module_utils._change import FileChange, Plan
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import RELOAD, Activation

CANARIES = ["hunter2", "s3kr1t", "canary-three", "pw4pw4", "tok5tok5"]


def plan_of(before, after, name="main.cf", secret=False):
    """A plan of one file."""
    change = FileChange(name, before, after, 0o644, secret)
    return Plan("/etc/postfix", (change,), (), Activation(RELOAD, ("x",)))


def test_a_diff_shows_the_lines():
    (entry,) = _answer.diff(plan_of(b"a = 1\n", b"a = 2\n"))
    assert entry["before"] == "a = 1\n" and entry["after"] == "a = 2\n"
    assert entry["before_header"] == "/etc/postfix/main.cf"


def test_a_new_and_a_removed_file_say_so():
    assert _answer.diff(plan_of(None, b"a\n"))[0]["before_header"] == "/etc/postfix/main.cf (does not exist)"
    assert _answer.diff(plan_of(b"a\n", None))[0]["after_header"] == "/etc/postfix/main.cf (removed)"


def test_secrets_never_appear_but_their_change_does():
    before = "\n".join(
        [
            f"ldap_bind_pw = {CANARIES[0]}",
            f"smtp_sasl_password_maps = static:user:{CANARIES[1]}",
            f"hidden_by_name = {CANARIES[2]}",
            f"proxy = https://user:{CANARIES[3]}@host/",
            f"  -o dict_password={CANARIES[4]}",
            f"D{{BindPassword}}{CANARIES[0]}",
            f"define(`confAUTH_PASSWORD', `{CANARIES[1]}')dnl",
            "smtp_sasl_password_maps = hash:/etc/postfix/sasl_passwd",
            "plain = 1",
        ]
    )
    after = before.replace(CANARIES[0], "new" + CANARIES[0])
    (entry,) = _answer.diff(plan_of(before.encode(), after.encode()), {"hidden_by_name"})
    for canary in CANARIES:
        assert canary not in entry["before"] + entry["after"]
    assert "plain = 1" in entry["after"] and "hash:/etc/postfix/sasl_passwd" in entry["after"]
    assert "ldap_bind_pw = ******** (changed)" in entry["after"] and entry["after"].count("(changed)") == 2


def test_a_secret_file_is_not_shown_at_all():
    (entry,) = _answer.diff(plan_of(b"user:hunter2\n", b"user:s3kr1t\n", "sasl_passwd", secret=True))
    assert entry["before"] != entry["after"] and "hunter2" not in str(entry) and "s3kr1t" not in str(entry)


def test_the_names_of_changed_settings():
    plan = plan_of(b"a = 1\nb = 2\n# c = 3\n", b"a = 1\nb = 3\nd = 4\n# c = 4\n")
    assert _answer.changed_settings(plan) == ["b", "d"]
    assert _answer.changed_settings(plan_of(b"x y\n", b"x z\n", "transport")) == ["transport"]
    assert _answer.changed_settings(plan_of(b"O MaxHopCount=1\n", b"O MaxHopCount=2\n", "sendmail.cf")) == [
        "MaxHopCount"
    ]

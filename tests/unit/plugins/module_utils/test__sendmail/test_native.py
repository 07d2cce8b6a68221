# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Native settings take the forms that the documentation of the module relay shows."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Native
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import native
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail.sendmail_host import rendered
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail.sendmail_rendering import (
    HOST,
    mc_of,
)


@pytest.mark.parametrize(
    "given, features",
    [
        (["masquerade_envelope"], {"masquerade_envelope": ()}),
        ([{"name": "relay_mail_from", "args": ["domain"]}], {"relay_mail_from": ("domain",)}),
        ([{"name": "relay_mail_from", "args": "domain"}, "nouucp"], {"relay_mail_from": ("domain",), "nouucp": ()}),
        ([{"name": "nouucp"}], {"nouucp": ()}),
        ([{"name": "nouucp", "args": []}], {"nouucp": ()}),
        ([{"name": "greet_pause", "args": [5000]}], {"greet_pause": ("5000",)}),
        ({"relay_mail_from": "domain", "nouucp": None}, {"relay_mail_from": ("domain",), "nouucp": None}),
        ([], {}),
        (None, {}),
    ],
)
def test_features_are_names_or_dictionaries(given, features):
    assert native.features(Native(mc={"features": given})) == features


@pytest.mark.parametrize(
    "given, option",
    [
        ("nouucp", "mc.features:"),
        ([7], r"mc.features\[0\]"),
        (["nouucp", {"args": ["x"]}], r"mc.features\[1\]"),
        ([{"name": "nouucp", "arg": "x"}], r"mc.features\[0\]"),
        (["a/b"], r"mc.features\[0\]: a/b"),
        (["nouucp", "nouucp"], r"mc.features\[1\]: nouucp"),
        ([{"name": "nouucp", "args": ["`"]}], "mc.features.nouucp"),
    ],
)
def test_features_that_are_none_are_refused(given, option):
    with pytest.raises(OptionError, match=option):
        native.features(Native(mc={"features": given}))


LINES = {
    "before_mailers": ["MODIFY_MAILER_FLAGS(`SMTP', `+2')dnl", "GENERICS_DOMAIN(`a.test')dnl"],
    "mailer_definitions": ["Mx,\tP=[IPC], F=mDFMuXa", "\t\tA=TCP $h"],
    "local_config": ["Kx hash /etc/mail/x", "D{y}z"],
    "local_rule_0": ["R$*\t$: $1"],
    "local_rulesets": ["SLocal_check_rcpt", "R$*\t$@ OK"],
}


@pytest.mark.parametrize("name", LINES)
def test_a_section_is_text_or_a_list_of_lines(name):
    (of_list,) = native.sections(Native(mc={name: LINES[name]}))
    (of_text,) = native.sections(Native(mc={name: "\n".join(LINES[name])}))
    assert of_list == of_text


@pytest.mark.parametrize("name", LINES)
def test_a_line_that_is_no_text_is_refused(name):
    with pytest.raises(OptionError, match=rf"mc.{name}\[1\]"):
        native.sections(Native(mc={name: [LINES[name][0], 7]}))


@pytest.mark.usefixtures("debian")
@pytest.mark.parametrize("name", native.TABLE_FEATURES)
def test_a_table_of_rewriting_is_asked_where_it_is_named_and_not_where_it_is(name):
    files = {name: b"a b\n"}
    left = rendered(HOST, files=files)
    assert f"`{name}'" not in mc_of(left)
    assert f"{name}: the table is there and is not asked; name it in mc.features to use it" in left.notes
    named = rendered(HOST, {"features": [name]})
    assert f"FEATURE(`{name}', `hash -o /etc/mail/{name}')dnl" in mc_of(named)
    other = rendered(HOST, {"features": {name: "btree /srv/table"}}, files=files)
    assert f"FEATURE(`{name}', `btree /srv/table')dnl" in mc_of(other) and other.notes == rendered(HOST).notes


@pytest.mark.usefixtures("debian")
def test_aliases_of_the_policy_stand_in_front_of_the_files_that_are_named():
    named = {"defines": {"ALIAS_FILE": "/etc/mail/aliases,/etc/mail/aliases.crew"}}
    ours = "/etc/mail/aliases.postmaster,/etc/mail/aliases,/etc/mail/aliases.crew"
    assert f"define(`ALIAS_FILE', `{ours}')dnl" in mc_of(rendered(HOST, named))

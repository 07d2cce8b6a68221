# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Native
from ansible_collections.postmaster.mta.plugins.module_utils._postfix import native as natives
from ansible_collections.postmaster.mta.plugins.module_utils._postfix.master_cf import parse_service

KNOWN = {"myhostname", "mynetworks"}


def main(**given):
    return natives.main_settings(Native(main=given), KNOWN)


def test_values_become_text():
    assert main(a=True, b=False, c=5, d=["x", 1, True], e="", f=None, g="$myhostname ${g?x}", h="cost: 5$$") == {
        "a": "yes",
        "b": "no",
        "c": "5",
        "d": "x, 1, yes",
        "e": "",
        "f": None,
        "g": "$myhostname ${g?x}",
        "h": "cost: 5$$",
    }


@pytest.mark.parametrize(
    "value",
    [
        "a\nb = c",
        "a\n b",
        "a\rb",
        "a\0b",
        " a",
        "a ",
        "# a",
        "b\u00fccher",
        "x" * 100000,
        "$",
        "${myhostname",
        "$nosuch",
        {"a": 1},
        [["a"]],
        [None],
    ],
)
def test_values_that_would_not_stay_one_setting_are_refused_with_their_name(value):
    with pytest.raises(OptionError, match=r"^main\.some_name: "):
        main(some_name=value)


@pytest.mark.parametrize("name", ["a b", "a=b", "", "a\nb", "#a", "$a", " a", "x" * 300, "smtp/inet"])
def test_names_that_are_none_are_refused(name):
    with pytest.raises(OptionError, match="not the name of a parameter"):
        natives.main_settings(Native(main={name: "x"}), KNOWN)


def test_a_parameter_that_begins_with_a_digit_is_one():
    assert main(**{"2bounce_notice_recipient": "postmaster"}) == {"2bounce_notice_recipient": "postmaster"}


def test_the_shell_command_of_local_may_use_its_own_names():
    assert main(mailbox_command='/usr/bin/procmail -a "$EXTENSION"')["mailbox_command"].endswith('"$EXTENSION"')


def test_a_secret_is_not_in_the_message():
    with pytest.raises(OptionError) as caught:
        natives.main_settings(Native(main_secrets={"password": "hunter2\nx"}), KNOWN)
    assert "hunter2" not in str(caught.value)
    assert "main_secrets.password" in str(caught.value)
    with pytest.raises(OptionError) as caught:
        natives.main_settings(Native(main_secrets={"password": "hunter2$nosuch"}), KNOWN)
    assert "hunter2" not in str(caught.value)


def test_one_name_in_both_is_refused():
    with pytest.raises(OptionError, match="main_secrets as well"):
        natives.main_settings(Native(main={"a": "1"}, main_secrets={"a": "2"}), KNOWN)


def test_settings_of_sendmail_are_refused_with_the_nearest():
    with pytest.raises(OptionError, match="for Postfix use main and master"):
        natives.refuse_others(Native(mc={"defines": {}}))


THERE = {"smtp/inet": parse_service("smtp inet n - y - - smtpd -o a=1 -o b=2")}


def services(key, given):
    return natives.services(Native(master={key: given}), THERE)[key]


def test_only_the_given_fields_change():
    after = services("smtp/inet", {"maxproc": 1, "command": "postscreen", "chroot": False})
    assert after == THERE["smtp/inet"]._replace(processes="1", command="postscreen", chroot="n")


def test_options_change_in_place_come_at_the_end_and_go_with_null():
    after = services("smtp/inet", {"options": {"b": "3 4", "c": True, "a": None}})
    assert after.options == (("b", "3 4"), ("c", "yes"))


def test_a_new_service_has_the_masters_defaults():
    after = services("submission/inet", {"command": "smtpd -v", "options": {"x": "y"}})
    assert after == parse_service("submission inet n - - - - smtpd -v -o x=y")


def test_a_service_goes():
    assert services("smtp/inet", {"state": "absent"}) is None


@pytest.mark.parametrize(
    "key,given,where",
    [
        ("smtp", {"command": "x"}, "master.smtp"),
        ("smtp/tcp", {"command": "x"}, "master.smtp/tcp"),
        ("a b/unix", {"command": "x"}, "master.a b/unix"),
        ("a\nb/unix", {"command": "x"}, "master.a"),
        ("new/unix", {}, "master.new/unix.command"),
        ("new/unix", {"command": ""}, "master.new/unix.command"),
        ("new/unix", {"command": "x\ny"}, "master.new/unix.command"),
        ("new/unix", {"command": "x -o a=b"}, "master.new/unix.command"),
        ("new/unix", {"command": "x {"}, "master.new/unix.command"),
        ("smtp/inet", {"maxproc": "many"}, "master.smtp/inet.maxproc"),
        ("smtp/inet", {"maxproc": True}, "master.smtp/inet.maxproc"),
        ("smtp/inet", {"chroot": "maybe"}, "master.smtp/inet.chroot"),
        ("smtp/inet", {"wakeup": "5\n"}, "master.smtp/inet.wakeup"),
        ("smtp/inet", {"state": "gone"}, "master.smtp/inet.state"),
        ("smtp/inet", {"colour": "red"}, "master.smtp/inet.colour"),
        ("smtp/inet", {"options": ["a=b"]}, "master.smtp/inet.options"),
        ("smtp/inet", {"options": {"a b": "c"}}, "master.smtp/inet.options"),
        ("smtp/inet", {"options": {"a": "b\nc"}}, "master.smtp/inet.options.a"),
        ("smtp/inet", {"options": {"a": "}"}}, "master.smtp/inet.options.a"),
        ("smtp/inet", {"options": {"a": "${x"}}, "master.smtp/inet.options.a"),
        ("smtp/inet", "absent", "master.smtp/inet"),
    ],
)
def test_what_is_wrong_with_a_service_is_told_with_its_field(key, given, where):
    with pytest.raises(OptionError) as caught:
        services(key, given)
    assert str(caught.value).startswith(where)

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A new instance's files, and what stands in its way."""

import os
import pwd

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._model.instance import ExistingInstance, InstanceRequest
from ansible_collections.postmaster.mta.plugins.module_utils._postfix import instances as multi
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix.postfix_host import (
    recorded,
    scripted,
)

ME = pwd.getpwuid(os.geteuid()).pw_name
NOTHING = ExistingInstance(None, False, None)


@pytest.fixture(name="place")
def _place(tmp_path, monkeypatch):
    """A primary instance below a directory of the test's own; whoever runs the test plays root and the mail owner."""
    (tmp_path / "etc" / "postfix").mkdir(parents=True)
    (tmp_path / "spool" / "postfix").mkdir(parents=True)
    primary = tmp_path / "etc" / "postfix"
    (primary / "main.cf").write_text(
        f"mail_owner = {ME}\nqueue_directory = {tmp_path}/spool/postfix\ndata_directory = {tmp_path}/data\n"
        "myhostname = mx.example.com\ncompatibility_level = 3.6\nmessage_size_limit = 7\n"
        "alias_maps = hash:$config_directory/policy_aliases, hash:/etc/aliases\n"
    )
    (primary / "master.cf").write_bytes(recorded("3.7.11", "master.cf"))
    monkeypatch.setattr(multi.service, "with_systemd", lambda runner: False)
    monkeypatch.setattr(multi, "_OWNERS", {"queue_directory": ME, "config_directory": ME})
    return tmp_path


@pytest.fixture(name="runner")
def _runner(place):
    listing = recorded("3.7.11", "postconf-d.txt").decode()
    listing = listing.replace("config_directory = /etc/postfix", f"config_directory = {place}/etc/postfix", 1)
    listing = listing.replace("meta_directory = /etc/postfix", f"meta_directory = {place}/etc/postfix", 1)
    return scripted("3.7.11", {("postconf", "-d"): listing})


def wish(place, **changes):
    """An instance beside the primary one."""
    made = InstanceRequest(
        "postfix-EXT",
        f"{place}/etc/postfixEXT",
        f"{place}/spool/EXT",
        f"{place}/dataEXT",
        None,
        (),
        25,
        "started",
        "refuse",
    )
    return made._replace(**changes)


@pytest.mark.parametrize(
    "name", ["EXT", "postfix", "postfix-", "postfix-a b", "postfix-a;reboot", "postfix-" + "x" * 60]
)
def test_names_that_postmulti_does_not_take(name):
    with pytest.raises(OptionError, match="begins with postfix-"):
        multi.check_name(name)


def test_nothing_stands_in_the_way_of_a_new_instance(runner, place):
    assert multi.see(runner, wish(place)) == NOTHING
    assert multi.problems(runner, wish(place), NOTHING) == []


def test_a_new_instance_takes_what_the_package_decided_and_not_the_policy(runner, place):
    for step in multi.create(runner, wish(place)):
        step.do()
    text = (place / "etc" / "postfixEXT" / "main.cf").read_text()
    assert "myhostname = mx.example.com\n" in text and f"mail_owner = {ME}\n" in text
    assert "alias_maps = hash:/etc/aliases\n" in text and "policy_aliases" not in text
    assert "message_size_limit" not in text
    assert "master_service_disable = inet\n" in text and "authorized_submit_users = root\n" in text
    assert (place / "etc" / "postfixEXT" / "master.cf").read_bytes() == recorded("3.7.11", "master.cf")
    assert (place / "spool" / "EXT").is_dir() and (place / "dataEXT").stat().st_mode & 0o777 == 0o700


def test_the_way_back_removes_what_was_made_and_nothing_else(runner, place):
    (place / "spool" / "EXT").mkdir()
    steps = multi.create(runner, wish(place))
    for step in steps:
        step.do()
    for step in reversed(steps):
        step.undo()
    assert (place / "spool" / "EXT").is_dir()
    assert not (place / "dataEXT").exists() and not (place / "etc" / "postfixEXT").exists()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"queue_directory": "{}/nowhere/EXT"}, "queue_directory: {}/nowhere/EXT: {}/nowhere is not there"),
        ({"config_directory": "{}/gone/EXT"}, "config_directory: {}/gone/EXT: {}/gone is not there"),
        (
            {"queue_directory": "{}/spool/postfix"},
            "queue_directory: {}/spool/postfix: the instance in {}/etc/postfix uses",
        ),
        ({"queue_directory": "{}/spool/postfix/x"}, "the instance in {}/etc/postfix uses {}/spool/postfix"),
        ({"data_directory": "{}/data"}, "data_directory: {}/data: the instance in {}/etc/postfix uses {}/data"),
        ({"data_directory": "{}/spool/EXT"}, "the directories of an instance must differ"),
    ],
)
def test_directories_that_cannot_be(runner, place, changes, why):
    filled = {name: path.format(place) for name, path in changes.items()}
    found = multi.problems(runner, wish(place, **filled), NOTHING)
    assert any(why.format(*[place] * 3) in one for one in found), found


def test_a_directory_with_something_else_in_it(runner, place):
    (place / "etc" / "postfixEXT").mkdir()
    (place / "etc" / "postfixEXT" / "notes").write_text("mine")
    found = multi.problems(runner, wish(place), NOTHING)
    assert any("it is not empty and holds no main.cf" in one for one in found)


def test_others_that_may_write(runner, place):
    (place / "spool" / "EXT").mkdir()
    (place / "spool" / "EXT").chmod(0o777)
    found = multi.problems(runner, wish(place), NOTHING)
    assert any(f"queue_directory: {place}/spool/EXT: others than" in one and "0777" in one for one in found)


@pytest.fixture(name="adopted")
def _adopted(runner, place):
    """An instance that somebody made by hand."""
    (place / "spool" / "EXT").mkdir()
    (place / "dataEXT").mkdir()
    directory = place / "etc" / "postfixEXT"
    directory.mkdir()
    (directory / "main.cf").write_text(f"queue_directory = {place}/spool/EXT\ndata_directory = {place}/dataEXT\n")
    (directory / "master.cf").write_bytes(recorded("3.7.11", "master.cf"))
    return multi.see(runner, wish(place))


def test_an_instance_made_by_hand_is_seen_and_not_known(runner, place, adopted):
    assert adopted.instance.queue_directories == (f"{place}/spool/EXT",)
    assert not adopted.registered and adopted.pid is None
    assert multi.problems(runner, wish(place, queue_directory=None, data_directory=None), adopted) == []


def test_the_queue_of_an_instance_is_not_moved(runner, place, adopted):
    found = multi.problems(runner, wish(place, queue_directory=f"{place}/spool/other"), adopted)
    assert found == [
        f"queue_directory: {place}/spool/other: the instance has {place}/spool/EXT, and moving it is not done here"
    ]


def test_a_queue_that_main_cf_names_and_that_is_not_there(runner, place, adopted):
    (place / "spool" / "EXT").rmdir()
    found = multi.problems(runner, wish(place, queue_directory=None, data_directory=None), adopted)
    assert any("main.cf names it, and it is not there" in one for one in found)


def test_another_name_than_the_instance_has(runner, place, adopted):
    main = place / "etc" / "postfixEXT" / "main.cf"
    main.write_text(main.read_text() + "multi_instance_name = postfix-two\n")
    found = multi.problems(runner, wish(place, queue_directory=None, data_directory=None), adopted)
    assert any("is called postfix-two" in one for one in found)


def test_messages_are_counted_in_every_queue(runner, place, adopted):
    for queue in ("deferred/A", "hold", "maildrop", "incoming", "corrupt", "trace"):
        (place / "spool" / "EXT" / queue).mkdir(parents=True)
        (place / "spool" / "EXT" / queue / "4jbf").write_text("x")
    assert multi.messages(runner, adopted.instance) == 5


def test_the_last_instance_takes_with_it_what_was_set_for_the_first(place):
    primary = {"multi_instance_directories": "", "multi_instance_enable": "yes", "multi_instance_wrapper": "w"}
    primary["alternate_config_directories"] = f"/etc/other {place}/etc/postfixEXT"
    assert multi._left_over(primary, wish(place), True) == {
        "alternate_config_directories": "/etc/other",
        "multi_instance_directories": None,
        "multi_instance_enable": None,
        "multi_instance_wrapper": None,
    }
    assert set(multi._left_over(primary, wish(place), False)) == {"alternate_config_directories"}
    primary["multi_instance_directories"] = "/etc/postfixTWO"
    assert set(multi._left_over(primary, wish(place), True)) == {"alternate_config_directories"}

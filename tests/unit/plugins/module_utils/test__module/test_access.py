# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One run of the module access with a driver of our own: one table of lines, compiled by copying it."""

import datetime
import os
import re
import shutil

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils import _change
from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError, Refused, RolledBack
from ansible_collections.postmaster.mta.plugins.module_utils._model import access as _access
from ansible_collections.postmaster.mta.plugins.module_utils._model import blocks as _tables
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Capabilities, Host, Instance, Running
from ansible_collections.postmaster.mta.plugins.module_utils._module import access as _accessrun
from ansible_collections.postmaster.mta.plugins.module_utils._module import access_files, access_lookup

NOW = datetime.datetime(2026, 11, 23)
HAND = b"# by Jane\nhand.example\tOK\n"


class Facts:
    def type_of(self, name):
        return "copy"


class Driver:
    """The access part of a driver, and the little of the driver itself that a run needs."""

    REMOVE_EMPTY, NEW_MODE = False, 0o640

    def __init__(self):
        self.lies = False
        self.own = []
        self.asked = []

    def running(self, host):
        return Running(None, None)

    def activate(self, host, activation):
        raise AssertionError("nothing is to be activated")

    def facts(self, host):
        return Facts()

    def names(self, facts, where):
        return ("access",)

    def refuse_unfit(self, host, facts, rules):
        pass

    def is_routed(self, facts, rule):
        return False

    def own_domains(self, host, facts):
        return frozenset(self.own)

    def place(self, facts, rule):
        return {"access": (rule.pattern + "\t" + rule.action,)}

    def wire(self, host, facts, filled, places):
        return {}

    def reload_reasons(self, facts, changed):
        return ()

    def compiled(self, facts, name):
        return (name + ".db",)

    def make(self, host, stage, name, kind, compare):
        shutil.copy(os.path.join(stage, name), os.path.join(stage, name + ".db.new"))
        os.rename(os.path.join(stage, name + ".db.new"), os.path.join(stage, name + ".db"))

    def finish(self, stage):
        pass

    def ask(self, host, directory, name, kind, keys):
        self.asked.append(directory)
        if self.lies:
            return {}
        with open(os.path.join(directory, name + ".db")) as stream:
            pairs = [line.rstrip("\n").partition("\t") for line in stream if not line.startswith("#")]
        return {key: value for key, dummy, value in pairs if key in keys}


@pytest.fixture(name="driver")
def _driver(monkeypatch, tmp_path):
    driver = Driver()
    monkeypatch.setattr(_change, "LOCK_DIRECTORY", str(tmp_path / "locks"))
    for door in ("access_of", "compile_of", "daemon_of"):
        monkeypatch.setattr(_accessrun, door, lambda mta: driver)
    monkeypatch.setattr(access_lookup, "lookup_of", lambda mta: driver)
    return driver


@pytest.fixture(name="directory")
def _directory(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "access").write_bytes(HAND)
    (tmp_path / "etc" / "access.db").write_bytes(HAND)
    return tmp_path / "etc"


def bring(driver, directory, state="present", purge=False, check_mode=False, now=NOW, anyway=(), **entry):
    host = Host(None, Instance("toy", "toy", str(directory), ()), lambda: Capabilities((1,), "1", (), "copy"))
    words = {name: entry.pop(name) for name in list(entry) if name in _access.RULE_OPTIONS}
    rules = _access.parse("rules[0]", {"from": entry["sender"]}, words, NOW) if "sender" in entry else []
    run = _accessrun.AccessRun(
        host, _accessrun.Request(_access.unique(rules), state, purge, now, (), frozenset(anyway))
    )
    return run, _change.transact(run.steps(), run.directory, check_mode)


def titles(directory):
    return [found.block.title for found in _tables.all_blocks((directory / "access").read_bytes())]


def test_add_again_and_remove(driver, directory):
    dummy, outcome = bring(driver, directory, sender=["a.example", "b.example"])
    assert outcome.plan.changed and outcome.plan.compile == ("access",)
    assert (directory / "access").read_bytes() == (directory / "access.db").read_bytes()
    assert (directory / "access").read_bytes().startswith(HAND)
    before = os.stat(str(directory / "access"))
    dummy, outcome = bring(driver, directory, sender=["a.example", "b.example"])
    assert not outcome.plan.changed and os.stat(str(directory / "access")) == before
    bring(driver, directory, state="absent", sender=["a.example", "b.example"])
    assert (directory / "access").read_bytes() == HAND


def test_check_mode_changes_nothing(driver, directory):
    dummy, outcome = bring(driver, directory, sender=["a.example"], check_mode=True)
    assert outcome.plan.changed and (directory / "access").read_bytes() == HAND


def test_exact_leaves_what_people_wrote(driver, directory):
    bring(driver, directory, sender=["a.example", "b.example"])
    bring(driver, directory, state="exact", sender=["b.example", "c.example"])
    assert titles(directory) == ["from b.example", "from c.example"]
    bring(driver, directory, state="exact")
    assert (directory / "access").read_bytes() == HAND


def test_a_purge_removes_what_has_had_its_day(driver, directory):
    bring(driver, directory, sender=["a.example"], expires="2026-12-01")
    bring(driver, directory, sender=["b.example"], expires="2027-01-01")
    bring(driver, directory, purge=True, now=datetime.datetime(2026, 12, 1))
    assert titles(directory) == ["from a.example", "from b.example"]
    bring(driver, directory, purge=True, now=datetime.datetime(2026, 12, 2))
    assert titles(directory) == ["from b.example"]


def test_a_stale_compiled_table_is_made_again(driver, directory):
    bring(driver, directory, sender=["a.example"])
    os.unlink(str(directory / "access.db"))
    dummy, outcome = bring(driver, directory, sender=["a.example"])
    assert outcome.plan.changed and (directory / "access.db").exists()


@pytest.fixture(name="another")
def _another(monkeypatch, directory):
    """Somebody else compiles the table at the moment when it has gone live."""
    swap = _change._go_live

    def swap_and_compile(*arguments):
        swap(*arguments)
        shutil.copy(str(directory / "access.db"), str(directory / "by-hand"))
        os.rename(str(directory / "by-hand"), str(directory / "access.db"))

    monkeypatch.setattr(_change, "_go_live", swap_and_compile)


def test_a_table_that_was_compared_before_it_went_live_is_not_asked_again(driver, directory):
    run, dummy = bring(driver, directory, sender=["a.example"])
    assert not driver.asked and run.verified == ["1 changes asked of the MTA in 1 tables"]


def test_a_large_table_is_asked_before_it_goes_live(driver, directory, monkeypatch):
    monkeypatch.setattr(_accessrun, "COMPARED", 10)
    bring(driver, directory, sender=["a.example"])
    assert driver.asked == [str(directory.parent / ".etc.postmaster")]


def test_a_large_table_in_which_the_mta_does_not_find_the_rule_never_goes_live(driver, directory, monkeypatch):
    monkeypatch.setattr(_accessrun, "COMPARED", 10)
    driver.lies = True
    with pytest.raises(Refused, match="a.example"):
        bring(driver, directory, sender=["a.example"])
    assert (directory / "access").read_bytes() == HAND == (directory / "access.db").read_bytes()


def test_a_live_table_that_is_another_one_is_asked(driver, directory, another):
    bring(driver, directory, sender=["a.example"])
    assert driver.asked == [str(directory)]


def test_an_mta_that_does_not_find_the_rule_gets_the_old_tables_back(driver, directory, another):
    driver.lies = True
    with pytest.raises(RolledBack) as caught:
        bring(driver, directory, sender=["a.example"])
    assert caught.value.restored and "a.example" in str(caught.value)
    assert (directory / "access").read_bytes() == HAND == (directory / "access.db").read_bytes()


def test_a_table_that_cannot_be_made_changes_nothing(driver, directory, monkeypatch):
    def refuse(*arguments):
        raise Refused(["access:3: no"])

    monkeypatch.setattr(driver, "make", refuse)
    with pytest.raises(Refused):
        bring(driver, directory, sender=["a.example"])
    assert (directory / "access").read_bytes() == HAND


def test_owner_and_mode_stay(driver, directory):
    os.chmod(str(directory / "access"), 0o604)
    bring(driver, directory, sender=["a.example"])
    assert os.stat(str(directory / "access")).st_mode & 0o7777 == 0o604


def test_a_full_disk_changes_nothing(driver, directory, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_accessrun.os, "fsync", full)
    with pytest.raises(ValueError):
        bring(driver, directory, sender=["a.example"])
    monkeypatch.undo()
    assert (directory / "access").read_bytes() == HAND


def params(**given):
    usual = {name: spec.get("default") for name, spec in _accessrun.ARGUMENT_SPEC.items()}
    return dict(usual, **given)


def test_words_beside_the_rules_count_for_those_that_do_not_say_it():
    request = _accessrun.request_of(
        params(rules=[{"from": ["a.example"]}, {"from": ["b.example"], "ticket": "T-2"}], ticket="T-1"), NOW
    )
    assert [rule.note.ticket for rule in request.rules] == ["T-1", "T-2"]


def test_to_remove_a_rule_its_pattern_is_enough():
    entry = {"from": ["a.example"], "action": "ok", "subdomains": False}
    request = _accessrun.request_of(params(rules=[entry], state="absent", code=421), NOW)
    (rule,) = request.rules
    assert rule.title == "from a.example" and rule.subdomains


@pytest.mark.parametrize("given", [{}, {"rules": [{}]}, {"content": "# nothing\n"}, {"src": "/no/such/file"}])
def test_no_rule_is_no_request(given):
    with pytest.raises(OptionError):
        _accessrun.request_of(params(**given), NOW)


def test_the_content_is_read_with_its_line_numbers():
    with pytest.raises(access_files.BadLines) as caught:
        _accessrun.request_of(params(content="a.example\nb_example!\n"), NOW)
    assert caught.value.findings[0].startswith("content:2")


@pytest.mark.parametrize("domain", ["com", "xyz", "co.uk", "com.br"])
@pytest.mark.parametrize("action", ["reject", "defer", "discard", "hold"])
def test_a_public_suffix_is_refused_by_name(domain, action):
    given = {"rules": [{"from": ["ok.example", domain]}], "action": action}
    with pytest.raises(OptionError, match=rf"rules\[0\].from: {domain}: this is a public suffix"):
        _accessrun.request_of(params(**given), NOW)
    assert len(_accessrun.request_of(params(anyway=[domain], **given), NOW).rules) == 2


@pytest.mark.parametrize("rule", [
    {"from": ["brand.co.uk"]}, {"from": ["a.example"]}, {"from": ["u@com"]}, {"from": ["com"], "action": "ok"}, {"connect": ["192.0.2.1"]},
    {"from": ["com"], "subdomains": False},
])  # fmt: skip
def test_what_is_no_public_suffix_or_stops_nothing_is_taken(rule):
    assert len(_accessrun.request_of(params(rules=[rule]), NOW).rules) == 1


def test_networks_that_are_the_internet_together_do_not_relay():
    networks = [f"{number}.0.0.0/8" for number in range(20, 30)]
    with pytest.raises(OptionError, match="10 networks, 20.0.0.0/8 among them.*may relay together"):
        _accessrun.request_of(params(rules=[{"connect": networks, "action": "relay"}]), NOW)
    assert _accessrun.request_of(params(rules=[{"connect": networks}]), NOW).rules
    usual = [{"connect": ["10.0.0.0/8", "192.0.2.0/24", "198.51.0.0/16"], "action": "relay"}]
    assert _accessrun.request_of(params(rules=usual), NOW).rules


def test_a_rule_for_a_public_suffix_can_always_be_removed():
    (rule,) = _accessrun.request_of(params(rules=[{"from": ["com"]}], state="absent"), NOW).rules
    assert rule.pattern == "com"


def test_a_public_suffix_in_a_list_is_one_of_its_bad_lines():
    with pytest.raises(access_files.BadLines, match="content:2.from: com: this is a public suffix"):
        _accessrun.request_of(params(content="a.example\ncom\n"), NOW)


@pytest.mark.parametrize("domain, named", [
    ("served.test", "this relay serves served.test, whose own mail would be stopped; anyway: [served.test] allows that"),
    ("b.test", "this relay serves mail.b.test, whose own mail would be stopped; anyway: [b.test] allows that"),
    ("sub.served.test", "this relay serves served.test, whose own mail would be stopped; anyway: [sub.served.test] allows that"),
])  # fmt: skip
def test_a_domain_that_the_relay_serves_is_refused_by_name(driver, directory, domain, named):
    driver.own = ["served.test", "mail.b.test"]
    with pytest.raises(Refused, match=rf"from {domain}: {re.escape(named)}"):
        bring(driver, directory, sender=["a.example", domain])
    assert (directory / "access").read_bytes() == HAND
    assert bring(driver, directory, sender=["a.example", domain], anyway=[domain])[1].plan.changed


@pytest.mark.parametrize("changes", [
    {"sender": ["x@served.test"]}, {"sender": ["served.test"], "action": "ok"},
    {"sender": ["served.test"], "state": "absent"}, {"sender": ["test.served"]},
])  # fmt: skip
def test_what_does_not_stop_a_served_domain_is_taken(driver, directory, changes):
    driver.own = ["served.test"]
    bring(driver, directory, **changes)


def test_a_client_below_a_served_domain_is_one_machine():
    (client,) = _access.parse("rules[0]", {"connect": ["pc1.served.test"]}, {}, NOW)
    (sender,) = _access.parse("rules[0]", {"from": ["pc1.served.test"]}, {}, NOW)
    assert [_accessrun._first_of({"served.test"}, rule) for rule in (client, sender)] == ["", "served.test"]


def test_a_rule_without_subdomains_spares_what_lies_below(driver, directory):
    driver.own = ["mail.b.test"]
    bring(driver, directory, sender=["b.test"], subdomains=False)
    with pytest.raises(Refused, match="this relay serves mail.b.test"):
        bring(driver, directory, sender=["mail.b.test"], subdomains=False)

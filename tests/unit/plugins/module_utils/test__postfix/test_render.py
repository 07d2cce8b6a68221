# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import hypothesis
import pytest
from hypothesis import strategies as some

from ansible_collections.postmaster.mta.plugins.module_utils._errors import (
    PostmasterError,
    SyntaxProblem,
)
from ansible_collections.postmaster.mta.plugins.module_utils._model import policy as _policy
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Native
from ansible_collections.postmaster.mta.plugins.module_utils._postfix import compile as compiled
from ansible_collections.postmaster.mta.plugins.module_utils._postfix import load, main_cf, master_cf
from ansible_collections.postmaster.mta.plugins.module_utils._postfix.render import TABLES
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix.postfix_host import (
    VERSIONS,
    over,
    reader,
    recorded,
)
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix.postfix_rendering import (
    rendered,
    values,
)
from ansible_collections.postmaster.mta.tests.unit.share import examples


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("baseline", ["hardened", "none"])
def test_what_is_live_is_not_changed_again(version, baseline):
    native = Native(main={"foo": [1, 2]}, master={"submission/inet": {"command": "smtpd", "options": {"a": "b c"}}})
    first = rendered(baseline=baseline, native=native, version=version)
    current = over(reader(version), first)
    second = rendered(baseline=baseline, native=native, current=current, version=version)
    assert {name: file.content for name, file in second.files.items()} == {name: current(name) for name in second.files}


@pytest.mark.parametrize("version", VERSIONS)
def test_nothing_asked_and_no_baseline_changes_nothing(version):
    assert rendered({}, "none", version=version).files["main.cf"].content == recorded(version, "main.cf")
    assert set(rendered({}, "none", version=version).files) == {"main.cf"}


def test_only_known_parameters_are_set():
    for version in VERSIONS:
        known = set(main_cf.parse(recorded(version, "postconf-d.txt")).values)
        assert set(values(rendered(version=version))) <= known | {"config_directory"}


def test_a_table_that_main_cf_still_names_is_not_removed():
    first = rendered()
    second = rendered({}, "none", current=over(reader("3.10.13"), first))
    assert "policy_relay_domains" not in second.files
    assert "policy_relay_domains" in values(second)["relay_domains"]


def test_native_settings_win_over_the_policy():
    native = Native(main={"message_size_limit": 1000, "myhostname": None, "alias_maps": ""})
    rendering = rendered(native=native)
    found = values(rendering)
    assert found["message_size_limit"] == "1000"
    assert "myhostname" not in found
    assert found["alias_maps"] == ""
    assert rendering.settings["message_size_limit"] == "1000"


@pytest.mark.parametrize("option", ["main", "main_secrets"])
def test_secrets_are_in_a_table_of_their_own_and_not_in_the_summary(option):
    rendering = rendered(native=Native(**{option: {"smtp_sasl_password_maps": "static:user:hunter2"}}))
    assert values(rendering)["smtp_sasl_password_maps"] == "regexp:$config_directory/secret_smtp_sasl_password_maps"
    table = rendering.files["secret_smtp_sasl_password_maps"]
    assert table.secret and table.mode == 0o600 and table.content.endswith(b"\n/^/\tuser:hunter2\n")
    assert b"hunter2" not in rendering.files["main.cf"].content
    assert "hunter2" not in repr(rendering.settings)


@pytest.mark.parametrize("port,key", [(25, "smtp/inet"), (2525, "2525/inet")])
def test_the_port_is_the_name_of_the_service(port, key):
    rendering = rendered({"identity": {"port": port}}, "none")
    services = master_cf.parse(rendering.files["master.cf"].content).services
    assert services[key].command == "smtpd"
    assert len(services) == len(master_cf.parse(recorded("3.10.13", "master.cf")).services)


def test_a_port_goes_back_to_25():
    first = rendered({"identity": {"port": 2525}}, "none")
    second = rendered({"identity": {"port": 25}}, "none", current=over(reader("3.10.13"), first))
    assert "smtp/inet" in master_cf.parse(second.files["master.cf"].content).services


@pytest.mark.parametrize("processes,column", [(100, "-"), (20, "20")])
def test_the_number_of_servers_stands_in_master_cf_where_it_is_not_the_usual(processes, column):
    services = master_cf.parse(rendered({"limits": {"processes": processes}}).files["master.cf"].content).services
    assert services["smtp/inet"].processes == column


def test_behind_postscreen_it_is_smtpd_pass_that_serves():
    native = Native(master={"smtp/inet": {"command": "postscreen", "maxproc": 1}, "smtpd/pass": {"command": "smtpd"}})
    first = rendered({}, "none", native=native)
    second = rendered({"limits": {"processes": 7}}, current=over(reader("3.10.13"), first))
    services = master_cf.parse(second.files["master.cf"].content).services
    assert (services["smtp/inet"].processes, services["smtpd/pass"].processes) == ("1", "7")


@pytest.mark.parametrize("options, protocols", [({}, "ipv4"), ({"inet_protocols": "ipv6"}, "ipv6")])
def test_a_native_client_that_is_new_connects_as_the_policy_says_and_stays_so(options, protocols):
    native = Native(master={"slow/unix": {"command": "smtp", "options": options}, "x/unix": {"command": "pipe"}})
    policy = {"identity": {"send_protocols": ["ipv4"]}}
    first = rendered(policy, "none", native=native)
    services = master_cf.parse(first.files["master.cf"].content).services
    assert services["slow/unix"].option_values == {"inet_protocols": protocols}
    assert services["x/unix"].option_values == {}
    second = rendered(policy, "none", native=native, current=over(reader("3.10.13"), first))
    assert second.files["master.cf"] == first.files["master.cf"]


def test_an_option_of_the_service_that_is_stronger_than_main_cf_is_noted():
    live = recorded("3.10.13", "master.cf").replace(
        b"-       smtpd\n", b"-       smtpd\n  -o smtpd_helo_required=no\n", 1
    )
    notes = rendered(current=reader("3.10.13", {"master.cf": live})).notes
    assert any("smtp/inet: -o smtpd_helo_required=no is stronger" in note for note in notes)


@pytest.mark.parametrize("name", ["main.cf", "master.cf"])
def test_a_live_file_that_cannot_be_edited_is_refused_with_its_line(name):
    with pytest.raises(SyntaxProblem, match=f"/etc/postfix/{name}:1: "):
        rendered(current=reader("3.10.13", {name: b"nonsense\n"}))


# Hostile values: an error of ours, or exactly the parameters that are meant.

NASTY = some.one_of(
    some.sampled_from(
        ["a\nb = c", "a\n b", "\tx", "# x", "${x", "$(", "$$", "$myhostname", "${mynetworks?x}", "a\0b", "b\u00fcb", "x" * 100000,
         "10.0.0.5/8", "::1", "[::1]", "2001:db8::1/32", "0.0.0.0/0", "a, b", "{ a }", "}", "'", '"', "`", "a=b", "-o a=b", "\r", "\x85", "\u2028x",
         " lead", "trail ", "yes", "0", "25M", "5m", "/etc/passwd", "../x", "a.test", "relay.example.com", "[10.0.0.1]:25", "all"]
    ),
    some.text(max_size=20),
)  # fmt: skip
ANY = some.one_of(NASTY, some.booleans(), some.integers(-5, 10**12), some.none(), some.lists(NASTY, max_size=3))


def _options(options, spec=None):
    """Some of the options; those that Ansible demands always."""
    required = {name for name, one in (spec or {}).items() if one.get("required")}
    return some.sets(some.sampled_from([option.name for option in options]), max_size=3).flatmap(
        lambda names: some.fixed_dictionaries({o.name: _value(o) for o in options if o.name in names | required})
    )


def _value(option):
    """Mostly of the right type, since Ansible sees to that."""
    spec = option.kind.spec
    if option.kind.options:
        inner = _options(option.kind.options, spec["options"])
        return inner if spec["type"] == "dict" else some.lists(inner, max_size=2)
    kind = {
        "bool": some.booleans(),
        "int": some.integers(-1, 3000),
        "dict": some.dictionaries(NASTY, some.one_of(NASTY, some.lists(NASTY, max_size=2)), max_size=2),
    }
    if spec.get("choices"):
        return some.sampled_from(spec["choices"])
    if spec["type"] == "list":
        return some.lists(
            some.sampled_from(spec.get("choices") or [""]).flatmap(lambda word: some.just(word) if word else NASTY),
            max_size=2,
        )
    return kind.get(spec["type"], NASTY)


@hypothesis.given(_options(_policy.SECTIONS), some.sampled_from(VERSIONS), some.sampled_from(["hardened", "none"]))
@hypothesis.settings(max_examples=examples(1000), suppress_health_check=list(hypothesis.HealthCheck))
def test_a_hostile_policy_is_refused_or_sets_what_it_means(params, version, baseline):
    try:
        rendering = rendered(params, baseline, version=version)
    except PostmasterError:
        return
    _nothing_but_the_settings(rendering, version)


@hypothesis.given(
    some.dictionaries(some.one_of(some.sampled_from(["foo", "myhostname", "mynetworks"]), NASTY), ANY, max_size=3),
    some.dictionaries(
        some.one_of(some.sampled_from(["smtp/inet", "new/unix", "25/inet"]), NASTY),
        some.dictionaries(
            some.sampled_from(["private", "chroot", "wakeup", "maxproc", "command", "options", "state", "x"]),
            some.one_of(ANY, some.dictionaries(NASTY, ANY, max_size=2)),
        ),
        max_size=2,
    ),
    some.sampled_from(VERSIONS),
)
@hypothesis.settings(max_examples=examples(1000), suppress_health_check=list(hypothesis.HealthCheck))
def test_hostile_native_settings_are_refused_or_set_what_they_mean(main, master, version):
    try:
        rendering = rendered({}, "none", native=Native(main=main, master=master), version=version)
    except PostmasterError:
        return
    _nothing_but_the_settings(rendering, version, removed={name for name, value in main.items() if value is None})
    services = master_cf.sound(master_cf.parse(rendering.files["master.cf"].content)).services if master else {}
    before = set(master_cf.parse(recorded(version, "master.cf")).services)
    absent = {key for key, given in master.items() if isinstance(given, dict) and given.get("state") == "absent"}
    assert not master or set(services) == (before | set(master)) - absent


def _nothing_but_the_settings(rendering, version, removed=()):
    """Every parameter of the result is one that was there or one in I(settings), with just that value."""
    before = main_cf.parse(recorded(version, "main.cf")).values
    after = values(rendering)
    decided = {name: value for name, value in rendering.settings.items() if "/" not in name}
    expected = dict(before, **decided)
    kept = {name: value for name, value in expected.items() if name in after or name in decided}
    assert {name: value.split() for name, value in after.items()} == {
        name: value.split() for name, value in kept.items()
    }
    assert set(expected) - set(after) <= set(removed) | {"smtpd_tls_chain_files", "smtpd_use_tls", "smtp_use_tls"}
    for name, file in rendering.files.items():
        if name == "policy_load" and file.content is not None:
            # No table but a program, in which nothing of the policy stands.
            assert file.content == load.PROGRAM.encode()
        elif name in TABLES and file.content is not None:
            _well_formed(name, file.content)


def _well_formed(name, content):
    text = content.decode("ascii")
    assert all(" " <= letter <= "~" or letter == "\n" for letter in text)
    for line in text.splitlines()[1:]:
        assert line and line[0] not in "# \t"
    assert len(text.splitlines()) - 1 == len(compiled.entries(content, aliases=name == "policy_aliases"))

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import json
import re

import pytest
from hypothesis import example, settings
from hypothesis import given as for_all
from hypothesis import strategies as some

from ansible_collections.postmaster.mta.plugins.module_utils._errors import (
    OptionError,
    PostmasterError,
    Refused,
    Unsupported,
)
from ansible_collections.postmaster.mta.plugins.module_utils._model import policy as _policy
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Instance, Native
from ansible_collections.postmaster.mta.plugins.module_utils._runner import Result
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import capture_map
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import discover as instance
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import render as _render
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail.debian import with_shell_values, without_cf_rule
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail.render import KEPT_MC, SEED, relistened
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail import sendmail_host as given
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail.sendmail_host import rendered
from ansible_collections.postmaster.mta.tests.unit.share import examples

pytestmark = pytest.mark.usefixtures("debian")
HOST = {"identity": {"hostname": "relay1.lab.test"}}


def mc_of(rendering):
    return rendering.files["sendmail.mc"].content.decode("ascii")


# --- a reader of our own, so that the writer is not its own judge ----------------------------------------------------

STATEMENT = re.compile(r"([A-Za-z_]+)\((`[^`']*'(?:, `[^`']*')*)\)dnl\Z")
OPENERS = {
    "MAILER_DEFINITIONS": "mailer_definitions",
    "LOCAL_CONFIG": "local_config",
    "LOCAL_RULE_0": "local_rule_0",
    "LOCAL_NET_CONFIG": "local_net_config",
    "LOCAL_RULESETS": "local_rulesets",
}


def statements(text):
    """Every statement of an mc as a tuple, raw lines with the section they stand in; anything else fails the test."""
    found, section = [], None
    lines = text.split("\n")
    assert lines[0] == "divert(-1)dnl" and lines[2] == "divert(0)dnl" and lines[-1] == ""
    for line in lines[3:-1]:
        match = STATEMENT.match(line)
        if line.startswith("dnl --- ") or line == "divert(0)dnl":
            section = None
        elif line in OPENERS:
            section = OPENERS[line]
        elif section:
            found.append((section, line))
        else:
            assert match, f"no statement: {line!r}"
            found.append((match.group(1),) + tuple(re.findall(r"`([^`']*)'", match.group(2))))
    return found


def names(text):
    """What is set, without the values."""
    # The rule that answers SIZE= has the value inside its line.
    text = re.sub(r"(postmaster_arith l \$@ )\d+", r"\1N", text)
    # So have the classes of masquerading.
    text = re.sub(r"(C\{Postmaster\w+\})`?[^`'\n]+'?", r"\1N", text)
    return sorted(
        one[:2] if one[0] not in ("DAEMON_OPTIONS", "CLIENT_OPTIONS") else one[:1] for one in statements(text)
    )


# --- the whole ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", given.VERSIONS)
def test_the_recorded_policy_becomes_the_recorded_files(version):
    features = given.FEATURES - (frozenset() if version == "8.18" else {"dane"})
    number = (8, 18, 1) if version == "8.18" else (8, 17, 1, 9)
    capabilities = given.CAPABILITIES._replace(version=number, features=features)
    stock = {name: given.text(version, "stock", name).encode() for name in ("Makefile", "sendmail.conf")}
    made = rendered(given.corpus_policy(), files=stock, capabilities=capabilities)
    for name in (
        "sendmail.mc",
        "access.postmaster",
        "mailertable",
        "relay-domains",
        "local-host-names",
        "aliases.postmaster",
        "helpfile.postmaster",
        "sendmail.conf",
    ):
        assert made.files[name].content.decode() == given.text(version, "hardened", name), name


def test_the_same_input_gives_the_same_bytes_and_settles():
    first = rendered(given.corpus_policy())
    live = {name: file.content for name, file in first.files.items()}
    again = rendered(given.corpus_policy(), files=live)
    assert {name: file.content for name, file in again.files.items()} == live


def test_nothing_asked_for_sets_almost_nothing():
    made = rendered({}, baseline="none")
    assert sorted(made.files) == ["sendmail.cf", "sendmail.mc"]
    assert not [one for one in statements(mc_of(made)) if one[0] == "define" and one[1] != "_USE_ETC_MAIL_"]


def test_a_hand_made_mc_is_kept_once():
    made = rendered(HOST, files={"sendmail.mc": b"OSTYPE(`linux')\n"})
    assert made.files[KEPT_MC].content == b"OSTYPE(`linux')\n"
    kept = {"sendmail.mc": b"OSTYPE(`other')\n", KEPT_MC: b"x"}
    assert KEPT_MC not in rendered(HOST, files=kept).files
    assert KEPT_MC not in rendered(HOST, files={"sendmail.mc": made.files["sendmail.mc"].content}).files


def test_what_m4_says_is_refused_with_its_line():
    for name, words in (("m4-1", "requires FEATURE(access_db)"), ("m4-2", "[line 9: ")):
        answer = given.said("8.18", name)
        host = given.make_host({("m4",): answer})
        with pytest.raises(Refused) as caught:
            _render.render(host, _policy.parse(HOST), Native(), {}.get)
        assert words in str(caught.value)


RELAY_MAIL_FROM = (
    "*** WARNING: FEATURE(`relay_mail_from') may cause your system to act as open\n"
    "\trelay.  Use SMTP AUTH or STARTTLS instead.\n"
)


def test_a_warning_about_what_was_chosen_by_name_is_a_note():
    host = given.make_host({("m4",): Result(("m4",), 0, "built\n", RELAY_MAIL_FROM)})
    native = Native(mc={"features": {"relay_mail_from": "domain"}})
    made = _render.render(host, _policy.parse(HOST), native, {}.get)
    assert "may cause your system to act as open relay. Use SMTP AUTH" in "".join(made.notes)


@pytest.mark.parametrize(
    "said", ["*** WARNING: FEATURE(`promiscuous_relay') configures your system as open\n\trelay.", "lost\n"]
)
def test_any_other_warning_is_refused(said):
    host = given.make_host({("m4",): Result(("m4",), 0, "built\n", RELAY_MAIL_FROM + said)})
    with pytest.raises(Refused) as caught:
        _render.render(host, _policy.parse(HOST), Native(), {}.get)
    assert len(caught.value.findings) == 1 and said.split("\n")[0] in caught.value.findings[0]


# --- who may relay --------------------------------------------------------------------------------------------------


def test_served_domains_are_recipients_only():
    made = rendered({"relay": {"networks": ["192.0.2.0/25"], "domains": ["served.test"]}})
    assert b"To:served.test\tRELAY\n" in made.files["access.postmaster"].content
    words = made.files["relay-domains"].content.decode().split()
    assert "served.test" not in words and len(words) == 128 and words[0] == "192.0.2.0"
    assert ("FEATURE", "relay_hosts_only") in names(mc_of(made))


def test_subdomains_are_served_on_request():
    made = rendered({"relay": {"domains": ["served.test"], "subdomains": True}})
    assert ("FEATURE", "relay_hosts_only") not in names(mc_of(made))


@pytest.mark.parametrize("network", ["0.0.0.0/0", "::/0", "2001:db8::/52"])
def test_networks_that_sendmail_cannot_tell_are_refused(network):
    with pytest.raises(Unsupported) as caught:
        rendered({"relay": {"networks": [network]}})
    assert "policy.relay.networks" in str(caught.value) and network in str(caught.value)


def test_clients_that_may_relay_are_exempt_from_the_limits_of_clients():
    content = rendered({"relay": {"networks": ["192.0.2.0/24"]}}).files["access.postmaster"].content.decode()
    for line in (
        "ClientConn:\t20",
        "ClientConn:192.0.2\t0",
        "ClientRate:\t120",
        "ClientRate:192.0.2\t0",
        "ClientRate:127.0.0.1\t0",
    ):
        assert line + "\n" in content


def test_hand_written_permissions_are_noted():
    live = {"access": b"Connect:127\tRELAY\nConnect:10.9 RELAY\nFrom:x REJECT\n"}
    notes = rendered({"relay": {"networks": []}}, files=live).notes
    assert [note for note in notes if note.startswith("access")] == [
        "access: the unmanaged line Connect:10.9 RELAY lets mail through besides the policy"
    ]


# --- routes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "route, lines",
    [
        ({}, ["a.test\tesmtp:a.test"]),
        ({"host": "mx.b.test"}, ["a.test\tesmtp:[mx.b.test]"]),
        ({"host": "b.test", "mx": True}, ["a.test\tesmtp:b.test"]),
        ({"host": "192.0.2.1", "port": 2525}, ["a.test\tesmtp2525:[192.0.2.1]"]),
        ({"host": "2001:db8::1"}, ["a.test\tesmtp:[IPv6:2001:db8::1]"]),
        ({"subdomains": True}, ["a.test\tesmtp:a.test", ".a.test\tesmtp:%1.a.test"]),
        ({"host": "192.0.2.1", "port": 25}, ["a.test\tesmtp:[192.0.2.1]"]),
    ],
)
def test_routes_of_domains(route, lines):
    made = rendered({"routes": {"domains": [dict({"domain": "a.test"}, **route)]}})
    assert made.files["mailertable"].content.decode().split("\n")[1:-2] == lines
    assert ("Mesmtp2525," in mc_of(made)) == (route.get("port") == 2525)


def test_the_default_route_can_have_a_port():
    made = rendered({"routes": {"default": {"host": "gw.test.example", "port": 26}}})
    assert made.settings["SMART_HOST"] == "esmtp26:[gw.test.example]" and "A=TCP $h 26" in mc_of(made)


def test_a_default_port_without_a_host_is_refused():
    with pytest.raises(Unsupported):
        rendered({"routes": {"default": {"port": 26}}})


# --- listeners ------------------------------------------------------------------------------------------------------


def listeners(policy, features=given.FEATURES):
    made = rendered({"identity": policy}, capabilities=given.CAPABILITIES._replace(features=features))
    return [
        re.sub(r"Name=MTA-\d+, |, Listen=256, M=A", "", one[1])
        for one in statements(mc_of(made))
        if one[0] == "DAEMON_OPTIONS"
    ]


def test_listeners():
    submission = "Family=inet, Addr=127.0.0.1, Port=25"
    assert listeners({}) == ["Family=inet6, Port=25"]
    assert listeners({}, given.FEATURES - {"ipv6"}) == ["Family=inet, Port=25"]
    assert listeners({}, given.FEATURES | {"bindv6only"}) == ["Family=inet, Port=25", "Family=inet6, Port=25"]
    assert listeners({"protocols": ["ipv4"]}) == ["Family=inet, Port=25"]
    assert listeners({"listen": ["loopback"]}) == [submission, "Family=inet6, Addr=::1, Port=25"]
    assert listeners({"listen": ["192.0.2.1"]}) == ["Family=inet, Addr=192.0.2.1, Port=25", submission]
    assert listeners({"port": 2525}) == ["Family=inet6, Port=2525", submission]


def test_ipv6_alone_cannot_be_had_with_one_socket():
    with pytest.raises(Unsupported):
        rendered({"identity": {"protocols": ["ipv6"]}})


def test_two_source_addresses_of_one_kind_are_refused():
    with pytest.raises(OptionError):
        rendered({"identity": {"send_from": ["192.0.2.1", "192.0.2.2"]}})


# --- what sendmail cannot do ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "policy, option",
    [
        ({"limits": {"message_rate": 10}}, "policy.limits.message_rate"),
        ({"limits": {"recipient_rate": 10}}, "policy.limits.recipient_rate"),
        ({"session": {"smtputf8": True}}, "policy.session.smtputf8"),
        ({"log": {"tls": False}}, "policy.log.tls"),
        ({"queue": {"run_interval": "5m"}}, "policy.queue.run_interval"),
        (
            {"tls": {"domains": [{"domain": "a.test", "level": "may", "minimum": "TLSv1.3"}]}},
            "policy.tls.domains[0].minimum",
        ),
        ({"tls": {"server": {"ciphers": "A"}, "client": {"ciphers": "B"}}}, "policy.tls.client.ciphers"),
    ],
)
def test_wishes_that_cannot_be_done_are_refused(policy, option):
    with pytest.raises(Unsupported) as caught:
        rendered(policy)
    assert str(caught.value).startswith(option + ":") and "nearest" in str(caught.value)


@pytest.mark.parametrize(
    "feature, policy, option",
    [
        ("dane", {"tls": {"client": {"level": "dane"}}}, "policy.tls.client.level"),
        ("reject_nul", {"session": {"nul": "reject"}}, "policy.session.nul"),
        ("line_discipline", {"session": {"bare_newline": "reject"}}, "policy.session.bare_newline"),
        ("tls", {"tls": {"client": {"level": "encrypt"}}}, "policy.tls"),
    ],
)
def test_what_the_build_lacks_is_refused_or_noted(feature, policy, option):
    lacking = given.CAPABILITIES._replace(features=given.FEATURES - {feature})
    with pytest.raises(Unsupported) as caught:
        rendered(policy, capabilities=lacking)
    assert option in str(caught.value)
    if feature != "dane":
        assert any(note.startswith(option) for note in rendered({}, capabilities=lacking).notes)


def test_the_other_mtas_natives_are_refused():
    for name in ("main", "main_secrets", "master"):
        with pytest.raises(OptionError) as caught:
            _render.render(given.make_host(), _policy.parse({}), Native(**{name: {"x": "y"}}), {}.get)
        assert str(caught.value).startswith(name + ":") and "mc" in str(caught.value)


# --- native settings ------------------------------------------------------------------------------------------------


def test_native_settings_win():
    made = rendered(
        {"limits": {"hops": 50}},
        {
            "defines": {"confMAX_HOP": 60, "confTO_MAIL": None, "confNEW": True},
            "features": {"block_bad_helo": None, "msp": ["[127.0.0.1]", "25"]},
        },
    )
    text = mc_of(made)
    assert "define(`confMAX_HOP', `60')dnl" in text and "`50'" not in text
    assert "undefine(`confTO_MAIL')dnl" in text and "define(`confNEW', `True')dnl" in text
    assert "block_bad_helo" not in text and "FEATURE(`msp', `[127.0.0.1]', `25')dnl" in text


@pytest.mark.parametrize(
    "native, option",
    [
        ({"nosuch": {}}, "mc.nosuch"),
        ({"defines": ["x"]}, "mc.defines"),
        ({"features": "x"}, "mc.features"),
        ({"defines": {"confMAX_HOP": "abc"}}, "mc.defines.confMAX_HOP"),
        ({"defines": {"confX": []}}, "mc.defines.confX"),
        ({"features": {"x/y": []}}, "mc.features.x/y"),
        ({"features": {"x": [None]}}, "mc.features.x"),
        ({"local_config": 5}, "mc.local_config"),
    ],
)
def test_native_settings_of_the_wrong_kind_are_refused(native, option):
    with pytest.raises(OptionError) as caught:
        rendered({}, native)
    assert str(caught.value).startswith(option)


# --- Debian's own machinery -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", given.VERSIONS)
def test_debians_make_leaves_the_configuration_alone(version):
    stock = given.text(version, "stock", "Makefile").encode()
    edited = without_cf_rule(stock)
    assert b"/etc/mail/sendmail.cf : # postmaster.mta sees to it\n\t@echo" in edited
    assert b"/etc/mail/databases : #" in edited and b"\n\t/etc/mail/databases \\" not in edited
    assert b"/etc/mail/access.db : /etc/mail/access\n" in edited
    assert without_cf_rule(edited) == edited


def test_shell_values_are_replaced_and_nothing_else():
    content = b'# HANDS_OFF="No"\nHANDS_OFF="No"; # x\nA=1'
    assert with_shell_values(content, {"HANDS_OFF": "Yes"}) == b'# HANDS_OFF="No"\nHANDS_OFF="Yes"; # x\nA=1'
    assert with_shell_values(b"A=1\n", {"B": "2"}) == b'A=1\nB="2"\n'
    assert with_shell_values(b"A=1", {"B": "2"}) == b'A=1\nB="2"\n'


# --- hostile values: an error of ours, or exactly the setting that is named -----------------------------------------------

HOSTILE = some.one_of(
    some.text(max_size=40),
    some.text(alphabet="`'()$,#{}\\ \n\t\0\"dnl*@%:;<>=[].-abcXYZ019", max_size=40),
    some.sampled_from(
        [
            "x')dnl\ndefine(`confRUN_AS_USER', `root", "')syscmd(`id')dnl", "a\nO RunAsUser=root", "a\r\nb", " lead", "trail ", "# c", "\0", "${x", "$1", "dnl",
            "esyscmd(id)",
            "changequote([,])", "include(/etc/shadow)", "b\u00fccher.example", "x" * 100000,
            "192.0.2.1/24", "2001:db8::1/64", "::", "a.b", "RELAY",
            "unix.example.org", "define", "a:b", "a,b", "FEATURE(`promiscuous_relay')", "-x", "a\u2028b", "\udcff",
        ]
    ),
)  # fmt: skip
NAME = some.one_of(
    some.sampled_from(
        ["confMAX_HOP", "confSMTP_LOGIN_MSG", "confDOMAIN_NAME", "SMART_HOST", "confNEW_ONE", "QUEUE_DIR"]
    ),
    HOSTILE,
)


def attempt(policy, native=None):
    """The mc, or None where the input was refused with an error of ours."""
    try:
        return rendered(policy, native)
    except PostmasterError:
        return None


def plainly(value):
    return ("True" if value else "False") if isinstance(value, bool) else str(value)


@settings(max_examples=examples(600))
@for_all(name=NAME, value=some.one_of(HOSTILE, some.integers(), some.booleans()))
def test_a_hostile_define_sets_one_thing_or_nothing(name, value):
    made = attempt(HOST, {"defines": {name: value}})
    if made is None:
        return
    benign = {one[:2]: one for one in statements(mc_of(rendered(HOST)))}
    seen = {one[:2]: one for one in statements(mc_of(made))}
    assert len(seen) == len(statements(mc_of(made)))
    assert seen.pop(("define", name)) == ("define", name, plainly(value))
    benign.pop(("define", name), None)
    assert seen == benign


@settings(max_examples=examples(400))
@for_all(
    name=some.one_of(some.sampled_from(["dnsbl", "msp", "new_one"]), HOSTILE), arguments=some.lists(HOSTILE, max_size=3)
)
def test_a_hostile_feature_sets_one_thing_or_nothing(name, arguments):
    made = attempt(HOST, {"features": {name: arguments}})
    if made is None:
        return
    benign = statements(mc_of(rendered(HOST)))
    more = [one for one in statements(mc_of(made)) if one not in benign]
    assert more == [("FEATURE", name) + tuple(arguments)]


@settings(max_examples=examples(400))
@for_all(section=some.sampled_from(["local_config", "local_rulesets", "mailer_definitions"]), text=HOSTILE)
def test_hostile_lines_stay_in_their_section(section, text):
    made = attempt(HOST, {section: text})
    if made is None or not text:
        return
    benign = statements(mc_of(rendered(HOST)))
    seen = statements(mc_of(made))
    lines = [(section, line) for line in text.rstrip("\n").split("\n")]
    for one in benign + lines:
        seen.remove(one)
    assert seen == []


PLACES = [
    ("recipients", "domains", lambda value: [{"domain": "served.test", "users": [value]}]),
    ("recipients", "tables", lambda value: [value]),
    ("identity", "hostname", lambda value: value),
    ("identity", "banner", lambda value: value),
    ("identity", "listen", lambda value: [value]),
    ("identity", "send_from", lambda value: [value]),
    ("identity", "local_domains", lambda value: [value]),
    ("relay", "networks", lambda value: [value]),
    ("relay", "domains", lambda value: [value]),
    ("routes", "default", lambda value: {"host": value}),
    ("routes", "domains", lambda value: [{"domain": value}]),
    ("routes", "domains", lambda value: [{"domain": "a.test", "host": value}]),
    ("routes", "domains", lambda value: [{"domain": "a.test", "hosts": ["b.test", value]}]),
    ("routes", "domains", lambda value: [{"domain": "a.test", "action": "reject", "text": value}]),
    ("routes", "addresses", lambda value: [{"address": value, "host": "b.test"}]),
    ("routes", "senders", lambda value: [{"sender": value, "action": "reject"}]),
    ("rewrite", "senders", lambda value: [{"match": value, "to": value}]),
    ("rewrite", "senders", lambda value: [{"match": "a.test", "to": value}]),
    ("rewrite", "recipients", lambda value: [{"match": "a@a.test", "to": value}]),
    ("rewrite", "domains", lambda value: [{"domain": value, "to": "b.test"}]),
    ("rewrite", "masquerade", lambda value: {"domains": [value], "except": [value]}),
    ("rewrite", "masquerade", lambda value: {"domains": ["b.test"], "except": [value]}),
    ("session", "bare_newline_exceptions", lambda value: [value]),
    ("session", "operator_characters", lambda value: value),
    ("notices", "double_bounces", lambda value: value),
    ("notices", "copies_to", lambda value: value),
    ("session", "greeting_delays", lambda value: [{"network": value, "delay": "1s"}]),
    ("session", "greeting_delay", lambda value: value),
    ("limits", "message_size", lambda value: value),
    ("timeouts", "mail", lambda value: value),
    ("tls", "server", lambda value: {"certificate": value, "key": value}),
    ("tls", "server", lambda value: {"ciphers": value}),
    ("tls", "client", lambda value: {"ca_file": value}),
    ("tls", "domains", lambda value: [{"domain": value, "level": "encrypt"}]),
    ("queue", "lifetime", lambda value: value),
]
ENTRY = re.compile(r"[!-~]+\t[!-~]+(?: +[!-~]+)*\Z")


@settings(max_examples=examples(1000))
@for_all(place=some.sampled_from(PLACES), value=HOSTILE)
@example(place=next(place for place in PLACES if place[1] == "message_size"), value="1")
def test_a_hostile_policy_value_never_becomes_a_second_setting(place, value):
    section, option, shape = place
    base = dict(HOST, relay={"domains": ["served.test"]}) if section == "recipients" else HOST
    made = attempt(dict(base, **{section: dict(base.get(section, {}), **{option: shape(value)})}))
    if made is None:
        return
    known = {
        ("define", name)
        for name in (
            "SMART_HOST",
            "confSERVER_CERT",
            "confSERVER_KEY",
            "confTLS_SRV_OPTIONS",
            "confCACERT",
            "confOPERATORS",
            "confCOPY_ERRORS_TO",
        )
    }
    # A size that is one brings the rule that answers SIZE=, whatever its value.
    sized = dict(HOST, limits={"message_size": "1M"}) if option == "message_size" else HOST
    if section == "recipients":
        sized = dict(base, recipients={"domains": [{"domain": "served.test", "users": ["a"]}]})
    # So does a route that the mailertable cannot say.
    if {"routes.postmaster"} & set(made.files):
        sized = dict(HOST, routes={"addresses": [{"address": "x@a.test", "action": "reject"}]})
    benign = names(mc_of(rendered(sized)))
    if section == "rewrite":
        # Its rulesets have no value in them, and one table holds the rules.
        others = (attempt(dict(HOST, rewrite=dict({option: shape(other)}))) for other in ("q.test", "q@q.test"))
        benign = names(mc_of(next(other for other in others if other)))
    more = [one for one in names(mc_of(made)) if one not in benign]
    assert all(
        one in known or one in (("CLIENT_OPTIONS",), ("DAEMON_OPTIONS",), ("FEATURE", "greet_pause")) for one in more
    )
    assert len(more) <= 3
    for name in ("access.postmaster", "mailertable", "recipients.postmaster", "routes.postmaster"):
        lines = made.files[name].content.decode("ascii").split("\n")[:-1] if name in made.files else []
        assert all(ENTRY.match(line) for line in lines if not line.startswith("#"))
    for name in ("relay-domains", "local-host-names"):
        assert all(
            re.match(r"[!-~]+\Z", line) and not line.startswith("#")
            for line in made.files[name].content.decode("ascii").split("\n")[:-1]
        )


@settings(max_examples=examples(300))
@for_all(name=HOSTILE, target=HOSTILE)
def test_hostile_aliases_stay_one_line_each(name, target):
    made = attempt(dict(HOST, aliases={name: [target], "safe": ["root"]}))
    if made is None:
        return
    lines = made.files["aliases.postmaster"].content.decode("ascii").split("\n")[1:-1]
    assert len(lines) == len({name.lower(), "safe"})
    assert all(re.match(r"[a-z0-9._+-]+: [^|:/\\\"\s]+\Z", line) for line in lines)


def test_the_corpus_policy_is_one_that_the_vocabulary_takes():
    assert json.loads((given.CORPUS / "policy.json").read_text())["relay"]["domains"] == ["served.test", "other.test"]
    assert instance.LAYOUTS[0].tested and not instance.LAYOUTS[1].tested


# --- rulesets of ours and native ones of the same name ----------------------------------------------------------------


def declared(made):
    return re.findall(r"^S(\w+)", mc_of(made), re.MULTILINE)


def test_a_native_ruleset_takes_the_place_of_ours():
    ours = {"check_mail", "SizeKept", "Local_check_mail"}
    assert ours <= set(declared(rendered(HOST)))
    native = {"local_rulesets": "SLocal_check_mail\nR$*\t$@ OK\nScheck_mail\nR$*\t$@ OK\n"}
    made = rendered(HOST, native=native)
    assert declared(made).count("Local_check_mail") == 1 and declared(made).count("check_mail") == 1
    assert len([note for note in made.notes if "takes the place" in note]) == 2


def test_a_demand_for_starttls_is_not_lost_to_a_native_ruleset():
    server = {"level": "encrypt", "certificate": "/c.pem", "key": "/k.pem"}
    made = rendered(dict(HOST, tls={"server": server}), native={"local_rulesets": "Scheck_mail\nR$*\t$@ OK\n"})
    assert declared(made).count("check_mail") == 2


def test_the_size_that_is_answered_at_mail_is_the_native_one():
    made = rendered(HOST, native={"defines": {"confMAX_MESSAGE_SIZE": 1234}})
    assert "postmaster_arith l $@ 1234 $@" in mc_of(made)
    assert "SizeKept" not in declared(rendered(HOST, native={"defines": {"confMAX_MESSAGE_SIZE": 0}}))
    assert "Local_check_mail" not in declared(rendered(HOST, native={"features": {"accept_unqualified_senders": True}}))


# --- additional instances ---------------------------------------------------------------------------------------------

EXT = Instance("sendmail", "sendmail-ext", "/etc/sendmail-ext", ("/var/spool/ext",), primary=False)
SEEDED = {"sendmail.cf": b"O QueueDirectory=/var/spool/ext\nO PidFile=/run/sendmail-ext/sendmail.pid\n"}


def additional(policy, files=None, baseline="none", render=_render.render, built=""):
    host = given.make_host({("m4",): built})._replace(instance=EXT)
    return render(host, _policy.parse(policy, baseline), Native(), (SEEDED if files is None else files).get)


def test_an_additional_instance_shares_nothing_that_it_writes_to():
    text = mc_of(additional({"identity": {"listen": ["192.0.2.1"]}}))
    assert text.index("MAIL_SETTINGS_DIR', `/etc/sendmail-ext/'") < text.index("include(")
    for name, value in (
        ("QUEUE_DIR", "/var/spool/ext"),
        ("confPID_FILE", "/run/sendmail-ext/sendmail.pid"),
        ("STATUS_FILE", "/var/lib/sendmail/sendmail-ext.st"),
        ("ALIAS_FILE", "/etc/mail/aliases"),
    ):
        assert f"define(`{name}', `{value}')dnl" in text
    assert "undefine(`confCONTROL_SOCKET_NAME')dnl" in text
    assert "-o /etc/sendmail-ext/access'" in text and "/etc/mail/access" not in text


def test_the_hosts_own_submissions_are_the_primary_ones():
    assert "127.0.0.1" not in mc_of(additional({"identity": {"listen": ["192.0.2.1"]}}))
    assert "Addr=127.0.0.1, Port=25" in mc_of(rendered({"identity": {"listen": ["192.0.2.1"]}}))


def test_listeners_that_nobody_speaks_of_stay():
    files = {"sendmail.cf": b"O DaemonPortOptions=Name=x, Addr=192.0.2.7, Port=26\n"}
    assert "DAEMON_OPTIONS(`Name=x, Addr=192.0.2.7, Port=26')dnl" in mc_of(additional(HOST, files))


def test_the_queue_interval_of_an_additional_instance_is_in_its_environment():
    found = additional({"queue": {"run_interval": "3m"}}, {"sendmail.conf": b"X=1\n", "Makefile": b"all :\n"})
    assert found.files["postmaster.env"].content == b"QUEUE_RUN=-q3m\n"
    assert "sendmail.conf" not in found.files and "Makefile" not in found.files and found.notes == ()


def test_an_adopted_instance_keeps_its_pid_file_unless_it_is_the_primary_ones():
    mine = {"sendmail.cf": b"O PidFile=/run/hand.pid\n"}
    theirs = {"sendmail.cf": b"O PidFile=/var/run/sendmail/mta/sendmail.pid\n"}
    assert "confPID_FILE', `/run/hand.pid'" in mc_of(additional(HOST, mine))
    assert "confPID_FILE', `/run/sendmail-ext/sendmail.pid'" in mc_of(additional(HOST, theirs))


def test_own_aliases_come_before_the_hosts():
    text = mc_of(additional({"aliases": {"a": ["b@lab.test"]}}, {"aliases": b"x: y\n"}))
    assert "ALIAS_FILE', `/etc/sendmail-ext/aliases.postmaster,/etc/sendmail-ext/aliases'" in text


BY_HAND = """\
include(`cf.m4')
DAEMON_OPTIONS(`Name=a, Addr=192.0.2.1')dnl
dnl between
DAEMON_OPTIONS(`Name=b, Addr=192.0.2.2')dnl the other
MAILER(`smtp')
"""
LISTEN = {"identity": {"listen": ["192.0.2.9"], "port": 2525}}


def test_other_listeners_leave_every_other_line():
    files = {"sendmail.mc": BY_HAND.encode(), "sendmail.cf": b"##### built by root\nbuilt\n"}
    found = additional(LISTEN, files, render=relistened, built="##### built by nobody\nbuilt\n")
    lines = mc_of(found).split("\n")
    assert [line for line in lines if "DAEMON" not in line] == [
        one for one in BY_HAND.split("\n") if "DAEMON" not in one
    ]
    assert [line for line in lines if "DAEMON" in line] == [
        "DAEMON_OPTIONS(`Name=MTA-1, Family=inet, Addr=192.0.2.9, Port=2525, Listen=256, M=A')dnl"
    ]
    assert set(found.files) == {"sendmail.mc", "sendmail.cf"}


@pytest.mark.parametrize(
    "mc, live, said",
    [
        (BY_HAND, "built\nand a line by hand\n", "does not match its sendmail.mc"),
        (BY_HAND.replace("DAEMON_OPTIONS", "dnl"), "built\n", "not one DAEMON_OPTIONS"),
        (BY_HAND.replace("192.0.2.1')", "192.0.2.1',"), "built\n", "not one DAEMON_OPTIONS"),
        ("", "built\n", "not one DAEMON_OPTIONS"),
    ],
)
def test_what_cannot_be_changed_without_changing_more_is_refused(mc, live, said):
    files = {"sendmail.mc": mc.encode(), "sendmail.cf": live.encode()}
    with pytest.raises(Refused, match=said):
        additional(LISTEN, files, render=relistened, built="built\n")


def test_a_seed_is_rendered_whole():
    files = {"sendmail.cf": f"{SEED}\nO QueueDirectory=/var/spool/ext\n".encode()}
    assert "MAILER(`smtp')" in mc_of(additional(LISTEN, files, render=relistened))


@pytest.mark.parametrize(
    "identity, wanted",
    [
        ({"protocols": ["ipv4"]}, ["Family=inet6, Addr=::ffff:127.0.0.1"]),
        (
            {"protocols": ["ipv4"], "send_from": ["192.0.2.25"]},
            ["Family=inet, Addr=192.0.2.25", "Family=inet6, Addr=::ffff:127.0.0.1"],
        ),
        ({"protocols": ["ipv6"], "listen": ["2001:db8::1"]}, ["Family=inet, Addr=127.0.0.2"]),
        ({"protocols": ["ipv4", "ipv6"]}, []),
        ({}, []),
    ],
)
def test_protocols_hold_for_outgoing_connections_too(identity, wanted):
    found = [args[0] for name, *args in statements(mc_of(rendered({"identity": identity}))) if name == "CLIENT_OPTIONS"]
    assert found == wanted


def test_a_source_of_a_protocol_that_is_left_out_is_noted():
    made = rendered({"identity": {"protocols": ["ipv4"], "send_from": ["2001:db8::1"]}})
    assert "policy.identity.send_from: 2001:db8::1 is not used" in "".join(made.notes)


def lines_of(made, name):
    return [line for line in made.files[name].content.decode().split("\n") if line and not line.startswith("#")]


def test_a_route_without_host_and_mx_leads_to_the_domain_itself():
    routes = [
        {"domain": "a.test", "mx": False, "subdomains": True},
        {"domain": "b.test", "mx": False, "port": 2525},
        {"domain": "c.test"},
        {"domain": "d.test", "mx": True},
    ]
    assert lines_of(rendered({"routes": {"domains": routes}}), "mailertable") == [
        "a.test\tesmtp:[a.test]",
        ".a.test\tesmtp:[%1.a.test]",
        "b.test\tesmtp2525:[b.test]",
        "c.test\tesmtp:c.test",
        "d.test\tesmtp:d.test",
    ]


@pytest.mark.parametrize("turned", [False, True])
def test_an_exemption_inside_a_network_that_waits(turned):
    delays = [{"network": "10.25.0.136/30", "delay": "4s"}, {"network": "10.25.0.137/32", "delay": "0s"}]
    delays += [{"network": "127.0.0.1/32", "delay": "1s"}]
    made = rendered({"session": {"greeting_delay": "2s", "greeting_delays": delays[::-1] if turned else delays}})
    lines = [line for line in lines_of(made, "access.postmaster") if line.startswith("GreetPause:")]
    assert sorted(lines) == [
        "GreetPause:10.25.0.136\t4000",
        "GreetPause:10.25.0.137\t0",
        "GreetPause:10.25.0.138\t4000",
        "GreetPause:10.25.0.139\t4000",
        "GreetPause:127.0.0.1\t1000",
        "GreetPause:IPv6:0:0:0:0:0:0:0:1\t0",
    ]


def test_a_network_with_two_delays_is_refused_by_its_option():
    delays = [{"network": "10.25.0.136/30", "delay": "4s"}, {"network": "10.25.0.136/30", "delay": "0s"}]
    with pytest.raises(OptionError, match=r"greeting_delays\[1\]\.network"):
        rendered({"session": {"greeting_delays": delays}})


# --- routes that the mailertable cannot say -----------------------------------------------------------------------------

ROUTES = {
    "default": {"hosts": ["10.0.0.1", "gw.test"], "mx": False, "port": 26},
    "domains": [
        {"domain": "fall.test", "hosts": ["10.0.0.1", "2001:db8::1"]},
        {"domain": "helo.test", "host": "10.0.0.1", "esmtp": False},
        {"domain": "bad.test", "action": "reject", "text": "Not any more", "subdomains": True},
        {"domain": "good.bad.test", "host": "10.0.0.1"},
        {"domain": "gone.test", "action": "discard"},
        {"domain": "kept.test", "action": "hold"},
    ],
    "addresses": [{"address": "one@fall.test", "host": "gw.test", "mx": True}, {"address": "no@fall.test", "action": "reject"}],
    "senders": [{"sender": "news@camp.test", "hosts": ["10.0.0.1", "10.0.0.2"]}, {"sender": "camp.test", "action": "discard"}],
}  # fmt: skip


def _pairs(rendering, name):
    return dict(
        line.split("\t") for line in rendering.files[name].content.decode().splitlines() if not line.startswith("#")
    )


def test_routes_stand_in_the_mailertable_and_in_a_table_of_ours():
    made = rendered({**HOST, "routes": ROUTES})
    assert _pairs(made, "mailertable") == {
        "fall.test": "esmtp:[10.0.0.1]:[IPv6:2001:db8::1]",
        "helo.test": "postmaster_helo:[10.0.0.1]",
    }
    assert _pairs(made, "routes.postmaster") == {
        "to:bad.test": 'error:5.7.1:"550 Not any more"',
        "to:.bad.test": 'error:5.7.1:"550 Not any more"',
        "to:good.bad.test": "esmtp:[10.0.0.1]",
        "to:gone.test": "postmaster_discard:nowhere",
        "to:kept.test": "postmaster_hold:[127.0.0.1]",
        "to:one@fall.test": "esmtp:gw.test",
        "to:no@fall.test": 'error:5.7.1:"550 Mail for this destination is refused"',
        "from:news@camp.test": "esmtp:[10.0.0.1]:[10.0.0.2]",
        "from:camp.test": "postmaster_discard:nowhere",
    }
    text = mc_of(made)
    assert "define(`SMART_HOST', `esmtp26:[10.0.0.1]:[gw.test]')dnl" in text
    assert all(
        f"\nM{name},\t" in text for name in ("esmtp26", "postmaster_discard", "postmaster_helo", "postmaster_hold")
    )


def test_without_such_a_route_there_are_no_rules_and_the_table_goes():
    made = _render.render(
        given.make_host(),
        _policy.parse(HOST),
        Native(),
        {"routes.postmaster": b"x\ty\n", "routes.postmaster.db": b"x"}.get,
    )
    assert "PostmasterRoute" not in mc_of(made)
    assert made.files["routes.postmaster"].content is None and made.files["routes.postmaster.db"].content is None


@pytest.mark.parametrize(
    "route, option",
    [
        ({"host": "a.test", "protocols": ["ipv4"]}, "protocols"),
        ({"host": "a.test", "send_from": ["10.0.0.1"]}, "send_from"),
    ],
)
def test_what_sendmail_has_for_all_connections_only_is_refused(route, option):
    with pytest.raises(Unsupported, match="the nearest it can do: ") as caught:
        rendered({**HOST, "routes": {"domains": [{"domain": "d.test", **route}]}})
    assert caught.value.option == f"policy.routes.domains[0].{option}"


def test_captured_mail_is_caught_before_a_route_takes_it():
    routed = mc_of(rendered({**HOST, "routes": ROUTES}))
    wanted = capture_map._BEGIN + capture_map._END
    with_capture = capture_map.wired(routed, wanted)
    assert with_capture.index(wanted) < with_capture.index("PostmasterRouteTo")
    assert capture_map.wired(with_capture, "") == routed


def test_recipients_are_asked_at_rcpt_before_all_else():
    relay = {"domains": ["served.test", "all.test"]}
    wanted = {"domains": [{"domain": "served.test", "users": ["Anna"]}], "tables": ["people"]}
    made = _render.render(
        given.make_host(),
        _policy.parse({**HOST, "relay": relay, "recipients": wanted}),
        Native(),
        {"people": b"x\ty\n"}.get,
    )
    assert _pairs(made, "recipients.postmaster") == {
        "served.test": "LISTED",
        "anna@served.test": "OK",
        "postmaster@served.test": "OK",
    }
    text = mc_of(made)
    assert "Kpostmaster_recipients_1 hash /etc/mail/people" in text
    assert "SLocal_check_rcpt\nR$*\t$: $1 $| $>PostmasterRecipients $1\nR$* $| $#$*\t$#$2" in text


def test_sendmail_knows_no_destinations():
    with pytest.raises(Unsupported, match="destination_concurrency.*the nearest it can do: "):
        rendered({**HOST, "limits": {"destination_concurrency": 3}})

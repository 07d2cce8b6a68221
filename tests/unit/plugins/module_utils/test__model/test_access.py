# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules: what is normalised, what is refused by name, and that no input becomes two lines or another rule."""

import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError, Unsupported
from ansible_collections.postmaster.mta.plugins.module_utils._model import access as _access
from ansible_collections.postmaster.mta.plugins.module_utils._model import blocks as _tables
from ansible_collections.postmaster.mta.plugins.module_utils._postfix import access as postfix
from ansible_collections.postmaster.mta.plugins.module_utils._postfix import lookup as postfix_asking
from ansible_collections.postmaster.mta.plugins.module_utils._postfix.main_cf import parse as parse_main
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import access as sendmail
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import lookup as sendmail_asking
from ansible_collections.postmaster.mta.tests.unit.share import examples

NOW = datetime.datetime(2026, 11, 23, 14, 14, 2)

#: Rules that drop a message for one recipient are about recipients.
NO_DROPS = ({"from": ["a.test"]}, {"connect": ["192.0.2.1"]}, {"to": ["a.test"], "subdomains": False})
POSTFIX = postfix.Facts("hash", b"", parse_main(b""), {"recipient_delimiter": ""})
SENDMAIL = sendmail.Facts("hash", (("access", "hash"),), True, True)


def rules(**entry):
    usual = {name: entry.pop(name) for name in list(entry) if name in _access.RULE_OPTIONS}
    return _access.parse("rules[0]", {name.rstrip("_"): value for name, value in entry.items()}, usual, NOW)


@pytest.mark.parametrize(
    "where, given_, wanted",
    [
        ("from", "EMALSRV.Example", ("emalsrv.example", "domain")),
        ("from", "emalsrv.example.", ("emalsrv.example", "domain")),
        ("from", "Boss@X.Example.", ("boss@x.example", "address")),
        ("from", "spam@", ("spam@", "user")),
        ("from", "ru", ("ru", "domain")),
        ("from", "b\u00fccher.example", ("xn--bcher-kva.example", "domain")),
        ("to", "a+b@x.example", ("a+b@x.example", "address")),
        ("connect", "192.0.2.7", ("192.0.2.7", "network")),
        ("connect", "[192.0.2.7]", ("192.0.2.7", "network")),
        ("connect", "192.0.2.0/25", ("192.0.2.0/25", "network")),
        ("connect", "2001:DB8:0:0:0::1", ("2001:db8::1", "network")),
        ("connect", "IPv6:2001:db8::/32", ("2001:db8::/32", "network")),
        ("connect", "::ffff:192.0.2.7", ("192.0.2.7", "network")),
        ("connect", "mail.example", ("mail.example", "domain")),
    ],
)
def test_patterns_are_normalised(where, given_, wanted):
    assert _access.pattern(where, given_) == wanted


@pytest.mark.parametrize(
    "where, given_, why",
    [
        ("from", "", "expected"),
        ("from", "a b.example", "blanks"),
        ("from", "a.example\nb.example", "control"),
        ("from", "a.example\tREJECT", "control"),
        ("from", "a\0.example", "control"),
        ("from", "a\u00a0b.example", "control"),
        ("from", "#a.example", "not a domain"),
        ("from", "#a@x.example", "before the @"),
        ("from", '"a b"@x.example', "blanks"),
        ("from", "$(id).example", "not a domain"),
        ("from", "a%b@x.example", "before the @"),
        ("from", "a!b@x.example", "before the @"),
        ("from", ".x.example", "subdomains"),
        ("from", "*.x.example", "subdomains"),
        ("from", "@x.example", "subdomains"),
        ("from", "<>", "null sender"),
        ("from", "192.0.2.1", "use connect"),
        ("from", "192.0.2", "IP address"),
        ("from", "a" * 64 + ".example", "63"),
        ("from", "a." * 130 + "example", "253"),
        ("from", "x" * 400, "320"),
        ("to", "user@", "from only"),
        ("from", "a+b@", "without the +"),
        ("connect", "a@x.example", "use from"),
        ("connect", "192.0.2.1/24", "host bits"),
        ("connect", "0.0.0.0/0", "large part of the Internet"),
        ("connect", "2001:db8::1/32", "host bits"),
        ("connect", "fe80::1%eth0", "not a domain"),
        ("connect", "300.1.2.3", "not a network"),
    ],
)
def test_patterns_are_refused_by_name(where, given_, why):
    with pytest.raises(OptionError) as caught:
        _access.parse("rules[3]", {where: [given_]}, {}, NOW)
    assert "rules[3]." + where in str(caught.value) and why in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "words, option",
    [
        ({"code": 250}, "code"),
        ({"code": 421}, "code"),
        ({"code": 521}, "code"),
        ({"code": True}, "code"),
        ({"action": "defer", "code": 550}, "code"),
        ({"action": "ok", "code": 550}, "code"),
        ({"action": "discard", "text": "x"}, "text"),
        ({"status": "4.7.1"}, "status"),
        ({"status": "5.7"}, "status"),
        ({"status": "5.7.1 x"}, "status"),
        ({"text": "550 no"}, "text"),
        ({"text": ""}, "text"),
        ({"text": "a # b"}, "text"),
        ({"text": "a\nb"}, "text"),
        ({"text": 'a "b"'}, "text"),
        ({"text": "a $b"}, "text"),
        ({"text": "a %s"}, "text"),
        ({"text": "a  b"}, "text"),
        ({"text": "b\u00fccher"}, "text"),
        ({"text": "x" * 201}, "text"),
        ({"ticket": "a b"}, "ticket"),
        ({"by": "a\nb"}, "by"),
        ({"comment": "a\nb"}, "comment"),
        ({"comment": "a\u2028b"}, "comment"),
        ({"expires": "tomorrow"}, "expires"),
        ({"expires": "2026-02-30"}, "expires"),
        ({"expires": "9999w"}, ""),
        ({"action": "REJCT"}, "action"),
    ],
)
def test_words_are_refused_by_name(words, option):
    if words == {"expires": "9999w"}:
        assert rules(from_=["a.example"], **words)[0].note.expires.startswith("+2218")
        return
    with pytest.raises(OptionError) as caught:
        rules(from_=["a.example"], **words)
    assert caught.value.option == "rules[0]." + option


@pytest.mark.parametrize("entry", [{"from_": ["a.example"]}, {"to": ["a.example"]}, {"connect": ["a.example"]}])
def test_only_a_clients_address_may_relay(entry):
    with pytest.raises(OptionError) as caught:
        rules(action="relay", **entry)
    assert "relay" in str(caught.value)
    assert rules(action="relay", connect=["192.0.2.0/24"])[0].action == "relay"


def test_two_rules_about_the_same_are_refused():
    with pytest.raises(OptionError):
        _access.unique(rules(from_=["a.example"]) + rules(from_=["A.example"], action="ok"))
    assert len(_access.unique(rules(from_=["a.example", "a.example."]))) == 1


def test_a_span_of_time_is_marked():
    assert rules(from_=["a.example"], expires="30d")[0].note.expires == "+2026-12-23"
    assert rules(from_=["a.example"], expires="2026-12-24")[0].note.expires == "2026-12-24"
    assert _access.expired(_tables.Note(expires="2026-11-22"), NOW)
    assert not _access.expired(_tables.Note(expires="2026-11-23"), NOW)


def test_octets():
    assert _access.octets(rules(connect=["192.0.2.0/24"])[0].network) == ("192.0.2",)
    assert len(_access.octets(rules(connect=["10.0.0.0/9"])[0].network)) == 128
    assert _access.octets(rules(connect=["192.0.2.64/30"])[0].network) == tuple("192.0.2.%d" % n for n in range(64, 68))


# --- properties -----------------------------------------------------------------------------------------------------

NASTY = st.text(
    st.one_of(st.sampled_from("\n\r\t #\"'`$%{}()\\<>\0@.:/=-+*,;!\u00fc\u0130\u2028\u00a0\u200b"), st.characters()),
    max_size=40,
)
PATTERN = st.one_of(
    NASTY,
    st.from_regex(r"[A-Za-z0-9_.+=&~'/-]{1,12}@([A-Za-z0-9-]{1,8}\.){0,2}[A-Za-z]{2,8}\.?", fullmatch=True),
    st.from_regex(r"([A-Za-z0-9_-]{1,8}\.){0,3}[a-z\u00e0-\u00ff]{1,8}", fullmatch=True),
    st.builds(
        lambda text, tail: text + tail,
        st.sampled_from(["a.example", "u@x.example", "192.0.2.0/25", "2001:db8::"]),
        NASTY,
    ),
    st.ip_addresses().map(str),
    st.builds("{}/{}".format, st.ip_addresses(), st.integers(0, 129)),
    # Labels that are too long, dots in front and behind, upper case, quotes, brackets, mapped and abbreviated addresses.
    st.builds(
        "{}{}.example{}".format,
        st.sampled_from(["", ".", "u@", "U@", "@"]),
        st.integers(60, 300).map("x".__mul__),
        st.sampled_from(["", ".", ".."]),
    ),
    st.builds(
        "{}{}{}".format,
        st.sampled_from(["[", "[IPv6:", "ipv6:", "::ffff:", '"']),
        st.ip_addresses(),
        st.sampled_from(["]", "", '"', "/24", "%eth0"]),
    ),
    st.sampled_from(
        [
            "B\u00dcCHER.example",
            "xn--bcher-kva.EXAMPLE",
            "fa\u00df.example",
            "a.EXAMPLE.",
            "user%x@a.example",
            "1.2.3",
            "192.0.2.077",
        ]
    ),
)
WORDS = st.fixed_dictionaries(
    {
        "action": st.sampled_from(_access.ACTIONS),
        "text": st.one_of(st.none(), NASTY, st.from_regex(r"[A-Z][a-z .,:;!?/@+=_*&~^|-]{0,30}", fullmatch=True)),
        "code": st.one_of(st.none(), st.integers(-1, 1000)),
        "status": st.one_of(st.none(), NASTY, st.from_regex(r"[45]\.[0-9]{1,3}\.[0-9]{1,3}", fullmatch=True)),
        "comment": st.one_of(st.none(), NASTY),
        "ticket": st.one_of(st.none(), NASTY, st.from_regex(r"[A-Z]+-[0-9]+", fullmatch=True)),
        "by": st.one_of(st.none(), NASTY),
        "expires": st.one_of(st.none(), NASTY, st.just("30d")),
        "subdomains": st.one_of(st.none(), st.booleans()),
    }
)


@settings(max_examples=examples(2000))
@given(st.sampled_from(_access.PLACES), PATTERN, WORDS)
def test_a_rule_is_one_rule_or_it_is_refused(where, pattern, words):
    """Whatever is given: an error that names the rule, or lines that the tables' own readers take for this rule and no other."""
    try:
        (rule,) = _access.parse("rules[0]", {where: [pattern]}, words, NOW)
    except OptionError as problem:
        assert str(problem).startswith("rules[0]") and "\n" not in str(problem)
        return
    for driver, asking, known in ((postfix, postfix_asking, POSTFIX), (sendmail, sendmail_asking, SENDMAIL)):
        try:
            placed = driver.place(known, rule)
        except (Unsupported, OptionError):
            continue
        assert placed
        for name, lines in placed.items():
            block = rule.block(lines)
            raw = _tables.text_of(_tables.settled(block))
            assert raw.count(b"\n") == len(lines) + 1
            (found,) = _tables.all_blocks(raw)
            assert found.end == len(raw) and found.block == _tables.settled(block)
            for line in lines:
                key, tab, value = line.partition("\t")
                assert key and tab and value and "\t" not in value and value == value.strip()
                assert line[0] not in "# \t" and " " not in key
                wanted = rule.action if name == "access" or "_discard" not in name else None
                meant = asking.meaning(value, where)
                if wanted in ("reject", "defer"):
                    assert meant == (rule.action, rule.code, rule.status, rule.text)
                elif rule.action not in ("reject", "defer"):
                    # What is no refusal never becomes one, and only a relay rule may become RELAY or OK behind the relay control.
                    assert meant[0] not in ("reject", "defer", "")


@settings(max_examples=examples(300))
@given(st.sampled_from(_access.PLACES), PATTERN, st.sampled_from([a for a in _access.ACTIONS if a != "relay"]))
def test_no_rule_but_relay_can_let_anybody_relay(where, pattern, action):
    try:
        (rule,) = _access.parse("rules[0]", {where: [pattern]}, {"action": action}, NOW)
    except OptionError:
        return
    asked_in = {table.name: table.asked_in for table in postfix.TABLES}
    try:
        placed = postfix.place(POSTFIX, rule)
    except OptionError:
        placed = {}
    for name, lines in placed.items():
        if asked_in[name] == "smtpd_relay_restrictions":
            raise AssertionError(rule)
        for line in lines:
            value = line.partition("\t")[2]
            if asked_in[name] == "smtpd_recipient_restrictions":
                assert value != "OK"
            else:
                assert value != "DISCARD"
    try:
        assert all("RELAY" not in line.partition("\t")[2] for line in sendmail.place(SENDMAIL, rule)["access"])
    except Unsupported:
        pass


def test_a_last_day_that_is_over_is_refused():
    with pytest.raises(OptionError, match="rules.expires: 2026-11-22: this day is over"):
        _access.parse(
            "rules", {"from": ["a.example"], "expires": "2026-11-22"}, {}, datetime.datetime(2026, 11, 23, 23, 59)
        )
    today = _access.parse(
        "rules", {"from": ["a.example"], "expires": "2026-11-23"}, {}, datetime.datetime(2026, 11, 23, 23, 59)
    )
    assert today[0].note.expires == "2026-11-23"


@pytest.mark.parametrize("entry", NO_DROPS)
def test_only_recipients_are_dropped(entry):
    with pytest.raises(OptionError):
        rules(action="drop", **entry)

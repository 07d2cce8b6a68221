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
)
from ansible_collections.postmaster.mta.plugins.module_utils._model import policy as _policy
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Native
from ansible_collections.postmaster.mta.plugins.module_utils._runner import Result
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import discover as instance
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import render as _render
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail.render import KEPT_MC, SEED, relistened
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail import policy_places as places
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail import sendmail_host as given
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail.sendmail_host import rendered
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail.sendmail_rendering import (
    HOST,
    additional,
    mc_of,
    names,
    statements,
)
from ansible_collections.postmaster.mta.tests.unit.share import examples

pytestmark = pytest.mark.usefixtures("debian")


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


# --- what sendmail cannot do ------------------------------------------------------------------------------------------


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


#: Options that sendmail has nothing for; and the ciphers of the client must be those of the server.
REFUSED = {f"routes.{routes}.send_from" for routes in ("default", "domains", "addresses", "senders")}
REFUSED |= {"notices.delays_to", "tls.client.ciphers"}
ENTRY = re.compile(r"[!-~]+\t[!-~]+(?: +[!-~]+)*\Z")


@pytest.mark.long
def test_every_option_with_text_has_a_policy_in_which_it_is_tried():
    untried = {places.name_of(leaf) for number, leaf in enumerate(places.LEAVES) if places.place_of(number) is None}
    assert untried == REFUSED


@settings(max_examples=examples(1000), deadline=None)
@for_all(
    number=some.integers(0, len(places.LEAVES) - 1),
    value=some.one_of(HOSTILE, some.builds("".join, some.tuples(some.sampled_from(places.GOOD), HOSTILE))),
)
@example(number=[places.name_of(leaf) for leaf in places.LEAVES].index("limits.message_size"), value="1")
def test_a_hostile_policy_value_never_becomes_a_second_setting(number, value):
    """What is taken sets what a harmless value sets at the same option, and nothing else."""
    known = places.place_of(number)
    if known is None:
        return
    place, harmless = known
    made = places.accepted(place.policy(value))
    if made is None:
        return
    assert _shape(made) in [_shape(rendering) for rendering in harmless]
    for name in ("access.postmaster", "mailertable", "recipients.postmaster", "routes.postmaster"):
        lines = made.files[name].content.decode("ascii").split("\n")[:-1] if name in made.files else []
        assert all(ENTRY.match(line) for line in lines if not line.startswith("#"))
    for name in ("relay-domains", "local-host-names"):
        assert all(
            re.match(r"[!-~]+\Z", line) and not line.startswith("#")
            for line in made.files[name].content.decode("ascii").split("\n")[:-1]
        )


def _shape(rendering):
    """Return what is set, without values and without how often: a list of one more address is one more line."""
    return sorted(set(names(mc_of(rendering)))), sorted(rendering.files)


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


def test_the_queue_interval_of_an_additional_instance_is_in_its_environment():
    found = additional({"queue": {"run_interval": "3m"}}, {"sendmail.conf": b"X=1\n", "Makefile": b"all :\n"})
    assert found.files["postmaster.env"].content == b"QUEUE_RUN=-q3m\n"
    assert "sendmail.conf" not in found.files and "Makefile" not in found.files and found.notes == ()


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


def test_the_file_of_names_that_the_first_run_made_is_said_again():
    """An instance whose address is changed a second time was refused, since its file of names went."""
    built = "##### built by us\nFw/etc/sendmail-ext/local-host-names\n"
    files = {"sendmail.mc": BY_HAND.encode(), "sendmail.cf": built.encode()}
    assert additional(LISTEN, files, render=relistened, built=built).files["local-host-names"].content == b""


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

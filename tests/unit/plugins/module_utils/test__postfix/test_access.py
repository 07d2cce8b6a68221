# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Postfix: which lines a rule becomes, how main.cf asks the tables, and that it comes back to the byte."""

import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError, Refused
from ansible_collections.postmaster.mta.plugins.module_utils._model import access as _access
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Capabilities, Host, Instance
from ansible_collections.postmaster.mta.plugins.module_utils._postfix import access, main_cf
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix.postfix_host import make_host
from ansible_collections.postmaster.mta.tests.unit.share import examples

USUAL = {
    "parent_domain_matches_subdomains": "smtpd_access_maps",
    "smtpd_relay_before_recipient_restrictions": "yes",
    "smtpd_relay_restrictions": "permit_mynetworks, reject_unauth_destination",
    "recipient_delimiter": "",
}
NOW = datetime.datetime(2026, 11, 23)
HOST = Host(None, Instance("postfix", "postfix", "/nowhere", ()), lambda: Capabilities((3, 7), "3.7", (), "hash"))


def facts(content=b"", **values):
    main = main_cf.parse(content)
    return access.Facts(
        "hash", content, main, dict(dict(USUAL, **values), **main.values), USUAL["smtpd_relay_restrictions"]
    )


def rule(where, pattern, **words):
    return _access.parse("rules[0]", {where: [pattern]}, words, NOW)[0]


def test_tables_that_are_wired_keep_their_type_when_a_new_postfix_prefers_another(tmp_path):
    host = make_host("3.10.13", tmp_path)
    lmdb = host.capabilities._replace(default_table_type="lmdb")
    host = host._replace(ask=lambda: lmdb)
    (tmp_path / "main.cf").write_bytes(b"")
    assert access.facts(host).kind == "lmdb"
    (tmp_path / "main.cf").write_bytes(
        b"smtpd_sender_restrictions = check_sender_access hash:$config_directory/access_from, permit\n"
    )
    known = access.facts(host)
    assert known.kind == "hash"
    assert access.wire(host, known, {"access_from": True}, {"from"}) == {}


def wired(content, filled, **values):
    files = access.wire(HOST, facts(content, **values), filled, {"from"})
    return files["main.cf"].content if files else content


def test_what_is_dropped_is_a_route_behind_what_is_captured():
    value = "discard:dropped by an access rule"
    assert access.place(facts(), rule("to", "x.test", action="drop")) == {
        "access_drop": (f"x.test\t{value}", f".x.test\t{value}")
    }
    assert access.place(facts(), rule("to", "a@x.test", action="drop")) == {
        "access_drop": (f"a@x.test\t{value}",),
        "access_drop_patterns": (r"/^a\+[^@]*@x\.test$/" + f"\t{value}",),
    }
    captured = b"transport_maps = hash:$config_directory/capture_to, hash:/etc/postfix/mine\n"
    content = wired(captured, {"access_drop": True})
    assert content == (
        b"transport_maps = hash:$config_directory/capture_to, hash:$config_directory/access_drop, hash:/etc/postfix/mine\n"
    )
    assert wired(content, {"access_drop": False}) == captured
    assert access.reload_reasons(facts(), ["access_drop", "access_to"]) == ("hash:access_drop",)


def test_a_domain_is_one_line_in_one_table():
    placed = access.place(facts(), rule("from", "a.example", text="Go away"))
    assert placed == {"access_from": ("a.example\t550 5.7.1 Go away",)}


def test_a_u_label_is_written_in_both_forms():
    placed = access.place(facts(), rule("from", "b\u00fccher.example"))
    assert [line.partition("\t")[0] for line in placed["access_from"]] == [
        "xn--bcher-kva.example",
        "b\u00fccher.example",
    ]


def test_an_address_covers_its_details_as_sendmail_does():
    placed = access.place(facts(), rule("from", "a.b@x.example", text="No"))
    assert placed["access_from_patterns"] == ("/^a\\.b\\+[^@]*@x\\.example$/\t550 5.7.1 No",)
    assert "access_from_patterns" not in access.place(facts(recipient_delimiter="+"), rule("from", "a@x.example"))


def test_discard_waits_behind_the_relay_control():
    placed = access.place(facts(), rule("from", "a.example", action="discard"))
    assert placed == {"access_from": ("a.example\tOK",), "access_from_discard": ("a.example\tDISCARD",)}


def test_networks():
    assert access.place(facts(), rule("connect", "192.0.2.0/24", text="No")) == {
        "access_connect": ("192.0.2\t550 5.7.1 No",)
    }
    assert access.place(facts(), rule("connect", "2001:db8::/32", text="No")) == {
        "access_connect_networks": ("2001:db8::/32\t550 5.7.1 No",)
    }
    assert access.place(facts(), rule("connect", "2001:db8::1", action="relay")) == {
        "access_relay": ("2001:db8::1\tOK",)
    }


def test_without_subdomains_only_refusals():
    placed = access.place(facts(), rule("from", "a.example", subdomains=False, text="No"))
    assert placed == {"access_from_patterns": ("/@a\\.example$/\t550 5.7.1 No",)}
    with pytest.raises(OptionError):
        access.place(facts(), rule("from", "a.example", subdomains=False, action="ok"))


def test_it_is_asked_first_and_formatting_stays():
    content = b"smtpd_sender_restrictions =\n    permit_mynetworks,\n    # why\n    reject_non_fqdn_sender\nx = y\n"
    after = wired(content, {"access_from": True})
    assert after == content.replace(
        b"restrictions =\n", b"restrictions = check_sender_access hash:$config_directory/access_from,\n"
    )
    value = main_cf.parse(after).values["smtpd_sender_restrictions"]
    assert value.split(",")[0] == "check_sender_access hash:$config_directory/access_from"


@settings(max_examples=examples(200))
@given(
    st.sampled_from(
        [
            b"",
            b"smtpd_sender_restrictions =\n",
            b"smtpd_sender_restrictions = permit_mynetworks\n",
            b"smtpd_sender_restrictions=permit_mynetworks, reject\n",
            b"a = b\nsmtpd_sender_restrictions = permit_mynetworks,\n\treject\n# end\n",
            b"smtpd_recipient_restrictions =  \tpermit_mynetworks reject_unlisted_recipient\nsmtpd_client_restrictions =\n sleep 1\n",
            b"smtpd_relay_restrictions = permit_mynetworks reject_unauth_destination\n",
        ]
    ),
    st.sets(st.sampled_from([table.name for table in access.TABLES]), min_size=1),
)
def test_taken_out_again_main_cf_is_what_it_was(content, names):
    wired_ = wired(content, dict.fromkeys(names, True))
    lists = main_cf.parse(wired_).values
    for table in access.TABLES:
        if table.name in names:
            assert facts().element(table) in " ".join(lists[table.asked_in].split())
    assert wired(wired_, dict.fromkeys(names, True)) == wired_
    half = dict.fromkeys(sorted(names)[::2], False)
    again = wired(wired(wired_, half), dict.fromkeys(names, True))
    assert main_cf.parse(again).values == lists and wired(again, dict.fromkeys(names, False)) == content
    back = wired(wired_, dict.fromkeys(names, False))
    assert back == content


def test_the_relay_control_is_never_lost():
    after = main_cf.parse(wired(b"", {"access_relay": True})).values["smtpd_relay_restrictions"]
    assert (
        after == "check_client_access hash:$config_directory/access_relay, permit_mynetworks, reject_unauth_destination"
    )


@pytest.mark.parametrize(
    "values, filled, named",
    [
        ({"parent_domain_matches_subdomains": ""}, {"access_from": True}, "parent_domain_matches_subdomains"),
        (
            {"smtpd_relay_before_recipient_restrictions": "no"},
            {"access_from_discard": True},
            "smtpd_relay_before_recipient_restrictions",
        ),
        (
            {"smtpd_recipient_restrictions": "permit_mynetworks, reject_unauth_destination"},
            {"access_relay": True},
            "smtpd_recipient_restrictions: reject_unauth_destination",
        ),
    ],
)
def test_settings_that_would_change_the_meaning_are_named(values, filled, named):
    with pytest.raises(Refused) as caught:
        wired(b"", filled, **values)
    assert named in str(caught.value)


def test_a_stronger_option_in_master_cf_is_named(tmp_path):
    (tmp_path / "master.cf").write_text("smtp inet n - y - - smtpd\n  -o smtpd_sender_restrictions=permit\n")
    host = HOST._replace(instance=Instance("postfix", "postfix", str(tmp_path), ()))
    with pytest.raises(Refused) as caught:
        access.wire(host, facts(), {"access_from": True}, {"from"})
    assert "-o smtpd_sender_restrictions=permit" in str(caught.value)

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""sendmail: the keys that the routes become, the block in sendmail.mc, and how a caught message is read from its files."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import Refused, Unsupported
from ansible_collections.postmaster.mta.plugins.module_utils._model import capture as _capture
from ansible_collections.postmaster.mta.plugins.module_utils._model.capture import Endpoint, Envelope
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Capabilities, Host, Instance
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import capture, mc, queue
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import capture_map as wiring

HOP = Endpoint("192.0.2.9", 2525)
MC = "divert(0)dnl\nMAILER(`smtp')dnl\n"


@pytest.fixture(name="host")
def _host(tmp_path, monkeypatch):
    (tmp_path / "sendmail.mc").write_text(MC)
    monkeypatch.setattr(capture.build, "build_cf", lambda host, text: f"built of {len(text)}")
    return Host(
        None, Instance("sendmail", "sendmail", str(tmp_path), ()), lambda: Capabilities((8, 17), "8.17", (), "hash")
    )


def wire(host, hop=HOP, **given):
    routes = _capture.parse(given)
    return capture.wire(host, routes, hop if routes else None, False)


@pytest.mark.parametrize(
    "given, keys",
    [
        ({"from": ["a.example"]}, ["From:a.example", "From:.a.example"]),
        ({"from": ["a.example"], "subdomains": False}, ["From:a.example"]),
        ({"from": ["<>"]}, ["From:@"]),
        ({"to": ["u@a.example"]}, ["To:u@a.example"]),
        ({"connect": ["192.0.2.0/24"]}, ["Connect:192.0.2"]),
        ({"connect": ["2001:db8::1"]}, ["Connect:IPv6:2001:db8:0:0:0:0:0:1"]),
    ],
)
def test_keys(host, given, keys):
    assert _capture.pairs_in(wire(host, **given)["capture"].content) == {key: "192.0.2.9" for key in keys}


def test_a_network_that_would_need_too_many_keys_is_refused(host):
    with pytest.raises(Unsupported):
        wire(host, connect=["2001::/20"])


def test_the_wiring_depends_on_the_place_and_on_no_route(host):
    text = wire(host, **{"from": ["a.example"]})["sendmail.mc"].content
    assert text == wire(host, to=["b.example"])["sendmail.mc"].content
    assert text != wire(host, to=["b.example"], hop=Endpoint("198.51.100.7", 2525))["sendmail.mc"].content
    assert text != wire(host, to=["b.example"], hop=Endpoint("192.0.2.9", 26))["sendmail.mc"].content


def test_the_block_comes_and_goes_to_the_byte(host, tmp_path):
    files = wire(host, **{"from": ["a.example"]})
    (tmp_path / "sendmail.mc").write_bytes(files["sendmail.mc"].content)
    (tmp_path / "capture").write_bytes(files["capture"].content)
    assert capture.hop_there(host) == HOP and capture.routes_there(host) == ("from a.example",)
    assert "sendmail.mc" not in wire(host, **{"from": ["b.example"]})
    gone = wire(host)
    assert gone["sendmail.mc"].content.decode() == MC
    assert gone["capture"].content is None and gone["capture.db"].content is None


def test_the_module_relay_writes_the_same_block(host):
    files = wire(host, **{"from": ["a.example"]})
    assert MC + wiring.block(host, files["capture"].content) == files["sendmail.mc"].content.decode()
    assert wiring.block(host, b"# a table of somebody else\n") == ""


def test_without_a_source_there_is_no_place_for_the_routes(host, tmp_path):
    (tmp_path / "sendmail.mc").unlink()
    with pytest.raises(Refused, match="sendmail.mc"):
        wire(host, **{"from": ["a.example"]})
    assert wire(host)["capture"].content is None


def test_the_capture_instance_takes_everything_and_delivers_nothing():
    given = capture.settings(
        Envelope(("127.0.0.1", "192.0.2.9", "2001:db8::1"), HOP, Endpoint("127.0.0.1", 25), "capture.a.example")
    )
    assert given["mc"]["defines"]["confDELIVERY_MODE"] == "queueonly"
    assert "$#error $@ quarantine $: captured" in given["mc"]["local_rulesets"]
    assert "R$* $| IPv6:2001:db8::1\t$@ OK" in given["mc"]["local_rulesets"]
    assert "$@ [127.0.0.1] $: $1" in given["mc"]["local_rule_0"]
    for section in ("local_rule_0", "local_rulesets", "mailer_definitions"):
        mc.raw(f"mc.{section}", section, given["mc"][section])


CONTROL = (
    b"V8\nT1795797391\nS<a@b.example>\nRPFD:<c@d.example>\n"
    b"H?P?Return-Path: <\x81g>\n"
    b"H??Received: from x\n\tby y\n"
    b"H?D?Date: added\n\tby sendmail\n"
    b"H??Subject: \xc3\xff\x9c and \xc3\xbc and \xff\xff\n folded\n"
    b".\n"
)


def test_a_caught_message_is_read_as_it_came():
    assert (
        queue._raw_headers(CONTROL) == b"Received: from x\n\tby y\nSubject: \xc3\x9c and \xc3\xbc and \xff\n folded\n\n"
    )


def test_quoted_bytes_of_a_header_are_shown_as_they_came():
    assert "Subject: \u00dc and \u00fc" in queue._headers(CONTROL)
    assert "Return-Path: <$g>" in queue._headers(CONTROL)

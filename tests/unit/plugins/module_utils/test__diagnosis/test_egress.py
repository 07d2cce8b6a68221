# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the outside sees a source address: real sockets for the echoes, records for the judgement."""

import http.server
import threading

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._diagnosis import egress
from ansible_collections.postmaster.mta.plugins.module_utils._dns import blocklists, spf
from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.tests.unit.smtp_peer import Script

GOOD = egress.Egress(
    source="9.9.9.9",
    echoes=(egress.Echo("smtp", "9.9.9.9", "hello [9.9.9.9]"),),
    outside="9.9.9.9",
    name="mx1.example.com",
    confirmed=True,
    spf=(("example.com", spf.Verdict(spf.PASS, "mx", "", 1)),),
    listings=(blocklists.Listing("list.example", blocklists.NOT_LISTED, (), "", ""),),
)


def codes(**changes):
    return [finding.code for finding in egress.judge(GOOD._replace(**changes), "mx1.example.com")]


def test_a_good_address_has_no_finding():
    assert codes() == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"echoes": (egress.Echo("smtp", "8.8.8.8", ""),)}, "egress_differs"),
        ({"echoes": (egress.Echo("smtp", "9.9.9.9", ""), egress.Echo("http", "8.8.8.8", ""))}, "egress_differs"),
        ({"echoes": (egress.Echo("smtp", "", "timed out"),)}, "egress_unknown"),
        ({"name": "", "confirmed": False}, "missing_ptr"),
        ({"confirmed": False}, "ptr_not_confirmed"),
        ({"name": "other.example.com"}, "ptr_is_not_hello"),
        (
            {"spf": (("example.com", spf.Verdict(spf.SOFTFAIL, "~all", "the record says ~all", 1)),)},
            "spf_does_not_cover",
        ),
        ({"listings": (blocklists.Listing("l", blocklists.LISTED, ("127.0.0.2",), "", ""),)}, "blocklisted"),
        ({"listings": (blocklists.Listing("l", blocklists.REFUSED, (), "", "an error"),)}, "blocklist_unusable"),
        ({"listings": (blocklists.Listing("l", blocklists.UNANSWERED, (), "", "silent"),)}, "blocklist_unusable"),
    ],
)
def test_each_fault_has_its_finding(changes, code):
    assert codes(**changes) == [code]


def test_a_translated_private_address_is_as_it_should_be():
    inside = GOOD._replace(source="10.0.0.5")
    assert egress.judge(inside, "mx1.example.com") == []


def test_a_list_that_refuses_is_only_worth_a_notice():
    listing = blocklists.Listing("l", blocklists.REFUSED, ("127.255.255.254",), "", "an error")
    (finding,) = egress.judge(GOOD._replace(listings=(listing,)), "mx1.example.com")
    assert finding.severity == "notice"


class Body(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = {"/ip": f"{self.client_address[0]}\n", "/empty": "", "/words": "no address: 1.2.3"}.get(self.path)
        self.send_response(200 if body is not None else 404)
        self.end_headers()
        self.wfile.write((body or "").encode())

    def log_message(self, *words):
        pass


@pytest.fixture(name="echo")
def _echo():
    server = http.server.HTTPServer(("127.0.0.1", 0), Body)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_an_http_echo_sees_the_source_address(echo):
    assert egress.by_http("127.0.0.5", f"{echo}/ip", 5) == egress.Echo("http", "127.0.0.5", "127.0.0.5")


@pytest.mark.parametrize(
    ("path", "text"), [("/empty", ""), ("/words", "no address: 1.2.3"), ("/nothing", "status 404")]
)
def test_an_echo_that_says_no_address_says_nothing(echo, path, text):
    assert egress.by_http("127.0.0.1", echo + path, 5) == egress.Echo("http", "", text)


@pytest.mark.parametrize("url", ["ftp://host/", "host", "http://"])
def test_what_is_no_web_address_is_refused(url):
    with pytest.raises(OptionError, match="http"):
        egress.by_http("127.0.0.1", url, 5)


@pytest.mark.parametrize(
    ("reply", "address"),
    [
        (b"250-mx.test Hello me.test [127.0.0.5], pleased to meet you\r\n250 SIZE\r\n", "127.0.0.5"),
        (b"250-mx.test Hello [IPv6:2001:db8::1]\r\n250 SIZE\r\n", "2001:db8::1"),
        (b"250-mx.test\r\n250 SIZE 25000000\r\n", ""),
        (b"250 mx.test [not an address]\r\n", ""),
    ],
)
def test_an_smtp_server_says_whom_it_sees(reply, address):
    with Script(b"220 mx.test ESMTP\r\n", ("read", 1), reply, ("read", 1), b"221 bye\r\n") as peer:
        assert egress.by_smtp("127.0.0.1", "127.0.0.1", peer.port, "me.test", 5).address == address
    assert peer.received.startswith(b"EHLO me.test\r\n")


def test_nobody_listens():
    assert egress.by_http("127.0.0.1", "http://127.0.0.1:1/", 5).address == ""
    assert egress.by_smtp("127.0.0.1", "127.0.0.1", 1, "me.test", 5).address == ""

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Postfix: the files that the routes become, their place before all others, and that everything comes back to the byte."""

import os
import pathlib

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError, Refused
from ansible_collections.postmaster.mta.plugins.module_utils._model import access as _access
from ansible_collections.postmaster.mta.plugins.module_utils._model import capture as _capture
from ansible_collections.postmaster.mta.plugins.module_utils._model.capture import Endpoint, Envelope
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Capabilities, Host, Instance
from ansible_collections.postmaster.mta.plugins.module_utils._postfix import access, capture, main_cf

HOP = Endpoint("192.0.2.9", 2525)
TARGET = "postmaster-capture:[192.0.2.9]:2525"
DEFAULTS = {
    "parent_domain_matches_subdomains": "smtpd_access_maps",
    "smtpd_relay_before_recipient_restrictions": "yes",
    "smtpd_null_access_lookup_key": "<>",
    "recipient_delimiter": "+",
}
MASTER = b"smtp      inet  n       -       y       -       -       smtpd\nqmgr      unix  n       -       n       300     1       qmgr\n"
MAIN = b"smtpd_sender_restrictions =\n  permit_mynetworks,\n  reject_unknown_sender_domain\nmyhostname = a.example\n"


@pytest.fixture(name="host")
def _host(tmp_path, monkeypatch):
    (tmp_path / "main.cf").write_bytes(MAIN)
    (tmp_path / "master.cf").write_bytes(MASTER)
    monkeypatch.setattr(access, "defaults", lambda runner: dict(DEFAULTS))
    known = Capabilities((3, 7), "3.7", (), "hash")
    return Host(None, Instance("postfix", "postfix", str(tmp_path), (str(tmp_path / "queue"),)), lambda: known)


def wire(host, service=False, **given):
    routes = _capture.parse(given)
    return capture.wire(host, routes, HOP if routes else None, service)


def put(host, files):
    """What a transaction does with them."""
    for name, file in files.items():
        path = os.path.join(host.instance.config_directory, name)
        if file.content is not None:
            with open(path, "wb") as stream:
                stream.write(file.content)
        elif os.path.exists(path):
            os.unlink(path)


def everything(host):
    found = pathlib.Path(host.instance.config_directory).iterdir()
    return {path.name: path.read_bytes().rstrip(b"\n") for path in found if path.is_file()}


def lines(files, name):
    return _capture.pairs_in(files[name].content)


def test_a_sender_becomes_a_filter_that_is_asked_first(host):
    files = wire(host, **{"from": ["spam.example"]})
    assert lines(files, "capture_from") == {"spam.example": f"FILTER {TARGET}"}
    value = main_cf.parse(files["main.cf"].content).values["smtpd_sender_restrictions"]
    assert value.split()[:2] == ["check_sender_access", "hash:$config_directory/capture_from,"]
    assert b"postmaster-capture unix" in files["master.cf"].content


def test_the_null_sender_has_postfix_s_own_key(host):
    assert lines(wire(host, **{"from": ["<>"]}), "capture_from") == {"<>": f"FILTER {TARGET}"}


def test_a_recipient_becomes_a_transport_before_all_others(host):
    put(host, {"main.cf": capture.File(MAIN + b"transport_maps = hash:/etc/postfix/mine\n")})
    files = wire(host, to=["x.example", "bob@y.example"])
    assert lines(files, "capture_to") == {"x.example": TARGET, ".x.example": TARGET, "bob@y.example": TARGET}
    assert b"transport_maps = hash:$config_directory/capture_to, hash:/etc/postfix/mine\n" in files["main.cf"].content


def test_clients_stand_in_the_table_that_is_read_live(host):
    files = wire(host, connect=["192.0.2.0/24", "198.51.100.4/31", "2001:db8::1", "2001:db8:1::/48"])
    assert list(lines(files, "capture_connect")) == ["192.0.2", "198.51.100.4", "198.51.100.5", "2001:db8::1"]
    assert list(lines(files, "capture_connect_networks")) == ["2001:db8:1::/48"]


def test_patterns_are_used_where_nothing_else_will_do(host, monkeypatch):
    assert list(lines(wire(host, **{"from": ["a.example"], "subdomains": False}), "capture_from_patterns")) == [
        "/@a\\.example$/"
    ]
    assert wire(host, **{"from": ["u@a.example"]})["capture_from_patterns"].content is None
    monkeypatch.setitem(DEFAULTS, "recipient_delimiter", "")
    found = lines(wire(host, **{"from": ["u@a.example"]}), "capture_from_patterns")
    assert list(found) == ["/^u\\+[^@]*@a\\.example$/"]


@pytest.mark.parametrize(
    "content",
    [
        MAIN,
        MAIN.rstrip(b"\n"),
        b"myhostname = a\n",
        MAIN + b"transport_maps =\n",
        MAIN + b"transport_maps = a:/b,\n\tc:/d\n",
    ],
)
def test_everything_comes_back_to_the_byte(host, content):
    put(host, {"main.cf": capture.File(content)})
    before = everything(host)
    put(host, wire(host, **{"from": ["a.example"], "to": ["b.example"], "connect": ["192.0.2.1"]}))
    assert capture.hop_there(host) == HOP
    assert set(capture.routes_there(host)) == {"from a.example", "to b.example", "connect 192.0.2.1"}
    put(host, wire(host))
    # A line that ended without a line end gets one, as with every parameter that is added.
    assert everything(host) == before


def test_the_service_outlives_the_routes_until_nothing_is_bound_for_it(host):
    put(host, wire(host, **{"from": ["a.example"]}))
    files = wire(host, service=True)
    assert "master.cf" not in files and files["capture_from"].content is None
    assert b"capture" not in wire(host)["master.cf"].content
    assert "master.cf" not in wire(host, service=True)


def test_the_module_access_leaves_the_routes_in_front(host):
    put(host, wire(host, **{"from": ["a.example"]}))
    files = access.wire(host, access.facts(host), {"access_from": True}, {"from"})
    value = main_cf.parse(files["main.cf"].content).values["smtpd_sender_restrictions"]
    assert value.startswith(
        "check_sender_access hash:$config_directory/capture_from, check_sender_access hash:$config_directory/access_from,"
    )
    assert not [
        name
        for place in _access.PLACES
        for name in access.names(access.facts(host), place)
        if name.startswith("capture")
    ]


def test_a_proxy_before_the_queue_would_swallow_the_filter(host):
    put(host, {"master.cf": capture.File(MASTER.replace(b"smtpd\n", b"smtpd -o smtpd_proxy_filter=127.0.0.1:10025\n"))})
    with pytest.raises(Refused, match="smtpd_proxy_filter"):
        wire(host, **{"from": ["a.example"]})
    assert wire(host, to=["a.example"])


def test_the_capture_instance_takes_everything_and_delivers_nothing():
    given = capture.settings(Envelope(("127.0.0.1", "192.0.2.9"), HOP, Endpoint("127.0.0.1", 25), "capture.a.example"))
    assert given["policy"]["relay"]["networks"] == ["127.0.0.1", "192.0.2.9"]
    assert given["main"]["smtpd_recipient_restrictions"].startswith(
        "check_recipient_access static:{HOLD captured}, permit_mynetworks, reject"
    )
    assert given["main"]["relayhost"] == "[127.0.0.1]:25" and given["main"]["smtp_bind_address"] == "127.0.0.1"
    assert given["main"]["mydestination"] == "" and given["baseline"] == "none"


@pytest.mark.parametrize(
    "extra", [b"", b"smtpd_authorized_xforward_hosts =\n", b"smtpd_authorized_xforward_hosts = 192.0.2.7\n"]
)
def test_released_mail_may_say_that_it_came_from_outside(host, extra):
    put(host, {"main.cf": capture.File(MAIN + extra)})
    before = everything(host)
    put(host, capture.wire(host, (), None, False, Endpoint("127.0.0.1", 25)))
    content = pathlib.Path(host.instance.config_directory, "main.cf").read_bytes()
    value = main_cf.parse(content).values["smtpd_authorized_xforward_hosts"]
    assert value.split(",")[0] == "cidr:$config_directory/capture_release"
    assert everything(host)["capture_release"] == b"127.0.0.1\tOK"
    put(host, capture.wire(host, (), None, False))
    assert everything(host) == before


@pytest.mark.parametrize("address, other", [("127.0.0.1", "::1, or another"), ("192.0.2.1", "use another")])
def test_a_place_from_which_nothing_could_be_released_is_refused(address, other):
    with pytest.raises(OptionError, match=f"address: {address}: .*{other}"):
        capture.refuse_hop(Endpoint(address, 2525), Endpoint(address, 25))
    capture.refuse_hop(Endpoint("127.0.0.2", 2525), Endpoint(address, 25))

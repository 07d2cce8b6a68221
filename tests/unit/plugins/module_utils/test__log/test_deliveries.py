# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import pathlib

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._log import deliveries as _logview
from ansible_collections.postmaster.mta.plugins.module_utils._log import join as _maillog
from ansible_collections.postmaster.mta.plugins.module_utils._log.stamps import Clock

CORPUS = pathlib.Path(__file__).parents[4] / "corpus" / "maillog"
NOW = 1795334400  # 2026-11-22T08:00:00Z
CLOCK = Clock(NOW)


def raws(*names):
    join = _maillog.Join()
    for name in names or ("postfix-3.7-iso.log", "sendmail-8.17-loglevel9-iso.log"):
        join.feed((CORPUS / name).read_bytes().splitlines(True))
    join.finish()
    return join.take()


def chosen(given, **place):
    wanted = _logview.selection(given)._replace(**place)
    found = _logview.select(raws(), CLOCK, _logview.tests(wanted, NOW))
    return [_logview.delivery(raw, CLOCK, None) for raw in found]


@pytest.mark.parametrize(
    "given, count",
    [
        ({}, 56 - 1 + 56 - 2),
        ({"sender": ["one@sender.test"]}, 2),
        ({"sender": ["ONE@*"]}, 2),
        ({"sender": ["<>"], "status": ["bounced"]}, 2),
        ({"recipient": ["u@tls.test"]}, 4),
        ({"domain": ["partial.test"], "status": ["expired"]}, 1),
        ({"domain": [".test"], "status": ["held"]}, 2),
        ({"domain": []}, 0),
        ({"client": ["client3.lab.test"]}, 2),
        ({"client": ["127.0.0.4"]}, 2),
        ({"client": ["127.0.0.0/30"], "status": ["rejected"]}, 11),
        ({"reason": ["banned"]}, 5),
        ({"status": ["unfinished", "forwarded"]}, 3),
        ({"regex": "relink|GREYLISTED", "status": ["deferred"]}, 9),
        ({"ids": ["6AM7IlFY021454"]}, 1),
        ({"larger_than": "900"}, 7),
        ({"newer_than": "21m"}, 55),
        ({"older_than": "21m"}, 54),
        ({"since": "2026-11-22T07:39:00Z", "until": "2026-11-22 07:39:26+00:00"}, 1),
    ],
)
def test_a_selection(given, count):
    assert len(chosen(given)) == count


def test_one_mta_and_one_instance():
    assert {one.mta for one in chosen({}, mta="sendmail")} == {"sendmail"}
    assert len(chosen({}, instance="postfix-EXT")) == 55
    assert chosen({}, instance="postfix-EXT", mta="sendmail") == []


@pytest.mark.parametrize(
    "given, option",
    [
        ({"since": "lately"}, "select.since"),
        ({"since": "30"}, "select.since"),
        ({"message_id": ["<>"]}, "select.message_id"),
        ({"until": "2026-13-01"}, "select.until"),
        ({"status": ["gone"]}, "select.status"),
        ({"sender": [""]}, "select.sender"),
        ({"client": [""]}, "select.client"),
        ({"client": []}, "select.client"),
        ({"regex": "("}, "select.regex"),
    ],
)
def test_a_selection_that_cannot_be_meant(given, option):
    with pytest.raises(OptionError, match=option):
        _logview.selection(given)


@pytest.mark.parametrize(
    "networks, domains, client, recipient, relay, direction",
    [
        ([], [], b"a[192.0.2.1]", b"b@x.example", b"relay=mx[198.51.100.1]:25", None),
        (["192.0.2.0/24"], [], b"a[192.0.2.1]", b"b@x.example", b"relay=mx[198.51.100.1]:25", "out"),
        (["192.0.2.0/24"], [], b"a[192.0.2.1]", b"b@x.example", b"relay=mx[192.0.2.9]:25", "internal"),
        (["192.0.2.0/24"], ["x.example"], b"a[203.0.113.1]", b"b@SUB.x.example", b"", "in"),
        (["2001:db8::/32"], ["x.example"], b"a [IPv6:2001:db8::1]", b"b@x.example", b"", "internal"),
        ([], ["x.example"], None, b"b@x.example", b"", None),
        ([], ["x.example"], None, b"b@y.example", b"", "out"),
        ([], ["x.example"], b"local", b"b@x.example", b"relay=local", "internal"),
        ([], ["x.example"], b"root@localhost", b"b@y.example", b"relay=none", "out"),
    ],
)
def test_the_direction_is_what_was_declared(networks, domains, client, recipient, relay, direction):
    raw = [b""] * 14
    raw[3] = [None, client] + [None] * 11
    raw[4], raw[6] = recipient, relay
    assert _logview.Internal(networks, domains).direction(tuple(raw)) == direction


def test_a_network_with_host_bits_is_refused():
    with pytest.raises(OptionError, match="internal.networks"):
        _logview.Internal(["192.0.2.1/24"])


def test_the_line_of_the_post():
    lines = [
        b"Jun 20 10:00:21 drjemgw sm-mta[24318]: r5KE0K1U024318: from=<service@mail.example>, size=5331, class=0, nrcpts=1, "
        b"msgid=<15936355.7941275772268.JavaMail.easypaynet@Z32C1GBSZ4AN2>, proto=SMTP, daemon=sm-mta, relay=mx.postini.example [192.0.2.7]\n",
        b"Jun 20 10:00:22 drjemgw sm-mta[24367]: r5KE0K1U024318: to=<drj@drj.example>, delay=00:00:02, xdelay=00:00:01, mailer=esmtp, "
        b"pri=125331, relay=drjinternal.example. [10.1.1.1], dsn=2.0.0, stat=Sent (r5KE0M6E027784 Message accepted for delivery)\n",
    ]
    join = _maillog.Join()
    join.feed(lines)
    (raw,) = join.take()
    clock, internal = Clock(1372000000), _logview.Internal([], ["drj.example"])
    shown = _logview.delivery(raw, clock, internal.direction(raw))
    line = "20.6.2013|10:00:21|5331|IN|service@mail.example|drj@drj.example|mx.postini.example"
    assert _logview.post_line(shown) == line


def test_a_bar_in_an_address_is_no_field():
    join = _maillog.Join()
    join.feed(
        [
            b"Nov 22 07:18:45 r sm-mta[1]: 6AM7IiFX020956: to=<a|b@ok.test>, delay=00:00:01, xdelay=00:00:01, "
            b"mailer=esmtp, pri=3, relay=m [1], dsn=2.0.0, stat=Sent\n"
        ]
    )
    (raw,) = join.take()
    line = _logview.post_line(_logview.delivery(raw, CLOCK, None))
    assert line == "22.11.2026|07:18:45||||a%7Cb@ok.test|"


@pytest.mark.parametrize(
    "raw, text, address",
    [
        (b"mx.ok.test[127.0.0.21]:25", "mx.ok.test[127.0.0.21]:25", "127.0.0.21"),
        (b"mx.ok.test. [127.0.0.21]", "mx.ok.test[127.0.0.21]", "127.0.0.21"),
        (b"a.example [192.0.2.1] (may be forged)", "a.example[192.0.2.1]", "192.0.2.1"),
        (b"[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]", "2001:db8::1"),
        (b"a[192.0.2.1], sasl_method=PLAIN, sasl_username=x", "a[192.0.2.1]", "192.0.2.1"),
        (b"none", "none", None),
        (None, None, None),
    ],
)
def test_peers_of_both_mtas(raw, text, address):
    assert _logview.peer(raw) == (text, address)


def test_bytes_that_are_no_text_can_be_read():
    assert _logview.readable(b"a\xff\x00\x1bb\xc3\xa9") == "a\\xff\\x00\\x1bb\u00e9"


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("today", "2026-11-30"),
        ("yesterday", "2026-11-29"),
        ("Yesterday ", "2026-11-29"),
        ("02:12", "2026-11-30 02:12"),
        ("02:12:30", "2026-11-30T02:12:30"),
        ("1h", "2026-11-30 11:00"),
        ("2d", "2026-11-28 12:00"),
        ("now", "2026-11-30 12:00"),
        ("2026-11-30t02:12z", "2026-11-30T02:12Z"),
    ],
)
def test_every_form_of_a_time_is_taken_whole(text, full):
    noon = _logview.moment_of("x", "2026-11-30 12:00")
    assert _logview.moment_of("x", text, noon) == _logview.moment_of("x", full)


@pytest.mark.parametrize("brackets", [True, False])
def test_the_deliveries_of_a_message_are_selected_by_its_message_id(brackets):
    known = next(row.message_id for row in chosen({}) if row.message_id)
    rows = chosen({"message_id": [known if brackets else known.strip("<>")]})
    assert rows and {row.message_id for row in rows} == {known}
    assert chosen({"message_id": ["nobody@has.this"]}) == []

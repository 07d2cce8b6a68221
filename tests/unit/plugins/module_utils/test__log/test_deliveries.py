# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._log import deliveries as _logview
from ansible_collections.postmaster.mta.plugins.module_utils._log import join as _maillog
from ansible_collections.postmaster.mta.plugins.module_utils._log.stamps import Clock

NOW = 1795334400  # 2026-11-22T08:00:00Z
CLOCK = Clock(NOW)


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

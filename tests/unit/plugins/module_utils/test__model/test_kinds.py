# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kinds of values: what is taken, in which form it comes out, and what is refused."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._model import kinds


@pytest.mark.parametrize(
    "text, seconds", [("30", 30), (5, 5), ("2m", 120), ("4h", 14400), ("5d", 432000), ("1w", 604800)]
)
def test_a_time(text, seconds):
    assert kinds.duration(text) == seconds


@pytest.mark.parametrize(
    "text, octets",
    [
        ("1024", 1024),
        ("25M", 26214400),
        ("25m", 26214400),
        ("1G", 1073741824),
        ("2k", 2048),
        ("900000G", 966367641600000),
    ],
)
def test_a_size(text, octets):
    assert kinds.size(text) == octets
    assert kinds.size(kinds.size(text)) == octets


@pytest.mark.parametrize("text", ["999999999w", "1000000000"])
def test_a_time_that_could_not_be_read_again_is_refused(text):
    with pytest.raises(ValueError):
        kinds.duration(text)


@pytest.mark.parametrize(
    "parse, value",
    [
        (kinds.duration, "5 d"),
        (kinds.duration, "-1"),
        (kinds.duration, "5y"),
        (kinds.size, "25MB"),
        (kinds.size, "1.5G"),
        (kinds.size, "999999999999G"),
        (kinds.text, "a\nb"),
        (kinds.text, " a"),
        (kinds.text, "$myhostname"),
        (kinds.text, "\u00e9"),
        (kinds.path, "relative"),
        (kinds.path, "/etc/../shadow"),
        (kinds.path, "/a b"),
        (kinds.ciphers, "HIGH`id`"),
        (kinds.listener, "everywhere"),
        (kinds.any_network, "192.0.2.1/24x"),
        (kinds.next_hop, "a b"),
        (kinds.alias_target, "|/bin/sh"),
        (kinds.alias_target, ":include:/etc/passwd"),
        (kinds.alias_name, "a b"),
    ],
)
def test_what_is_refused(parse, value):
    with pytest.raises(ValueError):
        parse(value)


@pytest.mark.parametrize(
    "parse, value, normal",
    [
        (kinds.path, "/etc/ssl/relay.pem", "/etc/ssl/relay.pem"),
        (kinds.listener, "all", "all"),
        (kinds.listener, "2001:DB8::1", "2001:db8::1"),
        (kinds.next_hop, "192.0.2.1", "192.0.2.1"),
        (kinds.alias_name, "Postmaster", "postmaster"),
        (kinds.ciphers, "HIGH:!aNULL", "HIGH:!aNULL"),
    ],
)
def test_the_normal_form(parse, value, normal):
    assert parse(value) == normal


def test_a_count_has_bounds():
    parse = kinds.count_between(1, 10)
    assert (parse("10"), parse(1)) == (10, 1)
    for value in (0, 11, True, "many"):
        with pytest.raises(ValueError):
            parse(value)

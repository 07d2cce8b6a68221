# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module capture: what is never done without a word, and where what was caught is released."""

import types

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._module import capture


def work(host=None, **params):
    """Return one run, of which the parameters and the host count."""
    return types.SimpleNamespace(params=dict({"mail": None, "max": None, "state": "started"}, **params), host=host)


@pytest.mark.parametrize(
    "given, option",
    [({}, "mail"), ({"mail": "delete"}, "max"), ({"mail": "delete", "max": 1}, "max")],
)
def test_caught_mail_is_not_lost_without_a_word(given, option):
    with pytest.raises(OptionError, match=f"{option}: .*2 messages are caught"):
        capture._insist_on_a_word(work(**given), ["a", "b"])


def test_with_the_word_or_without_mail_it_goes_on():
    capture._insist_on_a_word(work(mail="delete", max=2), ["a", "b"])
    capture._insist_on_a_word(work(mail="keep"), ["a", "b"])
    capture._insist_on_a_word(work(), [])


@pytest.fixture(name="lives")
def _lives(monkeypatch):
    """Return a function that sets the policy that the host is read with."""

    def lives(**policy):
        reader = types.SimpleNamespace(read=lambda host: {"policy": policy})
        monkeypatch.setattr(capture, "read_of", lambda mta: reader)

    return lives


@pytest.mark.parametrize(
    "identity, networks, place",
    [
        ({}, [], ("127.0.0.1", 25)),
        ({"listen": ["loopback"], "port": 2525}, [], ("127.0.0.1", 2525)),
        ({"listen": ["192.0.2.1", "10.0.0.5"]}, ["10.0.0.0/24"], ("10.0.0.5", 25)),
    ],
)
def test_mail_is_released_where_the_relay_trusts_its_own_host(host, lives, identity, networks, place):
    lives(identity=identity, relay={"networks": networks})
    assert tuple(capture.release_hop(host)) == place


def test_a_relay_that_trusts_none_of_its_addresses_takes_nothing_back(host, lives):
    lives(identity={"listen": ["192.0.2.1"]}, relay={"networks": ["10.0.0.0/24"]})
    with pytest.raises(OptionError, match="listens on 192.0.2.1"):
        capture.release_hop(host)


def test_what_ends_a_capture_cannot_be_watched(host):
    with pytest.raises(OptionError, match="confirm: 10m"):
        capture._author({"confirm": "10m", "state": "stopped"}, host)

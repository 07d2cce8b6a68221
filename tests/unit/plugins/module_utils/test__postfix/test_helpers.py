# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of _postfix/helpers.py: the helpers that main.cf and master.cf name."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._postfix import helpers, master_cf

MASTER = b"smtp inet n - n - - smtpd\nqmgr unix n - n 300 1 qmgr\n"


def read(master=MASTER, **values):
    services = master_cf.parse(master).services
    return helpers.helpers(dict({"queue_directory": "/var/spool/postfix"}, **values), services)


@pytest.mark.parametrize("place, path, host, port", [
    ("inet:127.0.0.1:8891", "", "127.0.0.1", 8891), ("inet:[::1]:8891", "", "::1", 8891), ("inet:localhost:smtp", "", "localhost", 25),
    ("unix:/run/clamav/milter", "/run/clamav/milter", "", 0), ("local:opendkim/sock", "/var/spool/postfix/opendkim/sock", "", 0),
])  # fmt: skip
def test_where_a_milter_listens(place, path, host, port):
    (milter,) = read(smtpd_milters=place)
    assert (milter.kind, milter.path, milter.host, milter.port) == ("milter", path, host, port)


@pytest.mark.parametrize("place", ["", "inet:127.0.0.1:nosuch", "tcp:127.0.0.1:25", "static"])
def test_what_is_no_place_is_none(place):
    assert read(smtpd_milters=place) == ()


def test_a_socket_in_the_jail_of_smtpd():
    jailed = MASTER.replace(b"n - n - - smtpd", b"n - y - - smtpd")
    (milter,) = read(jailed, smtpd_milters="unix:/run/milter")
    assert milter.path == "/var/spool/postfix/run/milter"


@pytest.mark.parametrize("values, refuses, words", [
    ({}, True, "451"), ({"milter_default_action": "accept"}, False, "passes"), ({"milter_default_action": "reject"}, True, "5xx"),
    ({"smtpd_milters": "{ inet:h:1, default_action=accept, connect_timeout=3s }"}, False, "passes"),
    ({"smtpd_milters": "{inet:h:1,default_action=quarantine}", "milter_default_action": "accept"}, True, "hold"),
])  # fmt: skip
def test_what_its_silence_does(values, refuses, words):
    (milter,) = read(**dict({"smtpd_milters": "inet:h:1"}, **values))
    assert milter.refuses is refuses
    assert words in milter.consequence


def test_the_service_has_the_last_word():
    master = b"smtp inet n - n - - smtpd -o smtpd_milters=\n"
    assert read(master, smtpd_milters="inet:h:1") == ()
    master = b"smtp inet n - n - - smtpd -o smtpd_milters=inet:h:2\n"
    assert [milter.port for milter in read(master, smtpd_milters="inet:h:1")] == [2]


def test_policy_services():
    found = read(
        smtpd_recipient_restrictions="permit_mynetworks check_policy_service inet:127.0.0.1:10023, check_policy_service "
        "{ unix:private/spf, default_action = DUNNO }, reject",
    )
    assert [(service.kind, service.port, service.path, service.refuses) for service in found] == [
        ("policy service", 10023, "", True),
        ("policy service", 0, "/var/spool/postfix/private/spf", False),
    ]
    assert "451 4.3.5" in found[0].consequence


@pytest.mark.parametrize("setting, port", [
    ("smtp:[127.0.0.1]:10024", 10024), ("smtp-amavis:[::1]:10024", 10024), ("lmtp:[mx]:24", 24),
    ("smtp:filter.test", None), ("pipe:dummy", None), ("", None),
])  # fmt: skip
def test_a_content_filter(setting, port):
    assert [each.port for each in read(content_filter=setting)] == ([port] if port else [])


def test_a_configuration_without_a_server():
    assert read(b"", smtpd_milters="inet:h:1")[0].port == 1

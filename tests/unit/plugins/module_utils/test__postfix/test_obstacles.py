# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings that ordinary mail does not pass; as findings they are in test_judgement.py."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._postfix import obstacles
from ansible_collections.postmaster.mta.plugins.module_utils._postfix.admission import Admission, Session
from ansible_collections.postmaster.mta.plugins.module_utils._postfix.static_tables import Tables

OUTSIDE = Session(
    "203.0.113.9", "mail.stranger.example", "mail.stranger.example", "a@stranger.example", "b@served.test"
)


def admission(**values):
    return Admission(dict({"relay_domains": "served.test"}, **values), Tables(lambda path: None))


@pytest.mark.parametrize(
    "name, value, is_tight",
    [
        ("hopcount_limit", "4", True),
        ("hopcount_limit", "5", False),
        ("message_size_limit", "0", False),
        ("smtpd_timeout", "4s", True),
        ("smtpd_timeout", "5m", False),
        ("minimal_backoff_time", "2d", True),
        ("queue_minfree", "1001", True),
        ("queue_minfree", "1000", False),
        ("queue_minfree", "$nobody", False),
        ("maximal_queue_lifetime", "0d", True),
        ("maximal_queue_lifetime", "1h", False),
    ],
)
def test_a_limit_is_tight_on_one_side(name, value, is_tight):
    assert bool(list(obstacles.tight(admission(**{name: value}), (name,), 1000))) is is_tight


def test_of_an_unknown_file_system_nothing_is_said():
    assert list(obstacles.tight(admission(queue_minfree="10000000000000"), ("queue_minfree",), 0)) == []


@pytest.mark.parametrize("port, severity", [(25, "error"), (587, "warning")])
def test_tls_without_a_certificate_is_worst_where_everybody_comes(port, severity):
    seen = obstacles.demanded(admission(smtpd_tls_security_level="encrypt"), port, OUTSIDE)
    assert [(each.code, each.severity) for each in seen] == [("refuses_everybody", severity)]


def test_on_a_port_for_logins_encryption_and_certificates_are_usual():
    given = admission(smtpd_tls_security_level="encrypt", smtpd_tls_cert_file="/c", smtpd_tls_req_ccert="yes")
    assert list(obstacles.demanded(given, 587, OUTSIDE)) == []


@pytest.mark.parametrize(
    "values, name",
    [
        ({"smtpd_sender_restrictions": "reject_unverified_sender"}, "verify"),
        ({"transport_maps": "proxy:hash:/t"}, "proxymap"),
        ({"smtpd_tls_security_level": "may"}, "tlsmgr"),
        ({"maillog_file": "/var/log/maillog"}, "postlog"),
    ],
)
def test_some_services_are_needed_by_what_a_configuration_uses(values, name):
    plain, used = ([need.name for need in obstacles.needs(each, [each])] for each in (admission(), admission(**values)))
    assert set(used) - set(plain) == {name}

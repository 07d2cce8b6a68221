# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._postfix import main_cf, values
from ansible_collections.postmaster.mta.plugins.module_utils._postfix.parameters import defaults
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix.postfix_host import (
    VERSIONS,
    recorded,
    scripted,
)


@pytest.fixture(name="builtin", params=VERSIONS)
def _builtin(request):
    return defaults(scripted(request.param))


def test_every_default_is_right_for_its_own_parameter(builtin):
    found = {name: values.wrong(name, value, builtin, builtin) for name, value in builtin.items()}
    assert {name: why for name, why in found.items() if why} == {}


@pytest.mark.parametrize("version", VERSIONS)
def test_the_shipped_main_cf_has_nothing_wrong(version):
    builtin = defaults(scripted(version))
    own = main_cf.parse(recorded(version, "main.cf")).values
    merged = dict(builtin, **own)
    assert [name for name, value in own.items() if values.wrong(name, value, builtin, merged)] == []


@pytest.mark.parametrize(
    "name,value",
    [
        ("smtpd_helo_required", "perhaps"),
        ("smtpd_helo_required", "true"),
        ("smtpd_helo_required", "yes # really"),
        ("message_size_limit", "notanumber"),
        ("message_size_limit", "25M"),
        ("message_size_limit", "99999999999999999999999"),
        ("smtp_connect_timeout", "5x"),
        ("smtpd_timeout", "${stress?{10}:{ten}}s"),
        ("smtpd_timeout", "${stress?{ten}:{10}}s"),
        ("mynetworks_style", "bogus"),
        ("smtpd_tls_security_level", "maybe"),
        ("smtp_tls_security_level", "dane, may"),
        ("smtpd_tls_protocols", ">=TLSv9"),
        ("smtpd_tls_mandatory_ciphers", "best"),
        ("smtpd_forbid_bare_newline", "rejct"),
        ("notify_classes", "resource, everything"),
        ("default_destination_concurrency_limit", "many"),
        ("smtp_destination_concurrency_limit", "many"),
        ("myorigin", "${mydomain"),
    ],
)
def test_what_postfix_finds_out_too_late_is_found(builtin, name, value):
    assert values.wrong(name, value, builtin, builtin)


@pytest.mark.parametrize(
    "name,value",
    [
        ("smtpd_helo_required", "YES"),
        ("smtpd_timeout", "${stress?{10}:{120}}s"),
        ("smtpd_timeout", "120"),
        ("smtp_tls_security_level", ""),
        ("smtpd_tls_protocols", "!SSLv2, !SSLv3 !TLSv1,!TLSv1.1"),
        ("smtpd_forbid_bare_newline", "reject"),
        ("notify_classes", "resource, software"),
        ("compatibility_level", "3.6"),
        ("default_destination_concurrency_negative_feedback", "1/concurrency"),
        ("smtpd_hard_error_limit", "${stress?{1}:{20}}"),
        ("some_amavis_destination_recipient_limit", "anything"),
    ],
)
def test_what_is_right_is_let_through(builtin, name, value):
    assert values.wrong(name, value, builtin, builtin) is None


@pytest.mark.parametrize(
    "value,why",
    [
        ("10.0.0.5/8", "host bits are set; the network is 10.0.0.0/8"),
        ("10.0.0.0/33", "not a network"),
        ("::1", "in brackets"),
        ("2001:db8::/32", "in brackets"),
        ("[2001:db8::1]/32", "host bits are set"),
        ("0.0.0.0/0", "open relay"),
        ("[::]/0", "open relay"),
        ("64.0.0.0/2", "open relay"),
        ("mail.example.com", "names in DNS"),
        ("10.1", "not a network"),
    ],
)
def test_networks_that_postfix_would_skip_or_that_trust_everybody(value, why):
    assert why in values.network_problems("mynetworks", f"127.0.0.0/8, {value}", {})[0]


def test_networks_tables_and_files_are_fine():
    value = "127.0.0.0/8 [::1]/128 !10.0.0.1 10.0.0.0/8 /etc/postfix/nets cidr:/etc/postfix/more [2001:db8::]/32"
    assert values.network_problems("mynetworks", value, {}) == []

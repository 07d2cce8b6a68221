# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import hashlib
import ssl
import subprocess
import time

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._smtp.certificate import (
    MalformedCertificate,
    parse_certificate,
    read_certificate,
)
from ansible_collections.postmaster.mta.tests.unit.smtp_peer import self_signed


@pytest.fixture(name="der", scope="module")
def fixture_der(tmp_path_factory):
    path, dummy = self_signed(tmp_path_factory.mktemp("certificate"))
    with open(path) as file:
        return ssl.PEM_cert_to_DER_cert(file.read())


def openssl(der, *options):
    """Ask openssl for the same fact."""
    argv = ["openssl", "x509", "-inform", "DER", "-noout"] + list(options)
    return subprocess.run(argv, input=der, stdout=subprocess.PIPE, check=True).stdout.decode().strip().partition("=")[2]


def test_the_facts_are_those_that_openssl_tells(der):
    facts = parse_certificate(der)
    assert (facts.subject, facts.issuer, facts.self_signed) == ("relay.test", "relay.test", True)
    assert facts.names == ("relay.test", "alias.relay.test", "192.0.2.7")
    assert facts.sha256 == hashlib.sha256(der).hexdigest()
    assert int(facts.serial, 16) == int(openssl(der, "-serial"), 16)
    for fact, option in ((facts.not_before, "-startdate"), (facts.not_after, "-enddate")):
        expected = ssl.cert_time_to_seconds(openssl(der, option))
        assert time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(expected)) == fact


def test_every_truncation_is_refused(der):
    for length in range(len(der)):
        with pytest.raises(MalformedCertificate):
            parse_certificate(der[:length])


def test_nothing_readable_is_none():
    assert read_certificate(None) is None
    assert read_certificate(b"") is None
    assert read_certificate(b"not a certificate") is None

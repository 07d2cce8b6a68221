# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import hashlib
import ssl
import subprocess
import time

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._diagnosis.certificate import (
    Certificate,
    MalformedCertificate,
    judge_certificate,
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


class TestCertificates:
    NOW = 1_700_000_000

    def judge(self, name="mx.test", **changes):
        facts = {"subject": "mx.test", "issuer": "ca", "names": ("mx.test", "*.b.test"), "not_before": "2020-01-01T00:00:00Z",
                 "not_after": "2030-01-01T00:00:00Z", "serial": "1", "sha256": "", "self_signed": False}  # fmt: skip
        facts.update(changes)
        return [finding.code for finding in judge_certificate(Certificate(**facts), name, "x", self.NOW)]

    def test_a_good_one(self):
        assert self.judge() == []
        assert self.judge("a.b.test") == []
        assert self.judge("10.0.0.1") == []

    @pytest.mark.parametrize("changes, code", [
        ({"not_after": "2021-01-01T00:00:00Z"}, "certificate_expired"), ({"not_after": "2023-11-20T00:00:00Z"}, "certificate_ends_soon"),
        ({"not_before": "2029-01-01T00:00:00Z"}, "certificate_not_yet"), ({"name": "other.test"}, "certificate_name"),
        ({"name": "x.a.b.test"}, "certificate_name"),
    ])  # fmt: skip
    def test_bad_ones(self, changes, code):
        assert self.judge(**changes) == [code]

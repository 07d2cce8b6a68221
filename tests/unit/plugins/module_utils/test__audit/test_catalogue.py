# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._audit import catalogue as _probes
from ansible_collections.postmaster.mta.plugins.module_utils._audit.catalogue import Names

NAMES = Names(
    relay="relay.test",
    address="192.0.2.10",
    served="served.test",
    third_party="third.test",
    third_party_address="198.51.100.7",
    client="client.test",
    mx_loop="mxloop.test",
    recipient="postmaster@served.test",
)


def test_the_catalogue_is_complete():
    assert [probe.number for probe in _probes.ADDRESS_PROBES] == [f"O{n:02d}" for n in range(1, 65)]
    assert [probe.number for probe in _probes.SESSION_PROBES] == [f"T{n:02d}" for n in range(1, 17)]
    assert [probe.number for probe in _probes.SEQUENCES] == [f"E{n:02d}" for n in range(1, 13)]


def test_no_probe_says_the_same_as_another():
    assert len({(probe.mail, probe.rcpt) for probe in _probes.ADDRESS_PROBES}) == 64
    assert len({probe.trick for probe in _probes.ADDRESS_PROBES}) == 64
    assert len({probe.lines for probe in _probes.SESSION_PROBES}) == 16
    assert len({sequence.wire for sequence in _probes.SEQUENCES}) == 12


def test_numbers_are_unique_over_all_groups():
    rows = _probes.ADDRESS_PROBES + _probes.SESSION_PROBES + _probes.SEQUENCES + _probes.CONTROLS + _probes.CHECKS
    rows += _probes.TLS_PROBES + tuple(_probes.cross_probes()) + tuple(_probes.line_end_sequences())
    numbers = [row.number for row in rows]
    assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize("probe", _probes.ADDRESS_PROBES, ids=lambda probe: probe.number)
def test_every_address_can_be_filled_and_stays_one_line(probe):
    for text in (probe.mail, probe.rcpt):
        filled = NAMES.fill(text)
        assert "{" not in filled and "\r" not in filled and "\n" not in filled


@pytest.mark.parametrize(
    "text, filled",
    [
        ("<probe@[{I}]>", "<probe@[192.0.2.10]>"),
        ("<victim%{T}@{R}>", "<victim%third.test@relay.test>"),
        ("<Victim@{TU}>", "<Victim@THIRD.TEST>"),
        ("<victim@{TF}>", "<victim@third\u3002test>"),
        (
            "<victim@[{TI}]> {C} {D} {M} {S}",
            "<victim@[198.51.100.7]> client.test served.test mxloop.test postmaster@served.test",
        ),
    ],
)
def test_fill(text, filled):
    assert NAMES.fill(text) == filled


def test_an_ipv6_literal_has_its_tag():
    assert NAMES._replace(address="2001:db8::1").fill("[{I}]") == "[IPv6:2001:db8::1]"


def test_the_last_line_of_every_relaying_session_names_the_third_party():
    relaying = [probe for probe in _probes.SESSION_PROBES if probe.lines[-1].startswith("RCPT")]
    assert len(relaying) == 11
    assert all("{T}" in probe.lines[-1] for probe in relaying)


def test_the_cross_product():
    probes = _probes.cross_probes()
    assert len({(probe.mail, probe.rcpt) for probe in probes}) == len(probes) == 7 * 55


def test_line_ends_leave_the_genuine_end_of_data_out():
    sequences = _probes.line_end_sequences()
    assert len(sequences) == 64 - 3 * 2
    assert not [sequence for sequence in sequences if b"\r\n.\r\n" in sequence.wire]


def test_the_default_groups_deliver_nothing():
    assert not set(_probes.DEFAULT_GROUPS) & {_probes.SMUGGLING, _probes.LINE_ENDS}

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of _sendmail/served.py: the domains that a configuration takes mail for."""

from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import served


def test_classes_and_the_access_map(tmp_path):
    cf = f"Cwlocalhost own.test\nCRlisted.test\nFw{tmp_path}/local-host-names\nFR-o {tmp_path}/relay-domains\nCPREDIRECT.x.y\n"
    (tmp_path / "sendmail.cf").write_text(cf)
    (tmp_path / "local-host-names").write_text("# names\nMine.test\n\n")
    (tmp_path / "relay-domains").write_text("10.25.0\nours.test\n[192.0.2.1]\n")
    (tmp_path / "access").write_text(
        "To:served.test\tRELAY\nold.test RELAY\nConnect:10.1 RELAY\nFrom:x.test RELAY\nTo:no.test REJECT\n10.2\tRELAY\n"
    )
    expected = {"own.test", "listed.test", "mine.test", "ours.test", "served.test", "old.test"}
    assert served.domains(str(tmp_path), ["access", "none"]) == expected


def test_a_configuration_without_files(tmp_path):
    assert served.domains(str(tmp_path), []) == frozenset()

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Debian's own scripts must leave alone."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._sendmail.debian import with_shell_values, without_cf_rule
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail import sendmail_host as given

pytestmark = pytest.mark.usefixtures("debian")


@pytest.mark.parametrize("version", given.VERSIONS)
def test_debians_make_leaves_the_configuration_alone(version):
    stock = given.text(version, "stock", "Makefile").encode()
    edited = without_cf_rule(stock)
    assert b"/etc/mail/sendmail.cf : # postmaster.mta sees to it\n\t@echo" in edited
    assert b"/etc/mail/databases : #" in edited and b"\n\t/etc/mail/databases \\" not in edited
    assert b"/etc/mail/access.db : /etc/mail/access\n" in edited
    assert without_cf_rule(edited) == edited


def test_shell_values_are_replaced_and_nothing_else():
    content = b'# HANDS_OFF="No"\nHANDS_OFF="No"; # x\nA=1'
    assert with_shell_values(content, {"HANDS_OFF": "Yes"}) == b'# HANDS_OFF="No"\nHANDS_OFF="Yes"; # x\nA=1'
    assert with_shell_values(b"A=1\n", {"B": "2"}) == b'A=1\nB="2"\n'
    assert with_shell_values(b"A=1", {"B": "2"}) == b'A=1\nB="2"\n'

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The frame of a sendmail.mc: what every one has, and what an additional instance must not share."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import frame
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail import sendmail_host as given
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail.sendmail_host import rendered
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail.sendmail_rendering import (
    HOST,
    additional,
    mc_of,
)

pytestmark = pytest.mark.usefixtures("debian")


def test_an_additional_instance_shares_nothing_that_it_writes_to():
    text = mc_of(additional({"identity": {"listen": ["192.0.2.1"]}}))
    assert text.index("MAIL_SETTINGS_DIR', `/etc/sendmail-ext/'") < text.index("include(")
    for name, value in (
        ("QUEUE_DIR", "/var/spool/ext"),
        ("confPID_FILE", "/run/sendmail-ext/sendmail.pid"),
        ("STATUS_FILE", "/var/lib/sendmail/sendmail-ext.st"),
        ("ALIAS_FILE", "/etc/mail/aliases"),
    ):
        assert f"define(`{name}', `{value}')dnl" in text
    assert "undefine(`confCONTROL_SOCKET_NAME')dnl" in text
    assert "-o /etc/sendmail-ext/access'" in text and "/etc/mail/access" not in text


def test_an_adopted_instance_keeps_its_pid_file_unless_it_is_the_primary_ones():
    mine = {"sendmail.cf": b"O PidFile=/run/hand.pid\n"}
    theirs = {"sendmail.cf": b"O PidFile=/var/run/sendmail/mta/sendmail.pid\n"}
    assert "confPID_FILE', `/run/hand.pid'" in mc_of(additional(HOST, mine))
    assert "confPID_FILE', `/run/sendmail-ext/sendmail.pid'" in mc_of(additional(HOST, theirs))


def test_a_class_file_has_one_word_a_line():
    assert frame.word_list("a.test", "b.test").content == b"a.test\nb.test\n"
    assert frame.word_list().content == b""


@pytest.mark.parametrize(
    "version, feature", [((8, 15, 2), "blacklist_recipients"), ((8, 17, 1), "blocklist_recipients")]
)
def test_the_feature_that_was_renamed_has_the_name_of_the_version(version, feature):
    made = rendered(HOST, capabilities=given.CAPABILITIES._replace(version=version))
    assert f"FEATURE(`{feature}')dnl" in mc_of(made)

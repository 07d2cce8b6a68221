# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stanzas of logrotate: one log is taken out, everything else stays byte for byte."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import SyntaxProblem
from ansible_collections.postmaster.mta.plugins.module_utils._model import logrotate

DEBIAN = """\
/var/log/syslog
/var/log/mail.log
/var/log/auth.log
{
	rotate 4
	weekly
	postrotate
		/usr/lib/rsyslog/rsyslog-rotate
	endscript
}
"""
SUSE = """\
# the logs of syslog
/var/log/warn /var/log/messages /var/log/mail /var/log/mail.err {
    compress
    postrotate
        if [ -d /run ]; then { /usr/bin/systemctl reload rsyslog.service; } fi
    endscript
}
/var/log/other {
    weekly
}
"""


def test_a_line_of_its_own_goes_whole():
    taken = logrotate.take_out("f", DEBIAN, "/var/log/mail.log")
    assert taken.text == DEBIAN.replace("/var/log/mail.log\n", "")
    assert taken.script == ("/usr/lib/rsyslog/rsyslog-rotate",) and not taken.alone


def test_a_name_among_others_goes_alone():
    taken = logrotate.take_out("f", SUSE, "/var/log/mail")
    assert taken.text == SUSE.replace("/var/log/mail ", "")
    assert "reload rsyslog" in taken.script[0]


def test_a_stanza_for_the_log_alone_goes_with_it():
    taken = logrotate.take_out("f", SUSE, "/var/log/other")
    assert taken.alone and "/var/log/other" not in taken.text and taken.text.startswith("# the logs of syslog")


def test_a_file_that_does_not_name_it_is_left_alone():
    assert logrotate.take_out("f", DEBIAN, "/var/log/mail") is None
    assert (
        logrotate.take_out(
            "f", "weekly\nrotate 4\n# /var/log/mail.log\ninclude /etc/logrotate.d\n", "/var/log/mail.log"
        )
        is None
    )


def test_directives_before_a_stanza_are_no_names():
    text = "weekly\ninclude /etc/logrotate.d\n/var/log/mail.log {\n}\n"
    taken = logrotate.take_out("f", text, "/var/log/mail.log")
    assert taken.alone and taken.text == "weekly\ninclude /etc/logrotate.d\n"


@pytest.mark.parametrize("text", ["/var/log/*.log {\n}\n", '"/var/log/mail*" {\n}\n'])
def test_a_pattern_that_covers_it_is_refused_by_name(text):
    with pytest.raises(SyntaxProblem, match=r"f:1: .*this pattern covers /var/log/mail.log"):
        logrotate.take_out("f", text, "/var/log/mail.log")


def test_a_stanza_without_an_end_is_refused():
    with pytest.raises(SyntaxProblem, match="does not end"):
        logrotate.take_out("f", "/var/log/mail.log {\n weekly\n", "/var/log/mail.log")


def test_our_stanza_is_read_as_one():
    archive = logrotate.Archive(92, True, ("root", "adm"))
    text = logrotate.stanza(["/var/log/mail.log"], archive, ["reopen"], "# mark")
    taken = logrotate.take_out("f", text, "/var/log/mail.log")
    assert taken.alone and taken.script == ("reopen",)
    assert "\trotate 92\n" in text and "\tcreate 0640 root adm\n" in text

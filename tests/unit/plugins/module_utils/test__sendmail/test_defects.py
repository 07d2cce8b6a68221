# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with a host before anything is changed."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._sendmail.defects import broken
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail import sendmail_host as given


@pytest.mark.parametrize(
    "name, content, words",
    [
        ("access", "# a\nFrom:a.test\n", "access:2: From:a.test has no value"),
        ("access", "a.test OK\nA.test REJECT\n", "access:2: A.test stands in line 1 already"),
        ("mailertable", "a.test mx.a.test\n", "mailertable:1: mx.a.test is not mailer:host"),
        ("mailertable", "a.test\n", "mailertable:1: a.test has no value"),
        ("aliases", "root: a,\n  b\nnocolon\n", "aliases:3: nocolon has no colon"),
        ("Makefile", "\n", "Makefile: empty"),
    ],
)
def test_a_broken_host_is_told_with_file_and_line(tmp_path, name, content, words):
    tmp_path.chmod(0o755)
    path = tmp_path / name
    path.write_text(content)
    path.chmod(0o644)
    findings = broken(given.make_host(directory=tmp_path))
    assert len(findings) == 1 and findings[0].startswith(str(tmp_path)) and words in findings[0]


def test_what_others_may_write_to_and_what_is_no_file_is_told(tmp_path):
    tmp_path.chmod(0o755)
    (tmp_path / "access").mkdir(mode=0o755)
    (tmp_path / "aliases").symlink_to(tmp_path / "nowhere")
    assert [finding.partition(": ")[2] for finding in broken(given.make_host(directory=tmp_path))] == [
        "not a file",
        "a symbolic link to nowhere",
    ]
    tmp_path.chmod(0o777)
    assert "mode 0777" in broken(given.make_host(directory=tmp_path))[0]


def test_a_whole_host_is_not_broken(tmp_path):
    tmp_path.chmod(0o755)
    for name, content in (
        ("access", "# a\nFrom:a.test OK\n"),
        ("mailertable", "a.test esmtp:b\n.b.test error:no\n"),
        ("aliases", "a: b\n"),
    ):
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(0o644)
    assert broken(given.make_host(directory=tmp_path)) == ()

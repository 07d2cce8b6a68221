# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one door: what a program gets, what comes back, and that none outstays its time."""

import os

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import CommandError
from ansible_collections.postmaster.mta.plugins.module_utils._runner import NOT_FOUND, TIMED_OUT, Runner
from ansible_collections.postmaster.mta.tests.unit.patience import ends_within


def test_input_output_and_status():
    result = Runner().run(["sh", "-c", "cat; echo oops >&2; exit 3"], stdin="given", check=False)
    assert result.rc == 3 and result.out == "given" and result.err == "oops\n"


def test_no_shell_looks_at_the_arguments():
    assert Runner().run(["echo", "$HOME;id"]).out == "$HOME;id\n"


def test_the_environment_is_ours(monkeypatch):
    monkeypatch.setenv("myhostname", "evil.example")
    out = Runner().run(["env"], env={"MAIL_CONFIG": "/etc/postfix"}).out
    assert "LC_ALL=C\n" in out and "MAIL_CONFIG=/etc/postfix\n" in out and "evil" not in out


def test_bytes_that_are_no_text_survive():
    assert Runner().run(["printf", r"\377"]).out.encode("utf-8", "surrogateescape") == b"\xff"


def test_a_failure_carries_the_command_and_what_it_said():
    with pytest.raises(CommandError) as caught:
        Runner().run(["sh", "-c", "echo broken >&2; exit 1"])
    assert caught.value.rc == 1 and "broken" in str(caught.value)


def test_a_missing_program_is_an_error_of_ours():
    with pytest.raises(CommandError) as caught:
        Runner().run(["/nonexistent/program"])
    assert caught.value.rc == NOT_FOUND


def _runs(pid):
    """Return whether a process does something; who is dead may stay in the table until somebody waits for him."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


def test_what_hangs_is_ended_with_its_children(tmp_path):
    marker = tmp_path / "alive"
    child = tmp_path / "child"
    script = f"(echo $BASHPID > {child}; sleep 100; touch {marker}) & sleep 100"
    with ends_within(2):
        result = Runner().run(["bash", "-c", script], timeout=2, check=False)
    assert result.rc == TIMED_OUT and not marker.exists()
    assert not _runs(child.read_text().strip())


def test_lines_stream_and_failures_raise():
    assert list(Runner().lines(["printf", "a\\nb\\n"])) == [b"a\n", b"b\n"]
    with pytest.raises(CommandError):
        list(Runner().lines(["false"]))
    stream = Runner().lines(["yes"])
    assert next(stream) == b"y\n"
    stream.close()


def test_which_looks_in_the_system_directories_only(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert os.path.basename(Runner().which("sh") or "") == "sh"
    assert Runner().which("no-such-program") is None

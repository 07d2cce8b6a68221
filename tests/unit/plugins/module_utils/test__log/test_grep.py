# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import CommandError
from ansible_collections.postmaster.mta.plugins.module_utils._log import grep
from ansible_collections.postmaster.mta.plugins.module_utils._runner import Runner


def test_lines_are_found_with_their_offsets_whatever_bytes_they_have(tmp_path):
    path = tmp_path / "-log"
    path.write_bytes(b"one\nTw\x00o \xff\nthree\ntwo")
    assert grep.lines_with(Runner(), str(path), [b"two", b"\xff"], "-i") == {4: b"Tw\x00o \xff\n"}
    assert grep.lines_with(Runner(), str(path), [b"-e"]) == {}
    assert grep.lines_with(Runner(), str(path), []) == {}


def test_many_texts_are_found_as_few_are(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"".join(b"]: %06d: x\n" % number for number in range(3000)))
    texts = [b"]: %06d" % number for number in range(1000, 2000)]
    offsets = list(grep.lines_with(Runner(), str(path), texts))
    assert offsets == [number * len(b"]: 000000: x\n") for number in range(1000, 2000)]


def test_a_host_without_grep_says_so(tmp_path, monkeypatch):
    path = tmp_path / "log"
    path.write_bytes(b"x\n")
    monkeypatch.setattr(grep, "_COMMAND", ("false-grep-of-nobody",))
    with pytest.raises(CommandError):
        grep.lines_with(Runner(), str(path), [b"x"])


@pytest.mark.parametrize(("text", "lines"), [(b"", 0), (b"a\n", 1), (b"a\nb", 1), (b"\n\n", 2)])
def test_lines_are_counted_and_what_follows_the_last_one_is_none(tmp_path, text, lines):
    path = tmp_path / "log"
    path.write_bytes(text)
    assert grep.count(Runner(), str(path)) == lines
    assert grep.is_unfinished(str(path)) == (text[-1:] not in (b"", b"\n"))


def test_a_search_beside_others_gives_its_value_or_its_problem():
    def fail():
        raise CommandError(["grep"], 2, "", "")

    assert grep.Later(lambda: 7).value() == 7
    with pytest.raises(CommandError):
        grep.Later(fail).value()

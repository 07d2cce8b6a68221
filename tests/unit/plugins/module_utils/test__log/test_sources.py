# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import bz2
import gzip
import lzma
import os
import random
import shutil

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import CommandError, OptionError, PostmasterError
from ansible_collections.postmaster.mta.plugins.module_utils._log import sources as _logfiles
from ansible_collections.postmaster.mta.plugins.module_utils._runner import Result, Runner

LINES = [b"line %06d of a log that is long enough\n" % number for number in range(9000)]
CONTENT = b"".join(LINES)


def read(path, **options):
    reading = _logfiles.Reading()
    found = [line for _clock, block in _logfiles.blocks_of(Runner(), str(path), reading, **options) for line in block]
    return found, reading


def since(path, last):
    reading = _logfiles.Reading()
    found = [line for _clock, block in _logfiles.blocks_since(Runner(), str(path), last, reading) for line in block]
    return b"".join(found), reading


def test_lines_are_whole_across_blocks(tmp_path):
    (tmp_path / "log").write_bytes(CONTENT)
    found, reading = read(tmp_path / "log")
    assert found == LINES
    assert reading.bytes == len(CONTENT)


@pytest.mark.parametrize("name, compress", [("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)])
def test_compressed_files_are_known_by_their_content(tmp_path, name, compress):
    (tmp_path / "log").write_bytes(compress(CONTENT))
    assert read(tmp_path / "log")[0] == LINES


@pytest.mark.skipif(not shutil.which("zstd"), reason="no zstd here")
def test_zstandard_is_read_by_the_program(tmp_path):
    (tmp_path / "log").write_bytes(CONTENT)
    Runner().run(["zstd", "-q", str(tmp_path / "log"), "-o", str(tmp_path / "log.zst")])
    assert read(tmp_path / "log.zst")[0] == LINES


def test_a_compressed_file_that_ends_in_the_middle_is_used_as_far_as_it_goes(tmp_path):
    some = random.Random(1)
    lines = [b"%032x\n" % some.getrandbits(128) for _number in range(40000)]
    whole = gzip.compress(b"".join(lines))
    (tmp_path / "log.gz").write_bytes(whole[: len(whole) // 2])
    found, reading = read(tmp_path / "log.gz")
    assert 1000 < len(found) < 40000
    assert found[:-1] == lines[: len(found) - 1]
    assert "ends in the middle" in reading.notes[0]


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_last_line_without_a_line_feed_is_none_yet(tmp_path, pack):
    (tmp_path / "log").write_bytes(pack(b"one\ntwo"))
    found, reading = read(tmp_path / "log")
    assert (found, reading.unfinished) == ([b"one\n"], 1)


def test_a_hole_in_a_file_is_one_line_that_is_skipped(tmp_path):
    (tmp_path / "log").write_bytes(LINES[0] + b"\0" * 5000000 + b"\n" + LINES[1])
    found, reading = read(tmp_path / "log")
    assert found == [LINES[0], LINES[1]]
    assert reading.overlong == 1
    assert reading.bytes == len(LINES[0]) + len(LINES[1]) + 5000001


@pytest.mark.parametrize("count", [1, 5, 8000, 8999, 9000, 20000])
@pytest.mark.parametrize("end", [b"", b"rest"])
def test_the_last_lines(tmp_path, count, end):
    (tmp_path / "log").write_bytes(CONTENT + end)
    assert read(tmp_path / "log", lines=count)[0] == LINES[-count:]


# --- since the last time --------------------------------------------------------------------------------------------


def test_reading_goes_on_where_it_ended(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(CONTENT[:100000])
    first, reading = since(path, None)
    assert first == CONTENT[: CONTENT.rindex(b"\n", 0, 100000) + 1]  # the rest of a line is still being written
    path.write_bytes(CONTENT)
    second, again = since(path, reading.positions[str(path)])
    assert first + second == CONTENT
    assert since(path, again.positions[str(path)])[0] == b""


@pytest.mark.parametrize("rotated", ["log.1", "log-20261122", "log.1.gz", "log-20261122.xz"])
def test_reading_goes_on_across_rotation(tmp_path, rotated):
    path = tmp_path / "log"
    path.write_bytes(CONTENT[:200000])
    first, reading = since(path, None)
    compress = {"gz": gzip.compress, "xz": lzma.compress}.get(rotated.rpartition(".")[2], bytes)
    (tmp_path / rotated).write_bytes(compress(CONTENT))
    path.write_bytes(b"a new file begins with something else, long enough to tell it from the old one\n")
    second, again = since(path, reading.positions[str(path)])
    assert first + second == CONTENT + path.read_bytes()
    assert again.notes == []


def test_reading_goes_on_across_two_rotations(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(CONTENT[:200000])
    first, reading = since(path, None)
    middle = b"the second file, which came and went between two runs, begins with something else\n"
    (tmp_path / "log.2").write_bytes(CONTENT)
    (tmp_path / "log.1").write_bytes(middle)
    os.utime(str(tmp_path / "log.2"), (1000, 1000))
    os.utime(str(tmp_path / "log.1"), (2000, 2000))
    path.write_bytes(b"the third file is the one that is written to now and begins with yet something else\n")
    assert first + since(path, reading.positions[str(path)])[0] == CONTENT + middle + path.read_bytes()


@pytest.mark.parametrize("compressed", [False, True])
def test_a_file_that_was_empty_and_is_rotated_is_not_lost(tmp_path, compressed):
    path = tmp_path / "log"
    path.write_bytes(CONTENT[:200000])
    first, reading = since(path, None)
    path.rename(tmp_path / "log.1")
    (tmp_path / "log.1").write_bytes(CONTENT)
    os.utime(str(tmp_path / "log.1"), (1000, 1000))
    path.write_bytes(b"")
    second, again = since(path, reading.positions[str(path)])
    assert first + second == CONTENT
    # The report of midnight comes just after the rotation of midnight, and finds nothing.
    nothing, again = since(path, again.positions[str(path)])
    (tmp_path / "log.1").rename(tmp_path / "log.2")
    middle = b"what was written on the day between, to a file that was empty when it was read\n"
    if compressed:
        (tmp_path / "log.1.gz").write_bytes(gzip.compress(middle))
        os.utime(str(tmp_path / "log.1.gz"), (2000, 2000))
    else:
        path.write_bytes(middle)
        path.rename(tmp_path / "log.1")
        os.utime(str(tmp_path / "log.1"), (2000, 2000))
    path.write_bytes(b"the third file\n")
    third, last = since(path, again.positions[str(path)])
    assert (nothing, third, last.notes) == (b"", middle + b"the third file\n", [])


def test_a_first_reading_of_an_empty_file_goes_on_in_it(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"")
    _nothing, reading = since(path, None)
    path.write_bytes(b"one\n")
    path.rename(tmp_path / "log.1")
    path.write_bytes(b"two\n")
    assert since(path, reading.positions[str(path)])[0] == b"one\ntwo\n"


def test_reading_goes_on_after_copytruncate(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(CONTENT[:200000])
    first, reading = since(path, None)
    shutil.copy(str(path), str(tmp_path / "log.1"))
    with open(str(path), "r+b") as stream:
        stream.truncate()
        stream.write(b"the same file, emptied after it had been copied, and written to again since then\n")
    second, _again = since(path, reading.positions[str(path)])
    # The line that was being written when the file was copied has lost its rest.
    assert first + second == CONTENT[: CONTENT.rindex(b"\n", 0, 200000) + 1] + path.read_bytes()


def test_lines_that_are_gone_are_said_to_be_gone(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(CONTENT)
    _first, reading = since(path, None)
    path.write_bytes(b"another file\n")
    second, again = since(path, reading.positions[str(path)])
    assert second == b"another file\n"
    assert "lines between are missing" in again.notes[0]


# --- where the log is -----------------------------------------------------------------------------------------------


class Host:
    """A host with some programs."""

    def __init__(self, programs, maillog_file=""):
        self.programs = programs
        self.maillog_file = maillog_file
        self.asked = []

    def which(self, name):
        return "/usr/sbin/" + name if name in self.programs else None

    def run(self, argv, check=True):
        return Result(tuple(argv), 0, self.maillog_file + "\n", "")

    def lines(self, argv, timeout=600):
        self.asked.append(list(argv))
        yield b"2026-11-22T07:39:25.366832+0000 relay1 postfix/smtpd[1]: connect from x\n"
        yield b"-- cursor: s=1;i=2\n"


def test_the_logs_of_a_host_are_found(tmp_path, monkeypatch):
    monkeypatch.setattr(
        _logfiles, "SYSLOG_FILES", (str(tmp_path / "none"), str(tmp_path / "mail"), str(tmp_path / "maillog"))
    )
    assert _logfiles.discover(Host(["journalctl"])) == ("journald",)
    assert _logfiles.discover(Host(["postconf"], "/var/log/postfix.log")) == ("/var/log/postfix.log",)
    (tmp_path / "mail").write_text("")
    (tmp_path / "maillog").write_text("")
    assert _logfiles.discover(Host(["journalctl", "postconf"])) == (str(tmp_path / "mail"),)


def test_a_host_without_a_log_is_an_error(monkeypatch):
    monkeypatch.setattr(_logfiles, "SYSLOG_FILES", ())
    with pytest.raises(OptionError, match="name the files"):
        _logfiles.discover(Host([]))


def test_a_path_with_wildcards_is_its_files_the_oldest_first(tmp_path):
    for name, when in (("log", 3), ("log.1", 2), ("log.2.gz", 1)):
        (tmp_path / name).write_text("x")
        os.utime(str(tmp_path / name), (when, when))
    assert [os.path.basename(one) for one in _logfiles.files_of([str(tmp_path / "log*")])] == [
        "log.2.gz",
        "log.1",
        "log",
    ]
    with pytest.raises(OptionError, match="no such file"):
        _logfiles.files_of([str(tmp_path / "other*")])
    with pytest.raises(OptionError, match="no such file"):
        _logfiles.files_of([str(tmp_path / "other")])


def test_the_journal_is_read_and_goes_on_at_its_cursor():
    host, reading = Host([]), _logfiles.Reading()
    found = [line for _clock, block in _logfiles.blocks_since(host, "journald", None, reading) for line in block]
    assert len(found) == 1
    again = _logfiles.Reading()
    list(_logfiles.blocks_since(host, "journald", reading.positions["journald"], again))
    assert "--after-cursor=s=1;i=2" in host.asked[1]
    assert "SYSLOG_FACILITY=2" in host.asked[0]


@pytest.mark.parametrize(
    "root, sentence", [(False, "not permitted: the journal .*become root"), (True, "exit status 1")]
)
def test_a_journal_that_may_not_be_read_is_not_permitted(root, sentence):
    class User(Host):
        def is_root(self):
            return root

        def lines(self, argv):
            raise CommandError(argv, 1, "", "")

    with pytest.raises(PostmasterError, match=sentence):
        list(_logfiles.blocks_since(User([]), "journald", None, _logfiles.Reading()))


def test_a_program_that_fails_in_the_middle_is_said():
    def lines():
        yield b"one\n"
        raise CommandError(["zstd"], 1, "", "corrupt")

    pipe = _logfiles._Pipe(lines())
    assert pipe.read(100) == b"one\n"

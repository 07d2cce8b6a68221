# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import os
import socket

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils import _proc
from ansible_collections.postmaster.mta.plugins.module_utils._postfix import master


@pytest.mark.parametrize(
    "content", ["", "x\n", f"{2**30}\n", f"   {os.getpid()}\n"], ids=["empty", "no number", "too large", "not a master"]
)
def test_a_pid_file_that_names_no_master(tmp_path, content):
    (tmp_path / "pid").mkdir()
    (tmp_path / "pid" / "master.pid").write_text(content)
    assert master.find_master(master.pid_file(str(tmp_path))) is None


def test_a_pid_file_that_is_not_there(tmp_path):
    assert master.find_master(master.pid_file(str(tmp_path))) is None


@pytest.mark.parametrize("state,pid", [("S", 7), ("Z", None)])
def test_a_master_counts_while_it_runs(tmp_path, monkeypatch, state, pid):
    texts = {"pid": "  7\n", "/proc/7/comm": "master\n", "/proc/7/stat": f"7 (master) {state} 1 7\n"}
    monkeypatch.setattr(_proc, "read_text", texts.get)
    assert master.find_master("pid") == pid


def test_it_is_up_when_a_socket_takes_a_connection(monkeypatch):
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        place = server.getsockname()[:2]
        monkeypatch.setattr(_proc, "listening", lambda pid: (place,))
        assert not master.comes_up(lambda: 7, 0.1)
        server.listen(1)
        assert master.comes_up(lambda: 7, 5)


def test_a_master_without_sockets_only_has_to_run(monkeypatch):
    monkeypatch.setattr(_proc, "listening", lambda pid: ())
    assert master.comes_up(lambda: 7, 5) and not master.comes_up(lambda: None, 0.1)

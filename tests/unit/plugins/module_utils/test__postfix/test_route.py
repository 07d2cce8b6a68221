# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of _postfix/route.py and _postfix/answers.py: the protocol of the rewrite service, tables, restrictions."""

import socket
import threading

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import PostmasterError
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Capabilities, Host, Instance
from ansible_collections.postmaster.mta.plugins.module_utils._model.route import Hop, RouteQuestion
from ansible_collections.postmaster.mta.plugins.module_utils._postfix import route
from ansible_collections.postmaster.mta.plugins.module_utils._runner import Result


class Daemon:
    """The rewrite service on a socket, as trivial-rewrite speaks it."""

    def __init__(self, path, **reply):
        self.requests = []
        self.reply = reply
        path.parent.mkdir()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(5)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            connection, dummy = self.listener.accept()
            with connection:
                connection.sendall(b"protocol\0trivial-rewrite\0\0")
                data = connection.recv(4096)
                self.requests.append(route.take_attributes(data)[0])
                said = b"".join(
                    name.encode() + b"\0" + str(value).encode() + b"\0" for name, value in self.reply.items()
                )
                half = len(said) // 2
                connection.sendall(said[:half])
                connection.sendall(said[half:] + b"\0")


class Tables:
    """A runner that is Postfix's programs: postconf -d, and postmap -q - for the tables given."""

    def __init__(self, **tables):
        self.tables = tables

    def run(self, argv, stdin=None, **dummy):
        if argv[0] == "postconf":
            defaults = (
                "mydestination = lab.test\nrecipient_delimiter = +\nparent_domain_matches_subdomains =\nalias_maps =\n"
            )
            return Result(tuple(argv), 0, defaults + "queue_directory = /nowhere\n", "")
        name = argv[-1].rpartition("/")[2]
        if name not in self.tables:
            return Result(tuple(argv), 1, "", "")
        table = self.tables[name]
        if table == "broken":
            return Result(tuple(argv), 75, "", "fatal: open database: No such file")
        found = [(key, table[key]) for key in stdin.split("\n") if key in table]
        return Result(tuple(argv), 0 if found else 1, "".join(f"{key}\t{value}\n" for key, value in found), "")


def host(tmp_path, runner, main=""):
    config = tmp_path / "etc"
    config.mkdir()
    (config / "main.cf").write_text(f"queue_directory = {tmp_path}/queue\n" + main)
    (tmp_path / "queue").mkdir()
    instance = Instance("postfix", "postfix", str(config), (str(tmp_path / "queue"),))
    return Host(runner, instance, lambda: Capabilities((3, 7), "3.7", (), "hash"))


@pytest.fixture(name="daemon")
def _daemon(tmp_path):
    def start(**reply):
        return Daemon(tmp_path / "queue" / "private" / "rewrite", **dict({"flags": 4096, "transport": "smtp"}, **reply))

    return start


def test_by_mx_where_no_table_has_an_entry(tmp_path, daemon):
    relay = host(tmp_path, Tables())
    served = daemon(nexthop="ok.test", recipient="u@ok.test")
    found = route.trace(relay, RouteQuestion("u@ok.test", "s@x.test"))
    assert (found.verdict, found.transport, found.hops) == ("remote", "smtp", (Hop("ok.test", 25, True),))
    assert found.decided_by is None
    assert "MX" in found.because
    assert served.requests == [{"request": "resolve", "sender": "s@x.test", "address": "u@ok.test"}]


def test_an_entry_of_the_transport_table_decides(tmp_path, daemon):
    table = tmp_path / "etc" / "transport"
    relay = host(
        tmp_path,
        Tables(transport={"wrong.test": "smtp:[10.25.0.99]:2525", "*": "smtp:[10.0.0.1]"}),
        f"transport_maps = hash:{table}\n",
    )
    table.write_text("# x\nok.test smtp:\nwrong.test smtp:[10.25.0.99]:2525\n")
    daemon(nexthop="[10.25.0.99]:2525", recipient="u@wrong.test")
    found = route.trace(relay, RouteQuestion("u@wrong.test"))
    assert found.decided_by.source == f"{table}:3"
    assert found.hops == (Hop("10.25.0.99", 2525, False),)
    assert "transport_maps" in found.because
    assert [entry.key for entry in found.entries] == ["wrong.test", "*"]


def test_aliases_are_followed_and_told(tmp_path, daemon):
    relay = host(
        tmp_path,
        Tables(virtual={"a@v.test": "b@w.test, c@w.test", "@w.test": "@ok.test"}),
        "virtual_alias_maps = hash:/x/virtual\n",
    )
    daemon(nexthop="ok.test", recipient="b@ok.test")
    found = route.trace(relay, RouteQuestion("a@v.test"))
    assert [(step.given, step.result) for step in found.steps[:2]] == [
        ("a@v.test", "b@w.test, c@w.test"),
        ("b@w.test", "@ok.test"),
    ]
    assert found.recipient == "b@ok.test"


def test_an_alias_in_a_circle_ends(tmp_path, daemon):
    relay = host(
        tmp_path,
        Tables(virtual={"a@v.test": "b@v.test", "b@v.test": "a@v.test"}),
        "virtual_alias_maps = hash:/x/virtual\n",
    )
    daemon(nexthop="v.test", recipient="a@v.test")
    assert len(route.trace(relay, RouteQuestion("a@v.test")).steps) <= 12


def test_a_postfix_that_is_down_leaves_the_tables(tmp_path):
    relay = host(tmp_path, Tables(transport={"ok.test": "smtp:[10.0.0.9]"}), "transport_maps = hash:/x/transport\n")
    found = route.trace(relay, RouteQuestion("u@ok.test"))
    assert found.verdict == "unknown"
    assert found.decided_by.value == "smtp:[10.0.0.9]"
    assert "does not run" in found.because


def test_a_table_that_cannot_be_opened_is_an_error(tmp_path, daemon):
    relay = host(tmp_path, Tables(transport="broken"), "transport_maps = hash:/x/transport\n")
    daemon(nexthop="ok.test", recipient="u@ok.test")
    with pytest.raises(PostmasterError, match="transport_maps"):
        route.trace(relay, RouteQuestion("u@ok.test"))


def test_a_relayhost_is_named(tmp_path, daemon):
    relay = host(tmp_path, Tables(), "relayhost = [10.0.0.1]\n")
    daemon(nexthop="[10.0.0.1]", recipient="u@ok.test")
    assert route.trace(relay, RouteQuestion("u@ok.test")).because == "relayhost = [10.0.0.1]"


@pytest.mark.parametrize("transport, flags, verdict", [
    ("local", 256, "local"), ("virtual", 1024, "local"), ("error", 4096, "error"), ("retry", 4096, "error"),
    ("discard", 4096, "discard"), ("relay", 2048, "remote"), ("smtp", 4096, "remote"),
])  # fmt: skip
def test_verdicts(tmp_path, daemon, transport, flags, verdict):
    relay = host(tmp_path, Tables())
    daemon(transport=transport, flags=flags, nexthop="x.test", recipient="u@ok.test")
    assert route.trace(relay, RouteQuestion("u@ok.test")).verdict == verdict


@pytest.mark.parametrize("text, wanted", [
    ("ok.test", (Hop("ok.test", 25, True),)),
    ("[10.0.0.1]:587", (Hop("10.0.0.1", 587, False),)),
    ("[a.test], b.test:26", (Hop("a.test", 25, False), Hop("b.test", 26, True))),
    ("[ipv6:fd00::1]:25", (Hop("fd00::1", 25, False),)),
    ("", ()),
])  # fmt: skip
def test_next_hops(text, wanted):
    assert route.hops(text) == wanted


def test_attributes_are_read_whole_or_not_at_all():
    whole = b"a\0\0b\0x\0\0rest"
    assert route.take_attributes(whole) == ({"a": "", "b": "x"}, b"rest")
    for cut in range(len(whole) - 4):
        assert route.take_attributes(whole[:cut]) is None

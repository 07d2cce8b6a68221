# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import ipaddress
import os

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as some

from ansible_collections.postmaster.mta.plugins.module_utils._errors import Refused
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import File
from ansible_collections.postmaster.mta.plugins.module_utils._runner import Result
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import tables
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail import sendmail_host as given


@pytest.mark.parametrize(
    "network, keys",
    [
        ("10.0.0.0/8", ("10",)),
        ("10.1.0.0/16", ("10.1",)),
        ("192.0.2.0/24", ("192.0.2",)),
        ("192.0.2.7/32", ("192.0.2.7",)),
        ("10.98.0.0/22", ("10.98.0", "10.98.1", "10.98.2", "10.98.3")),
        ("192.0.2.4/31", ("192.0.2.4", "192.0.2.5")),
        ("2001:db8::/32", ("IPv6:2001:db8",)),
        ("2001:db8:1::/48", ("IPv6:2001:db8:1",)),
        ("2001:db8::/64", ("IPv6:2001:db8:0:0",)),
        ("2001:db8::1/128", ("IPv6:2001:db8:0:0:0:0:0:1",)),
        ("2001:db8:0:10::/63", ("IPv6:2001:db8:0:10", "IPv6:2001:db8:0:11")),
    ],
)
def test_networks_become_whole_octets_or_groups(network, keys):
    assert tables.prefixes(ipaddress.ip_network(network)) == keys


@pytest.mark.parametrize(
    "network, why",
    [("0.0.0.0/0", "open relay"), ("::/0", "open relay"), ("2001:db8::/52", "/48 or /64"), ("2001:db8::/33", "32768")],
)
def test_networks_that_would_need_too_many_entries_are_refused(network, why):
    with pytest.raises(ValueError) as caught:
        tables.prefixes(ipaddress.ip_network(network))
    assert why in str(caught.value)


@for_all(some.integers(min_value=0, max_value=2**32 - 1), some.integers(min_value=1, max_value=32))
def test_every_ipv4_network_comes_back(address, length):
    network = ipaddress.IPv4Network((address, 32)).supernet(new_prefix=length)
    keys = tables.prefixes(network)
    assert len(keys) <= 128
    assert tables.networks(keys) == (network,)


@for_all(
    some.integers(min_value=0, max_value=2**128 - 1), some.sampled_from([16, 24, 32, 40, 48, 56, 60, 64, 112, 120, 128])
)
def test_ipv6_networks_come_back(address, length):
    network = ipaddress.IPv6Network((address, 128)).supernet(new_prefix=length)
    assert tables.networks(tables.prefixes(network)) == (network,)


def test_the_order_of_networks_is_kept():
    keys = ["10.99.0.60", "10.98.1", "10.98.0", "IPv6:2001:db8", "no.network", "IPv6:::1"]
    assert [str(one) for one in tables.networks(keys)] == ["10.99.0.60/32", "10.98.0.0/23", "2001:db8::/32", "::1/128"]


def test_lines_outside_of_the_block_stay_byte_for_byte():
    hand = b"# mine\nx.test\tesmtp:[192.0.2.1]\r\n\n\xff odd"
    first = tables.with_block(hand, [("a.test", "esmtp:[192.0.2.2]")])
    assert (
        first == hand + b"\n" + tables.BEGIN.encode() + b"\na.test\tesmtp:[192.0.2.2]\n" + tables.END.encode() + b"\n"
    )
    assert tables.with_block(first, [("a.test", "esmtp:[192.0.2.2]")]) == first
    assert tables.with_block(first + b"later\tesmtp:x\n", []) == hand + b"\nlater\tesmtp:x\n"


def test_without_entries_nothing_is_added():
    assert tables.with_block(None, []) == b"" and tables.with_block(b"x\ty\n", []) == b"x\ty\n"


def test_entries_know_their_lines():
    assert tables.entries_of("# c\na\tb c \n\nlone\n") == ((2, "a", "b c"), (4, "lone", ""))


@pytest.mark.parametrize("version", given.VERSIONS)
@pytest.mark.parametrize("name", ["access.postmaster", "mailertable", "aliases.postmaster"])
def test_what_makemap_shows_is_what_the_source_says(version, name):
    source = given.text(version, "hardened", name).encode()
    answer = given.said(version, "makemap-" + name)
    host = given.make_host({answer.argv: answer})
    assert tables.dump(host, f"/etc/mail/{name}.db", name) == tables.wanted_entries(name, source)


def live(tmp_path, version="8.18"):
    for name in ("access.postmaster", "mailertable", "aliases.postmaster"):
        (tmp_path / name).write_text(given.text(version, "hardened", name))
    return {
        name: File((tmp_path / name).read_bytes())
        for name in ("access.postmaster", "mailertable", "aliases.postmaster")
    }


def answers(directory, version="8.18"):
    script = {}
    for name in ("access.postmaster", "mailertable", "aliases.postmaster"):
        answer = given.said(version, "makemap-" + name)
        script[answer.argv[:-1] + (os.path.join(str(directory), name),)] = answer.out
    return script


def test_tables_that_are_not_there_are_stale(tmp_path):
    files = live(tmp_path)
    host = given.make_host(directory=tmp_path)
    assert tables.stale(host, files) == ("access.postmaster.db", "mailertable.db", "aliases.postmaster.db")


def test_tables_that_hold_what_is_wanted_are_not_stale(tmp_path):
    files = live(tmp_path)
    for name in files:
        (tmp_path / (name + ".db")).write_bytes(b"x")
    host = given.make_host(answers(tmp_path), directory=tmp_path)
    assert tables.stale(host, files) == ()
    changed = dict(files, mailertable=File(files["mailertable"].content + b"new.test\tesmtp:[192.0.2.1]\n"))
    assert tables.stale(host, changed) == ("mailertable.db",)


def test_a_table_that_cannot_be_read_is_stale(tmp_path):
    files = {"mailertable": live(tmp_path)["mailertable"]}
    (tmp_path / "mailertable.db").write_bytes(b"garbage")
    argv = ("makemap", "-u", "hash", str(tmp_path / "mailertable"))
    host = given.make_host({argv: Result(argv, 75, "", "makemap: error opening type hash map")}, directory=tmp_path)
    assert tables.stale(host, files) == ("mailertable.db",)


def builder(stage, dumped=None, refused=None):
    """makemap as a script: it writes the new table, or refuses, or loses an entry."""

    def make(argv):
        if refused:
            return Result(argv, refused.rc, "", refused.err)
        with open(argv[-1] + ".db", "w") as file:
            file.write("compiled")
        return ""

    source = given.said("8.18", "makemap-mailertable").out if dumped is None else dumped
    return {
        ("makemap", "-u", "hash", str(stage / ".mailertable.new")): source,
        ("makemap", "hash", str(stage / ".mailertable.new")): make,
    }


@pytest.mark.parametrize("asked", ["mailertable", "mailertable.db"])
def test_a_table_is_made_under_a_new_name_and_moved(tmp_path, asked, debian, monkeypatch):
    live(tmp_path)
    monkeypatch.setattr(os, "chown", lambda *dummy: None)
    before = tmp_path / "mailertable.db"
    before.write_text("old")
    before.chmod(0o604)
    inode = before.stat().st_ino
    tables.build(given.make_host(builder(tmp_path)), str(tmp_path), [asked])
    assert before.read_text() == "compiled" and before.stat().st_ino != inode and before.stat().st_mode & 0o777 == 0o604
    assert sorted(os.listdir(str(tmp_path))) == [
        "access.postmaster",
        "aliases.postmaster",
        "mailertable",
        "mailertable.db",
    ]


def test_what_makemap_does_not_take_is_refused_with_its_line(tmp_path, debian):
    live(tmp_path)
    (tmp_path / "mailertable.db").write_text("old")
    host = given.make_host(builder(tmp_path, refused=given.said("8.18", "makemap-bad")))
    with pytest.raises(Refused) as caught:
        tables.build(host, str(tmp_path), ["mailertable"])
    assert caught.value.findings[0] == "mailertable:2: key a: duplicate key"
    assert "mailertable:4: no RHS for LHS lone" in caught.value.findings
    assert (tmp_path / "mailertable.db").read_text() == "old"


def test_a_table_that_lost_an_entry_is_refused(tmp_path, debian):
    live(tmp_path)
    host = given.make_host(builder(tmp_path, dumped="served.test\tesmtp:[10.99.0.57]\n"))
    with pytest.raises(Refused) as caught:
        tables.build(host, str(tmp_path), ["mailertable"])
    assert "does not hold what its source says" in str(caught.value)
    assert not (tmp_path / "mailertable.db").exists() and not (tmp_path / ".mailertable.new.db").exists()


# --- what is broken before we come ----------------------------------------------------------------------------------


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
    findings = tables.broken(given.make_host(directory=tmp_path))
    assert len(findings) == 1 and findings[0].startswith(str(tmp_path)) and words in findings[0]


def test_what_others_may_write_to_and_what_is_no_file_is_told(tmp_path):
    tmp_path.chmod(0o755)
    (tmp_path / "access").mkdir(mode=0o755)
    (tmp_path / "aliases").symlink_to(tmp_path / "nowhere")
    assert [finding.partition(": ")[2] for finding in tables.broken(given.make_host(directory=tmp_path))] == [
        "not a file",
        "a symbolic link to nowhere",
    ]
    tmp_path.chmod(0o777)
    assert "mode 0777" in tables.broken(given.make_host(directory=tmp_path))[0]


def test_a_whole_host_is_not_broken(tmp_path):
    tmp_path.chmod(0o755)
    for name, content in (
        ("access", "# a\nFrom:a.test OK\n"),
        ("mailertable", "a.test esmtp:b\n.b.test error:no\n"),
        ("aliases", "a: b\n"),
    ):
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(0o644)
    assert tables.broken(given.make_host(directory=tmp_path)) == ()

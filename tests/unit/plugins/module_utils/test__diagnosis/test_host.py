# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of host.py: what is observed in given files, and how it is judged."""

import collections
import os
import socket
import threading

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._diagnosis import host as checks
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Running
from ansible_collections.postmaster.mta.plugins.module_utils._model.route import Settings
from ansible_collections.postmaster.mta.plugins.module_utils._runner import Result
from ansible_collections.postmaster.mta.plugins.module_utils._smtp.certificate import Certificate
from ansible_collections.postmaster.mta.tests.unit.patience import AT_ONCE, ends_within
from ansible_collections.postmaster.mta.tests.unit.smtp_peer import self_signed

GIB = 1024**3
NOW = 1_764_000_000.0
IRQ = "Nov  8 16:49:42 drjmailgw kernel: [3018172.820223] do_IRQ: 1.221 No irq handler for vector (irq -1)"


def space(**changes):
    values = dict(
        {"path": "/q", "size": 100 * GIB, "free": 50 * GIB, "inodes": 1000, "free_inodes": 900, "read_only": False},
        **changes,
    )
    return checks.Space(**values)


def daemon(**changes):
    values = {
        "instance": "sendmail",
        "enabled": True,
        "running": Running(1, 1, (("0.0.0.0", 25),)),
        "expected": (),
        "settings": Settings(100, "/cert"),
        "spaces": (space(),),
        "changed": (),
        "unread": (),
        "certificate": None,
    }
    return checks.InstanceState(**dict(values, **changes))


def seen(*daemons, **changes):
    values = {
        "cache": "",
        "servers": (("10.0.0.1", 0.01),),
        "interfaces": (checks.Interface("eth0", True, True, 100000, 0, 0),),
        "kernel": (),
        "load": 1.0,
        "processors": 2,
        "clock_offset": 0.5,
        "instances": daemons or (daemon(),),
        "now": NOW,
    }
    return checks.HostState(**dict(values, **changes))


def codes(what):
    return [(finding.severity, finding.code) for finding in checks.judge(what, 3600)]


class TestJudge:
    def test_a_healthy_host_is_clean(self):
        assert codes(seen()) == []

    @pytest.mark.parametrize("changes, code", [
        ({"free": 0}, "queue_disk_full"), ({"free": GIB // 2}, "queue_disk_full"), ({"size": GIB, "free": 50}, "queue_disk_full"),
        ({"free_inodes": 0}, "queue_inodes_full"), ({"read_only": True}, "queue_disk_read_only"),
    ])  # fmt: skip
    def test_full_disks(self, changes, code):
        assert codes(seen(daemon(spaces=(space(**changes),)))) == [("error", code)]

    def test_less_than_the_mta_wants_is_full(self):
        tight = daemon(spaces=(space(free=2 * GIB),), settings=Settings(3 * GIB))
        finding = checks.judge(seen(tight), 0)[0]
        assert "below 3 GiB no mail is taken" in finding.what

    def test_a_file_system_without_inode_limit(self):
        assert codes(seen(daemon(spaces=(space(inodes=0, free_inodes=0),)))) == []

    def test_the_interrupt_of_the_story(self):
        finding = checks.judge(seen(kernel=(IRQ,)), 0)[0]
        assert (finding.code, finding.severity) == ("kernel_irq", "error")
        assert finding.evidence == (IRQ,)

    @pytest.mark.parametrize("line, code", [
        ("NETDEV WATCHDOG: eth0 (e1000): transmit queue 0 timed out", "kernel_watchdog"), ("e1000e: eth1 NIC Link is Down", "kernel_link"),
        ("EXT4-fs error (device sda1)", "kernel_disk"), ("Out of memory: Killed process 1", "kernel_memory"),
        ("nf_conntrack: table full, dropping packet", "kernel_table"),
    ])  # fmt: skip
    def test_other_kernel_messages(self, line, code):
        assert [finding.code for finding in checks.judge(seen(kernel=(line,)), 0)] == [code]

    def test_name_servers(self):
        assert codes(seen(servers=(("a", None), ("b", 0.1)))) == [("error", "first_resolver_silent")]
        assert codes(seen(servers=(("a", 0.1), ("b", None)))) == [("warning", "resolver_silent")]
        assert codes(seen(servers=(("a", None),))) == [("error", "no_resolver")]
        assert codes(seen(servers=(("a", 2.5),))) == [("warning", "slow_server")]

    def test_interfaces(self):
        assert codes(seen(interfaces=(checks.Interface("eth0", True, False, 1, 0, 0),))) == [("warning", "link_down")]
        assert codes(seen(interfaces=(checks.Interface("eth1", False, False, 1, 0, 0),))) == []
        assert codes(seen(interfaces=(checks.Interface("eth0", True, True, 1000, 50, 0),))) == [
            ("warning", "interface_errors")
        ]
        assert codes(seen(interfaces=(checks.Interface("eth0", True, True, 10**6, 50, 0),))) == []

    def test_a_daemon_that_is_down(self):
        assert codes(seen(daemon(running=Running(None, None)))) == [("error", "mta_down")]
        assert codes(seen(daemon(running=Running(None, None), enabled=False))) == []

    def test_addresses_that_are_configured_and_not_there(self):
        here = Running(1, 1, (("10.0.0.1", 25),))
        assert codes(seen(daemon(running=here, expected=(("10.0.0.1", 25),)))) == []
        assert codes(seen(daemon(running=here, expected=(("10.0.0.2", 25),)))) == [("error", "not_listening")]
        assert codes(seen(daemon(expected=(("10.0.0.2", 25),)))) == []

    def test_the_load_against_the_limits_of_the_mta(self):
        limits = Settings(queue_load=8.0, refuse_load=12.0)
        assert codes(seen(daemon(settings=limits), load=7.0)) == []
        for load, word in ((9.0, "only queues"), (13.0, "refuses")):
            assert word in checks.judge(seen(daemon(settings=limits), load=load), 0)[0].what

    def test_the_clock(self):
        assert codes(seen(clock_offset=-3600.0)) == [("warning", "clock")]
        assert codes(seen(clock_offset=None)) == []

    def test_changes(self):
        young = daemon(
            changed=(("/etc/mail/sendmail.cf", 90.0), ("/etc/mail/old", 99999.0)), unread=("/etc/mail/sendmail.cf",)
        )
        found = checks.judge(seen(young), 3600)
        assert [finding.code for finding in found] == ["not_reloaded", "recently_changed"]
        assert found[1].evidence == ("/etc/mail/sendmail.cf, 2 min ago",)

    def test_the_certificate(self):
        old = Certificate("mx", "ca", ("mx",), "2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z", "1", "", False)
        assert codes(seen(daemon(certificate=old))) == [("warning", "certificate_expired")]
        good = old._replace(not_after="2099-01-01T00:00:00Z")
        assert codes(seen(daemon(certificate=good))) == []

    def test_no_mta_and_what_came_to_nothing(self):
        assert codes(seen()._replace(instances=())) == [("error", "no_mta")]
        undone = seen(undone=(("kernel", "it did not end in time"),))
        assert codes(undone) == [("warning", "check_undone")]
        assert checks.judge(undone, 0)[0].what == "the check of kernel could not be done: it did not end in time"


class TestSee:
    def test_interfaces_from_sysfs(self, tmp_path):
        for name, flags in (("eth0", "0x1003"), ("eth1", "0x1002"), ("lo", "0x9")):
            (tmp_path / name / "statistics").mkdir(parents=True)
            (tmp_path / name / "flags").write_text(flags + "\n")
            (tmp_path / name / "carrier").write_text("1\n" if name == "eth0" else "0\n")
            for counter in ("rx_packets", "tx_packets", "rx_errors"):
                (tmp_path / name / "statistics" / counter).write_text("7\n")
        found = checks.interfaces(str(tmp_path))
        assert found == (
            checks.Interface("eth0", True, True, 14, 7, 0),
            checks.Interface("eth1", False, False, 14, 7, 0),
        )
        assert checks.interfaces(str(tmp_path / "nothing")) == ()

    def test_kernel_messages_of_all_sources_once(self, tmp_path, monkeypatch):
        class Programs:
            def run(self, argv, **dummy):
                text = "[1.0] do_IRQ: 1.221 No irq handler for vector (irq -1)\n[2.0] usb 1-1: new device\n"
                return (
                    Result(tuple(argv), 0, text, "")
                    if argv[0] == "dmesg"
                    else Result(tuple(argv), 127, "", "not found")
                )

        log = tmp_path / "messages"
        log.write_text("x\n" * 1000 + IRQ + "\nsshd: Out of memory in name only\n" + IRQ + "\n")
        monkeypatch.setattr(checks, "KERNEL_LOGS", (str(log), "/nowhere"))
        assert checks.kernel_messages(Programs()) == ("[1.0] do_IRQ: 1.221 No irq handler for vector (irq -1)", IRQ)

    def test_a_file_system(self, tmp_path):
        found = checks.space(str(tmp_path))
        assert found.size > found.free > 0
        assert checks.space(str(tmp_path / "no")) is None

    def test_a_full_small_file_system_as_statvfs_tells_it(self, monkeypatch):
        known = collections.namedtuple("known", "f_frsize f_bsize f_blocks f_bavail f_files f_favail f_flag")
        monkeypatch.setattr(os, "statvfs", lambda path: known(4096, 4096, 256, 0, 100, 50, 0))
        assert checks.space("/q") == checks.Space("/q", 1048576, 0, 100, 50, False)

    def test_changed_files(self, tmp_path):
        (tmp_path / "a").write_text("")
        (tmp_path / "b.db").write_text("")
        os.utime(str(tmp_path / "a"), (100, 100))
        assert checks.changed_files(str(tmp_path), 160.0) == ((str(tmp_path / "a"), 60.0),)

    def test_the_certificate_in_a_file(self, tmp_path):
        certificate, key = self_signed(tmp_path)
        assert checks.certificate_in(certificate).subject == "relay.test"
        assert checks.certificate_in(key) is None
        (tmp_path / "bad").write_text("-----BEGIN CERTIFICATE-----\n***\n-----END CERTIFICATE-----\n")
        assert checks.certificate_in(str(tmp_path / "bad")) is None
        assert checks.certificate_in("") is None

    def test_the_simplest_question(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
            server.bind(("127.0.0.1", 0))

            def serve():
                question, sender = server.recvfrom(512)
                server.sendto(b"xx stray", sender)
                server.sendto(question[:2] + b"\x81\x80", sender)

            threading.Thread(target=serve, daemon=True).start()
            taken = checks.time_of_answer("127.0.0.1", server.getsockname()[1], AT_ONCE)
        assert taken is not None and taken < AT_ONCE

    def test_a_silent_name_server_ends_in_time(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
            server.bind(("127.0.0.1", 0))
            with ends_within(0.4):
                assert checks.time_of_answer("127.0.0.1", server.getsockname()[1], 0.4) is None

    def test_a_queue_that_is_a_pattern(self, tmp_path):
        assert [disk.path for disk in checks.spaces((f"{tmp_path}/q*", "/nowhere"))] == [str(tmp_path)]

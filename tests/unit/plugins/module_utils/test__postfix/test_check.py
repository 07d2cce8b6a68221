# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import socket
import stat

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._model import policy as _policy
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Rendering
from ansible_collections.postmaster.mta.plugins.module_utils._postfix import shadow
from ansible_collections.postmaster.mta.plugins.module_utils._postfix.check import check
from ansible_collections.postmaster.mta.plugins.module_utils._runner import Result
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix.postfix_host import (
    make_host,
    scripted,
)

DAEMONS = ("smtpd", "smtp", "qmgr", "cleanup")
MAIN = """myhostname = relay.example.com
alias_maps =
daemon_directory = {daemons}
mynetworks = 127.0.0.0/8, [::1]/128
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
"""
MASTER = (
    "10025 inet n - n - - smtpd\nqmgr unix n - n 300 1 qmgr\ncleanup unix n - n - 0 cleanup\nsmtp unix - - n - - smtp\n"
)
LIVE = "/etc/postfix"


class Stage:
    """A candidate for /etc/postfix in a directory of the test's own."""

    def __init__(self, directory):
        self.path = directory / "stage"
        self.path.mkdir()
        daemons = directory / "libexec"
        daemons.mkdir()
        for name in DAEMONS:
            (daemons / name).write_text("#!/bin/sh\n")
            (daemons / name).chmod(0o755)
        self.main = MAIN.format(daemons=daemons)
        self.master = MASTER
        self.said = {}

    def file(self, name, content=""):
        (self.path / name).write_text(content)

    def check(self, live=None, inherited=None):
        self.file("main.cf", self.main)
        self.file("master.cf", self.master)
        script = {("postconf", "-c", str(self.path), ...): "", ("postmap", ...): ""}
        script.update(self.said)
        host = make_host("3.10.13", extra=script)
        host = host._replace(instance=host.instance._replace(queue_directories=("/nowhere",)))
        if live:
            script["postconf", "-c", live, ...] = ""
            host = host._replace(
                runner=scripted("3.10.13", script), instance=host.instance._replace(config_directory=live)
            )
        return check(host, str(self.path), _policy.parse({}, "none"), Rendering({}, {}), inherited)


@pytest.fixture(name="stage")
def _stage(tmp_path, monkeypatch):
    monkeypatch.setattr(shadow, "try_out", lambda *given: [])
    return Stage(tmp_path)


def test_a_good_candidate_passes(stage):
    assert stage.check() == ()


@pytest.mark.parametrize(
    "line,name,why",
    [
        ("nonsense", "main.cf:6: nonsense", "name = value"),
        ("message_size_limit = notanumber", "main.cf:6: message_size_limit", "it must be a number"),
        ("smtpd_helo_required = perhaps", "main.cf:6: smtpd_helo_required", "yes or no"),
        ("smtp_connect_timeout = 5x", "main.cf:6: smtp_connect_timeout", "it must be a time"),
        ("mynetworks_style = bogus", "main.cf:6: mynetworks_style", "none of class, subnet, host"),
        ("smtpd_recipient_restrictions = permitt_mynetworks", "main.cf:6: smtpd_recipient_restrictions", "'permitt_mynetworks' is no restriction"),
        ("transport_maps = dbm:/etc/postfix/x", "main.cf:6: transport_maps", "no tables of type dbm"),
        ("transport_maps = hash:/etc/postfix/x", "main.cf:6: transport_maps", "/etc/postfix/x.db is not there"),
        ("transport_maps = hash:$config_directory/x", "main.cf:6: transport_maps", "/etc/postfix/x.db is not there"),
        ("header_checks = regexp:/etc/postfix/x", "main.cf:6: header_checks", "/etc/postfix/x is not there"),
        ("relay_domains = /etc/postfix/domains", "main.cf:6: relay_domains", "no such file"),
        ("soft_bounce = yes", "soft_bounce", "turns every refusal into a deferral"),
        ("mailbox_size_limit = 1000", "mailbox_size_limit", "smaller than message_size_limit"),
        ("inet_interfaces = 198.51.100.77", "inet_interfaces", "no address of this host"),
        ("smtpd_tls_cert_file = /nowhere/c.pem", "smtpd_tls_cert_file", "is not there or cannot be read"),
        ("smtpd_tls_eccert_file = /nowhere/c.pem", "smtpd_tls_eccert_file", "is not there or cannot be read"),
        ("smtp_tls_CAfile = /nowhere/ca.pem", "smtp_tls_CAfile", "is not there or cannot be read"),
        ("smtp_tls_CAfile = /etc/passwd", "smtp_tls_CAfile", "/etc/passwd has no certificate of an authority in PEM"),
        ("smtpd_tls_CAfile = /etc/passwd", "smtpd_tls_CAfile", "/etc/passwd has no certificate of an authority in PEM"),
        ("smtpd_tls_security_level = maybe", "main.cf:6: smtpd_tls_security_level", "none of"),
        ("mydestination = ${myhostname", "main.cf:6: mydestination", "without its }"),
    ],
)  # fmt: skip
def test_what_postfix_lets_pass_in_main_cf_is_found_with_its_setting(stage, line, name, why):
    stage.main += line + "\n"
    findings = stage.check()
    assert len(findings) == 1
    assert name in findings[0]
    assert why in findings[0]


def test_what_stands_there_twice_is_taken_as_postfix_takes_it(stage):
    stage.main += "myhostname = b.test\n"
    stage.master += "qmgr unix n - n 300 1 qmgr\n"
    said = "postconf: warning: /etc/postfix/main.cf, line 6: overriding earlier entry: myhostname=a.test\n"
    for option in ("-nx", "-M", "-P"):
        stage.said["postconf", "-c", str(stage.path), option] = Result((), 0, "", said)
    assert stage.check() == ()


@pytest.mark.parametrize(
    "line",
    [
        "smtpd_tls_ciphers = HIGH",
        "smtp_tls_mandatory_ciphers = Medium",
        "smtpd_tls_security_level = May",
        "postscreen_greet_action = Enforce",
        "milter_default_action = Accept",
        "smtpd_forbid_bare_newline = Normalize",
        "smtp_address_preference = IPv4",
        "smtp_dns_support_level = DNSSEC",
    ],
)
def test_words_that_postfix_takes_in_any_case_are_no_defects(stage, line):
    stage.main += line + "\n"
    assert stage.check() == ()


@pytest.mark.parametrize("line", ["inet_protocols = IPv4", "notify_classes = Resource", "mynetworks_style = Host"])
def test_words_whose_case_counts(stage, line):
    stage.main += line + "\n"
    (finding,) = stage.check()
    assert "none of" in finding


@pytest.mark.parametrize(
    "networks,why", [("10.0.0.5/8", "host bits are set"), ("0.0.0.0/0", "open relay"), ("::1", "in brackets")]
)
def test_networks_that_do_not_mean_what_they_say(stage, networks, why):
    stage.main = stage.main.replace("[::1]/128", networks)
    (finding,) = stage.check()
    assert "main.cf:4: mynetworks" in finding and why in finding


def test_a_relay_that_refuses_nothing_does_not_even_start(stage):
    stage.main = stage.main.replace(", reject_unauth_destination", "")
    assert stage.check() == (
        "smtpd_relay_restrictions: nothing in it refuses foreign recipients, so smtpd does not start",
    )


@pytest.mark.parametrize(
    "line,name,why",
    [
        ("smtps inet n - n", "master.cf:5: ", "eight columns"),
        ("foo unix - - n - - nosuchd", "master.cf:5: foo/unix", "there is no program"),
        ("10026 inet - - n - - smtpd", "master.cf:5: 10026/inet", "cannot be private"),
        ("nosuchport inet n - n - - smtpd", "nosuchport/inet", "no port of that name"),
        ("10026 inet n - n - - smtpd -o smtpd_helo_required=maybe", "10026/inet: -o smtpd_helo_required", "yes or no"),
        ("10026 inet n - n - - smtpd -o smtpd_client_restrictions=permitt", "10026/inet: -o smtpd_client_restrictions", "no restriction"),
        ("10026 inet n - n - - smtpd -o transport_maps=hash:/etc/postfix/x", "10026/inet: -o transport_maps", "is not there"),
    ],
)  # fmt: skip
def test_what_postfix_lets_pass_in_master_cf_is_found_with_its_service(stage, line, name, why):
    stage.master += line + "\n"
    findings = stage.check()
    assert len(findings) == 1
    assert name in findings[0]
    assert why in findings[0]


def test_next_to_nothing_is_not_a_configuration(stage):
    stage.main = ""
    assert any("next to nothing" in finding for finding in stage.check())


@pytest.mark.parametrize("option", ["-nx", "-M", "-P"])
def test_every_word_of_postconf_on_stderr_is_a_finding(stage, option):
    said = Result((), 0, "", f"postconf: warning: {stage.path}/main.cf: unused parameter: smtpd_helo_requird=yes\n")
    stage.said[("postconf", "-c", str(stage.path), option)] = said
    assert stage.check() == (f"warning: {LIVE}/main.cf: unused parameter: smtpd_helo_requird=yes",)


def test_a_silent_failure_of_postconf_is_a_finding_too(stage):
    stage.said[("postconf", "-c", str(stage.path), "-M")] = Result((), 1, "", "")
    assert stage.check() == ("postconf -M: exit status 1",)


def test_a_bad_line_in_a_cidr_table_is_found_with_the_setting_that_names_it(stage):
    stage.main += "smtpd_client_restrictions = check_client_access cidr:$config_directory/blocks\n"
    stage.file("blocks", "203.0.113.5/24 REJECT\n")
    name = f"cidr:{stage.path}/blocks"
    said = f"postmap: warning: cidr map {stage.path}/blocks, line 1: non-null host address bits\n"
    stage.said[("postmap", "-c", str(stage.path), "-q", "192.0.2.1", name)] = Result((), 1, "", said)
    (finding,) = stage.check()
    assert (
        finding
        == f"{LIVE}/main.cf:6: smtpd_client_restrictions: warning: cidr map {LIVE}/blocks, line 1: non-null host address bits"
    )


def test_tables_that_postfix_makes_itself_and_sockets_are_no_missing_tables(stage):
    stage.main += "smtp_tls_session_cache_database = btree:${data_directory}/smtp_scache\n"
    stage.main += "smtpd_milters = unix:/run/milter.sock, inet:127.0.0.1:8891\n"
    stage.main += "smtpd_sender_restrictions = check_policy_service unix:/run/policy, check_sender_access static:OK\n"
    assert stage.check() == ()


def test_what_the_shadow_finds_is_a_finding(stage, monkeypatch):
    monkeypatch.setattr(shadow, "try_out", lambda *given: ["smtp/inet: no greeting"])
    assert stage.check() == ("smtp/inet: no greeting",)


def test_a_key_that_everybody_may_read(stage, tmp_path):
    for name in ("c.pem", "k.pem"):
        (tmp_path / name).write_text("no pem")
    (tmp_path / "k.pem").chmod(stat.S_IRUSR | stat.S_IROTH)
    stage.main += f"smtpd_tls_cert_file = {tmp_path}/c.pem\nsmtpd_tls_key_file = {tmp_path}/k.pem\n"
    found = " ".join(stage.check())
    assert "everybody on this host may read the private key" in found
    assert "no certificate with its key" in found


@pytest.fixture(name="busy")
def _busy():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(1)
        yield server.getsockname()[1]


@pytest.mark.parametrize(
    "addresses,clash", [("all", True), ("loopback-only", True), ("127.0.0.1", True), ("127.0.0.9", False)]
)
def test_a_port_that_another_process_has(stage, busy, addresses, clash):
    stage.master = stage.master.replace("10025", str(busy))
    stage.main += f"inet_interfaces = {addresses}\n"
    findings = stage.check()
    assert bool(findings) == clash
    if clash:
        assert findings == (f"master.cf: {busy}/inet: another process listens on 127.0.0.1:{busy}",)


@pytest.mark.parametrize("setting", ["smtp_tls_CAfile = /nowhere/ca.pem", "message_size_limit = notanumber"])
def test_what_was_so_before_stops_no_urgent_change(stage, tmp_path, setting):
    live = tmp_path / "live"
    live.mkdir()
    (live / "main.cf").write_text(f"{stage.main}{setting}\n")
    (live / "master.cf").write_text(stage.master)
    stage.main += f"smtpd_banner = hello\n{setting}\n"
    inherited = []
    assert stage.check(str(live), inherited) == ()
    assert [finding for finding in inherited if setting.split()[0] in finding]
    assert stage.check(str(live)) != ()


def test_a_new_defect_stops_an_urgent_change_too(stage, tmp_path):
    live = tmp_path / "live"
    live.mkdir()
    (live / "main.cf").write_text(stage.main)
    (live / "master.cf").write_text(stage.master)
    stage.main += "smtp_tls_CAfile = /nowhere/ca.pem\n"
    inherited = []
    assert stage.check(str(live), inherited) != ()
    assert inherited == []

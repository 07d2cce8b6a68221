# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import os

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import CommandError
from ansible_collections.postmaster.mta.plugins.module_utils._model import policy as _policy
from ansible_collections.postmaster.mta.plugins.module_utils._postfix import main_cf, master_cf, shadow
from ansible_collections.postmaster.mta.plugins.module_utils._runner import Result
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix.postfix_host import (
    make_host,
    recorded,
)
from ansible_collections.postmaster.mta.tests.unit.smtp_peer import Server

VALUES = {
    "daemon_directory": "/usr/lib/postfix/sbin",
    "mail_owner": "root",
    "mydestination": "$myhostname",
    "myhostname": "a.test",
}


@pytest.fixture(name="stage")
def _stage(tmp_path):
    stage = tmp_path / "stage"
    stage.mkdir()
    for name in ("main.cf", "master.cf"):
        (stage / name).write_bytes(recorded("3.10.13", name))
    return stage


def written(stage, tmp_path):
    key = shadow._write_shadow(str(stage), str(tmp_path), 10025, VALUES)
    main = main_cf.sound(main_cf.parse((stage / "main.cf").read_bytes())).values
    return key, main, master_cf.sound(master_cf.parse((stage / "master.cf").read_bytes())).services


def test_the_shadow_has_everything_of_its_own(stage, tmp_path):
    key, main, services = written(stage, tmp_path)
    assert key == "smtp/inet"
    for name in ("queue_directory", "data_directory", "maillog_file"):
        assert main[name].startswith(str(tmp_path))
    assert main["inet_interfaces"] == "127.0.0.1"
    assert main["mynetworks"] == "192.0.2.255/32"
    assert [one.name for one in services.values() if one.type == "inet"] == ["127.0.0.1:10025"]
    assert {one.chroot for one in services.values()} == {"n"}
    assert "pickup/unix" not in services and "postlog/unix-dgram" in services


def test_what_the_candidate_says_about_its_service_is_kept(stage, tmp_path):
    text = recorded("3.10.13", "master.cf").replace(
        b"-       smtpd\n", b"5       smtpd\n  -o smtpd_helo_required=no\n", 1
    )
    (stage / "master.cf").write_bytes(text)
    services = written(stage, tmp_path)[2]
    assert services["127.0.0.1:10025/inet"].options == (("smtpd_helo_required", "no"),)


def test_behind_postscreen_smtpd_is_asked(stage, tmp_path):
    text = recorded("3.10.13", "master.cf").replace(b"-       smtpd\n", b"1       postscreen\n", 1)
    (stage / "master.cf").write_bytes(text + b"smtpd pass - - y - - smtpd -o a=b\n")
    service = written(stage, tmp_path)[2]["127.0.0.1:10025/inet"]
    assert (service.command, service.options) == ("smtpd", (("a", "b"),))


def test_a_configuration_without_a_listener_is_not_tried(stage, tmp_path):
    (stage / "master.cf").write_bytes(b"qmgr unix n - n 300 1 qmgr\n")
    assert shadow._write_shadow(str(stage), str(tmp_path), 10025, VALUES) is None


@pytest.fixture(name="parent")
def _parent(tmp_path, monkeypatch):
    parent = tmp_path / "var"
    parent.mkdir()
    monkeypatch.setattr(shadow, "_PARENT", str(parent))
    return parent


def attempt(stage, **said):
    """try_out() with programs that say what the test wants."""
    extra = {("postfix", ...): "", ("/usr/lib/postfix/sbin/master", ...): ""}
    extra.update(said.get("script", {}))
    host = make_host("3.10.13", extra=extra)
    return shadow.try_out(host, str(stage), _policy.parse({}, "none"), VALUES)


def test_a_check_that_fails_is_a_finding_and_nothing_stays(stage, parent):
    found = attempt(stage, script={("postfix", ...): Result((), 1, "", "bad things")})
    assert found == ["postfix check: exit status 1: bad things"]
    assert os.listdir(str(parent)) == []


def test_the_log_says_why(stage, parent):
    def fail(argv):
        scratch = os.path.dirname(argv[2])
        with open(os.path.join(scratch, "log"), "w") as log:
            log.write("Nov 23 06:57:08 a shadow/postfix[1]: fatal: bad numerical configuration: x = y\n")
            log.write("Nov 23 06:57:08 a shadow/postfix[1]: warning: not owned by root: /x\n")
        return Result(argv, 1, "", "")

    assert attempt(stage, script={("postfix", ...): fail}) == ["fatal: bad numerical configuration: x = y"]
    assert os.listdir(str(parent)) == []


def test_nothing_stays_behind_an_exception(stage, parent):
    def explode(argv):
        raise CommandError(argv, 1, "", "")

    with pytest.raises(CommandError):
        attempt(stage, script={("postfix", ...): explode})
    assert os.listdir(str(parent)) == []


def test_a_shadow_that_never_listens_is_a_finding(stage, parent, monkeypatch):
    monkeypatch.setattr(shadow, "_PATIENCE", 0.1)
    (finding,) = attempt(stage)
    assert finding.startswith("smtp/inet: no greeting: ")
    assert os.listdir(str(parent)) == []


def test_what_a_killed_run_left_is_swept_and_nothing_else(stage, parent):
    gone, running, foreign = f"postmaster-shadow-{2**22 + 1}-a", f"postmaster-shadow-{os.getpid()}-b", "something-else"
    for name in (gone, running, foreign):
        (parent / name).mkdir()
    attempt(stage, script={("postfix", ...): Result((), 1, "", "")})
    assert sorted(os.listdir(str(parent))) == sorted([running, foreign])


@pytest.mark.parametrize(
    "params,recipient", [({"relay": {"domains": ["b.test"]}}, "postmaster@b.test"), ({}, "postmaster@a.test")]
)
def test_somebody_who_is_served(params, recipient):
    assert shadow._served(_policy.parse(params, "none"), VALUES) == recipient


def test_a_listener_of_the_shadow_believes_who_a_client_says_that_it_is(stage, tmp_path):
    values = dict(VALUES, mynetworks="10.0.0.0/8, 192.0.2.0/24")
    shadow._write_shadow(str(stage), str(tmp_path), 10025, values, 10026)
    services = master_cf.sound(master_cf.parse((stage / "master.cf").read_bytes())).services
    options = services["127.0.0.1:10026/inet"].option_values
    assert options["mynetworks"] == "10.0.0.0/8, 192.0.2.0/24" and "smtpd_authorized_xclient_hosts" in options
    assert "mynetworks" not in services["127.0.0.1:10025/inet"].option_values


class Believer:
    """A relay that is open for one network, and believes who a client says that it is."""

    def __init__(self, network):
        self.network = network
        self.asked = []

    def __call__(self, connection, number):
        client = ""
        connection.sendall(b"220 shadow\r\n")
        for line in connection.makefile("rb"):
            words = line.decode().split()
            client = words[1] if words[0] == "XCLIENT" else client
            self.asked.append((client, line.decode().strip()))
            taken = words[0] != "RCPT" or client.startswith(f"ADDR={self.network}")
            connection.sendall(b"220 ok\r\n" if words[0] == "XCLIENT" else b"250 ok\r\n" if taken else b"554 no\r\n")
            if words[0] == "QUIT":
                return


def test_strangers_from_three_networks_are_asked_for():
    believer = Believer("198.51.")
    with Server(believer) as server:
        policy = _policy.parse({"relay": {"domains": ["b.test"]}}, "none")
        findings = shadow._ask_as_others(server.port, policy, dict(VALUES, mynetworks="10.0.0.0/8"))
    assert len(findings) == 4 and all("a stranger (198.51.100.9, from <" in finding for finding in findings)
    assert "from <postmaster@b.test>) may send to postmaster@foreign.example" in findings[-1]
    assert len({client for client, line in believer.asked if client}) == 3

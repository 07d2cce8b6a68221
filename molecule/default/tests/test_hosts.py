# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the roles must have done to a relay, seen by testinfra."""


def test_the_service_runs_now_and_after_the_next_boot(relay, system):
    service = system.service(relay.mta)
    assert service.is_running
    assert service.is_enabled


def test_it_listens_to_the_world_on_port_25(system):
    assert system.socket("tcp://0.0.0.0:25").is_listening
    assert system.socket("tcp://:::25").is_listening


def test_its_configuration_belongs_to_root_and_only_root_writes_it(relay, system):
    for name in {"postfix": ("main.cf", "master.cf"), "sendmail": ("sendmail.mc", "sendmail.cf")}[relay.mta]:
        file = system.file(f"{relay.directory}/{name}")
        assert file.user == "root"
        assert not file.mode & 0o022


def test_nothing_of_the_transaction_is_left_over(relay, system):
    assert system.check_output("ls -A /etc | grep postmaster || true") == ""
    assert system.check_output(f"find {relay.directory} -name '*postmaster-new*'") == ""


def test_the_mta_has_no_complaint_about_its_configuration(relay, system):
    command = {"postfix": "postfix check", "sendmail": "sendmail -bv postmaster"}[relay.mta]
    done = system.run(command)
    assert done.rc == 0
    assert "warning" not in done.stderr


def test_nscd_keeps_no_host_names(system):
    if system.exists("nscd") and system.service("nscd").is_running:
        hosts = system.check_output("nscd -g").split("hosts cache:")[1]
        assert hosts.split()[:4] == ["no", "cache", "is", "enabled"]


def test_the_generator_of_the_distribution_writes_nothing_over_it(relay, system):
    if system.exists("config.postfix"):
        before = system.file("/etc/postfix/main.cf").content
        assert system.run("config.postfix").rc == 0
        assert system.run("systemctl restart postfix").rc == 0
        assert system.file("/etc/postfix/main.cf").content == before
        assert system.service("postfix").is_running

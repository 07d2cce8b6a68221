# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stories of the posts, staged with real daemons on relays of their own, and solved by one run of diagnose.yml each."""

from __future__ import annotations

import contextlib
import gzip
import json
import re
import shlex
import time
import typing as t

import diagnosishosts
import pytest
from diagnosishosts import (
    EVERYWHERE,
    HEALTHY,
    NOBODY,
    RELAYS,
    SINK,
    ansible,
    arrived,
    assert_nothing_is_wrong,
    diagnose,
    send,
    wait_for,
    waiting,
)
from labhosts import DNS, HOSTS, REMOTE, ROOT, Host, policy_of

pytestmark = pytest.mark.lab(group="diagnosis", uses=[diagnosishosts.USES])
MOVED, MOVED_HOST = "diag.ok.test", "mx.diag.ok.test"
LETTER = ROOT / "tests" / "corpus" / "mime" / "a-part-7bit.eml.gz"


@pytest.fixture(scope="module", name="fleet")
def _fleet() -> t.Iterator[t.Dict[str, Host]]:
    with diagnosishosts.relays_of_our_own() as hosts:
        yield hosts


@contextlib.contextmanager
def name_servers(host: Host, text: str) -> t.Iterator[None]:
    """Another resolv.conf on a host, also for the chroot of Postfix."""
    before = host.run("cat /etc/resolv.conf")
    try:
        host.write("/etc/resolv.conf", text.encode())
        yield
    finally:
        host.write("/etc/resolv.conf", before.encode())


def _cache_host_names(host: Host) -> None:
    """A real nscd that caches host names, in the way of a delivery agent that asks the C library."""
    if host.mta == "postfix":
        # Of Postfix's delivery agents only those that are told to ask the C library do; sendmail always does.
        host.run("postconf -e smtp_host_lookup=native && postfix reload")
    else:
        host.run("apt-get install -qy nscd", timeout=300)
    host.run("sed -i 's/\\(enable-cache[ \\t]*hosts[ \\t]*\\)no/\\1yes/' /etc/nscd.conf && systemctl restart nscd")
    if host.mta == "sendmail":
        # A process that once found no nscd does not look for it again so soon.
        host.run("systemctl restart sendmail")


def _flush(host: Host) -> None:
    host.run(
        "postqueue -f"
        if host.mta == "postfix"
        else "/usr/sbin/sendmail-mta -O MinQueueAge=0 -O Timeout.hoststatus=0 -q",
        check=False,
    )


#: Runs on a relay: the checks of diagnosis_info, and what a thread of them was the first to import.
READ_IN_THREADS = f"""
import json, sys, threading
sys.path.insert(0, "{REMOTE}")
from ansible_collections.postmaster.mta.plugins.module_utils._module import diagnosis_info
read = []
class Recorder:
    def find_spec(self, name, path=None, target=None):
        if threading.current_thread() is not threading.main_thread():
            read.append(name)
sys.meta_path.insert(0, Recorder())
options = {{name: one.get("default") for name, one in diagnosis_info.ARGUMENT_SPEC.items()}}
answer = diagnosis_info.run(dict(options, domain="tls.test"), False)
json.dump([read, answer["problems"], [one["code"] for one in answer["host"]["findings"]]], sys.stdout)
"""


@pytest.mark.parametrize("name", RELAYS)
def test_no_thread_is_the_first_to_import_a_module(fleet, name):
    """Python 3.6 to 3.8 can show to one thread what another has read only half of: one check in twenty failed on SLES."""
    fleet[name].install()
    read, problems, codes = json.loads(fleet[name].run(f"{fleet[name].python} -", READ_IN_THREADS))
    assert (read, problems) == ([], {})
    assert "check_undone" not in codes


@pytest.mark.parametrize("name", ["diag-sles", "diag-sm"])
def test_a_nscd_serves_the_address_of_before(fleet, name):
    host = fleet[name]
    subject = f"moved-{name}-{time.time():.0f}"
    _cache_host_names(host)
    DNS.run(f"labdns set {MOVED_HOST} A {NOBODY} 120 && labdns set {MOVED} MX '10 {MOVED_HOST}.' 5")
    try:
        ask = f"import socket; socket.gethostbyname('{MOVED_HOST}.'); socket.getaddrinfo('{MOVED_HOST}', 25)"
        host.run(f'/usr/bin/python3 -c "{ask}"')
        DNS.run(f"labdns set {MOVED_HOST} A {SINK} 5")
        send(host, f"anna@{MOVED}", subject)
        assert wait_for(lambda: waiting(host, MOVED)), "the mail was delivered, so that there is nothing to diagnose"
        found = diagnose(MOVED)
        case = found.first()
        assert (case["code"], case["hosts"]) == ("stale_address", [name])
        assert "VERDICT for diag.ok.test: nscd serves an old address" in found.text
        assert NOBODY in case["what"] and SINK in case["what"]
        assert not arrived(subject)

        ansible(*shlex.split(case["remedy"]))
        _flush(host)
        assert wait_for(lambda: arrived(subject)), "the remedy did not mend it"
        after = diagnose(MOVED)
        assert "stale_address" not in [one["code"] for one in after.cases]
    finally:
        DNS.run(f"labdns delete {MOVED}; labdns delete {MOVED_HOST}")


def test_b_resolver_answers_an_alias_for_an_mx_query(fleet):
    liar, host = fleet["diag-pf"], fleet["diag-sm"]
    liar.write("/root/false_names.py", (ROOT / "tests" / "lab" / "false_names.py").read_bytes())
    command = f"python3 /root/false_names.py {liar.address} third.test ok.test 10.25.0.2"
    liar.run(f"systemd-run --unit=false-names {command}")
    try:
        with name_servers(host, f"nameserver {liar.address}\n"):
            found = diagnose("third.test")
        case = found.first()
        assert (case["code"], case["about"], case["hosts"]) == ("cname_for_mx", liar.address, ["diag-sm"])
        assert f"the name server {liar.address} lies" in found.text.replace("\n    ", " ")
    finally:
        liar.run("systemctl stop false-names", check=False)


def test_c_first_name_server_is_unreachable(fleet):
    host = fleet["diag-sm"]
    with name_servers(host, f"nameserver {NOBODY}\nnameserver 10.25.0.2\n"):
        host.run("systemctl restart sendmail")
        found = diagnose("ok.test")
        case = found.first()
        assert (case["code"], case["about"], case["hosts"]) == ("first_resolver_silent", NOBODY, ["diag-sm"])
        assert f"nameserver {NOBODY}" in case["remedy"]
        host.run(case["remedy"].partition("remove it: ")[2])
        assert NOBODY not in host.run("cat /etc/resolv.conf")
    host.run("systemctl restart sendmail")


def test_d_a_destination_defers_since_a_known_time(fleet):
    hosts = [fleet["diag-pf"], fleet["diag-sm"]]
    for host in hosts:
        send(host, "anna@defer.test", "deferred")
    assert all(wait_for(lambda host=host: waiting(host, "defer.test")) for host in hosts)
    time.sleep(2)
    found = diagnose("defer.test")
    case = found.first()
    assert case["code"] == "destination_defers"
    assert {"diag-pf", "diag-sm"} <= set(case["hosts"])
    assert "oldest since 20" in case["what"]
    assert "451" in case["what"]
    fleet["diag-pf"].run("postsuper -d ALL")
    fleet["diag-sm"].run("find /var/spool/mqueue -type f -delete")


@pytest.mark.parametrize("name", ["diag-pf", "diag-sm"])
def test_e_a_wrong_entry_of_the_transport_table(fleet, name):
    host = fleet[name]
    twin = {"postfix": "pf12", "sendmail": "sm12"}[host.mta]
    policy = dict(policy_of(HOSTS[twin]), identity={"hostname": f"{name}.lab.test"})
    wrong = {"domains": [{"domain": "tls.test", "host": NOBODY, "mx": False}]}
    answer = host.apply(dict(policy, routes=wrong))
    assert not answer.get("failed"), answer
    found = diagnose("tls.test")
    case = found.first()
    assert (case["code"], case["about"], case["hosts"]) == ("wrong_route", "tls.test", [name])
    assert NOBODY in case["what"]
    host.apply(dict(policy, routes={"domains": []}))
    assert diagnose("tls.test").healthy


def test_f_the_disk_of_the_queue_is_full(fleet):
    host = fleet["diag-sm"]
    host.run("mount -t tmpfs -o size=2m,mode=0750 tmpfs /var/spool/mqueue && chown smmta:smmsp /var/spool/mqueue")
    try:
        host.run("dd if=/dev/zero of=/var/spool/mqueue/filler bs=64k", check=False)
        found = diagnose("ok.test")
        case = found.first()
        assert (case["code"], case["about"], case["hosts"]) == ("queue_disk_full", "/var/spool/mqueue", ["diag-sm"])
        assert found.text.startswith("VERDICT for ok.test: the file system of /var/spool/mqueue")
    finally:
        host.run("umount -l /var/spool/mqueue")


def test_g_the_last_letter_of_the_attachment_is_missing(fleet, tmp_path):
    letter = tmp_path / "letter.eml"
    letter.write_bytes(gzip.decompress(LETTER.read_bytes()))
    found = diagnose("ok.test", message=str(letter))
    case = found.first()
    assert (case["code"], case["hosts"]) == ("lost_letter", ["diag-sm"])
    assert "loses its last letter" in found.text.replace("\n    ", " ")
    assert "confMAX_MIME_HEADER_LENGTH" in case["remedy"]
    # And it is true: what arrives through sendmail has lost it, what arrives through Postfix has not.
    variables = {
        "compare_message": str(letter),
        "compare_recipient": "notes@ok.test",
        "compare_with": "10.25.0.51",
        "compare_source": "10.25.0.60",
        "compare_sender": "aspen@lab.test",
        "compare_sink": "/var/spool/sink",
    }
    for name, lost in (("diag-sm", True), ("diag-pf", False)):
        output = ansible(
            "ansible-playbook",
            "playbooks/compare_injection.yml",
            "-e",
            json.dumps(dict(variables, compare_hosts=name)),
            check=not lost,  # a letter that is lost is an error, and the playbook says so by its status
        )
        assert ('25.00.ht"' in output) is lost, output[-3000:]


#: Of each kind of domain there is one in the gate; these, whose like is asked about there, in C(make proof).
PROOF = {"v4only.test", "third.test", "stranger.test", "sub.served.test"}


@pytest.mark.parametrize(
    "domain",
    [pytest.param(name, marks=pytest.mark.long if name in PROOF else ()) for name in HEALTHY if name not in EVERYWHERE],
)
def test_no_false_alarm(fleet, domain):
    """Three domains are asked about on all eight relays instead, in test_diagnosis_fleet; in C(make proof) all of them are."""
    assert_nothing_is_wrong(diagnose(domain), len(RELAYS))


def test_a_relay_that_cannot_be_reached_is_named_and_the_others_are_judged(fleet, tmp_path):
    inventory = "diag:\n  hosts:\n    ghost: {ansible_host: 10.25.0.250, ansible_ssh_timeout: 5}\n"
    (tmp_path / "ghost.yml").write_text(inventory)
    variables = json.dumps({"diagnose_domain": "ok.test", "diagnose_hosts": "diag-pf,ghost"})
    output = ansible(
        "ansible-playbook", "playbooks/diagnose.yml", "-i", str(tmp_path / "ghost.yml"), "-e", variables, check=False
    )
    said = " ".join(output[output.index("VERDICT for ") :].split())
    assert "ghost: " in said and "diag-pf: postfix sends it by smtp to ok.test" in said
    assert "nothing is wrong on 2" not in said


def test_check_mode_is_the_same_and_nothing_is_left_behind(fleet):
    ansible(
        "ansible-playbook", "playbooks/diagnose.yml", "--check", "-e", "diagnose_domain=ok.test diagnose_hosts=diag"
    )
    for host in fleet.values():
        assert host.run("ls /root/.ansible_async 2>/dev/null || true").strip() == ""


#: In the gate one that leads in a circle, one whose words are no DNS, and one that says nothing; the rest in C(make proof).
HOSTILE = ["circle", "malformed", "silent"]
HOSTILE_TOO = ["chain", "noise", "huge", "control"]


@pytest.mark.parametrize("mode", [*HOSTILE, *(pytest.param(mode, marks=pytest.mark.long) for mode in HOSTILE_TOO)])
def test_a_hostile_name_server_ends_in_a_finding_in_bounded_time(fleet, mode):
    villain, host = fleet["diag-pf"], fleet["diag-sm"]
    villain.write("/root/hostile_names.py", (ROOT / "tests" / "lab" / "hostile_names.py").read_bytes())
    villain.run(f"systemd-run --unit=hostile-{mode} python3 /root/hostile_names.py {villain.address} {mode}")
    try:
        with name_servers(host, f"nameserver {villain.address}\n"):
            found = diagnose("ok.test", hosts="diag-sm", talk_timeout="5")
    finally:
        villain.run(f"systemctl stop hostile-{mode}", check=False)
    assert not found.healthy and found.first()["severity"] == "error", found.text
    assert found.seconds < 90, "diagnosis_info has a minute, and Ansible starts"
    assert all(line.isprintable() for line in found.text.splitlines())


def test_the_interrupt_of_the_story_is_found_in_the_log_of_the_kernel(fleet):
    """Written into the file: the ring buffer of the kernel belongs to this machine, not to a container."""
    host = fleet["diag-pf"]
    host.run("date '+%b %e %T diag-pf kernel: do_IRQ: 1.168 No irq handler for vector (irq -1)' >> /var/log/kern.log")
    try:
        case = diagnose("ok.test").first()
        assert (case["code"], case["hosts"]) == ("kernel_irq", ["diag-pf"])
        assert "do_IRQ: 1.168 No irq handler" in " ".join(case["evidence"])
    finally:
        host.run("sed -i '/do_IRQ/d' /var/log/kern.log")


#: A card without a link, and one whose packets all fail: the way of its tunnel leads nowhere. The kernel itself counts.
_BAD_CARDS = """
ip link add nolink type veth peer name nolink-peer && ip link set nolink up
ip route add unreachable 203.0.113.1/32
ip link add broken type vxlan id 5 remote 203.0.113.1 dstport 4789
ip address add 192.168.77.1/24 dev broken && ip link set broken up
ip neigh add 192.168.77.2 lladdr 02:00:00:00:00:02 dev broken
ping -q -c 50 -i 0.01 -w 3 192.168.77.2 > /dev/null
true
"""
_COUNTER = "cat /sys/class/net/broken/statistics/tx_errors"
_GOOD_CARDS = "ip link del nolink; ip link del broken; ip route del unreachable 203.0.113.1/32"


def test_a_card_without_link_and_one_with_errors(fleet):
    host = fleet["diag-sm"]
    try:
        host.run(_BAD_CARDS)
        before = int(host.run(_COUNTER))
        found = diagnose("ok.test")
        after = int(host.run(_COUNTER))
        cases = {(case["code"], case["about"]): case for case in found.cases if case["severity"] == "warning"}
        assert set(cases) == {("link_down", "nolink"), ("interface_errors", "broken")}, found.text
        assert all(case["hosts"] == ["diag-sm"] for case in cases.values())
        said = re.search(r"counts (\d+) errors", cases["interface_errors", "broken"]["what"])
        assert said and 10 < before <= int(said.group(1)) <= after
    finally:
        host.run(_GOOD_CARDS, check=False)


def test_a_clock_that_is_wrong(fleet):
    """No container has a clock of its own: the controller is the one that says another time."""
    wrong = f"controller_time={time.time() - 3600:.0f}"
    output = ansible("ansible", "diag", "-m", "postmaster.mta.host_info", "-a", wrong)
    assert output.count("code: clock") == 3, output
    right = ansible("ansible", "diag", "-m", "postmaster.mta.host_info", "-a", f"controller_time={time.time():.0f}")
    assert "code: clock" not in right


def test_trace_address_shows_where_it_goes(fleet):
    output = ansible(
        "ansible-playbook",
        "playbooks/trace_address.yml",
        "-e",
        "trace_address=anna@ok.test trace_hosts=diag trace_client=10.25.0.120",
    )
    assert output.count("  remote  ") == 3 and output.count("because: ") == 3
    assert output.count("5.7.1 Relay") == 3


def test_check_dns_says_that_nothing_is_wrong(fleet):
    output = ansible(
        "ansible-playbook", "playbooks/check_dns.yml", "-e", "check_dns_domain=ok.test check_dns_hosts=diag"
    )
    assert "ok.test: nothing is wrong on diag-" in output


def test_send_test_arrives(fleet):
    variables = {
        "send_test_recipient": "anna@ok.test",
        "send_test_hosts": "diag-pf",
        "send_test_source": "10.25.0.60",
        "send_test_sender": "postmaster@lab.test",
        "send_test_subject": f"send-test-{time.time():.0f}",
        "send_test_sink": "/var/spool/sink",
    }
    output = ansible("ansible-playbook", "playbooks/send_test.yml", "-e", json.dumps(variables))
    assert "anna@ok.test: delivered by" in output
    assert arrived(variables["send_test_subject"])

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The second reading law on real relays: what was read and is written again changes nothing that is effective."""

from __future__ import annotations

import subprocess
import sys
import typing as t

import pytest
from labhosts import HOSTS, ROOT, Host, ansible_environment, some

#: Runs on the host: the module relay_info.
READ = """
import json, sys
from ansible_collections.postmaster.mta.plugins.module_utils._module import relay_info
given = json.load(sys.stdin)
params = {"mta": given["mta"], "instance": None, "defaults": given["defaults"]}
json.dump(relay_info.run(params, False)["instances"][0], sys.stdout)
"""
#: What a relay is asked before and after: where mail goes, and who may send it.
ADDRESSES = (
    "x@a.test x@sub.a.test x@b.test x@c.test x@sub.c.test x@d.test x@sub.d.test x@hand.test x@relay.hand.test".split()
)
ADDRESSES += "x@served.test x@served2.test x@by.name.test x@elsewhere.test old@served.test info@hand.test root@localhost x".split()
CLIENTS = "192.0.2.7 198.51.100.5 10.20.1.1 203.0.113.9 127.0.0.1".split()
#: Values of main.cf that may stand there in other words: in a table, with another unit.
OTHER_WORDS = ("mydestination", "relay_domains", "mynetworks", "transport_maps", "smtp_tls_policy_maps")
#: Old and new name of one thing.
OTHER_WORDS += ("smtp_use_tls", "smtp_tls_security_level", "smtpd_use_tls", "smtpd_tls_security_level")
#: What the host remembers of earlier runs.
ACCOUNT = "/var/lib/postmaster.mta"
#: One of each MTA here, the others in C(make proof).
SCRIPTS = sorted((ROOT / "tests" / "corpus" / "adoption").glob("*/*.sh"))
CASES = [
    pytest.param(host, path, id=f"{host.name}-{path.stem}", marks=[] if path.stem == "grown" else [pytest.mark.long])
    for host in some("pf13", "sm13")
    for path in SCRIPTS
    if path.parent.name == host.mta
]


@pytest.fixture(name="kept")
def _kept(host: Host) -> t.Iterator[None]:
    """The host gets back what it had."""
    start = "postfix reload" if host.mta == "postfix" else "systemctl restart sendmail"
    host.run(f"rm -rf /root/kept && mkdir -p /root/kept {ACCOUNT} && cp -a {host.directory} {ACCOUNT} /root/kept")
    yield
    back = (
        f"mv /root/kept/{host.directory.rpartition('/')[2]} /etc && mv /root/kept/{ACCOUNT.rpartition('/')[2]} /var/lib"
    )
    host.run(f"rm -rf {host.directory} {ACCOUNT} && {back} && {start}")


def stock(host: Host) -> None:
    """Put the package's own files into the place of ours, and forget what was done."""
    host.run(f"rm -rf {ACCOUNT}")
    if host.mta == "postfix":
        host.run(
            "cd /etc/postfix && cp -f main.cf.proto main.cf 2>/dev/null; cp -f master.cf.proto master.cf; rm -f policy_* access_*"
        )
        host.run("printf 'compatibility_level = 3.6\\n' > /etc/postfix/main.cf && postconf -e inet_interfaces=all")
    else:
        host.run("cd /etc/mail && rm -f *.postmaster *.postmaster.db sendmail.mc.before-postmaster mailertable*")


def answers(host: Host) -> t.Dict[str, str]:
    """What the MTA itself says about addresses and clients."""
    if host.mta == "postfix":
        return {
            "set": host.run("postconf -n"),
            "all": host.run("postconf -x"),
            "master": host.run("postconf -M; postconf -P"),
        }
    lines = [f"3,0 {address}" for address in ADDRESSES]
    lines += [f"Basic_check_relay <{client}>" for client in CLIENTS]
    lines += [f"check_relay spammer.test $| {client}" for client in CLIENTS]
    for client in CLIENTS:
        lines += [f".D{{client_addr}}{client}", ".D{client_name}some.name.test"]
        lines += [f"check_rcpt <{address}>" for address in ADDRESSES]
    lines += [f"check_mail <{address}>" for address in (*ADDRESSES, "x@spammer.test")]
    said = host.run("sendmail -bt -C /etc/mail/sendmail.cf", stdin="\n".join(lines) + "\n")
    kept = [
        line
        for line in said.split("\n")
        if line.startswith(("> ", "rewrite: ruleset")) and "returns" in line or "$#" in line
    ]
    return {"answers": "\n".join(kept)}


def comparable(said: t.Dict[str, str], names: t.AbstractSet[str]) -> t.Dict[str, t.Any]:
    """The answers, of Postfix's parameters those that are set before or after."""
    if "answers" in said:
        return said
    values = parameters(said["all"])
    kept = {name: values.get(name, "").replace(",", " ").split() for name in names.difference(OTHER_WORDS)}
    return {"values": {name: seconds(words) for name, words in kept.items()}, "master": said["master"]}


def difference(before: t.Dict[str, t.Any], after: t.Dict[str, t.Any]) -> t.Dict[str, t.Any]:
    """What is no longer the same, with both values."""
    pairs = {**before.pop("values", {}), **before}, {**after.pop("values", {}), **after}
    return {name: (pairs[0][name], pairs[1].get(name)) for name in pairs[0] if pairs[0][name] != pairs[1].get(name)}


def parameters(text: str) -> t.Dict[str, str]:
    """The output of postconf."""
    return dict(line.partition(" =")[::2] for line in text.split("\n") if " =" in line)


def seconds(words: t.List[str]) -> t.List[str]:
    """Times in seconds."""
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    return [
        f"{int(word[:-1]) * units[word[-1]]}s" if word[:-1].isdigit() and word[-1] in units else word for word in words
    ]


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("host, script", CASES)
def test_a_relay_is_read_and_written_again_and_nothing_changes(host: Host, script: t.Any) -> None:
    stock(host)
    host.run("bash -e", stdin=script.read_text())
    said = host.ask(READ, {"mta": host.mta, "defaults": False})
    assert "would_change" not in said["unexpressed"], said["unexpressed"]["would_change"]
    before = answers(host)
    answer = host.apply(said["policy"], baseline="none", **said["natives"])
    assert not answer.get("failed"), answer
    after = answers(host)
    names = {*parameters(before.get("set", "")), *parameters(after.get("set", ""))}
    assert difference(comparable(before, names), comparable(after, names)) == {}
    relay, again = (
        said["policy"].get("relay", {}),
        host.ask(READ, {"mta": host.mta, "defaults": False})["policy"].get("relay", {}),
    )
    assert {name: sorted(map(str, value)) if isinstance(value, list) else value for name, value in again.items()} == {
        name: sorted(map(str, value)) if isinstance(value, list) else value for name, value in relay.items()
    }


@pytest.mark.lab(group="adoption", uses=["pf13", "sm13"])
def test_a_fleet_becomes_an_inventory_and_the_second_run_says_nothing(tmp_path: t.Any) -> None:
    argv = [
        sys.executable,
        "-m",
        "ansible",
        "playbook",
        "-i",
        str(ROOT / "molecule" / "inventory"),
        "playbooks/adopt.yml",
    ]
    argv += ["-e", "adopt_hosts=pf13,sm13", "-e", f"adopt_dest={tmp_path}"]
    before = {name: HOSTS[name].look() for name in ("pf13", "sm13")}
    said = [
        subprocess.run(
            [*argv, *more], capture_output=True, text=True, cwd=str(ROOT), env=ansible_environment(), check=False
        )
        for more in ([], ["--check"])
    ]
    assert [done.returncode for done in said] == [0, 0], said
    assert "Nothing: the inventory says what the relays say." in said[1].stdout
    assert {name: HOSTS[name].look() for name in before} == before, "nothing is written on the relays"
    for name in before:
        text = (tmp_path / "host_vars" / name / "postmaster.yml").read_text()
        assert "relay_baseline: none" in text and f"relay_mta: {HOSTS[name].mta}" in text

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The account on real relays: what the policy no longer says goes back, and a change that fails leaves the relay up."""

from __future__ import annotations

import time

import accesshosts
import accounthosts
import instancehosts
import pytest
from accounthosts import contents, insist
from labhosts import RELAYS, some


def named(value):
    """Test names that a reader understands."""
    return getattr(value, "name", None) or str(value)


@pytest.mark.parametrize("host", some("sles15", "sm12"), ids=named)
def test_what_the_policy_no_longer_says_goes_back(host, policy):
    """B1: the default route, the address of the outgoing mail and a limit are gone when the policy has them no more."""
    routes = {**policy.get("routes", {}), "default": {"host": "mx1.ok.test"}}
    identity = {**policy.get("identity", {}), "send_from": [host.address]}
    limits = {**policy.get("limits", {}), "message_size": "12M"}
    other = {**policy, "routes": routes, "identity": identity, "limits": limits}
    host.apply(policy)
    before = contents(host)
    assert host.apply(other)["changed"]
    assert contents(host) != before
    assert host.apply(policy)["changed"]
    assert contents(host) == before


@pytest.mark.parametrize("host", some("pf12"), ids=named)
def test_a_postfix_that_does_not_start_runs_again_with_the_old_files(host, policy):
    """The reason that its own log gives stands in the message."""
    host.apply(policy)
    before = contents(host)
    answer = host.apply(policy, main={"queue_directory": "/var/spool/nosuch"})
    assert answer["failed"] and answer["restored"] is True
    assert "chdir(/var/spool/nosuch)" in answer["msg"]
    assert contents(host) == before and host.master()[0]


@pytest.mark.parametrize("host", some("sles15", "sm12"), ids=named)
def test_a_dead_milter_does_not_stay_live(host, policy):
    """Every client would get 451 afterwards: it is refused, and where somebody accepts that, the wire says so."""
    host.apply(policy)
    before = contents(host)
    line = "INPUT_MAIL_FILTER(`dead', `S=inet:9999@127.0.0.1, F=T')dnl"
    main = {"smtpd_milters": "inet:127.0.0.1:9999", "milter_default_action": "tempfail"}
    native = {"main": main} if host.mta == "postfix" else {"mc": {"before_mailers": line}}
    refused = host.apply(policy, **native)
    assert refused["failed"] and "nobody_listens" in refused["msg"] and contents(host) == before
    answer = host.apply(policy, accept_risk={"nobody_listens": "it starts on Monday"}, **native)
    assert answer["failed"] and answer["restored"] is True and "is refused now: 451" in answer["msg"]
    assert contents(host) == before


@pytest.mark.parametrize("host", some("sles15", "sm13"), ids=named)
def test_what_was_lost_comes_back_with_one_command(host, policy):
    """Whatever is left of the file: Postfix's own programs cannot read half of a main.cf."""
    host.apply(policy)
    name = f"{host.directory}/{'main.cf' if host.mta == 'postfix' else 'sendmail.cf'}"
    before = contents(host)
    for spoil in (f": > {name}", f"truncate -s 700 {name}", f"rm {name}"):
        host.run(spoil)
        answer = host.apply(policy)
        assert answer["failed"] and f"{name}: " in answer["msg"] and "undo -e undo_to=" in answer["msg"], answer
        accounthosts.undo(host, to=accounthosts.generations(host)[0]["number"])
        assert contents(host) == before


@pytest.mark.parametrize(
    "host",
    [pytest.param(host, marks=[pytest.mark.long] * (host.mta == "postfix")) for host in some("sles15", "sm12")],
    ids=named,
)
def test_generations_back_one_by_one_and_in_one_step(host, policy):
    """Byte for byte what stood there then."""
    accounthosts.make_lasting(host)
    states = [(accounthosts.generations(host)[0]["number"], contents(host))]
    for number in range(2):
        insist(accesshosts.access(host, rules=[{"to": [f"u{number}@served.test"]}]))
        states.append((accounthosts.generations(host)[0]["number"], contents(host)))
        insist(host.apply({**policy, "limits": {**policy.get("limits", {}), "message_size": f"{number + 11}M"}}))
        states.append((accounthosts.generations(host)[0]["number"], contents(host)))
    for number, state in reversed(states[:-1]):
        assert accounthosts.undo(host)["to"] == number
        assert contents(host) == state
    accounthosts.undo(host, to=states[-1][0])
    assert contents(host) == states[-1][1]
    accounthosts.undo(host, to=states[0][0])
    assert contents(host) == states[0][1]


@pytest.mark.long
@pytest.mark.parametrize("host", some("pf13", "sm13"), ids=named)
def test_a_rule_outlives_whatever_others_do(host):
    """B2: a native restriction list once unhooked every rule; relay, natives, access, table and undo in any order."""
    accounthosts.make_lasting(host)
    done = accounthosts.walk(host, 4711, 6)
    assert accounthosts.is_refused(host), done


#: Native settings that once unhooked the rules of access, or stood in front of them.
UNHOOKING = {
    "postfix": {"main": {f"smtpd_{name}_restrictions": "permit" for name in ("client", "helo", "sender", "recipient")}},
    "sendmail": {"mc": {"features": {"delay_checks": []}, "local_rulesets": "SLocal_check_mail\nR$*\t\t$@ OK\n"}},
}


@pytest.mark.parametrize("host", some("pf13", "sm13"), ids=named)
def test_native_lists_do_not_unhook_a_rule(host, policy):
    """B2: the block was gone, the run green, and the next harden said that all is well."""
    accounthosts.make_lasting(host)
    insist(accesshosts.access(host, rules=[{"from": ["bad.example"]}]))
    insist(host.apply(policy, **UNHOOKING[host.mta]))
    assert accounthosts.is_refused(host)
    assert accesshosts.rcpt(host, accounthosts.STRANGER, "a@bad.example", "user@served.test")["code"] == 550
    insist(host.apply(policy))
    assert accounthosts.is_refused(host)


@pytest.mark.parametrize("host", some("pf13", "sm13"), ids=named)
def test_a_rule_that_nobody_confirms_goes_and_what_came_later_stays(host):
    accounthosts.make_lasting(host)
    insist(accesshosts.access(host, rules=[{"to": ["passing@served.test"]}], confirm="10s"))
    insist(accesshosts.access(host, rules=[{"to": ["urgent@served.test"]}]))

    def code(recipient):
        return accesshosts.rcpt(host, accounthosts.STRANGER, "a@stranger.test", recipient)["code"]

    for dummy in range(200):
        if code("passing@served.test") == 250:
            break
        time.sleep(1)
    accounthosts.let_watchers_end(host)
    assert (code("passing@served.test"), code("urgent@served.test")) == (250, 550)
    assert accounthosts.is_refused(host)


@pytest.mark.parametrize("host", some("sles15", "sm12"), ids=named)
def test_a_host_without_an_account_is_adopted(host, policy):
    """An earlier version hardened it: the first run changes nothing and says so, and what is dropped later goes."""
    host.apply(policy)
    before = contents(host)
    host.run(f"rm -rf {accounthosts.ACCOUNT}/etc+*")
    answer = insist(host.apply(policy))
    assert answer["changed"] is False and "adopted: an earlier version configured" in answer["notes"][-1]
    assert contents(host) == before and insist(host.apply(policy))["changed"] is False


#: Each trouble on a relay of its own, two of them in the gate; tests/proof has each on all relays, several times.
IN_THE_GATE = ("killed controller", "full disk")
TROUBLES = [
    pytest.param(host, trouble, marks=() if trouble in IN_THE_GATE else pytest.mark.long)
    for host, trouble in zip(RELAYS, accounthosts.TROUBLES, strict=True)
]


@pytest.mark.parametrize("host, trouble", TROUBLES, ids=named)
def test_nobody_confirms_and_the_old_configuration_answers(host, trouble):
    """The controller is killed, its network is lost, the watcher is killed, the host restarts, the disk is full."""
    accounthosts.nobody_confirms(host, trouble)


@pytest.mark.parametrize("host", some("pf12", "sm12"), ids=named)
def test_an_instance_that_nobody_confirms_is_gone(host):
    """Its directories and its registration too."""
    before, masters = contents(host), instancehosts.masters(host)
    name = f"{host.mta}-EXT"
    directory = "/etc/postfixEXT" if host.mta == "postfix" else "/etc/mailEXT"
    answer = insist(instancehosts.instance(host, name=name, config_directory=directory, state="present", confirm="10s"))
    assert answer["confirm_by"]
    for dummy in range(200):
        if not host.run(f"ls -d {directory}", check=False).strip() and contents(host) == before:
            break
        time.sleep(1)
    accounthosts.let_watchers_end(host)
    assert contents(host) == before and instancehosts.masters(host) == masters

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The transaction on real relays: what is refused, what is taken back, what survives, what a second run does."""

from __future__ import annotations

import concurrent.futures
import contextlib
import time

import accesshosts
import pytest
from bad_input import (
    POSTFIX_BAD,
    POSTFIX_BAD_KINDS,
    POSTFIX_BROKEN,
    POSTFIX_BROKEN_KINDS,
    SENDMAIL_BAD,
    SENDMAIL_BAD_KINDS,
    SENDMAIL_BROKEN,
    SENDMAIL_BROKEN_KINDS,
    SENDMAIL_HEALED,
)
from labhosts import POSTFIX, RELAYS, SENDMAIL, of_each_kind, some, spread

#: The seconds that a rollback may take (R6).
ROLLBACK_SECONDS = 30

#: The long matrices of this file: in the gate each candidate meets one version of its MTA, in C(make proof) all of them.
BAD = [
    *spread(POSTFIX, of_each_kind(POSTFIX_BAD, POSTFIX_BAD_KINDS)),
    *spread(SENDMAIL, of_each_kind(SENDMAIL_BAD, SENDMAIL_BAD_KINDS)),
]


def named(value):
    """Test names that a reader understands."""
    return getattr(value, "name", None) or str(value)


@pytest.mark.parametrize("host, bad", BAD, ids=named)
def test_a_bad_candidate_is_refused_by_name_and_nothing_is_touched(host, bad):
    """R5: the live files are byte-identical and the same files, and the daemon is the same process."""
    before, master = host.look(), host.master()
    answer = host.apply(**bad.params)
    assert answer.get("failed"), f"{bad.name} went through: {answer}"
    assert bad.named in answer["msg"]
    assert host.look() == before
    assert host.master() == master


@pytest.mark.parametrize("host", some("sles15", "sm12"), ids=named)
def test_the_second_run_changes_nothing(host, policy):
    """R7: no file, no inode, no time stamp, no process."""
    host.apply(policy)
    before, master = host.look(), host.master()
    answer = host.apply(policy)
    assert answer["changed"] is False and answer["actions"] == []
    assert host.look() == before and host.master() == master


@pytest.mark.parametrize("host", some("sles15", "sm12"), ids=named)
def test_check_mode_predicts_the_change_and_makes_none(host, policy):
    """R8: what check mode says is what the next run does, to the byte."""
    host.apply(policy)
    before, master = host.look("/etc"), host.master()
    wish = {**policy, "limits": {**policy.get("limits", {}), "message_size": "11M", "hops": 21}}
    predicted = host.apply(wish, check_mode=True)
    assert predicted["changed"] and host.look("/etc") == before and host.master() == master
    done = host.apply(wish)
    for key in ("diff", "settings", "activation", "actions"):
        assert done[key] == predicted[key]
    host.apply(policy)


@pytest.mark.parametrize("host", some("pf12", "sm13"), ids=named)
def test_a_change_that_fails_live_is_taken_back_within_thirty_seconds(host, policy):
    """R6: on the host itself; the old files to the byte, and the relay answers as before."""
    host.apply(policy)
    before = {name: facts[0] for name, facts in host.look().items()}
    started = time.monotonic()
    pull_the_plug = (
        "verify_policy.observe = lambda *arguments, **options: verify_policy.RelayAnswers(trouble='the plug is out')"
    )
    wish = {**policy, "limits": {**policy.get("limits", {}), "message_size": "12M"}}
    answer = host.apply(wish, patch=pull_the_plug)
    assert answer["failed"] and answer["restored"] is True and "the plug is out" in answer["msg"]
    assert time.monotonic() - started < ROLLBACK_SECONDS
    assert {name: facts[0] for name, facts in host.look().items()} == before
    assert host.apply(policy)["changed"] is False


@pytest.mark.parametrize("host", some("pf12", "sm12"), ids=named)
def test_a_reload_is_a_reload_and_a_restart_a_restart(host, policy):
    """What can be reloaded leaves the daemon's life alone; listen addresses do end it.

    Postfix's master lives on with its start time. sendmail starts itself anew on SIGHUP (signal handling in op.me), so there
    the service manager is asked, which has not been told to do anything.
    """
    host.apply(policy)
    started = life(host)
    wish = {**policy, "limits": {**policy.get("limits", {}), "hops": 22}}
    assert host.apply(wish)["activation"]["kind"] == "reload"
    assert life(host) == started
    wish = {**wish, "identity": {**policy.get("identity", {}), "listen": [host.address, "127.0.0.1"]}}
    assert host.apply(wish)["activation"]["kind"] == "restart"
    assert life(host) != started
    host.apply(policy)


def life(host):
    """When the daemon was started: by the kernel's word for Postfix, by systemd's for sendmail."""
    if host.mta == "postfix":
        return host.master()[1]
    return host.run("systemctl show -p ActiveEnterTimestampMonotonic --value sendmail").strip()


@pytest.mark.parametrize("host", some("pf12"), ids=named)
def test_a_comment_by_hand_survives(host, policy):
    host.apply(policy)
    host.run(
        "printf '\\n# by hand: ask Jane before you touch this\\ndelay_logging_resolution_limit = 3\\n' >> /etc/postfix/main.cf"
    )
    host.apply({**policy, "limits": {**policy.get("limits", {}), "hops": 23}})
    text = host.read("/etc/postfix/main.cf").decode()
    assert "# by hand: ask Jane before you touch this\ndelay_logging_resolution_limit = 3\n" in text
    host.run("sed -i -e '/ask Jane/d' -e '/^delay_logging_resolution_limit/d' -e '${/^$/d}' /etc/postfix/main.cf")
    host.apply(policy)


BROKEN = [
    *[(POSTFIX[0], broken) for broken in of_each_kind(POSTFIX_BROKEN, POSTFIX_BROKEN_KINDS)],
    *spread(SENDMAIL, of_each_kind(SENDMAIL_BROKEN, SENDMAIL_BROKEN_KINDS)),
]


@contextlib.contextmanager
def spoilt(host, broken):
    """A host that is broken for a while. What was made is removed before what was there comes back: a directory may
    stand where a file was."""
    host.run(f"rm -rf /root/keep && cp -a {host.directory} /root/keep")
    try:
        host.run(f"cd {host.directory} && {broken.spoil}")
        yield
    finally:
        host.run(
            f"cd {host.directory} && for name in *; do"
            " if [ -d $name ] && [ ! -d /root/keep/$name ] || [ ! -e /root/keep/$name ]; then rm -rf $name; fi; done;"
            f" cp -a --remove-destination /root/keep/. {host.directory}/ && rm -rf /root/keep"
        )
        host.run(broken.mend or "true")
        # A process that has begun meanwhile has read the broken files, and would answer from them until it ends.
        if host.mta == "postfix":
            host.run("postfix reload")


@pytest.mark.parametrize("host, broken", BROKEN, ids=named)
def test_a_broken_host_is_told_and_left_alone(host, broken, policy):
    """R4: the message names the file or the setting; nothing is changed."""
    host.apply(policy)
    with spoilt(host, broken):
        before = host.look()
        answer = host.apply({**policy, "limits": {**policy.get("limits", {}), "hops": 24}})
        assert answer.get("failed") and broken.named in answer["msg"], answer
        assert host.look() == before


@pytest.mark.parametrize("host, broken", spread(SENDMAIL, SENDMAIL_HEALED), ids=named)
def test_our_own_output_is_healed(host, broken, policy):
    """What somebody spoilt of what we write is no broken host: the next run writes it anew, and the one after has nothing to do."""
    host.apply(policy)
    with spoilt(host, broken):
        answer = host.apply(policy)
        assert not answer.get("failed") and [one for one in answer["actions"] if broken.named in one], answer
        assert host.apply(policy)["changed"] is False


@pytest.mark.parametrize("host", some("pf12", "sm13"), ids=named)
def test_secrets_do_not_get_out(host, policy, caplog):
    """S8: five canaries in native settings; no diff, no answer, no log, no argument list has them."""
    canaries = [f"canary{number}x9k" for number in range(5)]
    if host.mta == "postfix":
        natives = {
            "main": {"smtp_sasl_password_maps": f"static:relay:{canaries[0]}"},
            "main_secrets": {"lmtp_sasl_password_maps": f"inline:{{ {{ ok.test=relay:{canaries[1]} }} }}"},
        }
    else:
        natives = {"mc": {"defines": {"confAUTH_REALM": "x"}, "local_config": f"D{{BindPassword}}{canaries[0]}\n"}}
    answer = host.apply(policy, check_mode=True, **natives)
    shown = str(answer.get("diff", "")) + str(answer.get("msg", ""))
    assert not [canary for canary in canaries if canary in shown]


#: Looks again and again, as a user without rights, where a secret could be seen: files, arguments, environments.
SPY = """rm -f /tmp/spied; runuser -u nobody -- sh -c '
while [ ! -e /tmp/spied ]; do
  grep -rlsa "[c]anary-of-the-lab" /etc /run /tmp /var/tmp /var/log /var/spool /var/lib /proc/[0-9]*/cmdline /proc/[0-9]*/environ
  echo looked; sleep 0.2
done'"""


@pytest.mark.long
@pytest.mark.parametrize("host", some("pf12", "sm13"), ids=named)
def test_no_other_user_of_the_host_sees_a_secret(host, policy):
    """During a module that is given one, and afterwards."""
    canary = "canary-of-the-lab"
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        spy = pool.submit(host.run, SPY, timeout=900)
        try:
            if host.mta == "postfix":
                secret = {"smtp_sasl_password_maps": f"inline:{{ {{ ok.test=relay:{canary} }} }}"}
                done = [host.apply(policy, main_secrets=secret)]
            else:
                entries = [{"key": "mx.test", "value": f"relay:{canary}"}]
                table = {"name": "spied", "entries": entries, "secret": True}
                done = [accesshosts.call(host, "table", **table)]
            done.append(host.apply(policy))
            time.sleep(1)
        finally:
            host.run("touch /tmp/spied")
        seen = spy.result().split()
    host.run(f"rm -f /tmp/spied {host.directory}/spied {host.directory}/spied.db")
    assert not [answer for answer in done if answer.get("failed") or canary in str(answer)], done
    assert set(seen) == {"looked"}, seen


@pytest.mark.lab(group="lab")
def test_the_hosts_differ():
    """The lab is what the other tests believe it is."""
    assert len({host.run("cat /etc/os-release | grep ^VERSION_ID").strip() for host in RELAYS}) >= 3
    assert POSTFIX and SENDMAIL

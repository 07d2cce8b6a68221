# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Capture on real relays: all of a campaign is caught and nothing else, nothing leaves, and a release delivers the originals."""

from __future__ import annotations

import base64
import random
import time
import typing as t

import pytest
from accesshosts import access
from capturehosts import CLIENTS, address_of, arrived, capture, headless, letter, queue_of, send, start_counting, talk
from labhosts import EVERY_HOST, Host, policy_of, some

TRUSTED = "10.25.0.60"
CAMPAIGN, OTHER = "third.test", "stranger.test"
PORT = 2525
FLUSH = {
    "postfix": "postqueue -f; postqueue -c /etc/postfix-capture -f; postmulti -p flush; postfix -c /etc/postfix-capture flush",
    "sendmail": "sendmail -q; sendmail -C /etc/sendmail-capture/sendmail.cf -q; sendmail -C /etc/sendmail-capture/sendmail.cf -q -v",
}
CAMPAIGN_SIZE, OTHER_SIZE = (100, 1000) if EVERY_HOST else (15, 60)


@pytest.fixture(scope="module", params=some("pf12", "sm13"), ids=str, name="host")
def _host(request: pytest.FixtureRequest) -> t.Iterator[Host]:
    """A relay with a second address, and no capture before and after."""
    host = request.param
    address = address_of(host)
    present = address in host.run("ip -br addr show dev eth0")
    if not present:
        host.run(f"ip addr add {address}/24 dev eth0")
    _clear(host)
    host.run("postsuper -d ALL 2>/dev/null || rm -f /var/spool/mqueue/*")
    yield host
    _clear(host)
    if not present:
        host.run(f"ip addr del {address}/24 dev eth0")


def _clear(host: Host) -> None:
    answer = capture(host, state="stopped", mail="delete", max=100000, timeout=30)
    assert not answer.get("failed"), answer


def _start(host: Host, **routes: t.Any) -> t.Dict[str, t.Any]:
    answer = capture(host, address=address_of(host), port=PORT, **routes)
    assert not answer.get("failed"), answer
    return answer


def _caught(host: Host, **options: t.Any) -> t.List[t.Dict[str, t.Any]]:
    answer = capture(host, "capture_info", **options)
    assert not answer.get("failed") and not answer["truncated"], answer
    return answer["messages"]


def _await(check: t.Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "it did not happen in time"
        # To look costs the host more than the mail does.
        time.sleep(2)


def _process(host: Host) -> t.Any:
    """What a restart of the production daemon would change; sendmail takes another process for a reload (SIGHUP)."""
    if host.mta == "postfix":
        return host.master()
    return host.run("systemctl show -p ActiveEnterTimestampMonotonic -p NRestarts sendmail")


def _routed(host: Host) -> t.Dict[str, t.Any]:
    """The fleet's policy, and a route of its own for the recipients of the campaign: it must not win."""
    policy = policy_of(host)
    route = {"domain": "served.test", "host": "mx1.ok.test"}
    return {**policy, "limits": {**policy["limits"], "hops": 29}, "routes": {"domains": [route]}}


def _files(host: Host) -> t.Dict[str, t.Any]:
    """The production instance's configuration: content, mode, owner."""
    return {path: facts[:4] for path, facts in host.look().items()}


def _sources(files: t.Dict[str, t.Any]) -> t.Dict[str, t.Any]:
    return {path: facts for path, facts in files.items() if not path.endswith((".db", ".lmdb", ".cdb"))}


def _settings(host: Host) -> str:
    """The text of the file with the settings, so that a difference is told line by line."""
    return host.read(f"{host.directory}/{'main.cf' if host.mta == 'postfix' else 'sendmail.mc'}").decode()


class TestACampaign:
    """One run of the whole story; the tests of this class build on each other."""

    sent: t.ClassVar[t.Dict[str, bytes]] = {}
    before: t.ClassVar[t.Dict[str, t.Any]] = {}
    settings: t.ClassVar[str] = ""

    def test_check_mode_changes_nothing(self, host: Host) -> None:
        before = host.look()
        answer = capture(host, check_mode=True, address=address_of(host), port=PORT, **{"from": [CAMPAIGN]})
        assert answer["changed"]
        assert host.look() == before
        assert not capture(host, "capture_info")["exists"]

    def test_all_of_it_and_nothing_else_is_caught(self, host: Host) -> None:
        for policy in (_routed(host), policy_of(host)):
            # What this leaves behind (an empty transport_maps, an empty mailertable) is there before, then.
            assert not host.apply(policy).get("failed")
        type(self).before, type(self).settings = _files(host), _settings(host)
        process = _process(host)
        _start(host, **{"from": [CAMPAIGN]})
        assert _process(host) == process, "the production daemon was restarted"
        start_counting(host)
        mail = [
            letter(f"news{number}@{CAMPAIGN}", f"user{number}@served.test", number) for number in range(CAMPAIGN_SIZE)
        ]
        type(self).sent = {
            content[2].partition(b"Message-ID: ")[2].split(b"\r\n")[0].decode(): content[2] for content in mail
        }
        mail += [letter(f"user{number}@{OTHER}", f"user{number}@served.test", number) for number in range(OTHER_SIZE)]
        random.Random(7).shuffle(mail)
        send(host, TRUSTED, mail)
        _await(lambda: len(arrived(host, "served.test")) == OTHER_SIZE and len(_caught(host)) == CAMPAIGN_SIZE, 300)
        assert not queue_of(host), "production mail was delayed"
        assert {one["envelope"]["mail_from"].rpartition("@")[2] for one in arrived(host, "served.test")} == {OTHER}
        assert {one["sender"].rpartition("@")[2] for one in _caught(host)} == {CAMPAIGN}

    def test_nothing_leaves_when_the_host_is_flushed(self, host: Host) -> None:
        host.run(FLUSH[host.mta], timeout=300)
        time.sleep(5)
        assert len(_caught(host)) == CAMPAIGN_SIZE
        assert len(arrived(host, "served.test")) == OTHER_SIZE

    def test_what_was_caught_is_what_was_sent(self, host: Host) -> None:
        for one in _caught(host, content=True):
            content = base64.b64decode(one["content"])
            name = content.partition(b"Message-ID: ")[2].split(b"\n")[0].decode()
            assert headless(content) == self.sent[name].replace(b"\r\n", b"\n")
            assert (one["client"], one["size"], one["cut"]) == (TRUSTED, len(content), False)

    def test_a_second_run_changes_nothing(self, host: Host) -> None:
        before = host.look()
        answer = _start(host, **{"from": [CAMPAIGN]})
        assert not answer["changed"], answer["actions"]
        assert host.look() == before

    def test_another_route_needs_no_reload(self, host: Host) -> None:
        process, master = _process(host), host.master()
        for routes in ([CAMPAIGN, "ok.test"], [CAMPAIGN]):
            answer = _start(host, **{"from": routes})
            assert answer["changed"]
            assert not [action for action in answer["actions"] if action.startswith(("reload", "restart"))]
        assert (_process(host), host.master()) == (process, master)

    def test_the_module_relay_keeps_the_routes(self, host: Host) -> None:
        answer = host.apply(policy_of(host))
        assert not answer.get("failed") and not answer["changed"], answer
        for wanted in (_routed(host), policy_of(host)):
            answer = host.apply(wanted)
            assert not answer.get("failed") and answer["changed"], answer
            before = len(_caught(host))
            send(host, TRUSTED, [letter(f"late@{CAMPAIGN}", "user@served.test", 0)])
            _await(lambda: len(_caught(host)) == before + 1)  # noqa: B023 - it is called at once
        assert len(arrived(host, "served.test")) == OTHER_SIZE

    def test_a_stop_needs_a_word_about_the_mail(self, host: Host) -> None:
        answer = capture(host, state="stopped")
        assert answer["failed"] and "release, delete or keep" in answer["msg"]
        answer = capture(host, state="stopped", mail="delete", max=3)
        assert answer["failed"] and answer["msg"].startswith("max: 3: ")
        assert len(_caught(host)) == CAMPAIGN_SIZE + 2

    def test_a_release_delivers_the_originals(self, host: Host) -> None:
        start_counting(host)
        answer = capture(host, state="stopped", mail="release", timeout=300)
        assert not answer.get("failed"), answer
        assert answer["released"] == CAMPAIGN_SIZE + 2
        _await(lambda: len(arrived(host, "served.test")) == CAMPAIGN_SIZE + 2, 300)
        found = {}
        for one in arrived(host, "served.test", content=True):
            content = base64.b64decode(one["content"])
            assert one["envelope"]["mail_from"].endswith(f"@{CAMPAIGN}")
            found[content.partition(b"Message-ID: ")[2].split(b"\r\n")[0].decode()] = headless(
                content.replace(b"\r\n", b"\n")
            )
        for name, content in self.sent.items():
            assert found[name] == content.replace(b"\r\n", b"\n")
        assert not queue_of(host)

    def test_the_production_instance_is_as_it_was(self, host: Host) -> None:
        assert _settings(host) == self.settings
        # The module relay compiled tables anew meanwhile, and a compiled one has an identifier of its own in it.
        assert _sources(_files(host)) == _sources(self.before)
        assert not capture(host, "capture_info")["exists"]
        answer = capture(host, state="stopped")
        assert not answer["changed"], answer["actions"]


def test_start_and_stop_leave_every_file_of_production_as_it_was(host: Host) -> None:
    before = _files(host)
    _start(host, **{"from": [CAMPAIGN, "<>"], "to": ["bob@served.test"], "connect": [CLIENTS[0]]})
    assert _files(host) != before
    _clear(host)
    assert _files(host) == before


ROUTES = {
    "address": (
        {"from": [f"One@{CAMPAIGN}"]},
        [f"one@{CAMPAIGN}", f"one+tag@{CAMPAIGN}"],
        [f"two@{CAMPAIGN}", f"one@{OTHER}"],
    ),
    "null sender": ({"from": ["<>"]}, [""], [f"one@{CAMPAIGN}"]),
    "domain alone": ({"from": [CAMPAIGN], "subdomains": False}, [f"one@{CAMPAIGN}"], [f"one@{OTHER}"]),
}


@pytest.mark.long
@pytest.mark.parametrize("name", ROUTES)
def test_by_sender(host: Host, name: str) -> None:
    routes, wanted, others = ROUTES[name]
    _start(host, **routes)
    start_counting(host)
    send(host, TRUSTED, [letter(sender, "user@served.test", 0) for sender in wanted + others])
    _await(lambda: len(arrived(host, "served.test")) == len(others) and len(_caught(host)) == len(wanted))
    assert sorted(one["sender"] for one in _caught(host)) == sorted(sender or "<>" for sender in wanted)
    _clear(host)


@pytest.mark.long
def test_by_recipient_only_his_copy_is_caught(host: Host) -> None:
    _start(host, to=["bob@served.test"])
    start_counting(host)
    send(
        host,
        TRUSTED,
        [(f"a@{OTHER}", ["bob@served.test", "carol@served.test"], letter(f"a@{OTHER}", "bob@served.test", 0)[2])],
    )
    _await(lambda: len(arrived(host, "served.test")) == 1 and len(_caught(host)) == 1)
    assert _caught(host)[0]["recipients"] == ["bob@served.test"]
    assert arrived(host, "served.test")[0]["envelope"]["rcpt_to"] == ["carol@served.test"]
    _clear(host)


@pytest.mark.long
def test_by_client(host: Host) -> None:
    _start(host, connect=[CLIENTS[0], "10.25.0.132/31"])
    start_counting(host)
    for client in CLIENTS:
        send(host, client, [letter(f"a@{OTHER}", "user@served.test", 0)])
    _await(lambda: len(arrived(host, "served.test")) == 1 and len(_caught(host)) == 2)
    assert sorted(one["client"] for one in _caught(host)) == sorted(CLIENTS[:2])
    _clear(host)


@pytest.mark.long
def test_tls_that_is_demanded_of_others_does_not_stop_it(host: Host) -> None:
    policy = policy_of(host)
    strict = {**policy, "tls": {**policy["tls"], "client": {**policy["tls"]["client"], "level": "encrypt"}}}
    try:
        assert not host.apply(strict).get("failed")
        _start(host, **{"from": [CAMPAIGN]})
        send(host, TRUSTED, [letter(f"a@{CAMPAIGN}", "user@served.test", 0)])
        _await(lambda: len(_caught(host)) == 1)
    finally:
        _clear(host)
        assert not host.apply(policy).get("failed")


@pytest.mark.long
def test_what_cannot_reach_the_instance_is_routed_anew(host: Host) -> None:
    _start(host, **{"from": [CAMPAIGN]})
    start_counting(host)
    host.run(f"systemctl stop {host.mta}-capture 2>/dev/null; postmulti -i postfix-capture -p stop 2>/dev/null; true")
    send(host, TRUSTED, [letter(f"a@{CAMPAIGN}", "user@served.test", 0)])
    _await(lambda: len(queue_of(host)) == 1)
    answer = capture(host, state="stopped", timeout=20)
    assert not answer.get("failed"), answer
    _await(lambda: len(arrived(host, "served.test")) == 1)
    assert not queue_of(host)


@pytest.mark.long
def test_what_production_refuses_at_a_release_stays(host: Host) -> None:
    _start(host, **{"from": [CAMPAIGN]})
    start_counting(host)
    send(host, TRUSTED, [letter(f"{name}@{CAMPAIGN}", "user@served.test", 0) for name in ("good", "bad")])
    _await(lambda: len(_caught(host)) == 2)
    assert not access(host, rules=[{"from": [f"bad@{CAMPAIGN}"], "action": "reject"}]).get("failed")
    answer = capture(host, state="stopped", mail="release", timeout=15)
    assert answer["failed"] and "1 messages are not released" in answer["msg"] and "550" in answer["msg"], answer
    assert [one["sender"] for one in _caught(host)] == [f"bad@{CAMPAIGN}"]
    _await(lambda: len(arrived(host, "served.test")) == 1)
    assert not access(host, state="exact", rules=[]).get("failed")
    answer = capture(host, state="stopped", mail="release", timeout=60)
    assert not answer.get("failed"), answer
    _await(lambda: len(arrived(host, "served.test")) == 2)
    assert not arrived(host, CAMPAIGN), "somebody got a bounce"


@pytest.mark.long
def test_keep_leaves_the_mail_and_a_later_release_takes_it(host: Host) -> None:
    _start(host, **{"from": [CAMPAIGN]})
    start_counting(host)
    send(host, TRUSTED, [letter(f"a@{CAMPAIGN}", "user@served.test", 0)])
    _await(lambda: len(_caught(host)) == 1)
    answer = capture(host, state="stopped", mail="keep")
    assert not answer.get("failed"), answer
    known = capture(host, "capture_info")
    assert (known["count"], known["running"], known["routes"]) == (1, False, [])
    answer = capture(host, state="stopped", mail="release", timeout=60)
    assert not answer.get("failed"), answer
    _await(lambda: len(arrived(host, "served.test")) == 1)


def test_strangers_get_nothing_from_the_capture_instance(host: Host) -> None:
    _start(host, **{"from": [CAMPAIGN]})
    answer = talk(address_of(host), PORT, TRUSTED)
    assert answer[-1] >= 500, answer
    _clear(host)

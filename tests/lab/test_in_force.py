# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""In force when it says so: a client that never stops asking sees the new answer when the module has ended."""

from __future__ import annotations

import concurrent.futures
import contextlib
import time
import typing as t

import pytest
from labhosts import POSTFIX, SENDMAIL, WORLD, Host, some, spread

#: Runs on world: asks for one recipient again and again; each answer with the time at which its connection began.
WATCH = """
import json, os, sys, time
from ansible_collections.postmaster.mta.plugins.module_utils._smtp import dialogue
call = json.load(sys.stdin)
answers = []
end = time.time() + 90
while time.time() < end and not os.path.exists(call["until"]):
    began = time.time()
    with dialogue.Dialogue(call["address"], 25, source=call["source"], timeout=30) as session:
        session.connect()
        session.ehlo("client.stranger.test")
        session.mail("probe@stranger.test")
        answers.append([began, session.rcpt(call["recipient"]).code])
        session.quit()
    time.sleep(0.25)
json.dump(answers, sys.stdout)
"""
DOMAIN = "third.test"


class Watch:
    """A client that asks while something is changed."""

    def __init__(self, answers: "concurrent.futures.Future[t.List[t.Tuple[float, int]]]") -> None:
        self._answers = answers

    def since(self, moment: float) -> t.List[int]:
        """Return the reply codes of the connections that began after a moment."""
        return [code for began, code in self._answers.result() if began > moment]


@contextlib.contextmanager
def watched(host: Host, recipient: str) -> t.Iterator[Watch]:
    """Ask a relay for a recipient, four times a second, from one second before the block to two seconds after it."""
    until = f"/tmp/in-force-{host}"
    WORLD.run(f"rm -f {until}")
    call = {"address": host.address, "source": "10.25.0.139", "recipient": recipient, "until": until}
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        watch = Watch(pool.submit(WORLD.ask, WATCH, call))
        time.sleep(1)
        try:
            yield watch
            time.sleep(2)
        finally:
            WORLD.run(f"touch {until}")


def with_domains(policy: t.Dict[str, t.Any], *more: str) -> t.Dict[str, t.Any]:
    relay = policy["relay"]
    return {**policy, "relay": {**relay, "domains": [*relay["domains"], *more]}}


@pytest.mark.parametrize("host", some("sles15", "sm12"), ids=str)
def test_a_served_domain_comes_and_goes_at_once(host, policy):
    host.apply(policy)
    for wish, right in ((with_domains(policy, DOMAIN), {250}), (policy, {550, 554})):
        with watched(host, f"v@{DOMAIN}") as watch:
            answer = host.apply(wish)
            ended = time.time()
        assert answer["changed"], answer
        assert set(watch.since(ended)) <= right and watch.since(ended), watch.since(ended)
        assert any(DOMAIN in said for said in answer["verified"]), answer["verified"]


def with_networks(policy: t.Dict[str, t.Any], *more: str) -> t.Dict[str, t.Any]:
    relay = policy["relay"]
    return {**policy, "relay": {**relay, "networks": [*relay["networks"], *more]}}


@pytest.mark.parametrize("host", some("pf13", "sm13"), ids=str)
def test_a_network_comes_and_goes_at_once(host, policy):
    """The client that asks is in it: from the module's end on it may relay, or may not any more."""
    host.apply(policy)
    for wish, right in ((with_networks(policy, "10.25.0.139/32"), {250}), (policy, {550, 554})):
        with watched(host, f"v@{DOMAIN}") as watch:
            answer = host.apply(wish)
            ended = time.time()
        assert answer["changed"], answer
        assert set(watch.since(ended)) <= right and watch.since(ended), watch.since(ended)
    if host.mta == "sendmail":
        assert any("10.25.0.139 may not relay any more" in said for said in answer["verified"]), answer["verified"]


@pytest.mark.parametrize("host", some("pf13", "sm13"), ids=str)
def test_a_route_is_asked_of_the_running_mta(host, policy):
    routes = {"domains": [{"domain": DOMAIN, "host": "10.25.0.50"}, {"domain": "no.test", "action": "reject"}]}
    answer = host.apply({**policy, "routes": routes})
    assert f"mail to {DOMAIN} goes to 10.25.0.50:25: the MTA's own answer" in answer["verified"], answer
    assert "mail to no.test goes to error: the MTA's own answer" in answer["verified"]
    answer = host.apply(policy)
    assert any(said.startswith(f"mail to {DOMAIN} goes to ") for said in answer["verified"]), answer


class Risk(t.NamedTuple):
    """A wish that makes a relay open or dead, and what it is called."""

    code: str
    params: t.Dict[str, t.Any]

    def __str__(self) -> str:
        return "-".join([self.code, *map(str, self.params)])


def _main(code: str, **main: str) -> Risk:
    return Risk(code, {"main": main})


POSTFIX_RISKS = (
    Risk("serves_everybody", {"relay": {"domains": ["test"], "subdomains": True}}),
    _main("trusts_everybody", mynetworks="static:all"),
    _main("serves_everybody", mydestination="static:all"),
    _main("routes_for_everybody", allow_untrusted_routing="yes"),
    _main(
        "believes_claims",
        smtpd_relay_restrictions="check_sender_access inline:{a@x.test=OK}, reject_unauth_destination",
    ),
    _main(
        "believes_claims", smtpd_relay_restrictions="check_helo_access inline:{x.test=OK}, reject_unauth_destination"
    ),
    _main("nobody_listens", smtpd_milters="inet:127.0.0.1:8899"),
    _main("discards_everything", transport_maps="static:discard:"),
    _main("refuses_everybody", smtpd_client_restrictions="reject"),
    _main("sends_to_itself", relayhost="[127.0.0.1]"),
    Risk("undefined_service", {"master": {"smtp/unix": {"state": "absent"}}}),
)
SENDMAIL_RISKS = (
    Risk("serves_everybody", {"relay": {"domains": ["test"], "subdomains": True}}),
    Risk("routes_for_everybody", {"mc": {"features": ["loose_relay_check"]}}),
    Risk("trusts_everybody", {"mc": {"local_config": "C{R}" + " ".join(map(str, range(20, 200)))}}),
    Risk("nobody_listens", {"mc": {"before_mailers": "INPUT_MAIL_FILTER(`gone', `S=inet:8899@127.0.0.1, F=T')"}}),
    Risk("sends_to_itself", {"mc": {"before_mailers": "define(`SMART_HOST', `[127.0.0.1]')"}}),
    Risk("foreign_address", {"mc": {"before_mailers": "CLIENT_OPTIONS(`Family=inet, Address=198.51.100.7')"}}),
)
RISKS = spread(POSTFIX, POSTFIX_RISKS) + spread(SENDMAIL, SENDMAIL_RISKS)


@pytest.mark.parametrize("host, risk", RISKS, ids=str)
def test_what_makes_a_relay_open_or_dead_is_refused_by_name(host, risk, policy):
    params = dict(risk.params)
    wish = {**policy, "relay": {**policy["relay"], **params.pop("relay", {})}}
    before = host.look()
    answer = host.apply(wish, **params)
    assert answer.get("failed") and f"accept_risk: {{{risk.code}: REASON}}" in answer["msg"], answer
    assert host.look() == before


@pytest.mark.parametrize("host", some("pf13"), ids=str)
def test_a_risk_that_somebody_accepts_passes_and_is_told_from_then_on(host, policy):
    main = {"smtp_bind_address": "198.51.100.7"}
    taken = host.apply(policy, main=main, accept_risk={"foreign_address": "the address comes on Monday"})
    assert taken["changed"], taken
    later = host.apply(policy, main=main)
    assert [(risk["code"], risk["accepted"]) for risk in later["risks"]] == [
        ("foreign_address", "the address comes on Monday")
    ]
    assert any("the address comes on Monday" in warning for warning in later["warnings"])
    assert not host.apply(policy)["risks"]

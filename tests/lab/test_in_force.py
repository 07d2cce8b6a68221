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
from labhosts import RELAYS, WORLD, Host

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


@pytest.mark.parametrize("host", RELAYS, ids=str)
def test_a_served_domain_comes_and_goes_at_once(host, policy):
    for wish, right in ((with_domains(policy, DOMAIN), {250}), (policy, {550, 554})):
        with watched(host, f"v@{DOMAIN}") as watch:
            answer = host.apply(wish)
            ended = time.time()
        assert answer["changed"], answer
        assert set(watch.since(ended)) <= right and watch.since(ended), watch.since(ended)
        assert any(DOMAIN in said for said in answer["verified"]), answer["verified"]

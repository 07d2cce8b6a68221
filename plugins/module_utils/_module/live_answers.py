# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the running MTA is asked after a change: its own configuration, and whether it still takes legitimate mail.

Private to the collection: it can change at any time.
"""

import socket
import typing as t

from .. import _proc
from .._driver.daemon import daemon_of
from .._driver.judgement import judgement_of
from .._driver.read import read_of
from .._model import policy, trust
from .._model.host import Host
from .._model.policy_record import Policy
from .._smtp import verify_changes, verify_policy
from . import routed

#: Words of native settings by which a relay takes domains that no list of it has.
_BY_MX = ("permit_mx_backup", "relay_based_on_MX", "relay_based_on_mx")


class _Expected(t.NamedTuple):
    """What the MTA must say of a client that sends to a domain; C(words) say it in a message."""

    client: str
    domain: str
    may_send: bool
    words: str


class LiveAnswers:
    """The dialogues before a change, and those after it."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._before: t.Optional[Policy] = None
        self._answers: t.Dict[verify_changes.Place, verify_changes.Answers] = {}
        self._was_up = daemon_of(host.mta).running(host).pid is not None
        self._relays_for_own = judgement_of(host.mta).RELAYS_FOR_OWN
        self.verified: t.List[str] = []

    def observe(self) -> None:
        """Note what the MTA takes now, before it is changed, at every place where it can be asked from the host."""
        if not self._was_up:
            return
        self._before = self._live()[0]
        known = verify_changes.served(self._before)[: verify_changes.MOST]
        for place in self._places():
            questions = [verify_changes.legitimate(domain) for domain in known]
            strange = verify_changes.foreign(known)
            questions += strange if place.client == verify_changes.STRANGER else strange[:1]
            self._answers[place] = verify_changes.ask(place, questions)

    def findings(self) -> t.List[str]:
        """Return where the MTA does not answer as its configuration says, or refuses what it took before."""
        if not self._was_up:
            self.verified.append("the MTA was not running before and was not started")
            return []
        live, by_mx = self._live()
        expected = verify_policy.expected(live)
        findings: t.List[str] = []
        for address, port in verify_policy.addresses(live):
            broken = verify_policy.settled(expected, address, port)
            findings += [f"{address}:{port}: {finding}" for finding in broken]
            self.verified.append(f"{address}:{port} answers as its configuration says")
        findings = findings or self._changes(live, by_mx)
        refuses = daemon_of(self._host.mta).running(self._host).refuses if findings else ""
        if refuses:
            self.verified = [f"nothing could be verified, by its own configuration the MTA refuses: {refuses}"]
            return []
        return findings

    def _changes(self, live: Policy, by_mx: bool) -> t.List[str]:
        """Return where what is served, or is not any more, is not answered so; at every listener that is still there."""
        if self._before is None:
            return []
        short = socket.gethostname().partition(".")[0].lower()
        whole = verify_changes.changes(self._before, live, by_mx, short)
        listening = self._places()
        findings = self._asked_of_the_mta(self._before, live, whole) + self._routes(self._before, live)
        for place, before in self._answers.items():
            if place not in listening:
                continue
            domains = whole._replace(trust=verify_changes.trust_of(place, self._before, live, self._relays_for_own))
            answered = verify_changes.settled(place, domains, before)
            wrong = answered.findings
            findings += [f"{place}, a {place.client}: {finding}" for finding in wrong]
            self.verified += [] if wrong else verify_changes.told(place, domains, before, answered)
        return findings

    def _asked_of_the_mta(self, before: Policy, live: Policy, domains: verify_changes.Domains) -> t.List[str]:
        """Return where the MTA says of a network or a domain that came, or went, what it said before the change."""
        own = _proc.own_addresses() if self._relays_for_own else ()
        expected = [
            _Expected(client, trust.FOREIGN[0], may, f"{client} may {'relay' if may else 'not relay any more'}")
            for client, may in verify_changes.networks(before, live, own)
        ]
        stranger = next(iter(trust.strangers(trust.networks_in(live.relay.networks or ()))), "")
        # A domain that a route refuses is in the lists still, and those are what a ruleset is asked about.
        listed = verify_changes.listed(live)
        refused = [domain for domain in domains.went if domain not in listed] if stranger else []
        expected += [_Expected(stranger, domain, False, f"mail to {domain} is refused") for domain in refused]
        questions = [(each.client, each.domain) for each in expected]
        answers = judgement_of(self._host.mta).may_send(self._host, questions) if questions else []
        findings = []
        for each, answer in zip(expected, answers):
            if each.may_send == answer:
                self.verified.append(f"{each.words}: the MTA's own answer")
            else:
                findings.append(f"{each.words}, but the MTA says otherwise")
        return findings

    def _routes(self, before: Policy, live: Policy) -> t.List[str]:
        """Return where the running MTA sends mail elsewhere than a route that changed says."""
        changed = routed.changes(before, live)
        answered = routed.ask(self._host, changed)
        self.verified += answered.verified
        return answered.findings

    def _places(self) -> t.Sequence[verify_changes.Place]:
        return verify_changes.places(self._listening(), _proc.own_addresses(), self._relays_for_own)

    def _listening(self) -> t.Sequence[t.Tuple[str, int]]:
        return daemon_of(self._host.mta).running(self._host).listening

    def _live(self) -> t.Tuple[Policy, bool]:
        """Return what the live configuration says, and whether it takes domains by their MX records, too."""
        # Native settings have won where they differ from the policy.
        known = read_of(self._host.mta).read(self._host)
        by_mx = any(word in str(known.get("unexpressed")) for word in _BY_MX)
        return policy.parse(known["policy"], baseline="none"), by_mx

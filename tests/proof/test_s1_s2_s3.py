# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Goals S1, S2 and S3: closed relays are seen to be closed, deliberately opened ones are seen to be open, nothing is smuggled."""

from __future__ import annotations

import typing as t

import audits
import labhosts
import pytest
from labhosts import HOSTS

BUILDS = [HOSTS[name] for name in ("pf12", "pf13", "sm12", "sm13")]
FAMILIES = ("ipv4", "ipv6")


class Mutant(t.NamedTuple):
    """A hardened relay with one deliberate mistake, and the probes that must see it.

    I(how) is shell for Postfix; for sendmail it edits the mc, the access table or relay-domains, which are built afterwards.
    I(seen_as) is how these probes are judged.
    """

    mistake: str
    mta: str
    how: str
    probes: t.FrozenSet[str]
    seen_as: str = "open"


def probes(numbers: str) -> t.FrozenSet[str]:
    return frozenset(numbers.split())


# In each of these the rest of the hardening stays, so that nothing else is to blame. It hides some tricks: the HELO checks
# T02, the refusal of bang paths O36.
NO_RELAY_RULE = (
    "postconf -e 'smtpd_relay_restrictions =' 'smtpd_recipient_restrictions = {}, reject_unauth_destination'"
)
FEATURE = "sed -i '/blocklist_recipients/i FEATURE(`{}'\\'')dnl' sendmail.mc"
MX_BACKUP = "smtpd_relay_restrictions = permit_mynetworks, permit_mx_backup, reject_unauth_destination"
UNANCHORED = "smtpd_relay_restrictions = check_recipient_access regexp:/etc/postfix/mutant, reject_unauth_destination"
# relay_hosts_only is the hardening against entries that stand for whole trees; these mistakes need it away.
WHOLE_TREES = "sed -i /relay_hosts_only/d sendmail.mc; "

MUTANTS = (
    Mutant(
        "mynetworks is the world",
        "postfix",
        "postconf -e 'mynetworks = 0.0.0.0/0'",
        probes("O01 O03 O05 O10 O37 T06 T12"),
    ),
    Mutant(
        "OK for a served sender before the relay test",
        "postfix",
        NO_RELAY_RULE.format("check_sender_access inline:{{served.test = OK}}"),
        probes("O07 O08 T04"),
    ),
    Mutant(
        "OK for a HELO name before the relay test",
        "postfix",
        "postconf -e 'smtpd_helo_restrictions ='; "
        + NO_RELAY_RULE.format("check_helo_access inline:{{localhost = OK}, {RELAY = OK}, {mx.served.test = OK}}"),
        probes("T01 T02 T04"),
    ),
    Mutant(
        "anybody may say XCLIENT",
        "postfix",
        "postconf -e 'smtpd_authorized_xclient_hosts = 0.0.0.0/0' 'smtpd_command_filter ='",
        probes("T06"),
    ),
    Mutant("untrusted routing", "postfix", "postconf -e 'allow_untrusted_routing = yes'", probes("O15 O36")),
    Mutant(
        "an expression without anchors",
        "postfix",
        f"echo '/served\\.test/ OK' > mutant; postconf -e '{UNANCHORED}'",
        probes("O49 O50"),
    ),
    Mutant("permit_mx_backup", "postfix", f"postconf -e '{MX_BACKUP}' 'proxy_interfaces = MODEL'", probes("O63")),
    Mutant(
        "no rule against relaying at all",
        "postfix",
        "postconf -e 'smtpd_relay_restrictions =' 'smtpd_recipient_restrictions = permit_mynetworks'",
        probes("C01 O01"),
        "not_tested",
    ),
    Mutant("soft_bounce", "postfix", "postconf -e 'soft_bounce = yes'", probes("O01 O10 T09"), "weak"),
    Mutant("promiscuous_relay", "sendmail", FEATURE.format("promiscuous_relay"), probes("O01 O03 O10 O37")),
    Mutant("relay_local_from", "sendmail", FEATURE.format("relay_local_from"), probes("O04 O05")),
    Mutant(
        "relay_mail_from with a served domain",
        "sendmail",
        FEATURE.format("relay_mail_from'\\'', `domain") + "; echo 'From:served.test RELAY' >> access",
        probes("O07 O08 T04"),
    ),
    Mutant("loose_relay_check", "sendmail", FEATURE.format("loose_relay_check"), probes("O15")),
    Mutant("relay_based_on_MX", "sendmail", FEATURE.format("relay_based_on_MX"), probes("O63")),
    Mutant(
        "access: an untagged parent domain", "sendmail", WHOLE_TREES + "echo 'test RELAY' >> access", probes("O01 O09")
    ),
    Mutant(
        "access: To: a parent domain", "sendmail", WHOLE_TREES + "echo 'To:test RELAY' >> access", probes("O01 O09")
    ),
    Mutant("relay-domains: a bare TLD", "sendmail", WHOLE_TREES + "echo test >> relay-domains", probes("O01 O09")),
)

KEEP = {
    "postfix": "rm -rf /root/base && cp -a /etc/postfix /root/base",
    "sendmail": "rm -rf /root/base && cp -a /etc/mail /root/base",
}
RESTORE = {
    "postfix": "rm -rf /etc/postfix/* && cp -a /root/base/. /etc/postfix/",
    "sendmail": "rm -rf /etc/mail/* && cp -a /root/base/. /etc/mail/",
}
ACTIVATE = {
    "postfix": "postfix reload",
    "sendmail": "makemap hash access < access && m4 sendmail.mc > sendmail.cf && systemctl restart sendmail",
}


@pytest.fixture(scope="module", name="hardened")
def _hardened() -> None:
    """The four builds have the fleet's policy."""
    for host in BUILDS:
        answer = host.apply(labhosts.policy_of(host))
        assert not answer.get("failed"), f"{host}: {answer['msg']}"


@pytest.fixture(scope="module", name="copies")
def _copies(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[t.Dict[str, labhosts.Host]]:
    """A hardened throw-away Postfix and a hardened throw-away sendmail."""
    directory = tmp_path_factory.mktemp("inventory")
    with audits.throwaway(directory, HOSTS["pf13"], 71) as postfix:
        with audits.throwaway(directory, HOSTS["sm13"], 72) as sendmail:
            for copy in (postfix, sendmail):
                copy.run(KEEP[copy.mta])
            yield {"postfix": postfix, "sendmail": sendmail}


def mutate(copy: labhosts.Host, mutant: Mutant) -> None:
    """Bring the copy back to the hardened state, then make the mistake."""
    model = HOSTS[audits.relay_name(copy)]
    how = mutant.how.replace("RELAY = OK", f"{model.name}.lab.test = OK").replace("MODEL", model.address)
    copy.run(RESTORE[copy.mta])
    copy.run(f"set -e; cd {copy.directory}; {how}; {ACTIVATE[copy.mta]}")


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.mistake.replace(" ", "-"))
def test_s2_a_deliberate_mistake_is_seen(copies, mutant, s2):
    copy = copies[mutant.mta]
    mutate(copy, mutant)
    answer = audits.audit(copy, probes=["relay", "session"], sink={}, timeout=15)
    assert answer["verdict"] == "failed"
    assert mutant.probes <= audits.judged(answer, mutant.seen_as), audits.told(answer)
    s2.append(mutant.mistake)


@pytest.mark.parametrize("mta", ["postfix", "sendmail"])
def test_s2_without_a_mistake_the_copies_pass(copies, mta):
    copy = copies[mta]
    copy.run(f"{RESTORE[mta]}; cd {copy.directory}; {ACTIVATE[mta]}")
    answer = audits.audit(copy, probes=["relay", "session"])
    assert answer["verdict"] == "passed", audits.told(answer)


@pytest.fixture(scope="module", name="s2")
def _s2() -> t.Iterator[t.List[str]]:
    """The mistakes that were seen; their number is printed at the end."""
    seen: t.List[str] = []
    yield seen
    print(f"\nS2 deliberately opened configurations flagged: {len(seen)}/{len(MUTANTS)}")


def test_s1_every_probe_is_refused(hardened):
    answers = [audits.audit(host, family, probes=["relay", "session"]) for host in BUILDS for family in FAMILIES]
    closed = sum(answer["counts"]["closed"] for answer in answers)
    print(f"\nS1 probes refused with 5xx on 4 builds, IPv4 and IPv6: {closed}/640")
    assert closed == 640, "\n".join(audits.told(answer) for answer in answers)


def test_s1_every_sender_with_every_recipient(hardened):
    answers = [audits.audit(host, family, probes=["cross"]) for host in BUILDS for family in FAMILIES]
    total = sum(answer["groups"]["cross"]["total"] for answer in answers)
    closed = sum(answer["groups"]["cross"]["good"] for answer in answers)
    print(f"\nS1 sender and recipient pairs refused with 5xx: {closed}/{total}")
    assert closed == total, "\n".join(audits.told(answer) for answer in answers)


def test_s3_nothing_is_smuggled(hardened):
    sources = (audits.SOURCES, [labhosts.TRUSTED_ADDRESS])
    answers = [audits.audit(host, probes=["smuggling"], source_addresses=who) for host in BUILDS for who in sources]
    bad = sum(len(audits.judged(answer, "open", "weak", "suspicious", "not_tested")) for answer in answers)
    print(
        f"\nS3 of 12 sequences x 4 builds x (stranger, trusted) that yield a second message or a lone CR, LF, NUL: {bad}"
    )
    assert bad == 0 and all(answer["verdict"] == "passed" for answer in answers), "\n".join(map(audits.told, answers))


def test_s3_every_pair_of_line_ends(hardened):
    answers = [audits.audit(host, probes=["line_ends"]) for host in BUILDS]
    total = sum(answer["groups"]["line_ends"]["total"] for answer in answers)
    good = sum(answer["groups"]["line_ends"]["good"] for answer in answers)
    print(f"\nS3 pairs of line ends around a dot that yield one message or none: {good}/{total}")
    assert good == total, "\n".join(map(audits.told, answers))

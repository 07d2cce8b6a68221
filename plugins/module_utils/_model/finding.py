# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Findings: what a check of the diagnosis observed, how bad it is, the evidence and the remedy.

Every kind of finding has a code, and every code stands in the table CODES: with its remedy, and by its place with its rank.
A judge calls L(make_finding) with a code of the table. To add a finding: a row here, a judge that makes it, a test of the judge.

Private to the collection: it can change at any time.
"""

import typing as t

from .._errors import shorten

#: How bad it is: C(error) stops mail, C(warning) can stop mail, C(notice) is only worth knowing.
ERROR, WARNING, NOTICE = "error", "warning", "notice"
SEVERITIES = (ERROR, WARNING, NOTICE)

_FIX_SERVER = "fix {server}, or remove it: sed -i '/nameserver {server}/d' /etc/resolv.conf"
_LOOK_AT_DISK = "df -h {path}; df -i {path}; du -xsh {path}"
_START_HELPER = "start it (ss -ltnx shows who listens), or take it out of {setting} (postmaster.mta.relay)"
_CLOSE_QUOTE = "close the quote in the program that writes the message"
_FLUSH = (
    """ansible {{hosts}} -m postmaster.mta.queue -a '{{"action": "flush", "select": {{"domain": ["{domain}"]}}}}'"""
)

#: Every code with its remedy, ranked: what explains most comes first, for a finding is often the consequence of one above it.
#: Words in braces are filled in by L(make_finding); C({{hosts}}) by the verdict, which knows the hosts that have the finding.
#: An empty remedy: nothing that can be done on a relay helps, or what helps is plain from the sentence.
CODES: t.Mapping[str, str] = {
    # the relay itself
    "no_mta": "",
    "mta_down": "",
    "queue_disk_read_only": "",
    "queue_disk_full": _LOOK_AT_DISK,
    "queue_inodes_full": _LOOK_AT_DISK,
    "milter_down": _START_HELPER,
    "policy_service_down": _START_HELPER,
    "content_filter_down": _START_HELPER,
    "no_resolver": "",
    "lost_letter": _CLOSE_QUOTE
    + "; until then on these relays: postmaster.mta.relay with mc: {{defines: {{confMAX_MIME_HEADER_LENGTH: '0'}}}}",
    # where this relay sends the domain's mail
    "wrong_route": "correct or remove {key} in {place} (postmaster.mta.relay, policy.routes), then flush the queue of the domain",
    "route_refuses": "",
    "loops_back": "",
    # what this relay is told about the domain
    "cname_for_mx": "fix or replace the name server {server}; clear its cache first "
    "(rndc flushname {domain}, unbound-control flush {domain})",
    "hosts_file": "remove {host} from /etc/hosts",
    "stale_address": "{flush}",
    "libc_fails": "getent hosts {host}",
    "resolver_disagrees": "clear its cache: rndc flushname {name} or unbound-control flush {name} on {server}",
    # what is wrong with the domain
    "bogus": "",
    "no_such_domain": "",
    "null_mx": "",
    "no_mail_host": "",
    "unanswered": "only the owner of the domain can fix its name servers",
    "refused_by_resolver": "",
    "alias_loop": "",
    "truncated_without_tcp": "",
    "malformed_answer": "",
    # what slows or stops the relay
    "first_resolver_silent": _FIX_SERVER,
    "load": "",
    "kernel_irq": "",
    "kernel_watchdog": "",
    "kernel_disk": "",
    "not_listening": "",
    "relay_unreachable": "",
    "relay_silent": "",
    # what the destination does, as the verdict on a fleet says it
    "destination_defers": "",
    "destination_refuses": "",
    "destination_unreachable": "",
    "destination_silent": "",
    "destination_breaks_off": "",
    # what one conversation showed
    "deferred": "",
    "refused": "",
    "no_connection": "",
    "no_greeting": "",
    "no_conversation": "",
    "no_tls": "",
    # what can stop mail, but does not yet
    "slow_greeting": "",
    "resolver_silent": _FIX_SERVER,
    "slow_server": "",
    "server_silent": "",
    "libc_slow": "",
    "chroot_resolv_conf": "postfix reload",
    "resolvers_disagree": "",
    "authorities_disagree": "",
    "authority_silent": "",
    "lame_server": "",
    "mx_is_address": "",
    "mx_without_address": "",
    "cname_at_domain": "",
    "resolves_differently": "",
    "routes_differently": "",
    "link_down": "",
    "interface_errors": "ip -s -s link show {interface}",
    "kernel_link": "",
    "kernel_memory": "",
    "kernel_table": "",
    "clock": "chronyc makestep",
    "not_reloaded": "",
    "tls_fails": "",
    "certificate_expired": "",
    "certificate_not_yet": "",
    "certificate_ends_soon": "",
    "open_quote": _CLOSE_QUOTE,
    "check_undone": "",
    # how the outside sees this relay
    "blocklisted": "find what sent it (postmaster.mta.detect_campaigns), then ask the list for removal",
    "spf_does_not_cover": "add the address to the domain's SPF record (RFC 7208)",
    "egress_differs": "",
    # whom the configuration lets in, and what it does with mail
    "trusts_everybody": "name the networks of your own clients (policy.relay.networks)",
    "serves_everybody": "name the domains that are yours (policy.relay.domains)",
    "believes_claims": "let no name that a client says of itself permit anything before the relay control",
    "permits_everybody": "put reject_unauth_destination before what permits",
    "trusts_certificates": "name the fingerprints of your clients' certificates",
    "routes_for_everybody": "leave routing characters refused",
    "discards_everything": "remove it; mail that is taken must be delivered",
    "refuses_everybody": "let your own clients, and mail to your own domains, pass before it",
    "holds_everything": "remove it, or release the queue regularly",
    "undefined_service": "define the service in master.cf, or name one that is there",
    "nobody_listens": "start what should listen there, or remove the setting",
    "sends_to_itself": "name another host as next hop",
    "rewrites_everything": "rewrite the addresses that are yours, and no others",
    "too_tight": "give it a value that ordinary mail meets; the default is one",
    "foreign_address": "name an address of this host, or none",
    "finds_no_route": "name a smart host (policy.routes.default), or let DNS be asked",
    "demands_encryption": "demand it of the domains that have it (policy.tls.domains)",
    # only worth knowing
    "waiting": _FLUSH,
    "missing_ptr": "",
    "ptr_is_not_hello": "",
    "egress_unknown": "",
    "blocklist_unusable": "",
    "ptr_not_confirmed": "",
    "mx_is_cname": "",
    "authority_unasked": "",
    "certificate_name": "",
    "recently_changed": "",
}

#: The findings about a configuration itself: it is open for strangers, or dead for everybody.
RISKS = tuple(list(CODES)[list(CODES).index("trusts_everybody") : list(CODES).index("demands_encryption") + 1])

_RANKS: t.Mapping[str, int] = {code: number for number, code in enumerate(CODES)}


class Finding(t.NamedTuple):
    """One thing that is wrong.

    :param code: a word of CODES. Findings of several hosts with the same code about the same thing are one case.
    :param about: the name, server, file or interface that is wrong.
    :param what: one sentence.
    :param evidence: what was observed, one line each.
    :param remedy: the command or the act that fixes it; empty where nobody here can.
    """

    code: str
    severity: str
    about: str
    what: str
    evidence: t.Tuple[str, ...] = ()
    remedy: str = ""

    @property
    def rank(self) -> t.Tuple[int, int]:
        """Return the place of the finding among others: the worst first, then by the order of CODES."""
        return SEVERITIES.index(self.severity), _RANKS.get(self.code, len(_RANKS))


def make_finding(
    code: str, severity: str, about: str, what: str, evidence: t.Iterable[str] = (), **words: str
) -> Finding:
    """Return a finding with the remedy of its code.

    :param words: what the remedy has in braces.
    :raises KeyError: the code does not stand in CODES, or a word of its remedy is missing.
    """
    return Finding(code, severity, about, what, tuple(evidence), CODES[code].format(**words))


def about_setting(code: str, name: str, value: str, consequence: str, severity: str = ERROR) -> Finding:
    """Return a finding about a setting: its name, its value, and what comes of it."""
    shown = value if len(value) <= 120 else value[:120] + "..."
    return make_finding(code, severity, name, f"{name} = {shown}: {consequence}")


def as_facts(finding: Finding) -> t.Dict[str, t.Any]:
    """Return a finding as the modules return it, with control characters escaped: parts of it come from outside."""
    return {
        "code": finding.code,
        "severity": finding.severity,
        "about": shorten(finding.about, 300),
        "what": shorten(finding.what, 600),
        "evidence": [shorten(line, 300) for line in finding.evidence[:20]],
        "remedy": finding.remedy,
    }


def from_facts(facts: t.Mapping[str, t.Any]) -> Finding:
    """Return the finding that a module returned as facts."""
    return Finding(
        str(facts["code"]),
        str(facts["severity"]),
        str(facts["about"]),
        str(facts["what"]),
        tuple(str(line) for line in facts.get("evidence") or ()),
        str(facts.get("remedy") or ""),
    )

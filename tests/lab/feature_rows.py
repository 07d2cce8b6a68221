# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The features of a mail relay that its postmasters ask for, a row for each: how to say it, and what is seen on each MTA.

test_features.py observes each row on a relay; tools/features.py prints docs/docsite/rst/features.rst from them.

To add a row: write it here, in the order of the numbers, with the policy as YAML; then a function check_NUMBER in
test_features.py. Rows of one round are applied as one policy, so their options must not contradict each other.
"""

from __future__ import annotations

import typing as t

#: The rounds in their order: each is one run of the module relay on a relay.
DAY, QUEUE, NAMES, LOAD = "day", "queue", "names", "load"
ROUNDS = (DAY, QUEUE, NAMES, LOAD)


class Row(t.NamedTuple):
    """One feature.

    :param policy: what is written into the relay policy, YAML; empty where it is said in another way.
    :param say: a module, a playbook or the baseline, where it is no policy.
    :param postfix: what is seen on Postfix.
    :param sendmail: what is seen on sendmail; empty where it is the same.
    :param long: whether it is observed by C(make features) and C(make proof) alone, because it takes its time.
    """

    number: int
    feature: str
    policy: str = ""
    say: str = ""
    postfix: str = ""
    sendmail: str = ""
    round: str = DAY
    long: bool = False


ROWS: t.Tuple[Row, ...] = (
    Row(
        1,
        "A hundred messages a second",
        say="the hardened baseline",
        postfix="200 messages in ten sessions, accepted and delivered; the rate is printed",
        long=True,
    ),
    Row(
        2,
        "Give up after some days, and tell the sender before",
        "queue: {lifetime: 12s, bounce_lifetime: 12s, warning_time: 3s, retry_minimum: 2s, run_interval: 2s}",
        postfix="a delay warning, then a bounce, and the queue is empty",
        round=QUEUE,
    ),
    Row(
        3,
        "Timers for each step of a delivery",
        say="``policy.timeouts``, rows 4 to 9",
        postfix="as they say",
    ),
    Row(
        4,
        "Timer of the connection and the greeting",
        "timeouts: {greeting: 5s, helo: 5s}",
        postfix="the relay hangs up after that time",
    ),
    Row(5, "Timer of MAIL", "timeouts: {mail: 7s}", postfix="the relay hangs up after that time"),
    Row(6, "Timer of QUIT", "timeouts: {quit: 5s}", postfix="the relay hangs up after that time"),
    Row(7, "Timer of RCPT", "timeouts: {rcpt: 8s}", postfix="the relay hangs up after that time"),
    Row(8, "Timer of RSET", "timeouts: {rset: 6s}", postfix="``smtp_rset_timeout``", sendmail="``Timeout.rset``"),
    Row(9, "Timers of the other commands", "timeouts: {data_init: 9s}", postfix="the relay hangs up after that time"),
    Row(10, "No ident", "timeouts: {ident: 0s}", postfix="port 113 of the client is not asked"),
    Row(
        11,
        "The greeting",
        "identity: {banner: corporate relay - no UCE}",
        postfix="``220 HOST ESMTP corporate relay - no UCE``",
    ),
    Row(
        12,
        "Bounces that nobody takes reach a person",
        "notices: {double_bounces: anna}",
        postfix="the double bounce lies in that mailbox",
    ),
    Row(
        13,
        "Loops are detected, logged and removed",
        "limits: {hops: 20}",
        postfix="554 5.4.0 after the message",
        sendmail="250, then a bounce to the sender",
    ),
    Row(14, "Bounces in MIME", say="the baseline", postfix="``multipart/report``"),
    Row(15, "Message size", "limits: {message_size: 2M}", postfix="552 5.3.4"),
    Row(16, "Recipients of a message", "limits: {recipients_per_message: 100}", postfix="452 4.5.3 for the 101st"),
    Row(
        17,
        "Minimum time between attempts",
        "queue: {retry_minimum: 2s, run_interval: 2s}",
        postfix="a deferred message is tried again after that time",
        round=QUEUE,
    ),
    Row(
        18,
        "Characters at which an address is parted",
        "session: {operator_characters: '.:%@!^/[]+='}",
        postfix="refused by name; left out and noted with ``relay_unsupported: note``",
        sendmail="``OperatorChars``",
        round=NAMES,
        long=True,
    ),
    Row(
        19,
        "Several names for this host",
        "identity: {local_domains: [other-name.test]}",
        postfix="its mailboxes exist under that name too",
    ),
    Row(
        20,
        "Aliases",
        "aliases: {crew: [one@ok.test, two@third.test], postmaster: [root]}",
        postfix="each target gets the message",
    ),
    Row(
        21,
        "Another name for a domain, or for a recipient",
        "rewrite:\n  domains: [{domain: old.test, to: served.test}, {domain: once.test, to: closed.test}]\n"
        "  recipients: [{match: info@served.test, to: user@ok.test}]\n"
        "relay: {domains: [served.test, closed.test]}\nrecipients: {domains: [{domain: closed.test, users: [anna]}]}",
        postfix="envelope and headers have the other address; an unknown user stays unknown",
        round=NAMES,
        long=True,
    ),
    Row(
        22,
        "Refuse clients at a high load",
        "load: {refuse: 40}",
        postfix="421 4.3.2",
        sendmail="the port is closed",
        round=LOAD,
        long=True,
    ),
    Row(
        23,
        "Queue mail at a high load",
        "load: {queue: 30}",
        postfix="mail is taken and waits until the load is lower",
        round=LOAD,
        long=True,
    ),
    Row(
        24,
        "Slow clients down at a high load",
        "load: {delay: 20}",
        postfix="the greeting comes a second late",
        sendmail="each command is answered a second late",
        round=LOAD,
        long=True,
    ),
    Row(
        25,
        "TLS as a server and as a client",
        "tls: {server: {certificate: /etc/ssl/lab/cert.pem, key: /etc/ssl/lab/key.pem}}",
        postfix="STARTTLS is offered, and used with other servers",
    ),
    Row(
        26,
        "Tables with thousands of entries",
        say="module access, module table",
        postfix="2000 rules, in force from the first to the last",
        long=True,
    ),
    Row(
        27,
        "Relay by recipient domain, with or without a list of its recipients",
        "relay: {domains: [served.test, closed.test, moved.test]}\nrecipients: {domains: [{domain: closed.test, users: [anna, bert]}]}",
        postfix="250 for them, 5.1.1 for an unknown recipient, 5.7.1 for other domains",
    ),
    Row(
        28,
        "No routing by bang paths and percent signs",
        "session: {special_addresses: false}",
        postfix="5.7.1 for a stranger, whatever domain is meant",
    ),
    Row(
        29, "No canonification", say="the baseline", postfix="the recipient stays in the domain that is an alias in DNS"
    ),
    Row(
        30,
        "Another address for senders",
        "rewrite:\n  senders: [{match: int.test, to: brand.test}]\n  masquerade: {domains: [hide.test], except: [root]}",
        postfix="MAIL FROM and From have the other address, recipients stay",
        round=NAMES,
        long=True,
    ),
    Row(
        31,
        "Relay by sender, by the client's name, by its certificate",
        "relay:\n  clients:\n  - {networks: [10.25.0.130/32]}\n  - {networks: [10.25.0.131/32], senders: [ok.test]}\n"
        "  - {names: [stranger36.stranger.test, forged.served.test]}\n  - {senders: [reject.test], forgeable: true}",
        postfix="250 for these, 5.7.1 for others and for a name that DNS does not confirm",
        round=NAMES,
        long=True,
    ),
    Row(
        32,
        "Relay by client address",
        "relay: {networks: [10.25.0.60/32]}",
        postfix="250 for that client, 5.7.1 for others",
    ),
    Row(
        33,
        "Refuse recipients and whole domains, served ones too, with words of one's own",
        say="module access: {to: gone@served.test, action: reject, status: 5.1.6, text: Moved away}",
        postfix="550 5.1.6 Moved away",
    ),
    Row(
        34,
        "Drop the mail for one recipient silently, by policy or by module access: {to: lost@served.test, action: drop}",
        "routes: {addresses: [{address: dropped@ok.test, action: discard}], domains: [{domain: dropped.ok.test, action: discard}]}",
        postfix="250; the other recipients of the message get it",
    ),
    Row(
        35,
        "Refuse senders",
        say="module access: {from: spammer@stranger.test, action: reject}",
        postfix="550 5.7.1 at RCPT",
    ),
    Row(
        36,
        "A reply code of one's own",
        say="module access: {from: odd@stranger.test, action: reject, code: 571, text: Go away}",
        postfix="571 5.7.1 Go away",
    ),
    Row(
        37,
        "Import and change many entries",
        say="module access: content, src; state exact",
        postfix="a file of 2000 rules is the whole list; what changes in it is added and removed",
        long=True,
    ),
    Row(
        38,
        "Only a positive list relays",
        "relay: {networks: [10.25.0.60/32]}",
        postfix="250 for that client, 5.7.1 for others",
    ),
    Row(39, "Take senders whose domain does not resolve", "session: {sender_domain_exists: false}", postfix="250"),
    Row(
        40,
        "Several instances",
        say="modules postfix_instance, sendmail_instance",
        postfix="each with its addresses, queue and policy",
        round=NAMES,
        long=True,
    ),
    Row(
        41,
        "Routes: MX, host, list with fallback, refuse, hold, single addresses, senders",
        "routes:\n  domains:\n  - {domain: fall.ok.test, hosts: [10.25.0.200, 10.25.0.51]}\n"
        "  - {domain: refused.ok.test, subdomains: true, action: reject, text: Nobody takes mail for it}\n"
        "  - {domain: kept.ok.test, action: hold}\n"
        "  addresses:\n  - {address: vip@ok.test, host: 10.25.0.56}\n"
        "  senders:\n  - {sender: news@lab.test, hosts: [10.25.0.200, 10.25.0.56]}",
        postfix="the second host gets it; 550 5.7.1 with these words; the message stays in the queue; one address and one sender by another host",
    ),
    Row(42, "Everything else by DNS", "routes: {}", postfix="the domain's MX gets it"),
    Row(
        43,
        "Comments stay",
        say="main.cf and tables are edited in place",
        postfix="a comment in main.cf survives",
        sendmail="a comment in the access table survives",
    ),
    Row(
        44,
        "HELO only for a domain",
        "routes: {domains: [{domain: helo.ok.test, host: 10.25.0.51, esmtp: false}]}",
        postfix="HELO, no TLS, no SIZE",
    ),
    Row(
        45,
        "A report every hour",
        say="role reports",
        postfix="it comes by mail with what is new",
        long=True,
    ),
    Row(
        46,
        "The log in real time",
        say="event source postmaster.mta.mail_log, playbook mail_log",
        postfix="an event as soon as the log tells of a campaign",
        long=True,
    ),
    Row(
        47,
        "The fields of the log",
        say="module log_info, playbook mail_log",
        postfix="sender, recipients, times, size, message ID, TLS, client, next hop, reason",
        long=True,
    ),
    Row(
        48,
        "Regular expressions over the log",
        say="playbook mail_log: mail_log_regex",
        postfix="the messages that match",
        long=True,
    ),
    Row(
        49,
        "An archive of the log for three months",
        say="module log_archive",
        postfix="after many days exactly so many are there",
        long=True,
    ),
    Row(
        50,
        "A test message through itself, again and again",
        say="role reports, playbook send_test",
        postfix="its silence shows",
        long=True,
    ),
    Row(
        51,
        "Report of the queue",
        say="playbook queue_report",
        postfix="hosts, domains with their oldest message, reasons, senders",
        long=True,
    ),
    Row(
        52,
        "Force the mail of a domain",
        say="playbook queue_flush",
        postfix="its messages are tried now",
        long=True,
    ),
    Row(
        53,
        "Greeting delay for some clients",
        "session: {greeting_delays: [{network: 10.25.0.132/30, delay: 6s}, {network: 10.25.0.133/32, delay: 0s}]}",
        postfix="these wait six seconds, the exemption and all others do not",
    ),
    Row(
        54,
        "Leave from one address",
        say="policy.identity.send_from, playbooks egress and browse",
        postfix="the next hop sees that address",
        round=NAMES,
        long=True,
    ),
)

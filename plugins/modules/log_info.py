#!/usr/bin/python

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read deliveries from the mail log."""

DOCUMENTATION = r"""
module: log_info
short_description: Read the mail log of Postfix and sendmail, one record for each delivery
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - Joins the lines that an MTA writes about a message into deliveries, one for each recipient. Each has its sender, client, next hop,
    delay, TLS, and what became of it.
  - Lines of both MTAs, of several instances and of several hosts can stand in one file. Rotated and compressed files are read as they are.
  - A line can have the traditional form, RFC 3339 stamps or RFC 5424. It can be JSON (C(journalctl -o json), templates of rsyslog, Docker),
    come from Kubernetes, or say that another line was repeated.
  - A big log is searched with C(grep) first where queue IDs, addresses, domains or Message-IDs are given. Only the lines of the messages
    that are meant are joined. The deliveries are those that reading all lines gives; that takes some twenty times as long.
  - Lines that are no log lines are skipped and counted. Nothing on the host is changed, except the place of a reader with O(since_last).
extends_documentation_fragment:
  - postmaster.mta._attributes
  - postmaster.mta._attributes.info_module
  - postmaster.mta._attributes.actiongroup_all
  - postmaster.mta._attributes.posix
options:
  mta:
    description: Only the lines of this MTA. V(auto) is both.
    type: str
    choices: [auto, postfix, sendmail]
    default: auto
  instance:
    description:
      - Only the lines of this instance, by the name in the tag of its lines, for instance V(postfix-out) or V(sm-mta).
      - A directory is taken for the configuration directory of a Postfix instance. V(all) is the same as nothing.
    type: str
  path:
    description:
      - The log files, also with V(*) and V(?), and V(journald) for the journal. Files compressed with gzip, bzip2, xz and, where Python or
        the host can, zstd are read as well.
      - "Without it what is there: Postfix's C(maillog_file), then the first of C(/var/log/mail.log), C(/var/log/mail) and
        C(/var/log/maillog), or else the journal. Rotated files are read as well, as far back as O(select.since) or O(select.newer_than)
        reaches."
    type: list
    elements: str
  select:
    description:
      - Which deliveries are meant. All criteria that are given must hold. Of the values of one criterion, one must.
      - An empty string is an error and an empty list fits nothing, so that a variable that is not set cannot widen the selection.
    type: dict
    suboptions:
      ids:
        description: Queue IDs.
        type: list
        elements: str
      sender:
        description:
          - Envelope senders. V(*) stands for any characters and V(?) for one; upper and lower case are the same.
          - V(<>) is the null sender of bounces.
        type: list
        elements: str
      recipient:
        description: Envelope recipients, written as in O(select.sender).
        type: list
        elements: str
      domain:
        description: Domains of recipients. V(a.example) is that domain only, V(.a.example) is everything below it.
        type: list
        elements: str
      client:
        description: Hosts that sent the message here, by name, address or network.
        type: list
        elements: str
      message_id:
        description: Message-IDs, with or without their angle brackets. V(*) and V(?) stand for what they do in O(select.sender).
        type: list
        elements: str
      since:
        description:
          - Outcomes from this time on, as V(2026-11-22), V(2026-11-22 07:30), V(2026-11-22T07:30:00+01:00), V(today), V(yesterday), V(07:30) of
            today, or V(1h) ago. Without an offset it is the host's local time.
        type: str
      until:
        description: Outcomes before this time, written as in O(select.since).
        type: str
      older_than:
        description: An age, with one of the units V(s), V(m), V(h), V(d), V(w); for instance V(4h). It counts from the message's arrival.
        type: str
      newer_than:
        description: The opposite of O(select.older_than).
        type: str
      larger_than:
        description: A size in bytes, or with one of the units V(k), V(M), V(G).
        type: str
      reason:
        description: Parts of the text that says what became of a recipient. Upper and lower case are the same.
        type: list
        elements: str
      status:
        description:
          - Any of V(sent), V(deferred), V(bounced), V(expired), V(rejected), V(discarded), V(held), which are what is meant without it.
          - "Also, by name only: V(forwarded), an alias that became other recipients, or mail that another instance of the host holds, such as
            a capture instance; V(warned), a reject_warning;
            V(unfinished), a transaction that ended without a message; V(deliverable) and V(undeliverable), address probes."
        type: list
        elements: str
      regex:
        description: A regular expression (Python), searched for in sender, recipient and reason. Upper and lower case are the same.
        type: str
  format:
    description:
      - V(records) returns RV(deliveries).
      - V(lines) returns RV(lines), C(Date|Time|Size|Direction|Sender|Recipient|Relay), the relay being the host that sent the message here.
      - O(summary) returns neither.
    type: str
    choices: [records, lines]
    default: records
  attempts:
    description:
      - V(last) shows each recipient once, with its fate so far. V(all) shows every attempt.
      - Figures are always of all attempts.
    type: str
    choices: [last, all]
    default: last
  full:
    description: Return the lines of the log that belong to each message as RV(deliveries[].raw).
    type: bool
    default: false
  limit:
    description: At most that many deliveries, the newest; V(0) is all. RV(count) says how many there are.
    type: int
    default: 1000
  summary:
    description: Return figures instead of deliveries.
    type: bool
    default: false
  top:
    description: How many senders, recipients and so on the figures list; V(0) is all.
    type: int
    default: 20
  tables:
    description:
      - With O(summary), return RV(tables) as well, from which P(postmaster.mta.merge_log_summaries#filter) makes the figures of several hosts.
    type: bool
    default: false
  internal:
    description:
      - What is one's own. Only with it deliveries have a direction, because names do not tell it.
    type: dict
    suboptions:
      networks:
        description: Networks of one's own clients and next hops, in CIDR form. The host itself is always internal.
        type: list
        elements: str
        default: []
      domains:
        description: One's own recipient domains; subdomains are included.
        type: list
        elements: str
        default: []
  since_last:
    description:
      - Go on where the last call with the same O(reader) ended, also when the log has been rotated since. Messages whose beginning was read
        then are complete.
      - The place is kept in C(/var/lib/postmaster.mta). In check mode it does not move.
    type: bool
    default: false
  reader:
    description: Who is reading; every reader has a place of its own.
    type: str
    default: log_info
seealso:
  - module: postmaster.mta.campaign_info
"""

EXAMPLES = r"""
- name: Find out who received any of these
  postmaster.mta.log_info:
    select:
      sender: ['*@*adp*']
      status: [sent]
    format: lines

- name: Show what was rejected in the last hour, and why
  postmaster.mta.log_info:
    mta: sendmail
    select:
      status: [rejected]
      newer_than: 1h

- name: Show everything that the log says about the mail of one recipient, rotated files included
  postmaster.mta.log_info:
    path: [/var/log/mail.log*]
    select:
      recipient: [alice@ok.test]
    full: true

- name: Get the figures since the last time
  postmaster.mta.log_info:
    summary: true
    since_last: true
    reader: report
    internal:
      networks: [10.25.0.0/24]
      domains: [served.test]
"""

RETURN = r"""
deliveries:
  description: One record for each recipient, in order of time.
  type: list
  elements: dict
  returned: with O(format=records)
  contains:
    time:
      description: When the outcome was logged (RFC 3339).
      type: str
      sample: "2026-11-22T07:39:25.667957+00:00"
    received:
      description: When the message arrived; null if the log does not reach back.
      type: str
    mta:
      description: C(postfix) or C(sendmail).
      type: str
    host:
      description: The host as the line names it.
      type: str
    instance:
      description: The instance, from the tag of the line.
      type: str
      sample: postfix
    queue_id:
      description: The queue ID, C(NOQUEUE) or empty if there was none.
      type: str
    message_id:
      description: The message ID with its angle brackets.
      type: str
    client:
      description: The host that sent the message here, C(local) or a user if it was submitted here.
      type: str
      sample: mail.example.com[192.0.2.1]
    client_address:
      description: The client's address.
      type: str
    sender:
      description: The envelope sender, C(<>) for the null sender, null if the log does not say it.
      type: str
    recipient:
      description: The envelope recipient; empty if the log does not name it, as when sendmail rejects a sender.
      type: str
    original_recipient:
      description: The recipient before aliases, empty if it is the same.
      type: str
    size:
      description: The size of the message in bytes, as the MTA logs it.
      type: int
    direction:
      description: C(in), C(out) or C(internal), from O(internal).
      type: str
    relay:
      description: Where the message was delivered to, or was to be.
      type: str
      sample: mx.example.org[198.51.100.7]:25
    relay_address:
      description: The address of the next hop.
      type: str
    delay:
      description: Seconds from arrival to outcome.
      type: float
    delays:
      description: "Its parts. Postfix: before the queue manager, in the queue manager, connecting, transmitting. sendmail: transmitting."
      type: list
      elements: float
    tls_in:
      description: The protocol of the client's connection, empty without TLS, null if the log does not say.
      type: str
      sample: TLSv1.3
    tls_out:
      description: The protocol of the connection to the next hop, empty without TLS, null if the log does not say.
      type: str
    status:
      description: What became of it.
      type: str
      sample: sent
    status_code:
      description: The enhanced status code (RFC 3463).
      type: str
      sample: 2.0.0
    reason:
      description: What the next hop said, or why it went wrong.
      type: str
    subject:
      description: The subject, where a header check of Postfix logs it.
      type: str
    line:
      description: The same as one line, see O(format=lines).
      type: str
      sample: 22.11.2026|07:39:25|260|IN|one@sender.test|alice@ok.test|client2.lab.test
    raw:
      description: The message's lines in the log.
      type: list
      elements: str
      returned: with O(full)
lines:
  description: The deliveries as C(Date|Time|Size|Direction|Sender|Recipient|Relay).
  type: list
  elements: str
  returned: with O(format=lines)
count:
  description: How many deliveries were selected, before O(limit).
  type: int
  returned: without O(summary)
summary:
  description: The figures.
  type: dict
  returned: with O(summary)
  contains:
    totals:
      description:
        - Deliveries by status, messages C(received) and C(deferred_messages), C(bytes_received) and C(bytes_sent), and how many different
          senders, recipients and domains there are.
      type: dict
    per_hour:
      description: The same by hour, with the offset of the log's time stamps.
      type: list
      elements: dict
    top:
      description:
        - The C(senders), C(sender_domains), C(recipients), C(recipient_domains), C(clients) and C(relays) with most messages,
          each with C(name), C(count) and C(bytes).
      type: dict
    reasons:
      description: Why it was C(rejected), C(deferred) or C(bounced), without the addresses in the texts, with C(count).
      type: dict
    delay:
      description: Seconds until delivery, by percentile C(p50), C(p90), C(p95), C(p99), and C(max).
      type: dict
    tls:
      description: The share of TLS C(in) and C(out) in percent, and by protocol.
      type: dict
    directions:
      description: Deliveries by direction.
      type: dict
    lines:
      description: Lines read.
      type: int
    skipped:
      description: Lines that were no log lines.
      type: int
tables:
  description: All that was counted, for P(postmaster.mta.merge_log_summaries#filter).
  type: dict
  returned: with O(tables)
read:
  description:
    - What the answer comes from. The number of C(lines), and the files in C(sources). C(begin) and C(end) are the first and the last time
      in them, in UTC. They are null where no line has a time.
    - The number of lines C(skipped), in C(skipped_by_kind) by reason. C(no_time) is a line without a time stamp, C(no_program) one without
      a host and a program. C(not_understood) is a damaged line of an MTA. C(repeats_unknown) says that a line came again which is not
      there. C(too_long) is longer than any line of an MTA. C(unfinished) is a last line that does not end, and can be cut in its text.
    - Where a log was searched, only the lines that were joined can be among those I(skipped).
  type: dict
  returned: success
notes:
  description: What is missing, for instance that a file ends in the middle, or that a rotated file is gone.
  type: list
  elements: str
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule

import ansible_collections.postmaster.mta.plugins.module_utils._startup  # noqa: F401  # pylint: disable=unused-import
from ansible_collections.postmaster.mta.plugins.module_utils._errors import PostmasterError, failure
from ansible_collections.postmaster.mta.plugins.module_utils._module import log_info


def main() -> None:
    module = AnsibleModule(argument_spec=log_info.ARGUMENT_SPEC, supports_check_mode=True)
    try:
        module.exit_json(changed=False, **log_info.run(module.params, module.check_mode))
    except PostmasterError as problem:
        module.fail_json(**failure(problem))


if __name__ == "__main__":
    main()

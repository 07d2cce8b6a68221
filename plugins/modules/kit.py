#!/usr/bin/python

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Install what must run on a relay without a controller."""

DOCUMENTATION = r"""
module: kit
short_description: Install what must run on a relay without a controller
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - The kit is one file, an archive of the collection's own Python files. It needs nothing but the Python of the host (3.6 or newer) and is
    run by timers of systemd; where systemd does not run, by cron.
  - Everything of it is below C(/var/lib/postmaster.mta-kit), with the timers and services C(postmaster-mta-kit-*) in C(/etc/systemd/system),
    or C(/etc/cron.d/postmaster-mta-kit). No process stays between two runs.
  - A part that is left out of the options stays as it is. So one play can set the reports, and another one the canary.
  - O(state=absent) removes every file, timer and service of it. Nothing else of the collection needs the kit.
extends_documentation_fragment:
  - postmaster.mta._attributes
  - postmaster.mta._attributes.actiongroup_all
  - postmaster.mta._attributes.posix
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  state:
    description:
      - V(present) installs the kit, or renews it where another version stands.
      - V(absent) removes it, with all that it remembers.
    type: str
    choices: [present, absent]
    default: present
  expiry:
    description:
      - Remove the blocks whose last day is over (O(postmaster.mta.access#module:rules[].expires)), by the same transaction as every change.
    type: dict
    suboptions:
      state:
        description:
          - V(absent) removes this part.
        type: str
        choices: [present, absent]
        default: present
      on_calendar:
        description:
          - When, as C(systemd.time(7)) describes it, by the clock of the host. A run that was missed is made up for.
          - cron takes V(hourly), V(daily), V(weekly), V(monthly), C(HH:MM) and C(*:0/MINUTES) only.
        type: str
        default: "*-*-* 00:05"
      instance:
        description:
          - The instance whose blocks expire, by name or directory, V(exposed) or V(all), as in M(postmaster.mta.access).
        type: str
        default: all
  reports:
    description:
      - Reports of the relay about itself, in the words and pictures of the playbook C(report). Totals, per hour, top senders, recipients, domains and
        clients, why mail was refused or deferred, delays, TLS, the queue, the certificates, what was changed.
      - Each report goes on where the last one of its name has ended, also across rotation. A run that was killed is finished by the next one, so
        nothing is told twice and nothing is lost. What the log does not have is shown as a gap.
      - Mail is handed to the relay itself, over SMTP from its own address. While it takes none, the report waits.
      - An empty list removes all reports.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - The name of the report, in the names of units and files.
        type: str
        required: true
      on_calendar:
        description:
          - When, as for O(expiry.on_calendar).
        type: str
        default: hourly
      mail_to:
        description:
          - Who gets it by mail, as text with the page as an attachment.
        type: list
        elements: str
      mail_from:
        description:
          - The sender, in the envelope as well. Without it, C(postmaster) at the name of the host.
        type: str
      subject:
        description:
          - The subject. C({title}), C({host}), C({begin}), C({end}), C({sent}), C({deferred}), C({bounced}) and C({rejected}) are filled in.
          - Without it, C({title} of {host}, {begin} to {end} UTC).
        type: str
      directory:
        description:
          - A directory of the host in which each report becomes a file. Its name has the report's name and the end of its period in UTC.
        type: path
      formats:
        description:
          - The forms of these files.
        type: list
        elements: str
        choices: [html, txt, csv, json]
        default: [html]
      keep:
        description:
          - How many files of each form are kept.
        type: int
        default: 100
      title:
        description:
          - The title.
        type: str
        default: Mail report
      top:
        description:
          - Rows of each ranking.
        type: int
        default: 10
      instance:
        description:
          - Only the lines and the queue of this instance, or V(all).
        type: str
        default: all
      internal:
        description:
          - Own networks and domains, which tell incoming mail from outgoing mail.
        type: dict
        suboptions:
          networks:
            description:
              - Networks of one's own.
            type: list
            elements: str
            default: []
          domains:
            description:
              - Domains of one's own.
            type: list
            elements: str
            default: []
  canary:
    description:
      - Messages through the relay on a schedule. One that the log calls delivered, by its own Message-ID, is a success. One that is refused,
        bounced, or not delivered in time is a failure.
      - The reason of a failure says which relay has the message and why. It is this one, with the queue ID and what the message waits for, or
        the next hop, with the answer by which that took it.
      - How each canary is stands in M(postmaster.mta.status_info), in the playbook C(fleet_status) and in O(metrics).
      - An empty list removes all canaries.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - The name of the canary.
        type: str
        required: true
      recipient:
        description:
          - Where the messages go. The relay must take mail from its own address to there.
        type: str
        required: true
      sender:
        description:
          - The sender. Without it, C(postmaster) at the name of the host.
        type: str
      subject:
        description:
          - The beginning of the subject, for filters at the other end.
        type: str
        default: canary
      template:
        description:
          - The whole subject.
        type: str
        default: "{subject} {host} {utc} {number}"
      interval:
        description:
          - The time from one message to the next.
        type: str
        default: 5m
      timeout:
        description:
          - The time within which a message must be delivered, and come back where O(canary[].mailbox) is set. Without it, the interval.
        type: str
      mailbox:
        description:
          - A Maildir or an mbox file of this host, to which the other end sends each message back or answers it. A message is a success when
            its Message-ID stands there as well. Nothing in the mailbox is changed.
          - Whether a message is back is looked at when the next one is sent, so O(canary[].interval) tells how soon it is known.
        type: path
      instance:
        description:
          - The instance that takes the messages, at an address on which it listens. Without it, the primary one.
        type: str
      server:
        description:
          - Where the messages are handed over instead, as C(host) or C(host:port), for instance the address that clients use.
        type: str
      alert:
        description:
          - Who is told when it fails.
        type: dict
        suboptions:
          mail_to:
            description:
              - Who is told, also when it succeeds again.
            type: list
            elements: str
            required: true
          mail_from:
            description:
              - The sender. Without it, C(postmaster) at the name of the host.
            type: str
          after:
            description:
              - So many failures in a row are told.
            type: int
            default: 3
          again:
            description:
              - The time after which it is told once more, while it goes on failing.
            type: str
            default: 4h
          server:
            description:
              - Another mail server for these messages, as C(host) or C(host:port). This relay may be what is broken.
            type: str
  metrics:
    description:
      - Figures for Prometheus, in a file that the textfile collector of its node exporter reads.
      - The collection has a dashboard for Grafana and alert rules for them in C(extensions/monitoring).
    type: dict
    suboptions:
      state:
        description:
          - V(absent) removes this part and its file.
        type: str
        choices: [present, absent]
        default: present
      interval:
        description:
          - The time from one look to the next.
        type: str
        default: 5m
      directory:
        description:
          - The directory of the textfile collector. C(postmaster_mta.prom) is written there.
        type: path
        default: /var/lib/prometheus/node-exporter
seealso:
  - module: postmaster.mta.status_info
  - module: postmaster.mta.access
  - module: postmaster.mta.confirm
"""

EXAMPLES = r"""
- name: Blocks end by themselves
  postmaster.mta.kit:
    expiry:
      on_calendar: "*-*-* 00:05"

- name: An hourly report by mail, a daily one as a page that stays for a year
  postmaster.mta.kit:
    reports:
      - name: hourly
        mail_to: [postmaster@ok.test]
        subject: "{host}: {sent} sent, {deferred} deferred, {rejected} refused"
      - name: daily
        on_calendar: "*-*-* 00:10"
        directory: /var/log
        formats: [html, json]
        keep: 365

- name: A message every ten minutes, and a mail after three that did not arrive
  postmaster.mta.kit:
    canary:
      - name: outside
        recipient: canary@ok.test
        interval: 10m
        alert:
          mail_to: [postmaster@ok.test]

- name: A message that the other end sends back, to a mailbox of this host
  postmaster.mta.kit:
    canary:
      - name: echo
        recipient: echo@ok.test
        mailbox: /home/canary/Maildir
        interval: 10m

- name: Figures for Prometheus
  postmaster.mta.kit:
    metrics:
      interval: 1m

- name: Blocks stay until somebody removes them; the rest of the kit goes on
  postmaster.mta.kit:
    expiry:
      state: absent

- name: No trace of the kit
  postmaster.mta.kit:
    state: absent
"""

RETURN = r"""
version:
  description: The version of the kit.
  type: str
  returned: success
  sample: 1.0.0
archive:
  description: The file that runs.
  type: str
  returned: success
  sample: /var/lib/postmaster.mta-kit/kit.pyz
jobs:
  description: What runs by itself now, or would in check mode.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: The end of the names of its units, behind C(postmaster-mta-kit-).
      type: str
      returned: always
    title:
      description: What it does.
      type: str
      returned: always
    when:
      description: Its calendar expression or interval.
      type: str
      returned: always
  sample:
    - name: expiry
      title: remove the blocks whose last day is over
      when: "*-*-* 00:05"
actions:
  description: What was done, or in check mode would be done, in order.
  type: list
  elements: str
  returned: success
  sample: ["create /var/lib/postmaster.mta-kit/kit.pyz", "start postmaster-mta-kit-expiry.timer"]
"""

from ansible.module_utils.basic import AnsibleModule

import ansible_collections.postmaster.mta.plugins.module_utils._startup  # noqa: F401  # pylint: disable=unused-import
from ansible_collections.postmaster.mta.plugins.module_utils._errors import PostmasterError, failure
from ansible_collections.postmaster.mta.plugins.module_utils._module import kit


def main() -> None:
    module = AnsibleModule(argument_spec=kit.ARGUMENT_SPEC, supports_check_mode=True)
    try:
        module.exit_json(**kit.run(module.params, module.check_mode))
    except PostmasterError as problem:
        module.fail_json(**failure(problem))


if __name__ == "__main__":
    main()

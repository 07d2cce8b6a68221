#!/usr/bin/python

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Show the queues of a fleet."""

DOCUMENTATION = r"""
module: playbook_queue_report
short_description: "Helper of the playbooks: show the queues of the relays of a play as tables"
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - Merges what M(postmaster.mta.queue_info) returned on every host of the play, and prints tables for the terminal.
  - Fails when a host could not be asked, and when no host has a message that was selected by its ID. Fails as well when a message that
    should be delivered now was deferred.
  - The result is exact when C(queue_info) was asked with C(top=0).
  - Runs on the controller only. Let it run once.
extends_documentation_fragment:
  - postmaster.mta._attributes
  - postmaster.mta._attributes.info_module
  - postmaster.mta._attributes.actiongroup_all
  - postmaster.mta._attributes.posix
options:
  variable:
    description:
      - The variable in which each host registered the result of M(postmaster.mta.queue_info) or M(postmaster.mta.queue).
    type: str
    default: queue_result
  before:
    description:
      - The variable of an earlier step. Where that failed on a host, so that O(variable) was skipped there, its reason is shown.
    type: str
  strict:
    description:
      - Fail where something was not done. V(false) only shows it, because a later step will fail.
    type: bool
    default: true
  show:
    description:
      - V(summary) shows hosts, domains by their oldest message, reasons and senders. V(messages) shows the messages themselves.
    type: str
    choices: [summary, messages]
    default: summary
  format:
    description:
      - V(json) prints the merged data.
    type: str
    choices: [table, json]
    default: table
  top:
    description:
      - How many rows each table has.
    type: int
    default: 10
"""

EXAMPLES = r"""
- name: Ask every relay
  postmaster.mta.queue_info:
    instance: all
    limit: 0
    top: 0
  register: queue_result

- name: Show the fleet
  postmaster.mta.playbook_queue_report:
  run_once: true
"""

RETURN = r"""
summary:
  description: The merged summary, as M(postmaster.mta.queue_info) describes it; each oldest message has its C(host).
  type: dict
  returned: when O(show=summary)
messages:
  description: The messages of all hosts, each with its C(host).
  type: list
  elements: dict
  returned: when O(show=messages)
count:
  description: How many messages were hit, or would be.
  type: int
  returned: when O(show=messages)
not_asked:
  description: The hosts that could not be asked, with the reason.
  type: dict
  returned: when O(format=json)
lines:
  description: What was printed.
  type: list
  elements: str
  returned: success
"""

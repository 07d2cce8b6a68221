#!/usr/bin/python

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Show what hosts answered. The work is done on the controller, by the action plugin of this name."""

DOCUMENTATION = r"""
module: playbook_answers_report
short_description: "Helper of the playbooks: show what the hosts of a play answered"
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - Prints the answers of all hosts of the play in words and tables, what several hosts answer alike once.
  - Fails when a host could not be asked, and where something is not as expected.
  - Runs on the controller only. Let it run once.
extends_documentation_fragment:
  - postmaster.mta._attributes
  - postmaster.mta._attributes.info_module
  - postmaster.mta._attributes.actiongroup_all
  - postmaster.mta._attributes.posix
  - postmaster.mta._checks
options:
  kind:
    description:
      - V(dns) shows the findings of M(postmaster.mta.dns_info), V(egress) the addresses of M(postmaster.mta.egress_info), V(route) the
        answers of M(postmaster.mta.route_info), V(message) the message of M(postmaster.mta.message_info), V(campaigns) the campaigns of
        M(postmaster.mta.campaign_info).
      - V(history) shows the generations of M(postmaster.mta.history_info), V(undo) what M(postmaster.mta.undo) brought back, V(drift) what
        M(postmaster.mta.relay_info) found to differ from what was last written.
      - V(status) shows the answers of M(postmaster.mta.status_info), one row for each relay.
      - V(tables) shows which tables M(postmaster.mta.tables_upgrade) brought to another type.
      - V(move) shows what M(postmaster.mta.move_info) says that relays become on Postfix, V(move_compare) where
        M(postmaster.mta.move_compare) found the two MTAs to differ, V(move_switch) which of the two has the ports.
      - V(delivery) shows the steps of M(postmaster.mta.smtp), V(comparison) where two of its conversations differ.
    type: str
    required: true
    choices:
      - campaigns
      - comparison
      - delivery
      - dns
      - drift
      - egress
      - history
      - message
      - move
      - move_compare
      - move_switch
      - route
      - status
      - tables
      - undo
  variable:
    description:
      - The variable in which each host registered its result.
    type: str
    required: true
  title:
    description:
      - What was asked about.
    type: str
    required: true
  strict:
    description:
      - Fail where something is not as expected. V(false) only shows it. A host that was not asked fails the task all the same.
    type: bool
    default: true
  defer:
    description:
      - Do not fail. A later task does, by RV(wrong).
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Ask where it would go
  postmaster.mta.route_info:
    address: user@ok.test
  register: trace_route

- name: Show it
  postmaster.mta.playbook_answers_report:
    kind: route
    variable: trace_route
    title: user@ok.test
  run_once: true
"""

RETURN = r"""
nagios:
  description: The line of O(format=nagios).
  type: str
  returned: always
  sample: "STATUS OK: 5 of 5 | failed=0;;0;0;5"
figures:
  description: For O(kind=status), the figures of each host that answered, by host.
  type: dict
  returned: when there are some
lines:
  description: The lines that were shown.
  type: list
  elements: str
  returned: always
wrong:
  description: The hosts that could not be asked or are not as expected, with the reason.
  type: dict
  returned: always
texts:
  description: The text of each campaign.
  type: list
  elements: str
  returned: when O(kind=campaigns)
domains:
  description: The sender domains that the proposed rules block.
  type: list
  elements: str
  returned: when O(kind=campaigns)
"""

#!/usr/bin/python

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prints the table of a rollout. The work is done on the controller, by the action plugin of this name."""

DOCUMENTATION = r"""
module: playbook_harden_table
short_description: "Helper of the playbooks: show what a rollout did to each relay"
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - Prints one line for each relay of the play. It has the MTA and the instance, the settings that were changed, what made them effective,
    and how many probes from outside passed. Relays that are not hardened follow with the reason.
  - In check mode it says what would change.
  - Fails when a relay is not hardened.
extends_documentation_fragment:
  - postmaster.mta._attributes
  - postmaster.mta._attributes.info_module
  - postmaster.mta._attributes.actiongroup_all
  - postmaster.mta._attributes.posix
  - postmaster.mta._checks
  - postmaster.mta._rollout
seealso:
  - module: postmaster.mta.playbook_harden_gate
"""

EXAMPLES = r"""
- name: Ask the relay
  ansible.builtin.ping:
  register: harden_begun

- name: Apply the relay policy
  postmaster.mta.relay:
    policy:
      relay:
        networks: [10.25.0.60/32]
        domains: [served.test]
  register: relay_result

- name: Probe it from outside
  postmaster.mta.audit_info:
    host: pf12.lab.test
    served_domain: served.test
    third_party_domain: third.test
    client_domain: stranger.test
    source_addresses: [10.25.0.108, 10.25.0.109, 10.25.0.110, 10.25.0.111]
    probes: [session]
  delegate_to: world
  register: harden_audit

- name: Show the table
  postmaster.mta.playbook_harden_table:
  run_once: true
"""

RETURN = r"""
nagios:
  description: The line of O(format=nagios).
  type: str
  returned: always
  sample: "STATUS OK: 5 of 5 | failed=0;;0;0;5"
table:
  description: The lines of the table.
  type: list
  elements: str
  returned: always
  sample:
    - "HOST  MTA             INSTANCE  CHANGED  ACTIVATION  PROBES"
    - "pf12  postfix 3.7.11  postfix   nothing  -           99 of 99"
"""

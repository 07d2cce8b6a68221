#!/usr/bin/python

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stops a rollout between its batches. The work is done on the controller, by the action plugin of this name."""

DOCUMENTATION = r"""
module: playbook_harden_gate
short_description: "Helper of the playbooks: stop a rollout when a relay is missing"
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - Stands between the batches of a rollout. C(any_errors_fatal) of Ansible ignores hosts that are unreachable. This module compares
    the planned hosts with those that reported success.
  - When a relay is missing it shows the table of M(postmaster.mta.playbook_harden_table), and the hosts that are to blame fail. With
    C(any_errors_fatal) on the task, nothing that comes later is touched.
extends_documentation_fragment:
  - postmaster.mta._attributes
  - postmaster.mta._attributes.info_module
  - postmaster.mta._attributes.actiongroup_all
  - postmaster.mta._attributes.posix
  - postmaster.mta._rollout
options:
  phase:
    description:
      - V(answered), before a change, lets the play go on when every relay answers and those of earlier batches are hardened.
      - V(finished), after a change, lets it go on when every relay of this and the earlier batches is hardened. In check mode it
        always does, so that one run shows all that is wrong in the fleet.
    type: str
    required: true
    choices: [answered, finished]
seealso:
  - module: postmaster.mta.playbook_harden_table
"""

EXAMPLES = r"""
- name: Ask every relay
  ansible.builtin.ping:
  register: harden_answered
  ignore_unreachable: true

- name: Go on when all are there
  postmaster.mta.playbook_harden_gate:
    phase: answered
  any_errors_fatal: true
"""

RETURN = r"""
msg:
  description: Why the rollout stops, or that it goes on.
  type: str
  returned: always
  sample: go on
"""

#!/usr/bin/python

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stops a rollout of access rules. The work is done on the controller, by the action plugin of this name."""

DOCUMENTATION = r"""
module: playbook_block_gate
short_description: "Helper of the playbooks: stop a rollout of access rules when a relay fails, and show what became of each"
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - Stands between the batches of C(postmaster.mta.block_domains) and at their end. C(any_errors_fatal) of Ansible ignores hosts that
    are unreachable. This module reads what each host reported.
  - A relay that failed, or a canary (a host of the first batch) that is unreachable, stops the rollout. A relay further on that is
    unreachable does not, since a block is urgent; it is listed at the end, and makes the run fail.
extends_documentation_fragment:
  - postmaster.mta._attributes
  - postmaster.mta._attributes.info_module
  - postmaster.mta._attributes.actiongroup_all
  - postmaster.mta._attributes.posix
options:
  phase:
    description:
      - V(batch), between batches, lets the rollout go on or stops it. V(end) shows the table of what was done. V(answers) shows
        the answers of M(postmaster.mta.access_info).
    type: str
    required: true
    choices: [batch, end, answers]
  variable:
    description:
      - The variable in which each host registered the result of M(postmaster.mta.access) or M(postmaster.mta.access_info).
    type: str
    default: block_result
seealso:
  - module: postmaster.mta.access
  - module: postmaster.mta.access_info
"""

EXAMPLES = r"""
- name: Ask each relay
  postmaster.mta.access_info:
    from: [emalsrv.example]
  register: block_result
  ignore_unreachable: true

- name: Ask one and show it
  block:
    - name: Ask
      postmaster.mta.access_info:
        from: [emalsrv.example]
      register: block_result

    - name: Show the answers
      postmaster.mta.playbook_block_gate:
        phase: answers
"""

RETURN = r"""
msg:
  description: Why the rollout stops, or that it goes on.
  type: str
  returned: always
  sample: go on
table:
  description: The lines that were shown.
  type: list
  elements: str
  returned: when a table is shown
"""

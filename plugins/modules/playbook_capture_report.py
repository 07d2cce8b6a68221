#!/usr/bin/python

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Show what is caught. The work is done on the controller, by the action plugin of this name."""

DOCUMENTATION = r"""
module: playbook_capture_report
short_description: "Helper of the playbooks: show what the relays of a play catch"
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - Prints one line for each host of the play, with its capture instance, what it catches, how much was caught and what was done.
  - Fails when a host did not do what it was asked.
  - Runs on the controller only. Let it run once.
extends_documentation_fragment:
  - postmaster.mta._attributes
  - postmaster.mta._attributes.info_module
  - postmaster.mta._attributes.actiongroup_all
  - postmaster.mta._attributes.posix
options:
  variable:
    description:
      - The variable in which each host registered the result of M(postmaster.mta.capture), M(postmaster.mta.capture_info) or
        M(postmaster.mta.capture_save).
    type: str
    default: capture_result
seealso:
  - module: postmaster.mta.capture
"""

EXAMPLES = r"""
- name: How much was caught
  postmaster.mta.capture_info:
  register: capture_result

- name: Show it
  postmaster.mta.playbook_capture_report:
  run_once: true
"""

RETURN = r"""
lines:
  description: What was printed.
  type: list
  elements: str
  returned: always
  sample:
    - "HOST  INSTANCE         CATCHES                CAUGHT  DONE"
    - "pf12  postfix-capture  from emalsrv.example      100  saved 100 in captured/pf12"
"""

#!/usr/bin/python

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prints the verdict of a diagnosis. The work is done on the controller, by the action plugin of this name."""

DOCUMENTATION = r"""
module: playbook_diagnosis_report
short_description: "Helper of the playbooks: make a verdict of what all relays observed, and print it"
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - Reads what M(postmaster.mta.diagnosis_info) and M(postmaster.mta.smtp) returned for every host of the play, and compares the hosts
    with each other.
  - Prints what is wrong, on which hosts, the evidence, and how to fix it. The finding that explains most comes first.
  - Where nothing is wrong it says so, and what was checked.
extends_documentation_fragment:
  - postmaster.mta._attributes
  - postmaster.mta._attributes.info_module
  - postmaster.mta._attributes.actiongroup_all
  - postmaster.mta._attributes.posix
options:
  domain:
    description:
      - The domain that was asked about.
    type: str
    required: true
  variable:
    description:
      - The variable in which each host registered the result of M(postmaster.mta.diagnosis_info).
    type: str
    default: diagnose_report
  begun:
    description:
      - The variable in which each host registered the start of M(postmaster.mta.diagnosis_info) in the background. It has the reason
        where the start failed.
    type: str
    default: diagnose_begun
  greeting:
    description:
      - The variable in which each host registered the result of M(postmaster.mta.smtp), its greeting observed from outside.
    type: str
    default: diagnose_greeting
seealso:
  - module: postmaster.mta.diagnosis_info
"""

EXAMPLES = r"""
- name: Ask every relay
  postmaster.mta.diagnosis_info:
    domain: ok.test
  register: diagnose_report

- name: Show the verdict
  postmaster.mta.playbook_diagnosis_report:
    domain: ok.test
  run_once: true
"""

RETURN = r"""
lines:
  description: What was printed.
  type: list
  elements: str
  returned: always
cases:
  description: The findings, the worst first, each with the hosts that have it; otherwise as M(postmaster.mta.dns_info) returns them.
  type: list
  elements: dict
  returned: always
healthy:
  description: Whether every relay answered and nothing is wrong.
  type: bool
  returned: always
"""

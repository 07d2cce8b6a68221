#!/usr/bin/python

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prints the verdict of a diagnosis. The work is done on the controller, by the action plugin of this name."""

DOCUMENTATION = r"""
module: diagnosis
short_description: Make a verdict of what all relays saw, and print it
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - Reads what M(postmaster.mta.diagnosis_info) left in C(diagnose_seen) and M(postmaster.mta.smtp) in C(diagnose_greeting) for every host of
    the play, compares the hosts with each other, and prints what is wrong, on which of them, the evidence and what mends it; the finding
    that explains most comes first.
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
seealso:
  - module: postmaster.mta.diagnosis_info
"""

EXAMPLES = r"""
- name: Show the verdict
  postmaster.mta.diagnosis:
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

#!/usr/bin/python

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Show the deliveries of a fleet. The work is done on the controller, by the action plugin of this name."""

DOCUMENTATION = r"""
module: playbook_log_report
short_description: "Helper of the playbooks: show the deliveries of the relays of a play"
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - Prints the deliveries that M(postmaster.mta.log_info) returned on all hosts of the play, sorted by time, with their status.
  - Where nothing was selected it says what was read.
  - Fails when a host could not be asked.
  - Runs on the controller only. Let it run once.
extends_documentation_fragment:
  - postmaster.mta._attributes
  - postmaster.mta._attributes.info_module
  - postmaster.mta._attributes.actiongroup_all
  - postmaster.mta._attributes.posix
options:
  variable:
    description:
      - The variable in which each host registered the result of M(postmaster.mta.log_info).
    type: str
    default: log_result
  format:
    description:
      - V(table) prints columns, V(lines) one line with bars for each delivery, V(json) everything that is known.
    type: str
    choices: [table, lines, json]
    default: table
  top:
    description:
      - Rows of each figure; 0 is all.
    type: int
    default: 20
  received:
    description:
      - Only what was received was asked for, as nothing else was said. Where there is none, more can be asked for, and that is said.
    type: bool
    default: false
seealso:
  - module: postmaster.mta.log_info
"""

EXAMPLES = r"""
- name: Ask every relay
  postmaster.mta.log_info:
    select:
      recipient: [alice@ok.test]
  register: log_result

- name: Show the deliveries
  postmaster.mta.playbook_log_report:
    variable: log_result
  run_once: true
"""

RETURN = r"""
lines:
  description: The lines that were shown.
  type: list
  elements: str
  returned: always
count:
  description: The number of deliveries that were selected.
  type: int
  returned: always
"""

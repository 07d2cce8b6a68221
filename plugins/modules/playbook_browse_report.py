#!/usr/bin/python

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Say how one gets through a door. The work is done on the controller, by the action plugin of this name."""

DOCUMENTATION = r"""
module: playbook_browse_report
short_description: "Helper of the playbooks: say how one gets through the doors of a play"
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - Prints for each host of the play until when its door is open, from which address it leaves, the command of ssh that leads to it, and what
    a browser is told.
  - Fails when a host could not be asked, and where O(connect) fails.
  - Runs on the controller only. Let it run once.
extends_documentation_fragment:
  - postmaster.mta._attributes
  - postmaster.mta._attributes.info_module
  - postmaster.mta._attributes.actiongroup_all
  - postmaster.mta._attributes.posix
options:
  variable:
    description:
      - The variable in which each host registered the result of M(postmaster.mta.browse).
    type: str
    default: browse_result
  port:
    description:
      - The port of 127.0.0.1 on the controller at which the door of the first host is entered. The next host has the next port.
    type: int
    default: 1080
  socket:
    description:
      - A socket of the controller's file system instead, which only its owner can open. With several hosts, each has the name of its host
        behind it.
    type: str
  connect:
    description:
      - Start ssh in the background. It ends when the door closes.
    type: bool
    default: false
seealso:
  - module: postmaster.mta.browse
"""

EXAMPLES = r"""
- name: Open a door for a minute
  postmaster.mta.browse:
    duration: 1m
  register: browse_result

- name: Say how one gets through
  postmaster.mta.playbook_browse_report:
  run_once: true

- name: Close it
  postmaster.mta.browse:
    state: closed
"""

RETURN = r"""
lines:
  description: What was printed.
  type: list
  elements: str
  returned: always
  sample:
    - "mx1: open until 2026-03-01 12:30:00 UTC, leaves from 192.0.2.11"
commands:
  description: The command of ssh for each host, in words.
  type: dict
  returned: always
"""

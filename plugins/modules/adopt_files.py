#!/usr/bin/python

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write an inventory of what was read. The work is done on the controller, by the action plugin of this name."""

DOCUMENTATION = r"""
module: adopt_files
short_description: Write what was read of a fleet into the files of an inventory
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - Writes one file for each host of the play, C(host_vars/HOST/postmaster.yml). It has the policy and the native settings that
    M(postmaster.mta.relay_info) read, as variables of the role P(postmaster.mta.relay#role).
  - What all hosts have in common goes into C(group_vars/GROUP/postmaster.yml).
  - Comments name what could not be said, and what the hardened baseline would change.
  - A file that is there is not written again. It is yours; only O(overwrite=true) replaces it.
  - Runs on the controller only. Let it run once.
extends_documentation_fragment:
  - postmaster.mta._attributes
  - postmaster.mta._attributes.actiongroup_all
  - postmaster.mta._attributes.posix
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  variable:
    description:
      - The variable in which each host registered the result of M(postmaster.mta.relay_info) with O(postmaster.mta.relay_info#module:defaults=false).
    type: str
    required: true
  dest:
    description:
      - The directory of the inventory on the controller.
    type: path
    required: true
  group:
    description:
      - The group whose file gets what all hosts have in common.
    type: str
    default: relays
  overwrite:
    description:
      - Write files anew that say something else than the relay.
    type: bool
    default: false
seealso:
  - module: postmaster.mta.relay_info
"""

EXAMPLES = r"""
- name: Read the relays
  postmaster.mta.relay_info:
    defaults: false
  register: adopt_result

- name: Write the inventory
  postmaster.mta.adopt_files:
    variable: adopt_result
    dest: /tmp/inventory
  run_once: true
"""

RETURN = r"""
files:
  description: The files of the inventory, below O(dest).
  type: list
  elements: str
  returned: success
lines:
  description: What was shown, line by line.
  type: list
  elements: str
  returned: success
"""

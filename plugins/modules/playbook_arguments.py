#!/usr/bin/python

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check the variables of a playbook. The work is done on the controller, by the action plugin of this name."""

DOCUMENTATION = r"""
module: playbook_arguments
short_description: "Helper of the playbooks: check the variables of a playbook of this collection"
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - Fails when a variable of the command line is nearly one of the playbook, when a value has a wrong type or format, and when one is
    missing. A selection can then never become wider because a name was misspelt.
  - Fails when no host matches.
  - Reads the file of the playbook in C(playbooks/argument_specs).
  - Runs on the controller only. Let it run once, before anything else.
extends_documentation_fragment:
  - postmaster.mta._attributes
  - postmaster.mta._attributes.info_module
  - postmaster.mta._attributes.actiongroup_all
  - postmaster.mta._attributes.posix
options:
  playbook:
    description:
      - The name of the playbook.
    type: str
    required: true
  within:
    description:
      - The playbook that imports this one. The names of its variables are no mistake here.
    type: str
"""

EXAMPLES = r"""
- name: Check the variables
  postmaster.mta.playbook_arguments:
    playbook: queue_flush
  run_once: true
"""

RETURN = r"""
user:
  description: The user of the controller.
  type: str
  returned: always
  sample: anna
paths:
  description: The files of the controller that were given, each by the name of its variable, as absolute paths.
  type: dict
  returned: success
"""

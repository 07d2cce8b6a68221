#!/usr/bin/python

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ask before messages are changed. The work is done on the controller, by the action plugin of this name."""

DOCUMENTATION = r"""
module: playbook_queue_confirm
short_description: "Helper of the playbooks: ask before messages are changed for good"
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - Asks at the terminal, once for all hosts of the play, and fails when the answer is not C(yes) or nobody is there to answer.
  - Does not ask in check mode, or where no message is selected.
  - Runs on the controller only. Let it run once.
extends_documentation_fragment:
  - postmaster.mta._attributes
  - postmaster.mta._attributes.info_module
  - postmaster.mta._attributes.actiongroup_all
  - postmaster.mta._attributes.posix
options:
  variable:
    description:
      - The variable in which each host registered the result of M(postmaster.mta.queue) in check mode.
    type: str
    default: queue_selected
  prompt:
    description:
      - The question.
    type: str
    required: true
  confirmed:
    description:
      - Do not ask, the answer is yes.
    type: bool
    default: false
seealso:
  - module: postmaster.mta.queue
"""

EXAMPLES = r"""
- name: Ask
  postmaster.mta.playbook_queue_confirm:
    variable: queue_selected
    prompt: Type yes to delete these messages for good
  run_once: true
  register: queue_answer
"""

RETURN = r"""
confirmed:
  description: Whether the answer is yes.
  type: bool
  returned: always
msg:
  description: The reason.
  type: str
  returned: always
"""

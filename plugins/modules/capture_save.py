#!/usr/bin/python

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Save what was caught. The work is done on the controller, by the action plugin of this name."""

DOCUMENTATION = r"""
module: capture_save
short_description: Save the messages of a capture instance on the controller
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - Fetches the messages of the capture instance of each host, piece by piece. On the controller each host has a directory with each message
    as C(ID.eml), byte for byte, and its envelope as C(ID.json).
  - What is there already is not fetched again. Nothing is removed, neither here nor there.
extends_documentation_fragment:
  - postmaster.mta._mta
  - postmaster.mta._select
  - postmaster.mta._attributes
  - postmaster.mta._attributes.actiongroup_all
  - postmaster.mta._attributes.posix
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  dest:
    description:
      - The directory on the controller. Below it there is one for each host.
    type: path
    required: true
  instance:
    description:
      - The production instance, by its name or by its configuration directory. Without it, the primary one.
    type: str
  name:
    description:
      - The name of the capture instance. Without it, V(postfix-capture) or V(sendmail-capture).
    type: str
  limit:
    description:
      - How many messages to save at most, the oldest ones.
    type: int
    default: 1000
  max_bytes:
    description:
      - How many bytes of one message to save at most; C(cut) in its envelope says so.
    type: int
    default: 26214400
notes:
  - Mail is private, and the files can hold malware. They are readable by the user of the controller only.
seealso:
  - module: postmaster.mta.capture
  - module: postmaster.mta.capture_info
"""

EXAMPLES = r"""
- name: Save what was caught
  postmaster.mta.capture_save:
    dest: captured
"""

RETURN = r"""
dest:
  description: The directory of this host.
  type: str
  returned: success
count:
  description: How many messages are in the capture instance.
  type: int
  returned: success
saved:
  description: The files that were written, or in check mode would be, without C(.eml) and C(.json).
  type: list
  elements: str
  returned: success
gone:
  description: How many left the queue after they were listed, and before their content was fetched.
  type: int
  returned: success
messages:
  description: The envelopes, as M(postmaster.mta.capture_info) returns them.
  type: list
  elements: dict
  returned: success
routes:
  description: What is caught, in words.
  type: list
  elements: str
  returned: success
truncated:
  description: Whether there are more messages than O(limit).
  type: bool
  returned: success
"""

#!/usr/bin/python

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Return what was changed on a relay, when, by whom, and how it ended."""

DOCUMENTATION = r"""
module: history_info
short_description: Return what was changed on a relay, when, by whom, and how it ended
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - Reads the account that the host keeps of each instance below C(/var/lib/postmaster.mta).
  - What the files contained stays on the host; it is not part of the answer.
extends_documentation_fragment:
  - postmaster.mta._mta.every
  - postmaster.mta._mta
  - postmaster.mta._attributes
  - postmaster.mta._attributes.info_module
  - postmaster.mta._attributes.actiongroup_all
  - postmaster.mta._attributes.posix
options:
  limit:
    description:
      - At most so many generations of each instance are returned, the newest first.
    type: int
    default: 20
seealso:
  - module: postmaster.mta.undo
  - module: postmaster.mta.confirm
"""

EXAMPLES = r"""
- name: Read what was changed lately
  postmaster.mta.history_info:
    instance: all
    limit: 5
  register: history
"""

RETURN = r"""
instances:
  description: The instances with their generations.
  type: list
  elements: dict
  returned: success
  contains:
    mta:
      description: C(postfix) or C(sendmail).
      type: str
    name:
      description: The name of the instance.
      type: str
    config_directory:
      description: Its configuration directory.
      type: str
    count:
      description: How many generations are kept.
      type: int
    owned:
      description: The settings, services and files that each author owns, by name.
      type: dict
    generations:
      description: The generations, the newest first.
      type: list
      elements: dict
      contains:
        number:
          description: Its number.
          type: int
          sample: 17
        time:
          description: When it was made, in UTC.
          type: str
          sample: "2026-11-30T08:20:00Z"
        module:
          description: The module that made it.
          type: str
          sample: relay
        by:
          description: Who made it.
          type: str
        ticket:
          description: The ticket.
          type: str
        digest:
          description: What tells one policy with its native settings from another.
          type: str
        files:
          description: The files that it changed.
          type: list
          elements: str
        activation:
          description: What made it effective.
          type: dict
        ended:
          description: How it ended. One of V(live), V(not confirmed yet), V(confirmed), V(rolled back), V(undone).
          type: str
        reason:
          description: Why it was rolled back.
          type: str
        state:
          description: The generation whose configuration it left; its own number, or the one that it went back to.
          type: int
        undoes:
          description: The generations that it undid.
          type: list
          elements: int
        confirm_by:
          description: Until when it must be confirmed, in seconds since the epoch; null where nobody has to.
          type: int
"""

from ansible.module_utils.basic import AnsibleModule

import ansible_collections.postmaster.mta.plugins.module_utils._startup  # noqa: F401  # pylint: disable=unused-import
from ansible_collections.postmaster.mta.plugins.module_utils._errors import PostmasterError, failure
from ansible_collections.postmaster.mta.plugins.module_utils._module import history_info


def main() -> None:
    module = AnsibleModule(argument_spec=history_info.ARGUMENT_SPEC, supports_check_mode=True)
    try:
        module.exit_json(changed=False, **history_info.run(module.params, module.check_mode))
    except PostmasterError as problem:
        module.fail_json(**failure(problem))


if __name__ == "__main__":
    main()

#!/usr/bin/python

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Confirm a change that the host would otherwise roll back by itself."""

DOCUMENTATION = r"""
module: confirm
short_description: Confirm a change that the host would otherwise roll back by itself
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - A change that was made with O(postmaster.mta.relay#module:confirm) is rolled back by the host itself, unless this module confirms it in
    time. M(postmaster.mta.access), M(postmaster.mta.table), M(postmaster.mta.capture), M(postmaster.mta.undo),
    M(postmaster.mta.move_switch), M(postmaster.mta.postfix_instance) and M(postmaster.mta.sendmail_instance) have the same option.
  - Confirming what is confirmed already changes nothing. What is rolled back already cannot be confirmed.
extends_documentation_fragment:
  - postmaster.mta._mta
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
  generation:
    description:
      - The generation to confirm, as the module that made the change returned it. Without it, every one of the instance that waits.
    type: int
  state:
    description:
      - V(confirmed) keeps the change. V(rolled_back) rolls it back at once; what was changed later stays.
    type: str
    choices: [confirmed, rolled_back]
    default: confirmed
  lock_timeout:
    description:
      - Seconds to wait for another run that is changing the same instance.
    type: float
    default: 60
seealso:
  - module: postmaster.mta.relay
  - module: postmaster.mta.history_info
"""

EXAMPLES = r"""
- name: Change the relay, and have the host roll it back unless it is confirmed
  postmaster.mta.relay:
    policy:
      limits:
        message_size: 25M
    confirm: 10m
  register: change

- name: Confirm it
  postmaster.mta.confirm:
    generation: "{{ change.generation }}"
"""

RETURN = r"""
mta:
  description: The MTA.
  type: str
  returned: success
instance:
  description: The name of the instance.
  type: str
  returned: success
confirmed:
  description: The generations that were confirmed.
  type: list
  elements: int
  returned: success
rolled_back:
  description: The generations that were rolled back.
  type: list
  elements: int
  returned: success
actions:
  description: What was done, or in check mode would be done.
  type: list
  elements: str
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule

import ansible_collections.postmaster.mta.plugins.module_utils._startup  # noqa: F401  # pylint: disable=unused-import
from ansible_collections.postmaster.mta.plugins.module_utils._errors import PostmasterError, failure
from ansible_collections.postmaster.mta.plugins.module_utils._module import confirm


def main() -> None:
    module = AnsibleModule(argument_spec=confirm.ARGUMENT_SPEC, supports_check_mode=True)
    try:
        module.exit_json(**confirm.run(module.params, module.check_mode))
    except PostmasterError as problem:
        module.fail_json(**failure(problem))


if __name__ == "__main__":
    main()

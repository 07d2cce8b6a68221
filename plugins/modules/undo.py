#!/usr/bin/python

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Go back to an earlier generation of an instance."""

DOCUMENTATION = r"""
module: undo
short_description: Go back to what an instance's configuration was before a change
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - Brings back the files as they stood there after an earlier generation, byte for byte, on the same way that every change takes. They are
    staged, checked by the MTA, swapped in, activated and verified; whatever fails, the configuration of now comes back.
  - Compiled tables are made anew from their sources.
  - What was changed manually in these files since goes as well, and is named in RV(notes). A large table that was changed manually is refused.
extends_documentation_fragment:
  - postmaster.mta._confirm
  - postmaster.mta._mta
  - postmaster.mta._attributes
  - postmaster.mta._attributes.actiongroup_all
  - postmaster.mta._attributes.posix
attributes:
  check_mode:
    support: full
    details:
      - Ends after the plan; nothing is written.
  diff_mode:
    support: full
    details:
      - Values that are secrets by their name or form are never shown.
  idempotent:
    support: partial
    details:
      - With O(to) a second run changes nothing; without it, it goes one generation further back.
options:
  to:
    description:
      - The generation to go back to, as M(postmaster.mta.history_info) numbers them. V(0), or the number before the oldest that is kept,
        is what stood there before it. Without it, the state before that of now.
      - The newest generation puts back what was written last where a file was lost or changed manually since.
    type: int
  by:
    description:
      - Who goes back, for the account.
    type: str
  ticket:
    description:
      - The ticket, for the account.
    type: str
  lock_timeout:
    description:
      - Seconds to wait for another run that is changing the same instance.
    type: float
    default: 60
seealso:
  - module: postmaster.mta.history_info
"""

EXAMPLES = r"""
- name: Take the last change back
  postmaster.mta.undo:
    by: anna
    ticket: OPS-4711

- name: Read which generations there are
  postmaster.mta.history_info:
  register: history

- name: Show what going back to the oldest of them would change
  postmaster.mta.undo:
    to: "{{ history.instances[0].generations[-1].number }}"
  check_mode: true
  diff: true
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
to:
  description: The generation whose configuration is live now.
  type: int
  returned: success
  sample: 12
undone:
  description: The generations whose changes are gone.
  type: list
  elements: int
  returned: success
actions:
  description: What was done, or in check mode would be done, in order.
  type: list
  elements: str
  returned: success
activation:
  description: What made it effective.
  type: dict
  returned: success
notes:
  description: The files that were changed manually since.
  type: list
  elements: str
  returned: success
generation:
  description: The number that the way back has in the account; null where nothing changed.
  type: int
  returned: success
confirm_by:
  description: Until when the change must be confirmed, in seconds since the epoch; null where nobody has to.
  type: int
  returned: success
verified:
  description: What the running MTA was asked, and that it answered as it should.
  type: list
  elements: str
  returned: success
findings:
  description: Why it was refused or rolled back, one sentence each.
  type: list
  elements: str
  returned: failure
restored:
  description: Whether the configuration of before is live again; only where the other one had been live.
  type: bool
  returned: failure
"""

from ansible.module_utils.basic import AnsibleModule

import ansible_collections.postmaster.mta.plugins.module_utils._startup  # noqa: F401  # pylint: disable=unused-import
from ansible_collections.postmaster.mta.plugins.module_utils._errors import PostmasterError, failure, told
from ansible_collections.postmaster.mta.plugins.module_utils._module import undo


def main() -> None:
    module = AnsibleModule(argument_spec=undo.ARGUMENT_SPEC, supports_check_mode=True)
    try:
        module.exit_json(**told(module.warn, undo.run(module.params, module.check_mode)))
    except PostmasterError as problem:
        module.fail_json(**failure(problem))


if __name__ == "__main__":
    main()

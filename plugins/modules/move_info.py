#!/usr/bin/python

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Say what a sendmail becomes on Postfix."""

DOCUMENTATION = r"""
module: move_info
short_description: Say what a sendmail configuration becomes on Postfix, construct by construct
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - Reads C(sendmail.mc), the C(sendmail.cf) that runs, all tables, class files, aliases, C(submit.cf), scripts that call sendmail, and the
    queue. Returns the relay in the words of Postfix, and a row for each construct.
  - Each row is V(converted), V(differs) or V(not converted). One that differs says in a sentence how. One that is not converted has the
    line, what it seems to do, and the test that would show it. Nothing is guessed.
  - Nothing is written on the host. Postfix need not be installed.
extends_documentation_fragment:
  - postmaster.mta._attributes
  - postmaster.mta._attributes.info_module
  - postmaster.mta._attributes.actiongroup_all
  - postmaster.mta._attributes.posix
options:
  instance:
    description:
      - The instance of sendmail, by its name or by its configuration directory. Without it, the primary one.
    type: str
seealso:
  - module: postmaster.mta.relay_info
  - module: postmaster.mta.access
"""

EXAMPLES = r"""
- name: Say what this sendmail becomes on Postfix
  postmaster.mta.move_info:
    instance: sendmail
  register: move
"""

RETURN = r"""
instance:
  description: The instance that was read.
  type: str
  returned: success
policy:
  description: The relay policy, for O(postmaster.mta.relay#module:policy) on Postfix.
  type: dict
  returned: success
natives:
  description: The native settings of Postfix besides it, C(main) and C(master), for the options of M(postmaster.mta.relay) of the same names.
  type: dict
  returned: success
tables:
  description: The lines of each lookup table that the native settings name, by its name in the configuration directory.
  type: dict
  returned: success
rules:
  description: Rules for O(postmaster.mta.access#module:rules), in the order of the access file.
  type: list
  elements: dict
  returned: success
constructs:
  description: What was found, in the order of its kinds.
  type: list
  elements: dict
  returned: success
  contains:
    number:
      description: The number of the construct in the documentation.
      type: int
    construct:
      description: Its name.
      type: str
    verdict:
      description: V(converted), V(differs) or V(not converted).
      type: str
    where:
      description: File and line.
      type: str
    text:
      description: What stands there.
      type: str
    sentence:
      description: Where it went, how it differs, or what it seems to do.
      type: str
    test:
      description: What would show the difference.
      type: str
counts:
  description: How many rows have each verdict.
  type: dict
  returned: success
absent:
  description: The constructs that this configuration does not have.
  type: list
  elements: str
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule

import ansible_collections.postmaster.mta.plugins.module_utils._startup  # noqa: F401  # pylint: disable=unused-import
from ansible_collections.postmaster.mta.plugins.module_utils._errors import PostmasterError, failure
from ansible_collections.postmaster.mta.plugins.module_utils._module import move_info


def main() -> None:
    module = AnsibleModule(argument_spec=move_info.ARGUMENT_SPEC, supports_check_mode=True)
    try:
        module.exit_json(changed=False, **move_info.run(module.params, module.check_mode))
    except PostmasterError as problem:
        module.fail_json(**failure(problem))


if __name__ == "__main__":
    main()

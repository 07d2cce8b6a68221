#!/usr/bin/python

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Create, adopt, start, stop and remove an additional Postfix instance."""

DOCUMENTATION = r"""
module: postfix_instance
short_description: Create, adopt, start, stop and remove additional Postfix instances
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - Runs a second Postfix, and more, beside the one that the package made (postmulti(1), MULTI_INSTANCE_README). Each has its own
    configuration, queue and data directory, and its own addresses. The primary instance keeps loopback, for instance, and the additional
    one is the relay.
  - What must be true is looked at before the first step. What cannot work is refused by name, and the host is untouched. That is a
    directory that another instance uses, an address that is taken or not there, IPv6 where there is none, a missing parent directory, or a
    wrong owner. A step that fails rolls back those before it.
  - Starting and stopping is complete. C(systemctl), C(postmulti -p) and the next boot agree with O(state), and no master is left behind.
    Where the distribution's units do not know additional instances (Debian 13), the instance gets a unit that is part of C(postfix.service).
  - What the instance does is said with M(postmaster.mta.relay) and its O(postmaster.mta.relay#module:instance). Of the local users only root
    can submit through a new instance, as with postmulti(1).
extends_documentation_fragment:
  - postmaster.mta._instance
  - postmaster.mta._attributes
  - postmaster.mta._attributes.actiongroup_all
  - postmaster.mta._attributes.posix
attributes:
  check_mode:
    support: full
  diff_mode:
    support: partial
    details:
      - Shows the steps, not the files.
  idempotent:
    support: full
options:
  name:
    description:
      - C(multi_instance_name). It begins with V(postfix-).
  data_directory:
    description:
      - Its data directory; the same holds as for O(queue_directory), in C(/var/lib).
    type: path
  group:
    description:
      - C(multi_instance_group), for C(postmulti -g). An empty string takes it out of its group; without this option the group is left alone.
    type: str
seealso:
  - module: postmaster.mta.relay
  - module: postmaster.mta.sendmail_instance
"""

EXAMPLES = r"""
- name: A relay beside the system's own Postfix
  postmaster.mta.postfix_instance:
    name: postfix-EXT
    config_directory: /etc/postfixEXT
    listen: [10.25.0.21]
    port: 2525
    group: relay

- name: Give it a policy
  postmaster.mta.relay:
    mta: postfix
    instance: postfix-EXT
    policy:
      identity: {hostname: ext.lab.test, listen: [10.25.0.21], port: 2525}

- name: Stop it, now and at the next boot
  postmaster.mta.postfix_instance:
    name: postfix-EXT
    config_directory: /etc/postfixEXT
    state: stopped

- name: Remove it, unless there is mail in its queue
  postmaster.mta.postfix_instance:
    name: postfix-EXT
    config_directory: /etc/postfixEXT
    state: absent
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be done, in order.
  type: list
  elements: str
  returned: success
  sample: ["create /etc/postfixEXT", "register postfix-EXT with postmulti", "start postfix-EXT"]
mta:
  description: Always C(postfix).
  type: str
  returned: success
instance:
  description: The name of the instance.
  type: str
  returned: success
  sample: postfix-EXT
config_directory:
  description: Its configuration directory.
  type: str
  returned: success
  sample: /etc/postfixEXT
queue_directories:
  description: Where it keeps its queue.
  type: list
  elements: str
  returned: success
  sample: [/var/spool/postfixEXT]
exists:
  description: Whether it is there. In check mode, whether it is there already.
  type: bool
  returned: success
registered:
  description: Whether postmulti(1) and the service manager know it. In check mode, whether they know it already.
  type: bool
  returned: success
enabled:
  description: Whether it is started at boot.
  type: bool
  returned: success
running:
  description: Whether it runs.
  type: bool
  returned: success
generation:
  description: The number that the change has in the account of the primary instance; null where nothing changed.
  type: int
  returned: success
  sample: 17
confirm_by:
  description: Until when the change must be confirmed, in seconds since the epoch; null where nobody has to.
  type: int
  returned: success
findings:
  description: Why it was refused or rolled back, one sentence each.
  type: list
  elements: str
  returned: failure
restored:
  description: Whether all steps before the one that failed could be rolled back.
  type: bool
  returned: failure
"""

from ansible.module_utils.basic import AnsibleModule

import ansible_collections.postmaster.mta.plugins.module_utils._startup  # noqa: F401  # pylint: disable=unused-import
from ansible_collections.postmaster.mta.plugins.module_utils._errors import PostmasterError, failure
from ansible_collections.postmaster.mta.plugins.module_utils._module import postfix_instance


def main() -> None:
    module = AnsibleModule(argument_spec=postfix_instance.ARGUMENT_SPEC, supports_check_mode=True)
    try:
        module.exit_json(**postfix_instance.run(module.params, module.check_mode))
    except PostmasterError as problem:
        module.fail_json(**failure(problem))


if __name__ == "__main__":
    main()

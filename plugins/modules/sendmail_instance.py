#!/usr/bin/python

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Create, adopt, start, stop and remove an additional sendmail daemon."""

DOCUMENTATION = r"""
module: sendmail_instance
short_description: Create, adopt, start, stop and remove additional sendmail daemons
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - Runs a second sendmail daemon, and more, beside the one that the package made. Each has its own configuration and queue directory,
    C(sendmail.cf), pid file and addresses, and a systemd unit of its name.
  - What must be true is looked at before the first step. What cannot work is refused by name, and the host is untouched. That is a
    directory that another instance uses (also by a pattern in its C(QueueDirectory)), an address that is taken or not there, IPv6 where
    there is none, a missing parent directory, or a wrong owner. When a step fails, those before it are rolled back.
  - A daemon that was set up manually is adopted as it is, with its configuration, queue and pid file. Where it runs and O(state=started),
    it is stopped once and started by its unit.
  - Starting and stopping is complete. C(systemctl) and the next boot agree with O(state), and no process is left behind.
  - What the instance does is said with M(postmaster.mta.relay) and its O(postmaster.mta.relay#module:instance). The host's own
    submissions go to the primary instance.
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
      - The name of its unit. It begins with V(sendmail-).
  listen:
    description:
      - A new instance must be given addresses, because a sendmail without any takes those of the primary one. Of a C(sendmail.mc) that is
        there only the listeners are changed.
seealso:
  - module: postmaster.mta.relay
  - module: postmaster.mta.postfix_instance
"""

EXAMPLES = r"""
- name: A relay beside the system's own sendmail
  postmaster.mta.sendmail_instance:
    name: sendmail-EXT
    listen: [10.25.0.25]
    port: 2525

- name: Give it a policy
  postmaster.mta.relay:
    mta: sendmail
    instance: sendmail-EXT
    policy:
      identity: {hostname: ext.lab.test, listen: [10.25.0.25], port: 2525}

- name: Stop it, now and at the next boot
  postmaster.mta.sendmail_instance:
    name: sendmail-EXT
    state: stopped

- name: Remove it, unless there is mail in its queue
  postmaster.mta.sendmail_instance:
    name: sendmail-EXT
    state: absent
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be done, in order.
  type: list
  elements: str
  returned: success
  sample: ["create /etc/sendmail-EXT", "create /etc/systemd/system/sendmail-EXT.service", "start sendmail-EXT"]
mta:
  description: Always C(sendmail).
  type: str
  returned: success
instance:
  description: The name of the instance.
  type: str
  returned: success
  sample: sendmail-EXT
config_directory:
  description: Its configuration directory.
  type: str
  returned: success
  sample: /etc/sendmail-EXT
queue_directories:
  description: Where it keeps its queue.
  type: list
  elements: str
  returned: success
  sample: [/var/spool/sendmail-EXT]
exists:
  description: Whether it is there. In check mode, whether it is there already.
  type: bool
  returned: success
registered:
  description: Whether it has its unit. In check mode, whether it has it already.
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
from ansible_collections.postmaster.mta.plugins.module_utils._module import sendmail_instance


def main() -> None:
    module = AnsibleModule(argument_spec=sendmail_instance.ARGUMENT_SPEC, supports_check_mode=True)
    try:
        module.exit_json(**sendmail_instance.run(module.params, module.check_mode))
    except PostmasterError as problem:
        module.fail_json(**failure(problem))


if __name__ == "__main__":
    main()

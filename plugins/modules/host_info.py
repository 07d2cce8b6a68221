#!/usr/bin/python

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host under the MTA, looked at by a postmaster."""

DOCUMENTATION = r"""
module: host_info
short_description: Check the host under the MTA for what stops mail
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - Looks at the host, that is what keeps host names (nscd, systemd-resolved), how fast each name server answers, errors of interfaces and
    links, kernel messages of failing interrupts, network cards and disks, and the clock.
  - Looks at the space and the inodes of the queue's file systems, and at the load against the MTA's own limits.
  - Looks at the MTA, that is whether it runs and listens where its configuration says, and whether its milters, policy services and content
    filter answer. Says what was changed lately, and when the certificate ends.
  - Needs the standard library only.
extends_documentation_fragment:
  - postmaster.mta._mta
  - postmaster.mta._attributes
  - postmaster.mta._attributes.info_module
  - postmaster.mta._attributes.actiongroup_all
  - postmaster.mta._attributes.posix
options:
  instance:
    description:
      - The instance that is meant, by its name or by its configuration directory. Without it, or with V(all), every instance.
    type: str
  controller_time:
    description:
      - Seconds since the epoch on the controller; a clock that differs by more than a minute is a finding.
    type: float
  recent:
    description:
      - Changes of the configuration that are younger, in seconds, are worth a notice.
    type: float
    default: 86400.0
  timeout:
    description:
      - Seconds for everything.
    type: float
    default: 20.0
seealso:
  - module: postmaster.mta.dns_info
  - module: postmaster.mta.nscd
"""

EXAMPLES = r"""
- name: Is the host well
  postmaster.mta.host_info:
    controller_time: "{{ now().timestamp() }}"
  register: host
"""

RETURN = r"""
findings:
  description: What is wrong, as M(postmaster.mta.dns_info) returns it.
  type: list
  elements: dict
  returned: success
cache:
  description: What keeps host names on the way, for instance V(nscd); empty where nothing does.
  type: str
  returned: success
name_servers:
  description: The name servers of C(resolv.conf) with the seconds until they answered; none without an answer.
  type: list
  elements: dict
  returned: success
interfaces:
  description: The network interfaces with packets, errors and drops.
  type: list
  elements: dict
  returned: success
kernel_messages:
  description: The kernel messages that are worth a finding.
  type: list
  elements: str
  returned: success
load:
  description: The load of the last minute.
  type: float
  returned: success
processors:
  description: The number of processors.
  type: int
  returned: success
clock_offset:
  description: Seconds that the clock is ahead of O(controller_time). What the module needed to get here and to begin is among them.
  type: float
  returned: success
time:
  description: Seconds since the epoch by the clock of the host.
  type: float
  returned: success
instances:
  description: Each instance with its sockets, the file systems of its queue, its certificate, and the files that were changed last. Its
    milters and the other programs that it asks about messages are there as well, with why one of them does not answer.
  type: list
  elements: dict
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule

import ansible_collections.postmaster.mta.plugins.module_utils._startup  # noqa: F401  # pylint: disable=unused-import
from ansible_collections.postmaster.mta.plugins.module_utils._errors import PostmasterError, failure
from ansible_collections.postmaster.mta.plugins.module_utils._module import host_info


def main() -> None:
    module = AnsibleModule(argument_spec=host_info.ARGUMENT_SPEC, supports_check_mode=True)
    try:
        module.exit_json(changed=False, **host_info.run(module.params, module.check_mode))
    except PostmasterError as problem:
        module.fail_json(**failure(problem))


if __name__ == "__main__":
    main()

#!/usr/bin/python

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keep nscd from answering for the DNS."""

DOCUMENTATION = r"""
module: nscd
short_description: Keep nscd from answering for the DNS
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - A name service cache that keeps host addresses lets a mail relay connect to servers that have moved away. The daemon sendmail asks it
    for the address of every next hop, Postfix for the names of its clients.
  - Takes the cache of host names out of C(nscd.conf), or stops the daemon. What is cached is thrown away.
  - Works on what the host has, C(nscd.service), C(nscd.socket) or C(unscd.service); a host without any of them is left alone.
extends_documentation_fragment:
  - postmaster.mta._attributes
  - postmaster.mta._attributes.actiongroup_all
  - postmaster.mta._attributes.posix
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  state:
    description:
      - V(hosts_off) takes only the cache of host names away; the users and groups of a directory stay cached.
      - V(stopped) stops the service and its socket, now and at the next boot.
    type: str
    choices: [hosts_off, stopped]
    default: hosts_off
"""

EXAMPLES = r"""
- name: Host addresses come from the DNS
  postmaster.mta.nscd:
    state: hosts_off

- name: No name service cache at all
  postmaster.mta.nscd:
    state: stopped
"""

RETURN = r"""
units:
  description: The units of name service caches that the host has.
  type: list
  elements: str
  returned: success
  sample: [nscd.service]
actions:
  description: What was done, or in check mode would be done, in order.
  type: list
  elements: str
  returned: success
  sample: ["edit /etc/nscd.conf", "nscd -i hosts", "systemctl restart nscd.service"]
"""

from ansible.module_utils.basic import AnsibleModule

import ansible_collections.postmaster.mta.plugins.module_utils._startup  # noqa: F401  # pylint: disable=unused-import
from ansible_collections.postmaster.mta.plugins.module_utils._errors import PostmasterError, failure
from ansible_collections.postmaster.mta.plugins.module_utils._module import nscd


def main() -> None:
    module = AnsibleModule(argument_spec=nscd.ARGUMENT_SPEC, supports_check_mode=True)
    try:
        module.exit_json(**nscd.run(module.params, module.check_mode))
    except PostmasterError as problem:
        module.fail_json(**failure(problem))


if __name__ == "__main__":
    main()

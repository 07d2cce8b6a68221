#!/usr/bin/python

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where would this address go, and which rule decided."""

DOCUMENTATION = r"""
module: route_info
short_description: Say where the MTA would send an address, and which rule or table entry decided
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - Asks the MTA itself, and sends nothing. On sendmail this is the address test mode (C(sendmail -bt)). On Postfix the running daemons are
    asked, and then the tables that they asked.
  - Returns the same for both, with the rewriting step by step, the table entry that decided with file and line, and the next hop.
  - With O(client) it also says what that client would be told at RCPT, as far as configuration and tables decide it.
extends_documentation_fragment:
  - postmaster.mta._mta.every
  - postmaster.mta._mta
  - postmaster.mta._attributes
  - postmaster.mta._attributes.info_module
  - postmaster.mta._attributes.actiongroup_all
  - postmaster.mta._attributes.posix
options:
  address:
    description:
      - The recipient address.
    type: str
    required: true
  sender:
    description:
      - The envelope sender; routes may depend on it. Without it, the null sender.
    type: str
    default: ""
  client:
    description:
      - IP address of a client.
    type: str
    default: ""
notes:
  - For Postfix, restrictions that need the session (TLS, DNS, policy servers) are listed in RV(rules) as undecided.
seealso:
  - module: postmaster.mta.dns_info
  - module: postmaster.mta.smtp
"""

EXAMPLES = r"""
- name: Where does mail for this address go
  postmaster.mta.route_info:
    address: anna@served.test
  register: route

- name: And what would a stranger be told
  postmaster.mta.route_info:
    mta: sendmail
    address: anna@third.test
    sender: bert@stranger.test
    client: 10.25.0.120
"""

RETURN = r"""
routes:
  description: With O(instance=all), the whole answer of each instance; beside it stands that of the first one.
  type: list
  elements: dict
  returned: when every instance is asked
address:
  description: The address that was asked about.
  type: str
  returned: success
recipient:
  description: The address at the end of all rewriting.
  type: str
  returned: success
verdict:
  description: V(remote), V(local), V(error), V(discard), or V(unknown) where nobody could be asked.
  type: str
  returned: success
transport:
  description: The MTA's word, a mailer of sendmail or a transport of Postfix.
  type: str
  returned: success
  sample: esmtp
nexthop:
  description: The next hop as the MTA writes it, or the error.
  type: str
  returned: success
hops:
  description: The next hops, each with C(name), C(port) and whether it is asked for by its MX records (C(by_mx)).
  type: list
  elements: dict
  returned: success
decided_by:
  description: The table entry that decided, with C(role), C(table), C(key), C(value) and C(source) (file and line); none where no table did.
  type: dict
  returned: success
because:
  description: One sentence.
  type: str
  returned: success
steps:
  description: The rewriting, each step with C(rule), C(given) and C(result).
  type: list
  elements: dict
  returned: success
entries:
  description: Every table entry that was found on the way.
  type: list
  elements: dict
  returned: success
answer:
  description: What the client would be told; empty without O(client).
  type: str
  returned: success
  sample: 550 5.7.1 Relaying denied
rules:
  description: The rules that led to the answer.
  type: list
  elements: dict
  returned: success
mta:
  description: V(postfix) or V(sendmail).
  type: str
  returned: success
instance:
  description: The instance that was asked.
  type: str
  returned: success
config_directory:
  description: Its configuration directory.
  type: str
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule

import ansible_collections.postmaster.mta.plugins.module_utils._startup  # noqa: F401  # pylint: disable=unused-import
from ansible_collections.postmaster.mta.plugins.module_utils._errors import PostmasterError, failure
from ansible_collections.postmaster.mta.plugins.module_utils._module import route_info


def main() -> None:
    module = AnsibleModule(argument_spec=route_info.ARGUMENT_SPEC, supports_check_mode=True)
    try:
        module.exit_json(changed=False, **route_info.run(module.params, module.check_mode))
    except PostmasterError as problem:
        module.fail_json(**failure(problem))


if __name__ == "__main__":
    main()

#!/usr/bin/python

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every check of a diagnosis on one host, side by side."""

DOCUMENTATION = r"""
module: diagnosis_info
short_description: Check on one relay, side by side, everything that can keep mail to a domain from flowing
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - Does what M(postmaster.mta.dns_info), M(postmaster.mta.route_info), M(postmaster.mta.host_info) and M(postmaster.mta.queue_info) do for
    one domain, at the same time, and talks to the servers that the MTA would send to. It takes as long as the slowest check.
  - A check that cannot be done is named in RV(problems), and the others go on.
  - M(postmaster.mta.playbook_diagnosis_report) makes a verdict of what all relays returned. The playbook C(postmaster.mta.diagnose) does both.
extends_documentation_fragment:
  - postmaster.mta._mta
  - postmaster.mta._attributes
  - postmaster.mta._attributes.info_module
  - postmaster.mta._attributes.actiongroup_all
  - postmaster.mta._attributes.posix
requirements:
  - dnspython (1.15 or newer) on the host that it runs on, for the check of the names
options:
  domain:
    description:
      - The mail domain, or a mail address in it. Of a domain, the address C(postmaster) is taken.
    type: str
    required: true
  sender:
    description:
      - The envelope sender; without it, the null sender.
    type: str
    default: ""
  public_resolvers:
    description:
      - Addresses of resolvers to ask as well.
    type: list
    elements: str
    default: []
  hints:
    description:
      - Addresses of name servers from which the walk to the authoritative servers begins.
    type: list
    elements: str
    default: []
  talk:
    description:
      - Talk to the servers that would get the mail, up to RCPT. Nothing is sent.
    type: bool
    default: true
  talk_timeout:
    description:
      - Seconds that such a server has for one reply.
    type: float
    default: 20.0
  message_base64:
    description:
      - A message, as text in base64, that is looked at for defects which a relay would repair in its own way.
    type: str
  controller_time:
    description:
      - Seconds since the epoch on the controller, to compare the clock with.
    type: float
  timeout:
    description:
      - Seconds for everything.
    type: float
    default: 60.0
seealso:
  - module: postmaster.mta.playbook_diagnosis_report
"""

EXAMPLES = r"""
- name: What keeps mail to this domain from flowing
  postmaster.mta.diagnosis_info:
    domain: ok.test
    controller_time: "{{ now().timestamp() }}"
  register: diagnose_seen
"""

RETURN = r"""
names:
  description: What M(postmaster.mta.dns_info) returns.
  type: dict
  returned: success
route:
  description: What M(postmaster.mta.route_info) returns.
  type: dict
  returned: success
talk:
  description: The servers that would get the mail, what they said, and whether they take it.
  type: list
  elements: dict
  returned: success
host:
  description: What M(postmaster.mta.host_info) returns.
  type: dict
  returned: success
queue:
  description: How many messages of the domain wait, since when and why.
  type: dict
  returned: success
message:
  description: What is odd about the message.
  type: dict
  returned: with O(message_base64)
problems:
  description: The checks that could not be done, and why.
  type: dict
  returned: success
check_seconds:
  description: How long each check took.
  type: dict
  returned: success
seconds:
  description: How long all of them took together.
  type: float
  returned: success
domain:
  description: The domain.
  type: str
  returned: success
address:
  description: The address that was asked about.
  type: str
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule

import ansible_collections.postmaster.mta.plugins.module_utils._startup  # noqa: F401  # pylint: disable=unused-import
from ansible_collections.postmaster.mta.plugins.module_utils._errors import PostmasterError, failure
from ansible_collections.postmaster.mta.plugins.module_utils._module import diagnosis_info


def main() -> None:
    module = AnsibleModule(argument_spec=diagnosis_info.ARGUMENT_SPEC, supports_check_mode=True)
    try:
        module.exit_json(changed=False, **diagnosis_info.run(module.params, module.check_mode))
    except PostmasterError as problem:
        module.fail_json(**failure(problem))


if __name__ == "__main__":
    main()

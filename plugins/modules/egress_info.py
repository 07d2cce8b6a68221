#!/usr/bin/python

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the outside sees the source addresses of a relay."""

DOCUMENTATION = r"""
module: egress_info
short_description: Find out how the outside sees the addresses from which a relay sends
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - Connects from each source address of the relay to a host outside, and reports which address that host sees.
  - Looks up the name of that address (PTR), and whether the name leads back to it. Evaluates the SPF records of sender domains for it (RFC
    7208), and asks DNS blocklists about it (RFC 5782).
  - A blocklist that does not serve the host's resolver answers with an error such as C(127.255.255.254). That is no listing, and the
    module says so. A list that is closed, or that lists everything, is called broken.
  - Sends no mail and changes nothing.
extends_documentation_fragment:
  - postmaster.mta._attributes
  - postmaster.mta._attributes.info_module
  - postmaster.mta._attributes.actiongroup_all
  - postmaster.mta._attributes.posix
  - postmaster.mta._mta
requirements:
  - dnspython (1.15 or newer) on the host that it runs on
options:
  addresses:
    description:
      - Source addresses of this host. Without any, those of the configuration (C(identity.send_from)), else the addresses from which the
        host would send.
    type: list
    elements: str
    default: []
  smtp:
    description:
      - An SMTP server outside, C(host) or C(host:port), whose answer to EHLO names the client's address, as sendmail's does.
    type: str
  http:
    description:
      - The address of an HTTP or HTTPS echo, which answers with the client's address as text.
    type: str
  hello:
    description:
      - The name to give in EHLO. Without one, the relay's own name.
    type: str
  domains:
    description:
      - Sender domains whose SPF record must cover the addresses.
    type: list
    elements: str
    default: []
  blocklists:
    description:
      - DNS blocklists to ask.
    type: list
    elements: dict
    default: []
    suboptions:
      zone:
        description:
          - The zone of the list.
        type: str
        required: true
      answers:
        description:
          - The addresses by which the list means that it lists the address. Without any, every address of 127.0.0.0/8 but the errors.
        type: list
        elements: str
        default: []
  timeout:
    description:
      - Seconds for everything. An address that is not done by then stands in RV(undone).
    type: float
    default: 30.0
seealso:
  - module: postmaster.mta.dns_info
  - module: postmaster.mta.smtp
"""

EXAMPLES = r"""
- name: See whether the world takes mail from this relay
  postmaster.mta.egress_info:
    smtp: mx1.ok.test
    domains: [lab.test]
    blocklists:
      - zone: list.lab.test
        answers: [127.0.0.2]
  register: egress

- name: Show the worst first
  ansible.builtin.debug:
    msg: "{{ egress.findings | map(attribute='what') }}"
"""

RETURN = r"""
hello:
  description: The name given in EHLO.
  type: str
  returned: success
addresses:
  description: Each source address as the outside sees it.
  type: list
  elements: dict
  returned: success
  contains:
    source:
      description: The source address.
      type: str
    outside:
      description: The address that the outside sees; the source address itself where nobody says.
      type: str
    echoes:
      description: What each host outside said, with C(how), C(address) and C(text).
      type: list
      elements: dict
    name:
      description: The name of the outside address (PTR); empty without one.
      type: str
    confirmed:
      description: Whether that name leads back to the address.
      type: bool
    spf:
      description: For each domain its C(result) (RFC 7208, 2.6), the C(term) that decided, C(why), and the C(lookups) that it took.
      type: list
      elements: dict
    listings:
      description: >-
        For each blocklist its C(zone), C(status) (C(listed), C(not listed), C(refuses to answer), C(broken), C(no answer)),
        C(answers), C(text) and C(why).
      type: list
      elements: dict
undone:
  description: Addresses that were not looked at to the end, with the reason.
  type: dict
  returned: success
findings:
  description: What is wrong, the worst first; each with C(code), C(severity), C(about), C(what), C(evidence) and C(remedy).
  type: list
  elements: dict
  returned: success
seconds:
  description: How long it took.
  type: float
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule

import ansible_collections.postmaster.mta.plugins.module_utils._startup  # noqa: F401  # pylint: disable=unused-import
from ansible_collections.postmaster.mta.plugins.module_utils._errors import PostmasterError, failure
from ansible_collections.postmaster.mta.plugins.module_utils._module import egress_info


def main() -> None:
    module = AnsibleModule(argument_spec=egress_info.ARGUMENT_SPEC, supports_check_mode=True)
    try:
        module.exit_json(changed=False, **egress_info.run(module.params, module.check_mode))
    except PostmasterError as problem:
        module.fail_json(**failure(problem))


if __name__ == "__main__":
    main()

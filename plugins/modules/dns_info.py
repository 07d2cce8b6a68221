#!/usr/bin/python

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What everybody answers about a mail domain."""

DOCUMENTATION = r"""
module: dns_info
short_description: Compare what the MTA's own path, the name servers and the authoritative servers answer about a mail domain
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - Asks everybody from the host that it runs on. First comes the C library, with C(nsswitch.conf), C(/etc/hosts) and nscd, as the MTA asks
    for the address of the next hop. Then come each name server of C(resolv.conf) and of the MTA's chroot, and the public resolvers that are
    named. Last come the authoritative servers, which it finds by walking down from the root.
  - Says who answers differently and who is dead, slow, lame or hostile, each with the evidence and the remedy.
  - Every question ends in time, whatever a server answers.
extends_documentation_fragment:
  - postmaster.mta._attributes
  - postmaster.mta._attributes.info_module
  - postmaster.mta._attributes.actiongroup_all
  - postmaster.mta._attributes.posix
requirements:
  - dnspython (1.15 or newer) on the host that it runs on
options:
  domain:
    description:
      - The mail domain. Of a mail address, the part behind the C(@) is taken.
    type: str
    required: true
  public_resolvers:
    description:
      - Addresses of resolvers to ask as well, for instance V(9.9.9.9). One that cannot be reached is only worth a notice.
    type: list
    elements: str
    default: []
  hints:
    description:
      - Addresses of name servers from which the walk to the authoritative servers begins. Without any, the root as the host's resolver
        names it, else that of the Internet.
    type: list
    elements: str
    default: []
  chroot:
    description:
      - Directory in which an MTA runs; its own C(etc/resolv.conf), if there is one, is compared with that of the system.
    type: path
    default: /var/spool/postfix
  server_timeout:
    description:
      - Seconds that a server has for one answer.
    type: float
    default: 4.0
  timeout:
    description:
      - Seconds for everything. What has not answered by then counts as silent.
    type: float
    default: 25.0
seealso:
  - module: postmaster.mta.route_info
  - module: postmaster.mta.nscd
"""

EXAMPLES = r"""
- name: Who says what about a domain
  postmaster.mta.dns_info:
    domain: ok.test
  register: names

- name: Begin with a name server that is known to be right
  postmaster.mta.dns_info:
    domain: anna@served.test
    hints: [10.25.0.3]
"""

RETURN = r"""
domain:
  description: The domain, in lower case and A-labels.
  type: str
  returned: success
  sample: example.com
findings:
  description: What is wrong, the worst first; empty where nothing is.
  type: list
  elements: dict
  returned: success
  contains:
    code:
      description: A word for the kind of finding.
      type: str
      sample: stale_address
    severity:
      description: V(error) keeps mail from flowing, V(warning) can, V(notice) is only worth knowing.
      type: str
    about:
      description: The name or the server that it is about.
      type: str
    what:
      description: One sentence.
      type: str
    evidence:
      description: What was seen.
      type: list
      elements: str
    remedy:
      description: The command that fixes it; C({hosts}) stands for the hosts that have the finding.
      type: str
mail_exchangers:
  description: The hosts that take the domain's mail, best first, each with its addresses by DNS and by the C library, and its TLSA records.
  type: list
  elements: dict
  returned: success
resolver_path:
  description: The name servers, search list, time-outs, those of the chroot, and what caches on the way (C(cache)).
  type: dict
  returned: success
authoritative:
  description: The zone, its servers, and what was answered on the way to them.
  type: dict
  returned: success
policies:
  description: The published policies C(spf), C(dmarc), C(mta_sts) and C(tls_rpt).
  type: dict
  returned: success
dnssec:
  description: V(secure), V(signed) (nobody validates), V(unsigned), V(bogus) or V(unknown).
  type: str
  returned: success
own_addresses:
  description: The addresses from which the host would send there, their names (PTR), and whether these lead back.
  type: list
  elements: dict
  returned: success
answers:
  description: Every answer, with server, role, records, aliases, TTL and the seconds it took.
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
from ansible_collections.postmaster.mta.plugins.module_utils._module import dns_info


def main() -> None:
    module = AnsibleModule(argument_spec=dns_info.ARGUMENT_SPEC, supports_check_mode=True)
    try:
        module.exit_json(changed=False, **dns_info.run(module.params, module.check_mode))
    except PostmasterError as problem:
        module.fail_json(**failure(problem))


if __name__ == "__main__":
    main()

#!/usr/bin/python

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""See spam campaigns in the mail log."""

DOCUMENTATION = r"""
module: campaign_info
short_description: See spam campaigns in the mail log that no access rule covers yet
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - Looks at the senders of the last hour for domains that follow a known pattern, like C(complains.brand.example), and for bursts. A burst
    is mail from several domains that the log has never shown before. They share the shape of their addresses, their subject or the client's
    network, and what they share is new as well.
  - What is ordinary is what the log shows before the hour. Give rotated files too when the log is young.
  - The rules that it proposes are for M(postmaster.mta.access). Nothing is blocked by this module.
extends_documentation_fragment:
  - postmaster.mta._attributes
  - postmaster.mta._attributes.info_module
  - postmaster.mta._attributes.actiongroup_all
  - postmaster.mta._attributes.posix
options:
  mta:
    description: Only the lines of this MTA. V(auto) is both.
    type: str
    choices: [auto, postfix, sendmail]
    default: auto
  instance:
    description: Only the lines of this instance, see O(postmaster.mta.log_info#module:instance).
    type: str
  path:
    description: The log files, or V(journald), see O(postmaster.mta.log_info#module:path).
    type: list
    elements: str
  lines:
    description: Only that many lines at the end of each file; V(0) is all of them. Compressed files are always read as a whole.
    type: int
    default: 0
  window:
    description: How far back to look for campaigns, counted from the newest message, with one of the units V(s), V(m), V(h), V(d), V(w).
    type: str
    default: 1h
  patterns:
    description:
      - Regular expressions (Python) for sender domains, in which C({brand}) stands for any registered domain. A dot stands for itself.
      - What a registered domain is, is decided by the public suffix list of the host, or by a few common suffixes without one,
        see RV(suffix_list).
    type: list
    elements: str
    default: ['(emalsrv|complains).{brand}']
  bursts:
    description: Look for bursts as well.
    type: bool
    default: true
  messages:
    description: How many messages make a burst.
    type: int
    default: 10
  domains:
    description: From how many new domains they must come.
    type: int
    default: 5
  ignore:
    description: Registered domains that are never a campaign.
    type: list
    elements: str
    default: []
  covered:
    description: Return also campaigns of which the access rules refuse every sender already.
    type: bool
    default: false
  only_new:
    description: Return only campaigns that were not reported to this O(reader) in the last 30 days. In check mode nothing is remembered.
    type: bool
    default: false
  reader:
    description: Who is told; what was reported is kept for each reader in C(/var/lib/postmaster.mta).
    type: str
    default: campaign_info
seealso:
  - module: postmaster.mta.log_info
"""

EXAMPLES = r"""
- name: Look for campaigns
  postmaster.mta.campaign_info:

- name: Look for campaigns, with two more labels that were seen, in a log with its predecessor
  postmaster.mta.campaign_info:
    mta: sendmail
    path: [/var/log/mail.log*]
    patterns: ['(emalsrv|complains|notice[0-9]*|secure-mail).{brand}']
    window: 15m
    only_new: true
"""

RETURN = r"""
campaigns:
  description: Those of a pattern first, then the largest.
  type: list
  elements: dict
  returned: success
  contains:
    kind:
      description: C(pattern), or for a burst what its mail has in common, C(shape), C(subject) or C(client).
      type: str
      sample: pattern
    key:
      description: The domain of a pattern; else the shape, the subject or the network.
      type: str
      sample: complains.brand.example
    domains:
      description: The sender domains, at most 50 of them.
      type: list
      elements: str
    domain_count:
      description: How many there are.
      type: int
    brand:
      description: With a pattern, the registered domain that it pretends to be, or is.
      type: str
    first_seen:
      description: When the first message came, in UTC.
      type: str
    last_seen:
      description: When the last message came, in UTC.
      type: str
    count:
      description: How many messages there were, and attempts.
      type: int
    senders:
      description: The envelope senders, at most 50 of them.
      type: list
      elements: str
    clients:
      description: The addresses of the hosts that sent them, at most 50 of them.
      type: list
      elements: str
    recipients:
      description: Who they were for, at most 100 of them.
      type: list
      elements: str
    recipient_count:
      description: How many there are.
      type: int
    delivered:
      description: How many deliveries went through.
      type: int
    refused:
      description: How many were rejected or discarded.
      type: int
    sample:
      description: One of them as a line, see O(postmaster.mta.log_info#module:format).
      type: str
    rules:
      description: The access rules that would stop it.
      type: list
      elements: dict
      sample: [{from: complains.brand.example, action: reject, comment: "campaign: pattern complains.brand.example"}]
    command:
      description: The command to paste that blocks it on the whole fleet.
      type: str
      sample: ansible-playbook postmaster.mta.block_domains -e block_domain=complains.brand.example
    text:
      description: All of this in words, for a mail.
      type: str
    covered:
      description: Whether the access rules of every instance on the host refuse all its senders already.
      type: bool
    new:
      description: Whether it is reported to this O(reader) for the first time.
      type: bool
known:
  description: How many of the campaigns were reported before by this O(reader), also of those that O(only_new) leaves out.
  type: int
  returned: success
suffix_list:
  description: Which public suffix list decided, C(built-in) if the host has none.
  type: str
  returned: success
  sample: /usr/share/publicsuffix/public_suffix_list.dat
notes:
  description: What could not be judged, and why.
  type: list
  elements: str
  returned: success
read:
  description: What was read, see RV(postmaster.mta.log_info#module:read).
  type: dict
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule

import ansible_collections.postmaster.mta.plugins.module_utils._startup  # noqa: F401  # pylint: disable=unused-import
from ansible_collections.postmaster.mta.plugins.module_utils._errors import PostmasterError, failure
from ansible_collections.postmaster.mta.plugins.module_utils._module import campaign_info


def main() -> None:
    module = AnsibleModule(argument_spec=campaign_info.ARGUMENT_SPEC, supports_check_mode=True)
    try:
        module.exit_json(changed=False, **campaign_info.run(module.params, module.check_mode))
    except PostmasterError as problem:
        module.fail_json(**failure(problem))


if __name__ == "__main__":
    main()

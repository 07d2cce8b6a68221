#!/usr/bin/python

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""Ask sendmail and Postfix about the same envelopes."""

DOCUMENTATION = r"""
module: move_compare
short_description: Ask sendmail and Postfix on one host about the same envelopes, and say where they differ
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - Asks the sendmail that runs, in its address test mode, and a Postfix beside it what each makes of an envelope (client, sender,
    recipient). It compares whether mail is taken, the next hop, and the addresses as they leave the relay.
  - Postfix is asked as a shadow, with the configuration in its directory, but with a queue and ports of its own on the loopback address.
    It need not run. No milter is asked.
  - The envelopes are those of the log of the last days, each different one once, and made up ones about every key of sendmail's tables.
  - A difference is explained where M(postmaster.mta.move_info) announced it, as a row about this client, sender, recipient or feature
    that V(differs), or as one that is V(not converted) and that O(accept) names. Every other difference is not. Where both refuse,
    another reply code is always explained.
  - Nothing is delivered, and nothing is written.
notes:
  - Block lists, host names and domains are looked up by both MTAs, each by itself. An answer that changes meanwhile is a difference.
  - Restrictions of Postfix that ask a policy service or probe an address do so here, too.
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
  postfix:
    description:
      - The instance of Postfix, by its name or by its configuration directory. Without it, the primary one.
    type: str
  path:
    description:
      - The logs to take envelopes from, also with C(*) and C(?). Without it, the logs of the host.
    type: list
    elements: str
  days:
    description:
      - How many days of the log count. V(0) is the whole log.
    type: int
    default: 7
  limit:
    description:
      - How many different envelopes of the log are asked about at most. V(0) is all.
    type: int
    default: 100000
  made_up:
    description:
      - Whether to ask about envelopes that are made up of the tables, too.
    type: bool
    default: true
  accept:
    description:
      - Places of rows that M(postmaster.mta.move_info) calls V(not converted), for instance V(access:12) or V(sendmail.mc:40), where you
        have decided that Postfix need not do what stands there.
      - A difference that such a row is about counts as explained. A place where everything is converted is refused.
    type: list
    elements: str
    default: []
  show:
    description:
      - How many kinds of differences are returned at most, those without an explanation first. V(0) is all.
    type: int
    default: 50
seealso:
  - module: postmaster.mta.move_info
  - module: postmaster.mta.route_info
"""

EXAMPLES = r"""
- name: Compare sendmail with the Postfix beside it, for the mail of the last two days
  postmaster.mta.move_compare:
    days: 2
  register: compared
"""

RETURN = r"""
instance:
  description: The instance of sendmail that was asked.
  type: str
  returned: success
postfix:
  description: The configuration directory of the Postfix that was asked.
  type: str
  returned: success
logged:
  description: How many different envelopes the log had.
  type: int
  returned: success
made_up:
  description: How many envelopes were made up.
  type: int
  returned: success
asked:
  description: How many envelopes both were asked about.
  type: int
  returned: success
alike:
  description: How many of them both answer alike.
  type: int
  returned: success
explained:
  description: How many answers differ as announced.
  type: int
  returned: success
unexplained:
  description: How many answers differ without an explanation.
  type: int
  returned: success
differences:
  description: The differences, those of one kind together, those without an explanation first.
  type: list
  elements: dict
  returned: success
  contains:
    kind:
      description: V(decision), V(code), V(route), V(recipient) or V(sender).
      type: str
    old:
      description: What sendmail says.
      type: str
    new:
      description: What Postfix says.
      type: str
    old_rule:
      description: The line or setting of sendmail that decides about the example.
      type: str
    new_rule:
      description: The line or setting of Postfix that decides about the example.
      type: str
    example:
      description: The first envelope, with C(client), C(name), C(sender) and C(recipient).
      type: dict
    times:
      description: How many envelopes.
      type: int
    explained:
      description: Whether it was announced.
      type: bool
    because:
      description: The row of M(postmaster.mta.move_info) that announced it.
      type: str
not_shown:
  description: How many kinds of differences are not returned.
  type: int
  returned: success
notes:
  description: What was not asked, and why.
  type: list
  elements: str
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule

import ansible_collections.postmaster.mta.plugins.module_utils._startup  # noqa: F401  # pylint: disable=unused-import
from ansible_collections.postmaster.mta.plugins.module_utils._errors import PostmasterError, failure
from ansible_collections.postmaster.mta.plugins.module_utils._module import move_compare


def main() -> None:
    module = AnsibleModule(argument_spec=move_compare.ARGUMENT_SPEC, supports_check_mode=True)
    try:
        module.exit_json(changed=False, **move_compare.run(module.params, module.check_mode))
    except PostmasterError as problem:
        module.fail_json(**failure(problem))


if __name__ == "__main__":
    main()

#!/usr/bin/python

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ask whether a sender, a recipient or a client would be refused."""

DOCUMENTATION = r"""
module: access_info
short_description: Would this sender, recipient or client be refused, by which rule, and who added it
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - Asks the MTA's own tables in the order in which the MTA itself would, unmanaged lines and tables of others included.
  - Without a question, lists the rules that M(postmaster.mta.access) has added.
  - Checks that are no table, such as a sender domain that does not exist, are not part of the answer.
extends_documentation_fragment:
  - postmaster.mta._mta.exposed
  - postmaster.mta._mta
  - postmaster.mta._attributes
  - postmaster.mta._attributes.actiongroup_all
  - postmaster.mta._attributes.info_module
  - postmaster.mta._attributes.posix
options:
  from:
    description:
      - Envelope senders; a domain alone stands for any address in it.
    type: list
    elements: str
  to:
    description:
      - Recipients; a domain alone stands for any address in it.
    type: list
    elements: str
  connect:
    description:
      - IP addresses or verified host names of clients.
    type: list
    elements: str
  limit:
    description:
      - At most so many rules are listed. V(0) lists all.
    type: int
    default: 1000
seealso:
  - module: postmaster.mta.access
"""

EXAMPLES = r"""
- name: Is the campaign refused, and since when
  postmaster.mta.access_info:
    from: [emalsrv.example, "boss@gmail.example"]
    connect: [192.0.2.1]

- name: List our rules on a sendmail relay
  postmaster.mta.access_info:
    mta: sendmail
"""

RETURN = r"""
mta:
  description: The MTA that was asked.
  type: str
  returned: success
  sample: postfix
instance:
  description: The name of the instance; V(all) where every one was asked.
  type: str
  returned: success
  sample: postfix
config_directory:
  description: Its configuration directory, of V(all) that of the first one.
  type: str
  returned: success
  sample: /etc/postfix
answers:
  description: One answer for each question.
  type: list
  elements: dict
  returned: success
  contains:
    instance:
      description: The instance that answers so.
      type: str
    place:
      description: One of V(from), V(to), V(connect).
      type: str
    asked:
      description: The question.
      type: str
    refused:
      description: Whether it is rejected or deferred.
      type: bool
    action:
      description: The action as M(postmaster.mta.access) names it, V(none) where no line matches, V(other) where it has no name for it.
      type: str
    code:
      description: The code of the reply.
      type: int
    status:
      description: The enhanced status of the reply.
      type: str
    text:
      description: The text of the reply.
      type: str
    value:
      description: The right side of the line, as it stands there.
      type: str
    table:
      description: The table, relative to the configuration directory.
      type: str
    key:
      description: The key that matches.
      type: str
    line:
      description: The line in the table's source.
      type: int
    by_hand:
      description: Whether the line is unmanaged.
      type: bool
    rule:
      description: The rule, where it is one of ours.
      type: str
    added:
      description: When it was added, in UTC.
      type: str
    by:
      description: Who added it.
      type: str
    expires:
      description: Its last day.
      type: str
    ticket:
      description: The ticket.
      type: str
    comment:
      description: The comment.
      type: str
    expired:
      description: Whether the last day of the rule is over. It counts until it is removed.
      type: bool
rules:
  description: The rules of ours, with the same keys, where nothing was asked.
  type: list
  elements: dict
  returned: success
instances:
  description: The names of the instances that were asked.
  type: list
  elements: str
  returned: success
count:
  description: How many there are.
  type: int
  returned: success
expired:
  description: The rules whose last day is over.
  type: list
  elements: str
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule

import ansible_collections.postmaster.mta.plugins.module_utils._startup  # noqa: F401  # pylint: disable=unused-import
from ansible_collections.postmaster.mta.plugins.module_utils._errors import PostmasterError, failure
from ansible_collections.postmaster.mta.plugins.module_utils._module import access_info


def main() -> None:
    module = AnsibleModule(argument_spec=access_info.ARGUMENT_SPEC, supports_check_mode=True)
    try:
        module.exit_json(changed=False, **access_info.run(module.params, module.check_mode))
    except PostmasterError as problem:
        module.fail_json(**failure(problem))


if __name__ == "__main__":
    main()

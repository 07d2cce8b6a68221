#!/usr/bin/python

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Manage the entries of a lookup table."""

DOCUMENTATION = r"""
module: table
short_description: Manage the entries of a lookup table of Postfix or sendmail
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - Edits the source of a lookup table in the MTA's configuration directory (transport or mailertable, virtual, generic, sender routes and
    so on). Compiles it under a new name, compares the compiled table with its source, and takes both live as one transaction.
  - It compiles the table when the compiled file is missing or older than its source, even if no entry changes.
  - Comments, the order and entries that are not meant stay as they are. A source with a malformed line or with a key that stands there
    twice is refused by line; C(postmap) and C(makemap) would go on without the line.
notes:
  - It does not make the MTA ask the table; the return value RV(used) says whether it does. M(postmaster.mta.relay) writes the settings.
  - A table called C(aliases) or C(aliases.NAME) has the form of aliases(5). sendmail itself compiles it, with C(-bi). It is asked where
    C(main.alias_maps) (Postfix) or C(mc.defines.ALIAS_FILE) (sendmail) of M(postmaster.mta.relay) names it, behind the aliases of the policy.
    On Debian C(/etc/mail/aliases) is a link to a file elsewhere, which is refused; give the table a name of its own.
  - sendmail asks C(virtusertable), C(genericstable) and C(domaintable) where C(mc.features) of M(postmaster.mta.relay) names the feature, and not
    because a file of that name is there.
extends_documentation_fragment:
  - postmaster.mta._confirm
  - postmaster.mta._mta
  - postmaster.mta._attributes
  - postmaster.mta._attributes.actiongroup_all
  - postmaster.mta._attributes.posix
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details:
      - With O(secret) the content is never shown.
  idempotent:
    support: full
options:
  name:
    description:
      - The source file, relative to the configuration directory.
    type: str
    required: true
  type:
    description:
      - The type of the table as the MTA names it, such as V(hash), V(lmdb), V(cidr), V(regexp). Without it, the type by which the
        configuration refers to the table, else the MTA's default.
    type: str
  entries:
    description:
      - The entries.
    type: list
    elements: dict
    default: []
    suboptions:
      key:
        description: The left side.
        type: str
        required: true
      value:
        description: The right side. Not needed for O(state=absent).
        type: str
  content:
    description:
      - More entries, as text in O(format).
    type: str
  src:
    description:
      - A file on the host with more entries, in O(format).
    type: path
  format:
    description:
      - The format of O(content) and O(src).
      - V(source) has a line for each entry, as the table itself has it; comments begin with C(#) in the first column.
      - V(csv) has the columns C(key) and C(value).
      - A line that is no entry is refused by its number, and so is a key that stands there twice with two values.
    type: str
    choices: [source, csv]
    default: source
  state:
    description:
      - V(present) adds entries, and gives those that are there the value.
      - V(absent) removes them.
      - V(exact) removes every other entry too.
    type: str
    choices: [present, absent, exact]
    default: present
  secret:
    description:
      - The table holds secrets, such as passwords for the next hop. A new file can be read by its owner alone, and nothing of it is shown.
    type: bool
    default: false
  by:
    description:
      - Who makes the change, for the account.
    type: str
  ticket:
    description:
      - The ticket of the change, for the account.
    type: str
  lock_timeout:
    description:
      - Seconds to wait for another run that is changing the same instance.
    type: float
    default: 60
seealso:
  - module: postmaster.mta.access
  - module: postmaster.mta.relay
"""

EXAMPLES = r"""
- name: Send one domain to a host
  postmaster.mta.table:
    name: transport
    entries:
      - key: served.test
        value: smtp:[10.25.0.57]

- name: The same on sendmail
  postmaster.mta.table:
    mta: sendmail
    name: mailertable
    entries:
      - key: served.test
        value: esmtp:[10.25.0.57]

- name: Passwords for the next hop
  postmaster.mta.table:
    name: sasl_passwd
    entries:
      - key: "[mx.example.com]:587"
        value: relay:not-a-real-one
    secret: true

- name: Exactly the routes of a file, all others go
  postmaster.mta.table:
    name: transport
    src: /root/transport.csv
    format: csv
    state: exact

- name: Take the routes away
  postmaster.mta.table:
    name: transport
    entries:
      - key: served.test
    state: absent
"""

RETURN = r"""
mta:
  description: The MTA that was changed.
  type: str
  returned: success
  sample: postfix
instance:
  description: The name of the instance.
  type: str
  returned: success
  sample: postfix
source:
  description: The source file.
  type: str
  returned: success
  sample: /etc/postfix/transport
type:
  description: The type of the table.
  type: str
  returned: success
  sample: hash
used:
  description: Whether the configuration refers to the table.
  type: bool
  returned: success
count:
  description: How many entries it has now.
  type: int
  returned: success
added:
  description: The keys that were added.
  type: list
  elements: str
  returned: success
updated:
  description: The keys that have another value now.
  type: list
  elements: str
  returned: success
removed:
  description: The keys that were removed.
  type: list
  elements: str
  returned: success
generation:
  description: The number that the change has in the account; null where nothing changed.
  type: int
  returned: success
  sample: 17
confirm_by:
  description: Until when the change must be confirmed, in seconds since the epoch; null where nobody has to.
  type: int
  returned: success
actions:
  description: What was done, or in check mode would be done, in order.
  type: list
  elements: str
  returned: success
activation:
  description: What made it effective.
  type: dict
  returned: success
  contains:
    kind:
      description: One of V(nothing), V(reload).
      type: str
    because:
      description: The tables that ask for it.
      type: list
      elements: str
verified:
  description:
    - What the running MTA was asked, where the table decides whom it takes mail for or where that goes, and that it answered as it should.
  type: list
  elements: str
  returned: success
  sample: ["mail to new.example is taken: 192.0.2.25:25 (stranger), 0.3 s after the change"]
findings:
  description: Why the change was refused or rolled back, one sentence each.
  type: list
  elements: str
  returned: failure
restored:
  description: Whether the old table is live again; only where the new one had been live.
  type: bool
  returned: failure
"""

from ansible.module_utils.basic import AnsibleModule

import ansible_collections.postmaster.mta.plugins.module_utils._startup  # noqa: F401  # pylint: disable=unused-import
from ansible_collections.postmaster.mta.plugins.module_utils._errors import PostmasterError, failure, told
from ansible_collections.postmaster.mta.plugins.module_utils._module import table


def main() -> None:
    # no_log keeps the parameters out of the host's syslog; a table may hold passwords.
    module = AnsibleModule(argument_spec=table.ARGUMENT_SPEC, supports_check_mode=True, no_log=True)
    module.no_log_values.update(table.secrets(module.params))
    try:
        module.exit_json(**told(module.warn, table.run(module.params, module.check_mode)))
    except PostmasterError as problem:
        module.fail_json(**failure(problem))


if __name__ == "__main__":
    main()

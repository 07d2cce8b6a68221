#!/usr/bin/python

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring the lookup tables of a Postfix instance to another type."""

DOCUMENTATION = r"""
module: tables_upgrade
short_description: Bring the hash and btree tables of a running Postfix to lmdb or cdb
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - Names every table of C(main.cf) and C(master.cf) by its new type, and compiles each from its source, as one transaction. The C(-o)
    options, C(proxy:), the aliases and C(default_database_type) are included. It is staged, checked, swapped in, made effective by a reload
    and verified. No connection is refused. Only where a table stands behind C(proxy:), a client that comes in the seconds of the change can
    lose its connection; RV(notes) names such a table.
  - Before anything goes live, each new table is compared with the one in use. Where the two would answer otherwise, for instance because the
    source was edited and never compiled, the change is refused with the first key that differs.
  - Tables that Postfix writes itself (caches) become lmdb, which can be written while Postfix runs, with what is in them.
    Without lmdb they stay as they are, and RV(notes) says so.
  - The compiled files of before stay (RV(left)); M(postmaster.mta.undo) goes back to them, and compiles anew what is older than its source.
  - Only for Postfix. Where sendmail is installed and O(mta=auto), nothing is changed and RV(notes) says so.
extends_documentation_fragment:
  - postmaster.mta._confirm
  - postmaster.mta._mta
  - postmaster.mta._attributes
  - postmaster.mta._attributes.actiongroup_all
  - postmaster.mta._attributes.posix
attributes:
  check_mode:
    support: full
    details:
      - Compiles and compares the tables, and checks the configuration, in a scratch directory.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  to:
    description:
      - The new type. A type that this Postfix does not have is refused, with the package that brings it.
    type: str
    required: true
    choices: [cdb, lmdb, hash, btree]
  from_types:
    description:
      - The types that are left.
    type: list
    elements: str
    choices: [hash, btree, cdb, lmdb]
    default: [hash, btree]
  keep:
    description:
      - Tables that stay as they are, by the path of the source. For those whose compiled file another program makes.
    type: list
    elements: path
    default: []
  by:
    description:
      - Who changes it, for the account.
    type: str
  ticket:
    description:
      - The ticket, for the account.
    type: str
  lock_timeout:
    description:
      - Seconds to wait for another run that is changing the same instance.
    type: float
    default: 60
seealso:
  - module: postmaster.mta.undo
  - module: postmaster.mta.table
"""

EXAMPLES = r"""
- name: Show which tables become lmdb
  postmaster.mta.tables_upgrade:
    to: lmdb
  check_mode: true
  diff: true

- name: Bring the tables to lmdb
  postmaster.mta.tables_upgrade:
    to: lmdb
    by: anna
    ticket: OPS-4711

- name: Go back
  postmaster.mta.undo:
"""

RETURN = r"""
mta:
  description: The MTA.
  type: str
  returned: success
instance:
  description: The name of the instance.
  type: str
  returned: success
to:
  description: The new type.
  type: str
  returned: success
tables:
  description: The tables that are compiled, each with the type that it had and the first setting that names it.
  type: list
  elements: dict
  returned: success
  sample: [{"path": "/etc/aliases", "from": "hash", "setting": "alias_maps"}]
caches:
  description: The tables that Postfix writes itself, with both types.
  type: list
  elements: dict
  returned: success
left:
  description: The compiled files of the old types, which nothing reads any more.
  type: list
  elements: str
  returned: success
notes:
  description: What stays as it was and why, and the scripts and inventories that still name an old type.
  type: list
  elements: str
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
generation:
  description: The number that the change has in the account; null where nothing changed.
  type: int
  returned: success
confirm_by:
  description: Until when the change must be confirmed, in seconds since the epoch; null where nobody has to.
  type: int
  returned: success
verified:
  description: What the running MTA was asked, and that it answered as it should.
  type: list
  elements: str
  returned: success
findings:
  description: Why it was refused or rolled back, one sentence each.
  type: list
  elements: str
  returned: failure
restored:
  description: Whether the configuration of before is live again; only where the other one had been live.
  type: bool
  returned: failure
"""

from ansible.module_utils.basic import AnsibleModule

import ansible_collections.postmaster.mta.plugins.module_utils._startup  # noqa: F401  # pylint: disable=unused-import
from ansible_collections.postmaster.mta.plugins.module_utils._errors import PostmasterError, failure, told
from ansible_collections.postmaster.mta.plugins.module_utils._module import tables_upgrade


def main() -> None:
    module = AnsibleModule(argument_spec=tables_upgrade.ARGUMENT_SPEC, supports_check_mode=True)
    try:
        module.exit_json(**told(module.warn, tables_upgrade.run(module.params, module.check_mode)))
    except PostmasterError as problem:
        module.fail_json(**failure(problem))


if __name__ == "__main__":
    main()

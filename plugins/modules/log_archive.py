#!/usr/bin/python

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keep the mail log for so many days."""

DOCUMENTATION = r"""
module: log_archive
short_description: Keep the mail log for so many days
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - Gives the mail log a stanza of logrotate of its own, a file a day, and takes it out of the distribution's stanza. A log that stands in two
    stanzas makes logrotate skip the second one whole, and with it every other log in it.
  - Other logs rotate as before, and the syslog daemon is told as the distribution tells it.
  - On a host that has the journal only, sets how long the journal is kept. That holds for the whole journal.
  - logrotate itself reads a copy of its configuration first. Where it finds a new error, nothing is changed.
  - M(postmaster.mta.log_info) and M(postmaster.mta.kit) read rotated and compressed files as well.
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
      - V(absent) gives the log back to the stanza from which it was taken. Rotated files stay.
    type: str
    choices: [present, absent]
    default: present
  keep_days:
    description:
      - For so many days the log is kept. What is older is deleted.
    type: int
    default: 92
  compress:
    description:
      - Whether rotated files are compressed, all but the newest.
    type: bool
    default: true
  owner:
    description:
      - Owner and group of new files, as C(user:group), with mode 0640. Without it, those of the file before.
    type: str
  path:
    description:
      - The logs. Without any, the mail log of the host.
    type: list
    elements: str
seealso:
  - module: postmaster.mta.log_info
"""

EXAMPLES = r"""
- name: Three months of mail log
  postmaster.mta.log_archive:
    keep_days: 92

- name: As the distribution has it
  postmaster.mta.log_archive:
    state: absent
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be done.
  type: list
  elements: str
  returned: success
  sample: ["edit /etc/logrotate.d/rsyslog", "create /etc/logrotate.d/postmaster-mta"]
notes:
  description: What could not be given back, because somebody changed it since.
  type: list
  elements: str
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule

import ansible_collections.postmaster.mta.plugins.module_utils._startup  # noqa: F401  # pylint: disable=unused-import
from ansible_collections.postmaster.mta.plugins.module_utils._errors import PostmasterError, failure
from ansible_collections.postmaster.mta.plugins.module_utils._module import log_archive


def main() -> None:
    module = AnsibleModule(argument_spec=log_archive.ARGUMENT_SPEC, supports_check_mode=True)
    try:
        module.exit_json(**log_archive.run(module.params, module.check_mode))
    except PostmasterError as problem:
        module.fail_json(**failure(problem))


if __name__ == "__main__":
    main()

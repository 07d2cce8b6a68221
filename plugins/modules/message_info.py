#!/usr/bin/python

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Look into one queued message."""

DOCUMENTATION = r"""
module: message_info
short_description: Look into one queued message
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - Returns the envelope, the headers and the beginning of the body of one queued message, why it waits, and what the log says about it.
  - The log is searched for messages that left the queue as well.
  - The message is not changed.
extends_documentation_fragment:
  - postmaster.mta._mta.every
  - postmaster.mta._mta
  - postmaster.mta._attributes
  - postmaster.mta._attributes.info_module
  - postmaster.mta._attributes.actiongroup_all
  - postmaster.mta._attributes.posix
options:
  id:
    description:
      - The queue ID.
    type: str
    required: true
  body_limit:
    description:
      - How many bytes of the body to return; V(0) for none.
    type: int
    default: 4096
  log_limit:
    description:
      - How many lines of the log to return at most, the last ones.
    type: int
    default: 100
notes:
  - Mail is private. Think of who reads the output before you ask for a body.
  - The current log file and the one before it are searched, or the journal where there is no file.
seealso:
  - module: postmaster.mta.queue_info
"""

EXAMPLES = r"""
- name: Why does this message wait
  postmaster.mta.message_info:
    id: 3B2C51C629A
    instance: all
    body_limit: 0
"""

RETURN = r"""
exists:
  description: Whether the message is in the queue.
  type: bool
  returned: success
message:
  description: The message, V(null) if it is not in the queue.
  type: dict
  returned: success
  contains:
    id:
      description: Queue ID.
      type: str
    instance:
      description: The instance whose queue it is in.
      type: str
    queue:
      description: The MTA's own word, V(incoming), V(active), V(deferred), V(hold), V(maildrop), or V(normal), V(quarantined), V(lost).
      type: str
    status:
      description: The word for both MTAs, V(incoming), V(active), V(deferred), V(hold), V(corrupt).
      type: str
    arrival:
      description: Time of arrival in seconds since the epoch.
      type: int
    arrived:
      description: The same as text in UTC.
      type: str
    size:
      description: Bytes; Postfix counts the whole message, sendmail its body.
      type: int
    sender:
      description: The envelope sender; V(<>) is the null sender.
      type: str
    recipients:
      description: Those that still wait, each with C(address), the MTA's text as C(reason), and the enhanced status code in it as C(dsn).
      type: list
      elements: dict
    reason:
      description: Why the message as a whole waits, where the MTA says so.
      type: str
    last_attempt:
      description: Seconds since the epoch, where the MTA keeps it (sendmail).
      type: int
    next_attempt:
      description: Seconds since the epoch, where the MTA plans it (Postfix, deferred messages).
      type: int
    attempts:
      description: How often it was tried, where the MTA counts (sendmail).
      type: int
    expiring:
      description: Whether it was told to bounce at the next attempt.
      type: bool
    path:
      description: Its control file.
      type: str
waits_for:
  description: Why it waits, as a sentence.
  type: str
  returned: success
headers:
  description: The header fields in order, each with C(name) and C(value), folded lines joined.
  type: list
  elements: dict
  returned: success
body:
  description: The beginning of the body. Bytes that are not UTF-8 are shown as C(\xNN).
  type: str
  returned: success
body_size:
  description: Bytes of the whole body.
  type: int
  returned: success
log:
  description: The lines of the log about this queue ID.
  type: list
  elements: str
  returned: success
attempts:
  description: The delivery attempts in these lines, each with C(recipient), C(dsn) and C(result).
  type: list
  elements: dict
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule

import ansible_collections.postmaster.mta.plugins.module_utils._startup  # noqa: F401  # pylint: disable=unused-import
from ansible_collections.postmaster.mta.plugins.module_utils._errors import PostmasterError, failure
from ansible_collections.postmaster.mta.plugins.module_utils._module import message_info


def main() -> None:
    module = AnsibleModule(argument_spec=message_info.ARGUMENT_SPEC, supports_check_mode=True)
    try:
        module.exit_json(changed=False, **message_info.run(module.params, module.check_mode))
    except PostmasterError as problem:
        module.fail_json(**failure(problem))


if __name__ == "__main__":
    main()

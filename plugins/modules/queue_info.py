#!/usr/bin/python

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""List, select and count queued messages."""

DOCUMENTATION = r"""
module: queue_info
short_description: List, select and count queued messages
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - Reads the queue of one instance or of all, Postfix and sendmail alike, and returns messages and a summary of them.
  - The summary has the oldest message for each recipient domain, so it answers since when a destination is stuck and why.
  - Reasons are counted without the addresses, host names and serial numbers in them, so that one cause is one row.
  - Messages are read one by one; a queue of 100,000 needs no more memory than a small one. What returns is bounded by O(limit) and O(top).
  - Quarantined and lost messages of sendmail are listed as well, which C(mailq) does not do.
extends_documentation_fragment:
  - postmaster.mta._mta.every
  - postmaster.mta._mta
  - postmaster.mta._select
  - postmaster.mta._attributes
  - postmaster.mta._attributes.info_module
  - postmaster.mta._attributes.actiongroup_all
  - postmaster.mta._attributes.posix
options:
  limit:
    description:
      - How many messages to return; V(0) for the summary alone.
    type: int
    default: 100
  sort:
    description:
      - Which messages come first.
    type: str
    choices: [largest, newest, oldest]
    default: oldest
  top:
    description:
      - How many rows each table of the summary has, those with most messages first.
      - V(0) is all rows. Only such summaries can be merged exactly, as M(postmaster.mta.playbook_queue_report) does for a fleet.
    type: int
    default: 20
notes:
  - The words for O(select.status) are V(incoming), V(active), V(deferred), V(hold) and V(corrupt).
    The words V(normal), V(quarantined) and V(lost) of sendmail mean V(deferred), V(hold) and V(corrupt).
  - A recipient who has no reason of its own is shown with the reason of the message, which sendmail keeps for the last error of all.
seealso:
  - module: postmaster.mta.queue
  - module: postmaster.mta.message_info
"""

EXAMPLES = r"""
- name: What is in the queues, and why
  postmaster.mta.queue_info:
    instance: all

- name: Since when does yahoo.example not take our mail
  postmaster.mta.queue_info:
    instance: all
    limit: 1
    select:
      domain: yahoo.example

- name: What waits for more than four hours because a connection timed out
  postmaster.mta.queue_info:
    sort: largest
    select:
      older_than: 4h
      reason: timed out
      status: deferred
"""

RETURN = r"""
messages:
  description: The messages that were selected, at most O(limit) of them.
  type: list
  elements: dict
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
summary:
  description:
    - Counts of all messages that were selected. Where the selection speaks of recipients, only those that fit are counted.
    - Each row of a table has a C(name) and the keys of C(total).
  type: dict
  returned: success
  contains:
    total:
      description:
        - All of them, as C(messages), C(recipients), C(bytes) (each message once), C(ages) and C(oldest).
        - C(ages) counts recipients in the age classes of qshape(1), under 5, 10, 20, 40, 80, 160, 320, 640, 1280 minutes and older.
        - C(oldest) has C(id), C(instance), C(arrival), C(arrived) and the C(reason) why it waits; it is V(null) where there is no message.
      type: dict
    statuses:
      description: By status.
      type: list
      elements: dict
    senders:
      description: By sender.
      type: list
      elements: dict
    sender_domains:
      description: By domain of the sender.
      type: list
      elements: dict
    recipients:
      description: By recipient.
      type: list
      elements: dict
    domains:
      description: By domain of the recipient; C(oldest) is the oldest message that is stuck there, C(hosts) are those that the reasons name.
      type: list
      elements: dict
    nexthops:
      description: By the host that the reason names, else by domain of the recipient.
      type: list
      elements: dict
    reasons:
      description: By reason, without what differs from one message to the next.
      type: list
      elements: dict
    distinct:
      description: How many rows each table has in full.
      type: dict
    complete:
      description: Whether no table was cut.
      type: bool
unreadable:
  description: Files that could not be read as messages, each with C(path) and C(why). A file that vanishes meanwhile is no such case.
  type: list
  elements: dict
  returned: success
instances:
  description: The instances that were read, each with C(mta), C(name), C(config_directory) and C(queue_directories).
  type: list
  elements: dict
  returned: success
host_status:
  description: What sendmail remembers about hosts, each with C(host), C(status) (empty for success) and C(when), in seconds since the epoch.
  type: list
  elements: dict
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule

import ansible_collections.postmaster.mta.plugins.module_utils._startup  # noqa: F401  # pylint: disable=unused-import
from ansible_collections.postmaster.mta.plugins.module_utils._errors import PostmasterError, failure
from ansible_collections.postmaster.mta.plugins.module_utils._module import queue_info


def main() -> None:
    module = AnsibleModule(argument_spec=queue_info.ARGUMENT_SPEC, supports_check_mode=True)
    try:
        module.exit_json(changed=False, **queue_info.run(module.params, module.check_mode))
    except PostmasterError as problem:
        module.fail_json(**failure(problem))


if __name__ == "__main__":
    main()

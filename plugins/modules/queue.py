#!/usr/bin/python

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Act on queued messages."""

DOCUMENTATION = r"""
module: queue
short_description: Flush, deliver, hold, release, requeue, delete or expire queued messages
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - Acts on the messages of one instance or of all, by selection or one by one, Postfix and sendmail alike.
  - Reads the queue, decides, looks at each message again right before it acts, and then acts in one batch.
    A queue ID that belongs to another message by now is not hit, for the time of arrival is compared.
  - A message that left the queue meanwhile is reported as gone and is no failure. One that is being delivered may be delivered
    all the same, whatever is done to it.
  - What is on hold stays on hold, unless it is released, or deleted.
extends_documentation_fragment:
  - postmaster.mta._mta.every
  - postmaster.mta._mta
  - postmaster.mta._select
  - postmaster.mta._attributes
  - postmaster.mta._attributes.actiongroup_all
  - postmaster.mta._attributes.posix
attributes:
  check_mode:
    support: full
    details:
      - Returns the messages that would be hit, and touches none.
  diff_mode:
    support: none
  idempotent:
    support: partial
    details:
      - For V(hold), V(release) and V(delete) it is. An attempt to deliver can be made again and again.
options:
  action:
    description:
      - V(flush) tries to deliver, and does not wait for the outcome. Without a selection it takes the whole queue.
      - V(deliver) tries to deliver, waits for the outcome and returns what was said. It is meant for single messages.
      - V(hold) keeps messages from being delivered; sendmail calls it quarantine. What is being delivered right now is skipped.
      - V(release) ends V(hold). It makes no attempt; let V(flush) or V(deliver) follow.
      - V(requeue) puts messages through the beginning of Postfix again, so that they are rewritten and routed anew. They get new queue IDs.
        sendmail cannot do it.
      - V(delete) removes messages for good. Nobody is told.
      - V(expire) returns messages to their senders. Postfix 3.5 and newer do so at the next attempt, which V(flush) makes at once.
        sendmail makes one last attempt first.
    type: str
    required: true
    choices: [flush, deliver, hold, release, requeue, delete, expire]
  messages:
    description:
      - The messages that are meant, one by one, each with its C(id) and C(arrival), as M(postmaster.mta.queue_info) and this module return them.
        A C(instance) and other keys may be there.
    type: list
    elements: dict
  max:
    description:
      - How many messages may be hit at most. If more are selected, nothing is done.
      - Needed for O(action=delete).
    type: int
  limit:
    description:
      - How many messages to return at most; the counts are always complete.
    type: int
    default: 1000
  timeout:
    description:
      - For O(action=deliver), how many seconds to wait for the outcome. Postfix goes on with its attempt; that of sendmail is ended.
    type: int
    default: 300
notes:
  - The words for O(select.status) are V(incoming), V(active), V(deferred), V(hold) and V(corrupt).
    The words V(normal), V(quarantined) and V(lost) of sendmail mean V(deferred), V(hold) and V(corrupt).
  - Every action but V(flush) needs a selection.
  - Postfix takes one message at a time for V(flush) and V(deliver) with a selection, which costs some 5 milliseconds each.
seealso:
  - module: postmaster.mta.queue_info
  - module: postmaster.mta.message_info
"""

EXAMPLES = r"""
- name: Try everything now
  postmaster.mta.queue:
    action: flush
    instance: all

- name: Try what waits for one destination
  postmaster.mta.queue:
    action: flush
    select:
      domain: yahoo.example

- name: Keep what a compromised account sent
  postmaster.mta.queue:
    action: hold
    instance: all
    select:
      sender: mallory@served.test

- name: Delete it, if it is not more than 5000 messages
  postmaster.mta.queue:
    action: delete
    instance: all
    max: 5000
    select:
      sender: mallory@served.test
      status: hold
"""

RETURN = r"""
action:
  description: The O(action).
  type: str
  returned: success
affected:
  description: How many messages were hit; in check mode, how many would be.
  type: int
  returned: success
deferred:
  description: For O(action=deliver), how many of them are still in the queue after the attempt.
  type: int
  returned: success
gone:
  description: How many left the queue before they could be hit.
  type: int
  returned: success
unknown:
  description:
    - The IDs of O(select.ids) that neither the queue nor the log has. They are mistyped, cut short, or of another relay, and nothing was
      done for them.
  type: list
  elements: str
  returned: success
skipped_count:
  description: How many were selected and left alone, for instance because they are on hold.
  type: int
  returned: success
messages:
  description: The messages, at most O(limit) of them. Empty when the whole queue was flushed.
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
    status:
      description: Where it was when it was selected, V(incoming), V(active), V(deferred), V(hold), V(corrupt).
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
    outcome:
      description:
        - V(done) or V(predicted) (in check mode); V(deferred) where a delivery was tried and the message is still in the queue;
          V(gone) where it left the queue before; V(unknown) where nobody knows the ID; V(skipped) where the action does not apply.
      type: str
    why:
      description: Why it was skipped or deferred, or what is wrong with the ID.
      type: str
transcript:
  description: For O(action=deliver), the SMTP dialogue (sendmail) or the lines of the log (Postfix).
  type: list
  elements: str
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule

import ansible_collections.postmaster.mta.plugins.module_utils._startup  # noqa: F401  # pylint: disable=unused-import
from ansible_collections.postmaster.mta.plugins.module_utils._errors import PostmasterError, failure
from ansible_collections.postmaster.mta.plugins.module_utils._module import queue


def main() -> None:
    module = AnsibleModule(
        argument_spec=queue.ARGUMENT_SPEC, mutually_exclusive=queue.MUTUALLY_EXCLUSIVE, supports_check_mode=True
    )
    try:
        module.exit_json(**queue.run(module.params, module.check_mode))
    except PostmasterError as problem:
        module.fail_json(**failure(problem))


if __name__ == "__main__":
    main()

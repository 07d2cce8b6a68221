#!/usr/bin/python

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Say what is caught, and what was."""

DOCUMENTATION = r"""
module: capture_info
short_description: Say what a capture instance has caught
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - Returns the routes to a capture instance, and the messages in it with their envelopes, the oldest first. With O(content=true) each
    message is returned whole, byte for byte as it came, with the C(Received) fields of both instances on top.
extends_documentation_fragment:
  - postmaster.mta._mta
  - postmaster.mta._select
  - postmaster.mta._attributes
  - postmaster.mta._attributes.info_module
  - postmaster.mta._attributes.actiongroup_all
  - postmaster.mta._attributes.posix
options:
  instance:
    description:
      - The production instance, by its name or by its configuration directory. Without it, the primary one.
    type: str
  name:
    description:
      - The name of the capture instance. Without it, V(postfix-capture) or V(sendmail-capture).
    type: str
  content:
    description:
      - Return the messages themselves.
    type: bool
    default: false
  limit:
    description:
      - How many messages to return at most.
    type: int
    default: 1000
  max_bytes:
    description:
      - How many bytes of one message to return at most.
    type: int
    default: 1048576
  total_bytes:
    description:
      - How many bytes of all messages together to return at most.
    type: int
    default: 20971520
notes:
  - Mail is private. Think of who reads the output before you ask for contents.
seealso:
  - module: postmaster.mta.capture
  - module: postmaster.mta.capture_save
"""

EXAMPLES = r"""
- name: How much was caught
  postmaster.mta.capture_info:
  register: capture_found

- name: The first message of one sender, whole
  postmaster.mta.capture_info:
    select:
      sender: ["*@emalsrv.example"]
    limit: 1
    content: true
"""

RETURN = r"""
mta:
  description: The MTA.
  type: str
  returned: success
instance:
  description: The production instance.
  type: str
  returned: success
capture_instance:
  description: The capture instance.
  type: str
  returned: success
exists:
  description: Whether there is such an instance.
  type: bool
  returned: success
running:
  description: Whether it runs.
  type: bool
  returned: success
routes:
  description: What is caught, in words.
  type: list
  elements: str
  returned: success
  sample: ["from emalsrv.example"]
address:
  description: Where the routes go; empty without any.
  type: str
  returned: success
port:
  description: The port there; V(0) without any routes.
  type: int
  returned: success
count:
  description: How many messages are in the instance that the selection takes.
  type: int
  returned: success
truncated:
  description: Whether there are more messages than are returned.
  type: bool
  returned: success
messages:
  description: The messages.
  type: list
  elements: dict
  returned: success
  contains:
    id:
      description: Queue ID in the capture instance.
      type: str
    status:
      description: V(hold) as long as nobody released it.
      type: str
    arrival:
      description: Time of arrival in seconds since the epoch.
      type: int
    arrived:
      description: The same as text in UTC.
      type: str
    sender:
      description: The envelope sender; V(<>) is the null sender.
      type: str
    recipients:
      description: The envelope recipients.
      type: list
      elements: str
    client:
      description: The address of the client that gave it to the production instance, as that one's C(Received) field says.
      type: str
    size:
      description: Bytes of the whole message.
      type: int
    cut:
      description: Whether the message is longer than O(max_bytes).
      type: bool
    content:
      description: The message, or its beginning, in base64; line ends are LF.
      type: str
      returned: when O(content=true)
"""

from ansible.module_utils.basic import AnsibleModule

import ansible_collections.postmaster.mta.plugins.module_utils._startup  # noqa: F401  # pylint: disable=unused-import
from ansible_collections.postmaster.mta.plugins.module_utils._errors import PostmasterError, failure
from ansible_collections.postmaster.mta.plugins.module_utils._module import capture_info


def main() -> None:
    module = AnsibleModule(argument_spec=capture_info.ARGUMENT_SPEC, supports_check_mode=True)
    try:
        module.exit_json(changed=False, **capture_info.run(module.params, module.check_mode))
    except PostmasterError as problem:
        module.fail_json(**failure(problem))


if __name__ == "__main__":
    main()

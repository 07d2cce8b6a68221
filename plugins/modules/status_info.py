#!/usr/bin/python

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a relay is, at a glance."""

DOCUMENTATION = r"""
module: status_info
short_description: Find out how a relay is, at a glance
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - Looks at each instance for what a postmaster asks first. Says whether it runs, what waits and for how long, and whether there is room on
    the queue's disk. Says how long the certificate lasts, and whether it is for the relay's name. Says what was changed last, whether
    somebody else changed what was written, and which blocks end soon.
  - Tells how the canaries of M(postmaster.mta.kit) are, where there are any.
  - RV(trouble) is what somebody should look at. The limits are options.
  - Changes nothing and sends nothing.
extends_documentation_fragment:
  - postmaster.mta._attributes
  - postmaster.mta._attributes.info_module
  - postmaster.mta._attributes.actiongroup_all
  - postmaster.mta._attributes.posix
options:
  mta:
    description:
      - The MTA that is meant. V(auto) takes what is installed.
    type: str
    choices: [auto, postfix, sendmail]
    default: auto
  instance:
    description:
      - The instance that is meant, by its name or by its configuration directory. V(all) is every instance.
    type: str
    default: all
  oldest:
    description:
      - The time that a message may wait, such as V(4h).
    type: str
    default: 4h
  soon:
    description:
      - The time within which a block counts as one that ends soon.
    type: str
    default: 3d
  free:
    description:
      - The part of the queue's file system that must be free, in percent, of bytes and of inodes.
    type: int
    default: 10
seealso:
  - module: postmaster.mta.kit
  - module: postmaster.mta.host_info
  - module: postmaster.mta.queue_info
"""

EXAMPLES = r"""
- name: How is this relay
  postmaster.mta.status_info:
  register: status

- name: Say what is wrong
  ansible.builtin.debug:
    msg: "{{ status.trouble | default(['nothing'], true) }}"
"""

RETURN = r"""
instances:
  description: The instances. A part that could not be read is null, and RV(trouble) says why.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: The name of the instance.
      type: str
      returned: always
    mta:
      description: C(postfix) or C(sendmail).
      type: str
      returned: always
    config_directory:
      description: Its configuration directory.
      type: str
      returned: always
    enabled:
      description: Whether it is meant to run.
      type: bool
      returned: always
    running:
      description: Whether it runs.
      type: bool
      returned: always
    version:
      description: The version of the MTA.
      type: str
      returned: always
    hostname:
      description: The name that it has in the world.
      type: str
      returned: always
    queue:
      description:
        - How many messages wait, and the age of the oldest one in seconds. C(counts) and C(ages) have both by status.
      type: dict
      returned: always
    disk:
      description: The fullest file system of its queue, with the percent of bytes and inodes that are free.
      type: dict
      returned: always
    certificate:
      description: Its certificate, with the days that it lasts and whether it is for RV(instances[].hostname). Null where it has none.
      type: dict
      returned: always
    drift:
      description: How many settings and files somebody else changed since we wrote them.
      type: int
      returned: always
    change:
      description: The last change of ours. Null where there was none.
      type: dict
      returned: always
    blocks:
      description: How many rules there are, which have expired, and which end soon.
      type: dict
      returned: always
    trouble:
      description: What somebody should look at, one sentence each.
      type: list
      elements: str
      returned: always
canaries:
  description: How each canary is.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: Its name.
      type: str
      returned: always
    recipient:
      description: Where it writes to.
      type: str
      returned: always
    rounds:
      description: How many rounds have ended.
      type: int
      returned: always
    failures:
      description: How many rounds have failed since the last one that did not.
      type: int
      returned: always
    reason:
      description: Why the last one failed.
      type: str
      returned: always
    seconds:
      description: How long the last message took that arrived.
      type: float
      returned: always
    succeeded:
      description: When the last message arrived, in seconds since the epoch.
      type: float
      returned: always
    ran:
      description: When it ran last, in seconds since the epoch.
      type: float
      returned: always
    trouble:
      description: What is wrong with it; empty where nothing is.
      type: str
      returned: always
kit:
  description: Whether the kit is installed, and which parts of it work here.
  type: dict
  returned: success
  sample: {installed: true, parts: [expiry, metrics]}
trouble:
  description: The trouble of all instances and canaries.
  type: list
  elements: str
  returned: success
  sample: ["postfix: a message has waited for 312 minutes"]
"""

from ansible.module_utils.basic import AnsibleModule

import ansible_collections.postmaster.mta.plugins.module_utils._startup  # noqa: F401  # pylint: disable=unused-import
from ansible_collections.postmaster.mta.plugins.module_utils._errors import PostmasterError, failure
from ansible_collections.postmaster.mta.plugins.module_utils._module import status_info


def main() -> None:
    module = AnsibleModule(argument_spec=status_info.ARGUMENT_SPEC, supports_check_mode=True)
    try:
        module.exit_json(changed=False, **status_info.run(module.params, module.check_mode))
    except PostmasterError as problem:
        module.fail_json(**failure(problem))


if __name__ == "__main__":
    main()

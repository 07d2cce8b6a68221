#!/usr/bin/python

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read a live relay back into a policy."""

DOCUMENTATION = r"""
module: relay_info
short_description: Read the live configuration of Postfix or sendmail back into a relay policy
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - Says for each instance of the MTAs on a host what it is, what it can do, and whether it runs. Says in the words of the relay policy what
    its configuration means. What it returns as RV(instances[].policy) can be given to M(postmaster.mta.relay) on another host.
  - A reader never invents. What cannot be read as a whole is left out of the policy and named in RV(instances[].unexpressed).
  - RV(instances[].policy) and RV(instances[].natives) together, given to M(postmaster.mta.relay) with O(postmaster.mta.relay#module:baseline=none),
    change nothing that is effective. Where sendmail could not be rebuilt as it runs, C(would_change) in RV(instances[].unexpressed) says so.
extends_documentation_fragment:
  - postmaster.mta._mta
  - postmaster.mta._attributes
  - postmaster.mta._attributes.info_module
  - postmaster.mta._attributes.actiongroup_all
  - postmaster.mta._attributes.posix
options:
  instance:
    description:
      - The instance that is meant, by its name or by its configuration directory. Without it, or with V(all), every instance.
    type: str
  defaults:
    description:
      - Return the options that the host leaves at the MTA's own default, too. V(false) returns what somebody has set.
    type: bool
    default: true
seealso:
  - module: postmaster.mta.relay
"""

EXAMPLES = r"""
- name: Read every instance
  postmaster.mta.relay_info:
  register: relay

- name: Read what somebody has set, and nothing else
  postmaster.mta.relay_info:
    defaults: false
  register: relay

- name: Read the primary sendmail
  postmaster.mta.relay_info:
    mta: sendmail
    instance: sendmail
"""

RETURN = r"""
instances:
  description: The instances, the primary ones first.
  type: list
  elements: dict
  returned: success
  contains:
    mta:
      description: C(postfix) or C(sendmail).
      type: str
      sample: postfix
    name:
      description: The name of the instance.
      type: str
      sample: postfix
    config_directory:
      description: Its configuration directory.
      type: str
      sample: /etc/postfix
    queue_directories:
      description: Where it keeps its queue.
      type: list
      elements: str
      sample: [/var/spool/postfix]
    primary:
      description: Whether it is the system's own.
      type: bool
    enabled:
      description: Whether it starts with the others.
      type: bool
    version:
      description: The version that the MTA names itself.
      type: str
      sample: 3.7.11
    table_types:
      description: The lookup table types that this build knows.
      type: list
      elements: str
      sample: [btree, cidr, hash]
    default_table_type:
      description: The type that new tables get.
      type: str
      sample: hash
    features:
      description: What else this build can do.
      type: list
      elements: str
    running:
      description: Whether it runs.
      type: bool
    listening:
      description: The addresses it listens on.
      type: list
      elements: dict
      contains:
        address:
          description: The address.
          type: str
        port:
          description: The port.
          type: int
    policy:
      description: The live configuration as a policy; times in seconds, sizes in bytes.
      type: dict
    effective:
      description:
        - All options of the policy that could be read, whatever O(defaults) says, and those that cannot be applied as they are.
      type: dict
    natives:
      description:
        - The native options of M(postmaster.mta.relay) with which the policy becomes this host again. C(main) and C(master) of Postfix,
          C(mc) of sendmail. A null removes a parameter, or switches a feature off.
      type: dict
      sample: {main: {smtpd_milters: "inet:127.0.0.1:8891"}}
    shadowed:
      description: Options of the policy that a native setting wins over, with the name of that setting.
      type: dict
      sample: {relay.networks: main.mynetworks}
    unexpressed:
      description:
        - Native settings that differ from the MTA's default and that no option of the policy speaks of. Those that the native options
          can say stand in RV(instances[].natives) as well.
        - On sendmail there are three more. C(disagreements) has what differs between sendmail.mc and the sendmail.cf that runs,
          C(sendmail.mc) the statements that cannot be taken over, and C(would_change) what a new build would change.
      type: dict
    risks:
      description: What makes the relay open for strangers or dead for everybody, as M(postmaster.mta.relay) returns it.
      type: list
      elements: dict
      contains:
        code:
          description: The kind of finding, as O(postmaster.mta.relay#module:accept_risk) takes it.
          type: str
        severity:
          description: V(error), V(warning) or V(notice).
          type: str
        about:
          description: The parameter, with its service where it is not that of the whole relay.
          type: str
        what:
          description: Parameter, value and consequence.
          type: str
        evidence:
          description: What was observed, one line each.
          type: list
          elements: str
        remedy:
          description: What to do.
          type: str
        accepted:
          description: The reason for which somebody accepts it; empty where nobody does.
          type: str
    generation:
      description: The number of our last change that stands, see M(postmaster.mta.history_info); V(0) where we have written nothing.
      type: int
    drift:
      description:
        - What somebody else changed since this collection wrote it, as M(postmaster.mta.relay) returns it. For a file of which no setting
          of ours has changed, RV(instances[].drift[].generation) and RV(instances[].drift[].written_at) say when we wrote it.
      type: list
      elements: dict
      contains:
        file:
          description: The file.
          type: str
        setting:
          description: The setting or service; empty where the file as a whole is meant.
          type: str
        written:
          description: What was written last.
          type: str
        live:
          description: What stands there now.
          type: str
        since:
          description: When the file was changed last, in UTC.
          type: str
        generation:
          description: The generation that wrote the file.
          type: int
        written_at:
          description: When that was, in UTC.
          type: str
"""

from ansible.module_utils.basic import AnsibleModule

import ansible_collections.postmaster.mta.plugins.module_utils._startup  # noqa: F401  # pylint: disable=unused-import
from ansible_collections.postmaster.mta.plugins.module_utils._errors import PostmasterError, failure
from ansible_collections.postmaster.mta.plugins.module_utils._module import relay_info


def main() -> None:
    module = AnsibleModule(argument_spec=relay_info.ARGUMENT_SPEC, supports_check_mode=True)
    try:
        module.exit_json(changed=False, **relay_info.run(module.params, module.check_mode))
    except PostmasterError as problem:
        module.fail_json(**failure(problem))


if __name__ == "__main__":
    main()

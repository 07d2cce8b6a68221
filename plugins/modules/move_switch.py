#!/usr/bin/python

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""Move the ports of a sendmail to the Postfix beside it, and back."""

DOCUMENTATION = r"""
module: move_switch
short_description: Move the ports of a sendmail relay to the Postfix beside it, and back
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - Postfix has a configuration that says C(master_service_disable = inet) and so listens nowhere; the playbook C(move) writes it and compares.
    This module takes C(inet) out, ends the daemon of sendmail, and has Postfix listen. Sessions with sendmail go on to their end.
  - What is in the queues of sendmail is delivered by a queue runner of sendmail that listens nowhere. When the queue is empty, a timer
    on the host ends it. Quarantined messages stay where they are. No file of sendmail is changed.
  - The way back is the same with the two exchanged. Postfix delivers what is in its queue, listening nowhere, and then stops.
  - The change is a generation of the account of Postfix. With O(confirm) the host goes back to sendmail by itself, and
    M(postmaster.mta.undo) goes back, too.
  - Where both are known to the alternatives system, C(sendmail) is the program of the MTA that listens. On Debian, C(mailq) stays that of
    sendmail, which shows what is still to be delivered.
  - Only the primary instances are moved. Needs systemd.
extends_documentation_fragment:
  - postmaster.mta._confirm
  - postmaster.mta._attributes
  - postmaster.mta._attributes.actiongroup_all
  - postmaster.mta._attributes.posix
attributes:
  check_mode:
    support: full
    details:
      - Says what stands in the way, and tries the configuration of Postfix in a shadow.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  state:
    description:
      - V(moved) gives the ports to Postfix, V(back) gives them to sendmail. Where nothing was moved, V(back) changes nothing.
        V(checked) changes nothing, and is refused where V(moved) would be.
      - A first V(moved) is refused while sendmail does not listen, its C(sendmail.mc) is not there or does not build, a file of its queue cannot
        be read, or Postfix cannot be started as a service.
    type: str
    required: true
    choices: [checked, moved, back]
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
  - module: postmaster.mta.move_compare
  - module: postmaster.mta.confirm
  - module: postmaster.mta.undo
"""

EXAMPLES = r"""
# The playbook move calls this with state: moved and confirm: 30m, once it has written the configuration of Postfix and compared it.
- name: Say what stands in the way of a move
  postmaster.mta.move_switch:
    state: checked

- name: Go back to sendmail
  postmaster.mta.move_switch:
    state: back
"""

RETURN = r"""
mta:
  description: The MTA whose configuration is changed.
  type: str
  returned: success
  sample: postfix
instance:
  description: The name of the instance.
  type: str
  returned: success
listens:
  description: The MTA that has the ports; empty where both have some, or none has.
  type: str
  returned: success
  sample: postfix
drains:
  description: The MTA that delivers what is left in its queue and listens nowhere; empty where none does.
  type: str
  returned: success
  sample: sendmail
left:
  description: How many messages it still has to deliver.
  type: int
  returned: success
notes:
  description: What a person has to know about the queue that is left.
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
  description: What the running Postfix was asked, and that it answered as it should.
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
from ansible_collections.postmaster.mta.plugins.module_utils._module import move_switch


def main() -> None:
    module = AnsibleModule(argument_spec=move_switch.ARGUMENT_SPEC, supports_check_mode=True)
    try:
        module.exit_json(**told(module.warn, move_switch.run(module.params, module.check_mode)))
    except PostmasterError as problem:
        module.fail_json(**failure(problem))


if __name__ == "__main__":
    main()

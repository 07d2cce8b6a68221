#!/usr/bin/python

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Open a door from which one leaves from the relay's own address."""

DOCUMENTATION = r"""
module: browse
short_description: Open a SOCKS door that leaves from the relay's own address, for a time
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - Opens a SOCKS 5 door on a socket of the relay, to which C(ssh -L) leads from an administrator's machine. What goes through it leaves
    from the address from which the relay sends mail. So a browser sees what the outside shows to that address, for instance the form by
    which a blocklist removes it.
  - The door closes by itself at its time, and with a restart of the host. Nothing of it is left then; no file, unit, or process.
  - Nobody but root and the user O(uid) can use it, since the socket belongs to that user. It listens at no port. It has no right to
    anything on the relay. It refuses to lead to the relay's own loopback or to link-local addresses.
  - Names are looked up on the relay. Where only an IPv4 address is to leave from, hosts are reached by IPv4 only, and the same for IPv6.
extends_documentation_fragment:
  - postmaster.mta._mta
  - postmaster.mta._attributes
  - postmaster.mta._attributes.actiongroup_all
  - postmaster.mta._attributes.posix
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
requirements:
  - systemd on the host that it runs on
options:
  state:
    description:
      - V(open) opens the door. One that is open already with the same addresses stays as it is, and closes at the time that it had.
      - V(closed) closes it, with all connections through it.
    type: str
    choices: [open, closed]
    default: open
  addresses:
    description:
      - The addresses of the host to leave from, at most one for each IP version. Without any, those of the configuration
        (C(identity.send_from)), else the addresses from which the host would leave.
    type: list
    elements: str
    default: []
  duration:
    description:
      - How long the door is open, at most V(24h).
    type: str
    default: 1h
  uid:
    description:
      - The number of the user who may use it, as whom one comes by ssh. Each user has a door of his own.
      - Without it, the user behind C(sudo), else root.
    type: int
seealso:
  - module: postmaster.mta.egress_info
"""

EXAMPLES = r"""
- name: Browse from the relay's own address for half an hour
  postmaster.mta.browse:
    duration: 30m
  register: door

- name: Say how
  ansible.builtin.debug:
    msg: "until {{ door.until }}: ssh -L 127.0.0.1:1080:{{ door.socket }} {{ inventory_hostname }} cat {{ door.ended_by }}"

- name: Close it before its time
  postmaster.mta.browse:
    state: closed
"""

RETURN = r"""
open:
  description: Whether the door is open now, or would be in check mode.
  type: bool
  returned: success
addresses:
  description: The addresses from which it leaves.
  type: list
  elements: str
  returned: when it is open
until:
  description: When it closes, in UTC.
  type: str
  returned: when it is open
  sample: "2026-03-01T12:30:00Z"
socket:
  description: The socket, for C(ssh -L).
  type: str
  returned: when it is open
  sample: /run/postmaster-mta-browse-0/door.sock
ended_by:
  description: A file whose end a reader comes to when the door closes. As the command of ssh, C(cat) of it ends ssh then.
  type: str
  returned: when it is open
  sample: /run/postmaster-mta-browse-0/open
actions:
  description: What was done, or in check mode would be done, in order.
  type: list
  elements: str
  returned: success
  sample: [start postmaster-mta-browse-0.service]
"""

from ansible.module_utils.basic import AnsibleModule

import ansible_collections.postmaster.mta.plugins.module_utils._startup  # noqa: F401  # pylint: disable=unused-import
from ansible_collections.postmaster.mta.plugins.module_utils._errors import PostmasterError, failure
from ansible_collections.postmaster.mta.plugins.module_utils._module import browse


def main() -> None:
    module = AnsibleModule(argument_spec=browse.ARGUMENT_SPEC, supports_check_mode=True)
    try:
        module.exit_json(**browse.run(module.params, module.check_mode))
    except PostmasterError as problem:
        module.fail_json(**failure(problem))


if __name__ == "__main__":
    main()

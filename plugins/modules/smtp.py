#!/usr/bin/python

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An SMTP dialogue, step by step."""

DOCUMENTATION = r"""
module: smtp
short_description: Talk SMTP to a server step by step, and send a test message or raw bytes when asked
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - Talks to a mail server from the host that it runs on and returns each step with its reply and the seconds it took.
  - Ends where O(until) says; only with V(message) something is sent.
  - Sends a message byte for byte, so that what a program wrote reproduces, and says what became of it where it arrived.
  - With O(compare_with) it says the same to a second server at the same time, and shows where the two differ.
extends_documentation_fragment:
  - postmaster.mta._attributes
  - postmaster.mta._attributes.actiongroup_all
  - postmaster.mta._attributes.posix
attributes:
  check_mode:
    support: full
    details:
      - Then no message is sent, the dialogue ends after RCPT.
  diff_mode:
    support: none
  idempotent:
    support: N/A
    details:
      - A message that is sent twice arrives twice.
options:
  host:
    description:
      - Name or address of the server.
    type: str
    required: true
  port:
    description:
      - Its port.
    type: int
    default: 25
  compare_with:
    description:
      - A second server, to which the same is said.
    type: dict
    suboptions:
      host:
        description:
          - Name or address of the second server.
        type: str
        required: true
      port:
        description:
          - Its port.
        type: int
        default: 25
  source:
    description:
      - Address of this host to connect from.
    type: str
  helo:
    description:
      - The name to say in EHLO; without it, the host's own. A host whose name has no domain says its address.
    type: str
  starttls:
    description:
      - V(try) uses STARTTLS where it is offered, V(require) ends without it.
    type: str
    choices: [never, try, require]
    default: try
  ca_file:
    description:
      - Authorities that the server's certificate must come from; without it, any certificate will do.
    type: path
  until:
    description:
      - The last step before QUIT.
    type: str
    choices: [connect, ehlo, starttls, mail, rcpt, message]
    default: ehlo
  sender:
    description:
      - Envelope sender; empty is the null sender.
    type: str
    default: ""
  recipients:
    description:
      - Envelope recipients.
    type: list
    elements: str
    default: []
  message_path:
    description:
      - File on the host that this runs on with the message to send. With CRLF in it every byte is sent as it is, otherwise line feeds
        become CRLF.
    type: path
  message_base64:
    description:
      - The same as text in base64.
    type: str
  subject:
    description:
      - Subject of the message that is made when neither is given.
    type: str
    default: Test
  body:
    description:
      - Text of that message.
    type: str
    default: This is a test.
  mark:
    description:
      - Put a field C(X-Postmaster-Test) before the others, by which O(sink) finds the message again.
    type: bool
    default: true
  sink:
    description:
      - Directory on the host that this runs on, below which messages arrive, one raw file each. It is searched for the message.
    type: path
  sink_patience:
    description:
      - Seconds to wait for it there.
    type: float
    default: 20.0
  timeout:
    description:
      - Seconds for one step.
    type: float
    default: 60.0
seealso:
  - module: postmaster.mta.audit_info
  - module: postmaster.mta.route_info
"""

EXAMPLES = r"""
- name: How long does the greeting take, and what does EHLO offer
  postmaster.mta.smtp:
    host: mx1.ok.test
    until: starttls
  register: dialogue

- name: Send a test message
  postmaster.mta.smtp:
    host: mx1.ok.test
    until: message
    sender: postmaster@lab.test
    recipients: [anna@ok.test]
"""

RETURN = r"""
steps:
  description: The steps, each with C(step), C(sent), C(code), C(enhanced), C(text), C(lines), C(outcome), C(seconds) and C(detail).
  type: list
  elements: dict
  returned: success
keywords:
  description: What the last EHLO offered.
  type: dict
  returned: success
tls:
  description: Version, cipher and certificate; none without TLS.
  type: dict
  returned: success
accepted:
  description: The recipients that were taken.
  type: list
  elements: str
  returned: success
delivered:
  description: Whether the server took the message.
  type: bool
  returned: success
arrived:
  description: The message as it arrived in O(sink), bytes that are no text as C(\\xNN).
  type: str
  returned: success
changes:
  description: The lines that are not as they were sent, each with C(kind), C(sent) and C(arrived).
  type: list
  elements: dict
  returned: success
findings:
  description: What is wrong, as M(postmaster.mta.dns_info) returns it.
  type: list
  elements: dict
  returned: success
seconds:
  description: How long it took.
  type: float
  returned: success
host:
  description: The server.
  type: str
  returned: success
port:
  description: Its port.
  type: int
  returned: success
compared:
  description: The same for O(compare_with).
  type: dict
  returned: with O(compare_with)
differences:
  description: Where the two went apart, each with C(step), C(here) and C(there).
  type: list
  elements: dict
  returned: with O(compare_with)
"""

from ansible.module_utils.basic import AnsibleModule

import ansible_collections.postmaster.mta.plugins.module_utils._startup  # noqa: F401  # pylint: disable=unused-import
from ansible_collections.postmaster.mta.plugins.module_utils._errors import PostmasterError, failure
from ansible_collections.postmaster.mta.plugins.module_utils._module import smtp


def main() -> None:
    module = AnsibleModule(
        argument_spec=smtp.ARGUMENT_SPEC, mutually_exclusive=smtp.MUTUALLY_EXCLUSIVE, supports_check_mode=True
    )
    try:
        module.exit_json(**smtp.run(module.params, module.check_mode))
    except PostmasterError as problem:
        module.fail_json(**failure(problem))


if __name__ == "__main__":
    main()

#!/usr/bin/python

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Catch a sample of mail in an instance of its own, and let it go again."""

DOCUMENTATION = r"""
module: capture
short_description: Catch chosen mail in an instance that delivers nothing
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - Makes a capture instance, and lets the production instance route the chosen mail there, by sender, by recipient or by client. A capture
    instance is an additional instance of the MTA on an address of its own. It accepts everything from its own host and delivers nothing.
    The production instance is never restarted. It is reloaded once, when the first route is made. After that a change of the routes needs
    no reload, unless one is a pattern (see the notes).
  - With O(state=stopped) the routes go first. Then what is on its way arrives or is routed anew, what was caught is released, deleted or
    kept as O(mail) says, and the instance goes. The files of the production instance are then what they were before.
  - What is caught waits on hold (Postfix) or in quarantine (sendmail), which no queue run and no flush delivers.
  - A release gives the originals back to the production instance, whose rules, routes and aliases apply to them as to any mail of this
    host. What it refuses stays in the capture instance, and the task fails with the reply; nothing is bounced and nothing is lost.
extends_documentation_fragment:
  - postmaster.mta._confirm
  - postmaster.mta._mta
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
  instance:
    description:
      - The production instance, by its name or by its configuration directory. Without it, the primary one.
    type: str
  state:
    description:
      - V(started) catches exactly what O(from), O(to) and O(connect) say, and nothing else that an earlier task said.
      - V(stopped) catches nothing any more.
    type: str
    choices: [started, stopped]
    default: started
  from:
    description:
      - Envelope senders, addresses (with C(user+anything@) as well) or domains, or V(<>) for the null sender, which all bounces have.
      - The whole message is caught, whoever its recipients are.
    type: list
    elements: str
    aliases: [senders]
  to:
    description:
      - Recipients, addresses or domains. Only the copy of that recipient is caught.
      - Postfix looks after its virtual aliases, sendmail before them.
    type: list
    elements: str
    aliases: [recipients]
  connect:
    description:
      - Addresses and networks of clients. The whole message is caught.
    type: list
    elements: str
    aliases: [clients]
  subdomains:
    description:
      - Whether a domain stands for its subdomains as well.
    type: bool
    default: true
  address:
    description:
      - The address of this host on which the capture instance listens. The production instance must not listen there.
      - Required with O(state=started).
      - On Postfix it cannot be the one at which the production instance takes released mail, V(127.0.0.1) as a rule. Postfix would take
        that for a loop. V(::1) can be.
    type: str
  port:
    description:
      - The port on which it listens. Where the production instance listens on all addresses, another one than its own.
    type: int
    default: 25
  name:
    description:
      - The name of the capture instance. Without it, V(postfix-capture) or V(sendmail-capture).
    type: str
  mail:
    description:
      - With O(state=stopped), what becomes of the mail that was caught. Must be said when there is some.
      - V(keep) leaves it where it is and stops the instance; a later task can release or delete it.
    type: str
    choices: [release, delete, keep]
  max:
    description:
      - How many messages may be deleted at most. Required with O(mail=delete) when there are some.
    type: int
  timeout:
    description:
      - Seconds that O(state=stopped) may take until everything is released. What is not then is still in the capture instance.
    type: int
    default: 300
  by:
    description:
      - Who makes the change, for the account.
    type: str
  ticket:
    description:
      - The ticket of the change, for the account.
    type: str
  lock_timeout:
    description:
      - Seconds to wait for another run that is changing the same instance.
    type: float
    default: 60
notes:
  - Postfix routes by sender and by client with C(FILTER) in an access table that is asked first in C(smtpd_sender_restrictions) or
    C(smtpd_client_restrictions). It is not final, so every other check still applies, and it is stronger than C(transport_maps), relay
    domains and local delivery, so no copy slips by; C(sender_dependent_relayhost_maps) would lose against all of these. Mail that a
    program on the host submits without SMTP is not seen by it. A C(content_filter) is passed over, until the release.
  - sendmail asks one map in C(LOCAL_RULE_0), which comes before local names, C(virtusertable) and C(mailertable). It sees all mail, that of
    the host's own programs as well.
  - On Postfix some patterns become tables that are read at the start, so that a change of them needs a reload. These are domains without
    their subdomains, IPv6 networks, and addresses where C(recipient_delimiter) is not set.
  - A later run of M(postmaster.mta.relay) keeps the routes.
seealso:
  - module: postmaster.mta.capture_info
  - module: postmaster.mta.capture_save
  - module: postmaster.mta.queue
"""

EXAMPLES = r"""
- name: Catch a campaign
  postmaster.mta.capture:
    from: [emalsrv.example]
    address: 10.25.0.21
    port: 2525

- name: Catch what one client sends, and nothing else any more
  postmaster.mta.capture:
    connect: [192.0.2.64/28]
    address: 10.25.0.21
    port: 2525

- name: Catch nothing any more, and deliver what was caught
  postmaster.mta.capture:
    state: stopped
    mail: release

- name: Catch nothing any more, and throw the spam away
  postmaster.mta.capture:
    state: stopped
    mail: delete
    max: 500
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
routes:
  description: What is caught, in words.
  type: list
  elements: str
  returned: success
  sample: ["from emalsrv.example"]
caught:
  description: How many messages were in the capture instance; with O(state=stopped), before they were released or deleted.
  type: int
  returned: success
released:
  description: How many messages were released.
  type: int
  returned: success
deleted:
  description: How many messages were deleted.
  type: int
  returned: success
generation:
  description: The number that the change has in the account; null where nothing changed.
  type: int
  returned: success
  sample: 17
confirm_by:
  description: Until when the change must be confirmed, in seconds since the epoch; null where nobody has to.
  type: int
  returned: success
actions:
  description: What was done, or in check mode would be done, in order.
  type: list
  elements: str
  returned: success
verified:
  description: What the running MTA was asked.
  type: list
  elements: str
  returned: success
findings:
  description: Why the change was refused or rolled back, one sentence each.
  type: list
  elements: str
  returned: failure
restored:
  description: Whether the old configuration is live again; only where the new one had been live.
  type: bool
  returned: failure
"""

from ansible.module_utils.basic import AnsibleModule

import ansible_collections.postmaster.mta.plugins.module_utils._startup  # noqa: F401  # pylint: disable=unused-import
from ansible_collections.postmaster.mta.plugins.module_utils._errors import PostmasterError, failure
from ansible_collections.postmaster.mta.plugins.module_utils._module import capture


def main() -> None:
    module = AnsibleModule(argument_spec=capture.ARGUMENT_SPEC, supports_check_mode=True)
    try:
        module.exit_json(**capture.run(module.params, module.check_mode))
    except PostmasterError as problem:
        module.fail_json(**failure(problem))


if __name__ == "__main__":
    main()

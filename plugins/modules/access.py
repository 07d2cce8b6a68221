#!/usr/bin/python

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Add, remove and replace access rules."""

DOCUMENTATION = r"""
module: access
short_description: Block or let through senders, recipients and clients on Postfix or sendmail
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - Brings access rules into the MTA's own tables, compiles them under a new name, and takes them live as one transaction.
    A new connection meets the rule at once; nothing is restarted, and after the first rule nothing is reloaded either.
  - A rule means the same on both MTAs. Lines that people wrote stay as they are, byte for byte. Each rule of ours has a comment line above
    it, which says who added it, when, until when and why.
  - The tables are wired into the configuration where they are not. No rule can open the relay, but one whose action is V(relay).
  - Afterwards the MTA is asked whether it finds the rules. If it does not, the old configuration comes back.
notes:
  - V(reject) tells the sender, so that somebody who is wronged learns of it. V(discard) tells nobody. It hides the block from spammers, and
    mistakes from everybody. The message is dropped for all its recipients, not only for the one that matched. V(drop) drops it for that
    recipient only. It is a route to nowhere, so who may send to the recipient is decided as for all others.
  - A session that was opened before the change keeps the old rules until it ends.
  - If rules of several places match, Postfix answers for the client first, then the sender, then the recipient; sendmail with
    C(delay_checks) the other way round. Of the rules of one place the most specific one counts, on both.
  - A domain without its subdomains (O(subdomains=false)) can be rejected or deferred on Postfix only. sendmail refuses the rule.
  - "What only one of the MTAs can do is refused on both. That is the null sender, C(user@) as a recipient, V(relay) for anything but a
    client's address, V(skip) for addresses, and codes that end the connection."
  - sendmail discards from a client only what it would have accepted. Postfix does the same here, since discard rules stand behind the relay
    control.
  - "sendmail asks about recipients before it controls who relays, so it would take in what strangers send to anywhere. V(discard) and
    V(hold) for recipients are therefore refused on sendmail, but for an address in a domain that the relay takes in mail for from
    everybody. For a recipient domain that is one of C(policy.relay.domains) itself V(ok) and V(skip) are refused there too: the
    policy's table is asked first. To refuse such a domain there is a route on sendmail: mail that waits for it is returned."
extends_documentation_fragment:
  - postmaster.mta._confirm
  - postmaster.mta._mta.exposed
  - postmaster.mta._mta
  - postmaster.mta._attributes
  - postmaster.mta._attributes.actiongroup_all
  - postmaster.mta._attributes.posix
attributes:
  check_mode:
    support: full
    details:
      - Ends after the plan; nothing is written, and the MTA is not asked.
  diff_mode:
    support: full
    details:
      - Shows the rules that change, not whole tables.
  idempotent:
    support: full
    details:
      - An expiry that is given in days or weeks counts from the day when the rule was added, and does not move later.
options:
  rules:
    description:
      - The rules. What a rule does not say is taken from the options of the same name beside this one.
    type: list
    elements: dict
    suboptions:
      from:
        description:
          - "Envelope senders: V(user@example.com), V(user@) for that user at any domain, V(example.com) with its subdomains, V(com)."
          - Names are taken in any case, with a trailing dot, and as U-labels or A-labels.
        type: list
        elements: str
      to:
        description:
          - "Recipients: V(user@example.com), V(example.com) with its subdomains."
        type: list
        elements: str
      connect:
        description:
          - "Clients: an IP address, a network in CIDR form, or the verified name of the host or of a domain that it is in."
        type: list
        elements: str
      subdomains:
        description: See O(subdomains).
        type: bool
      action:
        description: See O(action).
        type: str
        choices: &actions [reject, defer, discard, drop, hold, ok, relay, skip]
      code:
        description: See O(code).
        type: int
      status:
        description: See O(status).
        type: str
      text:
        description: See O(text).
        type: str
      comment:
        description: See O(comment).
        type: str
      ticket:
        description: See O(ticket).
        type: str
      by:
        description: See O(by).
        type: str
      expires:
        description: See O(expires).
        type: str
  content:
    description:
      - Rules as text, in the format O(format). A file of the controller is given with P(ansible.builtin.file#lookup).
    type: str
  src:
    description:
      - A file on the managed host with rules in the format O(format).
      - It is read line by line. To import or to remove a million domains takes less than 400 MB of the host's memory, also in check mode;
        the answer has RV(counts) of all of them, and names the first thousand.
    type: path
  format:
    description:
      - V(domains) is one pattern a line. V(csv) has a header with the names of the options of a rule; the column C(pattern) is for O(place).
      - V(sendmail) and V(postfix) are the access files of these MTAs, whichever of them runs on the host. Lines of them that are no access
        rules, C(GreetPause:) or C(Connect:localhost RELAY) for instance, are left out and returned in RV(left_out).
      - Lists are taken as people write them, with C(#), C(;) or C(//) before a comment, in any case, with any line ends. C(@x), C(.x)
        and C(*.x) are the domain C(x) with its subdomains.
    type: str
    choices: [domains, csv, sendmail, postfix]
    default: domains
  place:
    description:
      - Where the patterns of O(content) and O(src) look that do not say it themselves.
    type: str
    choices: [from, to, connect]
    default: from
  state:
    description:
      - V(present) adds the rules, and changes those that are there and say something else.
      - V(absent) removes them; only their patterns count.
      - V(exact) makes them the only rules of ours. Unmanaged lines stay whatever the state.
    type: str
    choices: [present, absent, exact]
    default: present
  strict:
    description:
      - Whether a line of O(content) or O(src) that is no rule stops the run. The message then names all such lines.
      - With V(false) they are left out and returned in RV(left_out).
    type: bool
    default: true
  anyway:
    description:
      - Domains whose rules are meant although they stop much mail. Some rules are refused unless their domain stands here. One kind stops the
        mail of every domain below a public suffix, such as V(com) or V(co.uk). The other stops the mail of a domain that this relay takes
        mail for.
    type: list
    elements: str
    default: []
  purge_expired:
    description:
      - Remove the rules of ours whose last day is over. Until a run does so they go on to count.
    type: bool
    default: false
  verify:
    description:
      - V(lookup) asks the MTA's own programs what they find in the very tables that are live then.
      - V(wire) also speaks SMTP with the running MTA from the host itself, up to RCPT, for at most twenty of the rules. No mail is sent.
        Rules about clients cannot be tried in this way.
    type: str
    choices: [lookup, wire, none]
    default: lookup
  legitimate:
    description:
      - Mail that must go on to flow. What the MTA took before the change and refuses after it takes the change back. For O(verify=wire).
    type: list
    elements: dict
    suboptions:
      from:
        description: The envelope sender.
        type: str
        required: true
      to:
        description: The recipient.
        type: str
        required: true
  lock_timeout:
    description:
      - Seconds to wait for another run that is changing the same instance.
    type: float
    default: 60
  subdomains:
    description:
      - Whether a domain stands for its subdomains too, which it does by default.
    type: bool
  action:
    description:
      - V(reject) refuses for good, V(defer) for now, with O(code), O(status) and O(text). It is V(reject) by default.
      - V(discard) takes the message and throws it away, V(hold) takes it and keeps it in the queue until it is released.
      - V(drop) takes the message and throws it away for this recipient alone; the others get it. Only for recipients.
      - V(ok) exempts from wider rules of the same place; it never lets anybody relay. V(skip) does so for domains and networks, and leaves the
        MTA's other checks in force.
      - V(relay) lets a client relay, for addresses and networks of clients only.
    type: str
    choices: *actions
  code:
    description:
      - The code of the reply, 540 to 599 for V(reject) (550 by default), 450 to 459 for V(defer) (450 by default).
    type: int
  status:
    description:
      - The enhanced status of the reply (RFC 3463), V(5.7.1) or V(4.7.1) by default.
    type: str
  text:
    description:
      - The text of the reply, which begins with a letter; for V(hold) the reason. The default helps a sender who is wronged.
    type: str
  comment:
    description:
      - What the next postmaster should know, on one line.
    type: str
  ticket:
    description:
      - The ticket, one word.
    type: str
  by:
    description:
      - Who adds the rule, one word.
    type: str
  expires:
    description:
      - The last day of the rule, as V(2026-12-24), V(30d) or V(4w). See O(purge_expired).
    type: str
seealso:
  - module: postmaster.mta.access_info
  - module: postmaster.mta.table
"""

EXAMPLES = r"""
- name: Refuse a campaign's senders
  postmaster.mta.access:
    rules:
      - from: [emalsrv.example, complains.example, "boss@gmail.example"]
        ticket: SPAM-7
        expires: 30d
    verify: wire

- name: A text of our own, and one client for whom the block does not count
  postmaster.mta.access:
    mta: sendmail
    rules:
      - from: spam.example
        code: 550
        status: 5.7.1
        text: Sender banned, please use a legitimate domain
      - connect: 203.0.113.0/24
        action: defer
        comment: asked their postmaster on the phone

- name: Block every domain of a list
  postmaster.mta.access:
    content: |
      # one domain a line
      one.example
      two.example
    ticket: SPAM-8

- name: Take everything back
  postmaster.mta.access:
    rules:
      - from: [emalsrv.example, complains.example, "boss@gmail.example", one.example, two.example]
    state: absent

- name: Remove what has had its day
  postmaster.mta.access:
    purge_expired: true
"""

RETURN = r"""
mta:
  description: The MTA that was changed.
  type: str
  returned: success
  sample: postfix
instances:
  description: The whole answer of each instance, where there are several; beside it they stand as one.
  type: list
  elements: dict
  returned: with O(instance=all) and O(instance=exposed), where there are several
instance:
  description: The name of the instance.
  type: str
  returned: success
  sample: postfix
config_directory:
  description: Its configuration directory.
  type: str
  returned: success
  sample: /etc/postfix
version:
  description: The version that the MTA names itself.
  type: str
  returned: success
  sample: 3.7.11
added:
  description: The rules that were added, at most a thousand of them.
  type: list
  elements: str
  returned: success
  sample: [from emalsrv.example]
updated:
  description: The rules that were there and said something else, at most a thousand of them.
  type: list
  elements: str
  returned: success
removed:
  description: The rules that were removed, at most a thousand of them.
  type: list
  elements: str
  returned: success
by_hand:
  description: Lines that people wrote, which say already what was to be added, or which stay though their pattern was to be removed.
  type: list
  elements: str
  returned: success
counts:
  description: How many rules were added, updated, removed, and left as they were.
  type: dict
  returned: success
  contains:
    added:
      description: New rules.
      type: int
    updated:
      description: Changed rules.
      type: int
    removed:
      description: Removed rules.
      type: int
    unchanged:
      description: Rules that were there already.
      type: int
    left_out:
      description: Lines of O(content) and O(src) that were left out.
      type: int
left_out:
  description: The lines of O(content) and O(src) that were left out, at most a thousand of them.
  type: list
  elements: dict
  returned: success
  contains:
    line:
      description: The file and the line.
      type: str
    value:
      description: What stands there.
      type: str
    why:
      description: Why it is left out.
      type: str
generation:
  description:
    The number that the change has in the account; null where nothing changed,
    and for several instances, each of which has its own in RV(instances).
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
  sample: [compile /etc/postfix/access_from]
activation:
  description: What made it effective.
  type: dict
  returned: success
  contains:
    kind:
      description: One of V(nothing), V(reload), V(restart).
      type: str
    because:
      description: The settings and tables that ask for it.
      type: list
      elements: str
verified:
  description: What the MTA was asked, and what it answered.
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
from ansible_collections.postmaster.mta.plugins.module_utils._errors import PostmasterError, failure, told
from ansible_collections.postmaster.mta.plugins.module_utils._module import access


def main() -> None:
    module = AnsibleModule(argument_spec=access.ARGUMENT_SPEC, supports_check_mode=True)
    try:
        module.exit_json(**told(module.warn, access.run(module.params, module.check_mode)))
    except PostmasterError as problem:
        module.fail_json(**failure(problem))


if __name__ == "__main__":
    main()

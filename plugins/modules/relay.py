#!/usr/bin/python

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Apply a relay policy."""

DOCUMENTATION = r"""
module: relay
short_description: Apply a relay policy to Postfix or sendmail as one transaction
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - Renders one relay policy for the MTA that runs on the host, and takes it live as one transaction.
  - The candidate is staged beside the live configuration. The MTA checks it, and the module checks what the MTA lets pass. Then it is tried
    in a shadow instance on a private port, and only then swapped in. The running MTA is asked whether it keeps to it. Whatever fails on the
    way, the whole old configuration comes back, without the controller's help.
  - Comments, order and parameters of C(main.cf) and C(master.cf) that the policy does not speak of stay as they are.
    C(sendmail.mc) is written whole; a hand-made one is kept beside it as C(sendmail.mc.before-postmaster) once.
  - Native settings (O(main), O(master), O(mc)) are always available and win over the policy.
  - The host keeps an account of what this module wrote. What the policy or the native settings no longer have goes back to what stood
    there before, or to the MTA's default. What nobody of ours wrote stays. What was changed manually since is told as RV(drift); it is
    overwritten where the policy still decides it, and stays where it does not.
extends_documentation_fragment:
  - postmaster.mta._confirm
  - postmaster.mta._relay_policy
  - postmaster.mta._mta
  - postmaster.mta._attributes
  - postmaster.mta._attributes.actiongroup_all
  - postmaster.mta._attributes.posix
attributes:
  check_mode:
    support: full
    details:
      - Ends after the plan; nothing is written, not even a time stamp. The candidate is not compiled and not tried.
  diff_mode:
    support: full
    details:
      - Values that are secrets by their name or form, and those of O(main_secrets), are never shown.
  idempotent:
    support: full
options:
  baseline:
    description:
      - V(hardened) fills what O(policy) does not say with the hardened baseline; each option names its own.
      - V(none) leaves to the MTA what O(policy) does not say.
    type: str
    choices: [hardened, none]
    default: hardened
  unsupported:
    description:
      - What becomes of an option of O(policy) that the MTA at hand cannot do.
      - V(refuse) fails, and names the option and the nearest that can be done.
      - V(note) leaves it out and says so in RV(notes), so that one policy can be that of a whole fleet. A route or another entry of a list is
        left out as a whole.
    type: str
    choices: [refuse, note]
    default: refuse
  main:
    description:
      - Postfix parameters, named as in postconf(5). V(null) removes one, an empty string blanks it, lists are joined, booleans become C(yes) and C(no).
      - They win over the policy. Rules of M(postmaster.mta.access) and what M(postmaster.mta.capture) catches stay in front of a native
        restriction list. A table of the policy stays in front of native C(transport_maps), C(smtp_tls_policy_maps) and C(alias_maps).
    type: dict
  main_secrets:
    description:
      - The same for parameters whose values must never be shown or logged. Every user of the host may read C(main.cf). So the entries of
        C(inline:) and C(static:) go into a table of their own that only root may read, and C(main.cf) names that. A secret that C(main.cf)
        itself would have to hold is refused. The same holds for values of O(main) and O(master) that look like secrets.
    type: dict
  master:
    description:
      - Postfix services as C(service/type), with the columns of master(5) that differ, C(options) for C(-o), and C(state=absent) to remove one.
    type: dict
  mc:
    description:
      - sendmail's m4 by section.
      - C(defines) is a dictionary of C(conf...) names.
      - C(features) is a list of names or of dictionaries with C(name) and C(args). A dictionary of names to arguments is taken, too;
        there V(null) switches off a feature of the policy.
      - C(before_mailers), C(mailer_definitions), C(local_config), C(local_rule_0) and C(local_rulesets) are lines of text, or a list of lines.
    type: dict
  by:
    description:
      - Who makes the change, for the account. By default the user of the controller.
    type: str
  ticket:
    description:
      - The ticket of the change, for the account.
    type: str
  accept_risk:
    description:
      - Findings that you accept. Each key is the code of a finding, such as V(discards_everything), each value your reason. A change that
        would make the relay open for strangers, or dead for everybody, is refused by such a finding; the message names it.
      - What is accepted is named in the warnings of every later run, and stands in the account.
      - What the relay is already is told as RV(risks) and stops no change.
    type: dict
  history:
    description:
      - How many generations the account of this instance keeps, at most 64 MiB of them. By default what it kept so far, at first 20.
      - A change that replaces more than 64 MiB is recorded without what it replaces. It cannot be undone, and cannot wait for O(confirm).
    type: int
  lock_timeout:
    description:
      - Seconds to wait for another run that is changing the same instance.
    type: float
    default: 60
seealso:
  - module: postmaster.mta.relay_info
  - module: postmaster.mta.audit_info
"""

EXAMPLES = r"""
- name: Harden the relay, whichever MTA it runs
  postmaster.mta.relay:
    policy:
      relay:
        networks: [10.25.0.60/32]
        domains: [served.test]
      limits:
        message_size: 25M

- name: Route one domain manually and set a Postfix parameter that the policy has no word for
  postmaster.mta.relay:
    mta: postfix
    policy:
      routes:
        domains:
          - domain: served.test
            host: mx1.served.test
    main:
      smtp_bind_address_enforce: true

- name: Show what would change on a sendmail relay
  postmaster.mta.relay:
    mta: sendmail
    policy:
      limits:
        recipients_per_message: 200
    mc:
      defines:
        confMAX_NOOP_COMMANDS: 5
  check_mode: true
  diff: true
"""

RETURN = r"""
mta:
  description: The MTA that was configured.
  type: str
  returned: success
  sample: postfix
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
settings:
  description: The settings that get another value; for tables, the name of the file.
  type: list
  elements: str
  returned: success
  sample: [message_size_limit, transport]
actions:
  description: What was done, or in check mode would be done, in order.
  type: list
  elements: str
  returned: success
  sample: ["edit /etc/postfix/main.cf", "reload: message_size_limit"]
activation:
  description: What made it effective.
  type: dict
  returned: success
  contains:
    kind:
      description: One of V(nothing), V(reload), V(restart).
      type: str
    because:
      description: The settings that ask for it.
      type: list
      elements: str
notes:
  description: What the baseline asks for and this MTA cannot do.
  type: list
  elements: str
  returned: success
drift:
  description: What somebody else changed since this collection wrote it. Secrets are not shown.
  type: list
  elements: dict
  returned: success
  contains:
    file:
      description: The file.
      type: str
    setting:
      description: The setting or service; empty where the file as a whole is meant.
      type: str
    written:
      description: What was written last; null where it was removed.
      type: str
    live:
      description: What stood there when the run began; null for nothing.
      type: str
    since:
      description: When the file was changed last, in UTC.
      type: str
risks:
  description: What makes the relay open for strangers or dead for everybody, judged from its whole configuration.
  type: list
  elements: dict
  returned: success
  contains:
    code:
      description: The kind of finding, as O(accept_risk) takes it.
      type: str
      sample: trusts_everybody
    severity:
      description: V(error), V(warning) or V(notice).
      type: str
    about:
      description: The parameter, with its service where it is not that of the whole relay.
      type: str
      sample: mynetworks
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
  description: The number that the change has in the account; null where nothing changed.
  type: int
  returned: success
  sample: 17
confirm_by:
  description: Until when the change must be confirmed, in seconds since the epoch; null where nobody has to.
  type: int
  returned: success
verified:
  description: What the running MTA was asked, and that it answered as it should.
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
from ansible_collections.postmaster.mta.plugins.module_utils._module import relay


def main() -> None:
    # no_log keeps the parameters out of the host's syslog; native settings may hold credentials.
    module = AnsibleModule(argument_spec=relay.ARGUMENT_SPEC, supports_check_mode=True, no_log=True)
    module.no_log_values.update(relay.secrets(module.params))
    try:
        module.exit_json(**told(module.warn, relay.run(module.params, module.check_mode)))
    except PostmasterError as problem:
        module.fail_json(**failure(problem))


if __name__ == "__main__":
    main()

#!/usr/bin/python

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Probe a relay from outside."""

DOCUMENTATION = r"""
module: audit_info
short_description: Probe a relay from outside and compare it with its policy
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - Tries on a relay what strangers try, and judges the answers. There are 64 combinations of sender and recipient, 16 tricks of the
    session, and 12 ways to smuggle a second message into a first one. The limits of the policy are tried as well, and the TLS versions and
    ciphers that nobody should accept any more.
  - It must run on a host that the relay knows nothing about. An address of the relay itself, or one of its trusted networks, may relay by
    definition. Probes from there prove nothing.
  - Each probe is a conversation of its own. V(closed) is an answer with 5xx. V(weak) is 4xx, which passes an open-relay test but keeps senders
    trying for days. V(open) is an accepted recipient. V(suspicious) was accepted but did not arrive at the third party, or tells strangers too much.
  - An answer of 421, a closed connection or a timeout is V(not_tested), and never counts as closed. Such a probe is tried again, later and from
    the next of O(source_addresses), up to seven times.
  - Two positive controls come first, mail from a stranger and from the null sender to a recipient that the relay serves. If the relay
    refuses these, its other refusals prove nothing and the audit fails.
  - Nothing is sent unless the relay accepts a recipient and O(sink) is used, or O(probes) names V(smuggling) or V(line_ends).
extends_documentation_fragment:
  - postmaster.mta._attributes
  - postmaster.mta._attributes.info_module
  - postmaster.mta._attributes.actiongroup_all
  - postmaster.mta._attributes.posix
options:
  host:
    description:
      - The relay, by name or by address.
    type: str
    required: true
  port:
    description:
      - The port that it listens on.
    type: int
    default: 25
  family:
    description:
      - The IP version to use where O(host) is a name. V(auto) takes the first address of the resolver's answer that O(source_addresses) fit.
    type: str
    choices: [auto, ipv4, ipv6]
    default: auto
  relay_name:
    description:
      - The relay's own name, as it stands in its greeting. Without it, O(host).
    type: str
  served_domain:
    description:
      - A domain that the relay takes mail for from everybody.
    type: str
    required: true
  served_recipient:
    description:
      - A recipient in that domain that the relay accepts. Without it, C(postmaster@) and O(served_domain).
    type: str
  third_party_domain:
    description:
      - A domain that the relay has nothing to do with. It must exist.
    type: str
    required: true
  third_party_address:
    description:
      - An IPv4 address that the relay has nothing to do with.
    type: str
    default: 192.0.2.7
  client_domain:
    description:
      - The prober's own domain, for senders and for EHLO. It must exist, or the relay refuses the sender and the relay decision stays hidden.
    type: str
    required: true
  mx_loop_domain:
    description:
      - A domain of somebody else that names the relay as a secondary MX. Without it, C(mxloop.) and O(third_party_domain), which tells little if
        there is no such record.
    type: str
  source_addresses:
    description:
      - Addresses of this host to connect from, in turn. Those that are not of the relay's IP version are left out.
      - A hardened relay limits what one client may do in a minute; with forty addresses the audit is a matter of seconds.
        Without any, the operating system's choice is used for all of them.
      - Postfix 3.8 and newer counts all addresses of an IPv6 network of 84 bits as one client; many probes over IPv6 take their time.
    type: list
    elements: str
    default: []
  trusted:
    description:
      - Networks from which the relay lets everybody relay. A prober in one of them would see an open relay, so it is refused.
    type: list
    elements: str
    default: []
  probes:
    description:
      - The groups of probes to send. With an empty list only the options are checked, and O(trusted).
      - V(relay) are the 64 combinations of sender and recipient, V(session) the 16 tricks of the session, V(limits) manners and limits,
        V(tls) the handshakes.
      - V(smuggling) are the 12 end-of-data tricks; V(line_ends) is a dot between every two of 8 line ends, and BDAT where it is offered. Both deliver
        mail to O(served_recipient).
      - V(cross) is every classic sender with every form of recipient, which takes minutes.
    type: list
    elements: str
    choices: [relay, session, limits, tls, smuggling, cross, line_ends]
    default: [relay, session, limits, tls]
  expect:
    description:
      - What the relay's policy promises, to be compared with what it does. The names are those of the policy of M(postmaster.mta.relay).
    type: dict
    suboptions:
      message_size:
        description:
          - The largest message, in bytes or with a unit k, M or G. Not checked without it.
        type: str
      recipients_per_message:
        description:
          - Recipients per message. Not checked without it.
        type: int
      tls_minimum:
        description:
          - The oldest protocol that is accepted.
        type: str
        choices: [TLSv1.2, TLSv1.3]
        default: TLSv1.2
      tls_offered:
        description:
          - Whether STARTTLS must be offered. If not, TLS is looked at only where it is offered.
        type: bool
        default: true
      vrfy:
        description:
          - Whether VRFY may tell strangers about users.
        type: bool
        default: false
      smuggling:
        description:
          - V(reject) where messages with a bare LF must be refused, V(normalize) where the relay may repair them.
        type: str
        choices: [reject, normalize]
        default: reject
      greeting_delay:
        description:
          - How long the greeting is held back, with a unit s or m. If it is more than 0s, a client that talks earlier must be refused.
        type: str
  sink:
    description:
      - Directories on this host in which the receivers behind the relay store what arrives, each message a file with its raw bytes.
    type: dict
    suboptions:
      third_party:
        description:
          - What arrives for O(third_party_domain). With it, accepted probes are followed by a message. It proves V(open), its absence makes V(suspicious).
        type: path
      served:
        description:
          - What arrives for O(served_domain). With it, messages with smuggled parts are counted, and searched for a lone CR, LF or NUL.
        type: path
      patience:
        description:
          - Seconds to wait for messages that the relay has accepted.
        type: float
        default: 15
  risks:
    description:
      - What the relay's whole configuration makes open or dead, as M(postmaster.mta.relay) and M(postmaster.mta.relay_info) return it as RV(ignore:risks).
        Probes ask as some strangers, and the judgement knows of all.
      - Each error that nobody has accepted is a failed check of the group C(configuration).
    type: list
    elements: dict
    default: []
  concurrency:
    description:
      - Conversations at a time.
    type: int
    default: 10
  timeout:
    description:
      - Seconds to wait for an answer. A relay whose DNS servers are silent takes half a minute; below that the audit would see timeouts.
    type: float
    default: 60
seealso:
  - module: postmaster.mta.relay
  - module: postmaster.mta.relay_info
"""

EXAMPLES = r"""
- name: Is this relay closed?
  postmaster.mta.audit_info:
    host: pf12.lab.test
    served_domain: served.test
    third_party_domain: third.test
    client_domain: stranger.test
    source_addresses: [10.25.0.100, 10.25.0.101, 10.25.0.102, 10.25.0.103]
  register: audit

- name: It must be
  ansible.builtin.assert:
    that: audit.verdict == 'passed'
    fail_msg: "{{ audit.summary }}"

- name: Read the whole configuration as well
  postmaster.mta.relay_info:
  delegate_to: pf12
  register: relay

- name: Is it closed for everybody, and not only for this prober?
  postmaster.mta.audit_info:
    host: pf12.lab.test
    served_domain: served.test
    third_party_domain: third.test
    client_domain: stranger.test
    risks: "{{ relay.instances | map(attribute='risks') | flatten }}"

- name: Does it keep the promises of its policy, over IPv6?
  postmaster.mta.audit_info:
    host: pf12.lab.test
    family: ipv6
    served_domain: served.test
    third_party_domain: third.test
    client_domain: stranger.test
    source_addresses: ["fd00:25::100", "fd00:25::101", "fd00:25::102", "fd00:25::103"]
    probes: [limits, tls]
    expect:
      message_size: 25M
      recipients_per_message: 100

- name: Can a second message be smuggled through it?
  postmaster.mta.audit_info:
    host: sm13.lab.test
    served_domain: served.test
    third_party_domain: third.test
    client_domain: stranger.test
    source_addresses: [10.25.0.104, 10.25.0.105, 10.25.0.106, 10.25.0.107]
    probes: [smuggling]
    sink:
      served: /var/spool/sink/served.test
"""

RETURN = r"""
verdict:
  description: V(passed) if every probe was refused and every check is as expected, else V(failed). V(not probed) without probes.
  type: str
  returned: success
  sample: passed
summary:
  description: The verdict in one line.
  type: str
  returned: when something was probed
  sample: 80/80 probes refused, 24/24 checks passed (v4)
counts:
  description: The number of findings by judgement.
  type: dict
  returned: success
  contains:
    closed:
      description: Probes refused for good.
      type: int
    weak:
      description: Probes refused for now.
      type: int
    open:
      description: Probes accepted.
      type: int
    suspicious:
      description: Probes accepted without an arrival, or answers that tell too much.
      type: int
    not_tested:
      description: Probes without an answer that tells anything.
      type: int
    passed:
      description: Checks with the expected answer.
      type: int
    failed:
      description: Checks with another answer.
      type: int
groups:
  description: For each group, C(total) and C(good), the number of findings and of those that are closed or passed.
  type: dict
  returned: success
  sample: {control: {total: 2, good: 2}, relay: {total: 64, good: 64}}
notes:
  description: What the probes waited for, where the relay limited the prober.
  type: list
  elements: str
  returned: when something was probed
failures:
  description: The findings that are not good, with the whole conversation.
  type: list
  elements: dict
  returned: success
  contains:
    probe:
      description: The number of the probe.
      type: str
      sample: O15
    group:
      description: Its group; V(control) for the positive controls, V(configuration) for O(risks).
      type: str
      sample: relay
    trick:
      description: What is tried.
      type: str
      sample: percent hack at served domain
    judgement:
      description: One of the names of RV(counts).
      type: str
      sample: open
    reason:
      description: The answer that decided.
      type: str
      sample: "rcpt: 250 2.1.5 Ok"
    seconds:
      description: How long the relay took for its answers.
      type: float
    source:
      description: The address that the probe came from; empty if the operating system chose.
      type: str
    attempts:
      description: How often it was tried.
      type: int
    dialogue:
      description: The conversation, step by step.
      type: list
      elements: dict
      contains:
        step:
          description: The verb in lower case, or V(connect), V(tls), V(message).
          type: str
        sent:
          description: What was sent; bytes that cannot be printed as C(\xNN).
          type: str
        code:
          description: The reply code; V(null) if there was no reply.
          type: int
        enhanced:
          description: The enhanced status code, if there was one.
          type: str
        text:
          description: The text of the reply.
          type: str
        lines:
          description: The lines of the reply.
          type: list
          elements: str
        outcome:
          description: V(answered), or what happened in place of an answer, for instance V(421), V(refused), V(timeout), V(closed), V(tls_refused).
          type: str
        seconds:
          description: From sending to the last byte of the reply.
          type: float
        detail:
          description: More about an outcome that is not V(answered), or what TLS agreed on.
          type: str
probes:
  description: All findings, in short.
  type: list
  elements: dict
  returned: success
  contains:
    probe:
      description: As in RV(failures).
      type: str
    group:
      description: As in RV(failures).
      type: str
    trick:
      description: As in RV(failures).
      type: str
    judgement:
      description: As in RV(failures).
      type: str
    reason:
      description: As in RV(failures).
      type: str
    seconds:
      description: As in RV(failures).
      type: float
relay:
  description: What the relay tells of itself.
  type: dict
  returned: success
  contains:
    greeting:
      description: Its greeting.
      type: str
      sample: 220 pf12.lab.test ESMTP
    keywords:
      description: The extensions that EHLO offers, with their parameters.
      type: dict
      sample: {PIPELINING: "", SIZE: "26214400"}
    tls:
      description: C(version), C(cipher), C(bits) and C(certificate) of a handshake; V(null) if there was none.
      type: dict
"""

from ansible.module_utils.basic import AnsibleModule

import ansible_collections.postmaster.mta.plugins.module_utils._startup  # noqa: F401  # pylint: disable=unused-import
from ansible_collections.postmaster.mta.plugins.module_utils._errors import PostmasterError, failure
from ansible_collections.postmaster.mta.plugins.module_utils._module import audit_info


def main() -> None:
    module = AnsibleModule(argument_spec=audit_info.ARGUMENT_SPEC, supports_check_mode=True)
    try:
        module.exit_json(changed=False, **audit_info.run(module.params, module.check_mode))
    except PostmasterError as problem:
        module.fail_json(**failure(problem))


if __name__ == "__main__":
    main()

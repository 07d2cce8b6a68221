# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Return what a relay with this policy must answer to probes from outside."""

from __future__ import annotations

DOCUMENTATION = r"""
name: expectations
author:
  - The postmaster.mta contributors (@postmaster-mta)
short_description: What a relay policy makes the outside expect
version_added: 1.0.0
description:
  - Reads a relay policy and returns what a probe from outside must observe, in the form of the option O(postmaster.mta.audit_info#module:expect).
  - What the policy leaves open is left out.
options:
  _input:
    description: The policy, as the option O(postmaster.mta.relay#module:policy) takes it.
    type: dict
    required: true
  baseline:
    description: The baseline below it, as the option O(postmaster.mta.relay#module:baseline) takes it.
    type: str
    choices: [hardened, none]
    default: hardened
seealso:
  - module: postmaster.mta.audit_info
  - module: postmaster.mta.relay
"""

EXAMPLES = r"""
- name: Does the relay do what its policy says?
  postmaster.mta.audit_info:
    host: pf12.lab.test
    served_domain: served.test
    third_party_domain: third.test
    client_domain: stranger.test
    expect: "{{ policy | postmaster.mta.expectations }}"
  vars:
    policy:
      limits: {message_size: 25M}
"""

RETURN = r"""
_value:
  description: The expectations.
  type: dict
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.postmaster.mta.plugins.module_utils._errors import PostmasterError
from ansible_collections.postmaster.mta.plugins.module_utils._model import policy as _policy


def expectations(policy: t.Any, baseline: str = "hardened") -> dict[str, t.Any]:
    """Return the expectations; see DOCUMENTATION."""
    # The validator of the module: the same types, the same sentences about what is wrong.
    spec = {"policy": {"type": "dict", "options": _policy.ARGUMENT_SPEC}}
    checked = ArgumentSpecValidator(spec).validate({"policy": _plain(policy)})
    if checked.error_messages:
        raise AnsibleFilterError(f"expectations: {'; '.join(checked.error_messages)}")
    try:
        return _expectations(_policy.parse(checked.validated_parameters["policy"], baseline))
    except PostmasterError as problem:
        raise AnsibleFilterError(f"expectations: {problem}")


def _plain(value: t.Any) -> t.Any:
    """Return plain containers. Since ansible-core 2.19 a template gives lazy ones, whose deep copy is deprecated."""
    if isinstance(value, t.Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _expectations(policy: _policy.Policy) -> dict[str, t.Any]:
    server, session, limits = policy.tls.server, policy.session, policy.limits
    expected = {
        "message_size": str(limits.message_size) if limits.message_size else None,
        "recipients_per_message": limits.recipients_per_message,
        "tls_minimum": server.minimum,
        "tls_offered": bool(server.certificate) and server.level != "none",
        "vrfy": session.vrfy,
        "smuggling": session.bare_newline if session.bare_newline != "accept" else None,
        "greeting_delay": f"{session.greeting_delay}s" if session.greeting_delay else None,
    }
    return {name: value for name, value in expected.items() if value is not None}


class FilterModule:
    """The filter, as Ansible looks for it."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filters by their names."""
        return {"expectations": expectations}

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lay the settings of fleet, group and host over each other."""

from __future__ import annotations

DOCUMENTATION = r"""
name: layered
author:
  - The postmaster.mta contributors (@postmaster-mta)
short_description: Lay dictionaries of settings over each other
version_added: 1.0.0
description:
  - Merges a list of dictionaries, the later ones on top, so that a fleet has one policy, a group its exceptions and a host
    its own.
  - Dictionaries merge key by key. Everything else, lists included, replaces what the lower layers said.
  - A key that ends in V(+) appends its list to the list of the lower layers instead. Items that are there already are not
    repeated.
  - V(null) removes a setting. The relay then has what it would have if nobody had set it.
options:
  _input:
    description: The layers, the lowest first. V(null) stands for an empty one.
    type: list
    elements: dict
    required: true
seealso:
  - module: postmaster.mta.relay
"""

EXAMPLES = r"""
- name: One policy for the fleet, with additions of the group and an exception of the host
  postmaster.mta.relay:
    policy: "{{ [fleet, group, host] | postmaster.mta.layered }}"
  vars:
    fleet:
      relay: {networks: [192.0.2.0/24]}
      limits: {message_size: 25M}
    group:
      relay: {networks+: [198.51.100.0/24]}
    host:
      limits: {message_size: 50M}
"""

RETURN = r"""
_value:
  description: The merged dictionary.
  type: dict
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.postmaster.mta.plugins.plugin_utils._layers import LayerError, merge


def layered(layers: object) -> dict[str, t.Any]:
    """Return the merged dictionary; see DOCUMENTATION."""
    if not isinstance(layers, (list, tuple)):
        raise AnsibleFilterError(f"layered: must be a list of dictionaries, not {layers!r}")
    try:
        return merge(layers)
    except LayerError as problem:
        raise AnsibleFilterError(f"layered: {problem}")


class FilterModule:
    """The filter, as Ansible looks for it."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filter by its name."""
        return {"layered": layered}

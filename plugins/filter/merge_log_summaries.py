# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Merge the figures of several hosts' mail logs."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.postmaster.mta.plugins.module_utils._errors import PostmasterError
from ansible_collections.postmaster.mta.plugins.module_utils._log.summary import merge, report

DOCUMENTATION = r"""
name: merge_log_summaries
short_description: Merge the summaries of several mail logs
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - Makes one summary from those of several hosts. It is exactly what one host with all the logs would have counted.
positional: top
options:
  _input:
    description: The RV(postmaster.mta.log_info#module:tables) of each host.
    type: list
    elements: dict
    required: true
  top:
    description: How many senders, recipients and so on the figures list; V(0) is all.
    type: int
    default: 20
seealso:
  - module: postmaster.mta.log_info
"""

EXAMPLES = r"""
- name: Show what the whole fleet rejected, and why
  ansible.builtin.debug:
    msg: "{{ (ansible_play_hosts | map('extract', hostvars, ['mail_log', 'tables']) | postmaster.mta.merge_log_summaries).reasons.rejected }}"
"""

RETURN = r"""
_value:
  description: The figures, as RV(postmaster.mta.log_info#module:summary).
  type: dict
"""


def merge_log_summaries(tables: t.Sequence[t.Mapping[str, t.Any]], top: int = 20) -> dict[str, t.Any]:
    """Return one report from the tables of several hosts."""
    try:
        return report(merge(tables), int(top))
    except (PostmasterError, TypeError) as problem:
        raise AnsibleFilterError(f"merge_log_summaries: {problem}") from problem


class FilterModule:
    """The filter, as Ansible looks for it."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filter by its name."""
        return {"merge_log_summaries": merge_log_summaries}

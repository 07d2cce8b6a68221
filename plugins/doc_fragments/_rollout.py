# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the variables in which a rollout keeps its answers.

Private to the collection: it can change at any time.
"""

from __future__ import annotations


class ModuleDocFragment:
    """The option C(variables)."""

    DOCUMENTATION = r"""
options:
  variables:
    description:
      - The variables in which the playbook registers the answers of each host.
    type: dict
    default: {}
    suboptions:
      answered:
        description: The answer before the rollout.
        type: str
        default: harden_answered
      begun:
        description: The answer before the batch of the host.
        type: str
        default: harden_begun
      prober:
        description: The answer of the host that probes from outside.
        type: str
        default: harden_prober_answered
      checked:
        description: The result of M(postmaster.mta.audit_info) without probes, which checks what they need.
        type: str
        default: harden_probes_checked
      relay:
        description: The result of M(postmaster.mta.relay).
        type: str
        default: relay_result
      nscd:
        description: The result of M(postmaster.mta.nscd).
        type: str
        default: nscd_result
      audit:
        description: The result of M(postmaster.mta.audit_info).
        type: str
        default: harden_audit
      instances:
        description: The results of M(postmaster.mta.audit_info) about the additional instances.
        type: str
        default: harden_instance_audits
      failure:
        description: The result of the task that failed.
        type: str
        default: harden_failure
      failed_task:
        description: The name of the task that failed.
        type: str
        default: harden_failed_task
      rolled_back:
        description:
          - The answer to the rollback of what the probes have not passed.
        type: str
        default: harden_rolled_back
"""

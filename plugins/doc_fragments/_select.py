# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation fragment of the option select.

Private to the collection: it can change at any time.
"""

from __future__ import annotations


class ModuleDocFragment:
    """Goes with module_utils/_select.py."""

    DOCUMENTATION = r"""
options:
  select:
    description:
      - Which messages or deliveries are meant.
      - All criteria that are given must hold. Of the values of one criterion, one must.
      - The criteria about a recipient, O(select.recipient), O(select.domain) and O(select.reason), must hold for one and the same recipient.
        A message is selected as a whole when one of its recipients fits.
      - An empty string is an error and an empty list fits nothing, so that a variable that is not set cannot widen the selection.
    type: dict
    suboptions:
      ids:
        description: Queue IDs.
        type: list
        elements: str
      sender:
        description:
          - Envelope senders. V(*) stands for any characters and V(?) for one; upper and lower case are the same.
          - V(<>) is the null sender of bounces.
        type: list
        elements: str
      recipient:
        description: Envelope recipients, written as in O(select.sender).
        type: list
        elements: str
      domain:
        description:
          - Domains of recipients. V(a.example) is that domain only, V(.a.example) is everything below it.
        type: list
        elements: str
      older_than:
        description: An age, with one of the units V(s), V(m), V(h), V(d), V(w); for instance V(4h). The age of a message counts from its arrival.
        type: str
      newer_than:
        description: The opposite of O(select.older_than).
        type: str
      larger_than:
        description: A size in bytes, or with one of the units V(k), V(M), V(G).
        type: str
      reason:
        description: Parts of the text that says why a recipient waits, or what became of it. Upper and lower case are the same.
        type: list
        elements: str
      status:
        description: The states that are meant; the module says which there are.
        type: list
        elements: str
      regex:
        description:
          - A regular expression (Python), searched for in the sender, in each recipient and in each reason. Upper and lower case are the same.
        type: str
"""

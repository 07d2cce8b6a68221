# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The mailers of ours that throw mail away. To sendmail that is a delivery: who reads its answers or its log must know them.

Private to the collection: it can change at any time.
"""

#: Of the routes of the policy.
DISCARD = "postmaster_discard"
#: Of the rules of the module access.
DROP = "postmaster_drop"
#: All that throw away, the built-in one among them.
DISCARDING = ("discard", DISCARD, DROP)

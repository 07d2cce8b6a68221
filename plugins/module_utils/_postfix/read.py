# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The live configuration back as a relay policy.

Private to the collection: it can change at any time.
"""

import typing as t

from .._records import Host


def read(host: Host) -> t.Mapping[str, t.Any]:
    """C(policy): the options of the policy with their live values; C(unexpressed): what no option says."""
    return {"policy": {}, "unexpressed": {}}

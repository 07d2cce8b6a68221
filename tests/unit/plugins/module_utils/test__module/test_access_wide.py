# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks that are together a large part of the Internet."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._module import access_wide


@pytest.mark.parametrize(
    "new, standing",
    [
        (["44.0.0.0/8", "45.0.0.0/8"], []),
        (["45.0.0.0/8"], ["44.0.0.0/8"]),
        (["45.128.0.0/9"], ["44.0.0.0/9"]),
    ],
)
def test_the_internet_in_pieces_and_in_several_runs(new, standing):
    """D3: 223 rules of a network each, together the Internet; one a run is the same."""
    with pytest.raises(OptionError):
        access_wide.refuse(new, set(standing))


@pytest.mark.parametrize(
    "new, standing",
    [
        (["44.0.0.0/8"], []),
        (["44.0.0.0/8"], ["44.0.0.0/8"]),
        (["192.0.2.7/32"], ["44.0.0.0/8"]),
        (["10.0.0.0/8", "192.168.0.0/16"], ["172.16.0.0/12"]),
    ],
)
def test_less_than_the_internet_is_taken(new, standing):
    access_wide.refuse(new, set(standing))

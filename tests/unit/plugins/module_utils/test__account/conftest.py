# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of the account need of those of the drivers."""

from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail.conftest import (  # pylint: disable=unused-import
    debian,  # noqa: F401
)

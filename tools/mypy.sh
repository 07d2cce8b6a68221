#!/usr/bin/env bash
# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# mypy --strict over plugins/ and extensions/, from any directory of any checkout; .mypy.ini says what is expected.
# It proves the two drivers against the contract of plugins/module_utils/_driver. What it has read it keeps in .cache/mypy.
#   tools/mypy.sh [VENV]
set -eu

cd "$(dirname "$0")/.."
gates=${1:-.cache/venv-gates}
# Our files import each other as ansible_collections.postmaster.mta, which this link makes of the tree.
tools/collection.sh
package=ansible_collections.postmaster.mta
"$gates/bin/mypy" --config-file .mypy.ini -p "$package.plugins" -p "$package.extensions"

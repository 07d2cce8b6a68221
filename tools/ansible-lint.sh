#!/usr/bin/env bash
# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Runs ansible-lint, profile production, over a clean copy of the tree.
#   tools/ansible-lint.sh .cache/venv-gates
set -eu

export PATH=$PWD/$1/bin:$PATH
tree=$(tools/copy.sh .cache/lint)
cd "$tree"
ANSIBLE_COLLECTIONS_PATH=${tree%/ansible_collections/*} ansible-lint --profile production --offline

#!/usr/bin/env bash
# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Builds the documentation site under .cache/site/html, and fails on a warning of ours.
#   tools/site.sh DIRECTORY-OF-PROGRAMS
set -eu

programs=$1
tree=$(tools/copy.sh .cache/site)
export PATH=$programs:$PATH ANSIBLE_COLLECTIONS_PATH=${tree%/ansible_collections/*}
unset ANSIBLE_CONFIG
cd .cache/site
antsibull-docs sphinx-init --use-current --dest-dir source --fail-on-error postmaster.mta >/dev/null
antsibull-docs collection --use-current --dest-dir source/rst --squash-hierarchy postmaster.mta 2>antsibull.log || { cat antsibull.log; exit 1; }
mkdir -p source/rst
sphinx-build -q -c source -M html source/rst build 2>sphinx.log || { cat sphinx.log; exit 1; }
# Inventories of others are fetched from the internet; without it, references into them cannot be resolved.
grep -vE 'intersphinx|undefined label: .(common_return_values|action_plugins|playbooks|collections|ansible_collections\.(ansible|community))|failed to reach any of the inventories' sphinx.log >ours.log || true
cat antsibull.log ours.log
grep -q . ours.log antsibull.log && exit 1
echo "site: .cache/site/build/html, no warning of ours"

#!/usr/bin/env bash
# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Builds the documentation site under .cache/site/html, and fails on a warning of ours.
#   tools/site.sh DIRECTORY-OF-PROGRAMS
set -eu

programs=$1
# With the changelog that the release will have.
"$programs/../../../venv-gates/bin/python" tools/release.py --rehearse >/dev/null
rm -rf .cache/site
mkdir -p .cache/site
cp -r .cache/release/ansible_collections .cache/site/
tree=$PWD/.cache/site/ansible_collections/postmaster/mta
export PATH=$programs:$PATH ANSIBLE_COLLECTIONS_PATH=${tree%/ansible_collections/*}
unset ANSIBLE_CONFIG
cd .cache/site
# antsibull-docs takes only directories that nobody else may write to.
mkdir -m 700 source
antsibull-docs sphinx-init --use-current --dest-dir source --fail-on-error postmaster.mta >antsibull.log 2>&1 || { cat antsibull.log; exit 1; }
cd source
chmod og-w rst
antsibull-docs --config-file antsibull-docs.cfg collection --cleanup everything --fail-on-error --use-current --dest-dir rst postmaster.mta \
    >antsibull.log 2>&1 || { cat antsibull.log; exit 1; }
if [ -d "$tree/docs/docsite/rst/images" ]; then
    cp -r "$tree/docs/docsite/rst/images" rst/collections/postmaster/mta/docsite/
fi
sphinx-build -b html -q -c . --keep-going rst ../build/html 2>sphinx.log || { cat sphinx.log; exit 1; }
# Inventories of others are fetched from the internet; without them, references into them cannot be resolved.
grep -v -e intersphinx -e 'inventor' -e 'common_return_values' -e 'action_plugins' -e 'ansible_collections.ansible.builtin' \
    -e 'ansible_collections.community' -e 'urllib3' -e 'Max retries' -e 'playbooks_' -e 'ansible_configuration_settings' -e 'callback_plugins' sphinx.log >ours.log || true
if grep -q . ours.log; then
    cat ours.log
    exit 1
fi
echo "site: .cache/site/build/html, no warning of ours"

#!/usr/bin/env bash
# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Checks the documentation of plugins and roles, the changelog, and the examples.
#   tools/docs.sh .cache/venv-gates
set -eu

bin=$PWD/$1/bin
export PATH=$bin:$PATH
tree=$(tools/copy.sh .cache/docs)

(
    cd "$tree"
    set -x
    antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs all --check-extra-docs-refs --skip-rstcheck .
    antsibull-changelog lint
)
tools/collection.sh
pytest -q tests/docs --junitxml="${RESULTS:-.cache/results}/docs.xml"

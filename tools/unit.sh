#!/usr/bin/env bash
# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Runs the unit tests under the development environment (main) and under other Pythons where the machine has them.
#   tools/unit.sh main 3.6 3.13
set -eu

tools/collection.sh
status=0
for version in "$@"; do
    directory=.cache/venv
    if [ "$version" != main ]; then
        directory=.cache/venv-$version
        if ! tools/venv.sh "$directory" tools/requirements-unit.txt "$version"; then
            tools/python.sh "$version" >/dev/null && exit 1
            echo "unit-$version: NOT RUN, no Python $version on this machine"
            continue
        fi
        tools/module-utils.sh "$directory"
    fi
    echo "unit-$version: $("$directory/bin/python" --version)"
    "$directory/bin/python" -m pytest -q --junitxml=".cache/results/unit-$version.xml" tests/unit || status=1
done
exit "$status"

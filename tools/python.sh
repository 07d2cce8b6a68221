#!/usr/bin/env bash
# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Prints the path of an interpreter of the first of the given versions that this machine has; silent exit 1 if it has none.
#   tools/python.sh 3.11 3.12
set -eu

for version in "$@"; do
    # pyenv's shims answer to the name of every version but run only the selected one, so its own folders come first.
    for candidate in "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/python /usr/bin/python"$version" "python$version"; do
        if "$candidate" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$version')" 2>/dev/null; then
            command -v "$candidate"
            exit 0
        fi
    done
done
exit 1

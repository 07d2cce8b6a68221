#!/usr/bin/env bash
# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Makes a virtual environment from a requirements file, once: again only when the file has changed.
#   tools/venv.sh .cache/venv requirements-dev.txt 3.11 3.12      (the first version found is taken; exit 3 if there is none)
set -eu

directory=$1
requirements=$2
shift 2

mkdir -p .cache
exec 9>.cache/venv.lock
flock 9

if [ -e "$directory/.ready" ] && [ ! "$requirements" -nt "$directory/.ready" ]; then
    exit 0
fi
python=$(tools/python.sh "$@") || exit 3
echo "venv: $directory: $("$python" --version), $requirements"
# Not venv --clear: where the directory is a link to another tree's environment, that would empty the other one.
rm -rf "$directory"
"$python" -m venv "$directory"
pip() { "$directory/bin/python" -m pip -qq --disable-pip-version-check "$@"; }
# Python 3.6 brings a pip that does not see which releases still know it.
pip install "pip==21.3.1; python_version < '3.7'"
pip install -r "$requirements"
touch "$directory/.ready"

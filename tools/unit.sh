#!/usr/bin/env bash
# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Runs the unit tests under the development environment (main) and, beside it, under other Pythons where the machine has them.
#   tools/unit.sh [--prepare] main 3.6 3.13      (--prepare: make the environments, and run nothing)
set -eu

prepare=false
if [ "$1" = --prepare ]; then
    prepare=true
    shift
fi
results=${RESULTS:-.cache/results}
tools/collection.sh
mkdir -p "$results" .cache/unit
rm -f "$results"/unit-*.xml

directory_of() {
    if [ "$1" = main ]; then echo .cache/venv; else echo ".cache/venv-$1"; fi
}

run_tests() {
    local choice=()
    # Whole playbooks take most of the time; elsewhere one of each file is enough.
    if [ "$1" != main ]; then
        choice=(-k "not rollout or all_goes_well or one_command_blocks")
    else
        # The longest of them, on two cores; who has nothing left to do takes tests over from the other.
        choice=(-n 2 --dist worksteal)
    fi
    # A cache of its own: runs side by side would write into each other's.
    "$(directory_of "$1")/bin/python" -m pytest -q -o "cache_dir=.cache/pytest-$1" --junitxml="$results/unit-$1.xml" \
        "${choice[@]}" tests/unit </dev/null
}

# A test that never ends with its memory would take the machine, and every other gate, with it. Kilobytes; usual is a tenth of it.
ulimit -v 4000000

status=0
versions=()
for version in "$@"; do
    if [ "$version" != main ]; then
        directory=$(directory_of "$version")
        if ! tools/venv.sh "$directory" tools/requirements-unit.txt "$version"; then
            tools/python.sh "$version" >/dev/null && exit 1
            echo "unit-$version: NOT RUN, no Python $version on this machine"
            continue
        fi
        tools/module-utils.sh "$directory"
    fi
    versions+=("$version")
done
if $prepare; then
    exit 0
fi

# The first one is watched, the others run meanwhile and are shown when they have ended.
declare -A others=()
trap 'kill "${others[@]}" 2>/dev/null || true' EXIT
for version in "${versions[@]:1}"; do
    run_tests "$version" >".cache/unit/$version.log" 2>&1 &
    others[$version]=$!
done
for version in "${versions[@]}"; do
    echo "unit-$version: $("$(directory_of "$version")/bin/python" --version)"
    if [ -n "${others[$version]:-}" ]; then
        code=0
        wait "${others[$version]}" || code=$?
        unset "others[$version]"
        cat ".cache/unit/$version.log"
    else
        code=0
        run_tests "$version" || code=$?
    fi
    if [ "$code" -ne 0 ]; then
        echo "unit-$version: FAILED"
        status=1
    fi
done
exit "$status"

#!/usr/bin/env bash
# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Runs `ansible-test sanity` with the ansible-core of each of the given environments. There are no ignore files.
#   tools/sanity.sh [--whole] .cache/venv .cache/venv-gates
# As a gate of every change it looks at what is published, and of an older core it asks what another core or Python can answer
# differently: its rules of style are those of the newest core, or fewer. With --whole the whole tree is looked at, and every core
# runs all it has.
set -eu

whole=false
if [ "$1" = --whole ]; then
    whole=true
    shift
fi
newest=${*: -1}

exec 9>.cache/sanity.lock
flock 9

if [ -n "$(git ls-files --cached --others --exclude-standard 'tests/sanity/ignore*' 2>/dev/null)" ]; then
    echo "sanity: tests/sanity/ignore* is not allowed: fix the cause"
    exit 1
fi

# The Pythons of managed nodes that a core knows: the oldest, and the newest.
declare -A targets=([2.16]="3.6 3.12" [2.19]="3.8 3.13" [2.20]="3.9 3.13" [2.21]="3.9 3.13" [2.22]="3.9 3.13")

# ansible-test wants to fetch get-pip.py for the environments of its tests. Python brings a pip, so this does as well, and works
# without the internet. A home of its own for each core keeps that, and those environments, out of the user's and the other's.
make_home() {
    local home=$1 pip configuration
    rm -rf "$home/.config" "$home/.pip"
    mkdir -p "$home/.ansible/test/cache" "$home/.config/pip" "$home/.pip"
    for pip in 21_3_1 23_1_2 24_2 25_2; do
        printf 'import ensurepip, os\nos.dup2(os.open(os.devnull, os.O_WRONLY), 1)\nensurepip.bootstrap()\n' >"$home/.ansible/test/cache/get_pip_$pip.py"
    done
    # pip reads both: the user's settings, copied (never linked: what is written here must stay here), and ours.
    for configuration in "$HOME/.pip/pip.conf" "$HOME/.config/pip/pip.conf"; do
        if [ -e "$configuration" ]; then
            cp "$configuration" "$home/.pip/pip.conf"
        fi
    done
    printf '[global]\nquiet = 2\n' >"$home/.config/pip/pip.conf"
}

version_of() { "$1" -c 'from ansible.release import __version__; print(".".join(__version__.split(".")[:2]))'; }

# Runs the tests of one environment's core.
run_core() {
    local root=$PWD controller=$PWD/$1/bin/python python core path arguments version interpreter tree check versions
    python=$("$controller" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    core=$(version_of "$controller")
    # pyenv's shims answer to every version's name and run only one, so the real ones come first.
    path=$(dirname "$controller")
    arguments=(--controller "origin:python=$python@$controller" --target-python "$python@$controller")
    versions=${targets[$core]}
    if ! $whole && [ "$1" != "$newest" ]; then
        versions=${versions%% *}
    fi
    for version in $versions; do
        # The controller's own is asked anyway, and ansible-test takes each version once.
        if [ "$version" = "$python" ]; then
            continue
        fi
        if interpreter=$(tools/python.sh "$version"); then
            arguments+=(--target-python "$version@$interpreter")
            path+=:$(dirname "$interpreter")
        else
            echo "sanity-$core: Python $version: NOT RUN, no Python $version on this machine"
        fi
    done
    echo "sanity-$core: $("$controller" -c 'from ansible.release import __version__; print(__version__)'), Python $python and $versions"
    make_home "$PWD/.cache/sanity/home-$core"
    # Everything, or what is published (galaxy.yml, build_ignore).
    if $whole; then
        tree=$(tools/copy.sh ".cache/sanity/$core")
    else
        tree=$(tools/copy.sh ".cache/sanity/$core" ':!molecule' ':!tools' ':(exclude,glob)tests/*/**')
        if [ "$1" != "$newest" ]; then
            for check in compile import validate-modules ansible-doc action-plugin-docs; do
                arguments+=(--test "$check")
            done
        fi
    fi
    (cd "$tree" && HOME=$root/.cache/sanity/home-$core PATH=$path:$PATH ansible-test sanity --color no "${arguments[@]}")
}

# Side by side: each has checks that use one core only. What each printed is shown whole.
mkdir -p .cache/sanity
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true' EXIT
for environment in "$@"; do
    run_core "$environment" >".cache/sanity/${environment##*/}.log" 2>&1 </dev/null &
    pids+=($!)
done
status=0
for environment in "$@"; do
    wait "${pids[0]}" || status=1
    pids=("${pids[@]:1}")
    cat ".cache/sanity/${environment##*/}.log"
done
exit "$status"

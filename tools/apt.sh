#!/usr/bin/env bash
# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Installs those Debian packages of the given lists that are missing. Elsewhere it says what to install.
#   tools/apt.sh tools/requirements-apt.txt
set -eu

mapfile -t wanted < <(sed -e 's/#.*//' "$@" | tr -s '[:space:]' '\n' | sed '/^$/d' | sort -u)
if ! command -v apt-get >/dev/null; then
    echo "apt: not a Debian machine; this is needed: ${wanted[*]}"
    exit 0
fi
# One at a time: apt-get update does not wait for another one.
mkdir -p .cache
exec 9>.cache/apt.lock
flock 9
missing=()
for package in "${wanted[@]}"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || missing+=("$package")
done
if [ "${#missing[@]}" -eq 0 ]; then
    exit 0
fi
echo "apt: installing ${missing[*]}"
root=()
if [ "$(id -u)" -ne 0 ]; then
    root=(sudo)
fi
"${root[@]}" apt-get -qq update
"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 \
    install "${missing[@]}" >/dev/null

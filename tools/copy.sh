#!/usr/bin/env bash
# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Copies the tree as git would commit it (tracked files and new ones) to DIR/ansible_collections/postmaster/mta and prints that
# path: for tools that dislike links, or would lint what lies under .cache.
#   tools/copy.sh .cache/sanity/2.16 ':!molecule'      (the directory is emptied first; the rest says what to leave out)
set -eu

directory=$1
shift
target=$PWD/$directory/ansible_collections/postmaster/mta
rm -rf "$directory"
mkdir -p "$target"
git ls-files -z --cached --others --exclude-standard -- . "$@" | while IFS= read -r -d '' path; do
    if [ -e "$path" ]; then
        printf '%s\0' "$path"
    fi
done | tar --create --null --files-from - | tar --extract --directory "$target"
# ansible-test asks git what belongs to the tree; without this it would find the outer repository, which ignores .cache.
git -C "$target" init --quiet
echo "$target"

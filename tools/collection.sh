#!/usr/bin/env bash
# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Makes .cache/collections/ansible_collections/postmaster/mta, a link to this tree, so that it can be checked out anywhere.
set -eu

link=.cache/collections/ansible_collections/postmaster/mta
# A link that is right stays: others may be reading through it.
if [ "$(readlink "$link" 2>/dev/null)" != ../../../.. ]; then
    mkdir -p "${link%/*}"
    ln -sfn ../../../.. "$link"
fi

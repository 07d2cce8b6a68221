#!/usr/bin/env bash
# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Says where promtool is, Prometheus' own checker of rules and metrics. Where it is not installed, Debian's package is unpacked into
# .cache: installing it would start a server. Says nothing where it is not to be had.
#   tools/promtool.sh
set -u

cd "$(dirname "$0")/.." || exit 1
if command -v promtool; then
    exit 0
fi
tool=$PWD/.cache/promtool/usr/bin/promtool
if [ ! -x "$tool" ] && command -v apt-get >/dev/null; then
    mkdir -p .cache/promtool
    (cd .cache/promtool && apt-get -qq download prometheus && dpkg-deb -x prometheus_*.deb . && rm -f prometheus_*.deb) >/dev/null 2>&1
fi
if [ -x "$tool" ]; then
    echo "$tool"
fi

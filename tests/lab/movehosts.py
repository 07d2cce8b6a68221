# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A sendmail relay with a Postfix beside it, as the documentation says it is put there, and taken away again."""

from __future__ import annotations

import contextlib
import typing as t

from labhosts import Host

#: The documentation's commands, with the packages of the lab's own archive.
UNPACK = """
set -eu
apt-get install -qy --no-install-recommends $(dpkg-deb -f /srv/apt/postfix_*.deb Depends | tr ',' '\\n' | awk '$1 ~ /^lib/ {print $1}') >/dev/null
for package in /srv/apt/postfix_*.deb /srv/apt/postfix-lmdb_*.deb; do dpkg-deb -x "$package" /root/postfix; done
cd /root/postfix
cp -a usr/lib/postfix /usr/lib/
cp -a usr/sbin/post* /usr/sbin/
cp -an etc/postfix /etc/
cp -a usr/share/postfix /usr/share/
id postfix >/dev/null 2>&1 || adduser -q --system --group --home /var/spool/postfix --no-create-home --disabled-password postfix
getent group postdrop >/dev/null || addgroup -q --system postdrop
cd /etc/postfix
cp /usr/share/postfix/main.cf.debian main.cf
cp /usr/share/postfix/master.cf.dist master.cf
grep lmdb /usr/share/postfix/dynamicmaps.cf >> dynamicmaps.cf || true
sed -n -i '/^.queue_dir/p;/^.data_dir/p;/^.command_dir/p;/^.daemon_dir/p' postfix-files
rm -rf postfix-files.d
install -d /var/spool/postfix /var/lib/postfix
postconf -e "myhostname=$(hostname -f)"
postfix set-permissions
postalias hash:/etc/aliases
"""
REMOVE = """
rm -rf /root/postfix /usr/lib/postfix /usr/sbin/post* /etc/postfix /usr/share/postfix /var/spool/postfix /var/lib/postfix /etc/aliases.db
userdel postfix 2>/dev/null || true
groupdel postdrop 2>/dev/null || true
"""
#: The programs of sendmail, which must stay as they are.
MODES = "stat -Lc '%n %a %U %G' /usr/sbin/sendmail $(command -v mailq newaliases)"


@contextlib.contextmanager
def beside(host: Host) -> t.Iterator[None]:
    """Put Postfix beside the sendmail of a host, and take it away again."""
    modes = host.run(MODES)
    try:
        host.run(UNPACK, timeout=300)
        assert host.run(MODES) == modes
        yield
    finally:
        host.run(REMOVE)

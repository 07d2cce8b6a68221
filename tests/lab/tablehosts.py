# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Postfix with tables of the old types, and clients that never stop asking it: what the gate tries once and C(make proof) long."""

from __future__ import annotations

import concurrent.futures
import contextlib
import typing as t

from accounthosts import ACCOUNT
from labhosts import WORLD, Host

#: Runs on world: some clients at a time ask in turns, until a file is there; each answer that is not the right one is told.
ASK = """
import collections, json, os, sys, threading, time
from ansible_collections.postmaster.mta.plugins.module_utils._smtp import dialogue
call = json.load(sys.stdin)
end = time.time() + call["seconds"]
counts, wrong = collections.Counter(), collections.Counter()

def client(number):
    turn = number
    while time.time() < end and not (os.path.exists(call["until"]) and sum(counts.values()) >= call["least"]):
        sender, recipient, expected = call["questions"][turn % len(call["questions"])]
        turn += 1
        with dialogue.Dialogue(call["address"], 25, source="10.25.0.%d" % (100 + number), timeout=60) as session:
            step = session.connect()
            if step.code == 220:
                step = session.ehlo("client.stranger.test")
            if step.family == 2:
                step = session.mail(sender)
            if step.family == 2:
                step = session.rcpt(recipient)
            counts["asked"] += 1
            if step.code != expected:
                wrong["%s to %s: %s at %s" % (sender, recipient, step, time.strftime("%X"))] += 1
                wrong.update([repr(session.steps)])
            session.close()

threads = [threading.Thread(target=client, args=(number,)) for number in range(call["clients"])]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
json.dump({"asked": counts["asked"], "wrong": dict(wrong)}, sys.stdout)
"""
#: What a client gets, whatever the type of the tables: a table of the administrator in every place where one can stand.
QUESTIONS = [
    ("a@stranger.test", "user@served.test", 250),
    ("bad@old.test", "user@served.test", 554),
    ("a@stranger.test", "gone@served.test", 550),
    ("a@stranger.test", "user@third.test", 554),
    ("a@stranger.test", "user@byhand.test", 250),
]
#: Tables as administrators have them: behind proxymap(8), by a parameter of their own, in -o, as a list of domains, beyond the directory.
GROW = r"""
set -e
cd /etc/postfix
printf 'bad@old.test REJECT\n' > senders
printf 'gone@served.test 550 closed\n' > rcpts
printf 'byhand.test x\n' > byhand
printf 'byhand.test smtp:[mx1.ok.test]\n' > routes
mkdir -p /srv/tables
printf 'alias@served.test user@served.test\nfirst@served.test user@served.test\nfirst@served.test other@served.test\n' \
    > /srv/tables/virtual
chmod 640 senders; postmap hash:senders; postmap hash:rcpts; postmap hash:byhand; postmap btree:routes
postmap hash:/srv/tables/virtual 2>/dev/null; newaliases
postconf -e 'indexed = hash:$config_directory/' 'kind = btree' \
    'smtpd_sender_restrictions = check_sender_access ${indexed}senders' \
    'relay_domains = served.test, proxy:hash:/etc/postfix/byhand' 'transport_maps = $kind:/etc/postfix/routes' \
    'virtual_alias_maps = proxy:hash:/srv/tables/virtual' \
    'proxy_read_maps = proxy:hash:/srv/tables/virtual, proxy:${indexed}byhand, $local_recipient_maps $alias_maps' \
    'smtp_tls_session_cache_database = btree:${data_directory}/smtp_scache' \
    'smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination' 'mydestination = $myhostname' \
    'local_recipient_maps = ' 'relay_recipient_maps = ' 'alias_maps = hash:/etc/aliases' 'alias_database = hash:/etc/aliases' \
    'smtpd_client_connection_rate_limit = 0' 'anvil_rate_time_unit = 60s'
postconf -P 'smtp/inet/smtpd_recipient_restrictions=check_recipient_access,hash:/etc/postfix/rcpts'
postfix reload
"""


@contextlib.contextmanager
def grown(host: Host) -> t.Iterator[None]:
    """Give a relay tables of the old types, and take all of it back, the account of what was done to them too."""
    host.run(f"rm -rf /tmp/grown && mkdir -p /tmp/grown {ACCOUNT} && cp -a /etc/postfix {ACCOUNT} /tmp/grown")
    try:
        host.run(GROW)
        yield
    finally:
        host.run(
            f"rm -rf {ACCOUNT} && mv /tmp/grown/{ACCOUNT.rpartition('/')[2]} /var/lib && "
            "cp -p /tmp/grown/postfix/main.cf /tmp/grown/postfix/master.cf /etc/postfix/ && rm -rf /srv/tables /etc/aliases.lmdb && "
            "cd /etc/postfix && rm -f senders* rcpts* byhand* routes* *.lmdb /var/lib/postfix/*.lmdb && postfix reload"
        )


@contextlib.contextmanager
def asked(host: Host, least: int = 100, seconds: int = 120) -> t.Iterator[t.Dict[str, t.Any]]:
    """Let clients ask while something is changed; afterwards the dictionary says how many connections, and what was wrong."""
    until = f"/tmp/tables-{host}"
    WORLD.run(f"rm -f {until}")
    question = {
        "address": host.address,
        "questions": QUESTIONS,
        "until": until,
        "least": least,
        "seconds": seconds,
        "clients": 6,
    }
    answers: t.Dict[str, t.Any] = {}
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        pending = pool.submit(WORLD.ask, ASK, question, 3600)
        try:
            yield answers
        finally:
            WORLD.run(f"touch {until}")
            answers.update(pending.result())
            WORLD.run(f"rm -f {until}")


def old_types(host: Host) -> str:
    """Return what the configuration still says of the old types, the caches left out."""
    command = "{ postconf -nx; postconf -Mx; postconf -Px; } | grep -E '(hash|btree):' || true"
    return host.run(command)

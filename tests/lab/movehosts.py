# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A sendmail relay with a Postfix beside it, as the documentation says it is put there, and taken away again."""

from __future__ import annotations

import concurrent.futures
import contextlib
import json
import subprocess
import sys
import time
import typing as t

from labhosts import ROOT, WORLD, Host, ansible_environment

#: Who may send to everybody, and who gets what is sent while a relay moves.
TRUSTED, SINK, RECIPIENT = "10.25.0.60", "third.test", "moving@third.test"

#: The documentation's commands, with the packages of the lab's own archive.
UNPACK = """
set -eu
apt-get install -qy --no-install-recommends $(dpkg-deb -f /srv/apt/postfix_*.deb Depends | tr ',' '\\n' | awk '$1 ~ /^lib/ {print $1}') >/dev/null
for package in /srv/apt/postfix_*.deb /srv/apt/postfix-lmdb_*.deb; do dpkg-deb -x "$package" /root/postfix; done
cd /root/postfix
cp -a usr/lib/postfix /usr/lib/
cp -a usr/sbin/post* /usr/sbin/
cp -a usr/sbin/sendmail /usr/sbin/sendmail.postfix
cp -an etc/postfix /etc/
cp -a usr/share/postfix /usr/share/
cp -a $(ls usr/lib/systemd/system/postfix*.service lib/systemd/system/postfix*.service 2>/dev/null) /usr/lib/systemd/system/
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
systemctl daemon-reload
postalias hash:/etc/aliases
"""
REMOVE = """
cd /etc/systemd/system
systemctl disable -q --now postfix $(ls | grep -E '^postmaster-mta-(drain|confirm-etc-postfix)') 2>/dev/null || true
rm -f postmaster-mta-drain* postmaster-mta-confirm-etc-postfix*
update-alternatives --remove sendmail-msp /usr/sbin/sendmail.postfix >/dev/null 2>&1 || true
rm -rf /root/postfix /usr/lib/postfix /usr/sbin/post* /usr/sbin/sendmail.postfix /usr/lib/systemd/system/postfix*.service
rm -rf /etc/postfix /usr/share/postfix /var/spool/postfix /var/lib/postfix /etc/aliases.db
rm -rf /var/lib/postmaster.mta/move* /var/lib/postmaster.mta/etc+postfix
systemctl daemon-reload
ss -ltnH 'sport = :25' | grep -q . || systemctl restart sendmail
systemctl enable -q sendmail
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


#: Runs on world: messages with senders of their own, until there were enough and a file says stop. Who is not served comes again.
SENDER = """
import json, os, smtplib, sys, threading, time
call = json.load(sys.stdin)
lock, numbers = threading.Lock(), iter(range(10 ** 9))
taken, refused, again = [], [], []
text = "Subject: while it moves\\r\\n\\r\\nhello\\r\\n"

def is_over():
    return len(taken) >= call["least"] and os.path.exists(call["stop"])

def send(sender):
    talk = smtplib.SMTP(call["relay"], 25, "trusted.lab.test", 60, (call["client"], 0))
    try:
        talk.sendmail(sender, [call["recipient"]], text)
    finally:
        talk.close()

def client():
    while not is_over():
        with lock:
            sender = "%s%d@ok.test" % (call["prefix"], next(numbers))
        while True:
            try:
                send(sender)
                taken.append(sender)
                break
            except ConnectionRefusedError:
                refused.append(time.time())
            except (OSError, smtplib.SMTPException) as problem:
                again.append("%s: %r" % (sender, problem))
            time.sleep(0.1)
        time.sleep(call["pause"])

threads = [threading.Thread(target=client) for dummy in range(call["clients"])]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
refused.sort()
json.dump({"taken": taken, "refused": len(refused), "again": again}, sys.stdout)
"""


#: Runs on world: connects ten times a second until a file says stop; how many connections were refused, and how long at a stretch.
CONNECTOR = """
import json, os, socket, sys, time
call = json.load(sys.stdin)
refused, tried, since, longest = 0, 0, None, 0.0
while not os.path.exists(call["stop"]):
    begun = time.time()
    tried += 1
    try:
        socket.create_connection((call["relay"], 25), 30, (call["client"], 0)).close()
        since = None
    except ConnectionRefusedError:
        refused += 1
        since = since or begun
        longest = max(longest, time.time() - since)
    except OSError:
        pass
    time.sleep(max(0.0, begun + 0.1 - time.time()))
json.dump({"tried": tried, "refused": refused, "seconds": round(longest, 1)}, sys.stdout)
"""


@contextlib.contextmanager
def connected_to(host: Host) -> t.Iterator[t.Dict[str, t.Any]]:
    """Connect to a relay ten times a second while the block runs; what was refused is known after it."""
    stop = f"/tmp/stop-connect-{host}"
    WORLD.run(f"rm -f {stop}")
    told: t.Dict[str, t.Any] = {}
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        asked = pool.submit(WORLD.ask, CONNECTOR, {"relay": host.address, "client": TRUSTED, "stop": stop}, 3600)
        try:
            yield told
        finally:
            WORLD.run(f"touch {stop}")
            told.update(asked.result())
    WORLD.run(f"rm -f {stop}")


@contextlib.contextmanager
def mail_flows(host: Host, prefix: str, least: int, pause: float = 0.2) -> t.Iterator[t.Dict[str, t.Any]]:
    """Send mail through a relay while the block runs; what was taken, refused and sent again is known after it."""
    stop = f"/tmp/stop-move-{host}"
    WORLD.run(f"rm -f {stop}")
    call = {"relay": host.address, "client": TRUSTED, "recipient": RECIPIENT, "prefix": prefix, "stop": stop}
    told: t.Dict[str, t.Any] = {}
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        sent = pool.submit(WORLD.ask, SENDER, dict(call, least=least, pause=pause, clients=3), 3600)
        try:
            yield told
        finally:
            WORLD.run(f"touch {stop}")
            told.update(sent.result())
    WORLD.run(f"rm -f {stop}")


def arrived(prefix: str) -> t.List[str]:
    """Return the senders of the messages that arrived, each as often as it did."""
    lines = WORLD.run(f"sinkctl messages {SINK}").splitlines()
    senders = [json.loads(line)["mail_from"] for line in lines]
    return [sender for sender in senders if sender.startswith(prefix)]


def fresh(host: Host) -> str:
    """Return the beginning of senders that no other run has."""
    return f"{host}-{time.time_ns()}-"


def play(host: Host, **extra: t.Any) -> str:
    """Type one command, which must succeed; return what is shown."""
    command = [
        sys.executable,
        "-m",
        "ansible",
        "playbook",
        "-i",
        str(ROOT / "molecule" / "inventory"),
        "playbooks/move.yml",
    ]
    done = subprocess.run(
        [*command, "-e", json.dumps({"move_hosts": host.name, **extra})],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=str(ROOT),
        env=ansible_environment(COLUMNS="160"),
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout.decode()[-5000:]
    return done.stdout.decode()


def prepared(host: Host) -> None:
    """Write what sendmail becomes, as the playbook does; nothing listens yet."""
    read = host.done("move_info")
    for name, lines in read["tables"].items():
        host.write(f"/etc/postfix/{name}", "".join(f"{line}\n" for line in lines).encode())
        host.run(f"postmap /etc/postfix/{name}")
    main = dict(read["natives"].get("main", {}), master_service_disable="inet")
    accepted = {"undefined_service": "it listens nowhere"}
    params = {"baseline": "none", "policy": read["policy"], "main": main, "master": read["natives"].get("master", {})}
    host.done("relay", mta="postfix", accept_risk=accepted, unsupported="note", **params)
    host.done("access", mta="postfix", rules=read["rules"], state="exact")


def drained(host: Host) -> None:
    """Have the host look whether the queue that is left is empty, as its timer does, until it is."""
    for dummy in range(60):
        host.run("systemctl start postmaster-mta-drain-end.service || true")
        if not host.run("ls /etc/systemd/system | grep postmaster-mta-drain || true"):
            return
        time.sleep(1)
    raise AssertionError(host.run("mailq; postqueue -p; cat /var/lib/postmaster.mta/move.json"))


def there_and_back(host: Host, least: int, pause: float) -> t.Dict[str, t.Any]:
    """Move a relay by the playbook and back while mail flows; return what was lost, what came twice, and who was refused."""
    prefix = fresh(host)
    with mail_flows(host, prefix, least, pause) as told:
        shown = play(host, move_state="moved", move_strict=False, move_limit=20)
        assert "goes back to sendmail by itself" in shown, shown[-3000:]
        play(host, move_state="confirmed")
        drained(host)
        play(host, move_state="back")
    drained(host)
    here = arrived(prefix)
    lost = sorted(set(told["taken"]) - set(here))
    twice = sorted({sender for sender in here if here.count(sender) > 1}) if len(here) != len(set(here)) else []
    return dict(told, taken=len(told["taken"]), lost=lost, twice=twice)

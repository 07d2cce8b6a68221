# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Throw-away relays for the tests of the queue: one container each, without a network, with its destinations inside.

The fleet's relays are shared by other tests, which a queue of thousands of messages would disturb.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import resource
import shutil
import subprocess
import time
import typing as t

from labhosts import EVERY_HOST

ROOT = pathlib.Path(__file__).resolve().parents[2]

IMAGES = {
    "postfix-3.7": "debian12-postfix",
    "postfix-3.10": "debian13-postfix",
    "sendmail-8.17": "debian12-sendmail",
    "sendmail-8.18": "debian13-sendmail",
}
#: Both MTAs and both Debian releases in the gate of every change, all four in C(make proof).
VERSIONS = tuple(IMAGES) if EVERY_HOST else ("postfix-3.10", "sendmail-8.17")
#: Ends zombies: nobody else is process 1 here.
_FIRST_PROCESS = """
import os, time
while True:
    try:
        os.wait()
    except ChildProcessError:
        time.sleep(0.2)
"""
_ADDRESSES = ("127.0.0.2", "127.0.0.3", "127.0.0.21", "127.0.0.22", "127.0.0.23", "127.0.0.24")
#: Where mail for each domain goes. Nobody listens on .9.
_ROUTES = {
    "ok.test": "127.0.0.21",
    "defer.test": "127.0.0.22",
    "reject.test": "127.0.0.23",
    "stall.test": "127.0.0.24",
    "refused.test": "127.0.0.9",
    "s.test": "127.0.0.21",
}

_POSTFIX = r"""
set -e
routes() { printf '%b' '@ROUTES@' > /etc/postfix/transport; postmap hash:/etc/postfix/transport; }
common='inet_protocols=ipv4 mydestination= relayhost= relay_domains= mynetworks=127.0.0.0/8 maillog_file=/var/log/postfix.log
  transport_maps=hash:/etc/postfix/transport smtpd_relay_restrictions=permit_mynetworks,reject smtp_helo_timeout=5s
  smtp_tls_security_level=none smtpd_tls_security_level=none enable_long_queue_ids=no queue_run_delay=5s minimal_backoff_time=5s
  maximal_backoff_time=20s smtpd_client_connection_count_limit=0 alias_maps= header_checks= smtpd_recipient_restrictions=
  smtpd_sender_restrictions= smtpd_client_restrictions= default_process_limit=40'
postfix stop 2>/dev/null || true
routes
postconf -e $common inet_interfaces=127.0.0.2 myhostname=one.relay.test
postconf -F '*/*/chroot=n'
postmulti -e init
postmulti -I postfix-two -e create config_directory=/etc/postfix-two queue_directory=/var/spool/postfix-two data_directory=/var/lib/postfix-two
postconf -c /etc/postfix-two -e $common master_service_disable= authorized_submit_users=static:anyone inet_interfaces=127.0.0.3 myhostname=two.relay.test
postconf -c /etc/postfix-two -F '*/*/chroot=n'
postmulti -i postfix-two -e enable
postfix start
"""

_SENDMAIL = r"""
set -e
mkdir -p /var/spool/mq/q0 /var/spool/mq/q1 /var/spool/mq/q2/qf /var/spool/mq/q2/df /var/spool/mq/q2/xf /var/spool/mq.status /run/sendmail/mta
chown -R smmta:smmsp /var/spool/mq /run/sendmail/mta && chmod -R 0700 /var/spool/mq
n=1; for address in @ADDRESSES@; do echo "$address host$n.relay.test" >> /etc/hosts; n=$((n + 1)); done
cat > /etc/mail/sendmail.mc <<'M'
divert(0)dnl
define(`_USE_ETC_MAIL_')dnl
include(`/usr/share/sendmail/cf/m4/cf.m4')dnl
OSTYPE(`debian')dnl
DOMAIN(`debian-mta')dnl
undefine(`confHOST_STATUS_DIRECTORY')dnl
define(`confHOST_STATUS_DIRECTORY', `/var/spool/mq.status')dnl
define(`confDOMAIN_NAME', `host1.relay.test')dnl
define(`QUEUE_DIR', `/var/spool/mq/q*')dnl
define(`confTO_INITIAL', `5s')dnl
define(`confMIN_QUEUE_AGE', `0')dnl
define(`confQUEUE_LA', `500')dnl
define(`confREFUSE_LA', `500')dnl
define(`confDELAY_LA', `0')dnl
define(`confLOG_LEVEL', `9')dnl
define(`confTO_IDENT', `0')dnl
FEATURE(`no_default_msa')dnl
DAEMON_OPTIONS(`Name=sm-mta, Family=inet, Addr=127.0.0.2, Port=25, Listen=256')dnl
FEATURE(`nocanonify')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`accept_unqualified_senders')dnl
FEATURE(`mailertable', `hash -o /etc/mail/mailertable')dnl
FEATURE(`promiscuous_relay')dnl
MAILER(`local')dnl
MAILER(`smtp')dnl
M
m4 /etc/mail/sendmail.mc > /etc/mail/sendmail.cf 2>/dev/null
printf '%b' '@ROUTES@' > /etc/mail/mailertable
makemap hash /etc/mail/mailertable < /etc/mail/mailertable
pgrep rsyslogd >/dev/null || rsyslogd 2>/dev/null
"""


class Podman:
    """podman as it works on this machine, see molecule/lab.py."""

    def __init__(self) -> None:
        runtime = shutil.which("runc")
        self.command = ["podman", *(["--runtime", runtime] if runtime else [])]
        if not pathlib.Path("/run/systemd/system").exists():
            self.command += ["--cgroup-manager", "cgroupfs"]
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        processes = resource.getrlimit(resource.RLIMIT_NPROC)[1]
        limits = {"nofile": files, "nproc": processes}
        bounded = {name: 4096 if limit < 0 else min(limit, 4096) for name, limit in limits.items()}
        self.ulimits = [f"--ulimit={name}={limit}:{limit}" for name, limit in bounded.items()]

    def __call__(self, *argv: str, check: bool = True, stdin: str = "") -> str:
        done = subprocess.run([*self.command, *argv], input=stdin, capture_output=True, text=True, check=False)
        if check and done.returncode:
            raise AssertionError(
                f"{' '.join(argv)[:300]}: {done.returncode}: {done.stdout[-500:]}{done.stderr[-2000:]}"
            )
        return done.stdout

    def image(self, name: str) -> str:
        """The lab's newest image of this name."""
        listed = self(
            "images", "--sort=created", "--format={{.Repository}}:{{.Tag}}", f"localhost/postmaster-lab/{name}"
        )
        assert listed, f"there is no image {name}: make lab"
        return listed.split()[0]


class QueueHost:
    """One relay: its queue, its destinations, and Python that runs there (queue_inside.py)."""

    def __init__(self, podman: Podman, version: str) -> None:
        self.podman = podman
        self.version = version
        self.mta = version.partition("-")[0]
        self.name = f"queue-test-{version}-{os.getpid()}"

    def __repr__(self) -> str:
        return self.version

    def start(self) -> None:
        """A new container, its MTA configured and running, its destinations listening."""
        self.remove()
        image = self.podman.image(IMAGES[self.version])
        options = [
            *("--name", self.name, "--network=none", "--hostname=relay.test", "--cap-add=NET_ADMIN", "--pids-limit=-1"),
            *("--security-opt=seccomp=unconfined", "--security-opt=apparmor=unconfined", "--no-hosts"),
            f"--volume={ROOT}:/opt/collections/ansible_collections/postmaster/mta:ro",
            *self.podman.ulimits,
        ]
        self.podman("run", "--detach", *options, "--entrypoint=", image, "python3", "-c", _FIRST_PROCESS)
        self.run("ip link set lo up; " + "".join(f"ip address add {one}/8 dev lo; " for one in _ADDRESSES))
        self.run("echo 127.0.0.1 localhost > /etc/hosts; : > /etc/resolv.conf; : > /tmp/sink.log")
        separator, ending = ("smtp:[", "]") if self.mta == "postfix" else ("esmtp:[", "]")
        routes = "".join(f"{domain}\\t{separator}{address}{ending}\\n" for domain, address in _ROUTES.items())
        script = _POSTFIX if self.mta == "postfix" else _SENDMAIL
        self.run("bash -s", stdin=script.replace("@ROUTES@", routes).replace("@ADDRESSES@", " ".join(_ADDRESSES)))
        self.background("python3", *self._inside("sink", None))
        if self.mta == "sendmail":
            self.background("/usr/sbin/sendmail", "-bD", "-q5s", "-L", "sm-mta")
        self.wait_for("127.0.0.2", "127.0.0.21")

    def wait_for(self, *addresses: str) -> None:
        """Until port 25 answers."""
        test = " && ".join(f"(exec 3<>/dev/tcp/{address}/25)" for address in addresses)
        self.run(f"for n in $(seq 100); do bash -c '{test}' 2>/dev/null && exit 0; sleep 0.2; done; exit 1")

    def remove(self) -> None:
        """Take the container away."""
        self.podman("rm", "--force", "--time=0", "--volumes", "--ignore", self.name)

    def run(self, command: str, stdin: str = "", check: bool = True) -> str:
        """Run a shell command as root; returns its standard output."""
        return self.podman("exec", "-i", self.name, "sh", "-c", command, stdin=stdin, check=check)

    def background(self, *argv: str) -> None:
        """Start a program that goes on."""
        self.podman("exec", "--detach", self.name, *argv)

    def call(self, function: str, **arguments: t.Any) -> t.Any:
        """Call a function of queue_inside.py there; returns what it returns."""
        said = self.podman("exec", self.name, "python3", *self._inside(function, arguments))
        return json.loads(said) if said else None

    def send(self, first: int, count: int, *domains: str, **more: t.Any) -> None:
        """Send numbered messages; returns when they are accepted."""
        self.call("send", first=first, count=count, domains=domains, **more)

    def settle(self, seconds: float = 30) -> None:
        """Wait until nothing is being delivered any more."""
        quiet = 0
        ends = time.time() + seconds
        while quiet < 2 and time.time() < ends:
            found = self.info(limit=0)["summary"]["statuses"]
            quiet = 0 if {one["name"] for one in found} & {"active", "incoming"} else quiet + 1
            time.sleep(0.5)

    def act(self, action: str, **params: t.Any) -> t.Dict[str, t.Any]:
        """What the module queue returns."""
        return self.call("act", action=action, **params)

    def info(self, **params: t.Any) -> t.Dict[str, t.Any]:
        """What the module queue_info returns."""
        return self.call("info", **params)

    def delivered(self) -> t.List[str]:
        """Lines of recipient and subject of what the destinations took."""
        return self.run("cat /tmp/sink.log").splitlines()

    def mode(self, address: str, mode: str) -> None:
        """What a destination does from now on: accept, defer, reject, stall."""
        self.run(f"echo {mode} > /tmp/mode.{address}")

    @staticmethod
    def _inside(function: str, arguments: t.Any) -> t.Tuple[str, ...]:
        script = "/opt/collections/ansible_collections/postmaster/mta/tests/lab/queue_inside.py"
        return (script, function, json.dumps(arguments))


@contextlib.contextmanager
def queue_host(version: str) -> t.Iterator[QueueHost]:
    """A relay for one test or for a file of tests."""
    host = QueueHost(Podman(), version)
    try:
        host.start()
        yield host
    finally:
        host.remove()

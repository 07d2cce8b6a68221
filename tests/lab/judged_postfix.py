# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Configurations of Postfix on a relay: what the judgement says of each, and what strangers and clients are answered."""

#: Runs on a Postfix host: an instance of its own with a listener and a resolver for each configuration, on which clients are believed.
#: Answers for each configuration: the findings of the judgement, what strangers got through, and what a client from inside was told.
PROGRAM = r'''
import json, os, shutil, socket, subprocess, sys, time
from ansible_collections.postmaster.mta.plugins.module_utils import _mta, _runner
from ansible_collections.postmaster.mta.plugins.module_utils._model import host as hosts
from ansible_collections.postmaster.mta.plugins.module_utils._module import risks
from ansible_collections.postmaster.mta.plugins.module_utils._postfix import judgement
from ansible_collections.postmaster.mta.plugins.module_utils._smtp.dialogue import Dialogue

TOP = "/var/tmp/postmaster-judged"
FIRST = 20000
OWN = {
    "compatibility_level": "3.6", "queue_directory": TOP + "/queue", "data_directory": TOP + "/data", "maillog_file": TOP + "/log",
    "maillog_file_prefixes": TOP, "inet_interfaces": "127.0.0.1", "inet_protocols": "ipv4", "myhostname": "mx.judged.test",
    "smtpd_error_sleep_time": "0", "smtpd_hard_error_limit": "10000", "smtpd_junk_command_limit": "10000", "local_recipient_maps": "",
    "virtual_mailbox_maps": "", "smtpd_reject_unlisted_recipient": "no", "smtpd_client_connection_count_limit": "0",
    "syslog_name": "judged", "smtputf8_enable": "no", "smtpd_helo_required": "yes", "smtpd_delay_reject": "yes", "alias_maps": "",
    "smtpd_peername_lookup": "no", "smtpd_policy_service_try_limit": "1",
    "default_process_limit": "4", "smtpd_milters": "", "multi_instance_enable": "no",
}
PARTS = """pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""

def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as stream:
        stream.write(text)

def lines(values):
    return "".join("%s = %s\n" % pair for pair in sorted(values.items()))

def approved(directory):
    """Return the tables that the proxymap of this configuration would look up: each one's own, since all have one here."""
    argv = ["postconf", "-c", directory, "-xh", "proxy_read_maps"]
    told = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return {word for word in told.stdout.decode().replace(",", " ").split() if word.startswith("proxy:")}

def prepare(configurations):
    main, master, proxied = [lines(OWN)], [PARTS], set()
    for number, (kind, values, files, attempts) in enumerate(configurations):
        directory = "%s/%d" % (TOP, number)
        for name, content in files.items():
            write("%s/%s" % (directory, name), content)
        values = {name: value.replace("%D", directory) for name, value in values.items()}
        own = dict(OWN, inet_interfaces="all", **values)
        write(directory + "/main.cf", lines(own))
        write(directory + "/master.cf", "25 inet n - n - - smtpd\n" + PARTS)
        proxied |= approved(directory)
        options = []
        for name, value in sorted(values.items()):
            if name.startswith(("ours", "theirs")):
                main.append("%s = %s\n" % (name, value))
            else:
                main.append("judged%d_%s = %s\n" % (number, name, value))
                options.append("-o %s=$judged%d_%s" % (name, number, name))
        own_options = ["-o rewrite_service_name=rewrite%d" % number, "-o smtpd_authorized_xclient_hosts=127.0.0.1", *options]
        master.append("rewrite%d unix - - n - - trivial-rewrite\n  %s\n" % (number, "\n  ".join(options)))
        master.append("127.0.0.1:%d inet n - n - - smtpd\n  %s\n" % (FIRST + number, "\n  ".join(own_options)))
    main.append("proxy_read_maps = %s\n" % " ".join(sorted(proxied)))
    write(TOP + "/etc/main.cf", "".join(main))
    write(TOP + "/etc/master.cf", "".join(master))
    os.makedirs(TOP + "/data")
    os.makedirs(TOP + "/queue")
    shutil.chown(TOP + "/data", "postfix")

def say(talk, line):
    return talk.command(line, line.split()[0].lower())

def log_since(start):
    try:
        with open(TOP + "/log") as stream:
            stream.seek(start)
            return stream.read()
    except OSError:
        return ""

def heard(port, attempts):
    """Return the answers, or None and why there are none: the words of the smtpd that ended, by the log of this instance alone."""
    for turn in range(12):
        start = os.path.getsize(TOP + "/log") if os.path.exists(TOP + "/log") else 0
        answers = ask(port, attempts)
        if answers is not None:
            return answers, ""
        fatal = [line for line in log_since(start).splitlines() if "/smtpd[" in line and "fatal: " in line]
        if fatal:
            return None, fatal[0].split("fatal: ", 1)[1]
    return None, ""

def ask(port, attempts):
    answers = []
    with Dialogue("127.0.0.1", port, timeout=30, timeouts={"connect": 10}) as talk:
        if not talk.connect().code:
            return None
        talk.ehlo("probe.example")
        for client, name, helo, sender, recipient in attempts:
            if not talk.is_open:
                break
            talk.rset()
            say(talk, "XCLIENT ADDR=%s NAME=%s" % (client, name))
            talk.ehlo(helo)
            step = talk.mail(sender)
            step = talk.rcpt(recipient) if step.family == 2 else step
            answers.append(str(step))
    return answers

def judge(host, number):
    directory = "%s/%d" % (TOP, number)
    there = host._replace(instance=host.instance._replace(config_directory=directory))
    return [[finding.code, finding.severity, finding.what] for finding in judgement.judged(judgement.gather(there, directory, risks.is_suffix))]

call = json.load(sys.stdin)
shutil.rmtree(TOP, ignore_errors=True)
try:
    prepare(call)
    host = _mta.find(_runner.Runner(), "postfix", None)
    subprocess.run(["postfix", "-c", TOP + "/etc", "check"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    subprocess.run(["/usr/lib/postfix/sbin/master", "-c", TOP + "/etc", "-e", "3600", "-w"], check=True)
    results = []
    inside = ("127.0.0.1", "[UNAVAILABLE]", "inside.example", "b@other.example", "c@foreign.example")
    outside = ("203.0.113.9", "mail.stranger.example", "mail.stranger.example", "a@stranger.example", "postmaster@served.example")
    for number, (kind, values, files, attempts) in enumerate(call):
        whole, fatal = heard(FIRST + number, [inside, outside] + [tuple(one) for one in attempts])
        answers = whole or []
        asked = {"inside": answers[:1], "outside": answers[1:2], "attempts": answers[2:]}
        known = whole is not None or bool(fatal)
        results.append(dict(asked, findings=judge(host, number), heard=known, fatal=fatal))
    json.dump(results, sys.stdout)
finally:
    try:
        pid = open(TOP + "/queue/pid/master.pid").read().strip()
        os.kill(int(pid), 15)
        time.sleep(0.5)
    except (OSError, ValueError):
        pass
    shutil.rmtree(TOP, ignore_errors=True)
'''

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Configurations of sendmail on a relay: what the judgement says of each, and what its own test mode says. Twin of C(judged_postfix)."""

from __future__ import annotations

#: Runs on a sendmail host. Answers for each configuration as C(judged_postfix.PROGRAM) does, with 250 for what is taken.
PROGRAM = r'''
import json, os, shutil, subprocess, sys
from ansible_collections.postmaster.mta.plugins.module_utils import _errors, _mta, _runner
from ansible_collections.postmaster.mta.plugins.module_utils._module import risks
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import cf, judgement, rulesets

TOP = "/var/lib/postmaster-judged"
HEAD = """divert(-1)dnl
divert(0)dnl
define(`_USE_ETC_MAIL_', `')dnl
include(`/usr/share/sendmail/cf/m4/cf.m4')dnl
VERSIONID(`judged')dnl
OSTYPE(`debian')dnl
define(`confDOMAIN_NAME', `mx.judged.example')dnl
define(`confCW_FILE', `-o %D/local-host-names')dnl
FEATURE(`access_db', `hash -T<TMPF> -o %D/access', `skip')dnl
FEATURE(`blocklist_recipients')dnl
DAEMON_OPTIONS(`Name=MTA, Port=25')dnl
"""

def prepare(host, directory, lines, config, rules, access):
    shutil.rmtree(directory, ignore_errors=True)
    os.makedirs(directory)
    text = HEAD + "\n".join(line + "dnl" for line in lines) + "\nMAILER(`local')dnl\nMAILER(`smtp')dnl\n"
    text += "LOCAL_CONFIG\nCwmx.judged.example judged.example\n" + "\n".join(config) + "\n"
    text += "LOCAL_RULESETS\n" + "\n".join(rules) + "\n" if rules else ""
    with open(directory + "/sendmail.cf", "w") as stream:
        # Not by our own way, which refuses what m4 warns of.
        stream.write(rulesets.with_delimiter(host.runner.run(["m4"], stdin=text.replace("%D", directory)).out))
    with open(directory + "/access", "w") as stream:
        stream.write("".join("%s\t%s\n" % tuple(pair) for pair in access))
    with open(directory + "/access") as stream:
        subprocess.run(["makemap", "hash", directory + "/access"], stdin=stream, check=True)
    open(directory + "/local-host-names", "w").close()

def question(client, name, resolved, helo, sender, recipient):
    return rulesets.Question(client, name, sender, recipient, resolved, "", helo)

def text_for(name, asked):
    texts = {"Local_check_relay": "%s $| %s" % (asked.name, asked.client), "Local_check_mail": "<%s>" % asked.sender}
    return asked._replace(text=texts.get(name, ""))

def answers(host, directory, asked):
    path = directory + "/sendmail.cf"
    with open(path) as stream:
        known = cf.parse(stream.read())
    taken = [True] * len(asked)
    for name in ("Local_check_relay", "Local_check_mail", rulesets.about_recipients(known)):
        if name.startswith("Local") and name not in known.rulesets:
            continue
        names = rulesets.DELIMITED + "," + name if name == "Local_check_relay" else name
        verdicts = rulesets.ask_all(host, path, names, [text_for(name, each) for each in asked])
        if len(verdicts) != len(asked):
            return None
        refuses = [rulesets.refused(verdict) or verdict.startswith("$# discard") for verdict in verdicts]
        taken = [before and not now for before, now in zip(taken, refuses)]
    return ["250" if yes else "554" for yes in taken]

def judged(host, number, given):
    directory = "%s/%d" % (TOP, number)
    kind, lines, config, rules, access, attempts = given
    try:
        prepare(host, directory, lines, config, rules, access)
    except _errors.PostmasterError as problem:
        return {"findings": [], "heard": False, "fatal": str(problem), "inside": [], "outside": [], "attempts": []}
    inside = ("127.0.0.1", "localhost", True, "inside.example", "b@other.example", "c@foreign.example.com")
    outside = ("203.0.113.9", "mail.stranger.example", True, "mail.stranger.example", "a@stranger.example", "postmaster@judged.example")
    told = answers(host, directory, [question(*each) for each in [inside, outside] + attempts])
    there = host._replace(instance=host.instance._replace(config_directory=directory))
    findings = [[finding.code, finding.severity, finding.what] for finding in judgement.judge(there, directory, risks.is_suffix)]
    shutil.rmtree(directory)
    told = told or []
    return {"findings": findings, "heard": bool(told), "fatal": "", "inside": told[:1], "outside": told[1:2], "attempts": told[2:]}

call = json.load(sys.stdin)
try:
    host = _mta.find(_runner.Runner(), "sendmail", None)
    json.dump([judged(host, number, given) for number, given in enumerate(call)], sys.stdout)
finally:
    shutil.rmtree(TOP, ignore_errors=True)
'''

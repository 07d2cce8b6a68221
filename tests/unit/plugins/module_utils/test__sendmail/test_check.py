# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import socket
import subprocess

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils import _scratch
from ansible_collections.postmaster.mta.plugins.module_utils._model import policy as _policy
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Rendering, Running
from ansible_collections.postmaster.mta.plugins.module_utils._runner import Result
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import cf
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import check as _check
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import discover as instance
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail.check import (
    _bind_problem,
    _certificates,
    _native_lines,
    _parsed,
    _relaying,
    _static,
    names_in,
    staged,
    stranger_for,
)
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail.rulesets import refused, verdicts_in
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail import sendmail_host as given

pytestmark = pytest.mark.usefixtures("debian")


def bt(path):
    return (given.PROGRAM, "-C", str(path), "-bt")


@pytest.mark.parametrize(
    "name, words",
    [
        ("refused-0", ["Op line: nosuch unrecognized", "[O PrivacyOptions=nosuch]"]),
        ("refused-1", ["tab expected", "[R$*    $#error]"]),
        ("refused-2", ["unknown option name NoSuchOption", "[O NoSuchOption=1]"]),
        ("refused-3", ["A= argument required", "[Mfoo, P=[IPC], F=m]"]),
    ],
)
@pytest.mark.parametrize("version", given.VERSIONS)
def test_what_sendmail_rejects_is_told_with_its_line(tmp_path, version, name, words):
    answer = given.said(version, name)
    copy = tmp_path / "sendmail.cf"
    text = given.text(version, "hardened", "sendmail.cf")
    copy.write_text(
        text
        + {
            "refused-0": "O PrivacyOptions=nosuch",
            "refused-1": "R$*    $#error",
            "refused-2": "O NoSuchOption=1",
            "refused-3": "Mfoo, P=[IPC], F=m",
        }[name]
    )
    said = Result(
        answer.argv, answer.rc, answer.out.replace("/run/x.cf", str(copy)), answer.err.replace("/run/x.cf", str(copy))
    )
    findings = _parsed(given.make_host({bt(copy): said}), str(copy), "/etc/.mail.postmaster")
    assert len(findings) == 1 and all(word in findings[0] for word in words) and str(tmp_path) not in findings[0]


def test_a_silent_failure_is_a_finding_too(tmp_path):
    host = given.make_host({bt(tmp_path / "x"): Result((), 72, "", "")})
    assert _parsed(host, str(tmp_path / "x"), "/s") == ["sendmail.cf: exit status 72"]


def test_a_good_cf_has_no_findings(tmp_path):
    said = "ADDRESS TEST MODE (ruleset 3 NOT automatically invoked)\nEnter <ruleset> <address>\n> "
    assert _parsed(given.make_host({bt(tmp_path / "x"): said}), str(tmp_path / "x"), "/s") == []


# --- who may relay --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", given.VERSIONS)
def test_verdicts_are_the_outermost_answers(version):
    verdicts = verdicts_in(given.said(version, "checkrcpt").out, "checkrcpt")
    assert len(verdicts) == 3
    assert [refused(verdict) for verdict in verdicts] == [True, False, True]


def relaying(policy, out, ruleset="checkrcpt"):
    host = given.make_host({bt("/x"): out})
    return _relaying(host, "/x", _policy.parse(policy), cf.parse(f"S{ruleset}\n"))


def answers(*verdicts):
    return "".join(
        f"> {'checkrcpt':16.16s}   input: x\n{'checkrcpt':16.16s} returns: {verdict}\n" for verdict in verdicts
    )


DENIED = '$# error $@ 5 . 7 . 1 $: "550 Relaying denied"'


def test_a_closed_relay_that_serves_its_domains_is_good():
    assert relaying({"relay": {"domains": ["a.test"]}}, answers(DENIED, "RELAY")) == []


@pytest.mark.parametrize("verdict", ["RELAY", "$# OK", "OK"])
def test_an_open_relay_is_found(verdict):
    assert "open relay" in relaying({}, answers(verdict))[0]


def test_a_served_domain_that_is_refused_is_found():
    findings = relaying({"relay": {"domains": ["a.test"]}}, answers(DENIED, DENIED))
    assert findings and findings[0].startswith("policy.relay.domains: ")


@pytest.mark.parametrize("out", ["", "garbage", answers(DENIED)])
def test_no_verdict_is_no_good_sign(out):
    assert relaying({"relay": {"domains": ["a.test"]}}, out) == ["check_rcpt: sendmail gives no verdict about relaying"]


def test_the_stranger_is_outside_of_the_networks():
    assert stranger_for(_policy.parse({})) == "203.0.113.9"
    assert stranger_for(_policy.parse({"relay": {"networks": ["203.0.0.0/8", "198.51.100.0/24"]}})) == "192.0.2.9"


# --- our own reading ------------------------------------------------------------------------------------------------


@pytest.fixture(name="static")
def _static_check(monkeypatch):
    # A daemon that is down, which is all that the listener check asks of it.
    monkeypatch.setattr(_check.daemon, "running", lambda host: Running(None, None))
    return lambda text, settings: _static(given.make_host(), cf.parse(text), Rendering({}, settings))


def test_a_misspelt_name_is_refused_with_the_nearest(static, monkeypatch, tmp_path):
    (tmp_path / "m4").mkdir()
    (tmp_path / "m4" / "cf.m4").write_text("ifdef(`confDELIVERY_MODE', `x')\n_OPTION(A, `confKNOWN_HERE')")
    monkeypatch.setattr(
        instance, "the_layout", lambda: instance.LAYOUTS[0]._replace(cf_m4=str(tmp_path / "m4" / "cf.m4"))
    )
    assert static("", {"confDELIERY_MODE": "queueonly"}) == [
        "mc.defines.confDELIERY_MODE: sendmail knows no such name; the nearest: confDELIVERY_MODE"
    ]
    assert static("", {"confKNOWN_HERE": "x"}) == []
    assert names_in(str(tmp_path)) == {"confDELIVERY_MODE", "confKNOWN_HERE"}


def test_a_setting_that_did_not_arrive_is_refused(static):
    assert "MaxHopCount" in static("O MaxHopCount=25\n", {"confMAX_HOP": "30"})[0]
    assert static("O MaxHopCount=30\n", {"confMAX_HOP": "30"}) == []


def test_addresses_and_ports_that_cannot_be_had_are_findings(static):
    assert "no interface" in static("O DaemonPortOptions=Family=inet, Addr=192.0.2.77, Port=25\n", {})[0]
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen(1)
        assert "another program" in _bind_problem("inet", "127.0.0.1", other.getsockname()[1])
    assert _bind_problem("inet", "127.0.0.1", 0) == ""


@pytest.fixture
def pair(tmp_path):
    made = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/CN=x",
        "-keyout",
        str(tmp_path / "k"),
        "-out",
        str(tmp_path / "c"),
    ]
    subprocess.check_call(made, stderr=subprocess.DEVNULL)
    (tmp_path / "k").chmod(0o600)
    return tmp_path


def certificates(directory, certificate="c", key="k"):
    return _certificates(cf.parse(f"O ServerCertFile={directory / certificate}\nO ServerKeyFile={directory / key}\n"))


def test_certificates_and_keys(pair):
    assert certificates(pair) == []
    assert "does not exist" in certificates(pair, certificate="nope")[0]
    assert "no certificate with its key" in certificates(pair, certificate="k")[0]
    (pair / "k").chmod(0o644)
    assert "may read the private key" in certificates(pair)[0]


def test_missing_authorities_and_useless_ciphers_are_findings(tmp_path):
    assert "CACertFile" in _certificates(cf.parse(f"O CACertFile={tmp_path}/nope\n"))[0]
    assert "CipherList" in _certificates(cf.parse("O CipherList=NOSUCH\n"))[0]
    assert _certificates(cf.parse("O CipherList=ECDHE-RSA-AES128-GCM-SHA256\n")) == []


# --- the shadow -----------------------------------------------------------------------------------------------------


def test_the_copy_points_into_the_stage():
    text = "Kaccess hash /etc/mail/access\nO AliasFile=/etc/mail/aliases.postmaster,/etc/mail/aliases\nO X=/etc/mailx\n"
    assert staged(text, "/etc/mail", "/etc/.mail.postmaster") == (
        "Kaccess hash /etc/.mail.postmaster/access\n"
        "O AliasFile=/etc/.mail.postmaster/aliases.postmaster,/etc/.mail.postmaster/aliases\nO X=/etc/mailx\n"
    )


def test_check_leaves_nothing_behind_when_it_fails(tmp_path, monkeypatch):
    parent = tmp_path / "run"
    parent.mkdir()
    monkeypatch.setattr(_scratch, "private_parent", lambda: str(parent))
    with pytest.raises(OSError):
        _check.check(given.make_host(), str(tmp_path / "no-stage"), _policy.parse({}), Rendering({}, {}))
    assert list(parent.iterdir()) == []


def test_a_bad_line_is_told_with_the_native_section_it_is_from(tmp_path):
    mc = "dnl --- 12\nMAILER_DEFINITIONS\nMbroken\ndnl --- 13\nLOCAL_CONFIG\nO NoSuchOption=1\n"
    blame = _native_lines(mc)
    assert blame == {"Mbroken": "mc.mailer_definitions", "O NoSuchOption=1": "mc.local_config"}
    copy = tmp_path / "sendmail.cf"
    copy.write_text("V10\nO NoSuchOption=1\n")
    out = f"{copy}: line 2: readcf: unknown option name NoSuchOption\n{copy}: Mailer broken: no path\n"
    findings = _parsed(given.make_host({bt(copy): Result((), 70, out, "")}), str(copy), "/s", blame)
    assert findings == [
        "mc.local_config: sendmail.cf: line 2: readcf: unknown option name NoSuchOption [O NoSuchOption=1]",
        "mc.mailer_definitions: sendmail.cf: Mailer broken: no path",
    ]


@pytest.mark.parametrize("live, inherited", [("O CACertFile=/nowhere/ca.pem\n", 1), ("", 0)])
def test_what_was_so_before_stops_no_urgent_change(monkeypatch, tmp_path, live, inherited):
    monkeypatch.setattr(_check.daemon, "running", lambda host: Running(None, None))
    monkeypatch.setattr(_check, "_tried", lambda *arguments: ())
    for name, text in (("live", live), ("stage", "O CACertFile=/nowhere/ca.pem\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "sendmail.cf").write_text(text)
    host = given.make_host()
    host = host._replace(instance=host.instance._replace(config_directory=str(tmp_path / "live")))
    notes = []
    arguments = (host, str(tmp_path / "stage"), _policy.parse({}), Rendering({}, {}))
    assert len(_check.check(*arguments, notes)) == 1 - inherited
    assert len(notes) == inherited
    assert len(_check.check(*arguments)) == 1

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import json

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._model import policy as _policy
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import adoption
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import read as _read
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail import sendmail_host as given

pytestmark = pytest.mark.usefixtures("debian")
TLS = {"certificate": "/etc/x/c.pem", "key": "/etc/x/k.pem"}


def read(directory, capabilities=given.CAPABILITIES):
    return _read.read(given.make_host(directory=directory, capabilities=capabilities))


def live_copy(tmp_path, version):
    for path in (given.CORPUS / version / "hardened").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def differences(one, other, path="policy"):
    """Dotted paths at which two policies differ, with both values."""
    found = []
    for name in one._values:
        a, b = one._values[name], other._values[name]
        if isinstance(a, _policy.Policy):
            found += differences(a, b, f"{path}.{name}")
        elif a != b:
            found.append((f"{path}.{name}", a, b))
    return found


@pytest.mark.parametrize("version", given.VERSIONS)
def test_the_policy_that_was_applied_is_read_back(tmp_path, version):
    said = read(live_copy(tmp_path, version))
    assert differences(given.corpus_policy(), _policy.parse(said["policy"], "none")) == []


@pytest.mark.parametrize("version", given.VERSIONS)
def test_what_is_read_is_plain_data(tmp_path, version):
    said = read(live_copy(tmp_path, version))
    assert json.loads(json.dumps(said)) == said
    assert said["unexpressed"]["options"]["SafeFileEnvironment"] == "/"
    assert "MaxHopCount" not in said["unexpressed"]["options"]


def test_hand_written_lines_count_too(tmp_path):
    live_copy(tmp_path, "8.18")
    (tmp_path / "access").write_text(
        "Connect:10.77\tRELAY\nTo:hand.test\tRELAY\nClientRate:\t10\nGreetPause:10.78 5000\n"
    )
    (tmp_path / "relay-domains").write_text("# c\n10.99.0.60\nby.name.test\n")
    policy = read(tmp_path)["policy"]
    assert policy["relay"]["networks"] == ["10.99.0.60/32", "10.77.0.0/16"]
    assert set(policy["relay"]["domains"]) == {"by.name.test", "served.test", "other.test", "hand.test"}
    assert policy["limits"]["connection_rate"] == 120
    assert {"network": "10.78.0.0/16", "delay": 5} in policy["session"]["greeting_delays"]


def test_nothing_there_reads_as_a_valid_policy(tmp_path):
    said = read(tmp_path)
    _policy.parse(said["policy"], "none")
    assert said["policy"]["tls"]["server"] == {"level": "none"}


@pytest.mark.parametrize(
    "options, expected",
    [
        ("O PrivacyOptions=goaway", (True, False, False, True)),
        ("O PrivacyOptions=goaway,noetrn", (True, False, False, False)),
        ("O PrivacyOptions=authwarnings", (False, True, True, True)),
        ("O PrivacyOptions=novrfy, needmailhelo", (True, False, True, True)),
        ("O PrivacyOptions=noetrn,noexpn\nScheck_vrfy", (False, False, False, False)),
    ],
)
def test_session_flags(tmp_path, options, expected):
    (tmp_path / "sendmail.cf").write_text(options + "\n")
    session = read(tmp_path)["policy"]["session"]
    assert (session["helo_required"], session["vrfy"], session["expn"], session["etrn"]) == expected


@pytest.mark.parametrize(
    "letters, expected",
    [
        ("g2 u2", ("normalize", True)),
        ("G U O", ("accept", True)),
        ("F", ("reject", False)),
        ("G U O F", ("accept", False)),
    ],
)
def test_line_discipline(tmp_path, letters, expected):
    (tmp_path / "access").write_text(f"Srv_Features:\t{letters}\n")
    session = read(tmp_path)["policy"]["session"]
    assert (session["bare_newline"], session["pipelining_checks"]) == expected


@pytest.mark.parametrize(
    "line, expected",
    [
        ("esmtp:[192.0.2.1]", {"host": "192.0.2.1"}),
        ("esmtp2525:[mx.test]", {"host": "mx.test", "port": 2525}),
        ("esmtp:other.test", {"host": "other.test", "mx": True}),
        ("esmtp:a.test", {}),
        ("esmtp:[IPv6:2001:db8::1]", {"host": "2001:db8::1"}),
    ],
)
def test_routes(tmp_path, line, expected):
    (tmp_path / "mailertable").write_text(f"a.test\t{line}\nb.test\terror:5.1.2:550 no\n")
    assert read(tmp_path)["policy"]["routes"]["domains"] == [dict({"domain": "a.test"}, **expected)]


@pytest.mark.parametrize(
    "lines, listen, port",
    [
        (["Name=MTA-1, Family=inet6, Port=25, M=A"], ["all"], 25),
        (["Family=inet, Addr=127.0.0.1, Port=25", "Family=inet6, Addr=::1, Port=25"], ["loopback"], 25),
        (["Family=inet, Addr=127.0.0.1, Port=2626"], ["127.0.0.1"], 2626),
        (["Family=inet6, Addr=::1, Port=2626"], ["::1"], 2626),
        (["Family=inet, Addr=192.0.2.1, Port=25", "Family=inet, Addr=127.0.0.1, Port=25"], ["192.0.2.1"], 25),
        (["Family=inet6, Port=2525", "Family=inet, Addr=127.0.0.1, Port=25"], ["all"], 2525),
        (["Name=MTA, Port=smtp"], ["all"], 25),
    ],
)
def test_listeners(tmp_path, lines, listen, port):
    (tmp_path / "sendmail.cf").write_text("".join(f"O DaemonPortOptions={line}\n" for line in lines))
    identity = read(tmp_path)["policy"]["identity"]
    assert (identity["listen"], identity["port"]) == (listen, port)


def additional(directory):
    host = given.make_host(directory=directory)
    return host._replace(instance=host.instance._replace(name="sendmail-ext", primary=False))


def test_an_additional_instance_has_its_own_queue_interval_and_all_its_listeners(tmp_path):
    (tmp_path / "postmaster.env").write_text("QUEUE_RUN=-q3m\n")
    (tmp_path / "sendmail.conf").write_text('QUEUE_INTERVAL="10m"\n')
    lines = ("192.0.2.1, Port=25", "127.0.0.1, Port=25")
    (tmp_path / "sendmail.cf").write_text("".join(f"O DaemonPortOptions=Name=a, Addr={one}\n" for one in lines))
    policy = _read.read(additional(tmp_path))["policy"]
    assert policy["queue"]["run_interval"] == 180
    assert policy["identity"]["listen"] == ["192.0.2.1", "127.0.0.1"]
    assert read(tmp_path)["policy"]["identity"]["listen"] == ["192.0.2.1"]


# --- configurations of others, a folder each -------------------------------------------------------------------------

READ = given.CORPUS / "read"


def at(said, path):
    """The value at a dotted path; None where there is none."""
    # A dot in a name is written as ~.
    for name in (word.replace("~", ".") for word in path.split(".")):
        said = said.get(name) if isinstance(said, dict) else None
    return said


@pytest.mark.parametrize("case", sorted(path.name for path in READ.iterdir()))
def test_configurations_of_others(case):
    said = read(READ / case)
    if (READ / case / "sendmail.mc").exists():
        # What m4 would make of it is what runs.
        built = (READ / case / "sendmail.cf").read_text(encoding="utf-8")
        host = given.make_host({("m4",): built}, directory=READ / case)
        said = adoption.adopt(host, said, False)._asdict()
    expected = json.loads((READ / case / "expected.json").read_text(encoding="utf-8"))
    assert {path: at(said, path) for path in expected} == expected
    _policy.parse(said["policy"], "none")


@pytest.mark.parametrize("protocols", [["ipv4"], ["ipv6"]])
@pytest.mark.parametrize("listen", [["192.0.2.1"], ["all"], ["loopback"]])
def test_protocols_and_sources_come_back(tmp_path, protocols, listen):
    if protocols == ["ipv6"] and listen == ["all"]:
        listen = ["2001:db8::1"]
    asked = {"identity": {"listen": listen, "port": 2525, "protocols": protocols}}
    options = [item for item in given.rendered(asked, baseline="none").settings.items() if "_OPTIONS" in item[0]]
    words = {"DAEMON": "DaemonPortOptions", "CLIENT": "ClientPortOptions"}
    lines = [f"O {words[name.partition('_')[0]]}={value}\n" for name, value in options]
    (tmp_path / "sendmail.cf").write_text("".join(lines))
    identity = _read.read(additional(tmp_path))["policy"]["identity"]
    assert identity["protocols"] == protocols and "send_from" not in identity


@pytest.mark.parametrize(
    "identity",
    [
        {"listen": ["all"], "send_protocols": ["ipv4"]},
        {"listen": ["all"], "send_protocols": ["ipv6"], "send_from": ["2001:db8::1"]},
        {"listen": ["all"], "protocols": ["ipv4"], "send_protocols": ["ipv4", "ipv6"]},
        {"listen": ["192.0.2.1", "2001:db8::1"], "send_protocols": ["ipv4"]},
    ],
)
def test_protocols_of_outgoing_connections_come_back(tmp_path, identity):
    options = given.rendered({"identity": {**identity, "port": 25}}, baseline="none").settings
    words = {"DAEMON": "DaemonPortOptions", "CLIENT": "ClientPortOptions"}
    lines = [f"O {words[name.partition('_')[0]]}={value}\n" for name, value in options.items() if "_OPTIONS" in name]
    (tmp_path / "sendmail.cf").write_text("".join(lines))
    read = _read.read(given.make_host(directory=tmp_path))["policy"]["identity"]
    assert {name: read[name] for name in identity} == identity
    assert ("protocols" in read) == ("protocols" in identity)

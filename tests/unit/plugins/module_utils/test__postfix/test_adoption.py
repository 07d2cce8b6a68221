# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The second reading law: what was read, written again without a baseline, changes nothing that is effective."""

import json
import re

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._model import policy as _policy
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Native
from ansible_collections.postmaster.mta.plugins.module_utils._postfix import main_cf, master_cf
from ansible_collections.postmaster.mta.plugins.module_utils._postfix.adoption import adopt
from ansible_collections.postmaster.mta.plugins.module_utils._postfix.parameters import MalformedValue, defaults, expand
from ansible_collections.postmaster.mta.plugins.module_utils._postfix.read import read
from ansible_collections.postmaster.mta.plugins.module_utils._postfix.render import render
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix.postfix_host import (
    CORPUS,
    VERSIONS,
    make_host,
    recorded,
)

CASES = sorted(path for path in (CORPUS / "cases").iterdir())
#: Lists that may move into a table, and what one option says in two ways: the reader must find the same in them.
IN_OTHER_WORDS = {
    "mydestination",
    "relay_domains",
    "mynetworks",
    "transport_maps",
    "smtp_tls_policy_maps",
    "alias_maps",
}
IN_OTHER_WORDS |= {
    f"{side}_{name}" for side in ("smtp", "smtpd") for name in ("use_tls", "enforce_tls", "tls_security_level")
}
ITSELF = ("127.0.0.0/8", "::1/128", "::ffff:7f00:0/104", "::ffff:127.0.0.0/104")
HOUSEKEEPING = ("compatibility_level", "myhostname", "mydomain", "alias_maps")
#: A number of seconds may be written as 300s or as 5m; the reader compares those.
TIME = re.compile(r"_(timeout|lifetime|delay|time|unit)\Z")


def content(path):
    return path.read_bytes() if path.exists() else None


def a_host(directory, case, version):
    (directory / "master.cf").write_bytes(recorded(version, "master.cf"))
    for path in case.iterdir():
        (directory / path.name).write_text(path.read_text().replace("@DIR@", str(directory)))
    return make_host(version, directory)


def expected(case):
    return json.loads((case / "expected.json").read_text())


def apply(host, directory, adopted):
    policy = _policy.parse(adopted.policy, "none")
    rendering = render(host, policy, Native(**adopted.natives), lambda name: content(directory / name))
    for name, file in rendering.files.items():
        if file.content is not None:
            (directory / name).write_bytes(file.content)


def own_values(directory):
    return main_cf.parse((directory / "main.cf").read_bytes()).values


def rest_of(own, name):
    return {key: value for key, value in own.items() if key != name}


def effective(host, own, names):
    values = {**defaults(host.runner), **own}
    if values["smtpd_forbid_bare_newline"] == "yes":
        values["smtpd_forbid_bare_newline"] = "normalize"
    return {name: expanded(values.get(name, ""), values).lower().replace(",", " ").split() for name in names}


def expanded(value, values):
    try:
        return expand(value, values)
    except MalformedValue:
        return value


def in_order(value):
    if isinstance(value, dict):
        return {name: in_order(part) for name, part in value.items()}
    # The host itself is always among its networks, however they are written.
    return sorted((item for item in value if item not in ITSELF), key=str) if isinstance(value, list) else value


def services(directory):
    return master_cf.parse((directory / "master.cf").read_bytes()).services


BOTH = [(case, False) for case in CASES] + [(case, True) for case in CASES[::6]]


@pytest.mark.parametrize("case, every", BOTH, ids=lambda value: getattr(value, "name", value))
def test_what_was_read_changes_nothing_when_it_is_applied(tmp_path, case, every):
    host = a_host(tmp_path, case, "3.10.13")
    found, before, services_before = read(host), own_values(tmp_path), services(tmp_path)
    adopted = adopt(host, found, every)
    assert sorted(adopted.natives.get("master", {})) == expected(case).get("services", [])
    apply(host, tmp_path, adopted)
    after = own_values(tmp_path)
    names = {name for name in {**before, **after} if name not in IN_OTHER_WORDS and not TIME.search(name)}
    assert effective(host, after, names) == effective(host, before, names)
    assert services(tmp_path) == services_before
    again = read(host)
    assert in_order(again["policy"]) == in_order(found["policy"])
    assert sorted(again["unexpressed"]) == sorted(found["unexpressed"])


@pytest.mark.parametrize("case", CASES[::6], ids=lambda path: path.name)
def test_every_parameter_that_is_set_is_said_somewhere(tmp_path, case):
    """The third law, from the other side: without the line, something that was said is different."""
    host = a_host(tmp_path, case, "3.10.13")
    own = own_values(tmp_path)
    said = adopt(host, read(host), False)
    for name, value in own.items():
        if name in HOUSEKEEPING or effective(host, rest_of(own, name), [name]) == effective(host, own, [name]):
            continue
        (tmp_path / "main.cf").write_text("".join(f"{key} = {text}\n" for key, text in rest_of(own, name).items()))
        without = adopt(host, read(host), False)
        assert without != said, f"{name} = {value}"


def test_an_unchanged_package_has_no_natives(tmp_path):
    for version in VERSIONS:
        for name in ("main.cf", "master.cf"):
            (tmp_path / name).write_bytes(recorded(version, name))
        host = make_host(version, tmp_path)
        natives = adopt(host, read(host), False).natives
        assert set(natives) <= {"main"}, natives
        assert set(natives.get("main", {})) <= {
            "recipient_delimiter",
            "smtp_tls_CApath",
            "smtpd_relay_restrictions",
            "smtpd_tls_security_level",
            "smtpd_tls_cert_file",
            "mailbox_size_limit",
        }, natives


def test_a_list_with_tabs_is_one_line_and_a_next_hop_without_a_domain_stays(tmp_path):
    host = a_host(tmp_path, CORPUS / "cases" / "set-twice", "3.10.13")
    own = "permit_mynetworks,\n\treject_invalid_helo_hostname,\n\treject_non_fqdn_helo_hostname,\n\tpermit"
    with (tmp_path / "main.cf").open("a") as stream:
        stream.write(f"smtpd_helo_restrictions = {own}\nrelayhost = [store]\n")
    adopted = adopt(host, read(host), False)
    assert adopted.natives["main"]["smtpd_helo_restrictions"] == " ".join(own.split())
    assert adopted.natives["main"]["relayhost"] == "[store]"


MASTER = """\
smtp      inet  n       -       y       -       -       smtpd
  -o smtpd_tls_security_level=none
submission inet n       -       y       -       5       smtpd
  -o smtpd_sasl_auth_enable=yes
  -o { smtpd_client_restrictions = permit_sasl_authenticated, reject }
127.0.0.1:10025 inet n  -       n       -       -       smtpd
smtp      unix  -       -       y       -       -       smtp
filter    unix  -       n       n       -       10      pipe
  flags=Rq user=filter argv=/usr/local/bin/filter -f ${sender} -- ${recipient}
"""


def test_services_of_others_are_natives(tmp_path):
    host = a_host(tmp_path, CORPUS / "cases" / "old-tls-switches", "3.10.13")
    (tmp_path / "master.cf").write_text(MASTER)
    found = read(host)
    # An option of the service is stronger than main.cf on the port that the world sees.
    assert found["policy"]["tls"]["server"]["level"] == "none"
    assert "smtpd_tls_security_level" in found["unexpressed"]
    natives = adopt(host, found, False).natives["master"]
    assert sorted(natives) == ["127.0.0.1:10025/inet", "filter/unix", "smtp/inet", "submission/inet"]
    assert natives["smtp/inet"] == {"command": "smtpd", "options": {"smtpd_tls_security_level": "none"}}
    assert natives["submission/inet"]["options"] == {
        "smtpd_sasl_auth_enable": "yes",
        "smtpd_client_restrictions": "permit_sasl_authenticated, reject",
    }
    assert natives["filter/unix"]["command"].startswith("pipe flags=Rq user=filter argv=/usr/local/bin/filter")
    before = services(tmp_path)
    apply(host, tmp_path, adopt(host, found, True))
    assert services(tmp_path) == before


def test_a_secret_is_named_and_not_shown(tmp_path):
    host = a_host(tmp_path, CORPUS / "cases" / "set-twice", "3.10.13")
    with (tmp_path / "main.cf").open("a") as stream:
        stream.write("smtp_sasl_password_maps = static:relay:hunter2\n")
    adopted = adopt(host, read(host), False)
    assert "hunter2" not in repr(adopted)
    assert "smtp_sasl_password_maps" in adopted.unexpressed


def test_a_native_setting_that_wins_over_an_option_is_named(tmp_path):
    host = a_host(tmp_path, CORPUS / "cases" / "relay-domains-are-local", "3.10.13")
    adopted = adopt(host, read(host), True)
    assert adopted.shadowed["relay.domains"] == "main.relay_domains"


def test_a_broken_main_cf_is_named(tmp_path):
    host = a_host(tmp_path, CORPUS / "cases" / "set-twice", "3.10.13")
    (tmp_path / "main.cf").write_text("myhostname = a.example\nnonsense\n")
    assert "nonsense" in adopt(host, read(host), False).unexpressed["main.cf"]

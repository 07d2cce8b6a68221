# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils import _proc
from ansible_collections.postmaster.mta.plugins.module_utils._errors import PostmasterError
from ansible_collections.postmaster.mta.plugins.module_utils._model import policy as _policy
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Activation, File, Native, Rendering
from ansible_collections.postmaster.mta.plugins.module_utils._postfix import daemon, master
from ansible_collections.postmaster.mta.plugins.module_utils._postfix.render import render
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix.postfix_host import (
    VERSIONS,
    make_host,
    over,
    reader,
    recorded,
)


def activation(main, master=None, version="3.10.13", live=None):
    native = Native(main=main, master=master or {})
    host = make_host(version)
    current = reader(version, live or {})
    return daemon.activation(host, current, render(host, _policy.parse({}, "none"), native, current))


@pytest.mark.parametrize(
    "main,kind,because",
    [
        ({}, "nothing", ()),
        ({"smtpd_banner": "x"}, "reload", ("smtpd_banner",)),
        ({"inet_interfaces": "127.0.0.1", "smtpd_banner": "x"}, "restart", ("inet_interfaces",)),
        ({"inet_interfaces": None}, "reload", ("inet_interfaces",)),
        ({"inet_protocols": "ipv4"}, "restart", ("inet_protocols",)),
        ({"queue_directory": "/elsewhere"}, "restart", ("queue_directory",)),
        ({"inet_interfaces": " , all".strip(" ,")}, "nothing", ()),
    ],
)
def test_only_what_a_reload_ignores_restarts(main, kind, because):
    assert activation(main) == Activation(kind, because)


def test_a_name_behind_an_address_counts():
    live = {"main.cf": b"myhostname = a.test\ninet_interfaces = $myhostname\nx = 1\n"}
    assert activation({"myhostname": "b.test"}, live=live).kind == "restart"


def test_a_port_needs_a_reload_only():
    assert activation({}, {"smtp/inet": {"state": "absent"}, "2525/inet": {"command": "smtpd"}}) == Activation(
        "reload", ("2525/inet", "smtp/inet")
    )


MAIN = """
transport_maps = hash:$config_directory/routes
virtual_alias_maps = lmdb:/etc/postfix/virtual
smtpd_sender_restrictions = check_sender_access hash:$config_directory/senders
smtpd_helo_restrictions = check_helo_access proxy:hash:$config_directory/helo
smtpd_client_restrictions = check_client_access cidr:$config_directory/clients
relay_domains = ${config_directory}/served
ours = hash:$config_directory/more
mydestination = $ours
"""


@pytest.mark.parametrize(
    "name, because",
    [
        ("senders", ()),
        ("routes", ("hash:routes",)),
        ("virtual", ("lmdb:virtual",)),
        ("helo", ("hash:helo",)),
        ("clients", ("cidr:clients",)),
        ("served", ("relay_domains:served",)),
        ("more", ("hash:more",)),
        ("submission", ("cidr:submission",)),
    ],
)
def test_a_table_needs_a_reload_where_the_daemons_do_not_look_before_the_next_client(name, because):
    """What decides a class or a next hop is asked of trivial-rewrite(8), and smtpd(8) keeps the answer."""
    host = make_host("3.10.13")
    main = recorded("3.10.13", "main.cf") + MAIN.encode()
    services = b"submission inet n - y - - smtpd -o smtpd_client_restrictions=check_client_access,cidr:/etc/postfix/submission\n"
    live = {"main.cf": main, "master.cf": services, name: b"old"}
    wished = {"main.cf": File(main), name: File(b"new")}
    kind = "reload" if because else "nothing"
    assert daemon.activation(host, live.get, Rendering(wished, {})) == Activation(kind, because)


def test_a_second_rendering_needs_nothing():
    host = make_host("3.10.13")
    first = render(host, _policy.parse({}), Native(), reader("3.10.13"))
    assert daemon.activation(host, reader("3.10.13"), first).kind == "reload"
    current = over(reader("3.10.13"), first)
    assert daemon.activation(host, current, render(host, _policy.parse({}), Native(), current)).kind == "nothing"


@pytest.fixture(name="master")
def _master(monkeypatch):
    """A master process that can be there or not, with or without a systemd unit."""

    class Master:
        pid = 4711
        unit = None
        up = True

    monkeypatch.setattr(master, "find_master", lambda path: Master.pid)
    monkeypatch.setattr(_proc, "service_unit", lambda pid: Master.unit)
    monkeypatch.setattr(master, "comes_up", lambda find: Master.up)
    monkeypatch.setattr(master, "ends", lambda pid: True)
    monkeypatch.setattr(daemon, "_CHROOT_SCRIPTS", ())
    return Master


def commands(kind):
    host = make_host("3.10.13", extra={("postfix", ...): "", ("systemctl", ...): ""})
    before = len(host.runner.calls)
    daemon.activate(host, Activation(kind))
    return host.runner.calls[before:]


def test_a_reload_is_for_this_instance_alone(master):
    assert commands("reload") == [("postfix", "-c", "/etc/postfix", "reload")]


def test_a_restart_goes_to_the_service_manager_that_started_it(master):
    master.unit = "postfix@-.service"
    assert commands("restart") == [("systemctl", "restart", "postfix@-.service")]


def test_without_a_service_manager_postfix_restarts_itself(master):
    assert [argv[-1] for argv in commands("restart")] == ["stop", "start"]


def test_what_was_down_stays_down(master):
    master.pid = None
    assert commands("restart") == commands("reload") == []


def test_nothing_is_nothing(master):
    assert commands("nothing") == []


def test_a_postfix_that_does_not_come_up_is_an_error(master):
    master.up = False
    with pytest.raises(PostmasterError, match="does not answer after the reload"):
        commands("reload")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_host_that_is_not_running_is_seen_so(version, tmp_path):
    host = make_host(version, tmp_path)
    host = host._replace(instance=host.instance._replace(queue_directories=(str(tmp_path),)))
    assert daemon.running(host).pid is None

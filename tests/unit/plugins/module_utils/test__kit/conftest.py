# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A kit below a directory of the test's own, and a log that it reads."""

import datetime

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._kit import places, reading

#: The time of the first line of the log.
BEGIN = 1796018400.0


@pytest.fixture(name="root")
def _root(tmp_path, monkeypatch):
    for name in ("UNITS", "STAMPS"):
        (tmp_path / name).mkdir()
        monkeypatch.setattr(places, name, str(tmp_path / name))
    (tmp_path / "cron.d").mkdir()
    monkeypatch.setattr(places, "CRON", str(tmp_path / "cron.d" / "kit"))
    monkeypatch.setattr(places, "ROOT", str(tmp_path / "kit"))
    return tmp_path


class MailLog:
    """A log of Postfix that grows; I(now) is the time of its last line."""

    def __init__(self, path):
        self.path = path
        self.now = BEGIN
        self.count = 0
        path.write_text("")

    def deliver(self, number=1, seconds=60, message_id="", status="sent (250 ok)", domain="ok.test"):
        """Write so many messages from beginning to end, one every I(seconds)."""
        for dummy in range(number):
            self.count += 1
            self.now += seconds
            queue_id = f"4F{self.count:08X}"
            sent = message_id or f"m{self.count}@a.test"
            for tag, text in (
                ("smtpd[1]", f"{queue_id}: client=c[192.0.2.1]"),
                ("cleanup[2]", f"{queue_id}: message-id=<{sent}>"),
                ("qmgr[3]", f"{queue_id}: from=<anna@a.test>, size=1000, nrcpt=1 (queue active)"),
                (
                    "smtp[4]",
                    f"{queue_id}: to=<bert@{domain}>, relay=mx[192.0.2.2]:25, delay=2.5, delays=0/0/1/1.5, dsn=2.0.0, status={status}",
                ),
                ("qmgr[3]", f"{queue_id}: removed"),
            ):
                self.write(tag, text)

    def write(self, tag, text):
        stamp = datetime.datetime.fromtimestamp(self.now, datetime.timezone.utc).strftime(
            "%Y-%m-%dT%H:%M:%S.000000+00:00"
        )
        with self.path.open("a") as stream:
            stream.write(f"{stamp} mx1 postfix/{tag}: {text}\n")

    def rotate(self):
        """Begin a new file, as logrotate does."""
        self.path.rename(self.path.with_name(self.path.name + ".1"))
        self.path.write_text("")


@pytest.fixture(name="log")
def _log(root, monkeypatch):
    log = MailLog(root / "mail.log")
    monkeypatch.setattr(reading.sources, "discover", lambda _runner: (str(log.path),))
    return log

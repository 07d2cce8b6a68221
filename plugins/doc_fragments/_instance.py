# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the options that both MTAs' additional instances have.

Private to the collection: it can change at any time.
"""

from __future__ import annotations


class ModuleDocFragment:
    """The options of C(postfix_instance) and C(sendmail_instance)."""

    DOCUMENTATION = r"""
options:
  name:
    description:
      - The name of the instance, which is also the name of its log lines.
    type: str
    required: true
  config_directory:
    description:
      - Its configuration directory; without it, C(/etc/) and the name. One that is there and holds a configuration is adopted as it is.
    type: path
  queue_directory:
    description:
      - Its queue directory. Without it, an instance that is there keeps its own, and a new one gets a directory in C(/var/spool)
        that is called like its configuration directory.
      - An instance that is there is never moved to another queue directory, because its mail would stay behind.
    type: path
  listen:
    description:
      - The addresses that it listens on, or V(all), or V(loopback). Without it they are left alone; a new Postfix instance then listens nowhere.
      - Addresses that this host does not have, or that another instance or another program has, are refused before anything is changed.
    type: list
    elements: str
  port:
    description:
      - The port that it listens on.
    type: int
    default: 25
  state:
    description:
      - V(present) sees to it that the instance is there; whether it runs is left alone.
      - V(started) has it run, now and after each boot.
      - V(stopped) has it not run, neither now nor after a boot. No process of it is left, whoever started it.
      - V(absent) stops it and removes its configuration, queue and data directories, and its unit. O(mail) says what becomes of its mail.
    type: str
    choices: [present, started, stopped, absent]
    default: started
  mail:
    description:
      - What O(state=absent) does with mail that is in the queue.
      - V(refuse) removes nothing then and says how many messages there are.
      - V(keep) leaves the directories of the instance where they are, mail and configuration. A later O(state=started) takes them up again.
      - V(delete) deletes the mail.
    type: str
    choices: [refuse, keep, delete]
    default: refuse
  by:
    description:
      - Who makes the change, for the account of the primary instance, where what is done is written down.
    type: str
  ticket:
    description:
      - The ticket of the change, for the account.
    type: str
  confirm:
    description:
      - The time within which M(postmaster.mta.confirm) must confirm the change, such as V(10m), on the primary instance. Otherwise the host
        brings the instance back to what it was, or removes it where there was none. It needs no controller for that, and a restart of the
        host does not stop it. Mail that it has taken stays in its queue directory. Needs systemd.
      - With O(state=absent) it needs O(mail=keep), since files that are removed do not come back.
    type: str
  lock_timeout:
    description:
      - Seconds to wait for another run that is changing instances on this host.
    type: float
    default: 60
"""

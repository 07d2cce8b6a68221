# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stands in every sendmail.mc of ours, whatever the policy says: includes, mailers, features, the places of an instance.

Private to the collection: it can change at any time.
"""

from .._model.host import File
from . import discover, mc
from .draft import Draft


def apply(draft: Draft) -> None:
    """Put the frame into the draft."""
    _header(draft)
    if not draft.host.instance.primary:
        _own_places(draft)
    # The distribution's domain file keeps a directory of host states that nothing cleans.
    draft.defines["confHOST_STATUS_DIRECTORY"] = None
    _features(draft)
    _tables(draft)


def word_list(*words: str) -> File:
    """Return a class file with one word a line."""
    return File("".join(f"{word}\n" for word in words).encode("ascii"))


def _header(draft: Draft) -> None:
    draft.statement("header", "define", "_USE_ETC_MAIL_", "")
    if not draft.host.instance.primary:
        draft.statement("header", "define", "MAIL_SETTINGS_DIR", mc.safe("name", f"{draft.directory}/"))
    draft.statement("header", "include", draft.layout.cf_m4)
    draft.statement("header", "VERSIONID", "postmaster.mta")
    draft.statement("ostype", "OSTYPE", draft.layout.ostype)
    if draft.layout.domain:
        draft.statement("domain", "DOMAIN", draft.layout.domain)
    for mailer in ("local", "smtp"):
        draft.statement("mailers", "MAILER", mailer)


def _features(draft: Draft) -> None:
    draft.feature("no_default_msa")
    draft.feature("use_cw_file")
    draft.feature("nouucp", "reject")
    draft.feature("nocanonify")
    renamed = draft.host.capabilities.version >= (8, 16)
    draft.feature("blocklist_recipients" if renamed else "blacklist_recipients")
    draft.feature("delay_checks", "friend", "n")


def _tables(draft: Draft) -> None:
    kind = draft.host.capabilities.default_table_type
    draft.feature("access_db", f"{kind} -T<TMPF> -o {draft.path('access')}", "skip")
    draft.feature("mailertable", f"{kind} -o {draft.path('mailertable')}")


def _own_places(draft: Draft) -> None:
    """Set what an additional instance must not share with the primary one; it shares the help text and the host's aliases."""
    instance = draft.host.instance
    draft.define("QUEUE_DIR", instance.queue_directories[0])
    draft.define("confPID_FILE", _pid_file(draft))
    draft.define("STATUS_FILE", f"/var/lib/sendmail/{instance.name}.st")
    draft.define("confDEAD_LETTER_DROP", f"/var/lib/sendmail/{instance.name}.dead.letter")
    draft.define("confPROCESS_TITLE_PREFIX", instance.name)
    draft.defines["confCONTROL_SOCKET_NAME"] = None
    draft.define("ALIAS_FILE", draft.aliases)
    if draft.current("helpfile") is None:
        draft.define("HELP_FILE", f"{discover.CONFIG_DIRECTORY}/helpfile")
    if draft.current("local-host-names") is None:
        # Without this file sendmail does not start.
        draft.files["local-host-names"] = word_list()


def _pid_file(draft: Draft) -> str:
    """Return the pid file that the instance has; else one in the directory that its unit makes for it."""
    present = draft.live_cf().value("PidFile")
    if present and present != draft.layout.pid_file:
        return present
    return f"/run/{draft.host.instance.name}/sendmail.pid"

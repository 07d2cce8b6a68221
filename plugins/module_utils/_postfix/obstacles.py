# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings that are right by themselves, and that ordinary mail does not pass (twin of C(_sendmail.obstacles)).

Private to the collection: it can change at any time.
"""

import re
import typing as t

from .._model.finding import ERROR, NOTICE, WARNING
from . import restrictions
from .admission import LISTS, Admission, Session

#: Hosts that mail passes on its way to a relay, bytes of a short message with its header.
_HOPS, _MESSAGE, _HEADER = 5, 10000, 1000
#: Seconds that the other side may take for an answer, and that it waits for ours (RFC 5321, 4.5.3.2).
_SOONEST, _LATEST = 5, 300
_HOUR, _DAY = 3600, 86400
_TIME = re.compile(r"([0-9]+)([smhdw]?)\Z")
_SECONDS = {"s": 1, "m": 60, "h": _HOUR, "d": _DAY, "w": 7 * _DAY}
_CUT_OFF = "who thinks for a moment is cut off"
_RARELY = "what could not be delivered at once is hardly tried again"
#: Levels of smtp_tls_security_level, with how bad each is where it holds for every host on the Internet.
_DEMANDS = {
    "encrypt": NOTICE,
    "verify": WARNING,
    "secure": ERROR,
    "dane-only": ERROR,
    "fingerprint": ERROR,
}
_CERTIFICATES = ("smtpd_tls_cert_file", "smtpd_tls_eccert_file", "smtpd_tls_dcert_file", "smtpd_tls_chain_files")
_RECIPIENTS = ("anybody@foreign.example", "somebody.else@foreign.example.com")


class Obstacle(t.NamedTuple):
    """A setting that stops mail: the code of a finding, and what the finding says."""

    code: str
    name: str
    value: str
    consequence: str
    severity: str = ERROR


class _Bound(t.NamedTuple):
    """A number that must not be smaller, or not be larger; 0 is no bound, and is no limit as a value."""

    least: int
    most: int
    consequence: str


_BOUNDS = {
    "hopcount_limit": _Bound(_HOPS, 0, "mail that has passed a few hosts is returned"),
    "message_size_limit": _Bound(_MESSAGE, 0, "nearly every message is larger, and is refused"),
    "header_size_limit": _Bound(_HEADER, 0, "the header of nearly every message is cut off"),
    "smtpd_timeout": _Bound(_SOONEST, 0, _CUT_OFF),
    "smtp_helo_timeout": _Bound(_SOONEST, 0, _CUT_OFF),
    "smtp_mail_timeout": _Bound(_SOONEST, 0, _CUT_OFF),
    "smtp_rcpt_timeout": _Bound(_SOONEST, 0, _CUT_OFF),
    "smtp_data_init_timeout": _Bound(_SOONEST, 0, _CUT_OFF),
    "smtp_data_xfer_timeout": _Bound(_SOONEST, 0, _CUT_OFF),
    "smtp_data_done_timeout": _Bound(_SOONEST, 0, _CUT_OFF),
    "queue_run_delay": _Bound(0, _DAY, _RARELY),
    "minimal_backoff_time": _Bound(0, _DAY, _RARELY),
    "default_destination_rate_delay": _Bound(0, _HOUR - 1, "a destination gets one message an hour, or fewer"),
    "smtp_destination_rate_delay": _Bound(0, _HOUR - 1, "a destination gets one message an hour, or fewer"),
}


def tight(admission: Admission, names: t.Container[str], capacity: int) -> t.Iterator[Obstacle]:
    """Yield limits that ordinary mail does not keep.

    :param names: the parameters to look at.
    :param capacity: the bytes of the file system of the queue; 0 where that is not known.
    """
    for name, bound in _BOUNDS.items():
        number = _number(admission.text(name)) if name in names else 0
        if 0 < number < bound.least or (bound.most and number > bound.most):
            yield Obstacle("too_tight", name, admission.text(name), bound.consequence)
    free = _number(admission.text("queue_minfree")) if "queue_minfree" in names else 0
    if capacity and free > capacity:
        consequence = "the file system of the queue is smaller, so all mail is refused"
        yield Obstacle("too_tight", "queue_minfree", admission.text("queue_minfree"), consequence)
    if "maximal_queue_lifetime" in names and admission.text("maximal_queue_lifetime").rstrip("smhdw") == "0":
        consequence = "mail is returned when the first attempt fails, as it does at greylisting"
        yield Obstacle("too_tight", "maximal_queue_lifetime", "0", consequence, WARNING)


def _number(text: str) -> int:
    """Return a number, or a time in seconds; 0 where it is neither."""
    match = _TIME.match(text.strip())
    return int(match.group(1)) * _SECONDS.get(match.group(2), 1) if match else 0


def waiting(admission: Admission, session: Session) -> t.Iterator[Obstacle]:
    """Yield lists that let a client wait longer than it does."""
    for name in LISTS:
        passed = admission.passed(name, session)
        sleeps = [element for element in passed if element.startswith("sleep ")]
        if sum(_number(element[len("sleep ") :]) for element in sleeps) >= _LATEST:
            yield Obstacle("refuses_everybody", name, ", ".join(sleeps), "no client waits that long for an answer")


def demanded(admission: Admission, port: t.Optional[int], session: Session) -> t.Iterator[Obstacle]:
    """Yield what a listener demands of the session, and the clients of its port do not have."""
    if port == 25 and admission.text("smtpd_tls_wrappermode") == "yes":
        consequence = "clients of port 25 begin in clear text, and get no greeting"
        yield Obstacle("refuses_everybody", "smtpd_tls_wrappermode", "yes", consequence)
    name, value = _plaintext_refused(admission, session)
    if not name:
        return
    if not _has_tls(admission):
        severity = ERROR if port == 25 else WARNING
        consequence = "TLS is demanded, and cannot be had without a certificate"
        yield Obstacle("refuses_everybody", name, value, consequence, severity)
    elif port == 25:
        consequence = "clients without TLS are refused, which a server for everybody must not do (RFC 3207)"
        yield Obstacle("demands_encryption", name, value, consequence, NOTICE)
    if port == 25 and admission.text("smtpd_tls_req_ccert") == "yes" and _server_level(admission) == "encrypt":
        consequence = "who has no certificate of an authority that is trusted here is refused"
        yield Obstacle("refuses_everybody", "smtpd_tls_req_ccert", "yes", consequence)


def _plaintext_refused(admission: Admission, session: Session) -> t.Tuple[str, str]:
    """Return the parameter that refuses mail in clear text, with its value; nothing where none does."""
    if _server_level(admission) == "encrypt":
        name = "smtpd_tls_security_level" if admission.text("smtpd_tls_security_level") else "smtpd_enforce_tls"
        return name, admission.text(name)
    for name in (*LISTS, "smtpd_data_restrictions"):
        if "reject_plaintext_session" in admission.passed(name, session):
            return name, "reject_plaintext_session"
    return "", ""


def _server_level(admission: Admission) -> str:
    """Return the level of TLS of a listener, by the old names as well."""
    level = admission.text("smtpd_tls_security_level")
    if level:
        return level
    if admission.text("smtpd_enforce_tls") == "yes":
        return "encrypt"
    return "may" if admission.text("smtpd_use_tls") == "yes" else "none"


def _has_tls(admission: Admission) -> bool:
    return _server_level(admission) != "none" and any(admission.text(name) for name in _CERTIFICATES)


def demanding(admission: Admission) -> t.Iterator[Obstacle]:
    """Yield a demand of encryption that holds for every host on the Internet."""
    if admission.text("relayhost"):
        return
    for name, value in _levels(admission):
        level = value.split(None, 1)[0].lower() if value.strip() else ""
        if level in _DEMANDS:
            consequence = "mail to every host that does not meet it is deferred"
            yield Obstacle("demands_encryption", name, value, consequence, _DEMANDS[level])
        if level:
            return


def _levels(admission: Admission) -> t.Iterator[t.Tuple[str, str]]:
    """Yield the levels of TLS to every host, that which comes first first."""
    for table in admission.words("smtp_tls_policy_maps"):
        value = _of_all(admission, table, [_domain(address) for address in _RECIPIENTS])
        if value:
            yield "smtp_tls_policy_maps", value
    yield "smtp_tls_security_level", admission.text("smtp_tls_security_level")
    if admission.text("smtp_enforce_tls") == "yes":
        yield "smtp_enforce_tls", "verify" if admission.text("smtp_tls_enforce_peername") == "yes" else "encrypt"


def _domain(address: str) -> str:
    return address.rpartition("@")[2]


def _of_all(admission: Admission, table: str, subjects: t.Sequence[str]) -> str:
    """Return what a table has for each of some subjects alike; empty where that differs, or depends on the subject."""
    values = {admission.tables.find(table, [subject], subject) or "" for subject in subjects}
    value = values.pop()
    return "" if values or "$" in value else value


def rewriting(admission: Admission) -> t.Iterator[Obstacle]:
    """Yield tables that make one recipient of all."""
    tables = [("virtual_alias_maps", "")]
    tables += [("canonical_maps", "canonical_classes"), ("recipient_canonical_maps", "")]
    for name, classes in tables:
        if classes and "envelope_recipient" not in admission.words(classes):
            continue
        for table in admission.words(name):
            value = _of_all(admission, table, _RECIPIENTS)
            if value:
                yield Obstacle("rewrites_everything", name, table, f"all mail goes to {value}")


def proxied(admission: Admission, port: t.Optional[int], command: str) -> t.Iterator[Obstacle]:
    """Yield a listener that expects a proxy before it, and can be reached without one."""
    name = f"{command}_upstream_proxy_protocol"
    value = admission.text(name)
    if value:
        consequence = "clients are refused without the proxy's line, and who sends one may say that he is any client"
        yield Obstacle("trusts_everybody", name, value, consequence, ERROR if port == 25 else WARNING)


#: What the program of a service is for, where mail passes only with it: the condition, how bad it is, and what happens.
class Need(t.NamedTuple):
    """A service that must be there."""

    name: str
    consequence: str
    severity: str = ERROR


_ALWAYS = ("cleanup", "qmgr", "rewrite", "bounce", "defer", "retry", "error")
_PASSES = "no mail passes without it"


def needs(whole: Admission, admissions: t.Sequence[Admission]) -> t.Iterator[Need]:
    """Yield the services that mail needs with a configuration.

    :param admissions: those of the listeners.
    """
    yield from (Need(name, _PASSES) for name in _ALWAYS)
    yield Need("pickup", "mail of the programs on this host stays where sendmail(1) has left it")
    yield Need("trace", "mail whose sender asks for a receipt is deferred")
    yield Need("anvil", "every client waits, and no limit of clients holds", WARNING)
    yield Need("showq", "nobody can list the queue", WARNING)
    every = (whole, *admissions)
    if any("proxy:" in admission.text(name) for admission in every for name in _LOOKED_UP):
        yield Need("proxymap", "the tables that it looks up cannot be read, and mail is deferred")
    if any(_is_verifying(admission) for admission in admissions):
        yield Need("verify", "addresses that must be verified are deferred")
    if any(_server_level(admission) != "none" for admission in admissions) or whole.text("smtp_tls_security_level"):
        demands = any(_server_level(admission) == "encrypt" for admission in admissions) or any(demanding(whole))
        yield Need("tlsmgr", "there is no TLS without it", ERROR if demands else WARNING)
    if whole.text("maillog_file"):
        yield Need("postlog", "nothing is logged", WARNING)


#: The parameters with tables that smtpd(8), cleanup(8) or trivial-rewrite(8) look up for nearly every message.
_LOOKED_UP = (
    *restrictions.LISTS,
    *("mydestination", "relay_domains", "virtual_alias_domains", "virtual_mailbox_domains", "mynetworks"),
    *("virtual_alias_maps", "virtual_mailbox_maps", "local_recipient_maps", "relay_recipient_maps", "transport_maps"),
    *("canonical_maps", "recipient_canonical_maps", "sender_canonical_maps"),
)
_VERIFYING = ("reject_unverified_recipient", "reject_unverified_sender")


def _is_verifying(admission: Admission) -> bool:
    return any(word in _VERIFYING for name in LISTS for word in restrictions.elements(admission.text(name)))

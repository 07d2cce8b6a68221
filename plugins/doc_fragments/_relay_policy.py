# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the relay policy.

Private to the collection: it can change at any time.

Written by tools/policy_docs.py from the table in plugins/module_utils/_model/policy.py: change it there.
"""

from __future__ import annotations


class ModuleDocFragment:
    """The option C(policy)."""

    DOCUMENTATION = r"""
options:
  policy:
    description:
    - The relay policy. What it says is done on Postfix and on sendmail alike; what the MTA at hand cannot do is
      refused.
    type: dict
    suboptions:
      identity:
        description:
        - Who this relay is.
        type: dict
        suboptions:
          hostname:
            description:
            - The relay's own name, in the greeting, in EHLO and in Received headers.
            type: str
          banner:
            description:
            - Words after C(hostname ESMTP) in the greeting; say no product and no version.
            type: str
          listen:
            description:
            - Addresses to listen on, or V(all), or V(loopback).
            - Baseline is C(all).
            type: list
            elements: str
          port:
            description:
            - The port to listen on.
            - Baseline is C(25).
            type: int
          protocols:
            description:
            - IP versions; without it those that the host has.
            type: list
            elements: str
            choices:
            - ipv4
            - ipv6
          send_from:
            description:
            - Source addresses of outgoing connections, one for each IP version.
            type: list
            elements: str
          send_protocols:
            description:
            - IP versions of outgoing connections; without it those of O(policy.identity.protocols).
            type: list
            elements: str
            choices:
            - ipv4
            - ipv6
          local_domains:
            description:
            - Domains whose mail is delivered here, besides the host name.
            - Baseline is C(none).
            type: list
            elements: str
      relay:
        description:
        - Who may relay; everything else is refused.
        type: dict
        suboptions:
          networks:
            description:
            - Clients that may send anywhere, besides the host itself.
            - Baseline is C(none).
            type: list
            elements: str
          clients:
            description:
            - 'Other clients that may send anywhere. In all else they stay strangers: no limit or check is lifted.'
            type: list
            elements: dict
            suboptions:
              networks:
                description:
                - Clients by their address.
                type: list
                elements: str
              names:
                description:
                - 'Clients by their name: DNS must give the name for the address, and the address for the name.'
                type: list
                elements: str
              certificates:
                description:
                - Clients by the SHA-256 fingerprint of the certificate that they show in the TLS session.
                type: list
                elements: str
              senders:
                description:
                - Envelope senders, addresses or whole domains. These clients may then send anywhere with one of
                  these only.
                type: list
                elements: str
              forgeable:
                description:
                - With V(true) the senders may stand alone. Anybody can write any sender, so this lets strangers
                  relay.
                type: bool
          domains:
            description:
            - Domains that everybody may send to through this relay.
            - Baseline is C(none).
            type: list
            elements: str
          subdomains:
            description:
            - Let O(policy.relay.domains) stand for their subdomains as well.
            - Baseline is C(false).
            type: bool
      routes:
        description:
        - Where mail goes.
        type: dict
        suboptions:
          default:
            description:
            - Where mail goes that no other route takes; without it, where DNS says.
            type: dict
            suboptions:
              mx:
                description:
                - Look the MX records of the next hop up; without it the host itself is connected to.
                type: bool
              host:
                description:
                - The next hop, a name or an address; without one, the domain's own MX.
                type: str
              hosts:
                description:
                - 'Several next hops in the place of one: each is tried when those before it do not answer.'
                type: list
                elements: str
              port:
                description:
                - The port of the next hop.
                type: int
              esmtp:
                description:
                - 'With V(false) say HELO and no extension of SMTP: no TLS, no SIZE, no 8BITMIME.'
                type: bool
              protocols:
                description:
                - IP versions of these connections; Postfix only.
                type: list
                elements: str
                choices: &id001
                - ipv4
                - ipv6
              send_from:
                description:
                - Source addresses of these connections, one for each IP version; Postfix only.
                type: list
                elements: str
              action:
                description:
                - 'In the place of a next hop: refuse such recipients, take their mail and drop it, or keep it in
                  the queue untried. The other recipients of a message are not concerned.'
                type: str
                choices: &id002
                - reject
                - discard
                - hold
              text:
                description:
                - The words of the refusal, for the action V(reject).
                type: str
          domains:
            description:
            - Routes by recipient domain.
            type: list
            elements: dict
            suboptions:
              domain:
                description:
                - The recipient domain.
                type: str
                required: true
              subdomains:
                description:
                - Take the domain's subdomains as well.
                type: bool
              mx:
                description:
                - Look the MX records of the next hop up; without it the host itself is connected to.
                type: bool
              host:
                description:
                - The next hop, a name or an address; without one, the domain's own MX.
                type: str
              hosts:
                description:
                - 'Several next hops in the place of one: each is tried when those before it do not answer.'
                type: list
                elements: str
              port:
                description:
                - The port of the next hop.
                type: int
              esmtp:
                description:
                - 'With V(false) say HELO and no extension of SMTP: no TLS, no SIZE, no 8BITMIME.'
                type: bool
              protocols:
                description:
                - IP versions of these connections; Postfix only.
                type: list
                elements: str
                choices: *id001
              send_from:
                description:
                - Source addresses of these connections, one for each IP version; Postfix only.
                type: list
                elements: str
              action:
                description:
                - 'In the place of a next hop: refuse such recipients, take their mail and drop it, or keep it in
                  the queue untried. The other recipients of a message are not concerned.'
                type: str
                choices: *id002
              text:
                description:
                - The words of the refusal, for the action V(reject).
                type: str
          addresses:
            description:
            - Routes of single recipients; they come before those of domains.
            type: list
            elements: dict
            suboptions:
              address:
                description:
                - The recipient's address.
                type: str
                required: true
              mx:
                description:
                - Look the MX records of the next hop up; without it the host itself is connected to.
                type: bool
              host:
                description:
                - The next hop, a name or an address; without one, the domain's own MX.
                type: str
              hosts:
                description:
                - 'Several next hops in the place of one: each is tried when those before it do not answer.'
                type: list
                elements: str
              port:
                description:
                - The port of the next hop.
                type: int
              esmtp:
                description:
                - 'With V(false) say HELO and no extension of SMTP: no TLS, no SIZE, no 8BITMIME.'
                type: bool
              protocols:
                description:
                - IP versions of these connections; Postfix only.
                type: list
                elements: str
                choices: *id001
              send_from:
                description:
                - Source addresses of these connections, one for each IP version; Postfix only.
                type: list
                elements: str
              action:
                description:
                - 'In the place of a next hop: refuse such recipients, take their mail and drop it, or keep it in
                  the queue untried. The other recipients of a message are not concerned.'
                type: str
                choices: *id002
              text:
                description:
                - The words of the refusal, for the action V(reject).
                type: str
          senders:
            description:
            - Routes by envelope sender, for recipients that no route by recipient takes.
            type: list
            elements: dict
            suboptions:
              sender:
                description:
                - 'The envelope sender: an address, or a domain for all addresses in it.'
                type: str
                required: true
              mx:
                description:
                - Look the MX records of the next hop up; without it the host itself is connected to.
                type: bool
              host:
                description:
                - The next hop, a name or an address; without one, the domain's own MX.
                type: str
              hosts:
                description:
                - 'Several next hops in the place of one: each is tried when those before it do not answer.'
                type: list
                elements: str
              port:
                description:
                - The port of the next hop.
                type: int
              esmtp:
                description:
                - 'With V(false) say HELO and no extension of SMTP: no TLS, no SIZE, no 8BITMIME.'
                type: bool
              protocols:
                description:
                - IP versions of these connections; Postfix only.
                type: list
                elements: str
                choices: *id001
              send_from:
                description:
                - Source addresses of these connections, one for each IP version; Postfix only.
                type: list
                elements: str
              action:
                description:
                - 'In the place of a next hop: refuse such recipients, take their mail and drop it, or keep it in
                  the queue untried. The other recipients of a message are not concerned.'
                type: str
                choices: *id002
              text:
                description:
                - The words of the refusal, for the action V(reject).
                type: str
      recipients:
        description:
        - Which recipients exist in the domains that are relayed.
        type: dict
        suboptions:
          domains:
            description:
            - Domains whose recipients are known; others get 550 5.1.1. The postmaster always exists.
            type: list
            elements: dict
            suboptions:
              domain:
                description:
                - A domain of O(policy.relay.domains). One without a row here takes every recipient.
                type: str
                required: true
              users:
                description:
                - What stands before the @ in each address that exists; without it the addresses in the tables.
                type: list
                elements: str
          tables:
            description:
            - Lookup tables with more such addresses as keys, of the module M(postmaster.mta.table).
            type: list
            elements: str
      rewrite:
        description:
        - Other addresses for senders and recipients, in all mail that passes, whoever sends it.
        type: dict
        suboptions:
          senders:
            description:
            - Senders that get another address; recipients stay.
            type: list
            elements: dict
            suboptions:
              match:
                description:
                - An address, or a domain for all its addresses.
                type: str
                required: true
              to:
                description:
                - The address that takes its place, or the domain; the part before the C(@) then stays.
                type: str
                required: true
          recipients:
            description:
            - Recipients that get another address; senders stay.
            type: list
            elements: dict
            suboptions:
              match:
                description:
                - An address, or a domain for all its addresses.
                type: str
                required: true
              to:
                description:
                - The address that takes its place, or the domain; the part before the C(@) then stays.
                type: str
                required: true
          domains:
            description:
            - Domains that get another name, and are served where that is.
            type: list
            elements: dict
            suboptions:
              domain:
                description:
                - The domain as it comes.
                type: str
                required: true
              to:
                description:
                - The domain that takes its place.
                type: str
                required: true
          masquerade:
            description:
            - Senders that hide the name of their host.
            type: dict
            suboptions:
              domains:
                description:
                - Senders below one of these domains get the domain itself.
                type: list
                elements: str
              except:
                description:
                - The parts before the C(@) of senders that stay as they are.
                type: list
                elements: str
          headers:
            description:
            - Rewrite the headers of the message as well; without it yes. Else the envelope alone.
            type: bool
      session:
        description:
        - Discipline in the SMTP session.
        type: dict
        suboptions:
          helo_required:
            description:
            - Refuse MAIL before HELO or EHLO.
            - Baseline is C(true).
            type: bool
          helo_checks:
            description:
            - Refuse strangers whose HELO name is no name or is the relay's own.
            - Baseline is C(true).
            type: bool
          vrfy:
            description:
            - Answer VRFY.
            - Baseline is C(false).
            type: bool
          expn:
            description:
            - Answer EXPN.
            - Baseline is C(false).
            type: bool
          etrn:
            description:
            - Let strangers start queue runs with ETRN.
            - Baseline is C(false).
            type: bool
          pipelining_checks:
            description:
            - Refuse clients that talk before it is their turn.
            - Baseline is C(true).
            type: bool
          bare_newline:
            description:
            - Lines that end in a bare LF or CR, the door of SMTP smuggling.
            - Baseline is C(reject).
            type: str
            choices:
            - reject
            - normalize
            - accept
          bare_newline_exceptions:
            description:
            - Clients whose bare newlines are taken, for printers and scripts of the house.
            type: list
            elements: str
          missing_headers:
            description:
            - What happens to a message without Date, Message-Id or From.
            - Baseline is C(add).
            type: str
            choices:
            - add
            - leave
          operator_characters:
            description:
            - Characters at which an address is parted; sendmail only.
            type: str
          nul:
            description:
            - Messages with NUL bytes.
            - Baseline is C(reject).
            type: str
            choices:
            - reject
            - accept
          sender_domain_exists:
            description:
            - Refuse envelope senders whose domain has neither MX nor address record.
            - Baseline is C(true).
            type: bool
          require_ptr:
            description:
            - Refuse strangers whose address has no name in DNS.
            type: bool
          special_addresses:
            description:
            - 'With V(false) refuse recipients with routing in them from strangers: bang paths and the percent hack.'
            type: bool
          smtputf8:
            description:
            - Offer SMTPUTF8 (RFC 6531). Blocks written in A-labels do not see U-labels.
            - Baseline is C(false).
            type: bool
          greeting_delay:
            description:
            - How long every client waits for the greeting; who talks earlier is refused.
            - Baseline is C(0s).
            type: str
          greeting_delays:
            description:
            - Other delays for some clients.
            type: list
            elements: dict
            suboptions:
              network:
                description:
                - The clients.
                type: str
                required: true
              delay:
                description:
                - How long they wait for the greeting; 0s exempts them.
                type: str
                required: true
      limits:
        description:
        - Limits. Clients of O(policy.relay.networks) are exempt from the per-client ones, except for O(policy.limits.trusted).
        type: dict
        suboptions:
          message_size:
            description:
            - The largest message; V(0) is no limit.
            - Baseline is C(25M).
            type: str
          recipients_per_message:
            description:
            - Recipients per message; RFC 5321 4.5.3.1.8 demands 100.
            - Baseline is C(100).
            type: int
          header_size:
            description:
            - The largest message header.
            - Baseline is C(100k).
            type: str
          hops:
            description:
            - Received headers after which a message is a loop.
            - Baseline is C(30).
            type: int
          connections_per_client:
            description:
            - Simultaneous connections of one client; V(0) is no limit.
            - Baseline is C(20).
            type: int
          connection_rate:
            description:
            - New connections of one client per minute; V(0) is no limit.
            - Baseline is C(120).
            type: int
          message_rate:
            description:
            - Messages of one client per minute; V(0) is no limit.
            type: int
          recipient_rate:
            description:
            - Recipients of one client per minute; V(0) is no limit.
            type: int
          processes:
            description:
            - Simultaneous SMTP server processes.
            - Baseline is C(100).
            type: int
          destination_concurrency:
            description:
            - Simultaneous connections to one destination; Postfix only.
            type: int
          trusted:
            description:
            - Limits of clients of O(policy.relay.networks). Postfix counts them and strangers alike.
            type: dict
            suboptions:
              connections:
                description:
                - New connections of one such client per minute.
                type: int
              messages:
                description:
                - Messages of one such client per minute; Postfix only.
                type: int
              recipients:
                description:
                - Recipients of one such client per minute; Postfix only.
                type: int
              exempt:
                description:
                - Clients that no limit holds for, wherever they are.
                type: list
                elements: str
          free_space:
            description:
            - Free space of the queue's file system below which mail is deferred.
            - Baseline is C(100M).
            type: str
      timeouts:
        description:
        - Timeouts of the SMTP client, and of the server where it says so (RFC 5321 4.5.3.2).
        type: dict
        suboptions:
          connect:
            description:
            - TCP connection to the next hop.
            - Baseline is C(30s).
            type: str
          greeting:
            description:
            - The next hop's greeting.
            - Baseline is C(60s).
            type: str
          helo:
            description:
            - The answer to EHLO or HELO.
            - Baseline is C(60s).
            type: str
          mail:
            description:
            - The answer to MAIL.
            - Baseline is C(60s).
            type: str
          rcpt:
            description:
            - The answer to RCPT.
            - Baseline is C(60s).
            type: str
          data_init:
            description:
            - The answer to DATA.
            - Baseline is C(120s).
            type: str
          data_block:
            description:
            - Sending one piece of the message.
            - Baseline is C(180s).
            type: str
          data_final:
            description:
            - The answer to the final dot; below 10m it makes duplicates (RFC 5321 4.5.3.2.6).
            - Baseline is C(600s).
            type: str
          rset:
            description:
            - The answer to RSET.
            - Baseline is C(20s).
            type: str
          quit:
            description:
            - The answer to QUIT.
            - Baseline is C(60s).
            type: str
          misc:
            description:
            - The answer to other commands. Postfix sends one, XFORWARD, where its natives say so.
            type: str
          starttls:
            description:
            - The TLS handshake.
            - Baseline is C(60s).
            type: str
          command:
            description:
            - How long the server waits for a client's next command.
            - Baseline is C(300s).
            type: str
          ident:
            description:
            - How long to ask the client's ident service; V(0s) is never.
            - Baseline is C(0s).
            type: str
      load:
        description:
        - Load thresholds; V(0) is off.
        type: dict
        suboptions:
          delay:
            description:
            - 'Load average from which a client waits a second: at each command of sendmail, at the greeting of
              Postfix.'
            type: int
          queue:
            description:
            - Load average from which mail is only queued.
            type: int
          refuse:
            description:
            - Load average from which connections are refused; Postfix says so with 421, and not to loopback.
            type: int
      tls:
        description:
        - TLS.
        type: dict
        suboptions:
          server:
            description:
            - TLS as a server; O(policy.tls.server.level) is V(may) where a certificate is given, else V(none).
            type: dict
            suboptions:
              level:
                description:
                - Whether STARTTLS is offered or demanded.
                type: str
                choices:
                - none
                - may
                - encrypt
              certificate:
                description:
                - The certificate chain, PEM.
                type: path
              key:
                description:
                - Its private key, PEM, readable by root only.
                type: path
              minimum:
                description:
                - The oldest protocol.
                - Baseline is C(TLSv1.2).
                type: str
                choices:
                - TLSv1.2
                - TLSv1.3
              ciphers:
                description:
                - Ciphers for TLS 1.2, as OpenSSL lists them.
                - 'Baseline is C(ECDHE-ECDSA-AES128-GCM-SHA256 : ECDHE-RSA-AES128-GCM-SHA256 : ECDHE-ECDSA-AES256-GCM-SHA384
                  : ECDHE-RSA-AES256-GCM-SHA384 : ECDHE-ECDSA-CHACHA20-POLY1305 : ECDHE-RSA-CHACHA20-POLY1305 :
                  DHE-RSA-AES128-GCM-SHA256 : DHE-RSA-AES256-GCM-SHA384).'
                type: str
          client:
            description:
            - TLS as a client.
            type: dict
            suboptions:
              level:
                description:
                - What is demanded of other servers.
                - Baseline is C(may).
                type: str
                choices:
                - none
                - may
                - encrypt
                - dane
              certificate:
                description:
                - A client certificate, PEM.
                type: path
              key:
                description:
                - Its private key, PEM.
                type: path
              ca_file:
                description:
                - Trusted certificate authorities, PEM. Without it the system's.
                type: path
              minimum:
                description:
                - The oldest protocol.
                - Baseline is C(TLSv1.2).
                type: str
                choices:
                - TLSv1.2
                - TLSv1.3
              ciphers:
                description:
                - Ciphers for TLS 1.2, as OpenSSL lists them.
                - 'Baseline is C(ECDHE-ECDSA-AES128-GCM-SHA256 : ECDHE-RSA-AES128-GCM-SHA256 : ECDHE-ECDSA-AES256-GCM-SHA384
                  : ECDHE-RSA-AES256-GCM-SHA384 : ECDHE-ECDSA-CHACHA20-POLY1305 : ECDHE-RSA-CHACHA20-POLY1305 :
                  DHE-RSA-AES128-GCM-SHA256 : DHE-RSA-AES256-GCM-SHA384).'
                type: str
          domains:
            description:
            - Other demands for some domains.
            type: list
            elements: dict
            suboptions:
              domain:
                description:
                - The recipient domain, or the next hop where one is set.
                type: str
                required: true
              level:
                description:
                - What is demanded of the connection to it.
                type: str
                choices:
                - none
                - may
                - encrypt
                - verify
                required: true
              minimum:
                description:
                - The oldest protocol for it.
                type: str
                choices:
                - TLSv1.2
                - TLSv1.3
      aliases:
        description:
        - Local names to where their mail goes; they come before the system's aliases.
        - 'Baseline is C(postmaster: root, abuse: postmaster, mailer-daemon: postmaster).'
        type: dict
      queue:
        description:
        - How long mail is kept and how often it is tried.
        type: dict
        suboptions:
          lifetime:
            description:
            - After this a message is returned to its sender.
            - Baseline is C(5d).
            type: str
          bounce_lifetime:
            description:
            - After this a bounce that nobody takes is thrown away.
            - Baseline is C(1d).
            type: str
          warning_time:
            description:
            - After this the sender is told that the message is late; V(0s) is never.
            - Baseline is C(4h).
            type: str
          retry_minimum:
            description:
            - The shortest time between two attempts.
            - Baseline is C(5m).
            type: str
          retry_maximum:
            description:
            - The longest time between two attempts.
            type: str
          run_interval:
            description:
            - How often the queue is scanned.
            - Baseline is C(5m).
            type: str
      notices:
        description:
        - Who hears of mail that could not be delivered, besides its sender.
        type: dict
        suboptions:
          double_bounces:
            description:
            - Who gets a bounce that its recipient does not take.
            - Baseline is C(postmaster).
            type: str
          copies_to:
            description:
            - Who gets a copy of the header of each message that is returned.
            type: str
          delays_to:
            description:
            - Who gets a copy of the header of each message whose sender is told that it is late; Postfix only.
            type: str
          mime:
            description:
            - Write bounces in MIME format, with a part for programs.
            - Baseline is C(true).
            type: bool
      log:
        description:
        - Logging.
        type: dict
        suboptions:
          tls:
            description:
            - A summary line for each TLS session.
            - Baseline is C(true).
            type: bool
          level:
            description:
            - How much is logged for each message.
            - Baseline is C(normal).
            type: str
            choices:
            - normal
            - verbose
"""

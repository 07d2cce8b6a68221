# A relay that grew over the years: old switches, files, tables, an extra listener, a milter, a filter transport.
cd /etc/postfix || exit 1
printf '127.0.0.0/8\n192.0.2.0/24\n[2001:db8::]/32\n' > trusted
printf 'served.test x\nother.test x\n' > relayed
printf 'a.test smtp:[mx.a.test]:2525\nb.test relay:[mx.b.test]\n.c.test smtp:mx.c.test\nd.test error:5.1.2 gone\n' > transport
printf 'old@served.test new@served.test\n' > virtual
printf 'sec.test encrypt protocols=>=TLSv1.2\n' > tls_policy
printf 'spammer.test REJECT\n' > senders
for table in relayed transport virtual tls_policy senders; do postmap "hash:/etc/postfix/$table"; done
postconf -e 'myhostname = relay.hand.test' 'mydestination = $myhostname, localhost.$mydomain, localhost, hand.test' \
  'mynetworks = /etc/postfix/trusted' 'relay_domains = hash:/etc/postfix/relayed' 'transport_maps = hash:/etc/postfix/transport' \
  'virtual_alias_maps = hash:/etc/postfix/virtual' 'relayhost = [smtp.isp.test]' 'smtp_use_tls = yes' \
  'smtp_tls_policy_maps = hash:/etc/postfix/tls_policy' 'message_size_limit = 20000000' 'maximal_queue_lifetime = 3d' \
  'smtpd_timeout = 200s' 'smtpd_banner = $myhostname ESMTP mail' 'smtpd_helo_required = yes' \
  'smtpd_sender_restrictions = check_sender_access hash:/etc/postfix/senders, reject_unknown_sender_domain' \
  'smtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination, reject_rbl_client bl.hand.test' \
  'smtpd_client_connection_rate_limit = 50' 'header_checks = regexp:/etc/postfix/headers' 'recipient_delimiter = +' \
  'local_header_rewrite_clients = permit_mynetworks' 'milter_default_action = accept'
printf '/^X-Bad:/ REJECT bad\n' > headers
postconf -M 'submission/inet=submission inet n - y - - smtpd'
postconf -P 'submission/inet/smtpd_client_connection_count_limit=5' 'submission/inet/syslog_name=postfix/submission'
postconf -M 'filter/unix=filter unix - n n - 3 pipe flags=Rq user=nobody argv=/bin/cat ${sender} ${recipient}'
postfix reload

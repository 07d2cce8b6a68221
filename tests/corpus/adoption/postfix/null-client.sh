# A machine that only hands its own mail on.
postconf -e 'myhostname = web1.hand.test' 'myorigin = hand.test' 'mydestination =' 'inet_interfaces = loopback-only' \
  'relayhost = mail.hand.test:587' 'mynetworks = 127.0.0.0/8' 'local_transport = error:local delivery is disabled' \
  'smtp_generic_maps = static:root@hand.test' 'disable_vrfy_command = yes'
postfix reload

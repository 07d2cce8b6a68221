# A relay with its own mc: smart host, virtual users, masquerading, block lists, a milter, an own mailer, a ruleset.
cat > /etc/mail/sendmail.mc <<'M'
divert(0)dnl
include(`/usr/share/sendmail/cf/m4/cf.m4')dnl
VERSIONID(`hand made')
OSTYPE(`debian')dnl
DOMAIN(`debian-mta')dnl
define(`confDOMAIN_NAME', `relay.hand.test')dnl
define(`SMART_HOST', `[smtp.isp.test]')dnl
define(`confMAX_MESSAGE_SIZE', `20000000')dnl
define(`confTO_QUEUERETURN', `3d')dnl
define(`confPRIVACY_FLAGS', `goaway,restrictqrun')dnl
define(`confTO_IDENT', `0')dnl
DAEMON_OPTIONS(`Family=inet, Name=MTA, Port=smtp')dnl
DAEMON_OPTIONS(`Family=inet, Name=MSA, Port=587, M=Ea, Addr=127.0.0.1')dnl
FEATURE(`no_default_msa')dnl
FEATURE(`use_cw_file')dnl
FEATURE(`access_db')dnl
FEATURE(`blocklist_recipients')dnl
FEATURE(`mailertable', `hash -o /etc/mail/mailertable')dnl
FEATURE(`virtusertable', `hash -o /etc/mail/virtusertable')dnl
FEATURE(`genericstable', `hash -o /etc/mail/genericstable')dnl
FEATURE(`dnsbl', `bl.one.test', `"550 listed: " $&{client_addr}')dnl
FEATURE(`dnsbl', `bl.two.test')dnl
GENERICS_DOMAIN(`hand.test')dnl
MASQUERADE_AS(`hand.test')dnl
MASQUERADE_DOMAIN(`inside.test')dnl
EXPOSED_USER(`root')dnl
INPUT_MAIL_FILTER(`clam', `S=inet:8894@127.0.0.1, F=T, T=S:4m;R:4m')dnl
MAILER(`local')dnl
MAILER(`smtp')dnl
MAILER_DEFINITIONS
Mslow,	P=[IPC], F=mDFMuXa, S=EnvFromSMTP/HdrFromSMTP, R=EnvToSMTP, E=\r\n, L=990, T=DNS/RFC822/SMTP, A=TCP $h 2525
LOCAL_CONFIG
Kpairs hash -o /etc/mail/pairs
LOCAL_RULESETS
SLocal_check_rcpt
R$* < @ bad.test > $*	$#error $@ 5.7.1 $: "550 never"
M
printf '127.0.0.1\tRELAY\n192.0.2\tRELAY\nConnect:198.51.100.5\tRELAY\nTo:served.test\tRELAY\nspammer.test\tREJECT\nClientRate:\t10\nTLS_Rcpt:sec.test\tENCR:112\n' > /etc/mail/access
printf '10.20\nby.name.test\nserved2.test\n' > /etc/mail/relay-domains
printf 'relay.hand.test\nhand.test\n[10.25.0.14]\n' > /etc/mail/local-host-names
printf 'a.test\tesmtp:[mx.a.test]\n.a.test\tesmtp:[mx.a.test]\nb.test\tsmtp:mx.b.test\nc.test\terror:5.1.2:550 gone\n.d.test\trelay:[mx.d.test]\n' > /etc/mail/mailertable
printf 'info@hand.test\troot\n' > /etc/mail/virtusertable
printf 'joe\tjoe.doe@hand.test\n' > /etc/mail/genericstable
cd /etc/mail; for f in access mailertable virtusertable genericstable; do makemap hash $f < $f; done
m4 sendmail.mc > sendmail.cf && systemctl restart sendmail

# A short mc, as many relays have it.
cat > /etc/mail/sendmail.mc <<'M'
include(`/usr/share/sendmail/cf/m4/cf.m4')dnl
OSTYPE(`debian')dnl
DOMAIN(`debian-mta')dnl
define(`MAIL_HUB', `hub.hand.test')dnl
define(`confLOG_LEVEL', `14')dnl
FEATURE(nouucp,reject)
FEATURE(`relay_entire_domain')
FEATURE(`access_db', `hash -T<TMPF> /etc/mail/access')
MAILER(local)
MAILER(smtp)
M
printf 'Connect:10.20\tRELAY\n' > /etc/mail/access
cd /etc/mail && makemap hash access < access && m4 sendmail.mc > sendmail.cf && systemctl restart sendmail

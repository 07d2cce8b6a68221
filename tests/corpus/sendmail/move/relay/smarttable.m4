divert(-1)
LOCAL_CONFIG
Ksmarttable hash -o /etc/mail/smarttable
LOCAL_NET_CONFIG
R$* < @ $+ > $*	$: < $(smarttable $&f $: $) > $1 < @ $2 > $3
R< $- : $+ > $* < @ $+ > $*	$# $1 $@ $2 $: $3 < @ $4 > $5
R< $* > $* < @ $+ > $*	$: $2 < @ $3 > $4
divert(0)

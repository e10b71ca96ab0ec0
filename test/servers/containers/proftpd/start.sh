. /watched-user.sh
certificate
times=off
[ "$TZ" != UTC ] || times=on
# The one setting that cannot be read from the environment: it must be known when its line is parsed.
grep -q ^TimesGMT /etc/proftpd/proftpd.conf || echo "TimesGMT $times" >>/etc/proftpd/proftpd.conf
exec proftpd --nodaemon

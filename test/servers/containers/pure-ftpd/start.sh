. /watched-user.sh
certificate
# Pure-FTPd wants key and certificate in one file.
(umask 077 && cat /etc/watched.key /etc/watched.pem >/etc/watched-both.pem)
# By default it says no more than 10,000 entries, five directories deep.
exec pure-ftpd --login unix --noanonymous --minuid 1 --chrooteveryone --dontresolve --ipv4only \
  --syslogfacility none --maxclientsnumber "$MAX_SESSIONS" --maxclientsperip "$MAX_SESSIONS" \
  --limitrecursion "${LIMIT_RECURSION:-100000000:100}" --passiveportrange "$PASSIVE_MIN:$PASSIVE_MAX" \
  --forcepassiveip "$PASSIVE_ADDRESS" --tls 1 --certfile /etc/watched-both.pem

. /watched-user.sh
certificate
mkdir -p /var/run/vsftpd/empty
local_times=YES
[ "$TZ" != UTC ] || local_times=NO
exec vsftpd /etc/vsftpd.conf -opasv_min_port="$PASSIVE_MIN" -opasv_max_port="$PASSIVE_MAX" \
  -opasv_address="$PASSIVE_ADDRESS" -omax_clients="$MAX_SESSIONS" -ouse_localtime="$local_times"

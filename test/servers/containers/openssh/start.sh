. /watched-user.sh
# The key that the test knows, or one of the container's own; kept while the container lives.
key=/etc/ssh/ssh_host_ed25519_key
if [ ! -e "$key" ]; then
  if [ -n "${HOST_KEY:-}" ]; then
    (umask 077 && printf "%s" "$HOST_KEY" >"$key")
  else
    ssh-keygen -q -t ed25519 -N "" -f "$key"
  fi
fi
mkdir -p /run/sshd
exec /usr/sbin/sshd -D -e

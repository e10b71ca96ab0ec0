# Sourced by every start.sh: the watched user and the server's settings, from the container's environment.
# The user sees their home as `/` and can write in `/data` alone, the watched tree.
set -eu
: "${WATCHED_USERNAME:=partner}" "${WATCHED_PASSWORD:=partner}" "${WATCHED_UID:=1000}" "${WATCHED_GID:=1000}"
: "${PASSIVE_PORTS:=30000-30009}" "${PASSIVE_ADDRESS:=127.0.0.1}" "${MAX_SESSIONS:=200}" "${TZ:=UTC}"
PASSIVE_MIN=${PASSIVE_PORTS%-*}
PASSIVE_MAX=${PASSIVE_PORTS#*-}
export PASSIVE_MIN PASSIVE_MAX PASSIVE_ADDRESS MAX_SESSIONS TZ

home=/srv/watched
# A container that is started again has its user already.
if ! id "$WATCHED_USERNAME" >/dev/null 2>&1; then
  groupadd -o -g "$WATCHED_GID" "$WATCHED_USERNAME"
  useradd -o -u "$WATCHED_UID" -g "$WATCHED_GID" -M -d "$home" -s /bin/sh "$WATCHED_USERNAME"
  printf '%s:%s\n' "$WATCHED_USERNAME" "$WATCHED_PASSWORD" | chpasswd
  mkdir -p "$home/data"
  chown "$WATCHED_UID:$WATCHED_GID" "$home/data"
fi

# Signed by itself, so that it is its own authority; named for the host, and for the container's own network.
certificate() {
  [ -e /etc/watched.pem ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \
    -subj /CN=localhost -addext "subjectAltName=DNS:localhost,DNS:$(hostname),IP:127.0.0.1" \
    -keyout /etc/watched.key -out /etc/watched.pem 2>/dev/null
}

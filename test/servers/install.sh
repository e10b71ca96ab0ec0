#!/usr/bin/env bash
# Installs the FTP and SFTP servers that the tests start, on Debian as root. Safe to run again; quick when all is there.
#
# The Debian packages of FTP servers conflict with one another, so vsftpd is installed and the others are unpacked
# below FARWATCH_TEST_SERVERS, with the libraries that they need installed by apt. Nothing is left running or enabled.
# Sessions run as the user `farwatch-test`, so that an unreadable directory is unreadable although the tests are root.
# Its password is random, and stays in a file that only root can read.
set -euo pipefail

folder=${FARWATCH_TEST_SERVERS:-/opt/farwatch-test-servers}
user=farwatch-test
export DEBIAN_FRONTEND=noninteractive
PATH=/usr/local/sbin:/usr/sbin:/sbin:$PATH

if [ "$(id -u)" -ne 0 ]; then
  echo 'install.sh: needs root: run it with sudo' >&2
  exit 1
fi

found() { [ -x "$folder/usr/sbin/$1" ] || command -v "$1" >/dev/null 2>&1; }

# policy-rc.d 101 forbids maintainer scripts to start services (invoke-rc.d(8)).
policy=/usr/sbin/policy-rc.d
saved=
restore_policy() {
  if [ -n "$saved" ]; then
    cp -a "$saved/policy-rc.d" "$policy" 2>/dev/null || rm -f "$policy"
    rm -rf "$saved"
  fi
}
forbid_services() {
  saved=$(mktemp -d)
  [ ! -e "$policy" ] || cp -a "$policy" "$saved/policy-rc.d"
  trap restore_policy EXIT
  rm -f "$policy"
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
}

apt_install() { apt-get install -y -q --no-install-recommends --no-remove -o Dpkg::Use-Pty=0 "$@"; }

# A unit that we installed must not start at the next boot either.
disable() {
  if command -v systemctl >/dev/null 2>&1; then systemctl disable "$1" >/dev/null 2>&1 || true; fi
}

# The libraries named in a package's Depends, without the servers themselves and their helpers.
libraries() {
  dpkg-deb -f "$1" Depends | tr ',' '\n' | sed 's/|.*//; s/(.*//; s/ //g' | grep -E '^(lib|zlib)'
}

unpack() {
  local work deb
  work=$(mktemp -d)
  # apt's sandbox user must be able to write here.
  chown _apt "$work" 2>/dev/null || true
  (cd "$work" && apt-get download -q "$@")
  mkdir -p "$folder"
  for deb in "$work"/*.deb; do
    # shellcheck disable=SC2046
    apt_install $(libraries "$deb")
    dpkg-deb -x "$deb" "$folder"
  done
  rm -rf "$work"
}

wanted=()
for tool in openssl:openssl ssh-keygen:openssh-client sshd:openssh-server; do
  found "${tool%%:*}" || wanted+=("${tool##*:}")
done
unpacked=()
# --no-remove: another FTP server of this machine stays, and then vsftpd is unpacked like the rest.
if ! found vsftpd; then
  if dpkg-query -W -f '${Provides} ${db:Status-Abbrev}\n' 2>/dev/null | grep -E 'ftp-server.* ii' >/dev/null; then
    unpacked+=(vsftpd)
  else
    wanted+=(vsftpd)
  fi
fi
found proftpd && [ -e "$folder/usr/lib/proftpd/mod_sftp.so" -o -e /usr/lib/proftpd/mod_sftp.so ] ||
  unpacked+=(proftpd-core proftpd-mod-crypto)
found pure-ftpd || unpacked+=(pure-ftpd)

if [ ${#wanted[@]} -gt 0 ] || [ ${#unpacked[@]} -gt 0 ]; then
  forbid_services
  apt-get update -q
  if [ ${#wanted[@]} -gt 0 ]; then
    apt_install "${wanted[@]}"
    for unit in "${wanted[@]}"; do
      case $unit in
        vsftpd) disable vsftpd.service ;;
        openssh-server) disable ssh.service ;;
      esac
    done
  fi
  [ ${#unpacked[@]} -eq 0 ] || unpack "${unpacked[@]}"
fi

mkdir -p "$folder"
if ! id "$user" >/dev/null 2>&1; then
  useradd --system --user-group --create-home --home-dir "/var/lib/$user" --shell /bin/sh "$user"
fi
# Written again where the user exists and the file does not: the two must agree.
if [ ! -s "$folder/password" ]; then
  password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  (umask 077 && printf '%s\n' "$password" >"$folder/password")
  printf '%s:%s\n' "$user" "$password" | chpasswd
fi

for server in vsftpd proftpd pure-ftpd sshd; do
  found "$server" || { echo "install.sh: $server is still missing" >&2; exit 1; }
  echo "$server: $([ -x "$folder/usr/sbin/$server" ] && echo "$folder/usr/sbin/$server" || command -v "$server")"
done

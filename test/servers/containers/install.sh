#!/usr/bin/env bash
# Makes the containerised test servers startable, on Debian as root: a container engine where there is none, the
# base image, the servers' images. Safe to run again; quick when all is there.
#
#   install.sh        all of that
#   install.sh stop   stops the engine, if it was started by this script, with all its containers
set -euo pipefail
cd "$(dirname "$0")"

base=debian:bookworm-slim
started=/run/farwatch-test-dockerd.pid
log=/var/log/farwatch-test-dockerd.log
export DEBIAN_FRONTEND=noninteractive
PATH=/usr/local/sbin:/usr/sbin:/sbin:$PATH

if [ "$(id -u)" -ne 0 ]; then
  echo 'install.sh: needs root: run it with sudo' >&2
  exit 1
fi

say() { echo "containers: $*"; }
engine() { docker version --format '{{.Server.Version}}' 2>/dev/null; }
apt_install() { apt-get install -y -q --no-install-recommends -o Dpkg::Use-Pty=0 "$@"; }

stop_engine() {
  local pid
  if [ ! -s "$started" ]; then
    say 'no engine was started here: none is stopped'
    return
  fi
  pid=$(cat "$started")
  # The number may be another process's by now.
  if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = dockerd ]; then
    docker ps -q | xargs -r docker kill >/dev/null 2>&1 || true
    kill "$pid"
    for _ in $(seq 300); do
      [ -e "/proc/$pid" ] || break
      sleep 0.1
    done
    say "engine stopped (process $pid)"
  fi
  rm -f "$started"
}

start_engine() {
  if [ -d /run/systemd/system ]; then
    systemctl start docker
    return
  fi
  # A session of its own and no inherited files: it must neither die with this script nor keep its caller waiting.
  setsid dockerd >>"$log" 2>&1 </dev/null &
  echo $! >"$started"
  for _ in $(seq 300); do
    [ -z "$(engine)" ] || return 0
    [ -e "/proc/$(cat "$started")" ] || break
    sleep 0.1
  done
  tail -n 20 "$log" >&2
  rm -f "$started"
  echo 'install.sh: dockerd does not start' >&2
  exit 1
}

base_image() {
  local work
  if docker image inspect "$base" >/dev/null 2>&1; then
    say "base image $base is there"
  elif timeout 60 docker pull -q "$base" >/dev/null 2>&1; then
    say "base image $base pulled"
  else
    say "base image $base cannot be pulled: making it with debootstrap"
    command -v debootstrap >/dev/null || apt_install debootstrap
    work=$(mktemp -d)
    debootstrap --variant=minbase bookworm "$work" >"$work.log" 2>&1 ||
      { tail -n 20 "$work.log" >&2; rm -rf "$work" "$work.log"; return 1; }
    tar -C "$work" --exclude='./var/cache/apt/archives/*.deb' -c . | docker import - "$base" >/dev/null
    rm -rf "$work" "$work.log"
  fi
}

if [ "${1:-}" = stop ]; then
  stop_engine
  exit
fi

if [ -z "$(engine)" ]; then
  if ! command -v dockerd >/dev/null; then
    say 'installing the engine'
    apt-get update -q
    apt_install docker.io
  fi
  # Where services start by themselves, it runs by now.
  [ -n "$(engine)" ] || start_engine
fi
say "engine $(engine)"
base_image
builds=()
for kind in vsftpd proftpd pure-ftpd openssh; do
  (say "image $(bash image.sh "$kind")") &
  builds+=($!)
done
for build in "${builds[@]}"; do wait "$build"; done

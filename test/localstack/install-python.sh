#!/usr/bin/env bash
# Puts a Python 3.13, which LocalStack 4.14 needs, below /opt/farwatch-python. For Debian 12 as root; Debian 13 has it
# as a package. Safe to run again. Nothing else on the machine changes but two packages: debootstrap and patchelf.
#
# It is the interpreter of Debian 13, with Debian 13's C library: its packages are unpacked, not installed, and
# the interpreter is told to use the libraries beside it. What it starts itself uses those of this machine.
set -euo pipefail

folder=/opt/farwatch-python
python=$folder/usr/bin/python3.13
export DEBIAN_FRONTEND=noninteractive
PATH=/usr/local/sbin:/usr/sbin:/sbin:$PATH

works() { "$python" -c 'import ctypes, ensurepip, lzma, sqlite3, ssl, venv' 2>/dev/null; }

if works; then
  echo "$python"
  exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
  echo 'install-python.sh: needs root: run it with sudo' >&2
  exit 1
fi
if ! command -v debootstrap >/dev/null || ! command -v patchelf >/dev/null; then
  apt-get update -q
  apt-get install -y -q --no-install-recommends -o Dpkg::Use-Pty=0 debootstrap patchelf
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Checks the signatures, and finds the mirror and the packages that are needed.
debootstrap --download-only --variant=minbase --include=python3.13-venv trixie "$work"

rm -rf "$folder"
mkdir -p "$folder"
for package in "$work"/var/cache/apt/archives/{lib,python3,zlib1g}*.deb; do
  dpkg-deb -x "$package" "$folder"
done

loader=$(patchelf --print-interpreter "$python")
libraries=$folder/usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || echo "$(uname -m)-linux-gnu")
# An rpath, not a runpath: it holds for the libraries of its modules too.
patchelf --set-interpreter "$folder/usr$loader" --force-rpath --set-rpath "$libraries" "$python"
# Where `venv` finds pip.
sed -i "s|'/usr/share/python-wheels|'$folder/usr/share/python-wheels|" \
  "$folder"/usr/lib/python3.13/_sysconfigdata_*.py
find "$folder/usr/lib/python3.13" -name __pycache__ -prune -exec rm -rf {} +

works || { echo 'install-python.sh: the Python that it unpacked does not run here' >&2; "$python" -c 'import ctypes, ensurepip, lzma, sqlite3, ssl, venv'; exit 1; }
echo "$python"

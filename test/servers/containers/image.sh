#!/usr/bin/env bash
# image.sh KIND: prints the name of the image of vsftpd, proftpd, pure-ftpd or openssh, and builds it where it is
# missing. The tag is the digest of what goes into it, so that an image is never older than its Dockerfile.
set -euo pipefail
cd "$(dirname "$0")"

tag=$(cat "$1"/* watched-user.sh | sha256sum | cut -c1-12)
image=farwatch-test/$1:$tag
if ! docker image inspect "$image" >/dev/null 2>&1; then
  # The host's network: the name servers of a test machine may be out of a bridge's reach.
  tar -c watched-user.sh "$1" | docker build --quiet --network host -t "$image" -f "$1/Dockerfile" - 2>&1 >/dev/null |
    { grep -vE '^$|legacy builder|buildx' || true; } >&2
fi
echo "$image"

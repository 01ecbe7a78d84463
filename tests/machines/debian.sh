#!/usr/bin/env bash
# Run a command of this checkout in a clean Debian of another suite: make test-debian SUITE=trixie
#
#   debian.sh SUITE COMMAND...
#   debian.sh SUITE                 prints where the checkout is in it
#
# Needs root and debootstrap. The chroot is kept in CHROOTS (by default below the user's cache): it is built once, and the
# Makefile installs in it what it installs anywhere. The checkout is copied into it each time, without what git ignores,
# and the folder of shared data beside it; the environments inside stay. Everything runs as root with a home that is not
# below /tmp, and with processes and mounts of its own, which end with the command.
set -euo pipefail

suite=$1
shift
root=$(cd "$(dirname "$0")/../.." && pwd)
chroots=${CHROOTS:-${XDG_CACHE_HOME:-$HOME/.cache}/planet_vector-debian}
chroot=$chroots/$suite
checkout=$chroot/home/someone/planet_vector
[ $# -gt 0 ] || { echo "$checkout"; exit; }

[ "$(id -u)" = 0 ] || { echo "A chroot of Debian $suite takes root: run this with sudo." >&2; exit 1; }
if ! command -v debootstrap >/dev/null; then
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq debootstrap >/dev/null
fi

if [ ! -e "$chroot/.made" ]; then
  echo "Making a Debian $suite in $chroot …"
  rm -rf "$chroot"
  mkdir -p "$chroots"
  # A debootstrap that is older than the suite has no script of that name: those since 2005 are all that of sid.
  script=/usr/share/debootstrap/scripts/$suite
  [ -e "$script" ] || script=/usr/share/debootstrap/scripts/sid
  debootstrap --variant=minbase --include=ca-certificates "$suite" "$chroot" "" "$script" >"$chroots/$suite.log" || {
    tail -20 "$chroots/$suite.log" >&2
    exit 1
  }
  # The release file of a suite in preparation may be past its date; no service is started within a chroot.
  echo 'Acquire::Check-Valid-Until "false";' >"$chroot/etc/apt/apt.conf.d/90check"
  printf '#!/bin/sh\nexit 101\n' >"$chroot/usr/sbin/policy-rc.d"
  chmod +x "$chroot/usr/sbin/policy-rc.d"
  touch "$chroot/.made"
fi

# How this machine reaches the network, and whose certificates it trusts.
for file in /etc/resolv.conf /etc/hosts /etc/pip.conf /etc/ssl/certs/ca-certificates.crt; do
  [ -e "$file" ] && cp -L "$file" "$chroot$file"
done
for file in /etc/xdg/pip/* /etc/apt/apt.conf.d/*proxy*; do
  [ -e "$file" ] && mkdir -p "$chroot${file%/*}" && cp -L "$file" "$chroot$file"
done

# Within: mounts that end with the command, and a home that GDAL does not take for a temporary folder.
inside() {
  local environ=(HOME=/home/someone PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8
    DEBIAN_FRONTEND=noninteractive)
  local name
  for name in CI SSL_CERT_FILE REQUESTS_CA_BUNDLE PIP_CERT http_proxy https_proxy no_proxy; do
    [ -n "${!name:-}" ] && environ+=("$name=${!name}")
  done
  # shellcheck disable=SC2016 - the inner shell expands
  unshare --mount --pid --fork --kill-child bash -c '
    set -e
    chroot=$1; shift
    # As a container has it: its root is a place where something is mounted.
    mount --bind "$chroot" "$chroot"
    mount -t proc proc "$chroot/proc"
    mount -t tmpfs -o mode=755 tmpfs "$chroot/dev"
    for name in null zero full random urandom tty; do touch "$chroot/dev/$name"; mount --bind /dev/$name "$chroot/dev/$name"; done
    mkdir "$chroot/dev/pts" "$chroot/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$chroot/dev/pts"
    mount -t tmpfs -o mode=1777 tmpfs "$chroot/dev/shm"
    ln -s pts/ptmx "$chroot/dev/ptmx"
    ln -s /proc/self/fd "$chroot/dev/fd"
    exec chroot "$chroot" /usr/bin/env -i "$@"
  ' inside "$chroot" "${environ[@]}" "$@"
}

if [ ! -e "$chroot/.equipped" ]; then
  # What else is needed, the Makefile installs itself.
  inside sh -c 'apt-get update -qq && apt-get install -y -qq --no-install-recommends make git procps python3 >/dev/null'
  touch "$chroot/.equipped"
fi

mkdir -p "$checkout"
find "$checkout" -mindepth 1 -maxdepth 1 ! -name '.venv*' ! -name .done -exec rm -rf {} +
git -C "$root" ls-files -z --cached --others --exclude-standard |
  (cd "$root" && while IFS= read -r -d '' file; do [ -e "$file" ] && printf '%s\0' "$file"; done) |
  tar -C "$root" --null -T - -cf - | tar -C "$checkout" -xf -
if [ -d "$root/../shared" ]; then
  chmod -R u+w "$chroot/home/someone/shared" 2>/dev/null || true
  rm -rf "$chroot/home/someone/shared"
  cp -rH "$root/../shared" "$chroot/home/someone/shared"
fi
inside sh -c 'cd ~/planet_vector && exec "$@"' run "$@"

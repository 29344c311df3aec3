#!/usr/bin/env bash
# Installs the programs that the system and browser tests drive, where root may; says what is missing elsewhere.
set -euo pipefail

declare -A package_of=([mosquitto]=mosquitto [ip]=iproute2 [systemd-analyze]=systemd [sshd]=openssh-server [initdb]=postgresql [ffmpeg]=ffmpeg)

# Debian keeps the programs of a server of PostgreSQL beside those of its other versions.
for folder in /usr/lib/postgresql/*/bin; do PATH="$PATH:$folder"; done
PATH="$PATH:/usr/sbin"
can_install=false
[ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null || can_install=true

install_packages() {
  echo "Installing $* with apt-get…"
  export DEBIAN_FRONTEND=noninteractive
  # The tests start servers of their own: no cluster that runs is wanted.
  mkdir -p /etc/postgresql-common
  [ -e /etc/postgresql-common/createcluster.conf ] || echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
  apt-get update -qq -o Acquire::Retries=1 -o Acquire::http::Timeout=20
  # Without init scripts: the tests start brokers of their own on free ports.
  apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# A window of the whole Chromium costs a second of processor time for each page that a test opens; the shell has none.
if ! command -v chromium-headless-shell >/dev/null; then
  if $can_install && timeout 90 bash -c "$(declare -f install_packages); install_packages chromium-headless-shell"; then
    :
  elif ! command -v chromium >/dev/null; then
    package_of[chromium]=chromium
  fi
fi

missing=()
for program in "${!package_of[@]}"; do
  command -v "$program" >/dev/null || missing+=("${package_of[$program]}")
done
[ "${#missing[@]}" -gt 0 ] || exit 0

if $can_install; then
  install_packages "${missing[@]}"
  exit 0
fi

echo "Missing for some tests: ${missing[*]} (on Debian: sudo apt-get install ${missing[*]})." >&2
[ "${CI:-}" != true ] || exit 1

#!/usr/bin/env bash
# Installs the programs that the system and browser tests drive, where root may; says what is missing elsewhere.
set -euo pipefail

declare -A package_of=([mosquitto]=mosquitto [chromium]=chromium [ip]=iproute2)

PATH="$PATH:/usr/sbin"
missing=()
for program in "${!package_of[@]}"; do
  command -v "$program" >/dev/null || missing+=("${package_of[$program]}")
done
[ "${#missing[@]}" -gt 0 ] || exit 0

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
  echo "Installing ${missing[*]} with apt-get…"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  # Without init scripts: the tests start brokers of their own on free ports.
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  exit 0
fi

echo "Missing for some tests: ${missing[*]} (on Debian: sudo apt-get install ${missing[*]})." >&2
[ "${CI:-}" != true ] || exit 1

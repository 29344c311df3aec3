#!/usr/bin/env bash
# Makes this machine a unit of a Pioreactor cluster: packages, account, environment, services.
# Run it as root on Debian or Raspberry Pi OS, from a checkout or an unpacked source archive. Run again, it completes what is missing.
# Usage: sudo packaging/install.sh leader|worker|machine [options]; `leader --help` lists them.
set -euo pipefail
if ! command -v python3 >/dev/null; then
  [ "$(id -u)" = 0 ] || { echo "Run this as root: sudo $0 $*" >&2; exit 1; }
  apt-get update -q
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends python3
fi
exec python3 "$(dirname "$0")/../src/pioreactor/install" "$@"

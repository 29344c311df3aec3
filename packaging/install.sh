#!/usr/bin/env bash
# Makes this machine a unit of a Pioreactor cluster: packages, account, environment, services.
# Run it as root on Debian or Raspberry Pi OS, from a checkout or an unpacked source archive. Run again, it completes what is missing.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: packaging/install.sh leader|worker [options]

  --simulated          without hardware: the reactor is a simulated one
  --with-reactor       a leader that is also a worker
  --address HOST       where other units find the leader; default: its IP address
  --port PORT          port of the web servers; default: 443
  --environment DIR    use this Python environment, in which the software is installed already
  --wheels DIR         install from the wheels in this folder, without the network
  --no-join            a worker: install only; run `pio cluster join` later
TEXT
}

role=${1:-}
[ "$role" = leader ] || [ "$role" = worker ] || { usage >&2; exit 2; }
shift
environment="" wheels="" is_joining=yes
options=()
while [ $# -gt 0 ]; do
  case $1 in
    --simulated) options+=("$1") ;;
    --with-reactor) options+=("$1") ;;
    --address|--port) options+=("$1" "${2:?$1 needs a value}"); shift ;;
    --environment) environment=${2:?$1 needs a folder}; shift ;;
    --wheels) wheels=$(realpath "${2:?$1 needs a folder}"); shift ;;
    --no-join) is_joining=no ;;
    -h|--help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
  shift
done
[ "$(id -u)" = 0 ] || { echo "Run this as root: sudo $0 $role" >&2; exit 1; }

here=$(cd "$(dirname "$0")/.." && pwd)
prefix=/opt/pioreactor
step() { printf '  %s\n' "$*"; }

packages=(openssl openssh-client python3-venv)
[ "$role" = worker ] || packages+=(mosquitto)
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q "ok installed" || missing+=("$package")
done
if [ "$environment" != "" ]; then missing=("${missing[@]/python3-venv}"); fi
if [ -n "${missing[*]// /}" ]; then
  step "packages: ${missing[*]}"
  apt-get update -q
  # shellcheck disable=SC2086  an empty element is no package
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends ${missing[*]}
fi

if ! id pioreactor >/dev/null 2>&1; then
  step "account: pioreactor"
  useradd --create-home --home-dir /home/pioreactor --shell /bin/bash pioreactor
fi
for group in i2c gpio spi video; do
  if getent group "$group" >/dev/null; then usermod -a -G "$group" pioreactor; fi
done
install -d -o pioreactor -g pioreactor -m 0755 /home/pioreactor
install -d -o pioreactor -g pioreactor -m 0700 /home/pioreactor/.pioreactor
install -d -o pioreactor -g pioreactor -m 0750 /run/pioreactor
touch /var/log/pioreactor.log
chown pioreactor:pioreactor /var/log/pioreactor.log
chmod 0640 /var/log/pioreactor.log

if [ "$environment" = "" ]; then
  version=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' "$here/src/pioreactor/version.py")
  environment=$prefix/versions/$version
  extras=leader
  if [ -e /proc/device-tree/model ] && grep -q "Raspberry Pi" /proc/device-tree/model; then extras=rpi,leader; fi
  step "environment: $environment"
  python3 -m venv "$environment"
  source=()
  if [ "$wheels" != "" ]; then source=(--no-index --find-links "$wheels"); fi
  "$environment/bin/pip" install -q "${source[@]}" -c "$here/constraints.txt" "$here[$extras]"
  printf '{"version":"%s","digest":"","installed_at":"%s"}' "$version" "$(date -u +%FT%TZ)" >"$environment/installed.json"
fi
install -d "$prefix" "$prefix/versions"
case $environment in
  "$prefix"/versions/*) ln -sfn "versions/${environment##*/}" "$prefix/current" ;;
  *) ln -sfn "$environment" "$prefix/current" ;;
esac
# Updates install further versions as this account; its other services cannot write there.
chown -R pioreactor:pioreactor "$prefix"
for program in pio pios; do ln -sf "$prefix/current/bin/$program" "/usr/local/bin/$program"; done

step "services: /etc/systemd/system/pioreactor*"
install -d /etc/systemd/system /etc/polkit-1/rules.d
install -m 0644 "$here"/packaging/systemd/* /etc/systemd/system/
install -m 0644 "$here"/packaging/polkit/* /etc/polkit-1/rules.d/

as_pioreactor() { runuser -u pioreactor -- env HOME=/home/pioreactor HOSTNAME="${HOSTNAME:-$(hostname)}" "$@"; }
pio=$prefix/current/bin/pio
if [ "$role" = leader ]; then
  as_pioreactor "$pio" cluster init "${options[@]}"
elif [ "$is_joining" = yes ]; then
  as_pioreactor "$pio" cluster join "${options[@]}"
fi

# What the software runs without, and then says so. The file of chrony is made by init and join.
recommended() {
  [ -d /run/systemd/system ] && ! command -v "$2" >/dev/null || return 0
  step "packages: $1"
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$1" || step "$1 was not installed; $3"
}
recommended chrony chronyd "the clocks of the cluster are not kept together"
recommended polkitd pkcheck "the services cannot switch the machine off, restart each other, or mount USB drives"
recommended udisks2 udisksctl "USB drives cannot be mounted from the panel"
if [ -e /home/pioreactor/.pioreactor/chrony.conf ]; then
  step "clock: /etc/chrony/conf.d/pioreactor.conf"
  install -D -m 0644 /home/pioreactor/.pioreactor/chrony.conf /etc/chrony/conf.d/pioreactor.conf
fi

if [ -d /run/systemd/system ]; then
  systemctl try-restart chrony.service 2>/dev/null || true
  # The distribution's own broker would take the port.
  systemctl disable --now mosquitto.service 2>/dev/null || true
  systemctl daemon-reload
  units=(pioreactor-broker pioreactor-reactor pioreactor-output-guard pioreactor-fork-server pioreactor-web pioreactor-records pioreactor-monitor)
  systemctl enable -q pioreactor.target "${units[@]/%/.service}" pioreactor-resume.service pioreactor-recover.service pioreactor-access-point.service pioreactor-backup.timer
  systemctl restart pioreactor.target
  step "started: systemctl status 'pioreactor*'"
else
  step "this machine has no systemd: run \`pio cluster run\` as the user pioreactor"
fi

#!/usr/bin/env bash
# Installs the Debian package in a Debian root of its own (this machine's files under an overlay), updates, removes it.
# Usage: unshare --net --mount --pid --fork --kill-child --mount-proc bash debian_package.sh DEB BROKEN_RELEASE SIGNERS
set -euo pipefail
deb=$1 broken=$2 signers=$3
mount --make-rprivate /
root=$(mktemp -d)
mount -t tmpfs tmpfs "$root"
mkdir "$root"/{changes,work,root}
mount -t overlay overlay -o "lowerdir=/,upperdir=$root/changes,workdir=$root/work" "$root/root"
mount --rbind /dev "$root/root/dev"
mount -t proc proc "$root/root/proc"
mount -t tmpfs tmpfs "$root/root/run"
ip link set lo up
rm -rf "$root/root/home/pioreactor" "$root/root/var/log/pioreactor.log" "$root/root/opt/pioreactor"
on() { chroot "$root/root" env -C / -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOSTNAME=leader1 LANG=C.UTF-8 PIP_NO_COMPILE=1 "$@"; }
as_pioreactor() { on runuser -u pioreactor -- env HOME=/home/pioreactor "$@"; }
mkdir -p "$root/root/etc/pioreactor" "$root/root/srv"
cp "$signers" "$root/root/etc/pioreactor/release_signers"
cp "$deb" "$root/root/srv/pioreactor.deb"
install -m 0644 "$broken" "$root/root/srv/release_99.1.0.zip"
echo "== install"
on dpkg --force-depends -i /srv/pioreactor.deb 2>&1
echo "== version"
as_pioreactor pio version
echo "== init"
as_pioreactor pio cluster init --simulated --port 8443 --address 127.0.0.1 | tail -1
rows() { as_pioreactor /opt/pioreactor/current/bin/python -c 'import sqlite3; c = sqlite3.connect("/home/pioreactor/.pioreactor/storage/pioreactor.sqlite"); print(*c.execute("SELECT (SELECT version_num FROM alembic_version), (SELECT count(*) FROM experiments)").fetchone())'; }
rows >"$root/before"
echo "== update"
as_pioreactor pio update app -y --source /srv/release_99.1.0.zip 2>&1 || echo "exit code $?"
echo "== after"
as_pioreactor pio update status
as_pioreactor pio version
rows >"$root/after"
cmp "$root/before" "$root/after" && echo "same database"
ls /proc/self >/dev/null
(cd "$root/root/opt/pioreactor" && ls versions && ls)
echo "== remove"
on dpkg --purge --force-depends pioreactor 2>&1
echo "== left"
for path in /opt/pioreactor /usr/bin/pio /usr/bin/pios /lib/systemd/system/pioreactor.target /usr/share/polkit-1/rules.d/50-pioreactor.rules; do
  if [ -e "$root/root$path" ] || [ -L "$root/root$path" ]; then echo "$path"; fi
done
ls "$root/root/home/pioreactor/.pioreactor/storage/pioreactor.sqlite"
echo "== end"

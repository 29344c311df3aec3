#!/usr/bin/env bash
# Installs the Debian package in a Debian root of its own (this machine's files under an overlay), updates, removes it;
# then makes the same machine a leader from a wheel alone.
# Usage: unshare --net --mount --pid --fork --kill-child --mount-proc bash debian_package.sh DEB BROKEN_RELEASE SIGNERS WHEEL WHEELS OLDER_WHEEL
set -euo pipefail
deb=$1 broken=$2 signers=$3 wheel=$4 wheels=$5 older=$6
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
on() { chroot "$root/root" env -C / -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOSTNAME=leader1 LANG=C.UTF-8 PIP_NO_COMPILE=1 "$@"; }
as_pioreactor() { on runuser -u pioreactor -- env HOME=/home/pioreactor "$@"; }
mkdir -p "$root/root/etc/pioreactor" "$root/root/srv"
cp "$signers" "$root/root/etc/pioreactor/release_signers"
cp "$deb" "$root/root/srv/pioreactor.deb"
cp "$wheel" "$older" "$root/root/srv"
cp -r "$wheels" "$root/root/srv/wheels"
install -m 0644 "$broken" "$root/root/srv/release_99.1.0.zip"
echo "== install"
on PIOREACTOR_ROLE="leader --simulated --port 8443 --address 127.0.0.1" dpkg --force-depends -i /srv/pioreactor.deb 2>&1
echo "== version"
as_pioreactor pio version
echo "== libraries"
as_pioreactor /opt/pioreactor/current/bin/python -P -c 'import arro3.io, psycopg; print(arro3.io.__name__, psycopg.__name__)'
rows() { as_pioreactor /opt/pioreactor/current/bin/python -c 'import sqlite3; c = sqlite3.connect("/home/pioreactor/.pioreactor/storage/pioreactor.sqlite"); print(*c.execute("SELECT (SELECT version_num FROM alembic_version), (SELECT count(*) FROM experiments)").fetchone())'; }
rows >"$root/before"
echo "== broker of Debian"
condition=$(grep -h ^Condition "$root/root/lib/systemd/system/mosquitto.service.d/pioreactor.conf")
on systemd-analyze condition "$condition" 2>&1 || echo "exit code $?"
echo "== older package"
dpkg-deb --raw-extract "$deb" "$root/older"
rm -r "$root/older/opt"
sed -i 's/^Version: 99/Version: 98/' "$root/older/DEBIAN/control"
sed -i 's/99[.]0[.]0/98.0.0/' "$root/older/DEBIAN/preinst"
dpkg-deb --build "$root/older" "$root/root/srv/older.deb" >/dev/null
on dpkg --force-depends -i /srv/older.deb 2>&1 || echo "exit code $?"
sed -i 's/"[0-9]\{4\}"/"0001"/' "$root/older/DEBIAN/preinst"
dpkg-deb --build "$root/older" "$root/root/srv/older.deb" >/dev/null
on PIOREACTOR_ALLOW_OLDER=1 dpkg --force-depends -i /srv/older.deb 2>&1 || echo "exit code $?"
echo "== older wheel"
on python3 "/srv/${older##*/}/pioreactor/install" leader --simulated --wheels /srv/wheels --port 8443 --address 127.0.0.1 2>&1 || echo "exit code $?"
as_pioreactor pio update app -y --source "/srv/${older##*/}" 2>&1 || echo "exit code $?"
echo "== after older"
on dpkg-query -W -f '${Version} ${Status}\n' pioreactor
as_pioreactor pio version
rows >"$root/after"
cmp "$root/before" "$root/after" && echo "same database"
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
on systemd-analyze condition "$condition" >/dev/null 2>&1 && echo "Debian's broker starts again"
echo "== left"
for path in /opt/pioreactor /usr/bin/pio /usr/bin/pios /lib/systemd/system/pioreactor.target /lib/systemd/system/mosquitto.service.d /usr/share/polkit-1/rules.d/50-pioreactor.rules; do
  if [ -e "$root/root$path" ] || [ -L "$root/root$path" ]; then echo "$path"; fi
done
ls "$root/root/home/pioreactor/.pioreactor/storage/pioreactor.sqlite"
echo "== wheel"
on userdel --remove pioreactor 2>/dev/null
on python3 "/srv/${wheel##*/}/pioreactor/install" leader --simulated --wheels /srv/wheels --port 8443 --address 127.0.0.1
echo "== of the wheel"
as_pioreactor pio cluster status
as_pioreactor pio update status
as_pioreactor /opt/pioreactor/current/bin/python -P -c 'import pioreactor; print(pioreactor.__file__)'
(cd "$root/root" && ls etc/systemd/system/pioreactor.target etc/systemd/system/mosquitto.service.d/pioreactor.conf etc/polkit-1/rules.d/50-pioreactor.rules usr/local/bin/pio*)
echo "== end"

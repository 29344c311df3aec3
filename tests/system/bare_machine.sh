#!/usr/bin/env bash
# A machine of its own: the files of this one under an overlay, with network, processes and mounts apart.
# Usage: unshare --net --mount --pid --fork --kill-child --mount-proc bash bare_machine.sh CHECKOUT ENVIRONMENT
set -euo pipefail
checkout=$1 environment=$2
mount --make-rprivate /
root=$(mktemp -d)
mount -t tmpfs tmpfs "$root"
mkdir "$root"/{changes,work,root}
mount -t overlay overlay -o "lowerdir=/,upperdir=$root/changes,workdir=$root/work" "$root/root"
mount --rbind /dev "$root/root/dev"
mount -t proc proc "$root/root/proc"
mount -t tmpfs tmpfs "$root/root/run"
ip link set lo up
ip link add name eth0 type veth peer name cable
ip addr add 10.99.0.1/24 dev eth0
ip link set cable up
ip link set eth0 up
ip route add default via 10.99.0.254
rm -rf "$root/root/home/pioreactor" "$root/root/var/log/pioreactor.log"
# The interpreter may be in the home of root, which its owner alone may enter.
chmod o+x "$root/root/root"
on() { chroot "$root/root" env -C "$checkout" HOSTNAME=leader1 PYTHONPATH="$checkout/src" "$@"; }
as_pioreactor() { on runuser -u pioreactor -- env PYTHONPATH="$checkout/src" "$@"; }

install=(packaging/install.sh leader --simulated --with-reactor --environment "$environment" --address 10.99.0.1 --port 8443)
echo "== install"
on "${install[@]}"
echo "== install again"
on "${install[@]}" | tail -1
echo "== units"
on bash -c 'systemd-analyze verify /etc/systemd/system/pioreactor{.target,-*.service,-*.timer}' 2>&1 || true
echo "== run"
as_pioreactor pio cluster run &
for _ in $(seq 240); do
  if as_pioreactor pio status >"$root/status" 2>&1; then break; fi
  sleep 0.25
done
echo "== status"
cat "$root/status"
echo "== readable by others"
find "$root/changes/home/pioreactor/.pioreactor" -type f -not -name broker.pid -perm /o=r \( -path '*secrets*' -o -path '*broker*' \)
echo "== end"

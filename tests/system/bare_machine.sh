#!/usr/bin/env bash
# Two machines of their own: the files of this one under overlays, with network, processes and mounts apart.
# Usage: unshare --net --mount --pid --fork --kill-child --mount-proc bash bare_machine.sh CHECKOUT ENVIRONMENT
set -euo pipefail
checkout=$1 environment=$2
mount --make-rprivate /
# The interpreter may be in the home of root, which its owner alone may enter.
make_root() {
  local root=$1
  mkdir -p "$root"
  mount -t tmpfs tmpfs "$root"
  mkdir "$root"/{changes,work,root}
  mount -t overlay overlay -o "lowerdir=/,upperdir=$root/changes,workdir=$root/work" "$root/root"
  mount --rbind /dev "$root/root/dev"
  mount -t proc proc "$root/root/proc"
  mount -t tmpfs tmpfs "$root/root/run"
  rm -rf "$root/root/home/pioreactor" "$root/root/var/log/pioreactor.log"
  chmod o+x "$root/root/root"
}
place=$(mktemp -d)
root=$place/leader1 other=$place/worker1
make_root "$root"
make_root "$other"
ip link set lo up
ip link add name eth0 type veth peer name cable
ip addr add 10.99.0.1/24 dev eth0
ip link set cable up
ip link set eth0 up
ip route add default via 10.99.0.254
on() { chroot "$1/root" env -C "$checkout" HOSTNAME="${1##*/}" "${@:2}"; }
as_pioreactor() { on "$1" runuser -u pioreactor -- env PYTHONPATH="$checkout/src" "${@:2}"; }

install=(packaging/install.sh leader --simulated --with-reactor --environment "$environment" --address 10.99.0.1 --port 8443)
echo "== install"
on "$root" "${install[@]}"
echo "== install again"
on "$root" "${install[@]}" | tail -1
echo "== units"
on "$root" bash -c 'systemd-analyze verify /etc/systemd/system/pioreactor{.target,-*.service,-*.timer}' 2>&1 || true
echo "== run"
as_pioreactor "$root" pio cluster run &
for _ in $(seq 240); do
  if as_pioreactor "$root" pio status >"$root/status" 2>&1; then break; fi
  sleep 0.25
done
echo "== status"
cat "$root/status"
echo "== readable by others"
find "$root/changes/home/pioreactor/.pioreactor" -type f -not -name broker.pid -perm /o=r \( -path '*secrets*' -o -path '*broker*' \)
code=K7QM-2XFD
join=(packaging/install.sh worker --simulated --environment "$environment" --code "$code" --port 4998)
echo "== worker"
on "$other" "${join[@]}" 2>&1 &
joining=$!
for _ in $(seq 40); do
  if as_pioreactor "$root" pio workers add worker1 -a 10.99.0.1 --code "$code" >"$root/added" 2>&1; then break; fi
  sleep 0.25
done
wait $joining || { cat "$root/added"; exit 1; }
echo "== added"
cat "$root/added"
echo "== worker again"
on "$other" "${join[@]}" 2>&1
as_pioreactor "$other" pio cluster status
echo "== end"

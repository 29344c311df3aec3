#!/usr/bin/env bash
# Boots a machine of its own with systemd: the files of this one under an overlay, with network, processes, name and mounts apart.
# Usage, as root: bash boot_machine.sh NAME FOLDER. FOLDER is /srv of the machine; it cannot write there.
set -euo pipefail
if [ $# -eq 2 ]; then
  for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do
    if [ -e "$hierarchy/cgroup.procs" ]; then
      mkdir -p "$hierarchy/lab-$1"
      echo $$ >"$hierarchy/lab-$1/cgroup.procs"
    fi
  done
  exec unshare --net --mount --pid --uts --ipc --cgroup --fork --kill-child --mount-proc bash "$0" "$1" "$2" inside
fi
name=$1 shared=$2
mount --make-rprivate /
place=$(mktemp -d)
mount -t tmpfs tmpfs "$place"
mkdir "$place"/{changes,work,root}
mount -t overlay overlay -o "lowerdir=/,upperdir=$place/changes,workdir=$place/work" "$place/root"
root=$place/root
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys" -o ro
if [ -e /sys/fs/cgroup/cgroup.procs ]; then
  mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
else
  mount -t tmpfs tmpfs "$root/sys/fs/cgroup" -o mode=755
  mkdir "$root"/sys/fs/cgroup/{unified,systemd}
  mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup/unified"
  mount -t cgroup -o none,name=systemd systemd "$root/sys/fs/cgroup/systemd"
fi
for path in dev run tmp; do mount -t tmpfs tmpfs "$root/$path" -o mode=755; done
chmod 1777 "$root/tmp"
for device in null zero full random urandom tty; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root"/dev/{pts,shm}
mount -t devpts devpts "$root/dev/pts" -o newinstance,ptmxmode=0666
ln -s pts/ptmx "$root/dev/ptmx"
mount -t tmpfs tmpfs "$root/dev/shm" -o mode=1777
mount --bind "$shared" "$root/srv"
mount -o remount,bind,ro "$root/srv"
# A machine with nothing of ours on it, and without the services of this one.
rm -rf "$root"/opt/pioreactor "$root"/home/pioreactor "$root"/etc/pioreactor "$root"/var/log/pioreactor.log "$root"/root/.ssh
rm -f "$root"/etc/systemd/system/*.wants/* "$root"/etc/ssh/ssh_host_*
for unit in systemd-{udevd,networkd,resolved,timesyncd,logind} getty@tty1 console-getty cron apt-daily apt-daily-upgrade; do
  ln -sf /dev/null "$root/etc/systemd/system/$unit.service"
done
echo "$name" >"$root/etc/hostname"
printf '127.0.0.1 localhost\n127.0.1.1 %s\n' "$name" >"$root/etc/hosts"
: >"$root/etc/machine-id"
hostname "$name"
ip link set lo up
exec chroot "$root" env -i container=unshare PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  /lib/systemd/systemd --log-target=null --show-status=no --unit=multi-user.target

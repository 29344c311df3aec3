#!/usr/bin/env bash
# Recipe of an SD-card image: Raspberry Pi OS Lite with the Debian package. UNTESTED: it needs the archive of Raspberry Pi,
# root and loop devices, and was never run. Usage: sudo packaging/build_image.sh BASE_IMAGE DEB OUTPUT
# BASE_IMAGE is an unpacked image of Raspberry Pi OS Lite; DEB was built on the same architecture (scripts/build_deb.py).
set -euo pipefail
[ $# -eq 3 ] || { sed -n '2,4p' "$0" >&2; exit 2; }
base=$1 deb=$2 output=$3
cp --reflink=auto "$base" "$output"
truncate -s +2G "$output"
parted -s "$output" resizepart 2 100%
device=$(losetup --find --show --partscan "$output")
root=$(mktemp -d)
finish() { umount -R "$root" 2>/dev/null || true; losetup -d "$device"; rmdir "$root"; }
trap finish EXIT
e2fsck -fp "${device}p2" || true
resize2fs "${device}p2"
mount "${device}p2" "$root"
mount "${device}p1" "$root/boot/firmware"
for path in dev proc sys; do mount --bind "/$path" "$root/$path"; done
cp "$deb" "$root/tmp/pioreactor.deb"
# On another architecture this needs qemu-user-static with binfmt.
chroot "$root" apt-get update
chroot "$root" apt-get install -y --no-install-recommends /tmp/pioreactor.deb mosquitto chrony polkitd udisks2
rm "$root/tmp/pioreactor.deb"
# No systemd runs in here, so that the package has enabled nothing.
chroot "$root" /opt/pioreactor/current/bin/python -P -c 'from pioreactor.install.machine_steps import units_from_boot; print(*units_from_boot())' |
  xargs chroot "$root" systemctl enable
chroot "$root" systemctl disable mosquitto.service
# The reactor's board: buses on.
printf '\n[all]\ndtparam=i2c_arm=on\ndtparam=spi=on\n' >>"$root/boot/firmware/config.txt"

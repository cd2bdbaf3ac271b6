#!/bin/sh
# Runs on the host as mmdebstrap's customize hook, with the new root as $1:
# brings a Debian root filesystem into the shape that bootc asks of an image.
set -eu
root=$1

# The users. Nobody has a password; keys come from outside.
chroot "$root" passwd --quiet --lock root
chroot "$root" useradd --uid 1000 --user-group --no-create-home \
    --home-dir /var/home/core --shell /bin/bash core

# Kernel and initramfs where bootc looks for them, and nothing in /boot.
kver=$(basename "$root"/usr/lib/modules/*)
modules=$root/usr/lib/modules/$kver
mv "$root/boot/vmlinuz-$kver" "$modules/vmlinuz"
mv "$root/boot/config-$kver" "$modules/config"
find "$root/boot" -mindepth 1 -delete
rm -f "$root/vmlinuz" "$root/initrd.img" "$root/vmlinuz.old" "$root/initrd.img.old"

# A generic initramfs: what a real image has (systemd in it), with the drivers
# of virtual machines only, which keeps it small.
chroot "$root" dracut --force --quiet --kver "$kver" \
    --no-hostonly --no-early-microcode --zstd --reproducible \
    --modules "bash systemd systemd-initrd base fs-lib kernel-modules rootfs-block udev-rules dracut-systemd" \
    --drivers "virtio_blk virtio_net virtio_scsi virtio_mmio virtio_rng virtio-rng
        sd_mod sr_mod ahci nvme nvme_core hv_vmbus hv_storvsc qemu_fw_cfg
        erofs overlay squashfs loop ext4 xfs btrfs vfat isofs
        nls_ascii nls_cp437 nls_utf8 nls_iso8859-1 efivarfs vsock
        vmw_vsock_virtio_transport button pvpanic-mmio pvpanic-pci" \
    --install "chroot switch_root insmod modprobe mount umount mkdir ln cat ls" \
    "/usr/lib/modules/$kver/initramfs.img"

# State lives in /var; the directories are made at boot by tmpfiles.d.
# After dracut, which stumbles over a dangling /root.
for link in root:roothome home:home srv:srv mnt:mnt opt:opt; do
    rm -rf "${root:?}/${link%%:*}"
    ln -s "var/${link#*:}" "$root/${link%%:*}"
done
mkdir -p "$root/sysroot"
ln -s sysroot/ostree "$root/ostree"
# Where podman looks for the images that are bound to this one.
mkdir -p "$root/usr/lib/bootc"
ln -s ../../../sysroot/ostree/bootc/storage "$root/usr/lib/bootc/storage"

# Units that a short-lived virtual machine only waits for.
chroot "$root" systemctl --quiet set-default multi-user.target
chroot "$root" systemctl --quiet enable systemd-networkd.service ssh.service
chroot "$root" systemctl --quiet mask \
    systemd-networkd-wait-online.service systemd-networkd-persistent-storage.service \
    systemd-hwdb-update.service systemd-journal-catalog-update.service \
    systemd-update-done.service systemd-pstore.service ldconfig.service \
    dracut-shutdown.service modprobe@drm.service getty@tty1.service \
    sys-kernel-debug.mount sys-kernel-tracing.mount sys-kernel-config.mount \
    dev-hugepages.mount \
    e2scrub_reap.service e2scrub_all.timer fstrim.timer dpkg-db-backup.timer

# /home and /srv are links here; Debian's lines for them only warn.
ln -s /dev/null "$root/etc/tmpfiles.d/home.conf"
# What PAM reads at every login, and complains about where it is missing.
: > "$root/etc/default/locale"

# What makes one machine different from another is not in an image.
: > "$root/etc/machine-id"
rm -f "$root"/etc/ssh/ssh_host_* "$root/etc/hostname" "$root/etc/resolv.conf" \
    "$root/var/lib/dbus/machine-id" "$root/var/lib/systemd/random-seed"

# Leftovers of building.
rm -rf "$root"/var/lib/apt "$root"/var/cache/* "$root"/var/log/* "$root"/tmp/* \
    "$root"/var/lib/dpkg/*-old "$root"/var/tmp/* "$root"/run/* "$root"/etc/*- \
    "$root"/usr/share/info "$root"/usr/share/lintian

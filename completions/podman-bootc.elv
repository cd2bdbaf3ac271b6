
use builtin;
use str;

set edit:completion:arg-completer[podman-bootc] = {|@words|
    fn spaces {|n|
        builtin:repeat $n ' ' | str:join ''
    }
    fn cand {|text desc|
        edit:complex-candidate $text &display=$text' '(spaces (- 14 (wcswidth $text)))$desc
    }
    var command = 'podman-bootc'
    for word $words[1..-1] {
        if (str:has-prefix $word '-') {
            break
        }
        set command = $command';'$word
    }
    var completions = [
        &'podman-bootc'= {
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -h 'Print help'
            cand --help 'Print help'
            cand -V 'Print version'
            cand --version 'Print version'
            cand run 'Run a bootable container image as a VM'
            cand list 'List the VMs'
            cand ls 'List the VMs'
            cand ps 'List the VMs'
            cand ssh 'Open a shell in a running VM, or run a command in it'
            cand ssh-config 'Print OpenSSH''s settings for a VM, or add all VMs to OpenSSH''s configuration'
            cand cp 'Copy a file or folder into a running VM, or out of it'
            cand trust 'Accept a new SSH host key of a VM'
            cand console 'Attach to a running VM''s serial console; ctrl-] detaches'
            cand screenshot 'Save a picture of a running VM''s screen, as PNG'
            cand stop 'Stop running VMs'
            cand start 'Start stopped VMs in the background'
            cand reboot 'Reboot the systems of running VMs'
            cand restart 'Reboot the systems of running VMs'
            cand upgrade 'Bring a running VM to another version of its image, as production machines do it'
            cand rollback 'Bring a running VM back to the version before its last upgrade'
            cand wait 'Wait until a running VM is ready, or until a unit in it is active'
            cand set 'Change the CPUs and the memory of a stopped VM, and the shares and disks of any VM'
            cand snapshot 'Save and restore everything on the disks of a stopped VM'
            cand rm 'Remove VMs and their disks'
            cand images 'List the bootable images in podman''s storage'
            cand disk 'Install a bootable container image to a disk image or a block device'
            cand to-disk 'Install a bootable container image to a disk image or a block device'
            cand prune 'Remove the base disks and templates that no VM uses'
            cand system 'Show the disk usage of the tool'
            cand inspect 'Show everything about VMs, as JSON'
            cand logs 'Show the output of a VM''s serial console, or its journal'
            cand port 'Show or change the ports of the host that are forwarded to a VM'
            cand doctor 'Check for the programs and devices that the tool needs, and show how to get the missing ones'
            cand completion 'Print a completion script for a shell'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'podman-bootc;run'= {
            cand --name 'The VM''s name [default: generated]'
            cand -u 'The user to log in as: one of the image, or one that its sysusers.d, cloud-init or Ignition makes at boot'
            cand --user 'The user to log in as: one of the image, or one that its sysusers.d, cloud-init or Ignition makes at boot'
            cand --cpus 'Virtual CPUs'
            cand -m 'Memory, in bytes or with K, M, G'
            cand --memory 'Memory, in bytes or with K, M, G'
            cand --connection 'Use the images of this podman connection, as with `podman --connection` [default: from CONTAINER_HOST]'
            cand --arch 'The architecture of the image [default: the local image''s, otherwise the host''s]'
            cand --pull 'When to pull the image'
            cand --timeout 'Time limit until the VM is ready, in seconds or as in 90s, 5m [default: 5m, under emulation 20m]'
            cand --wait 'Wait for this before the session, or before --detach returns: ssh, running (the end of the boot, without failed units), or a unit such as multi-user.target [default: ssh]'
            cand --hypervisor 'The hypervisor that runs the VM'
            cand --accel 'The way QEMU runs guest code'
            cand --root-transport 'How an --ephemeral VM gets the image''s files'
            cand --disk 'Boot this disk image (raw or qcow2) instead of a container image; it must not change while the VM exists'
            cand -v 'Share a host folder with the VM; can be repeated'
            cand --volume 'Share a host folder with the VM; can be repeated'
            cand -p 'Forward a port of the host to the VM; can be repeated'
            cand --publish 'Forward a port of the host to the VM; can be repeated'
            cand --add-disk 'Attach a disk image (raw or qcow2), or with new:SIZE an empty disk; can be repeated'
            cand --nic 'The VM''s network card'
            cand --ssh 'The way in by SSH'
            cand --hostname 'The VM''s hostname'
            cand --ssh-key 'Also accept the public SSH keys in this file; can be repeated'
            cand --credential 'Hand a credential to the guest''s systemd, as a value or from a file; can be repeated'
            cand --cloudinit 'Hand the files in this folder to cloud-init: user-data, optionally meta-data, network-config, vendor-data'
            cand --ignition 'Hand this configuration to Ignition'
            cand --firmware 'The firmware that boots the VM from its disk'
            cand --warm 'Resume an --ephemeral VM from a template instead of booting [default: auto]'
            cand --filesystem 'Type of the root filesystem: ext4, xfs or btrfs [default: the image''s type, otherwise ext4]'
            cand --root-size 'Size of the root filesystem, in bytes or with K, M, G, T [default: the whole disk]'
            cand --root-size-max 'Size of the root filesystem, in bytes or with K, M, G, T [default: the whole disk]'
            cand --disk-size 'Size of the disk, in bytes or with K, M, G, T [default: twice the image''s size, at least 10G]'
            cand --karg 'Add a kernel argument; can be repeated'
            cand --bootloader 'The boot loader to install [default: bootc''s choice]'
            cand --target-imgref 'The image reference that the installed system upgrades from [default: the image''s name]'
            cand --target-transport 'The transport of that reference: registry, oci, ... [default: registry]'
            cand --install-arg 'Add an argument to `bootc install to-disk`; can be repeated'
            cand --install-in 'Where to run `bootc install` [default: vm; on macOS and Windows: container, in the podman machine]'
            cand --install-memory 'Memory of the VM that installs, with K, M, G or T [default: 4G, or three quarters of the host''s if that is less]'
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -d 'Start the VM in the background and print its name; with CMD, wait until CMD exits, and keep the VM'
            cand -B 'Start the VM in the background and print its name; with CMD, wait until CMD exits, and keep the VM'
            cand --detach 'Start the VM in the background and print its name; with CMD, wait until CMD exits, and keep the VM'
            cand --background 'Start the VM in the background and print its name; with CMD, wait until CMD exits, and keep the VM'
            cand --rm 'Remove the VM when the session ends (with --detach: when the VM powers off)'
            cand -t 'Give the command a terminal [default: if standard input and output are terminals]'
            cand --tty 'Give the command a terminal [default: if standard input and output are terminals]'
            cand -T 'Give the command no terminal'
            cand --no-tty 'Give the command no terminal'
            cand -i 'Has no effect, because standard input is always passed on; podman''s `-it` works'
            cand --interactive 'Has no effect, because standard input is always passed on; podman''s `-it` works'
            cand -q 'Don''t show progress'
            cand --quiet 'Don''t show progress'
            cand --ephemeral 'Boot the image directly, without an install; all changes are lost with the VM'
            cand --tpm 'Add a TPM 2.0'
            cand --journal 'Also store the VM''s journal on the host, for `logs --journal` (systemd 256 or newer in the image)'
            cand --gui 'Open a window with the VM''s screen'
            cand --cold 'Boot, and make no template'
            cand --composefs-backend 'Use bootc''s composefs backend [default: only for images that its ostree backend can''t install]'
            cand --rebuild 'Install again, even if the image already has a base disk with these options'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'podman-bootc;list'= {
            cand --format 'Print as JSON, or by a template such as ''{{.name}} {{.state}}'''
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -q 'Print only the names'
            cand --quiet 'Print only the names'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'podman-bootc;ls'= {
            cand --format 'Print as JSON, or by a template such as ''{{.name}} {{.state}}'''
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -q 'Print only the names'
            cand --quiet 'Print only the names'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'podman-bootc;ps'= {
            cand --format 'Print as JSON, or by a template such as ''{{.name}} {{.state}}'''
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -q 'Print only the names'
            cand --quiet 'Print only the names'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'podman-bootc;ssh'= {
            cand -u 'The user to log in as [default: the VM''s user]'
            cand --user 'The user to log in as [default: the VM''s user]'
            cand --timeout 'Time limit until the VM is ready, in seconds or as in 90s, 5m [default: 5m, under emulation 20m]'
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -q 'Don''t show progress'
            cand --quiet 'Don''t show progress'
            cand -t 'Give the command a terminal [default: if standard input and output are terminals]'
            cand --tty 'Give the command a terminal [default: if standard input and output are terminals]'
            cand -T 'Give the command no terminal'
            cand --no-tty 'Give the command no terminal'
            cand -i 'Has no effect, because standard input is always passed on; podman''s `-it` works'
            cand --interactive 'Has no effect, because standard input is always passed on; podman''s `-it` works'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'podman-bootc;ssh-config'= {
            cand --log-level 'Log messages at and above this level, to stderr'
            cand --install 'Add one line to ~/.ssh/config that applies to all present and future VMs'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'podman-bootc;cp'= {
            cand -u 'The user to log in as [default: the VM''s user]'
            cand --user 'The user to log in as [default: the VM''s user]'
            cand --timeout 'Time limit until the VM is ready, in seconds or as in 90s, 5m [default: 5m, under emulation 20m]'
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -q 'Don''t show progress'
            cand --quiet 'Don''t show progress'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'podman-bootc;trust'= {
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'podman-bootc;console'= {
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'podman-bootc;screenshot'= {
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'podman-bootc;stop'= {
            cand -t 'Seconds until the power is cut'
            cand --time 'Seconds until the power is cut'
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'podman-bootc;start'= {
            cand --wait 'Wait for this: ssh, running (the end of the boot, without failed units), or a unit such as multi-user.target'
            cand --timeout 'Time limit for --wait, in seconds or as in 90s, 5m [default: 5m, under emulation 20m]'
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -q 'Don''t show progress'
            cand --quiet 'Don''t show progress'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'podman-bootc;reboot'= {
            cand --wait 'What to wait for in the next boot: ssh, running (the end of the boot, without failed units), or a unit such as multi-user.target'
            cand -u 'The user to log in as [default: the VM''s user]'
            cand --user 'The user to log in as [default: the VM''s user]'
            cand --timeout 'Time limit until the VM is ready, in seconds or as in 90s, 5m [default: 5m, under emulation 20m]'
            cand --log-level 'Log messages at and above this level, to stderr'
            cand --soft 'Restart only the guest''s userspace, not its kernel; needs systemd 254 or newer in the guest'
            cand --no-wait 'Return as soon as the guest begins to reboot'
            cand -q 'Don''t show progress'
            cand --quiet 'Don''t show progress'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'podman-bootc;restart'= {
            cand --wait 'What to wait for in the next boot: ssh, running (the end of the boot, without failed units), or a unit such as multi-user.target'
            cand -u 'The user to log in as [default: the VM''s user]'
            cand --user 'The user to log in as [default: the VM''s user]'
            cand --timeout 'Time limit until the VM is ready, in seconds or as in 90s, 5m [default: 5m, under emulation 20m]'
            cand --log-level 'Log messages at and above this level, to stderr'
            cand --soft 'Restart only the guest''s userspace, not its kernel; needs systemd 254 or newer in the guest'
            cand --no-wait 'Return as soon as the guest begins to reboot'
            cand -q 'Don''t show progress'
            cand --quiet 'Don''t show progress'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'podman-bootc;upgrade'= {
            cand --check 'A shell command line that must succeed in the VM after the reboot'
            cand --timeout 'Time limit for each step, in seconds or as in 90s, 5m [default: 1h for the pull, 25m for the reboot]'
            cand -u 'The user to log in as; it needs `sudo -n` if it isn''t root [default: the VM''s user]'
            cand --user 'The user to log in as; it needs `sudo -n` if it isn''t root [default: the VM''s user]'
            cand --format 'Print the report as JSON, or by a template such as ''{{.to}}'''
            cand --connection 'Use the images of this podman connection, as with `podman --connection` [default: from CONTAINER_HOST]'
            cand --pull 'When to pull the image to the host'
            cand --log-level 'Log messages at and above this level, to stderr'
            cand --no-apply 'Stage the version only: the VM boots it at its next reboot'
            cand --soft-reboot 'Restart only the userspace, if the new version has the same kernel'
            cand --auto-rollback 'Bring the old version back if the new one doesn''t boot, or if --check fails'
            cand -q 'Don''t show progress'
            cand --quiet 'Don''t show progress'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'podman-bootc;rollback'= {
            cand --check 'A shell command line that must succeed in the VM after the reboot'
            cand --timeout 'Time limit for each step, in seconds or as in 90s, 5m [default: 1h for the pull, 25m for the reboot]'
            cand -u 'The user to log in as; it needs `sudo -n` if it isn''t root [default: the VM''s user]'
            cand --user 'The user to log in as; it needs `sudo -n` if it isn''t root [default: the VM''s user]'
            cand --format 'Print the report as JSON, or by a template such as ''{{.to}}'''
            cand --log-level 'Log messages at and above this level, to stderr'
            cand --no-apply 'Make the version the next to boot only: the VM boots it at its next reboot'
            cand --auto-rollback 'Bring the old version back if the new one doesn''t boot, or if --check fails'
            cand -q 'Don''t show progress'
            cand --quiet 'Don''t show progress'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'podman-bootc;wait'= {
            cand --for 'What to wait for: ssh, running (the end of the boot, without failed units), or a unit such as multi-user.target'
            cand -u 'The user to log in as [default: the VM''s user]'
            cand --user 'The user to log in as [default: the VM''s user]'
            cand --timeout 'Time limit until the VM is ready, in seconds or as in 90s, 5m [default: 5m, under emulation 20m]'
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -q 'Don''t show progress'
            cand --quiet 'Don''t show progress'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'podman-bootc;set'= {
            cand --cpus 'Virtual CPUs'
            cand -m 'Memory, in bytes or with K, M, G'
            cand --memory 'Memory, in bytes or with K, M, G'
            cand --add-volume 'Share one more host folder; can be repeated'
            cand --remove-volume 'Unmount the share at this folder of the VM, and remove it; can be repeated'
            cand --add-disk 'Attach one more disk image, or with new:SIZE an empty disk; can be repeated'
            cand --remove-disk 'Detach this disk, such as extra0; can be repeated'
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'podman-bootc;snapshot'= {
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand create 'Create a snapshot of a stopped VM'
            cand list 'List a VM''s snapshots'
            cand ls 'List a VM''s snapshots'
            cand restore 'Restore a stopped VM to a snapshot; everything that the VM wrote since then is lost'
            cand rm 'Remove snapshots of a stopped VM; the VM''s disks don''t change'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'podman-bootc;snapshot;create'= {
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'podman-bootc;snapshot;list'= {
            cand --format 'Print as JSON, or by a template such as ''{{.name}} {{.created}}'''
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'podman-bootc;snapshot;ls'= {
            cand --format 'Print as JSON, or by a template such as ''{{.name}} {{.created}}'''
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'podman-bootc;snapshot;restore'= {
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'podman-bootc;snapshot;rm'= {
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'podman-bootc;snapshot;help'= {
            cand create 'Create a snapshot of a stopped VM'
            cand list 'List a VM''s snapshots'
            cand restore 'Restore a stopped VM to a snapshot; everything that the VM wrote since then is lost'
            cand rm 'Remove snapshots of a stopped VM; the VM''s disks don''t change'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'podman-bootc;snapshot;help;create'= {
        }
        &'podman-bootc;snapshot;help;list'= {
        }
        &'podman-bootc;snapshot;help;restore'= {
        }
        &'podman-bootc;snapshot;help;rm'= {
        }
        &'podman-bootc;snapshot;help;help'= {
        }
        &'podman-bootc;rm'= {
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -f 'Also remove running VMs (their power is cut) and named VMs whose files can''t be read'
            cand --force 'Also remove running VMs (their power is cut) and named VMs whose files can''t be read'
            cand -a 'Remove all VMs that are not running; with --force, all VMs'
            cand --all 'Remove all VMs that are not running; with --force, all VMs'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'podman-bootc;images'= {
            cand --connection 'List the images of this podman connection, as with `podman --connection` [default: from CONTAINER_HOST]'
            cand --format 'Print as JSON, or by a template such as ''{{.name}} {{.id}}'''
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'podman-bootc;disk'= {
            cand --format 'The file''s format [default: from the extension of FILE; raw for a block device]'
            cand --connection 'Use the images of this podman connection, as with `podman --connection` [default: from CONTAINER_HOST]'
            cand --arch 'The architecture of the image [default: the local image''s, otherwise the host''s]'
            cand --pull 'When to pull the image'
            cand --accel 'The way QEMU runs guest code during the install'
            cand --filesystem 'Type of the root filesystem: ext4, xfs or btrfs [default: the image''s type, otherwise ext4]'
            cand --root-size 'Size of the root filesystem, in bytes or with K, M, G, T [default: the whole disk]'
            cand --root-size-max 'Size of the root filesystem, in bytes or with K, M, G, T [default: the whole disk]'
            cand --disk-size 'Size of the disk, in bytes or with K, M, G, T [default: twice the image''s size, at least 10G]'
            cand --karg 'Add a kernel argument; can be repeated'
            cand --bootloader 'The boot loader to install [default: bootc''s choice]'
            cand --target-imgref 'The image reference that the installed system upgrades from [default: the image''s name]'
            cand --target-transport 'The transport of that reference: registry, oci, ... [default: registry]'
            cand --install-arg 'Add an argument to `bootc install to-disk`; can be repeated'
            cand --install-in 'Where to run `bootc install` [default: vm; on macOS and Windows: container, in the podman machine]'
            cand --install-memory 'Memory of the VM that installs, with K, M, G or T [default: 4G, or three quarters of the host''s if that is less]'
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -f 'Overwrite FILE'
            cand --force 'Overwrite FILE'
            cand --force-block-device 'Overwrite everything on the block device FILE'
            cand -q 'Don''t show progress'
            cand --quiet 'Don''t show progress'
            cand --composefs-backend 'Use bootc''s composefs backend [default: only for images that its ostree backend can''t install]'
            cand --rebuild 'Install again, even if the image already has a base disk with these options'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'podman-bootc;to-disk'= {
            cand --format 'The file''s format [default: from the extension of FILE; raw for a block device]'
            cand --connection 'Use the images of this podman connection, as with `podman --connection` [default: from CONTAINER_HOST]'
            cand --arch 'The architecture of the image [default: the local image''s, otherwise the host''s]'
            cand --pull 'When to pull the image'
            cand --accel 'The way QEMU runs guest code during the install'
            cand --filesystem 'Type of the root filesystem: ext4, xfs or btrfs [default: the image''s type, otherwise ext4]'
            cand --root-size 'Size of the root filesystem, in bytes or with K, M, G, T [default: the whole disk]'
            cand --root-size-max 'Size of the root filesystem, in bytes or with K, M, G, T [default: the whole disk]'
            cand --disk-size 'Size of the disk, in bytes or with K, M, G, T [default: twice the image''s size, at least 10G]'
            cand --karg 'Add a kernel argument; can be repeated'
            cand --bootloader 'The boot loader to install [default: bootc''s choice]'
            cand --target-imgref 'The image reference that the installed system upgrades from [default: the image''s name]'
            cand --target-transport 'The transport of that reference: registry, oci, ... [default: registry]'
            cand --install-arg 'Add an argument to `bootc install to-disk`; can be repeated'
            cand --install-in 'Where to run `bootc install` [default: vm; on macOS and Windows: container, in the podman machine]'
            cand --install-memory 'Memory of the VM that installs, with K, M, G or T [default: 4G, or three quarters of the host''s if that is less]'
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -f 'Overwrite FILE'
            cand --force 'Overwrite FILE'
            cand --force-block-device 'Overwrite everything on the block device FILE'
            cand -q 'Don''t show progress'
            cand --quiet 'Don''t show progress'
            cand --composefs-backend 'Use bootc''s composefs backend [default: only for images that its ostree backend can''t install]'
            cand --rebuild 'Install again, even if the image already has a base disk with these options'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'podman-bootc;prune'= {
            cand --older-than 'Remove only what was last used (or, with --all, made) at least this long ago, for example 12h or 30d'
            cand --format 'Print as JSON, or by a template such as ''{{.image}} {{.size}}'''
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -a 'Also remove the files made for direct boots, the copies of images from files and other podmans, and the logs of failed installs'
            cand --all 'Also remove the files made for direct boots, the copies of images from files and other podmans, and the logs of failed installs'
            cand --dry-run 'Show what would be removed, but remove nothing'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'podman-bootc;system'= {
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -h 'Print help'
            cand --help 'Print help'
            cand df 'Show how much space everything takes on the host'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'podman-bootc;system;df'= {
            cand --format 'Print as JSON, or by a template such as ''{{.type}} {{.size}}'''
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -v 'Show each base disk and VM'
            cand --verbose 'Show each base disk and VM'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'podman-bootc;system;help'= {
            cand df 'Show how much space everything takes on the host'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'podman-bootc;system;help;df'= {
        }
        &'podman-bootc;system;help;help'= {
        }
        &'podman-bootc;inspect'= {
            cand --format 'Print by a template such as ''{{.name}} {{.spec.cpus}}'' instead'
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'podman-bootc;logs'= {
            cand --since 'Show only output since this time: an age, in seconds or as in 90s, 5m, 2h, or a date such as 2026-01-31T12:00:00Z'
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -f 'Keep printing new output until the VM ends'
            cand --follow 'Keep printing new output until the VM ends'
            cand -b 'Show only output since the VM''s last start'
            cand --boot 'Show only output since the VM''s last start'
            cand -j 'Show the journal instead of the console'
            cand --journal 'Show the journal instead of the console'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'podman-bootc;port'= {
            cand --add 'Forward one more port; can be repeated'
            cand --remove 'Stop forwarding a port; can be repeated'
            cand --format 'Print as JSON, or by a template such as ''{{.host_port}}'''
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'podman-bootc;doctor'= {
            cand --format 'Print as JSON, or by a template such as ''{{.check}} {{.result}}'''
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'podman-bootc;completion'= {
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'podman-bootc;help'= {
            cand run 'Run a bootable container image as a VM'
            cand list 'List the VMs'
            cand ssh 'Open a shell in a running VM, or run a command in it'
            cand ssh-config 'Print OpenSSH''s settings for a VM, or add all VMs to OpenSSH''s configuration'
            cand cp 'Copy a file or folder into a running VM, or out of it'
            cand trust 'Accept a new SSH host key of a VM'
            cand console 'Attach to a running VM''s serial console; ctrl-] detaches'
            cand screenshot 'Save a picture of a running VM''s screen, as PNG'
            cand stop 'Stop running VMs'
            cand start 'Start stopped VMs in the background'
            cand reboot 'Reboot the systems of running VMs'
            cand upgrade 'Bring a running VM to another version of its image, as production machines do it'
            cand rollback 'Bring a running VM back to the version before its last upgrade'
            cand wait 'Wait until a running VM is ready, or until a unit in it is active'
            cand set 'Change the CPUs and the memory of a stopped VM, and the shares and disks of any VM'
            cand snapshot 'Save and restore everything on the disks of a stopped VM'
            cand rm 'Remove VMs and their disks'
            cand images 'List the bootable images in podman''s storage'
            cand disk 'Install a bootable container image to a disk image or a block device'
            cand prune 'Remove the base disks and templates that no VM uses'
            cand system 'Show the disk usage of the tool'
            cand inspect 'Show everything about VMs, as JSON'
            cand logs 'Show the output of a VM''s serial console, or its journal'
            cand port 'Show or change the ports of the host that are forwarded to a VM'
            cand doctor 'Check for the programs and devices that the tool needs, and show how to get the missing ones'
            cand completion 'Print a completion script for a shell'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'podman-bootc;help;run'= {
        }
        &'podman-bootc;help;list'= {
        }
        &'podman-bootc;help;ssh'= {
        }
        &'podman-bootc;help;ssh-config'= {
        }
        &'podman-bootc;help;cp'= {
        }
        &'podman-bootc;help;trust'= {
        }
        &'podman-bootc;help;console'= {
        }
        &'podman-bootc;help;screenshot'= {
        }
        &'podman-bootc;help;stop'= {
        }
        &'podman-bootc;help;start'= {
        }
        &'podman-bootc;help;reboot'= {
        }
        &'podman-bootc;help;upgrade'= {
        }
        &'podman-bootc;help;rollback'= {
        }
        &'podman-bootc;help;wait'= {
        }
        &'podman-bootc;help;set'= {
        }
        &'podman-bootc;help;snapshot'= {
            cand create 'Create a snapshot of a stopped VM'
            cand list 'List a VM''s snapshots'
            cand restore 'Restore a stopped VM to a snapshot; everything that the VM wrote since then is lost'
            cand rm 'Remove snapshots of a stopped VM; the VM''s disks don''t change'
        }
        &'podman-bootc;help;snapshot;create'= {
        }
        &'podman-bootc;help;snapshot;list'= {
        }
        &'podman-bootc;help;snapshot;restore'= {
        }
        &'podman-bootc;help;snapshot;rm'= {
        }
        &'podman-bootc;help;rm'= {
        }
        &'podman-bootc;help;images'= {
        }
        &'podman-bootc;help;disk'= {
        }
        &'podman-bootc;help;prune'= {
        }
        &'podman-bootc;help;system'= {
            cand df 'Show how much space everything takes on the host'
        }
        &'podman-bootc;help;system;df'= {
        }
        &'podman-bootc;help;inspect'= {
        }
        &'podman-bootc;help;logs'= {
        }
        &'podman-bootc;help;port'= {
        }
        &'podman-bootc;help;doctor'= {
        }
        &'podman-bootc;help;completion'= {
        }
        &'podman-bootc;help;help'= {
        }
    ]
    $completions[$command]
}


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
            cand watch 'Build an image on each change of its sources, and bring a VM to it'
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
            cand start 'Start stopped VMs in the background, and resume suspended ones'
            cand suspend 'Save running VMs with their memory, and end them; `start` resumes them'
            cand reboot 'Reboot the systems of running VMs'
            cand restart 'Reboot the systems of running VMs'
            cand upgrade 'Bring a running VM to another version of its image, as production machines do it'
            cand rollback 'Bring a running VM back to the version before its last upgrade'
            cand replace 'Give a VM without a disk another image'
            cand test 'Test images in VMs'
            cand wait 'Wait until a running VM is ready, or until a unit in it is active'
            cand set 'Change the CPUs and the memory of a stopped VM, and the shares and disks of any VM'
            cand snapshot 'Save and restore a VM: its disks, and the memory of one that runs'
            cand clone 'Make a VM of another one''s settings and disks, and print its name'
            cand rename 'Give a stopped VM another name'
            cand rm 'Remove VMs and their disks'
            cand images 'List the bootable images in podman''s storage'
            cand disk 'Install a bootable container image to a disk image or a block device'
            cand to-disk 'Install a bootable container image to a disk image or a block device'
            cand generate 'Write a VM for another engine'
            cand prune 'Remove the base disks and templates that no VM uses'
            cand system 'Show the disk usage of the tool'
            cand inspect 'Show everything about VMs, as JSON'
            cand logs 'Show the output of a VM''s serial console, or its journal'
            cand events 'Show what happens to VMs, a line for each event'
            cand port 'Show or change the ports of the host that are forwarded to a VM'
            cand doctor 'Check for the programs and devices that the tool needs, and show how to get the missing ones'
            cand config 'Show the configured defaults of run, watch and test'
            cand completion 'Print a completion script for a shell'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'podman-bootc;run'= {
            cand --name 'The VM''s name [default: generated]'
            cand --format 'Print the dry run as JSON, or by a template such as ''{{.boot.cached}}'''
            cand --timeout 'Time limit until the VM is ready, in seconds or as in 90s, 5m [default: 5m, under emulation 20m]'
            cand --wait 'Wait for this before the session, or before --detach returns: ssh, running (the end of the boot, without failed units), or a unit such as multi-user.target [default: ssh]'
            cand --timeline 'Show where the time until the VM was ready went, and draw it in a file'
            cand --disk 'Boot this disk image (raw or qcow2) instead of a container image; it must not change while the VM exists'
            cand -u 'The user to log in as: one of the image, or one that its sysusers.d, cloud-init or Ignition makes at boot'
            cand --user 'The user to log in as: one of the image, or one that its sysusers.d, cloud-init or Ignition makes at boot'
            cand --cpus 'Virtual CPUs'
            cand -m 'Memory, in bytes or with K, M, G'
            cand --memory 'Memory, in bytes or with K, M, G'
            cand --itype 'CPUs and memory as KubeVirt''s instance type of this name has them'
            cand --connection 'Use the images of this podman connection, as with `podman --connection` [default: from CONTAINER_HOST]'
            cand --arch 'The architecture of the image [default: the local image''s, otherwise the host''s]'
            cand --pull 'When to pull the image'
            cand --hypervisor 'The hypervisor that runs the VM'
            cand --accel 'The way QEMU runs guest code'
            cand --root-transport 'How an --ephemeral VM gets the image''s files'
            cand -v 'Share a host folder with the VM; can be repeated'
            cand --volume 'Share a host folder with the VM; can be repeated'
            cand -p 'Forward a port of the host to the VM; can be repeated'
            cand --publish 'Forward a port of the host to the VM; can be repeated'
            cand --add-disk 'Attach a disk image (raw or qcow2), or with new:SIZE an empty disk; can be repeated'
            cand --swap 'Add swap space of this size, which takes space on the host only in use (systemd 256 or newer in the image)'
            cand --nic 'The VM''s network card'
            cand --ssh 'The way in by SSH'
            cand --hostname 'The VM''s hostname'
            cand --ssh-key 'Also accept the public SSH keys in this file; can be repeated'
            cand --credential 'Hand a credential to the guest''s systemd, as a value or from a file; can be repeated'
            cand --cloudinit 'Hand the files in this folder to cloud-init: user-data, optionally meta-data, network-config, vendor-data'
            cand --ignition 'Hand this configuration to Ignition'
            cand --firmware 'The firmware that boots the VM from its disk'
            cand -l 'Add a label, for filters of `list`, `start`, `stop`, `rm`, `events`; can be repeated'
            cand --label 'Add a label, for filters of `list`, `start`, `stop`, `rm`, `events`; can be repeated'
            cand --hypervisor-arg 'Add an argument to the hypervisor''s command line, after all others; can be repeated'
            cand --warm 'Resume a new VM from a template instead of booting [default: auto]'
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
            cand --install-memory 'Memory of the VM that installs, with K, M, G or T [default: 4G, or three quarters of the host''s available memory if that is less]'
            cand --install-cpus 'Processors of the VM that installs [default: the host''s, at most 4]'
            cand --install-timeout 'Give up an install after this many seconds [default: never]'
            cand --bound-images 'What to do with the images that are bound to the image (/usr/lib/bootc/bound-images.d) [default: stored]'
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -R 'Replace the VM of this name, if there is one: it is shut down and removed as soon as the new one can be made'
            cand --replace 'Replace the VM of this name, if there is one: it is shut down and removed as soon as the new one can be made'
            cand --dry-run 'Show what would be pulled, installed and started, with the hypervisor''s command line, and do nothing'
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
            cand -h 'Print the common options'
            cand --help 'Print the common options'
            cand --help-all 'Print all options, with their details'
        }
        &'podman-bootc;watch'= {
            cand --name 'The VM''s name [default: generated]'
            cand -f 'The Containerfile [default: Containerfile or Dockerfile in CONTEXT]'
            cand --file 'The Containerfile [default: Containerfile or Dockerfile in CONTEXT]'
            cand -t 'The image''s name'
            cand --tag 'The image''s name'
            cand --build 'Build with this shell command line instead of `podman build`; it makes the image --tag'
            cand --build-arg 'As in `podman build`; can be repeated'
            cand --build-arg-file 'As in `podman build`'
            cand --build-context 'As in `podman build`; a folder is watched, too; can be repeated'
            cand --build-volume 'As `--volume` in `podman build`; the folder is watched, too; can be repeated'
            cand --secret 'As in `podman build`; a file is watched, too; can be repeated'
            cand --target 'As in `podman build`'
            cand --network 'As in `podman build`'
            cand --ignorefile 'The file that says which files to ignore, as in `podman build`'
            cand --build-option 'Pass one more word to `podman build`, as in --build-option=--squash; can be repeated'
            cand --watch 'Watch this file or folder, too; can be repeated'
            cand --cmd 'A shell command line that must succeed in the VM; can be repeated'
            cand --script 'A script that must succeed in the VM; can be repeated'
            cand --checks 'A folder of scripts and programs that must succeed in the VM; can be repeated'
            cand --check-timeout 'Time limit for each check'
            cand --format 'Print events as JSON, one a line'
            cand --timeout 'Time limit until the VM is ready, in seconds or as in 90s, 5m [default: 5m, under emulation 20m]'
            cand -u 'The user to log in as: one of the image, or one that its sysusers.d, cloud-init or Ignition makes at boot'
            cand --user 'The user to log in as: one of the image, or one that its sysusers.d, cloud-init or Ignition makes at boot'
            cand --cpus 'Virtual CPUs'
            cand -m 'Memory, in bytes or with K, M, G'
            cand --memory 'Memory, in bytes or with K, M, G'
            cand --itype 'CPUs and memory as KubeVirt''s instance type of this name has them'
            cand --connection 'Use the images of this podman connection, as with `podman --connection` [default: from CONTAINER_HOST]'
            cand --arch 'The architecture of the image [default: the local image''s, otherwise the host''s]'
            cand --pull 'When to pull the image'
            cand --hypervisor 'The hypervisor that runs the VM'
            cand --accel 'The way QEMU runs guest code'
            cand --root-transport 'How an --ephemeral VM gets the image''s files'
            cand -v 'Share a host folder with the VM; can be repeated'
            cand --volume 'Share a host folder with the VM; can be repeated'
            cand -p 'Forward a port of the host to the VM; can be repeated'
            cand --publish 'Forward a port of the host to the VM; can be repeated'
            cand --add-disk 'Attach a disk image (raw or qcow2), or with new:SIZE an empty disk; can be repeated'
            cand --swap 'Add swap space of this size, which takes space on the host only in use (systemd 256 or newer in the image)'
            cand --nic 'The VM''s network card'
            cand --ssh 'The way in by SSH'
            cand --hostname 'The VM''s hostname'
            cand --ssh-key 'Also accept the public SSH keys in this file; can be repeated'
            cand --credential 'Hand a credential to the guest''s systemd, as a value or from a file; can be repeated'
            cand --cloudinit 'Hand the files in this folder to cloud-init: user-data, optionally meta-data, network-config, vendor-data'
            cand --ignition 'Hand this configuration to Ignition'
            cand --firmware 'The firmware that boots the VM from its disk'
            cand -l 'Add a label, for filters of `list`, `start`, `stop`, `rm`, `events`; can be repeated'
            cand --label 'Add a label, for filters of `list`, `start`, `stop`, `rm`, `events`; can be repeated'
            cand --hypervisor-arg 'Add an argument to the hypervisor''s command line, after all others; can be repeated'
            cand --warm 'Resume a new VM from a template instead of booting [default: auto]'
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
            cand --install-memory 'Memory of the VM that installs, with K, M, G or T [default: 4G, or three quarters of the host''s available memory if that is less]'
            cand --install-cpus 'Processors of the VM that installs [default: the host''s, at most 4]'
            cand --install-timeout 'Give up an install after this many seconds [default: never]'
            cand --bound-images 'What to do with the images that are bound to the image (/usr/lib/bootc/bound-images.d) [default: stored]'
            cand --log-level 'Log messages at and above this level, to stderr'
            cand --upgrade 'Upgrade a VM with a disk, as production machines do it [default: a VM without a disk gets the new layers]'
            cand --fresh 'Make a new VM for each image'
            cand --keep 'Leave the VM running at the end'
            cand --poll 'Look at all files from time to time, where the system reports no changes [default: on network folders]'
            cand --bell 'Ring the terminal''s bell at the end of each cycle'
            cand --notify 'Show a desktop notification at the end of each cycle'
            cand --ephemeral 'Boot the image directly, without an install; all changes are lost with the VM'
            cand --tpm 'Add a TPM 2.0'
            cand --journal 'Also store the VM''s journal on the host, for `logs --journal` (systemd 256 or newer in the image)'
            cand --gui 'Open a window with the VM''s screen'
            cand --cold 'Boot, and make no template'
            cand --composefs-backend 'Use bootc''s composefs backend [default: only for images that its ostree backend can''t install]'
            cand --rebuild 'Install again, even if the image already has a base disk with these options'
            cand -h 'Print the common options'
            cand --help 'Print the common options'
            cand --help-all 'Print all options, with their details'
        }
        &'podman-bootc;list'= {
            cand --format 'Print as JSON, or by a template such as ''{{.name}} {{.state}}'''
            cand --filter 'List only these VMs: label=KEY[=VALUE], name=REGEX, status=STATE or image=IMAGE; can be repeated'
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -q 'Print only the names'
            cand --quiet 'Print only the names'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'podman-bootc;ls'= {
            cand --format 'Print as JSON, or by a template such as ''{{.name}} {{.state}}'''
            cand --filter 'List only these VMs: label=KEY[=VALUE], name=REGEX, status=STATE or image=IMAGE; can be repeated'
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -q 'Print only the names'
            cand --quiet 'Print only the names'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'podman-bootc;ps'= {
            cand --format 'Print as JSON, or by a template such as ''{{.name}} {{.state}}'''
            cand --filter 'List only these VMs: label=KEY[=VALUE], name=REGEX, status=STATE or image=IMAGE; can be repeated'
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
            cand -t 'Seconds until the power is cut [default: 60, or 300 for an emulated guest]'
            cand --time 'Seconds until the power is cut [default: 60, or 300 for an emulated guest]'
            cand --filter 'Choose all VMs with this: label=KEY[=VALUE], name=REGEX, status=STATE or image=IMAGE; can be repeated'
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'podman-bootc;start'= {
            cand --filter 'Choose all VMs with this: label=KEY[=VALUE], name=REGEX, status=STATE or image=IMAGE; can be repeated'
            cand --wait 'Wait for this: ssh, running (the end of the boot, without failed units), or a unit such as multi-user.target'
            cand --timeout 'Time limit for --wait, in seconds or as in 90s, 5m [default: 5m, under emulation 20m]'
            cand --log-level 'Log messages at and above this level, to stderr'
            cand --cold 'Boot a suspended VM anew; what it had in memory is lost'
            cand -q 'Don''t show progress'
            cand --quiet 'Don''t show progress'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'podman-bootc;suspend'= {
            cand --filter 'Choose all VMs with this: label=KEY[=VALUE], name=REGEX, status=STATE or image=IMAGE; can be repeated'
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
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
            cand --timeout 'Time limit for each step, in seconds or as in 90s, 5m [default: 1h for the pull, 10m for the reboot, 25m under emulation, 20m for --check]'
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
            cand -h 'Print the common options'
            cand --help 'Print the common options'
            cand --help-all 'Print all options, with their details'
        }
        &'podman-bootc;rollback'= {
            cand --check 'A shell command line that must succeed in the VM after the reboot'
            cand --timeout 'Time limit for each step, in seconds or as in 90s, 5m [default: 1h for the pull, 10m for the reboot, 25m under emulation, 20m for --check]'
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
        &'podman-bootc;replace'= {
            cand --timeout 'Time limit for each wait for the guest, in seconds or as in 90s, 5m [default: as in run]'
            cand -u 'The user to log in as; it needs `sudo -n` if it isn''t root [default: the VM''s user]'
            cand --user 'The user to log in as; it needs `sudo -n` if it isn''t root [default: the VM''s user]'
            cand --format 'Print the report as JSON, or by a template such as ''{{.way}}'''
            cand --connection 'Use the images of this podman connection, as with `podman --connection` [default: from CONTAINER_HOST]'
            cand --pull 'When to pull the image to the host'
            cand --log-level 'Log messages at and above this level, to stderr'
            cand --restart 'Start the machine anew, even if its userspace alone could restart'
            cand -q 'Don''t show progress'
            cand --quiet 'Don''t show progress'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'podman-bootc;test'= {
            cand --cmd 'A shell command line that must succeed in the guest; can be repeated'
            cand --script 'A script or a program of the host that must succeed in the guest; can be repeated'
            cand --checks 'A folder of scripts (*.sh) and executable files; can be repeated'
            cand --check-timeout 'Time limit for each of these checks, in seconds or as in 90s, 5m'
            cand --timeout 'Time limit for each boot, until the system has settled [default: 5m, under emulation 20m]'
            cand --slow-unit 'A unit that takes longer to start is too slow [default: 1m, under emulation 5m]'
            cand --skip 'Leave out a check of the system; can be repeated'
            cand --upgrade-from 'Boot this image and test it, upgrade to IMAGE and test that, roll back and test again'
            cand -j 'The number of VMs at once, as far as the host''s memory allows'
            cand --jobs 'The number of VMs at once, as far as the host''s memory allows'
            cand --junit 'Write a JUnit report to this file'
            cand --markdown 'Write a report in Markdown to this file, for the summary of a CI job'
            cand --artifacts 'Save the console, the journal, the report, the timeline and a picture of a screen that hangs in this folder'
            cand --format 'Print the reports as JSON, or by a template such as ''{{.target}} {{.result}}'''
            cand -u 'The user to log in as: one of the image, or one that its sysusers.d, cloud-init or Ignition makes at boot'
            cand --user 'The user to log in as: one of the image, or one that its sysusers.d, cloud-init or Ignition makes at boot'
            cand --cpus 'Virtual CPUs'
            cand -m 'Memory, in bytes or with K, M, G'
            cand --memory 'Memory, in bytes or with K, M, G'
            cand --itype 'CPUs and memory as KubeVirt''s instance type of this name has them'
            cand --connection 'Use the images of this podman connection, as with `podman --connection` [default: from CONTAINER_HOST]'
            cand --arch 'The architecture of the image [default: the local image''s, otherwise the host''s]'
            cand --pull 'When to pull the image'
            cand --hypervisor 'The hypervisor that runs the VM'
            cand --accel 'The way QEMU runs guest code'
            cand --root-transport 'How an --ephemeral VM gets the image''s files'
            cand -v 'Share a host folder with the VM; can be repeated'
            cand --volume 'Share a host folder with the VM; can be repeated'
            cand -p 'Forward a port of the host to the VM; can be repeated'
            cand --publish 'Forward a port of the host to the VM; can be repeated'
            cand --add-disk 'Attach a disk image (raw or qcow2), or with new:SIZE an empty disk; can be repeated'
            cand --swap 'Add swap space of this size, which takes space on the host only in use (systemd 256 or newer in the image)'
            cand --nic 'The VM''s network card'
            cand --ssh 'The way in by SSH'
            cand --hostname 'The VM''s hostname'
            cand --ssh-key 'Also accept the public SSH keys in this file; can be repeated'
            cand --credential 'Hand a credential to the guest''s systemd, as a value or from a file; can be repeated'
            cand --cloudinit 'Hand the files in this folder to cloud-init: user-data, optionally meta-data, network-config, vendor-data'
            cand --ignition 'Hand this configuration to Ignition'
            cand --firmware 'The firmware that boots the VM from its disk'
            cand -l 'Add a label, for filters of `list`, `start`, `stop`, `rm`, `events`; can be repeated'
            cand --label 'Add a label, for filters of `list`, `start`, `stop`, `rm`, `events`; can be repeated'
            cand --hypervisor-arg 'Add an argument to the hypervisor''s command line, after all others; can be repeated'
            cand --warm 'Resume a new VM from a template instead of booting [default: auto]'
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
            cand --install-memory 'Memory of the VM that installs, with K, M, G or T [default: 4G, or three quarters of the host''s available memory if that is less]'
            cand --install-cpus 'Processors of the VM that installs [default: the host''s, at most 4]'
            cand --install-timeout 'Give up an install after this many seconds [default: never]'
            cand --bound-images 'What to do with the images that are bound to the image (/usr/lib/bootc/bound-images.d) [default: stored]'
            cand --log-level 'Log messages at and above this level, to stderr'
            cand --reboot 'Test once more after a reboot'
            cand --timeline 'Show where the time of each test went, also in the guest'
            cand --tap 'Print TAP'
            cand -q 'Don''t show progress'
            cand --quiet 'Don''t show progress'
            cand --ephemeral 'Boot the image directly, without an install; all changes are lost with the VM'
            cand --tpm 'Add a TPM 2.0'
            cand --journal 'Also store the VM''s journal on the host, for `logs --journal` (systemd 256 or newer in the image)'
            cand --gui 'Open a window with the VM''s screen'
            cand --cold 'Boot, and make no template'
            cand --composefs-backend 'Use bootc''s composefs backend [default: only for images that its ostree backend can''t install]'
            cand --rebuild 'Install again, even if the image already has a base disk with these options'
            cand -h 'Print the common options'
            cand --help 'Print the common options'
            cand --help-all 'Print all options, with their details'
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
            cand create 'Create a snapshot, of the memory too if the VM is running'
            cand list 'List a VM''s snapshots'
            cand ls 'List a VM''s snapshots'
            cand restore 'Restore a VM to a snapshot; everything that the VM did since then is lost'
            cand rm 'Remove snapshots; the VM''s disks don''t change'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'podman-bootc;snapshot;create'= {
            cand --log-level 'Log messages at and above this level, to stderr'
            cand --disk-only 'Leave out the memory of a running VM: the guest finds its disks as after a power cut'
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
            cand --disk-only 'Leave out the snapshot''s memory; the VM must be stopped, and stays so'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'podman-bootc;snapshot;rm'= {
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'podman-bootc;snapshot;help'= {
            cand create 'Create a snapshot, of the memory too if the VM is running'
            cand list 'List a VM''s snapshots'
            cand restore 'Restore a VM to a snapshot; everything that the VM did since then is lost'
            cand rm 'Remove snapshots; the VM''s disks don''t change'
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
        &'podman-bootc;clone'= {
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'podman-bootc;rename'= {
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'podman-bootc;rm'= {
            cand --filter 'Remove the VMs with this: label=KEY[=VALUE], name=REGEX, status=STATE or image=IMAGE; can be repeated'
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
            cand --install-memory 'Memory of the VM that installs, with K, M, G or T [default: 4G, or three quarters of the host''s available memory if that is less]'
            cand --install-cpus 'Processors of the VM that installs [default: the host''s, at most 4]'
            cand --install-timeout 'Give up an install after this many seconds [default: never]'
            cand --bound-images 'What to do with the images that are bound to the image (/usr/lib/bootc/bound-images.d) [default: stored]'
            cand --log-level 'Log messages at and above this level, to stderr'
            cand --push 'Push a container disk to its registry, with podman''s login'
            cand -f 'Overwrite FILE'
            cand --force 'Overwrite FILE'
            cand --force-block-device 'Overwrite everything on the block device FILE'
            cand -q 'Don''t show progress'
            cand --quiet 'Don''t show progress'
            cand --composefs-backend 'Use bootc''s composefs backend [default: only for images that its ostree backend can''t install]'
            cand --rebuild 'Install again, even if the image already has a base disk with these options'
            cand -h 'Print the common options'
            cand --help 'Print the common options'
            cand --help-all 'Print all options, with their details'
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
            cand --install-memory 'Memory of the VM that installs, with K, M, G or T [default: 4G, or three quarters of the host''s available memory if that is less]'
            cand --install-cpus 'Processors of the VM that installs [default: the host''s, at most 4]'
            cand --install-timeout 'Give up an install after this many seconds [default: never]'
            cand --bound-images 'What to do with the images that are bound to the image (/usr/lib/bootc/bound-images.d) [default: stored]'
            cand --log-level 'Log messages at and above this level, to stderr'
            cand --push 'Push a container disk to its registry, with podman''s login'
            cand -f 'Overwrite FILE'
            cand --force 'Overwrite FILE'
            cand --force-block-device 'Overwrite everything on the block device FILE'
            cand -q 'Don''t show progress'
            cand --quiet 'Don''t show progress'
            cand --composefs-backend 'Use bootc''s composefs backend [default: only for images that its ostree backend can''t install]'
            cand --rebuild 'Install again, even if the image already has a base disk with these options'
            cand -h 'Print the common options'
            cand --help 'Print the common options'
            cand --help-all 'Print all options, with their details'
        }
        &'podman-bootc;generate'= {
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -h 'Print help'
            cand --help 'Print help'
            cand kubevirt 'Write a VM as objects for KubeVirt'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'podman-bootc;generate;kubevirt'= {
            cand --name 'The name of the VirtualMachine [default: the VM''s, or the last word of the image''s name]'
            cand --to 'The repository of the images, which the cluster pulls [default: the image''s own]'
            cand --disk-image 'Use this container disk, which `disk --format containerdisk` made, and make no image'
            cand -u 'The user to log in as: one of the image, or one that its sysusers.d, cloud-init or Ignition makes at boot'
            cand --user 'The user to log in as: one of the image, or one that its sysusers.d, cloud-init or Ignition makes at boot'
            cand --cpus 'Virtual CPUs'
            cand -m 'Memory, in bytes or with K, M, G'
            cand --memory 'Memory, in bytes or with K, M, G'
            cand --itype 'CPUs and memory as KubeVirt''s instance type of this name has them'
            cand --connection 'Use the images of this podman connection, as with `podman --connection` [default: from CONTAINER_HOST]'
            cand --arch 'The architecture of the image [default: the local image''s, otherwise the host''s]'
            cand --pull 'When to pull the image'
            cand --accel 'The way QEMU runs guest code'
            cand -v 'Share a host folder with the VM; can be repeated'
            cand --volume 'Share a host folder with the VM; can be repeated'
            cand -p 'Forward a port of the host to the VM; can be repeated'
            cand --publish 'Forward a port of the host to the VM; can be repeated'
            cand --add-disk 'Attach a disk image (raw or qcow2), or with new:SIZE an empty disk; can be repeated'
            cand --swap 'Add swap space of this size, which takes space on the host only in use (systemd 256 or newer in the image)'
            cand --nic 'The VM''s network card'
            cand --ssh 'The way in by SSH'
            cand --hostname 'The VM''s hostname'
            cand --ssh-key 'Also accept the public SSH keys in this file; can be repeated'
            cand --credential 'Hand a credential to the guest''s systemd, as a value or from a file; can be repeated'
            cand --cloudinit 'Hand the files in this folder to cloud-init: user-data, optionally meta-data, network-config, vendor-data'
            cand --ignition 'Hand this configuration to Ignition'
            cand --firmware 'The firmware that boots the VM from its disk'
            cand -l 'Add a label, for filters of `list`, `start`, `stop`, `rm`, `events`; can be repeated'
            cand --label 'Add a label, for filters of `list`, `start`, `stop`, `rm`, `events`; can be repeated'
            cand --hypervisor-arg 'Add an argument to the hypervisor''s command line, after all others; can be repeated'
            cand --warm 'Resume a new VM from a template instead of booting [default: auto]'
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
            cand --install-memory 'Memory of the VM that installs, with K, M, G or T [default: 4G, or three quarters of the host''s available memory if that is less]'
            cand --install-cpus 'Processors of the VM that installs [default: the host''s, at most 4]'
            cand --install-timeout 'Give up an install after this many seconds [default: never]'
            cand --bound-images 'What to do with the images that are bound to the image (/usr/lib/bootc/bound-images.d) [default: stored]'
            cand --hypervisor 'The hypervisor that runs the VM'
            cand --root-transport 'How an --ephemeral VM gets the image''s files'
            cand --log-level 'Log messages at and above this level, to stderr'
            cand --push 'Push the images to their registry, with podman''s login'
            cand -q 'Don''t show progress'
            cand --quiet 'Don''t show progress'
            cand --tpm 'Add a TPM 2.0'
            cand --journal 'Also store the VM''s journal on the host, for `logs --journal` (systemd 256 or newer in the image)'
            cand --gui 'Open a window with the VM''s screen'
            cand --cold 'Boot, and make no template'
            cand --composefs-backend 'Use bootc''s composefs backend [default: only for images that its ostree backend can''t install]'
            cand --rebuild 'Install again, even if the image already has a base disk with these options'
            cand --direct 'Boot the image''s own kernel: no install, and each group of layers is an image of its own'
            cand -h 'Print the common options'
            cand --help 'Print the common options'
            cand --help-all 'Print all options, with their details'
        }
        &'podman-bootc;generate;help'= {
            cand kubevirt 'Write a VM as objects for KubeVirt'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'podman-bootc;generate;help;kubevirt'= {
        }
        &'podman-bootc;generate;help;help'= {
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
        &'podman-bootc;events'= {
            cand --format 'Print as JSON, an object a line, or by a template such as ''{{.event}} {{.name}}'''
            cand --since 'Also show past events since this time: an age, in seconds or as in 90s, 5m, 2h, or a date such as 2026-01-31T12:00:00Z'
            cand --filter 'Show only events with this: event=EVENT, name=REGEX, label=KEY[=VALUE] or image=IMAGE; can be repeated'
            cand --stream 'Wait for further events'
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
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
        &'podman-bootc;config'= {
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -h 'Print help'
            cand --help 'Print help'
            cand show 'Show each flag that has a value without the command line, and where the value comes from'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'podman-bootc;config;show'= {
            cand --format 'Print JSON, or one line per flag by a template such as ''{{.flag}} {{.value}}'''
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'podman-bootc;config;help'= {
            cand show 'Show each flag that has a value without the command line, and where the value comes from'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'podman-bootc;config;help;show'= {
        }
        &'podman-bootc;config;help;help'= {
        }
        &'podman-bootc;completion'= {
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'podman-bootc;help'= {
            cand run 'Run a bootable container image as a VM'
            cand watch 'Build an image on each change of its sources, and bring a VM to it'
            cand list 'List the VMs'
            cand ssh 'Open a shell in a running VM, or run a command in it'
            cand ssh-config 'Print OpenSSH''s settings for a VM, or add all VMs to OpenSSH''s configuration'
            cand cp 'Copy a file or folder into a running VM, or out of it'
            cand trust 'Accept a new SSH host key of a VM'
            cand console 'Attach to a running VM''s serial console; ctrl-] detaches'
            cand screenshot 'Save a picture of a running VM''s screen, as PNG'
            cand stop 'Stop running VMs'
            cand start 'Start stopped VMs in the background, and resume suspended ones'
            cand suspend 'Save running VMs with their memory, and end them; `start` resumes them'
            cand reboot 'Reboot the systems of running VMs'
            cand upgrade 'Bring a running VM to another version of its image, as production machines do it'
            cand rollback 'Bring a running VM back to the version before its last upgrade'
            cand replace 'Give a VM without a disk another image'
            cand test 'Test images in VMs'
            cand wait 'Wait until a running VM is ready, or until a unit in it is active'
            cand set 'Change the CPUs and the memory of a stopped VM, and the shares and disks of any VM'
            cand snapshot 'Save and restore a VM: its disks, and the memory of one that runs'
            cand clone 'Make a VM of another one''s settings and disks, and print its name'
            cand rename 'Give a stopped VM another name'
            cand rm 'Remove VMs and their disks'
            cand images 'List the bootable images in podman''s storage'
            cand disk 'Install a bootable container image to a disk image or a block device'
            cand generate 'Write a VM for another engine'
            cand prune 'Remove the base disks and templates that no VM uses'
            cand system 'Show the disk usage of the tool'
            cand inspect 'Show everything about VMs, as JSON'
            cand logs 'Show the output of a VM''s serial console, or its journal'
            cand events 'Show what happens to VMs, a line for each event'
            cand port 'Show or change the ports of the host that are forwarded to a VM'
            cand doctor 'Check for the programs and devices that the tool needs, and show how to get the missing ones'
            cand config 'Show the configured defaults of run, watch and test'
            cand completion 'Print a completion script for a shell'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'podman-bootc;help;run'= {
        }
        &'podman-bootc;help;watch'= {
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
        &'podman-bootc;help;suspend'= {
        }
        &'podman-bootc;help;reboot'= {
        }
        &'podman-bootc;help;upgrade'= {
        }
        &'podman-bootc;help;rollback'= {
        }
        &'podman-bootc;help;replace'= {
        }
        &'podman-bootc;help;test'= {
        }
        &'podman-bootc;help;wait'= {
        }
        &'podman-bootc;help;set'= {
        }
        &'podman-bootc;help;snapshot'= {
            cand create 'Create a snapshot, of the memory too if the VM is running'
            cand list 'List a VM''s snapshots'
            cand restore 'Restore a VM to a snapshot; everything that the VM did since then is lost'
            cand rm 'Remove snapshots; the VM''s disks don''t change'
        }
        &'podman-bootc;help;snapshot;create'= {
        }
        &'podman-bootc;help;snapshot;list'= {
        }
        &'podman-bootc;help;snapshot;restore'= {
        }
        &'podman-bootc;help;snapshot;rm'= {
        }
        &'podman-bootc;help;clone'= {
        }
        &'podman-bootc;help;rename'= {
        }
        &'podman-bootc;help;rm'= {
        }
        &'podman-bootc;help;images'= {
        }
        &'podman-bootc;help;disk'= {
        }
        &'podman-bootc;help;generate'= {
            cand kubevirt 'Write a VM as objects for KubeVirt'
        }
        &'podman-bootc;help;generate;kubevirt'= {
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
        &'podman-bootc;help;events'= {
        }
        &'podman-bootc;help;port'= {
        }
        &'podman-bootc;help;doctor'= {
        }
        &'podman-bootc;help;config'= {
            cand show 'Show each flag that has a value without the command line, and where the value comes from'
        }
        &'podman-bootc;help;config;show'= {
        }
        &'podman-bootc;help;completion'= {
        }
        &'podman-bootc;help;help'= {
        }
    ]
    $completions[$command]
}

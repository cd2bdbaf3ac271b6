
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
            cand ssh-config 'Print a Host block for OpenSSH, or make OpenSSH know all VMs'
            cand cp 'Copy a file or folder into a running VM, or out of it'
            cand console 'Attach to a running VM''s serial console; ctrl-] detaches'
            cand screenshot 'Take a picture of a running VM''s screen, as PNG'
            cand stop 'Stop running VMs'
            cand start 'Start stopped VMs, in the background'
            cand set 'Change a stopped VM: it has these from its next start on'
            cand snapshot 'Keep a stopped VM as it is, and bring it back to that later'
            cand rm 'Remove VMs with their disks'
            cand images 'List the bootable images in podman''s storage'
            cand disk 'Write a disk image made of a bootable container image'
            cand to-disk 'Write a disk image made of a bootable container image'
            cand prune 'Remove the base disks that no VM uses'
            cand system 'Look after what the tool keeps on this host'
            cand inspect 'Show all that is known of VMs, as JSON'
            cand logs 'Show what a VM''s serial console wrote, or its journal'
            cand port 'Show the ports of the host that lead to a VM, or change them'
            cand doctor 'Show what this host has of what the tool needs, and what to do about the rest'
            cand completion 'Print a completion script for a shell'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'podman-bootc;run'= {
            cand --name 'Name of the VM [default: a generated one]'
            cand -u 'The user to log in as; the image has to have it'
            cand --user 'The user to log in as; the image has to have it'
            cand --cpus 'Virtual processors'
            cand -m 'Memory, in bytes or with K, M, G'
            cand --memory 'Memory, in bytes or with K, M, G'
            cand --connection 'Take the image from this podman connection, as in `podman --connection` [default: CONTAINER_HOST''s]'
            cand --arch 'The architecture of the image [default: the local image''s, else the host''s]'
            cand --pull 'When to pull the image'
            cand --timeout 'How long to wait until the VM is ready, in seconds or as in 90s, 5m [default: 5m, emulated 20m]'
            cand --hypervisor 'What runs the VM'
            cand --accel 'What runs the guest''s code in QEMU'
            cand --root-transport 'How the image''s files reach a VM without a disk: as block images that are made of its layers once, or as they are, through virtiofsd'
            cand --disk 'Boot this disk image (raw or qcow2) instead of an image; it is only read, and has to stay as it is'
            cand -v 'Share a folder of the host with the VM, live in both directions; may be given several times'
            cand --volume 'Share a folder of the host with the VM, live in both directions; may be given several times'
            cand -p 'Make a port of the VM one of the host; may be given several times'
            cand --publish 'Make a port of the VM one of the host; may be given several times'
            cand --add-disk 'One more disk: a disk image (raw or qcow2), or new:SIZE for an empty one; may be given several times'
            cand --nic 'The VM''s network card'
            cand --hostname 'How the VM calls itself'
            cand --ssh-key 'A file with public keys that may log in, too; may be given several times'
            cand --credential 'A systemd credential for the VM, its value as it stands or from a file; may be given several times'
            cand --cloudinit 'Give cloud-init the files in this folder: user-data, and perhaps meta-data, network-config, vendor-data'
            cand --ignition 'Give Ignition this configuration'
            cand --firmware 'What starts the VM from its disk'
            cand --filesystem 'The root filesystem''s type: ext4, xfs or btrfs [default: the image''s own]'
            cand --root-size 'Size of the root filesystem, in bytes or with K, M, G, T [default: all of the disk]'
            cand --root-size-max 'Size of the root filesystem, in bytes or with K, M, G, T [default: all of the disk]'
            cand --disk-size 'Size of the disk, in bytes or with K, M, G, T [default: twice the image, 10G at the least]'
            cand --karg 'A kernel argument to add; may be given several times'
            cand --bootloader 'The boot loader to install [default: bootc''s choice]'
            cand --target-imgref 'The image reference that the installed system upgrades from [default: the image''s name]'
            cand --target-transport 'How the installed system gets at that reference: registry, oci, ... [default: registry]'
            cand --install-arg 'One more word for the command line of `bootc install to-disk`; may be given several times'
            cand --install-in 'Where to run `bootc install` [default: vm; on macOS and Windows, container, in the podman machine]'
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -d 'Return as soon as the VM runs, and print its name; with CMD return when that has run, and keep the VM'
            cand -B 'Return as soon as the VM runs, and print its name; with CMD return when that has run, and keep the VM'
            cand --detach 'Return as soon as the VM runs, and print its name; with CMD return when that has run, and keep the VM'
            cand --background 'Return as soon as the VM runs, and print its name; with CMD return when that has run, and keep the VM'
            cand --rm 'Remove the VM when the session ends (with --detach: when the VM powers off)'
            cand -q 'Show no progress'
            cand --quiet 'Show no progress'
            cand --ephemeral 'Boot the image itself: no disk, no install, all changes in memory and gone with the VM'
            cand --tpm 'Give the VM a TPM 2.0'
            cand --journal 'Keep the VM''s journal on this host, for `logs --journal` (systemd 256 and up in the image)'
            cand --gui 'Open a window with the VM''s screen'
            cand --composefs-backend 'Install with bootc''s composefs backend [default: only what its ostree backend can''t install]'
            cand --rebuild 'Install anew, although there is a disk of this image with these options'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'podman-bootc;list'= {
            cand --format 'Print as JSON, or by a template as in ''{{.name}} {{.state}}'''
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -q 'Print only the names'
            cand --quiet 'Print only the names'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'podman-bootc;ls'= {
            cand --format 'Print as JSON, or by a template as in ''{{.name}} {{.state}}'''
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -q 'Print only the names'
            cand --quiet 'Print only the names'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'podman-bootc;ps'= {
            cand --format 'Print as JSON, or by a template as in ''{{.name}} {{.state}}'''
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -q 'Print only the names'
            cand --quiet 'Print only the names'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'podman-bootc;ssh'= {
            cand -u 'The user to log in as [default: the VM''s]'
            cand --user 'The user to log in as [default: the VM''s]'
            cand --timeout 'How long to wait until the VM is ready, in seconds or as in 90s, 5m [default: 5m, emulated 20m]'
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -q 'Show no progress'
            cand --quiet 'Show no progress'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'podman-bootc;ssh-config'= {
            cand --log-level 'Log messages at and above this level, to stderr'
            cand --install 'Add one line to ~/.ssh/config that holds for all VMs, present and future'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'podman-bootc;cp'= {
            cand -u 'The user to log in as [default: the VM''s]'
            cand --user 'The user to log in as [default: the VM''s]'
            cand --timeout 'How long to wait until the VM is ready, in seconds or as in 90s, 5m [default: 5m, emulated 20m]'
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -q 'Show no progress'
            cand --quiet 'Show no progress'
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
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'podman-bootc;set'= {
            cand --cpus 'Virtual processors'
            cand -m 'Memory, in bytes or with K, M, G'
            cand --memory 'Memory, in bytes or with K, M, G'
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'podman-bootc;snapshot'= {
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand create 'Keep a stopped VM as it is'
            cand list 'List a VM''s snapshots'
            cand ls 'List a VM''s snapshots'
            cand restore 'Bring a stopped VM back to a snapshot: all that it wrote since then is lost'
            cand rm 'Remove snapshots of a stopped VM; the VM stays as it is'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'podman-bootc;snapshot;create'= {
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'podman-bootc;snapshot;list'= {
            cand --format 'Print as JSON, or by a template as in ''{{.name}} {{.created}}'''
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'podman-bootc;snapshot;ls'= {
            cand --format 'Print as JSON, or by a template as in ''{{.name}} {{.created}}'''
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
            cand create 'Keep a stopped VM as it is'
            cand list 'List a VM''s snapshots'
            cand restore 'Bring a stopped VM back to a snapshot: all that it wrote since then is lost'
            cand rm 'Remove snapshots of a stopped VM; the VM stays as it is'
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
            cand -f 'Remove running VMs, too; they lose their power; and those named that can''t be read'
            cand --force 'Remove running VMs, too; they lose their power; and those named that can''t be read'
            cand -a 'Remove all VMs that don''t run; with --force all'
            cand --all 'Remove all VMs that don''t run; with --force all'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'podman-bootc;images'= {
            cand --connection 'List those of this podman connection, as in `podman --connection` [default: CONTAINER_HOST''s]'
            cand --format 'Print as JSON, or by a template as in ''{{.name}} {{.id}}'''
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'podman-bootc;disk'= {
            cand --format 'The file''s format [default: by the ending of FILE''s name; raw for a block device]'
            cand --connection 'Take the image from this podman connection, as in `podman --connection` [default: CONTAINER_HOST''s]'
            cand --arch 'The architecture of the image [default: the local image''s, else the host''s]'
            cand --pull 'When to pull the image'
            cand --accel 'What runs the code of the VM that installs'
            cand --filesystem 'The root filesystem''s type: ext4, xfs or btrfs [default: the image''s own]'
            cand --root-size 'Size of the root filesystem, in bytes or with K, M, G, T [default: all of the disk]'
            cand --root-size-max 'Size of the root filesystem, in bytes or with K, M, G, T [default: all of the disk]'
            cand --disk-size 'Size of the disk, in bytes or with K, M, G, T [default: twice the image, 10G at the least]'
            cand --karg 'A kernel argument to add; may be given several times'
            cand --bootloader 'The boot loader to install [default: bootc''s choice]'
            cand --target-imgref 'The image reference that the installed system upgrades from [default: the image''s name]'
            cand --target-transport 'How the installed system gets at that reference: registry, oci, ... [default: registry]'
            cand --install-arg 'One more word for the command line of `bootc install to-disk`; may be given several times'
            cand --install-in 'Where to run `bootc install` [default: vm; on macOS and Windows, container, in the podman machine]'
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -f 'Write over FILE'
            cand --force 'Write over FILE'
            cand --force-block-device 'Write over all that is on the block device FILE'
            cand -q 'Show no progress'
            cand --quiet 'Show no progress'
            cand --composefs-backend 'Install with bootc''s composefs backend [default: only what its ostree backend can''t install]'
            cand --rebuild 'Install anew, although there is a disk of this image with these options'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'podman-bootc;to-disk'= {
            cand --format 'The file''s format [default: by the ending of FILE''s name; raw for a block device]'
            cand --connection 'Take the image from this podman connection, as in `podman --connection` [default: CONTAINER_HOST''s]'
            cand --arch 'The architecture of the image [default: the local image''s, else the host''s]'
            cand --pull 'When to pull the image'
            cand --accel 'What runs the code of the VM that installs'
            cand --filesystem 'The root filesystem''s type: ext4, xfs or btrfs [default: the image''s own]'
            cand --root-size 'Size of the root filesystem, in bytes or with K, M, G, T [default: all of the disk]'
            cand --root-size-max 'Size of the root filesystem, in bytes or with K, M, G, T [default: all of the disk]'
            cand --disk-size 'Size of the disk, in bytes or with K, M, G, T [default: twice the image, 10G at the least]'
            cand --karg 'A kernel argument to add; may be given several times'
            cand --bootloader 'The boot loader to install [default: bootc''s choice]'
            cand --target-imgref 'The image reference that the installed system upgrades from [default: the image''s name]'
            cand --target-transport 'How the installed system gets at that reference: registry, oci, ... [default: registry]'
            cand --install-arg 'One more word for the command line of `bootc install to-disk`; may be given several times'
            cand --install-in 'Where to run `bootc install` [default: vm; on macOS and Windows, container, in the podman machine]'
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -f 'Write over FILE'
            cand --force 'Write over FILE'
            cand --force-block-device 'Write over all that is on the block device FILE'
            cand -q 'Show no progress'
            cand --quiet 'Show no progress'
            cand --composefs-backend 'Install with bootc''s composefs backend [default: only what its ostree backend can''t install]'
            cand --rebuild 'Install anew, although there is a disk of this image with these options'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'podman-bootc;prune'= {
            cand --older-than 'Only what was not used (or, with --all, made) for this long, as in 12h, 30d'
            cand --format 'Print as JSON, or by a template as in ''{{.image}} {{.size}}'''
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -a 'Remove the logs of failed installs, what was made of images for direct boots, and the copies of images that came from elsewhere, too'
            cand --all 'Remove the logs of failed installs, what was made of images for direct boots, and the copies of images that came from elsewhere, too'
            cand --dry-run 'Only show what would be removed'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'podman-bootc;system'= {
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -h 'Print help'
            cand --help 'Print help'
            cand df 'Show what takes how much room on the host'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'podman-bootc;system;df'= {
            cand --format 'Print as JSON, or by a template as in ''{{.type}} {{.size}}'''
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -v 'Show each base disk and VM'
            cand --verbose 'Show each base disk and VM'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'podman-bootc;system;help'= {
            cand df 'Show what takes how much room on the host'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'podman-bootc;system;help;df'= {
        }
        &'podman-bootc;system;help;help'= {
        }
        &'podman-bootc;inspect'= {
            cand --format 'Print by a template as in ''{{.name}} {{.spec.cpus}}'' instead'
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'podman-bootc;logs'= {
            cand --since 'Only since this time: a time ago, in seconds or as in 90s, 5m, 2h; or as in 2026-01-31T12:00:00Z'
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -f 'Go on until the VM ends'
            cand --follow 'Go on until the VM ends'
            cand -b 'Only since the VM''s last start'
            cand --boot 'Only since the VM''s last start'
            cand -j 'The journal instead of the console'
            cand --journal 'The journal instead of the console'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'podman-bootc;port'= {
            cand --add 'Forward one more port; may be given several times'
            cand --remove 'Forward it no longer; may be given several times'
            cand --format 'Print as JSON, or by a template as in ''{{.host_port}}'''
            cand --log-level 'Log messages at and above this level, to stderr'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'podman-bootc;doctor'= {
            cand --format 'Print as JSON, or by a template as in ''{{.check}} {{.result}}'''
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
            cand ssh-config 'Print a Host block for OpenSSH, or make OpenSSH know all VMs'
            cand cp 'Copy a file or folder into a running VM, or out of it'
            cand console 'Attach to a running VM''s serial console; ctrl-] detaches'
            cand screenshot 'Take a picture of a running VM''s screen, as PNG'
            cand stop 'Stop running VMs'
            cand start 'Start stopped VMs, in the background'
            cand set 'Change a stopped VM: it has these from its next start on'
            cand snapshot 'Keep a stopped VM as it is, and bring it back to that later'
            cand rm 'Remove VMs with their disks'
            cand images 'List the bootable images in podman''s storage'
            cand disk 'Write a disk image made of a bootable container image'
            cand prune 'Remove the base disks that no VM uses'
            cand system 'Look after what the tool keeps on this host'
            cand inspect 'Show all that is known of VMs, as JSON'
            cand logs 'Show what a VM''s serial console wrote, or its journal'
            cand port 'Show the ports of the host that lead to a VM, or change them'
            cand doctor 'Show what this host has of what the tool needs, and what to do about the rest'
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
        &'podman-bootc;help;console'= {
        }
        &'podman-bootc;help;screenshot'= {
        }
        &'podman-bootc;help;stop'= {
        }
        &'podman-bootc;help;start'= {
        }
        &'podman-bootc;help;set'= {
        }
        &'podman-bootc;help;snapshot'= {
            cand create 'Keep a stopped VM as it is'
            cand list 'List a VM''s snapshots'
            cand restore 'Bring a stopped VM back to a snapshot: all that it wrote since then is lost'
            cand rm 'Remove snapshots of a stopped VM; the VM stays as it is'
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
            cand df 'Show what takes how much room on the host'
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

# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_podman_bootc_global_optspecs
    string join \n log-level= h/help V/version
end

function __fish_podman_bootc_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_podman_bootc_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_podman_bootc_using_subcommand
    set -l cmd (__fish_podman_bootc_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c podman-bootc -n "__fish_podman_bootc_needs_command" -l log-level -d 'Log messages at and above this level, to stderr' -r
complete -c podman-bootc -n "__fish_podman_bootc_needs_command" -s h -l help -d 'Print help'
complete -c podman-bootc -n "__fish_podman_bootc_needs_command" -s V -l version -d 'Print version'
complete -c podman-bootc -n "__fish_podman_bootc_needs_command" -f -a "run" -d 'Run a bootable container image as a VM'
complete -c podman-bootc -n "__fish_podman_bootc_needs_command" -f -a "list" -d 'List the VMs'
complete -c podman-bootc -n "__fish_podman_bootc_needs_command" -f -a "ls" -d 'List the VMs'
complete -c podman-bootc -n "__fish_podman_bootc_needs_command" -f -a "ps" -d 'List the VMs'
complete -c podman-bootc -n "__fish_podman_bootc_needs_command" -f -a "ssh" -d 'Open a shell in a running VM, or run a command in it'
complete -c podman-bootc -n "__fish_podman_bootc_needs_command" -f -a "ssh-config" -d 'Print OpenSSH\'s settings for a VM, or add all VMs to OpenSSH\'s configuration'
complete -c podman-bootc -n "__fish_podman_bootc_needs_command" -f -a "cp" -d 'Copy a file or folder into a running VM, or out of it'
complete -c podman-bootc -n "__fish_podman_bootc_needs_command" -f -a "trust" -d 'Accept a new SSH host key of a VM'
complete -c podman-bootc -n "__fish_podman_bootc_needs_command" -f -a "console" -d 'Attach to a running VM\'s serial console; ctrl-] detaches'
complete -c podman-bootc -n "__fish_podman_bootc_needs_command" -f -a "screenshot" -d 'Save a picture of a running VM\'s screen, as PNG'
complete -c podman-bootc -n "__fish_podman_bootc_needs_command" -f -a "stop" -d 'Stop running VMs'
complete -c podman-bootc -n "__fish_podman_bootc_needs_command" -f -a "start" -d 'Start stopped VMs in the background'
complete -c podman-bootc -n "__fish_podman_bootc_needs_command" -f -a "reboot" -d 'Reboot the systems of running VMs'
complete -c podman-bootc -n "__fish_podman_bootc_needs_command" -f -a "restart" -d 'Reboot the systems of running VMs'
complete -c podman-bootc -n "__fish_podman_bootc_needs_command" -f -a "upgrade" -d 'Bring a running VM to another version of its image, as production machines do it'
complete -c podman-bootc -n "__fish_podman_bootc_needs_command" -f -a "rollback" -d 'Bring a running VM back to the version before its last upgrade'
complete -c podman-bootc -n "__fish_podman_bootc_needs_command" -f -a "wait" -d 'Wait until a running VM is ready, or until a unit in it is active'
complete -c podman-bootc -n "__fish_podman_bootc_needs_command" -f -a "set" -d 'Change the CPUs and the memory of a stopped VM, and the shares and disks of any VM'
complete -c podman-bootc -n "__fish_podman_bootc_needs_command" -f -a "snapshot" -d 'Save and restore everything on the disks of a stopped VM'
complete -c podman-bootc -n "__fish_podman_bootc_needs_command" -f -a "rm" -d 'Remove VMs and their disks'
complete -c podman-bootc -n "__fish_podman_bootc_needs_command" -f -a "images" -d 'List the bootable images in podman\'s storage'
complete -c podman-bootc -n "__fish_podman_bootc_needs_command" -f -a "disk" -d 'Install a bootable container image to a disk image or a block device'
complete -c podman-bootc -n "__fish_podman_bootc_needs_command" -f -a "to-disk" -d 'Install a bootable container image to a disk image or a block device'
complete -c podman-bootc -n "__fish_podman_bootc_needs_command" -f -a "prune" -d 'Remove the base disks and templates that no VM uses'
complete -c podman-bootc -n "__fish_podman_bootc_needs_command" -f -a "system" -d 'Show the disk usage of the tool'
complete -c podman-bootc -n "__fish_podman_bootc_needs_command" -f -a "inspect" -d 'Show everything about VMs, as JSON'
complete -c podman-bootc -n "__fish_podman_bootc_needs_command" -f -a "logs" -d 'Show the output of a VM\'s serial console, or its journal'
complete -c podman-bootc -n "__fish_podman_bootc_needs_command" -f -a "port" -d 'Show or change the ports of the host that are forwarded to a VM'
complete -c podman-bootc -n "__fish_podman_bootc_needs_command" -f -a "doctor" -d 'Check for the programs and devices that the tool needs, and show how to get the missing ones'
complete -c podman-bootc -n "__fish_podman_bootc_needs_command" -f -a "completion" -d 'Print a completion script for a shell'
complete -c podman-bootc -n "__fish_podman_bootc_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -l name -d 'The VM\'s name [default: generated]' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -s u -l user -d 'The user to log in as: one of the image, or one that its sysusers.d, cloud-init or Ignition makes at boot' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -l cpus -d 'Virtual CPUs' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -s m -l memory -d 'Memory, in bytes or with K, M, G' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -l connection -d 'Use the images of this podman connection, as with `podman --connection` [default: from CONTAINER_HOST]' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -l arch -d 'The architecture of the image [default: the local image\'s, otherwise the host\'s]' -r -f -a "x86_64\t'also called amd64'
aarch64\t'also called arm64'"
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -l pull -d 'When to pull the image' -r -f -a "missing\t'If the image is not in podman\'s storage'
never\t''
always\t'Each time, so that a moved tag is found'"
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -l timeout -d 'Time limit until the VM is ready, in seconds or as in 90s, 5m [default: 5m, under emulation 20m]' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -l wait -d 'Wait for this before the session, or before --detach returns: ssh, running (the end of the boot, without failed units), or a unit such as multi-user.target [default: ssh]' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -l hypervisor -d 'The hypervisor that runs the VM' -r -f -a "auto\t'The first one installed: QEMU on Linux; QEMU, vfkit or krunkit on macOS; Hyper-V or QEMU on Windows'
qemu\t'QEMU'
vfkit\t'vfkit (macOS)'
krunkit\t'krunkit (macOS)'
hyperv\t'Hyper-V (Windows)'"
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -l accel -d 'The way QEMU runs guest code' -r -f -a "auto\t'The processor\'s virtualization if it works on this host, otherwise TCG'
kvm\t'KVM (Linux), without a fallback'
hvf\t'Hypervisor.framework (macOS), without a fallback'
whpx\t'The Windows Hypervisor Platform, without a fallback'
tcg\t'Emulation'"
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -l root-transport -d 'How an --ephemeral VM gets the image\'s files' -r -f -a "erofs\t'As read-only block images, made from the image\'s layers and cached'
virtiofs\t'As the image\'s own files, through virtiofsd, without a conversion'"
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -l disk -d 'Boot this disk image (raw or qcow2) instead of a container image; it must not change while the VM exists' -r -F
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -s v -l volume -d 'Share a host folder with the VM; can be repeated' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -s p -l publish -d 'Forward a port of the host to the VM; can be repeated' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -l add-disk -d 'Attach a disk image (raw or qcow2), or with new:SIZE an empty disk; can be repeated' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -l nic -d 'The VM\'s network card' -r -f -a "user\t'Outgoing connections through the host\'s network, incoming ones by forwarded ports only'
none\t'No network card; SSH uses the direct door (needs systemd 256 or newer)'"
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -l ssh -d 'The way in by SSH' -r -f -a "auto\t'The guest\'s own sshd if it lets us in, otherwise the direct door'
guest\t'Only the guest\'s own sshd'
direct\t'Only the direct door: an sshd that ignores the image\'s settings, over a serial port'"
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -l hostname -d 'The VM\'s hostname' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -l ssh-key -d 'Also accept the public SSH keys in this file; can be repeated' -r -F
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -l credential -d 'Hand a credential to the guest\'s systemd, as a value or from a file; can be repeated' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -l cloudinit -d 'Hand the files in this folder to cloud-init: user-data, optionally meta-data, network-config, vendor-data' -r -F
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -l ignition -d 'Hand this configuration to Ignition' -r -F
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -l firmware -d 'The firmware that boots the VM from its disk' -r -f -a "auto\t'UEFI without secure boot if the host has it, otherwise BIOS'
uefi\t'UEFI without secure boot'
secure\t'UEFI that starts only systems that are signed with the usual keys'
bios\t'BIOS'"
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -l warm -d 'Resume an --ephemeral VM from a template instead of booting [default: auto]' -r -f -a "auto\t'Resume if there is a template'
always\t'Resume, and make a missing template; say why if the VM can\'t'
never\t'Boot'"
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -l filesystem -d 'Type of the root filesystem: ext4, xfs or btrfs [default: the image\'s type, otherwise ext4]' -r -f -a "ext4\t''
xfs\t''
btrfs\t''"
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -l root-size -l root-size-max -d 'Size of the root filesystem, in bytes or with K, M, G, T [default: the whole disk]' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -l disk-size -d 'Size of the disk, in bytes or with K, M, G, T [default: twice the image\'s size, at least 10G]' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -l karg -d 'Add a kernel argument; can be repeated' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -l bootloader -d 'The boot loader to install [default: bootc\'s choice]' -r -f -a "grub\t''
systemd\t''
none\t''"
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -l target-imgref -d 'The image reference that the installed system upgrades from [default: the image\'s name]' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -l target-transport -d 'The transport of that reference: registry, oci, ... [default: registry]' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -l install-arg -d 'Add an argument to `bootc install to-disk`; can be repeated' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -l install-in -d 'Where to run `bootc install` [default: vm; on macOS and Windows: container, in the podman machine]' -r -f -a "vm\t'A VM, booted directly from the image. It needs neither root nor features of the host\'s kernel'
container\t'A privileged container. It needs root and loop devices'"
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -l install-memory -d 'Memory of the VM that installs, with K, M, G or T [default: 4G, or three quarters of the host\'s if that is less]' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -l log-level -d 'Log messages at and above this level, to stderr' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -s d -s B -l detach -l background -d 'Start the VM in the background and print its name; with CMD, wait until CMD exits, and keep the VM'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -l rm -d 'Remove the VM when the session ends (with --detach: when the VM powers off)'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -s t -l tty -d 'Give the command a terminal [default: if standard input and output are terminals]'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -s T -l no-tty -d 'Give the command no terminal'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -s i -l interactive -d 'Has no effect, because standard input is always passed on; podman\'s `-it` works'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -s q -l quiet -d 'Don\'t show progress'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -l ephemeral -d 'Boot the image directly, without an install; all changes are lost with the VM'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -l tpm -d 'Add a TPM 2.0'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -l journal -d 'Also store the VM\'s journal on the host, for `logs --journal` (systemd 256 or newer in the image)'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -l gui -d 'Open a window with the VM\'s screen'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -l cold -d 'Boot, and make no template'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -l composefs-backend -d 'Use bootc\'s composefs backend [default: only for images that its ostree backend can\'t install]'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -l rebuild -d 'Install again, even if the image already has a base disk with these options'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand list" -l format -d 'Print as JSON, or by a template such as \'{{.name}} {{.state}}\'' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand list" -l log-level -d 'Log messages at and above this level, to stderr' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand list" -s q -l quiet -d 'Print only the names'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand list" -s h -l help -d 'Print help'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand ls" -l format -d 'Print as JSON, or by a template such as \'{{.name}} {{.state}}\'' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand ls" -l log-level -d 'Log messages at and above this level, to stderr' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand ls" -s q -l quiet -d 'Print only the names'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand ls" -s h -l help -d 'Print help'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand ps" -l format -d 'Print as JSON, or by a template such as \'{{.name}} {{.state}}\'' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand ps" -l log-level -d 'Log messages at and above this level, to stderr' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand ps" -s q -l quiet -d 'Print only the names'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand ps" -s h -l help -d 'Print help'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand ssh" -s u -l user -d 'The user to log in as [default: the VM\'s user]' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand ssh" -l timeout -d 'Time limit until the VM is ready, in seconds or as in 90s, 5m [default: 5m, under emulation 20m]' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand ssh" -l log-level -d 'Log messages at and above this level, to stderr' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand ssh" -s q -l quiet -d 'Don\'t show progress'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand ssh" -s t -l tty -d 'Give the command a terminal [default: if standard input and output are terminals]'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand ssh" -s T -l no-tty -d 'Give the command no terminal'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand ssh" -s i -l interactive -d 'Has no effect, because standard input is always passed on; podman\'s `-it` works'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand ssh" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand ssh-config" -l log-level -d 'Log messages at and above this level, to stderr' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand ssh-config" -l install -d 'Add one line to ~/.ssh/config that applies to all present and future VMs'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand ssh-config" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand cp" -s u -l user -d 'The user to log in as [default: the VM\'s user]' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand cp" -l timeout -d 'Time limit until the VM is ready, in seconds or as in 90s, 5m [default: 5m, under emulation 20m]' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand cp" -l log-level -d 'Log messages at and above this level, to stderr' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand cp" -s q -l quiet -d 'Don\'t show progress'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand cp" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand trust" -l log-level -d 'Log messages at and above this level, to stderr' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand trust" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand console" -l log-level -d 'Log messages at and above this level, to stderr' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand console" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand screenshot" -l log-level -d 'Log messages at and above this level, to stderr' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand screenshot" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand stop" -s t -l time -d 'Seconds until the power is cut' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand stop" -l log-level -d 'Log messages at and above this level, to stderr' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand stop" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand start" -l wait -d 'Wait for this: ssh, running (the end of the boot, without failed units), or a unit such as multi-user.target' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand start" -l timeout -d 'Time limit for --wait, in seconds or as in 90s, 5m [default: 5m, under emulation 20m]' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand start" -l log-level -d 'Log messages at and above this level, to stderr' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand start" -s q -l quiet -d 'Don\'t show progress'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand start" -s h -l help -d 'Print help'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand reboot" -l wait -d 'What to wait for in the next boot: ssh, running (the end of the boot, without failed units), or a unit such as multi-user.target' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand reboot" -s u -l user -d 'The user to log in as [default: the VM\'s user]' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand reboot" -l timeout -d 'Time limit until the VM is ready, in seconds or as in 90s, 5m [default: 5m, under emulation 20m]' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand reboot" -l log-level -d 'Log messages at and above this level, to stderr' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand reboot" -l soft -d 'Restart only the guest\'s userspace, not its kernel; needs systemd 254 or newer in the guest'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand reboot" -l no-wait -d 'Return as soon as the guest begins to reboot'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand reboot" -s q -l quiet -d 'Don\'t show progress'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand reboot" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand restart" -l wait -d 'What to wait for in the next boot: ssh, running (the end of the boot, without failed units), or a unit such as multi-user.target' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand restart" -s u -l user -d 'The user to log in as [default: the VM\'s user]' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand restart" -l timeout -d 'Time limit until the VM is ready, in seconds or as in 90s, 5m [default: 5m, under emulation 20m]' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand restart" -l log-level -d 'Log messages at and above this level, to stderr' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand restart" -l soft -d 'Restart only the guest\'s userspace, not its kernel; needs systemd 254 or newer in the guest'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand restart" -l no-wait -d 'Return as soon as the guest begins to reboot'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand restart" -s q -l quiet -d 'Don\'t show progress'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand restart" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand upgrade" -l check -d 'A shell command line that must succeed in the VM after the reboot' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand upgrade" -l timeout -d 'Time limit for each step, in seconds or as in 90s, 5m [default: 1h for the pull, 25m for the reboot]' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand upgrade" -s u -l user -d 'The user to log in as; it needs `sudo -n` if it isn\'t root [default: the VM\'s user]' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand upgrade" -l format -d 'Print the report as JSON, or by a template such as \'{{.to}}\'' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand upgrade" -l connection -d 'Use the images of this podman connection, as with `podman --connection` [default: from CONTAINER_HOST]' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand upgrade" -l pull -d 'When to pull the image to the host' -r -f -a "missing\t'If the image is not in podman\'s storage'
never\t''
always\t'Each time, so that a moved tag is found'"
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand upgrade" -l log-level -d 'Log messages at and above this level, to stderr' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand upgrade" -l no-apply -d 'Stage the version only: the VM boots it at its next reboot'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand upgrade" -l soft-reboot -d 'Restart only the userspace, if the new version has the same kernel'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand upgrade" -l auto-rollback -d 'Bring the old version back if the new one doesn\'t boot, or if --check fails'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand upgrade" -s q -l quiet -d 'Don\'t show progress'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand upgrade" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand rollback" -l check -d 'A shell command line that must succeed in the VM after the reboot' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand rollback" -l timeout -d 'Time limit for each step, in seconds or as in 90s, 5m [default: 1h for the pull, 25m for the reboot]' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand rollback" -s u -l user -d 'The user to log in as; it needs `sudo -n` if it isn\'t root [default: the VM\'s user]' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand rollback" -l format -d 'Print the report as JSON, or by a template such as \'{{.to}}\'' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand rollback" -l log-level -d 'Log messages at and above this level, to stderr' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand rollback" -l no-apply -d 'Make the version the next to boot only: the VM boots it at its next reboot'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand rollback" -l auto-rollback -d 'Bring the old version back if the new one doesn\'t boot, or if --check fails'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand rollback" -s q -l quiet -d 'Don\'t show progress'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand rollback" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand wait" -l for -d 'What to wait for: ssh, running (the end of the boot, without failed units), or a unit such as multi-user.target' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand wait" -s u -l user -d 'The user to log in as [default: the VM\'s user]' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand wait" -l timeout -d 'Time limit until the VM is ready, in seconds or as in 90s, 5m [default: 5m, under emulation 20m]' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand wait" -l log-level -d 'Log messages at and above this level, to stderr' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand wait" -s q -l quiet -d 'Don\'t show progress'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand wait" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand set" -l cpus -d 'Virtual CPUs' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand set" -s m -l memory -d 'Memory, in bytes or with K, M, G' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand set" -l add-volume -d 'Share one more host folder; can be repeated' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand set" -l remove-volume -d 'Unmount the share at this folder of the VM, and remove it; can be repeated' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand set" -l add-disk -d 'Attach one more disk image, or with new:SIZE an empty disk; can be repeated' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand set" -l remove-disk -d 'Detach this disk, such as extra0; can be repeated' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand set" -l log-level -d 'Log messages at and above this level, to stderr' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand set" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand snapshot; and not __fish_seen_subcommand_from create list ls restore rm help" -l log-level -d 'Log messages at and above this level, to stderr' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand snapshot; and not __fish_seen_subcommand_from create list ls restore rm help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand snapshot; and not __fish_seen_subcommand_from create list ls restore rm help" -f -a "create" -d 'Create a snapshot of a stopped VM'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand snapshot; and not __fish_seen_subcommand_from create list ls restore rm help" -f -a "list" -d 'List a VM\'s snapshots'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand snapshot; and not __fish_seen_subcommand_from create list ls restore rm help" -f -a "ls" -d 'List a VM\'s snapshots'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand snapshot; and not __fish_seen_subcommand_from create list ls restore rm help" -f -a "restore" -d 'Restore a stopped VM to a snapshot; everything that the VM wrote since then is lost'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand snapshot; and not __fish_seen_subcommand_from create list ls restore rm help" -f -a "rm" -d 'Remove snapshots of a stopped VM; the VM\'s disks don\'t change'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand snapshot; and not __fish_seen_subcommand_from create list ls restore rm help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand snapshot; and __fish_seen_subcommand_from create" -l log-level -d 'Log messages at and above this level, to stderr' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand snapshot; and __fish_seen_subcommand_from create" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand snapshot; and __fish_seen_subcommand_from list" -l format -d 'Print as JSON, or by a template such as \'{{.name}} {{.created}}\'' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand snapshot; and __fish_seen_subcommand_from list" -l log-level -d 'Log messages at and above this level, to stderr' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand snapshot; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand snapshot; and __fish_seen_subcommand_from ls" -l format -d 'Print as JSON, or by a template such as \'{{.name}} {{.created}}\'' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand snapshot; and __fish_seen_subcommand_from ls" -l log-level -d 'Log messages at and above this level, to stderr' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand snapshot; and __fish_seen_subcommand_from ls" -s h -l help -d 'Print help'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand snapshot; and __fish_seen_subcommand_from restore" -l log-level -d 'Log messages at and above this level, to stderr' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand snapshot; and __fish_seen_subcommand_from restore" -s h -l help -d 'Print help'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand snapshot; and __fish_seen_subcommand_from rm" -l log-level -d 'Log messages at and above this level, to stderr' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand snapshot; and __fish_seen_subcommand_from rm" -s h -l help -d 'Print help'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand snapshot; and __fish_seen_subcommand_from help" -f -a "create" -d 'Create a snapshot of a stopped VM'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand snapshot; and __fish_seen_subcommand_from help" -f -a "list" -d 'List a VM\'s snapshots'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand snapshot; and __fish_seen_subcommand_from help" -f -a "restore" -d 'Restore a stopped VM to a snapshot; everything that the VM wrote since then is lost'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand snapshot; and __fish_seen_subcommand_from help" -f -a "rm" -d 'Remove snapshots of a stopped VM; the VM\'s disks don\'t change'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand snapshot; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand rm" -l log-level -d 'Log messages at and above this level, to stderr' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand rm" -s f -l force -d 'Also remove running VMs (their power is cut) and named VMs whose files can\'t be read'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand rm" -s a -l all -d 'Remove all VMs that are not running; with --force, all VMs'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand rm" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand images" -l connection -d 'List the images of this podman connection, as with `podman --connection` [default: from CONTAINER_HOST]' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand images" -l format -d 'Print as JSON, or by a template such as \'{{.name}} {{.id}}\'' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand images" -l log-level -d 'Log messages at and above this level, to stderr' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand images" -s h -l help -d 'Print help'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand disk" -l format -d 'The file\'s format [default: from the extension of FILE; raw for a block device]' -r -f -a "raw\t'The disk\'s bytes, with holes for zeros'
qcow2\t'QEMU\'s format'
vhdx\t'Hyper-V\'s format'
vmdk\t'VMware\'s format'"
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand disk" -l connection -d 'Use the images of this podman connection, as with `podman --connection` [default: from CONTAINER_HOST]' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand disk" -l arch -d 'The architecture of the image [default: the local image\'s, otherwise the host\'s]' -r -f -a "x86_64\t'also called amd64'
aarch64\t'also called arm64'"
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand disk" -l pull -d 'When to pull the image' -r -f -a "missing\t'If the image is not in podman\'s storage'
never\t''
always\t'Each time, so that a moved tag is found'"
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand disk" -l accel -d 'The way QEMU runs guest code during the install' -r -f -a "auto\t'The processor\'s virtualization if it works on this host, otherwise TCG'
kvm\t'KVM (Linux), without a fallback'
hvf\t'Hypervisor.framework (macOS), without a fallback'
whpx\t'The Windows Hypervisor Platform, without a fallback'
tcg\t'Emulation'"
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand disk" -l filesystem -d 'Type of the root filesystem: ext4, xfs or btrfs [default: the image\'s type, otherwise ext4]' -r -f -a "ext4\t''
xfs\t''
btrfs\t''"
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand disk" -l root-size -l root-size-max -d 'Size of the root filesystem, in bytes or with K, M, G, T [default: the whole disk]' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand disk" -l disk-size -d 'Size of the disk, in bytes or with K, M, G, T [default: twice the image\'s size, at least 10G]' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand disk" -l karg -d 'Add a kernel argument; can be repeated' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand disk" -l bootloader -d 'The boot loader to install [default: bootc\'s choice]' -r -f -a "grub\t''
systemd\t''
none\t''"
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand disk" -l target-imgref -d 'The image reference that the installed system upgrades from [default: the image\'s name]' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand disk" -l target-transport -d 'The transport of that reference: registry, oci, ... [default: registry]' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand disk" -l install-arg -d 'Add an argument to `bootc install to-disk`; can be repeated' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand disk" -l install-in -d 'Where to run `bootc install` [default: vm; on macOS and Windows: container, in the podman machine]' -r -f -a "vm\t'A VM, booted directly from the image. It needs neither root nor features of the host\'s kernel'
container\t'A privileged container. It needs root and loop devices'"
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand disk" -l install-memory -d 'Memory of the VM that installs, with K, M, G or T [default: 4G, or three quarters of the host\'s if that is less]' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand disk" -l log-level -d 'Log messages at and above this level, to stderr' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand disk" -s f -l force -d 'Overwrite FILE'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand disk" -l force-block-device -d 'Overwrite everything on the block device FILE'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand disk" -s q -l quiet -d 'Don\'t show progress'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand disk" -l composefs-backend -d 'Use bootc\'s composefs backend [default: only for images that its ostree backend can\'t install]'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand disk" -l rebuild -d 'Install again, even if the image already has a base disk with these options'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand disk" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand to-disk" -l format -d 'The file\'s format [default: from the extension of FILE; raw for a block device]' -r -f -a "raw\t'The disk\'s bytes, with holes for zeros'
qcow2\t'QEMU\'s format'
vhdx\t'Hyper-V\'s format'
vmdk\t'VMware\'s format'"
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand to-disk" -l connection -d 'Use the images of this podman connection, as with `podman --connection` [default: from CONTAINER_HOST]' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand to-disk" -l arch -d 'The architecture of the image [default: the local image\'s, otherwise the host\'s]' -r -f -a "x86_64\t'also called amd64'
aarch64\t'also called arm64'"
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand to-disk" -l pull -d 'When to pull the image' -r -f -a "missing\t'If the image is not in podman\'s storage'
never\t''
always\t'Each time, so that a moved tag is found'"
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand to-disk" -l accel -d 'The way QEMU runs guest code during the install' -r -f -a "auto\t'The processor\'s virtualization if it works on this host, otherwise TCG'
kvm\t'KVM (Linux), without a fallback'
hvf\t'Hypervisor.framework (macOS), without a fallback'
whpx\t'The Windows Hypervisor Platform, without a fallback'
tcg\t'Emulation'"
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand to-disk" -l filesystem -d 'Type of the root filesystem: ext4, xfs or btrfs [default: the image\'s type, otherwise ext4]' -r -f -a "ext4\t''
xfs\t''
btrfs\t''"
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand to-disk" -l root-size -l root-size-max -d 'Size of the root filesystem, in bytes or with K, M, G, T [default: the whole disk]' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand to-disk" -l disk-size -d 'Size of the disk, in bytes or with K, M, G, T [default: twice the image\'s size, at least 10G]' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand to-disk" -l karg -d 'Add a kernel argument; can be repeated' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand to-disk" -l bootloader -d 'The boot loader to install [default: bootc\'s choice]' -r -f -a "grub\t''
systemd\t''
none\t''"
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand to-disk" -l target-imgref -d 'The image reference that the installed system upgrades from [default: the image\'s name]' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand to-disk" -l target-transport -d 'The transport of that reference: registry, oci, ... [default: registry]' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand to-disk" -l install-arg -d 'Add an argument to `bootc install to-disk`; can be repeated' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand to-disk" -l install-in -d 'Where to run `bootc install` [default: vm; on macOS and Windows: container, in the podman machine]' -r -f -a "vm\t'A VM, booted directly from the image. It needs neither root nor features of the host\'s kernel'
container\t'A privileged container. It needs root and loop devices'"
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand to-disk" -l install-memory -d 'Memory of the VM that installs, with K, M, G or T [default: 4G, or three quarters of the host\'s if that is less]' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand to-disk" -l log-level -d 'Log messages at and above this level, to stderr' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand to-disk" -s f -l force -d 'Overwrite FILE'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand to-disk" -l force-block-device -d 'Overwrite everything on the block device FILE'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand to-disk" -s q -l quiet -d 'Don\'t show progress'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand to-disk" -l composefs-backend -d 'Use bootc\'s composefs backend [default: only for images that its ostree backend can\'t install]'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand to-disk" -l rebuild -d 'Install again, even if the image already has a base disk with these options'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand to-disk" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand prune" -l older-than -d 'Remove only what was last used (or, with --all, made) at least this long ago, for example 12h or 30d' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand prune" -l format -d 'Print as JSON, or by a template such as \'{{.image}} {{.size}}\'' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand prune" -l log-level -d 'Log messages at and above this level, to stderr' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand prune" -s a -l all -d 'Also remove the files made for direct boots, the copies of images from files and other podmans, and the logs of failed installs'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand prune" -l dry-run -d 'Show what would be removed, but remove nothing'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand prune" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand system; and not __fish_seen_subcommand_from df help" -l log-level -d 'Log messages at and above this level, to stderr' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand system; and not __fish_seen_subcommand_from df help" -s h -l help -d 'Print help'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand system; and not __fish_seen_subcommand_from df help" -f -a "df" -d 'Show how much space everything takes on the host'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand system; and not __fish_seen_subcommand_from df help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand system; and __fish_seen_subcommand_from df" -l format -d 'Print as JSON, or by a template such as \'{{.type}} {{.size}}\'' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand system; and __fish_seen_subcommand_from df" -l log-level -d 'Log messages at and above this level, to stderr' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand system; and __fish_seen_subcommand_from df" -s v -l verbose -d 'Show each base disk and VM'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand system; and __fish_seen_subcommand_from df" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand system; and __fish_seen_subcommand_from help" -f -a "df" -d 'Show how much space everything takes on the host'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand system; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand inspect" -l format -d 'Print by a template such as \'{{.name}} {{.spec.cpus}}\' instead' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand inspect" -l log-level -d 'Log messages at and above this level, to stderr' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand inspect" -s h -l help -d 'Print help'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand logs" -l since -d 'Show only output since this time: an age, in seconds or as in 90s, 5m, 2h, or a date such as 2026-01-31T12:00:00Z' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand logs" -l log-level -d 'Log messages at and above this level, to stderr' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand logs" -s f -l follow -d 'Keep printing new output until the VM ends'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand logs" -s b -l boot -d 'Show only output since the VM\'s last start'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand logs" -s j -l journal -d 'Show the journal instead of the console'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand logs" -s h -l help -d 'Print help'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand port" -l add -d 'Forward one more port; can be repeated' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand port" -l remove -d 'Stop forwarding a port; can be repeated' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand port" -l format -d 'Print as JSON, or by a template such as \'{{.host_port}}\'' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand port" -l log-level -d 'Log messages at and above this level, to stderr' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand port" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand doctor" -l format -d 'Print as JSON, or by a template such as \'{{.check}} {{.result}}\'' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand doctor" -l log-level -d 'Log messages at and above this level, to stderr' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand completion" -l log-level -d 'Log messages at and above this level, to stderr' -r
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand completion" -s h -l help -d 'Print help'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand help; and not __fish_seen_subcommand_from run list ssh ssh-config cp trust console screenshot stop start reboot upgrade rollback wait set snapshot rm images disk prune system inspect logs port doctor completion help" -f -a "run" -d 'Run a bootable container image as a VM'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand help; and not __fish_seen_subcommand_from run list ssh ssh-config cp trust console screenshot stop start reboot upgrade rollback wait set snapshot rm images disk prune system inspect logs port doctor completion help" -f -a "list" -d 'List the VMs'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand help; and not __fish_seen_subcommand_from run list ssh ssh-config cp trust console screenshot stop start reboot upgrade rollback wait set snapshot rm images disk prune system inspect logs port doctor completion help" -f -a "ssh" -d 'Open a shell in a running VM, or run a command in it'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand help; and not __fish_seen_subcommand_from run list ssh ssh-config cp trust console screenshot stop start reboot upgrade rollback wait set snapshot rm images disk prune system inspect logs port doctor completion help" -f -a "ssh-config" -d 'Print OpenSSH\'s settings for a VM, or add all VMs to OpenSSH\'s configuration'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand help; and not __fish_seen_subcommand_from run list ssh ssh-config cp trust console screenshot stop start reboot upgrade rollback wait set snapshot rm images disk prune system inspect logs port doctor completion help" -f -a "cp" -d 'Copy a file or folder into a running VM, or out of it'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand help; and not __fish_seen_subcommand_from run list ssh ssh-config cp trust console screenshot stop start reboot upgrade rollback wait set snapshot rm images disk prune system inspect logs port doctor completion help" -f -a "trust" -d 'Accept a new SSH host key of a VM'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand help; and not __fish_seen_subcommand_from run list ssh ssh-config cp trust console screenshot stop start reboot upgrade rollback wait set snapshot rm images disk prune system inspect logs port doctor completion help" -f -a "console" -d 'Attach to a running VM\'s serial console; ctrl-] detaches'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand help; and not __fish_seen_subcommand_from run list ssh ssh-config cp trust console screenshot stop start reboot upgrade rollback wait set snapshot rm images disk prune system inspect logs port doctor completion help" -f -a "screenshot" -d 'Save a picture of a running VM\'s screen, as PNG'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand help; and not __fish_seen_subcommand_from run list ssh ssh-config cp trust console screenshot stop start reboot upgrade rollback wait set snapshot rm images disk prune system inspect logs port doctor completion help" -f -a "stop" -d 'Stop running VMs'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand help; and not __fish_seen_subcommand_from run list ssh ssh-config cp trust console screenshot stop start reboot upgrade rollback wait set snapshot rm images disk prune system inspect logs port doctor completion help" -f -a "start" -d 'Start stopped VMs in the background'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand help; and not __fish_seen_subcommand_from run list ssh ssh-config cp trust console screenshot stop start reboot upgrade rollback wait set snapshot rm images disk prune system inspect logs port doctor completion help" -f -a "reboot" -d 'Reboot the systems of running VMs'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand help; and not __fish_seen_subcommand_from run list ssh ssh-config cp trust console screenshot stop start reboot upgrade rollback wait set snapshot rm images disk prune system inspect logs port doctor completion help" -f -a "upgrade" -d 'Bring a running VM to another version of its image, as production machines do it'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand help; and not __fish_seen_subcommand_from run list ssh ssh-config cp trust console screenshot stop start reboot upgrade rollback wait set snapshot rm images disk prune system inspect logs port doctor completion help" -f -a "rollback" -d 'Bring a running VM back to the version before its last upgrade'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand help; and not __fish_seen_subcommand_from run list ssh ssh-config cp trust console screenshot stop start reboot upgrade rollback wait set snapshot rm images disk prune system inspect logs port doctor completion help" -f -a "wait" -d 'Wait until a running VM is ready, or until a unit in it is active'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand help; and not __fish_seen_subcommand_from run list ssh ssh-config cp trust console screenshot stop start reboot upgrade rollback wait set snapshot rm images disk prune system inspect logs port doctor completion help" -f -a "set" -d 'Change the CPUs and the memory of a stopped VM, and the shares and disks of any VM'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand help; and not __fish_seen_subcommand_from run list ssh ssh-config cp trust console screenshot stop start reboot upgrade rollback wait set snapshot rm images disk prune system inspect logs port doctor completion help" -f -a "snapshot" -d 'Save and restore everything on the disks of a stopped VM'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand help; and not __fish_seen_subcommand_from run list ssh ssh-config cp trust console screenshot stop start reboot upgrade rollback wait set snapshot rm images disk prune system inspect logs port doctor completion help" -f -a "rm" -d 'Remove VMs and their disks'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand help; and not __fish_seen_subcommand_from run list ssh ssh-config cp trust console screenshot stop start reboot upgrade rollback wait set snapshot rm images disk prune system inspect logs port doctor completion help" -f -a "images" -d 'List the bootable images in podman\'s storage'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand help; and not __fish_seen_subcommand_from run list ssh ssh-config cp trust console screenshot stop start reboot upgrade rollback wait set snapshot rm images disk prune system inspect logs port doctor completion help" -f -a "disk" -d 'Install a bootable container image to a disk image or a block device'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand help; and not __fish_seen_subcommand_from run list ssh ssh-config cp trust console screenshot stop start reboot upgrade rollback wait set snapshot rm images disk prune system inspect logs port doctor completion help" -f -a "prune" -d 'Remove the base disks and templates that no VM uses'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand help; and not __fish_seen_subcommand_from run list ssh ssh-config cp trust console screenshot stop start reboot upgrade rollback wait set snapshot rm images disk prune system inspect logs port doctor completion help" -f -a "system" -d 'Show the disk usage of the tool'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand help; and not __fish_seen_subcommand_from run list ssh ssh-config cp trust console screenshot stop start reboot upgrade rollback wait set snapshot rm images disk prune system inspect logs port doctor completion help" -f -a "inspect" -d 'Show everything about VMs, as JSON'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand help; and not __fish_seen_subcommand_from run list ssh ssh-config cp trust console screenshot stop start reboot upgrade rollback wait set snapshot rm images disk prune system inspect logs port doctor completion help" -f -a "logs" -d 'Show the output of a VM\'s serial console, or its journal'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand help; and not __fish_seen_subcommand_from run list ssh ssh-config cp trust console screenshot stop start reboot upgrade rollback wait set snapshot rm images disk prune system inspect logs port doctor completion help" -f -a "port" -d 'Show or change the ports of the host that are forwarded to a VM'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand help; and not __fish_seen_subcommand_from run list ssh ssh-config cp trust console screenshot stop start reboot upgrade rollback wait set snapshot rm images disk prune system inspect logs port doctor completion help" -f -a "doctor" -d 'Check for the programs and devices that the tool needs, and show how to get the missing ones'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand help; and not __fish_seen_subcommand_from run list ssh ssh-config cp trust console screenshot stop start reboot upgrade rollback wait set snapshot rm images disk prune system inspect logs port doctor completion help" -f -a "completion" -d 'Print a completion script for a shell'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand help; and not __fish_seen_subcommand_from run list ssh ssh-config cp trust console screenshot stop start reboot upgrade rollback wait set snapshot rm images disk prune system inspect logs port doctor completion help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand help; and __fish_seen_subcommand_from snapshot" -f -a "create" -d 'Create a snapshot of a stopped VM'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand help; and __fish_seen_subcommand_from snapshot" -f -a "list" -d 'List a VM\'s snapshots'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand help; and __fish_seen_subcommand_from snapshot" -f -a "restore" -d 'Restore a stopped VM to a snapshot; everything that the VM wrote since then is lost'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand help; and __fish_seen_subcommand_from snapshot" -f -a "rm" -d 'Remove snapshots of a stopped VM; the VM\'s disks don\'t change'
complete -c podman-bootc -n "__fish_podman_bootc_using_subcommand help; and __fish_seen_subcommand_from system" -f -a "df" -d 'Show how much space everything takes on the host'

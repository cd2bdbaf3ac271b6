
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'podman-bootc' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'podman-bootc'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'podman-bootc' {
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('run', 'run', [CompletionResultType]::ParameterValue, 'Run a bootable container image as a VM')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List the VMs')
            [CompletionResult]::new('ls', 'ls', [CompletionResultType]::ParameterValue, 'List the VMs')
            [CompletionResult]::new('ps', 'ps', [CompletionResultType]::ParameterValue, 'List the VMs')
            [CompletionResult]::new('ssh', 'ssh', [CompletionResultType]::ParameterValue, 'Open a shell in a running VM, or run a command in it')
            [CompletionResult]::new('ssh-config', 'ssh-config', [CompletionResultType]::ParameterValue, 'Print a Host block for OpenSSH, or make OpenSSH know all VMs')
            [CompletionResult]::new('cp', 'cp', [CompletionResultType]::ParameterValue, 'Copy a file or folder into a running VM, or out of it')
            [CompletionResult]::new('console', 'console', [CompletionResultType]::ParameterValue, 'Attach to a running VM''s serial console; ctrl-] detaches')
            [CompletionResult]::new('screenshot', 'screenshot', [CompletionResultType]::ParameterValue, 'Take a picture of a running VM''s screen, as PNG')
            [CompletionResult]::new('stop', 'stop', [CompletionResultType]::ParameterValue, 'Stop running VMs')
            [CompletionResult]::new('start', 'start', [CompletionResultType]::ParameterValue, 'Start stopped VMs, in the background')
            [CompletionResult]::new('set', 'set', [CompletionResultType]::ParameterValue, 'Change a stopped VM: it has these from its next start on')
            [CompletionResult]::new('snapshot', 'snapshot', [CompletionResultType]::ParameterValue, 'Keep a stopped VM as it is, and bring it back to that later')
            [CompletionResult]::new('rm', 'rm', [CompletionResultType]::ParameterValue, 'Remove VMs with their disks')
            [CompletionResult]::new('images', 'images', [CompletionResultType]::ParameterValue, 'List the bootable images in podman''s storage')
            [CompletionResult]::new('disk', 'disk', [CompletionResultType]::ParameterValue, 'Write a disk image made of a bootable container image')
            [CompletionResult]::new('to-disk', 'to-disk', [CompletionResultType]::ParameterValue, 'Write a disk image made of a bootable container image')
            [CompletionResult]::new('prune', 'prune', [CompletionResultType]::ParameterValue, 'Remove the base disks that no VM uses')
            [CompletionResult]::new('system', 'system', [CompletionResultType]::ParameterValue, 'Look after what the tool keeps on this host')
            [CompletionResult]::new('inspect', 'inspect', [CompletionResultType]::ParameterValue, 'Show all that is known of VMs, as JSON')
            [CompletionResult]::new('logs', 'logs', [CompletionResultType]::ParameterValue, 'Show what a VM''s serial console wrote, or its journal')
            [CompletionResult]::new('port', 'port', [CompletionResultType]::ParameterValue, 'Show the ports of the host that lead to a VM, or change them')
            [CompletionResult]::new('doctor', 'doctor', [CompletionResultType]::ParameterValue, 'Show what this host has of what the tool needs, and what to do about the rest')
            [CompletionResult]::new('completion', 'completion', [CompletionResultType]::ParameterValue, 'Print a completion script for a shell')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'podman-bootc;run' {
            [CompletionResult]::new('--name', '--name', [CompletionResultType]::ParameterName, 'Name of the VM [default: a generated one]')
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'The user to log in as; the image has to have it')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'The user to log in as; the image has to have it')
            [CompletionResult]::new('--cpus', '--cpus', [CompletionResultType]::ParameterName, 'Virtual processors')
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'Memory, in bytes or with K, M, G')
            [CompletionResult]::new('--memory', '--memory', [CompletionResultType]::ParameterName, 'Memory, in bytes or with K, M, G')
            [CompletionResult]::new('--connection', '--connection', [CompletionResultType]::ParameterName, 'Take the image from this podman connection, as in `podman --connection` [default: CONTAINER_HOST''s]')
            [CompletionResult]::new('--arch', '--arch', [CompletionResultType]::ParameterName, 'The architecture of the image [default: the local image''s, else the host''s]')
            [CompletionResult]::new('--pull', '--pull', [CompletionResultType]::ParameterName, 'When to pull the image')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'How long to wait until the VM is ready, in seconds or as in 90s, 5m [default: 5m, emulated 20m]')
            [CompletionResult]::new('--hypervisor', '--hypervisor', [CompletionResultType]::ParameterName, 'What runs the VM')
            [CompletionResult]::new('--accel', '--accel', [CompletionResultType]::ParameterName, 'What runs the guest''s code in QEMU')
            [CompletionResult]::new('--root-transport', '--root-transport', [CompletionResultType]::ParameterName, 'How the image''s files reach a VM without a disk: as block images that are made of its layers once, or as they are, through virtiofsd')
            [CompletionResult]::new('--disk', '--disk', [CompletionResultType]::ParameterName, 'Boot this disk image (raw or qcow2) instead of an image; it is only read, and has to stay as it is')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Share a folder of the host with the VM, live in both directions; may be given several times')
            [CompletionResult]::new('--volume', '--volume', [CompletionResultType]::ParameterName, 'Share a folder of the host with the VM, live in both directions; may be given several times')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Make a port of the VM one of the host; may be given several times')
            [CompletionResult]::new('--publish', '--publish', [CompletionResultType]::ParameterName, 'Make a port of the VM one of the host; may be given several times')
            [CompletionResult]::new('--add-disk', '--add-disk', [CompletionResultType]::ParameterName, 'One more disk: a disk image (raw or qcow2), or new:SIZE for an empty one; may be given several times')
            [CompletionResult]::new('--nic', '--nic', [CompletionResultType]::ParameterName, 'The VM''s network card')
            [CompletionResult]::new('--hostname', '--hostname', [CompletionResultType]::ParameterName, 'How the VM calls itself')
            [CompletionResult]::new('--ssh-key', '--ssh-key', [CompletionResultType]::ParameterName, 'A file with public keys that may log in, too; may be given several times')
            [CompletionResult]::new('--credential', '--credential', [CompletionResultType]::ParameterName, 'A systemd credential for the VM, its value as it stands or from a file; may be given several times')
            [CompletionResult]::new('--cloudinit', '--cloudinit', [CompletionResultType]::ParameterName, 'Give cloud-init the files in this folder: user-data, and perhaps meta-data, network-config, vendor-data')
            [CompletionResult]::new('--ignition', '--ignition', [CompletionResultType]::ParameterName, 'Give Ignition this configuration')
            [CompletionResult]::new('--firmware', '--firmware', [CompletionResultType]::ParameterName, 'What starts the VM from its disk')
            [CompletionResult]::new('--filesystem', '--filesystem', [CompletionResultType]::ParameterName, 'The root filesystem''s type: ext4, xfs or btrfs [default: the image''s own]')
            [CompletionResult]::new('--root-size', '--root-size', [CompletionResultType]::ParameterName, 'Size of the root filesystem, in bytes or with K, M, G, T [default: all of the disk]')
            [CompletionResult]::new('--root-size-max', '--root-size-max', [CompletionResultType]::ParameterName, 'Size of the root filesystem, in bytes or with K, M, G, T [default: all of the disk]')
            [CompletionResult]::new('--disk-size', '--disk-size', [CompletionResultType]::ParameterName, 'Size of the disk, in bytes or with K, M, G, T [default: twice the image, 10G at the least]')
            [CompletionResult]::new('--karg', '--karg', [CompletionResultType]::ParameterName, 'A kernel argument to add; may be given several times')
            [CompletionResult]::new('--bootloader', '--bootloader', [CompletionResultType]::ParameterName, 'The boot loader to install [default: bootc''s choice]')
            [CompletionResult]::new('--target-imgref', '--target-imgref', [CompletionResultType]::ParameterName, 'The image reference that the installed system upgrades from [default: the image''s name]')
            [CompletionResult]::new('--target-transport', '--target-transport', [CompletionResultType]::ParameterName, 'How the installed system gets at that reference: registry, oci, ... [default: registry]')
            [CompletionResult]::new('--install-arg', '--install-arg', [CompletionResultType]::ParameterName, 'One more word for the command line of `bootc install to-disk`; may be given several times')
            [CompletionResult]::new('--install-in', '--install-in', [CompletionResultType]::ParameterName, 'Where to run `bootc install` [default: vm; on macOS and Windows, container, in the podman machine]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'Return as soon as the VM runs, and print its name; with CMD return when that has run, and keep the VM')
            [CompletionResult]::new('-B', '-B ', [CompletionResultType]::ParameterName, 'Return as soon as the VM runs, and print its name; with CMD return when that has run, and keep the VM')
            [CompletionResult]::new('--detach', '--detach', [CompletionResultType]::ParameterName, 'Return as soon as the VM runs, and print its name; with CMD return when that has run, and keep the VM')
            [CompletionResult]::new('--background', '--background', [CompletionResultType]::ParameterName, 'Return as soon as the VM runs, and print its name; with CMD return when that has run, and keep the VM')
            [CompletionResult]::new('--rm', '--rm', [CompletionResultType]::ParameterName, 'Remove the VM when the session ends (with --detach: when the VM powers off)')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Show no progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Show no progress')
            [CompletionResult]::new('--ephemeral', '--ephemeral', [CompletionResultType]::ParameterName, 'Boot the image itself: no disk, no install, all changes in memory and gone with the VM')
            [CompletionResult]::new('--tpm', '--tpm', [CompletionResultType]::ParameterName, 'Give the VM a TPM 2.0')
            [CompletionResult]::new('--journal', '--journal', [CompletionResultType]::ParameterName, 'Keep the VM''s journal on this host, for `logs --journal` (systemd 256 and up in the image)')
            [CompletionResult]::new('--gui', '--gui', [CompletionResultType]::ParameterName, 'Open a window with the VM''s screen')
            [CompletionResult]::new('--composefs-backend', '--composefs-backend', [CompletionResultType]::ParameterName, 'Install with bootc''s composefs backend [default: only what its ostree backend can''t install]')
            [CompletionResult]::new('--rebuild', '--rebuild', [CompletionResultType]::ParameterName, 'Install anew, although there is a disk of this image with these options')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'podman-bootc;list' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print as JSON, or by a template as in ''{{.name}} {{.state}}''')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only the names')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only the names')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'podman-bootc;ls' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print as JSON, or by a template as in ''{{.name}} {{.state}}''')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only the names')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only the names')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'podman-bootc;ps' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print as JSON, or by a template as in ''{{.name}} {{.state}}''')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only the names')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only the names')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'podman-bootc;ssh' {
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'The user to log in as [default: the VM''s]')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'The user to log in as [default: the VM''s]')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'How long to wait until the VM is ready, in seconds or as in 90s, 5m [default: 5m, emulated 20m]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Show no progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Show no progress')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'podman-bootc;ssh-config' {
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('--install', '--install', [CompletionResultType]::ParameterName, 'Add one line to ~/.ssh/config that holds for all VMs, present and future')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'podman-bootc;cp' {
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'The user to log in as [default: the VM''s]')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'The user to log in as [default: the VM''s]')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'How long to wait until the VM is ready, in seconds or as in 90s, 5m [default: 5m, emulated 20m]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Show no progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Show no progress')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'podman-bootc;console' {
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'podman-bootc;screenshot' {
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'podman-bootc;stop' {
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'Seconds until the power is cut')
            [CompletionResult]::new('--time', '--time', [CompletionResultType]::ParameterName, 'Seconds until the power is cut')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'podman-bootc;start' {
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'podman-bootc;set' {
            [CompletionResult]::new('--cpus', '--cpus', [CompletionResultType]::ParameterName, 'Virtual processors')
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'Memory, in bytes or with K, M, G')
            [CompletionResult]::new('--memory', '--memory', [CompletionResultType]::ParameterName, 'Memory, in bytes or with K, M, G')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'podman-bootc;snapshot' {
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Keep a stopped VM as it is')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List a VM''s snapshots')
            [CompletionResult]::new('ls', 'ls', [CompletionResultType]::ParameterValue, 'List a VM''s snapshots')
            [CompletionResult]::new('restore', 'restore', [CompletionResultType]::ParameterValue, 'Bring a stopped VM back to a snapshot: all that it wrote since then is lost')
            [CompletionResult]::new('rm', 'rm', [CompletionResultType]::ParameterValue, 'Remove snapshots of a stopped VM; the VM stays as it is')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'podman-bootc;snapshot;create' {
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'podman-bootc;snapshot;list' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print as JSON, or by a template as in ''{{.name}} {{.created}}''')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'podman-bootc;snapshot;ls' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print as JSON, or by a template as in ''{{.name}} {{.created}}''')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'podman-bootc;snapshot;restore' {
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'podman-bootc;snapshot;rm' {
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'podman-bootc;snapshot;help' {
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Keep a stopped VM as it is')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List a VM''s snapshots')
            [CompletionResult]::new('restore', 'restore', [CompletionResultType]::ParameterValue, 'Bring a stopped VM back to a snapshot: all that it wrote since then is lost')
            [CompletionResult]::new('rm', 'rm', [CompletionResultType]::ParameterValue, 'Remove snapshots of a stopped VM; the VM stays as it is')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'podman-bootc;snapshot;help;create' {
            break
        }
        'podman-bootc;snapshot;help;list' {
            break
        }
        'podman-bootc;snapshot;help;restore' {
            break
        }
        'podman-bootc;snapshot;help;rm' {
            break
        }
        'podman-bootc;snapshot;help;help' {
            break
        }
        'podman-bootc;rm' {
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Remove running VMs, too; they lose their power; and those named that can''t be read')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Remove running VMs, too; they lose their power; and those named that can''t be read')
            [CompletionResult]::new('-a', '-a', [CompletionResultType]::ParameterName, 'Remove all VMs that don''t run; with --force all')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'Remove all VMs that don''t run; with --force all')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'podman-bootc;images' {
            [CompletionResult]::new('--connection', '--connection', [CompletionResultType]::ParameterName, 'List those of this podman connection, as in `podman --connection` [default: CONTAINER_HOST''s]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print as JSON, or by a template as in ''{{.name}} {{.id}}''')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'podman-bootc;disk' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The file''s format [default: by the ending of FILE''s name; raw for a block device]')
            [CompletionResult]::new('--connection', '--connection', [CompletionResultType]::ParameterName, 'Take the image from this podman connection, as in `podman --connection` [default: CONTAINER_HOST''s]')
            [CompletionResult]::new('--arch', '--arch', [CompletionResultType]::ParameterName, 'The architecture of the image [default: the local image''s, else the host''s]')
            [CompletionResult]::new('--pull', '--pull', [CompletionResultType]::ParameterName, 'When to pull the image')
            [CompletionResult]::new('--accel', '--accel', [CompletionResultType]::ParameterName, 'What runs the code of the VM that installs')
            [CompletionResult]::new('--filesystem', '--filesystem', [CompletionResultType]::ParameterName, 'The root filesystem''s type: ext4, xfs or btrfs [default: the image''s own]')
            [CompletionResult]::new('--root-size', '--root-size', [CompletionResultType]::ParameterName, 'Size of the root filesystem, in bytes or with K, M, G, T [default: all of the disk]')
            [CompletionResult]::new('--root-size-max', '--root-size-max', [CompletionResultType]::ParameterName, 'Size of the root filesystem, in bytes or with K, M, G, T [default: all of the disk]')
            [CompletionResult]::new('--disk-size', '--disk-size', [CompletionResultType]::ParameterName, 'Size of the disk, in bytes or with K, M, G, T [default: twice the image, 10G at the least]')
            [CompletionResult]::new('--karg', '--karg', [CompletionResultType]::ParameterName, 'A kernel argument to add; may be given several times')
            [CompletionResult]::new('--bootloader', '--bootloader', [CompletionResultType]::ParameterName, 'The boot loader to install [default: bootc''s choice]')
            [CompletionResult]::new('--target-imgref', '--target-imgref', [CompletionResultType]::ParameterName, 'The image reference that the installed system upgrades from [default: the image''s name]')
            [CompletionResult]::new('--target-transport', '--target-transport', [CompletionResultType]::ParameterName, 'How the installed system gets at that reference: registry, oci, ... [default: registry]')
            [CompletionResult]::new('--install-arg', '--install-arg', [CompletionResultType]::ParameterName, 'One more word for the command line of `bootc install to-disk`; may be given several times')
            [CompletionResult]::new('--install-in', '--install-in', [CompletionResultType]::ParameterName, 'Where to run `bootc install` [default: vm; on macOS and Windows, container, in the podman machine]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Write over FILE')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Write over FILE')
            [CompletionResult]::new('--force-block-device', '--force-block-device', [CompletionResultType]::ParameterName, 'Write over all that is on the block device FILE')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Show no progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Show no progress')
            [CompletionResult]::new('--composefs-backend', '--composefs-backend', [CompletionResultType]::ParameterName, 'Install with bootc''s composefs backend [default: only what its ostree backend can''t install]')
            [CompletionResult]::new('--rebuild', '--rebuild', [CompletionResultType]::ParameterName, 'Install anew, although there is a disk of this image with these options')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'podman-bootc;to-disk' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The file''s format [default: by the ending of FILE''s name; raw for a block device]')
            [CompletionResult]::new('--connection', '--connection', [CompletionResultType]::ParameterName, 'Take the image from this podman connection, as in `podman --connection` [default: CONTAINER_HOST''s]')
            [CompletionResult]::new('--arch', '--arch', [CompletionResultType]::ParameterName, 'The architecture of the image [default: the local image''s, else the host''s]')
            [CompletionResult]::new('--pull', '--pull', [CompletionResultType]::ParameterName, 'When to pull the image')
            [CompletionResult]::new('--accel', '--accel', [CompletionResultType]::ParameterName, 'What runs the code of the VM that installs')
            [CompletionResult]::new('--filesystem', '--filesystem', [CompletionResultType]::ParameterName, 'The root filesystem''s type: ext4, xfs or btrfs [default: the image''s own]')
            [CompletionResult]::new('--root-size', '--root-size', [CompletionResultType]::ParameterName, 'Size of the root filesystem, in bytes or with K, M, G, T [default: all of the disk]')
            [CompletionResult]::new('--root-size-max', '--root-size-max', [CompletionResultType]::ParameterName, 'Size of the root filesystem, in bytes or with K, M, G, T [default: all of the disk]')
            [CompletionResult]::new('--disk-size', '--disk-size', [CompletionResultType]::ParameterName, 'Size of the disk, in bytes or with K, M, G, T [default: twice the image, 10G at the least]')
            [CompletionResult]::new('--karg', '--karg', [CompletionResultType]::ParameterName, 'A kernel argument to add; may be given several times')
            [CompletionResult]::new('--bootloader', '--bootloader', [CompletionResultType]::ParameterName, 'The boot loader to install [default: bootc''s choice]')
            [CompletionResult]::new('--target-imgref', '--target-imgref', [CompletionResultType]::ParameterName, 'The image reference that the installed system upgrades from [default: the image''s name]')
            [CompletionResult]::new('--target-transport', '--target-transport', [CompletionResultType]::ParameterName, 'How the installed system gets at that reference: registry, oci, ... [default: registry]')
            [CompletionResult]::new('--install-arg', '--install-arg', [CompletionResultType]::ParameterName, 'One more word for the command line of `bootc install to-disk`; may be given several times')
            [CompletionResult]::new('--install-in', '--install-in', [CompletionResultType]::ParameterName, 'Where to run `bootc install` [default: vm; on macOS and Windows, container, in the podman machine]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Write over FILE')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Write over FILE')
            [CompletionResult]::new('--force-block-device', '--force-block-device', [CompletionResultType]::ParameterName, 'Write over all that is on the block device FILE')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Show no progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Show no progress')
            [CompletionResult]::new('--composefs-backend', '--composefs-backend', [CompletionResultType]::ParameterName, 'Install with bootc''s composefs backend [default: only what its ostree backend can''t install]')
            [CompletionResult]::new('--rebuild', '--rebuild', [CompletionResultType]::ParameterName, 'Install anew, although there is a disk of this image with these options')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'podman-bootc;prune' {
            [CompletionResult]::new('--older-than', '--older-than', [CompletionResultType]::ParameterName, 'Only what was not used (or, with --all, made) for this long, as in 12h, 30d')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print as JSON, or by a template as in ''{{.image}} {{.size}}''')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-a', '-a', [CompletionResultType]::ParameterName, 'Remove the logs of failed installs, what was made of images for direct boots, and the copies of images that came from elsewhere, too')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'Remove the logs of failed installs, what was made of images for direct boots, and the copies of images that came from elsewhere, too')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Only show what would be removed')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'podman-bootc;system' {
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('df', 'df', [CompletionResultType]::ParameterValue, 'Show what takes how much room on the host')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'podman-bootc;system;df' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print as JSON, or by a template as in ''{{.type}} {{.size}}''')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show each base disk and VM')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show each base disk and VM')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'podman-bootc;system;help' {
            [CompletionResult]::new('df', 'df', [CompletionResultType]::ParameterValue, 'Show what takes how much room on the host')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'podman-bootc;system;help;df' {
            break
        }
        'podman-bootc;system;help;help' {
            break
        }
        'podman-bootc;inspect' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print by a template as in ''{{.name}} {{.spec.cpus}}'' instead')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'podman-bootc;logs' {
            [CompletionResult]::new('--since', '--since', [CompletionResultType]::ParameterName, 'Only since this time: a time ago, in seconds or as in 90s, 5m, 2h; or as in 2026-01-31T12:00:00Z')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Go on until the VM ends')
            [CompletionResult]::new('--follow', '--follow', [CompletionResultType]::ParameterName, 'Go on until the VM ends')
            [CompletionResult]::new('-b', '-b', [CompletionResultType]::ParameterName, 'Only since the VM''s last start')
            [CompletionResult]::new('--boot', '--boot', [CompletionResultType]::ParameterName, 'Only since the VM''s last start')
            [CompletionResult]::new('-j', '-j', [CompletionResultType]::ParameterName, 'The journal instead of the console')
            [CompletionResult]::new('--journal', '--journal', [CompletionResultType]::ParameterName, 'The journal instead of the console')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'podman-bootc;port' {
            [CompletionResult]::new('--add', '--add', [CompletionResultType]::ParameterName, 'Forward one more port; may be given several times')
            [CompletionResult]::new('--remove', '--remove', [CompletionResultType]::ParameterName, 'Forward it no longer; may be given several times')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print as JSON, or by a template as in ''{{.host_port}}''')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'podman-bootc;doctor' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print as JSON, or by a template as in ''{{.check}} {{.result}}''')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'podman-bootc;completion' {
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'podman-bootc;help' {
            [CompletionResult]::new('run', 'run', [CompletionResultType]::ParameterValue, 'Run a bootable container image as a VM')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List the VMs')
            [CompletionResult]::new('ssh', 'ssh', [CompletionResultType]::ParameterValue, 'Open a shell in a running VM, or run a command in it')
            [CompletionResult]::new('ssh-config', 'ssh-config', [CompletionResultType]::ParameterValue, 'Print a Host block for OpenSSH, or make OpenSSH know all VMs')
            [CompletionResult]::new('cp', 'cp', [CompletionResultType]::ParameterValue, 'Copy a file or folder into a running VM, or out of it')
            [CompletionResult]::new('console', 'console', [CompletionResultType]::ParameterValue, 'Attach to a running VM''s serial console; ctrl-] detaches')
            [CompletionResult]::new('screenshot', 'screenshot', [CompletionResultType]::ParameterValue, 'Take a picture of a running VM''s screen, as PNG')
            [CompletionResult]::new('stop', 'stop', [CompletionResultType]::ParameterValue, 'Stop running VMs')
            [CompletionResult]::new('start', 'start', [CompletionResultType]::ParameterValue, 'Start stopped VMs, in the background')
            [CompletionResult]::new('set', 'set', [CompletionResultType]::ParameterValue, 'Change a stopped VM: it has these from its next start on')
            [CompletionResult]::new('snapshot', 'snapshot', [CompletionResultType]::ParameterValue, 'Keep a stopped VM as it is, and bring it back to that later')
            [CompletionResult]::new('rm', 'rm', [CompletionResultType]::ParameterValue, 'Remove VMs with their disks')
            [CompletionResult]::new('images', 'images', [CompletionResultType]::ParameterValue, 'List the bootable images in podman''s storage')
            [CompletionResult]::new('disk', 'disk', [CompletionResultType]::ParameterValue, 'Write a disk image made of a bootable container image')
            [CompletionResult]::new('prune', 'prune', [CompletionResultType]::ParameterValue, 'Remove the base disks that no VM uses')
            [CompletionResult]::new('system', 'system', [CompletionResultType]::ParameterValue, 'Look after what the tool keeps on this host')
            [CompletionResult]::new('inspect', 'inspect', [CompletionResultType]::ParameterValue, 'Show all that is known of VMs, as JSON')
            [CompletionResult]::new('logs', 'logs', [CompletionResultType]::ParameterValue, 'Show what a VM''s serial console wrote, or its journal')
            [CompletionResult]::new('port', 'port', [CompletionResultType]::ParameterValue, 'Show the ports of the host that lead to a VM, or change them')
            [CompletionResult]::new('doctor', 'doctor', [CompletionResultType]::ParameterValue, 'Show what this host has of what the tool needs, and what to do about the rest')
            [CompletionResult]::new('completion', 'completion', [CompletionResultType]::ParameterValue, 'Print a completion script for a shell')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'podman-bootc;help;run' {
            break
        }
        'podman-bootc;help;list' {
            break
        }
        'podman-bootc;help;ssh' {
            break
        }
        'podman-bootc;help;ssh-config' {
            break
        }
        'podman-bootc;help;cp' {
            break
        }
        'podman-bootc;help;console' {
            break
        }
        'podman-bootc;help;screenshot' {
            break
        }
        'podman-bootc;help;stop' {
            break
        }
        'podman-bootc;help;start' {
            break
        }
        'podman-bootc;help;set' {
            break
        }
        'podman-bootc;help;snapshot' {
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Keep a stopped VM as it is')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List a VM''s snapshots')
            [CompletionResult]::new('restore', 'restore', [CompletionResultType]::ParameterValue, 'Bring a stopped VM back to a snapshot: all that it wrote since then is lost')
            [CompletionResult]::new('rm', 'rm', [CompletionResultType]::ParameterValue, 'Remove snapshots of a stopped VM; the VM stays as it is')
            break
        }
        'podman-bootc;help;snapshot;create' {
            break
        }
        'podman-bootc;help;snapshot;list' {
            break
        }
        'podman-bootc;help;snapshot;restore' {
            break
        }
        'podman-bootc;help;snapshot;rm' {
            break
        }
        'podman-bootc;help;rm' {
            break
        }
        'podman-bootc;help;images' {
            break
        }
        'podman-bootc;help;disk' {
            break
        }
        'podman-bootc;help;prune' {
            break
        }
        'podman-bootc;help;system' {
            [CompletionResult]::new('df', 'df', [CompletionResultType]::ParameterValue, 'Show what takes how much room on the host')
            break
        }
        'podman-bootc;help;system;df' {
            break
        }
        'podman-bootc;help;inspect' {
            break
        }
        'podman-bootc;help;logs' {
            break
        }
        'podman-bootc;help;port' {
            break
        }
        'podman-bootc;help;doctor' {
            break
        }
        'podman-bootc;help;completion' {
            break
        }
        'podman-bootc;help;help' {
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}

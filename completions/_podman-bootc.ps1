
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
            [CompletionResult]::new('ssh-config', 'ssh-config', [CompletionResultType]::ParameterValue, 'Print OpenSSH''s settings for a VM, or add all VMs to OpenSSH''s configuration')
            [CompletionResult]::new('cp', 'cp', [CompletionResultType]::ParameterValue, 'Copy a file or folder into a running VM, or out of it')
            [CompletionResult]::new('trust', 'trust', [CompletionResultType]::ParameterValue, 'Accept a new SSH host key of a VM')
            [CompletionResult]::new('console', 'console', [CompletionResultType]::ParameterValue, 'Attach to a running VM''s serial console; ctrl-] detaches')
            [CompletionResult]::new('screenshot', 'screenshot', [CompletionResultType]::ParameterValue, 'Save a picture of a running VM''s screen, as PNG')
            [CompletionResult]::new('stop', 'stop', [CompletionResultType]::ParameterValue, 'Stop running VMs')
            [CompletionResult]::new('start', 'start', [CompletionResultType]::ParameterValue, 'Start stopped VMs in the background')
            [CompletionResult]::new('reboot', 'reboot', [CompletionResultType]::ParameterValue, 'Reboot the systems of running VMs')
            [CompletionResult]::new('restart', 'restart', [CompletionResultType]::ParameterValue, 'Reboot the systems of running VMs')
            [CompletionResult]::new('upgrade', 'upgrade', [CompletionResultType]::ParameterValue, 'Bring a running VM to another version of its image, as production machines do it')
            [CompletionResult]::new('rollback', 'rollback', [CompletionResultType]::ParameterValue, 'Bring a running VM back to the version before its last upgrade')
            [CompletionResult]::new('wait', 'wait', [CompletionResultType]::ParameterValue, 'Wait until a running VM is ready, or until a unit in it is active')
            [CompletionResult]::new('set', 'set', [CompletionResultType]::ParameterValue, 'Change the CPUs and the memory of a stopped VM, and the shares and disks of any VM')
            [CompletionResult]::new('snapshot', 'snapshot', [CompletionResultType]::ParameterValue, 'Save and restore everything on the disks of a stopped VM')
            [CompletionResult]::new('rm', 'rm', [CompletionResultType]::ParameterValue, 'Remove VMs and their disks')
            [CompletionResult]::new('images', 'images', [CompletionResultType]::ParameterValue, 'List the bootable images in podman''s storage')
            [CompletionResult]::new('disk', 'disk', [CompletionResultType]::ParameterValue, 'Install a bootable container image to a disk image or a block device')
            [CompletionResult]::new('to-disk', 'to-disk', [CompletionResultType]::ParameterValue, 'Install a bootable container image to a disk image or a block device')
            [CompletionResult]::new('prune', 'prune', [CompletionResultType]::ParameterValue, 'Remove the base disks and templates that no VM uses')
            [CompletionResult]::new('system', 'system', [CompletionResultType]::ParameterValue, 'Show the disk usage of the tool')
            [CompletionResult]::new('inspect', 'inspect', [CompletionResultType]::ParameterValue, 'Show everything about VMs, as JSON')
            [CompletionResult]::new('logs', 'logs', [CompletionResultType]::ParameterValue, 'Show the output of a VM''s serial console, or its journal')
            [CompletionResult]::new('port', 'port', [CompletionResultType]::ParameterValue, 'Show or change the ports of the host that are forwarded to a VM')
            [CompletionResult]::new('doctor', 'doctor', [CompletionResultType]::ParameterValue, 'Check for the programs and devices that the tool needs, and show how to get the missing ones')
            [CompletionResult]::new('completion', 'completion', [CompletionResultType]::ParameterValue, 'Print a completion script for a shell')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'podman-bootc;run' {
            [CompletionResult]::new('--name', '--name', [CompletionResultType]::ParameterName, 'The VM''s name [default: generated]')
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'The user to log in as: one of the image, or one that its sysusers.d, cloud-init or Ignition makes at boot')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'The user to log in as: one of the image, or one that its sysusers.d, cloud-init or Ignition makes at boot')
            [CompletionResult]::new('--cpus', '--cpus', [CompletionResultType]::ParameterName, 'Virtual CPUs')
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'Memory, in bytes or with K, M, G')
            [CompletionResult]::new('--memory', '--memory', [CompletionResultType]::ParameterName, 'Memory, in bytes or with K, M, G')
            [CompletionResult]::new('--connection', '--connection', [CompletionResultType]::ParameterName, 'Use the images of this podman connection, as with `podman --connection` [default: from CONTAINER_HOST]')
            [CompletionResult]::new('--arch', '--arch', [CompletionResultType]::ParameterName, 'The architecture of the image [default: the local image''s, otherwise the host''s]')
            [CompletionResult]::new('--pull', '--pull', [CompletionResultType]::ParameterName, 'When to pull the image')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Time limit until the VM is ready, in seconds or as in 90s, 5m [default: 5m, under emulation 20m]')
            [CompletionResult]::new('--wait', '--wait', [CompletionResultType]::ParameterName, 'Wait for this before the session, or before --detach returns: ssh, running (the end of the boot, without failed units), or a unit such as multi-user.target [default: ssh]')
            [CompletionResult]::new('--hypervisor', '--hypervisor', [CompletionResultType]::ParameterName, 'The hypervisor that runs the VM')
            [CompletionResult]::new('--accel', '--accel', [CompletionResultType]::ParameterName, 'The way QEMU runs guest code')
            [CompletionResult]::new('--root-transport', '--root-transport', [CompletionResultType]::ParameterName, 'How an --ephemeral VM gets the image''s files')
            [CompletionResult]::new('--disk', '--disk', [CompletionResultType]::ParameterName, 'Boot this disk image (raw or qcow2) instead of a container image; it must not change while the VM exists')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Share a host folder with the VM; can be repeated')
            [CompletionResult]::new('--volume', '--volume', [CompletionResultType]::ParameterName, 'Share a host folder with the VM; can be repeated')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Forward a port of the host to the VM; can be repeated')
            [CompletionResult]::new('--publish', '--publish', [CompletionResultType]::ParameterName, 'Forward a port of the host to the VM; can be repeated')
            [CompletionResult]::new('--add-disk', '--add-disk', [CompletionResultType]::ParameterName, 'Attach a disk image (raw or qcow2), or with new:SIZE an empty disk; can be repeated')
            [CompletionResult]::new('--nic', '--nic', [CompletionResultType]::ParameterName, 'The VM''s network card')
            [CompletionResult]::new('--ssh', '--ssh', [CompletionResultType]::ParameterName, 'The way in by SSH')
            [CompletionResult]::new('--hostname', '--hostname', [CompletionResultType]::ParameterName, 'The VM''s hostname')
            [CompletionResult]::new('--ssh-key', '--ssh-key', [CompletionResultType]::ParameterName, 'Also accept the public SSH keys in this file; can be repeated')
            [CompletionResult]::new('--credential', '--credential', [CompletionResultType]::ParameterName, 'Hand a credential to the guest''s systemd, as a value or from a file; can be repeated')
            [CompletionResult]::new('--cloudinit', '--cloudinit', [CompletionResultType]::ParameterName, 'Hand the files in this folder to cloud-init: user-data, optionally meta-data, network-config, vendor-data')
            [CompletionResult]::new('--ignition', '--ignition', [CompletionResultType]::ParameterName, 'Hand this configuration to Ignition')
            [CompletionResult]::new('--firmware', '--firmware', [CompletionResultType]::ParameterName, 'The firmware that boots the VM from its disk')
            [CompletionResult]::new('--warm', '--warm', [CompletionResultType]::ParameterName, 'Resume an --ephemeral VM from a template instead of booting [default: auto]')
            [CompletionResult]::new('--filesystem', '--filesystem', [CompletionResultType]::ParameterName, 'Type of the root filesystem: ext4, xfs or btrfs [default: the image''s type, otherwise ext4]')
            [CompletionResult]::new('--root-size', '--root-size', [CompletionResultType]::ParameterName, 'Size of the root filesystem, in bytes or with K, M, G, T [default: the whole disk]')
            [CompletionResult]::new('--root-size-max', '--root-size-max', [CompletionResultType]::ParameterName, 'Size of the root filesystem, in bytes or with K, M, G, T [default: the whole disk]')
            [CompletionResult]::new('--disk-size', '--disk-size', [CompletionResultType]::ParameterName, 'Size of the disk, in bytes or with K, M, G, T [default: twice the image''s size, at least 10G]')
            [CompletionResult]::new('--karg', '--karg', [CompletionResultType]::ParameterName, 'Add a kernel argument; can be repeated')
            [CompletionResult]::new('--bootloader', '--bootloader', [CompletionResultType]::ParameterName, 'The boot loader to install [default: bootc''s choice]')
            [CompletionResult]::new('--target-imgref', '--target-imgref', [CompletionResultType]::ParameterName, 'The image reference that the installed system upgrades from [default: the image''s name]')
            [CompletionResult]::new('--target-transport', '--target-transport', [CompletionResultType]::ParameterName, 'The transport of that reference: registry, oci, ... [default: registry]')
            [CompletionResult]::new('--install-arg', '--install-arg', [CompletionResultType]::ParameterName, 'Add an argument to `bootc install to-disk`; can be repeated')
            [CompletionResult]::new('--install-in', '--install-in', [CompletionResultType]::ParameterName, 'Where to run `bootc install` [default: vm; on macOS and Windows: container, in the podman machine]')
            [CompletionResult]::new('--install-memory', '--install-memory', [CompletionResultType]::ParameterName, 'Memory of the VM that installs, with K, M, G or T [default: 4G, or three quarters of the host''s if that is less]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'Start the VM in the background and print its name; with CMD, wait until CMD exits, and keep the VM')
            [CompletionResult]::new('-B', '-B ', [CompletionResultType]::ParameterName, 'Start the VM in the background and print its name; with CMD, wait until CMD exits, and keep the VM')
            [CompletionResult]::new('--detach', '--detach', [CompletionResultType]::ParameterName, 'Start the VM in the background and print its name; with CMD, wait until CMD exits, and keep the VM')
            [CompletionResult]::new('--background', '--background', [CompletionResultType]::ParameterName, 'Start the VM in the background and print its name; with CMD, wait until CMD exits, and keep the VM')
            [CompletionResult]::new('--rm', '--rm', [CompletionResultType]::ParameterName, 'Remove the VM when the session ends (with --detach: when the VM powers off)')
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'Give the command a terminal [default: if standard input and output are terminals]')
            [CompletionResult]::new('--tty', '--tty', [CompletionResultType]::ParameterName, 'Give the command a terminal [default: if standard input and output are terminals]')
            [CompletionResult]::new('-T', '-T ', [CompletionResultType]::ParameterName, 'Give the command no terminal')
            [CompletionResult]::new('--no-tty', '--no-tty', [CompletionResultType]::ParameterName, 'Give the command no terminal')
            [CompletionResult]::new('-i', '-i', [CompletionResultType]::ParameterName, 'Has no effect, because standard input is always passed on; podman''s `-it` works')
            [CompletionResult]::new('--interactive', '--interactive', [CompletionResultType]::ParameterName, 'Has no effect, because standard input is always passed on; podman''s `-it` works')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Don''t show progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Don''t show progress')
            [CompletionResult]::new('--ephemeral', '--ephemeral', [CompletionResultType]::ParameterName, 'Boot the image directly, without an install; all changes are lost with the VM')
            [CompletionResult]::new('--tpm', '--tpm', [CompletionResultType]::ParameterName, 'Add a TPM 2.0')
            [CompletionResult]::new('--journal', '--journal', [CompletionResultType]::ParameterName, 'Also store the VM''s journal on the host, for `logs --journal` (systemd 256 or newer in the image)')
            [CompletionResult]::new('--gui', '--gui', [CompletionResultType]::ParameterName, 'Open a window with the VM''s screen')
            [CompletionResult]::new('--cold', '--cold', [CompletionResultType]::ParameterName, 'Boot, and make no template')
            [CompletionResult]::new('--composefs-backend', '--composefs-backend', [CompletionResultType]::ParameterName, 'Use bootc''s composefs backend [default: only for images that its ostree backend can''t install]')
            [CompletionResult]::new('--rebuild', '--rebuild', [CompletionResultType]::ParameterName, 'Install again, even if the image already has a base disk with these options')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'podman-bootc;list' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print as JSON, or by a template such as ''{{.name}} {{.state}}''')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only the names')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only the names')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'podman-bootc;ls' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print as JSON, or by a template such as ''{{.name}} {{.state}}''')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only the names')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only the names')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'podman-bootc;ps' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print as JSON, or by a template such as ''{{.name}} {{.state}}''')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only the names')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only the names')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'podman-bootc;ssh' {
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'The user to log in as [default: the VM''s user]')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'The user to log in as [default: the VM''s user]')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Time limit until the VM is ready, in seconds or as in 90s, 5m [default: 5m, under emulation 20m]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Don''t show progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Don''t show progress')
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'Give the command a terminal [default: if standard input and output are terminals]')
            [CompletionResult]::new('--tty', '--tty', [CompletionResultType]::ParameterName, 'Give the command a terminal [default: if standard input and output are terminals]')
            [CompletionResult]::new('-T', '-T ', [CompletionResultType]::ParameterName, 'Give the command no terminal')
            [CompletionResult]::new('--no-tty', '--no-tty', [CompletionResultType]::ParameterName, 'Give the command no terminal')
            [CompletionResult]::new('-i', '-i', [CompletionResultType]::ParameterName, 'Has no effect, because standard input is always passed on; podman''s `-it` works')
            [CompletionResult]::new('--interactive', '--interactive', [CompletionResultType]::ParameterName, 'Has no effect, because standard input is always passed on; podman''s `-it` works')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'podman-bootc;ssh-config' {
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('--install', '--install', [CompletionResultType]::ParameterName, 'Add one line to ~/.ssh/config that applies to all present and future VMs')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'podman-bootc;cp' {
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'The user to log in as [default: the VM''s user]')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'The user to log in as [default: the VM''s user]')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Time limit until the VM is ready, in seconds or as in 90s, 5m [default: 5m, under emulation 20m]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Don''t show progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Don''t show progress')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'podman-bootc;trust' {
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
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
            [CompletionResult]::new('--wait', '--wait', [CompletionResultType]::ParameterName, 'Wait for this: ssh, running (the end of the boot, without failed units), or a unit such as multi-user.target')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Time limit for --wait, in seconds or as in 90s, 5m [default: 5m, under emulation 20m]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Don''t show progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Don''t show progress')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'podman-bootc;reboot' {
            [CompletionResult]::new('--wait', '--wait', [CompletionResultType]::ParameterName, 'What to wait for in the next boot: ssh, running (the end of the boot, without failed units), or a unit such as multi-user.target')
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'The user to log in as [default: the VM''s user]')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'The user to log in as [default: the VM''s user]')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Time limit until the VM is ready, in seconds or as in 90s, 5m [default: 5m, under emulation 20m]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('--soft', '--soft', [CompletionResultType]::ParameterName, 'Restart only the guest''s userspace, not its kernel; needs systemd 254 or newer in the guest')
            [CompletionResult]::new('--no-wait', '--no-wait', [CompletionResultType]::ParameterName, 'Return as soon as the guest begins to reboot')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Don''t show progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Don''t show progress')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'podman-bootc;restart' {
            [CompletionResult]::new('--wait', '--wait', [CompletionResultType]::ParameterName, 'What to wait for in the next boot: ssh, running (the end of the boot, without failed units), or a unit such as multi-user.target')
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'The user to log in as [default: the VM''s user]')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'The user to log in as [default: the VM''s user]')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Time limit until the VM is ready, in seconds or as in 90s, 5m [default: 5m, under emulation 20m]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('--soft', '--soft', [CompletionResultType]::ParameterName, 'Restart only the guest''s userspace, not its kernel; needs systemd 254 or newer in the guest')
            [CompletionResult]::new('--no-wait', '--no-wait', [CompletionResultType]::ParameterName, 'Return as soon as the guest begins to reboot')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Don''t show progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Don''t show progress')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'podman-bootc;upgrade' {
            [CompletionResult]::new('--check', '--check', [CompletionResultType]::ParameterName, 'A shell command line that must succeed in the VM after the reboot')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Time limit for each step, in seconds or as in 90s, 5m [default: 1h for the pull, 25m for the reboot]')
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'The user to log in as; it needs `sudo -n` if it isn''t root [default: the VM''s user]')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'The user to log in as; it needs `sudo -n` if it isn''t root [default: the VM''s user]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print the report as JSON, or by a template such as ''{{.to}}''')
            [CompletionResult]::new('--connection', '--connection', [CompletionResultType]::ParameterName, 'Use the images of this podman connection, as with `podman --connection` [default: from CONTAINER_HOST]')
            [CompletionResult]::new('--pull', '--pull', [CompletionResultType]::ParameterName, 'When to pull the image to the host')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('--no-apply', '--no-apply', [CompletionResultType]::ParameterName, 'Stage the version only: the VM boots it at its next reboot')
            [CompletionResult]::new('--soft-reboot', '--soft-reboot', [CompletionResultType]::ParameterName, 'Restart only the userspace, if the new version has the same kernel')
            [CompletionResult]::new('--auto-rollback', '--auto-rollback', [CompletionResultType]::ParameterName, 'Bring the old version back if the new one doesn''t boot, or if --check fails')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Don''t show progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Don''t show progress')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'podman-bootc;rollback' {
            [CompletionResult]::new('--check', '--check', [CompletionResultType]::ParameterName, 'A shell command line that must succeed in the VM after the reboot')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Time limit for each step, in seconds or as in 90s, 5m [default: 1h for the pull, 25m for the reboot]')
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'The user to log in as; it needs `sudo -n` if it isn''t root [default: the VM''s user]')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'The user to log in as; it needs `sudo -n` if it isn''t root [default: the VM''s user]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print the report as JSON, or by a template such as ''{{.to}}''')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('--no-apply', '--no-apply', [CompletionResultType]::ParameterName, 'Make the version the next to boot only: the VM boots it at its next reboot')
            [CompletionResult]::new('--auto-rollback', '--auto-rollback', [CompletionResultType]::ParameterName, 'Bring the old version back if the new one doesn''t boot, or if --check fails')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Don''t show progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Don''t show progress')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'podman-bootc;wait' {
            [CompletionResult]::new('--for', '--for', [CompletionResultType]::ParameterName, 'What to wait for: ssh, running (the end of the boot, without failed units), or a unit such as multi-user.target')
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'The user to log in as [default: the VM''s user]')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'The user to log in as [default: the VM''s user]')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Time limit until the VM is ready, in seconds or as in 90s, 5m [default: 5m, under emulation 20m]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Don''t show progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Don''t show progress')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'podman-bootc;set' {
            [CompletionResult]::new('--cpus', '--cpus', [CompletionResultType]::ParameterName, 'Virtual CPUs')
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'Memory, in bytes or with K, M, G')
            [CompletionResult]::new('--memory', '--memory', [CompletionResultType]::ParameterName, 'Memory, in bytes or with K, M, G')
            [CompletionResult]::new('--add-volume', '--add-volume', [CompletionResultType]::ParameterName, 'Share one more host folder; can be repeated')
            [CompletionResult]::new('--remove-volume', '--remove-volume', [CompletionResultType]::ParameterName, 'Unmount the share at this folder of the VM, and remove it; can be repeated')
            [CompletionResult]::new('--add-disk', '--add-disk', [CompletionResultType]::ParameterName, 'Attach one more disk image, or with new:SIZE an empty disk; can be repeated')
            [CompletionResult]::new('--remove-disk', '--remove-disk', [CompletionResultType]::ParameterName, 'Detach this disk, such as extra0; can be repeated')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'podman-bootc;snapshot' {
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Create a snapshot of a stopped VM')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List a VM''s snapshots')
            [CompletionResult]::new('ls', 'ls', [CompletionResultType]::ParameterValue, 'List a VM''s snapshots')
            [CompletionResult]::new('restore', 'restore', [CompletionResultType]::ParameterValue, 'Restore a stopped VM to a snapshot; everything that the VM wrote since then is lost')
            [CompletionResult]::new('rm', 'rm', [CompletionResultType]::ParameterValue, 'Remove snapshots of a stopped VM; the VM''s disks don''t change')
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
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print as JSON, or by a template such as ''{{.name}} {{.created}}''')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'podman-bootc;snapshot;ls' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print as JSON, or by a template such as ''{{.name}} {{.created}}''')
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
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Create a snapshot of a stopped VM')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List a VM''s snapshots')
            [CompletionResult]::new('restore', 'restore', [CompletionResultType]::ParameterValue, 'Restore a stopped VM to a snapshot; everything that the VM wrote since then is lost')
            [CompletionResult]::new('rm', 'rm', [CompletionResultType]::ParameterValue, 'Remove snapshots of a stopped VM; the VM''s disks don''t change')
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
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Also remove running VMs (their power is cut) and named VMs whose files can''t be read')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Also remove running VMs (their power is cut) and named VMs whose files can''t be read')
            [CompletionResult]::new('-a', '-a', [CompletionResultType]::ParameterName, 'Remove all VMs that are not running; with --force, all VMs')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'Remove all VMs that are not running; with --force, all VMs')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'podman-bootc;images' {
            [CompletionResult]::new('--connection', '--connection', [CompletionResultType]::ParameterName, 'List the images of this podman connection, as with `podman --connection` [default: from CONTAINER_HOST]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print as JSON, or by a template such as ''{{.name}} {{.id}}''')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'podman-bootc;disk' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The file''s format [default: from the extension of FILE; raw for a block device]')
            [CompletionResult]::new('--connection', '--connection', [CompletionResultType]::ParameterName, 'Use the images of this podman connection, as with `podman --connection` [default: from CONTAINER_HOST]')
            [CompletionResult]::new('--arch', '--arch', [CompletionResultType]::ParameterName, 'The architecture of the image [default: the local image''s, otherwise the host''s]')
            [CompletionResult]::new('--pull', '--pull', [CompletionResultType]::ParameterName, 'When to pull the image')
            [CompletionResult]::new('--accel', '--accel', [CompletionResultType]::ParameterName, 'The way QEMU runs guest code during the install')
            [CompletionResult]::new('--filesystem', '--filesystem', [CompletionResultType]::ParameterName, 'Type of the root filesystem: ext4, xfs or btrfs [default: the image''s type, otherwise ext4]')
            [CompletionResult]::new('--root-size', '--root-size', [CompletionResultType]::ParameterName, 'Size of the root filesystem, in bytes or with K, M, G, T [default: the whole disk]')
            [CompletionResult]::new('--root-size-max', '--root-size-max', [CompletionResultType]::ParameterName, 'Size of the root filesystem, in bytes or with K, M, G, T [default: the whole disk]')
            [CompletionResult]::new('--disk-size', '--disk-size', [CompletionResultType]::ParameterName, 'Size of the disk, in bytes or with K, M, G, T [default: twice the image''s size, at least 10G]')
            [CompletionResult]::new('--karg', '--karg', [CompletionResultType]::ParameterName, 'Add a kernel argument; can be repeated')
            [CompletionResult]::new('--bootloader', '--bootloader', [CompletionResultType]::ParameterName, 'The boot loader to install [default: bootc''s choice]')
            [CompletionResult]::new('--target-imgref', '--target-imgref', [CompletionResultType]::ParameterName, 'The image reference that the installed system upgrades from [default: the image''s name]')
            [CompletionResult]::new('--target-transport', '--target-transport', [CompletionResultType]::ParameterName, 'The transport of that reference: registry, oci, ... [default: registry]')
            [CompletionResult]::new('--install-arg', '--install-arg', [CompletionResultType]::ParameterName, 'Add an argument to `bootc install to-disk`; can be repeated')
            [CompletionResult]::new('--install-in', '--install-in', [CompletionResultType]::ParameterName, 'Where to run `bootc install` [default: vm; on macOS and Windows: container, in the podman machine]')
            [CompletionResult]::new('--install-memory', '--install-memory', [CompletionResultType]::ParameterName, 'Memory of the VM that installs, with K, M, G or T [default: 4G, or three quarters of the host''s if that is less]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Overwrite FILE')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Overwrite FILE')
            [CompletionResult]::new('--force-block-device', '--force-block-device', [CompletionResultType]::ParameterName, 'Overwrite everything on the block device FILE')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Don''t show progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Don''t show progress')
            [CompletionResult]::new('--composefs-backend', '--composefs-backend', [CompletionResultType]::ParameterName, 'Use bootc''s composefs backend [default: only for images that its ostree backend can''t install]')
            [CompletionResult]::new('--rebuild', '--rebuild', [CompletionResultType]::ParameterName, 'Install again, even if the image already has a base disk with these options')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'podman-bootc;to-disk' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The file''s format [default: from the extension of FILE; raw for a block device]')
            [CompletionResult]::new('--connection', '--connection', [CompletionResultType]::ParameterName, 'Use the images of this podman connection, as with `podman --connection` [default: from CONTAINER_HOST]')
            [CompletionResult]::new('--arch', '--arch', [CompletionResultType]::ParameterName, 'The architecture of the image [default: the local image''s, otherwise the host''s]')
            [CompletionResult]::new('--pull', '--pull', [CompletionResultType]::ParameterName, 'When to pull the image')
            [CompletionResult]::new('--accel', '--accel', [CompletionResultType]::ParameterName, 'The way QEMU runs guest code during the install')
            [CompletionResult]::new('--filesystem', '--filesystem', [CompletionResultType]::ParameterName, 'Type of the root filesystem: ext4, xfs or btrfs [default: the image''s type, otherwise ext4]')
            [CompletionResult]::new('--root-size', '--root-size', [CompletionResultType]::ParameterName, 'Size of the root filesystem, in bytes or with K, M, G, T [default: the whole disk]')
            [CompletionResult]::new('--root-size-max', '--root-size-max', [CompletionResultType]::ParameterName, 'Size of the root filesystem, in bytes or with K, M, G, T [default: the whole disk]')
            [CompletionResult]::new('--disk-size', '--disk-size', [CompletionResultType]::ParameterName, 'Size of the disk, in bytes or with K, M, G, T [default: twice the image''s size, at least 10G]')
            [CompletionResult]::new('--karg', '--karg', [CompletionResultType]::ParameterName, 'Add a kernel argument; can be repeated')
            [CompletionResult]::new('--bootloader', '--bootloader', [CompletionResultType]::ParameterName, 'The boot loader to install [default: bootc''s choice]')
            [CompletionResult]::new('--target-imgref', '--target-imgref', [CompletionResultType]::ParameterName, 'The image reference that the installed system upgrades from [default: the image''s name]')
            [CompletionResult]::new('--target-transport', '--target-transport', [CompletionResultType]::ParameterName, 'The transport of that reference: registry, oci, ... [default: registry]')
            [CompletionResult]::new('--install-arg', '--install-arg', [CompletionResultType]::ParameterName, 'Add an argument to `bootc install to-disk`; can be repeated')
            [CompletionResult]::new('--install-in', '--install-in', [CompletionResultType]::ParameterName, 'Where to run `bootc install` [default: vm; on macOS and Windows: container, in the podman machine]')
            [CompletionResult]::new('--install-memory', '--install-memory', [CompletionResultType]::ParameterName, 'Memory of the VM that installs, with K, M, G or T [default: 4G, or three quarters of the host''s if that is less]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Overwrite FILE')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Overwrite FILE')
            [CompletionResult]::new('--force-block-device', '--force-block-device', [CompletionResultType]::ParameterName, 'Overwrite everything on the block device FILE')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Don''t show progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Don''t show progress')
            [CompletionResult]::new('--composefs-backend', '--composefs-backend', [CompletionResultType]::ParameterName, 'Use bootc''s composefs backend [default: only for images that its ostree backend can''t install]')
            [CompletionResult]::new('--rebuild', '--rebuild', [CompletionResultType]::ParameterName, 'Install again, even if the image already has a base disk with these options')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'podman-bootc;prune' {
            [CompletionResult]::new('--older-than', '--older-than', [CompletionResultType]::ParameterName, 'Remove only what was last used (or, with --all, made) at least this long ago, for example 12h or 30d')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print as JSON, or by a template such as ''{{.image}} {{.size}}''')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-a', '-a', [CompletionResultType]::ParameterName, 'Also remove the files made for direct boots, the copies of images from files and other podmans, and the logs of failed installs')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'Also remove the files made for direct boots, the copies of images from files and other podmans, and the logs of failed installs')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Show what would be removed, but remove nothing')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'podman-bootc;system' {
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('df', 'df', [CompletionResultType]::ParameterValue, 'Show how much space everything takes on the host')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'podman-bootc;system;df' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print as JSON, or by a template such as ''{{.type}} {{.size}}''')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show each base disk and VM')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show each base disk and VM')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'podman-bootc;system;help' {
            [CompletionResult]::new('df', 'df', [CompletionResultType]::ParameterValue, 'Show how much space everything takes on the host')
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
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print by a template such as ''{{.name}} {{.spec.cpus}}'' instead')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'podman-bootc;logs' {
            [CompletionResult]::new('--since', '--since', [CompletionResultType]::ParameterName, 'Show only output since this time: an age, in seconds or as in 90s, 5m, 2h, or a date such as 2026-01-31T12:00:00Z')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Keep printing new output until the VM ends')
            [CompletionResult]::new('--follow', '--follow', [CompletionResultType]::ParameterName, 'Keep printing new output until the VM ends')
            [CompletionResult]::new('-b', '-b', [CompletionResultType]::ParameterName, 'Show only output since the VM''s last start')
            [CompletionResult]::new('--boot', '--boot', [CompletionResultType]::ParameterName, 'Show only output since the VM''s last start')
            [CompletionResult]::new('-j', '-j', [CompletionResultType]::ParameterName, 'Show the journal instead of the console')
            [CompletionResult]::new('--journal', '--journal', [CompletionResultType]::ParameterName, 'Show the journal instead of the console')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'podman-bootc;port' {
            [CompletionResult]::new('--add', '--add', [CompletionResultType]::ParameterName, 'Forward one more port; can be repeated')
            [CompletionResult]::new('--remove', '--remove', [CompletionResultType]::ParameterName, 'Stop forwarding a port; can be repeated')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print as JSON, or by a template such as ''{{.host_port}}''')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'podman-bootc;doctor' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print as JSON, or by a template such as ''{{.check}} {{.result}}''')
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
            [CompletionResult]::new('ssh-config', 'ssh-config', [CompletionResultType]::ParameterValue, 'Print OpenSSH''s settings for a VM, or add all VMs to OpenSSH''s configuration')
            [CompletionResult]::new('cp', 'cp', [CompletionResultType]::ParameterValue, 'Copy a file or folder into a running VM, or out of it')
            [CompletionResult]::new('trust', 'trust', [CompletionResultType]::ParameterValue, 'Accept a new SSH host key of a VM')
            [CompletionResult]::new('console', 'console', [CompletionResultType]::ParameterValue, 'Attach to a running VM''s serial console; ctrl-] detaches')
            [CompletionResult]::new('screenshot', 'screenshot', [CompletionResultType]::ParameterValue, 'Save a picture of a running VM''s screen, as PNG')
            [CompletionResult]::new('stop', 'stop', [CompletionResultType]::ParameterValue, 'Stop running VMs')
            [CompletionResult]::new('start', 'start', [CompletionResultType]::ParameterValue, 'Start stopped VMs in the background')
            [CompletionResult]::new('reboot', 'reboot', [CompletionResultType]::ParameterValue, 'Reboot the systems of running VMs')
            [CompletionResult]::new('upgrade', 'upgrade', [CompletionResultType]::ParameterValue, 'Bring a running VM to another version of its image, as production machines do it')
            [CompletionResult]::new('rollback', 'rollback', [CompletionResultType]::ParameterValue, 'Bring a running VM back to the version before its last upgrade')
            [CompletionResult]::new('wait', 'wait', [CompletionResultType]::ParameterValue, 'Wait until a running VM is ready, or until a unit in it is active')
            [CompletionResult]::new('set', 'set', [CompletionResultType]::ParameterValue, 'Change the CPUs and the memory of a stopped VM, and the shares and disks of any VM')
            [CompletionResult]::new('snapshot', 'snapshot', [CompletionResultType]::ParameterValue, 'Save and restore everything on the disks of a stopped VM')
            [CompletionResult]::new('rm', 'rm', [CompletionResultType]::ParameterValue, 'Remove VMs and their disks')
            [CompletionResult]::new('images', 'images', [CompletionResultType]::ParameterValue, 'List the bootable images in podman''s storage')
            [CompletionResult]::new('disk', 'disk', [CompletionResultType]::ParameterValue, 'Install a bootable container image to a disk image or a block device')
            [CompletionResult]::new('prune', 'prune', [CompletionResultType]::ParameterValue, 'Remove the base disks and templates that no VM uses')
            [CompletionResult]::new('system', 'system', [CompletionResultType]::ParameterValue, 'Show the disk usage of the tool')
            [CompletionResult]::new('inspect', 'inspect', [CompletionResultType]::ParameterValue, 'Show everything about VMs, as JSON')
            [CompletionResult]::new('logs', 'logs', [CompletionResultType]::ParameterValue, 'Show the output of a VM''s serial console, or its journal')
            [CompletionResult]::new('port', 'port', [CompletionResultType]::ParameterValue, 'Show or change the ports of the host that are forwarded to a VM')
            [CompletionResult]::new('doctor', 'doctor', [CompletionResultType]::ParameterValue, 'Check for the programs and devices that the tool needs, and show how to get the missing ones')
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
        'podman-bootc;help;trust' {
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
        'podman-bootc;help;reboot' {
            break
        }
        'podman-bootc;help;upgrade' {
            break
        }
        'podman-bootc;help;rollback' {
            break
        }
        'podman-bootc;help;wait' {
            break
        }
        'podman-bootc;help;set' {
            break
        }
        'podman-bootc;help;snapshot' {
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Create a snapshot of a stopped VM')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List a VM''s snapshots')
            [CompletionResult]::new('restore', 'restore', [CompletionResultType]::ParameterValue, 'Restore a stopped VM to a snapshot; everything that the VM wrote since then is lost')
            [CompletionResult]::new('rm', 'rm', [CompletionResultType]::ParameterValue, 'Remove snapshots of a stopped VM; the VM''s disks don''t change')
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
            [CompletionResult]::new('df', 'df', [CompletionResultType]::ParameterValue, 'Show how much space everything takes on the host')
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

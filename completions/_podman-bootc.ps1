
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
            [CompletionResult]::new('watch', 'watch', [CompletionResultType]::ParameterValue, 'Build an image on each change of its sources, and bring a VM to it')
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
            [CompletionResult]::new('start', 'start', [CompletionResultType]::ParameterValue, 'Start stopped VMs in the background, and resume suspended ones')
            [CompletionResult]::new('suspend', 'suspend', [CompletionResultType]::ParameterValue, 'Save running VMs with their memory, and end them; `start` resumes them')
            [CompletionResult]::new('reboot', 'reboot', [CompletionResultType]::ParameterValue, 'Reboot the systems of running VMs')
            [CompletionResult]::new('restart', 'restart', [CompletionResultType]::ParameterValue, 'Reboot the systems of running VMs')
            [CompletionResult]::new('upgrade', 'upgrade', [CompletionResultType]::ParameterValue, 'Bring a running VM to another version of its image, as production machines do it')
            [CompletionResult]::new('rollback', 'rollback', [CompletionResultType]::ParameterValue, 'Bring a running VM back to the version before its last upgrade')
            [CompletionResult]::new('replace', 'replace', [CompletionResultType]::ParameterValue, 'Give a VM without a disk another image')
            [CompletionResult]::new('test', 'test', [CompletionResultType]::ParameterValue, 'Test images in VMs')
            [CompletionResult]::new('wait', 'wait', [CompletionResultType]::ParameterValue, 'Wait until a running VM is ready, or until a unit in it is active')
            [CompletionResult]::new('set', 'set', [CompletionResultType]::ParameterValue, 'Change the CPUs and the memory of a stopped VM, and the shares and disks of any VM')
            [CompletionResult]::new('snapshot', 'snapshot', [CompletionResultType]::ParameterValue, 'Save and restore a VM: its disks, and the memory of one that runs')
            [CompletionResult]::new('clone', 'clone', [CompletionResultType]::ParameterValue, 'Make a VM of another one''s settings and disks, and print its name')
            [CompletionResult]::new('rename', 'rename', [CompletionResultType]::ParameterValue, 'Give a stopped VM another name')
            [CompletionResult]::new('rm', 'rm', [CompletionResultType]::ParameterValue, 'Remove VMs and their disks')
            [CompletionResult]::new('images', 'images', [CompletionResultType]::ParameterValue, 'List the bootable images in podman''s storage')
            [CompletionResult]::new('disk', 'disk', [CompletionResultType]::ParameterValue, 'Install a bootable container image to a disk image or a block device')
            [CompletionResult]::new('to-disk', 'to-disk', [CompletionResultType]::ParameterValue, 'Install a bootable container image to a disk image or a block device')
            [CompletionResult]::new('generate', 'generate', [CompletionResultType]::ParameterValue, 'Write a VM for another engine')
            [CompletionResult]::new('prune', 'prune', [CompletionResultType]::ParameterValue, 'Remove the base disks and templates that no VM uses')
            [CompletionResult]::new('system', 'system', [CompletionResultType]::ParameterValue, 'Show the disk usage of the tool')
            [CompletionResult]::new('inspect', 'inspect', [CompletionResultType]::ParameterValue, 'Show everything about VMs, as JSON')
            [CompletionResult]::new('logs', 'logs', [CompletionResultType]::ParameterValue, 'Show the output of a VM''s serial console, or its journal')
            [CompletionResult]::new('events', 'events', [CompletionResultType]::ParameterValue, 'Show what happens to VMs, a line for each event')
            [CompletionResult]::new('port', 'port', [CompletionResultType]::ParameterValue, 'Show or change the ports of the host that are forwarded to a VM')
            [CompletionResult]::new('doctor', 'doctor', [CompletionResultType]::ParameterValue, 'Check for the programs and devices that the tool needs, and show how to get the missing ones')
            [CompletionResult]::new('config', 'config', [CompletionResultType]::ParameterValue, 'Show the configured defaults of run, watch and test')
            [CompletionResult]::new('completion', 'completion', [CompletionResultType]::ParameterValue, 'Print a completion script for a shell')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'podman-bootc;run' {
            [CompletionResult]::new('--name', '--name', [CompletionResultType]::ParameterName, 'The VM''s name [default: generated]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print the dry run as JSON, or by a template such as ''{{.boot.cached}}''')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Time limit until the VM is ready, in seconds or as in 90s, 5m [default: 5m, under emulation 20m]')
            [CompletionResult]::new('--wait', '--wait', [CompletionResultType]::ParameterName, 'Wait for this before the session, or before --detach returns: ssh, running (the end of the boot, without failed units), or a unit such as multi-user.target [default: ssh]')
            [CompletionResult]::new('--timeline', '--timeline', [CompletionResultType]::ParameterName, 'Show where the time until the VM was ready went, and draw it in a file')
            [CompletionResult]::new('--disk', '--disk', [CompletionResultType]::ParameterName, 'Boot this disk image (raw or qcow2) instead of a container image; it must not change while the VM exists')
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'The user to log in as: one of the image, or one that its sysusers.d, cloud-init or Ignition makes at boot')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'The user to log in as: one of the image, or one that its sysusers.d, cloud-init or Ignition makes at boot')
            [CompletionResult]::new('--cpus', '--cpus', [CompletionResultType]::ParameterName, 'Virtual CPUs')
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'Memory, in bytes or with K, M, G')
            [CompletionResult]::new('--memory', '--memory', [CompletionResultType]::ParameterName, 'Memory, in bytes or with K, M, G')
            [CompletionResult]::new('--itype', '--itype', [CompletionResultType]::ParameterName, 'CPUs and memory as KubeVirt''s instance type of this name has them')
            [CompletionResult]::new('--connection', '--connection', [CompletionResultType]::ParameterName, 'Use the images of this podman connection, as with `podman --connection` [default: from CONTAINER_HOST]')
            [CompletionResult]::new('--arch', '--arch', [CompletionResultType]::ParameterName, 'The architecture of the image [default: the local image''s, otherwise the host''s]')
            [CompletionResult]::new('--pull', '--pull', [CompletionResultType]::ParameterName, 'When to pull the image')
            [CompletionResult]::new('--hypervisor', '--hypervisor', [CompletionResultType]::ParameterName, 'The hypervisor that runs the VM')
            [CompletionResult]::new('--accel', '--accel', [CompletionResultType]::ParameterName, 'The way QEMU runs guest code')
            [CompletionResult]::new('--root-transport', '--root-transport', [CompletionResultType]::ParameterName, 'How an --ephemeral VM gets the image''s files')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Share a host folder with the VM; can be repeated')
            [CompletionResult]::new('--volume', '--volume', [CompletionResultType]::ParameterName, 'Share a host folder with the VM; can be repeated')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Forward a port of the host to the VM; can be repeated')
            [CompletionResult]::new('--publish', '--publish', [CompletionResultType]::ParameterName, 'Forward a port of the host to the VM; can be repeated')
            [CompletionResult]::new('--add-disk', '--add-disk', [CompletionResultType]::ParameterName, 'Attach a disk image (raw or qcow2), or with new:SIZE an empty disk; can be repeated')
            [CompletionResult]::new('--swap', '--swap', [CompletionResultType]::ParameterName, 'Add swap space of this size, which takes space on the host only in use (systemd 256 or newer in the image)')
            [CompletionResult]::new('--nic', '--nic', [CompletionResultType]::ParameterName, 'The VM''s network card')
            [CompletionResult]::new('--ssh', '--ssh', [CompletionResultType]::ParameterName, 'The way in by SSH')
            [CompletionResult]::new('--hostname', '--hostname', [CompletionResultType]::ParameterName, 'The VM''s hostname')
            [CompletionResult]::new('--ssh-key', '--ssh-key', [CompletionResultType]::ParameterName, 'Also accept the public SSH keys in this file; can be repeated')
            [CompletionResult]::new('--credential', '--credential', [CompletionResultType]::ParameterName, 'Hand a credential to the guest''s systemd, as a value or from a file; can be repeated')
            [CompletionResult]::new('--cloudinit', '--cloudinit', [CompletionResultType]::ParameterName, 'Hand the files in this folder to cloud-init: user-data, optionally meta-data, network-config, vendor-data')
            [CompletionResult]::new('--ignition', '--ignition', [CompletionResultType]::ParameterName, 'Hand this configuration to Ignition')
            [CompletionResult]::new('--firmware', '--firmware', [CompletionResultType]::ParameterName, 'The firmware that boots the VM from its disk')
            [CompletionResult]::new('-l', '-l', [CompletionResultType]::ParameterName, 'Add a label, for filters of `list`, `start`, `stop`, `rm`, `events`; can be repeated')
            [CompletionResult]::new('--label', '--label', [CompletionResultType]::ParameterName, 'Add a label, for filters of `list`, `start`, `stop`, `rm`, `events`; can be repeated')
            [CompletionResult]::new('--hypervisor-arg', '--hypervisor-arg', [CompletionResultType]::ParameterName, 'Add an argument to the hypervisor''s command line, after all others; can be repeated')
            [CompletionResult]::new('--warm', '--warm', [CompletionResultType]::ParameterName, 'Resume a new VM from a template instead of booting [default: auto]')
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
            [CompletionResult]::new('--install-memory', '--install-memory', [CompletionResultType]::ParameterName, 'Memory of the VM that installs, with K, M, G or T [default: 4G, or three quarters of the host''s available memory if that is less]')
            [CompletionResult]::new('--install-cpus', '--install-cpus', [CompletionResultType]::ParameterName, 'Processors of the VM that installs [default: the host''s, at most 4]')
            [CompletionResult]::new('--install-timeout', '--install-timeout', [CompletionResultType]::ParameterName, 'Give up an install after this many seconds [default: never]')
            [CompletionResult]::new('--bound-images', '--bound-images', [CompletionResultType]::ParameterName, 'What to do with the images that are bound to the image (/usr/lib/bootc/bound-images.d) [default: stored]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-R', '-R ', [CompletionResultType]::ParameterName, 'Replace the VM of this name, if there is one: it is shut down and removed as soon as the new one can be made')
            [CompletionResult]::new('--replace', '--replace', [CompletionResultType]::ParameterName, 'Replace the VM of this name, if there is one: it is shut down and removed as soon as the new one can be made')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Show what would be pulled, installed and started, with the hypervisor''s command line, and do nothing')
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
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print the common options')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print the common options')
            [CompletionResult]::new('--help-all', '--help-all', [CompletionResultType]::ParameterName, 'Print all options, with their details')
            break
        }
        'podman-bootc;watch' {
            [CompletionResult]::new('--name', '--name', [CompletionResultType]::ParameterName, 'The VM''s name [default: generated]')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'The Containerfile [default: Containerfile or Dockerfile in CONTEXT]')
            [CompletionResult]::new('--file', '--file', [CompletionResultType]::ParameterName, 'The Containerfile [default: Containerfile or Dockerfile in CONTEXT]')
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'The image''s name')
            [CompletionResult]::new('--tag', '--tag', [CompletionResultType]::ParameterName, 'The image''s name')
            [CompletionResult]::new('--build', '--build', [CompletionResultType]::ParameterName, 'Build with this shell command line instead of `podman build`; it makes the image --tag')
            [CompletionResult]::new('--build-arg', '--build-arg', [CompletionResultType]::ParameterName, 'As in `podman build`; can be repeated')
            [CompletionResult]::new('--build-arg-file', '--build-arg-file', [CompletionResultType]::ParameterName, 'As in `podman build`')
            [CompletionResult]::new('--build-context', '--build-context', [CompletionResultType]::ParameterName, 'As in `podman build`; a folder is watched, too; can be repeated')
            [CompletionResult]::new('--build-volume', '--build-volume', [CompletionResultType]::ParameterName, 'As `--volume` in `podman build`; the folder is watched, too; can be repeated')
            [CompletionResult]::new('--secret', '--secret', [CompletionResultType]::ParameterName, 'As in `podman build`; a file is watched, too; can be repeated')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'As in `podman build`')
            [CompletionResult]::new('--network', '--network', [CompletionResultType]::ParameterName, 'As in `podman build`')
            [CompletionResult]::new('--ignorefile', '--ignorefile', [CompletionResultType]::ParameterName, 'The file that says which files to ignore, as in `podman build`')
            [CompletionResult]::new('--build-option', '--build-option', [CompletionResultType]::ParameterName, 'Pass one more word to `podman build`, as in --build-option=--squash; can be repeated')
            [CompletionResult]::new('--watch', '--watch', [CompletionResultType]::ParameterName, 'Watch this file or folder, too; can be repeated')
            [CompletionResult]::new('--cmd', '--cmd', [CompletionResultType]::ParameterName, 'A shell command line that must succeed in the VM; can be repeated')
            [CompletionResult]::new('--script', '--script', [CompletionResultType]::ParameterName, 'A script that must succeed in the VM; can be repeated')
            [CompletionResult]::new('--checks', '--checks', [CompletionResultType]::ParameterName, 'A folder of scripts and programs that must succeed in the VM; can be repeated')
            [CompletionResult]::new('--check-timeout', '--check-timeout', [CompletionResultType]::ParameterName, 'Time limit for each check')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print events as JSON, one a line')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Time limit until the VM is ready, in seconds or as in 90s, 5m [default: 5m, under emulation 20m]')
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'The user to log in as: one of the image, or one that its sysusers.d, cloud-init or Ignition makes at boot')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'The user to log in as: one of the image, or one that its sysusers.d, cloud-init or Ignition makes at boot')
            [CompletionResult]::new('--cpus', '--cpus', [CompletionResultType]::ParameterName, 'Virtual CPUs')
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'Memory, in bytes or with K, M, G')
            [CompletionResult]::new('--memory', '--memory', [CompletionResultType]::ParameterName, 'Memory, in bytes or with K, M, G')
            [CompletionResult]::new('--itype', '--itype', [CompletionResultType]::ParameterName, 'CPUs and memory as KubeVirt''s instance type of this name has them')
            [CompletionResult]::new('--connection', '--connection', [CompletionResultType]::ParameterName, 'Use the images of this podman connection, as with `podman --connection` [default: from CONTAINER_HOST]')
            [CompletionResult]::new('--arch', '--arch', [CompletionResultType]::ParameterName, 'The architecture of the image [default: the local image''s, otherwise the host''s]')
            [CompletionResult]::new('--pull', '--pull', [CompletionResultType]::ParameterName, 'When to pull the image')
            [CompletionResult]::new('--hypervisor', '--hypervisor', [CompletionResultType]::ParameterName, 'The hypervisor that runs the VM')
            [CompletionResult]::new('--accel', '--accel', [CompletionResultType]::ParameterName, 'The way QEMU runs guest code')
            [CompletionResult]::new('--root-transport', '--root-transport', [CompletionResultType]::ParameterName, 'How an --ephemeral VM gets the image''s files')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Share a host folder with the VM; can be repeated')
            [CompletionResult]::new('--volume', '--volume', [CompletionResultType]::ParameterName, 'Share a host folder with the VM; can be repeated')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Forward a port of the host to the VM; can be repeated')
            [CompletionResult]::new('--publish', '--publish', [CompletionResultType]::ParameterName, 'Forward a port of the host to the VM; can be repeated')
            [CompletionResult]::new('--add-disk', '--add-disk', [CompletionResultType]::ParameterName, 'Attach a disk image (raw or qcow2), or with new:SIZE an empty disk; can be repeated')
            [CompletionResult]::new('--swap', '--swap', [CompletionResultType]::ParameterName, 'Add swap space of this size, which takes space on the host only in use (systemd 256 or newer in the image)')
            [CompletionResult]::new('--nic', '--nic', [CompletionResultType]::ParameterName, 'The VM''s network card')
            [CompletionResult]::new('--ssh', '--ssh', [CompletionResultType]::ParameterName, 'The way in by SSH')
            [CompletionResult]::new('--hostname', '--hostname', [CompletionResultType]::ParameterName, 'The VM''s hostname')
            [CompletionResult]::new('--ssh-key', '--ssh-key', [CompletionResultType]::ParameterName, 'Also accept the public SSH keys in this file; can be repeated')
            [CompletionResult]::new('--credential', '--credential', [CompletionResultType]::ParameterName, 'Hand a credential to the guest''s systemd, as a value or from a file; can be repeated')
            [CompletionResult]::new('--cloudinit', '--cloudinit', [CompletionResultType]::ParameterName, 'Hand the files in this folder to cloud-init: user-data, optionally meta-data, network-config, vendor-data')
            [CompletionResult]::new('--ignition', '--ignition', [CompletionResultType]::ParameterName, 'Hand this configuration to Ignition')
            [CompletionResult]::new('--firmware', '--firmware', [CompletionResultType]::ParameterName, 'The firmware that boots the VM from its disk')
            [CompletionResult]::new('-l', '-l', [CompletionResultType]::ParameterName, 'Add a label, for filters of `list`, `start`, `stop`, `rm`, `events`; can be repeated')
            [CompletionResult]::new('--label', '--label', [CompletionResultType]::ParameterName, 'Add a label, for filters of `list`, `start`, `stop`, `rm`, `events`; can be repeated')
            [CompletionResult]::new('--hypervisor-arg', '--hypervisor-arg', [CompletionResultType]::ParameterName, 'Add an argument to the hypervisor''s command line, after all others; can be repeated')
            [CompletionResult]::new('--warm', '--warm', [CompletionResultType]::ParameterName, 'Resume a new VM from a template instead of booting [default: auto]')
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
            [CompletionResult]::new('--install-memory', '--install-memory', [CompletionResultType]::ParameterName, 'Memory of the VM that installs, with K, M, G or T [default: 4G, or three quarters of the host''s available memory if that is less]')
            [CompletionResult]::new('--install-cpus', '--install-cpus', [CompletionResultType]::ParameterName, 'Processors of the VM that installs [default: the host''s, at most 4]')
            [CompletionResult]::new('--install-timeout', '--install-timeout', [CompletionResultType]::ParameterName, 'Give up an install after this many seconds [default: never]')
            [CompletionResult]::new('--bound-images', '--bound-images', [CompletionResultType]::ParameterName, 'What to do with the images that are bound to the image (/usr/lib/bootc/bound-images.d) [default: stored]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('--upgrade', '--upgrade', [CompletionResultType]::ParameterName, 'Upgrade a VM with a disk, as production machines do it [default: a VM without a disk gets the new layers]')
            [CompletionResult]::new('--fresh', '--fresh', [CompletionResultType]::ParameterName, 'Make a new VM for each image')
            [CompletionResult]::new('--keep', '--keep', [CompletionResultType]::ParameterName, 'Leave the VM running at the end')
            [CompletionResult]::new('--poll', '--poll', [CompletionResultType]::ParameterName, 'Look at all files from time to time, where the system reports no changes [default: on network folders]')
            [CompletionResult]::new('--bell', '--bell', [CompletionResultType]::ParameterName, 'Ring the terminal''s bell at the end of each cycle')
            [CompletionResult]::new('--notify', '--notify', [CompletionResultType]::ParameterName, 'Show a desktop notification at the end of each cycle')
            [CompletionResult]::new('--ephemeral', '--ephemeral', [CompletionResultType]::ParameterName, 'Boot the image directly, without an install; all changes are lost with the VM')
            [CompletionResult]::new('--tpm', '--tpm', [CompletionResultType]::ParameterName, 'Add a TPM 2.0')
            [CompletionResult]::new('--journal', '--journal', [CompletionResultType]::ParameterName, 'Also store the VM''s journal on the host, for `logs --journal` (systemd 256 or newer in the image)')
            [CompletionResult]::new('--gui', '--gui', [CompletionResultType]::ParameterName, 'Open a window with the VM''s screen')
            [CompletionResult]::new('--cold', '--cold', [CompletionResultType]::ParameterName, 'Boot, and make no template')
            [CompletionResult]::new('--composefs-backend', '--composefs-backend', [CompletionResultType]::ParameterName, 'Use bootc''s composefs backend [default: only for images that its ostree backend can''t install]')
            [CompletionResult]::new('--rebuild', '--rebuild', [CompletionResultType]::ParameterName, 'Install again, even if the image already has a base disk with these options')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print the common options')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print the common options')
            [CompletionResult]::new('--help-all', '--help-all', [CompletionResultType]::ParameterName, 'Print all options, with their details')
            break
        }
        'podman-bootc;list' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print as JSON, or by a template such as ''{{.name}} {{.state}}''')
            [CompletionResult]::new('--filter', '--filter', [CompletionResultType]::ParameterName, 'List only these VMs: label=KEY[=VALUE], name=REGEX, status=STATE or image=IMAGE; can be repeated')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only the names')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only the names')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'podman-bootc;ls' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print as JSON, or by a template such as ''{{.name}} {{.state}}''')
            [CompletionResult]::new('--filter', '--filter', [CompletionResultType]::ParameterName, 'List only these VMs: label=KEY[=VALUE], name=REGEX, status=STATE or image=IMAGE; can be repeated')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only the names')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only the names')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'podman-bootc;ps' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print as JSON, or by a template such as ''{{.name}} {{.state}}''')
            [CompletionResult]::new('--filter', '--filter', [CompletionResultType]::ParameterName, 'List only these VMs: label=KEY[=VALUE], name=REGEX, status=STATE or image=IMAGE; can be repeated')
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
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'Seconds until the power is cut [default: 60, or 300 for an emulated guest]')
            [CompletionResult]::new('--time', '--time', [CompletionResultType]::ParameterName, 'Seconds until the power is cut [default: 60, or 300 for an emulated guest]')
            [CompletionResult]::new('--filter', '--filter', [CompletionResultType]::ParameterName, 'Choose all VMs with this: label=KEY[=VALUE], name=REGEX, status=STATE or image=IMAGE; can be repeated')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'podman-bootc;start' {
            [CompletionResult]::new('--filter', '--filter', [CompletionResultType]::ParameterName, 'Choose all VMs with this: label=KEY[=VALUE], name=REGEX, status=STATE or image=IMAGE; can be repeated')
            [CompletionResult]::new('--wait', '--wait', [CompletionResultType]::ParameterName, 'Wait for this: ssh, running (the end of the boot, without failed units), or a unit such as multi-user.target')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Time limit for --wait, in seconds or as in 90s, 5m [default: 5m, under emulation 20m]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('--cold', '--cold', [CompletionResultType]::ParameterName, 'Boot a suspended VM anew; what it had in memory is lost')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Don''t show progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Don''t show progress')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'podman-bootc;suspend' {
            [CompletionResult]::new('--filter', '--filter', [CompletionResultType]::ParameterName, 'Choose all VMs with this: label=KEY[=VALUE], name=REGEX, status=STATE or image=IMAGE; can be repeated')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
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
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Time limit for each step, in seconds or as in 90s, 5m [default: 1h for the pull, 10m for the reboot, 25m under emulation, 20m for --check]')
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
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print the common options')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print the common options')
            [CompletionResult]::new('--help-all', '--help-all', [CompletionResultType]::ParameterName, 'Print all options, with their details')
            break
        }
        'podman-bootc;rollback' {
            [CompletionResult]::new('--check', '--check', [CompletionResultType]::ParameterName, 'A shell command line that must succeed in the VM after the reboot')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Time limit for each step, in seconds or as in 90s, 5m [default: 1h for the pull, 10m for the reboot, 25m under emulation, 20m for --check]')
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
        'podman-bootc;replace' {
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Time limit for each wait for the guest, in seconds or as in 90s, 5m [default: as in run]')
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'The user to log in as; it needs `sudo -n` if it isn''t root [default: the VM''s user]')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'The user to log in as; it needs `sudo -n` if it isn''t root [default: the VM''s user]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print the report as JSON, or by a template such as ''{{.way}}''')
            [CompletionResult]::new('--connection', '--connection', [CompletionResultType]::ParameterName, 'Use the images of this podman connection, as with `podman --connection` [default: from CONTAINER_HOST]')
            [CompletionResult]::new('--pull', '--pull', [CompletionResultType]::ParameterName, 'When to pull the image to the host')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('--restart', '--restart', [CompletionResultType]::ParameterName, 'Start the machine anew, even if its userspace alone could restart')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Don''t show progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Don''t show progress')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'podman-bootc;test' {
            [CompletionResult]::new('--cmd', '--cmd', [CompletionResultType]::ParameterName, 'A shell command line that must succeed in the guest; can be repeated')
            [CompletionResult]::new('--script', '--script', [CompletionResultType]::ParameterName, 'A script or a program of the host that must succeed in the guest; can be repeated')
            [CompletionResult]::new('--checks', '--checks', [CompletionResultType]::ParameterName, 'A folder of scripts (*.sh) and executable files; can be repeated')
            [CompletionResult]::new('--check-timeout', '--check-timeout', [CompletionResultType]::ParameterName, 'Time limit for each of these checks, in seconds or as in 90s, 5m')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Time limit for each boot, until the system has settled [default: 5m, under emulation 20m]')
            [CompletionResult]::new('--slow-unit', '--slow-unit', [CompletionResultType]::ParameterName, 'A unit that takes longer to start is too slow [default: 1m, under emulation 5m]')
            [CompletionResult]::new('--skip', '--skip', [CompletionResultType]::ParameterName, 'Leave out a check of the system; can be repeated')
            [CompletionResult]::new('--upgrade-from', '--upgrade-from', [CompletionResultType]::ParameterName, 'Boot this image and test it, upgrade to IMAGE and test that, roll back and test again')
            [CompletionResult]::new('-j', '-j', [CompletionResultType]::ParameterName, 'The number of VMs at once, as far as the host''s memory allows')
            [CompletionResult]::new('--jobs', '--jobs', [CompletionResultType]::ParameterName, 'The number of VMs at once, as far as the host''s memory allows')
            [CompletionResult]::new('--junit', '--junit', [CompletionResultType]::ParameterName, 'Write a JUnit report to this file')
            [CompletionResult]::new('--markdown', '--markdown', [CompletionResultType]::ParameterName, 'Write a report in Markdown to this file, for the summary of a CI job')
            [CompletionResult]::new('--artifacts', '--artifacts', [CompletionResultType]::ParameterName, 'Save the console, the journal, the report, the timeline and a picture of a screen that hangs in this folder')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print the reports as JSON, or by a template such as ''{{.target}} {{.result}}''')
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'The user to log in as: one of the image, or one that its sysusers.d, cloud-init or Ignition makes at boot')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'The user to log in as: one of the image, or one that its sysusers.d, cloud-init or Ignition makes at boot')
            [CompletionResult]::new('--cpus', '--cpus', [CompletionResultType]::ParameterName, 'Virtual CPUs')
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'Memory, in bytes or with K, M, G')
            [CompletionResult]::new('--memory', '--memory', [CompletionResultType]::ParameterName, 'Memory, in bytes or with K, M, G')
            [CompletionResult]::new('--itype', '--itype', [CompletionResultType]::ParameterName, 'CPUs and memory as KubeVirt''s instance type of this name has them')
            [CompletionResult]::new('--connection', '--connection', [CompletionResultType]::ParameterName, 'Use the images of this podman connection, as with `podman --connection` [default: from CONTAINER_HOST]')
            [CompletionResult]::new('--arch', '--arch', [CompletionResultType]::ParameterName, 'The architecture of the image [default: the local image''s, otherwise the host''s]')
            [CompletionResult]::new('--pull', '--pull', [CompletionResultType]::ParameterName, 'When to pull the image')
            [CompletionResult]::new('--hypervisor', '--hypervisor', [CompletionResultType]::ParameterName, 'The hypervisor that runs the VM')
            [CompletionResult]::new('--accel', '--accel', [CompletionResultType]::ParameterName, 'The way QEMU runs guest code')
            [CompletionResult]::new('--root-transport', '--root-transport', [CompletionResultType]::ParameterName, 'How an --ephemeral VM gets the image''s files')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Share a host folder with the VM; can be repeated')
            [CompletionResult]::new('--volume', '--volume', [CompletionResultType]::ParameterName, 'Share a host folder with the VM; can be repeated')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Forward a port of the host to the VM; can be repeated')
            [CompletionResult]::new('--publish', '--publish', [CompletionResultType]::ParameterName, 'Forward a port of the host to the VM; can be repeated')
            [CompletionResult]::new('--add-disk', '--add-disk', [CompletionResultType]::ParameterName, 'Attach a disk image (raw or qcow2), or with new:SIZE an empty disk; can be repeated')
            [CompletionResult]::new('--swap', '--swap', [CompletionResultType]::ParameterName, 'Add swap space of this size, which takes space on the host only in use (systemd 256 or newer in the image)')
            [CompletionResult]::new('--nic', '--nic', [CompletionResultType]::ParameterName, 'The VM''s network card')
            [CompletionResult]::new('--ssh', '--ssh', [CompletionResultType]::ParameterName, 'The way in by SSH')
            [CompletionResult]::new('--hostname', '--hostname', [CompletionResultType]::ParameterName, 'The VM''s hostname')
            [CompletionResult]::new('--ssh-key', '--ssh-key', [CompletionResultType]::ParameterName, 'Also accept the public SSH keys in this file; can be repeated')
            [CompletionResult]::new('--credential', '--credential', [CompletionResultType]::ParameterName, 'Hand a credential to the guest''s systemd, as a value or from a file; can be repeated')
            [CompletionResult]::new('--cloudinit', '--cloudinit', [CompletionResultType]::ParameterName, 'Hand the files in this folder to cloud-init: user-data, optionally meta-data, network-config, vendor-data')
            [CompletionResult]::new('--ignition', '--ignition', [CompletionResultType]::ParameterName, 'Hand this configuration to Ignition')
            [CompletionResult]::new('--firmware', '--firmware', [CompletionResultType]::ParameterName, 'The firmware that boots the VM from its disk')
            [CompletionResult]::new('-l', '-l', [CompletionResultType]::ParameterName, 'Add a label, for filters of `list`, `start`, `stop`, `rm`, `events`; can be repeated')
            [CompletionResult]::new('--label', '--label', [CompletionResultType]::ParameterName, 'Add a label, for filters of `list`, `start`, `stop`, `rm`, `events`; can be repeated')
            [CompletionResult]::new('--hypervisor-arg', '--hypervisor-arg', [CompletionResultType]::ParameterName, 'Add an argument to the hypervisor''s command line, after all others; can be repeated')
            [CompletionResult]::new('--warm', '--warm', [CompletionResultType]::ParameterName, 'Resume a new VM from a template instead of booting [default: auto]')
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
            [CompletionResult]::new('--install-memory', '--install-memory', [CompletionResultType]::ParameterName, 'Memory of the VM that installs, with K, M, G or T [default: 4G, or three quarters of the host''s available memory if that is less]')
            [CompletionResult]::new('--install-cpus', '--install-cpus', [CompletionResultType]::ParameterName, 'Processors of the VM that installs [default: the host''s, at most 4]')
            [CompletionResult]::new('--install-timeout', '--install-timeout', [CompletionResultType]::ParameterName, 'Give up an install after this many seconds [default: never]')
            [CompletionResult]::new('--bound-images', '--bound-images', [CompletionResultType]::ParameterName, 'What to do with the images that are bound to the image (/usr/lib/bootc/bound-images.d) [default: stored]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('--reboot', '--reboot', [CompletionResultType]::ParameterName, 'Test once more after a reboot')
            [CompletionResult]::new('--timeline', '--timeline', [CompletionResultType]::ParameterName, 'Show where the time of each test went, also in the guest')
            [CompletionResult]::new('--tap', '--tap', [CompletionResultType]::ParameterName, 'Print TAP')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Don''t show progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Don''t show progress')
            [CompletionResult]::new('--ephemeral', '--ephemeral', [CompletionResultType]::ParameterName, 'Boot the image directly, without an install; all changes are lost with the VM')
            [CompletionResult]::new('--tpm', '--tpm', [CompletionResultType]::ParameterName, 'Add a TPM 2.0')
            [CompletionResult]::new('--journal', '--journal', [CompletionResultType]::ParameterName, 'Also store the VM''s journal on the host, for `logs --journal` (systemd 256 or newer in the image)')
            [CompletionResult]::new('--gui', '--gui', [CompletionResultType]::ParameterName, 'Open a window with the VM''s screen')
            [CompletionResult]::new('--cold', '--cold', [CompletionResultType]::ParameterName, 'Boot, and make no template')
            [CompletionResult]::new('--composefs-backend', '--composefs-backend', [CompletionResultType]::ParameterName, 'Use bootc''s composefs backend [default: only for images that its ostree backend can''t install]')
            [CompletionResult]::new('--rebuild', '--rebuild', [CompletionResultType]::ParameterName, 'Install again, even if the image already has a base disk with these options')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print the common options')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print the common options')
            [CompletionResult]::new('--help-all', '--help-all', [CompletionResultType]::ParameterName, 'Print all options, with their details')
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
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Create a snapshot, of the memory too if the VM is running')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List a VM''s snapshots')
            [CompletionResult]::new('ls', 'ls', [CompletionResultType]::ParameterValue, 'List a VM''s snapshots')
            [CompletionResult]::new('restore', 'restore', [CompletionResultType]::ParameterValue, 'Restore a VM to a snapshot; everything that the VM did since then is lost')
            [CompletionResult]::new('rm', 'rm', [CompletionResultType]::ParameterValue, 'Remove snapshots; the VM''s disks don''t change')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'podman-bootc;snapshot;create' {
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('--disk-only', '--disk-only', [CompletionResultType]::ParameterName, 'Leave out the memory of a running VM: the guest finds its disks as after a power cut')
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
            [CompletionResult]::new('--disk-only', '--disk-only', [CompletionResultType]::ParameterName, 'Leave out the snapshot''s memory; the VM must be stopped, and stays so')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'podman-bootc;snapshot;rm' {
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'podman-bootc;snapshot;help' {
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Create a snapshot, of the memory too if the VM is running')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List a VM''s snapshots')
            [CompletionResult]::new('restore', 'restore', [CompletionResultType]::ParameterValue, 'Restore a VM to a snapshot; everything that the VM did since then is lost')
            [CompletionResult]::new('rm', 'rm', [CompletionResultType]::ParameterValue, 'Remove snapshots; the VM''s disks don''t change')
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
        'podman-bootc;clone' {
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'podman-bootc;rename' {
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'podman-bootc;rm' {
            [CompletionResult]::new('--filter', '--filter', [CompletionResultType]::ParameterName, 'Remove the VMs with this: label=KEY[=VALUE], name=REGEX, status=STATE or image=IMAGE; can be repeated')
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
            [CompletionResult]::new('--install-memory', '--install-memory', [CompletionResultType]::ParameterName, 'Memory of the VM that installs, with K, M, G or T [default: 4G, or three quarters of the host''s available memory if that is less]')
            [CompletionResult]::new('--install-cpus', '--install-cpus', [CompletionResultType]::ParameterName, 'Processors of the VM that installs [default: the host''s, at most 4]')
            [CompletionResult]::new('--install-timeout', '--install-timeout', [CompletionResultType]::ParameterName, 'Give up an install after this many seconds [default: never]')
            [CompletionResult]::new('--bound-images', '--bound-images', [CompletionResultType]::ParameterName, 'What to do with the images that are bound to the image (/usr/lib/bootc/bound-images.d) [default: stored]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('--push', '--push', [CompletionResultType]::ParameterName, 'Push a container disk to its registry, with podman''s login')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Overwrite FILE')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Overwrite FILE')
            [CompletionResult]::new('--force-block-device', '--force-block-device', [CompletionResultType]::ParameterName, 'Overwrite everything on the block device FILE')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Don''t show progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Don''t show progress')
            [CompletionResult]::new('--composefs-backend', '--composefs-backend', [CompletionResultType]::ParameterName, 'Use bootc''s composefs backend [default: only for images that its ostree backend can''t install]')
            [CompletionResult]::new('--rebuild', '--rebuild', [CompletionResultType]::ParameterName, 'Install again, even if the image already has a base disk with these options')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print the common options')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print the common options')
            [CompletionResult]::new('--help-all', '--help-all', [CompletionResultType]::ParameterName, 'Print all options, with their details')
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
            [CompletionResult]::new('--install-memory', '--install-memory', [CompletionResultType]::ParameterName, 'Memory of the VM that installs, with K, M, G or T [default: 4G, or three quarters of the host''s available memory if that is less]')
            [CompletionResult]::new('--install-cpus', '--install-cpus', [CompletionResultType]::ParameterName, 'Processors of the VM that installs [default: the host''s, at most 4]')
            [CompletionResult]::new('--install-timeout', '--install-timeout', [CompletionResultType]::ParameterName, 'Give up an install after this many seconds [default: never]')
            [CompletionResult]::new('--bound-images', '--bound-images', [CompletionResultType]::ParameterName, 'What to do with the images that are bound to the image (/usr/lib/bootc/bound-images.d) [default: stored]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('--push', '--push', [CompletionResultType]::ParameterName, 'Push a container disk to its registry, with podman''s login')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Overwrite FILE')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Overwrite FILE')
            [CompletionResult]::new('--force-block-device', '--force-block-device', [CompletionResultType]::ParameterName, 'Overwrite everything on the block device FILE')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Don''t show progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Don''t show progress')
            [CompletionResult]::new('--composefs-backend', '--composefs-backend', [CompletionResultType]::ParameterName, 'Use bootc''s composefs backend [default: only for images that its ostree backend can''t install]')
            [CompletionResult]::new('--rebuild', '--rebuild', [CompletionResultType]::ParameterName, 'Install again, even if the image already has a base disk with these options')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print the common options')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print the common options')
            [CompletionResult]::new('--help-all', '--help-all', [CompletionResultType]::ParameterName, 'Print all options, with their details')
            break
        }
        'podman-bootc;generate' {
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('kubevirt', 'kubevirt', [CompletionResultType]::ParameterValue, 'Write a VM as objects for KubeVirt')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'podman-bootc;generate;kubevirt' {
            [CompletionResult]::new('--name', '--name', [CompletionResultType]::ParameterName, 'The name of the VirtualMachine [default: the VM''s, or the last word of the image''s name]')
            [CompletionResult]::new('--to', '--to', [CompletionResultType]::ParameterName, 'The repository of the images, which the cluster pulls [default: the image''s own]')
            [CompletionResult]::new('--disk-image', '--disk-image', [CompletionResultType]::ParameterName, 'Use this container disk, which `disk --format containerdisk` made, and make no image')
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'The user to log in as: one of the image, or one that its sysusers.d, cloud-init or Ignition makes at boot')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'The user to log in as: one of the image, or one that its sysusers.d, cloud-init or Ignition makes at boot')
            [CompletionResult]::new('--cpus', '--cpus', [CompletionResultType]::ParameterName, 'Virtual CPUs')
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'Memory, in bytes or with K, M, G')
            [CompletionResult]::new('--memory', '--memory', [CompletionResultType]::ParameterName, 'Memory, in bytes or with K, M, G')
            [CompletionResult]::new('--itype', '--itype', [CompletionResultType]::ParameterName, 'CPUs and memory as KubeVirt''s instance type of this name has them')
            [CompletionResult]::new('--connection', '--connection', [CompletionResultType]::ParameterName, 'Use the images of this podman connection, as with `podman --connection` [default: from CONTAINER_HOST]')
            [CompletionResult]::new('--arch', '--arch', [CompletionResultType]::ParameterName, 'The architecture of the image [default: the local image''s, otherwise the host''s]')
            [CompletionResult]::new('--pull', '--pull', [CompletionResultType]::ParameterName, 'When to pull the image')
            [CompletionResult]::new('--accel', '--accel', [CompletionResultType]::ParameterName, 'The way QEMU runs guest code')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Share a host folder with the VM; can be repeated')
            [CompletionResult]::new('--volume', '--volume', [CompletionResultType]::ParameterName, 'Share a host folder with the VM; can be repeated')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Forward a port of the host to the VM; can be repeated')
            [CompletionResult]::new('--publish', '--publish', [CompletionResultType]::ParameterName, 'Forward a port of the host to the VM; can be repeated')
            [CompletionResult]::new('--add-disk', '--add-disk', [CompletionResultType]::ParameterName, 'Attach a disk image (raw or qcow2), or with new:SIZE an empty disk; can be repeated')
            [CompletionResult]::new('--swap', '--swap', [CompletionResultType]::ParameterName, 'Add swap space of this size, which takes space on the host only in use (systemd 256 or newer in the image)')
            [CompletionResult]::new('--nic', '--nic', [CompletionResultType]::ParameterName, 'The VM''s network card')
            [CompletionResult]::new('--ssh', '--ssh', [CompletionResultType]::ParameterName, 'The way in by SSH')
            [CompletionResult]::new('--hostname', '--hostname', [CompletionResultType]::ParameterName, 'The VM''s hostname')
            [CompletionResult]::new('--ssh-key', '--ssh-key', [CompletionResultType]::ParameterName, 'Also accept the public SSH keys in this file; can be repeated')
            [CompletionResult]::new('--credential', '--credential', [CompletionResultType]::ParameterName, 'Hand a credential to the guest''s systemd, as a value or from a file; can be repeated')
            [CompletionResult]::new('--cloudinit', '--cloudinit', [CompletionResultType]::ParameterName, 'Hand the files in this folder to cloud-init: user-data, optionally meta-data, network-config, vendor-data')
            [CompletionResult]::new('--ignition', '--ignition', [CompletionResultType]::ParameterName, 'Hand this configuration to Ignition')
            [CompletionResult]::new('--firmware', '--firmware', [CompletionResultType]::ParameterName, 'The firmware that boots the VM from its disk')
            [CompletionResult]::new('-l', '-l', [CompletionResultType]::ParameterName, 'Add a label, for filters of `list`, `start`, `stop`, `rm`, `events`; can be repeated')
            [CompletionResult]::new('--label', '--label', [CompletionResultType]::ParameterName, 'Add a label, for filters of `list`, `start`, `stop`, `rm`, `events`; can be repeated')
            [CompletionResult]::new('--hypervisor-arg', '--hypervisor-arg', [CompletionResultType]::ParameterName, 'Add an argument to the hypervisor''s command line, after all others; can be repeated')
            [CompletionResult]::new('--warm', '--warm', [CompletionResultType]::ParameterName, 'Resume a new VM from a template instead of booting [default: auto]')
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
            [CompletionResult]::new('--install-memory', '--install-memory', [CompletionResultType]::ParameterName, 'Memory of the VM that installs, with K, M, G or T [default: 4G, or three quarters of the host''s available memory if that is less]')
            [CompletionResult]::new('--install-cpus', '--install-cpus', [CompletionResultType]::ParameterName, 'Processors of the VM that installs [default: the host''s, at most 4]')
            [CompletionResult]::new('--install-timeout', '--install-timeout', [CompletionResultType]::ParameterName, 'Give up an install after this many seconds [default: never]')
            [CompletionResult]::new('--bound-images', '--bound-images', [CompletionResultType]::ParameterName, 'What to do with the images that are bound to the image (/usr/lib/bootc/bound-images.d) [default: stored]')
            [CompletionResult]::new('--hypervisor', '--hypervisor', [CompletionResultType]::ParameterName, 'The hypervisor that runs the VM')
            [CompletionResult]::new('--root-transport', '--root-transport', [CompletionResultType]::ParameterName, 'How an --ephemeral VM gets the image''s files')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('--push', '--push', [CompletionResultType]::ParameterName, 'Push the images to their registry, with podman''s login')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Don''t show progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Don''t show progress')
            [CompletionResult]::new('--tpm', '--tpm', [CompletionResultType]::ParameterName, 'Add a TPM 2.0')
            [CompletionResult]::new('--journal', '--journal', [CompletionResultType]::ParameterName, 'Also store the VM''s journal on the host, for `logs --journal` (systemd 256 or newer in the image)')
            [CompletionResult]::new('--gui', '--gui', [CompletionResultType]::ParameterName, 'Open a window with the VM''s screen')
            [CompletionResult]::new('--cold', '--cold', [CompletionResultType]::ParameterName, 'Boot, and make no template')
            [CompletionResult]::new('--composefs-backend', '--composefs-backend', [CompletionResultType]::ParameterName, 'Use bootc''s composefs backend [default: only for images that its ostree backend can''t install]')
            [CompletionResult]::new('--rebuild', '--rebuild', [CompletionResultType]::ParameterName, 'Install again, even if the image already has a base disk with these options')
            [CompletionResult]::new('--direct', '--direct', [CompletionResultType]::ParameterName, 'Boot the image''s own kernel: no install, and each group of layers is an image of its own')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print the common options')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print the common options')
            [CompletionResult]::new('--help-all', '--help-all', [CompletionResultType]::ParameterName, 'Print all options, with their details')
            break
        }
        'podman-bootc;generate;help' {
            [CompletionResult]::new('kubevirt', 'kubevirt', [CompletionResultType]::ParameterValue, 'Write a VM as objects for KubeVirt')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'podman-bootc;generate;help;kubevirt' {
            break
        }
        'podman-bootc;generate;help;help' {
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
        'podman-bootc;events' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print as JSON, an object a line, or by a template such as ''{{.event}} {{.name}}''')
            [CompletionResult]::new('--since', '--since', [CompletionResultType]::ParameterName, 'Also show past events since this time: an age, in seconds or as in 90s, 5m, 2h, or a date such as 2026-01-31T12:00:00Z')
            [CompletionResult]::new('--filter', '--filter', [CompletionResultType]::ParameterName, 'Show only events with this: event=EVENT, name=REGEX, label=KEY[=VALUE] or image=IMAGE; can be repeated')
            [CompletionResult]::new('--stream', '--stream', [CompletionResultType]::ParameterName, 'Wait for further events')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
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
        'podman-bootc;config' {
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show each flag that has a value without the command line, and where the value comes from')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'podman-bootc;config;show' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print JSON, or one line per flag by a template such as ''{{.flag}} {{.value}}''')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'podman-bootc;config;help' {
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show each flag that has a value without the command line, and where the value comes from')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'podman-bootc;config;help;show' {
            break
        }
        'podman-bootc;config;help;help' {
            break
        }
        'podman-bootc;completion' {
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'podman-bootc;help' {
            [CompletionResult]::new('run', 'run', [CompletionResultType]::ParameterValue, 'Run a bootable container image as a VM')
            [CompletionResult]::new('watch', 'watch', [CompletionResultType]::ParameterValue, 'Build an image on each change of its sources, and bring a VM to it')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List the VMs')
            [CompletionResult]::new('ssh', 'ssh', [CompletionResultType]::ParameterValue, 'Open a shell in a running VM, or run a command in it')
            [CompletionResult]::new('ssh-config', 'ssh-config', [CompletionResultType]::ParameterValue, 'Print OpenSSH''s settings for a VM, or add all VMs to OpenSSH''s configuration')
            [CompletionResult]::new('cp', 'cp', [CompletionResultType]::ParameterValue, 'Copy a file or folder into a running VM, or out of it')
            [CompletionResult]::new('trust', 'trust', [CompletionResultType]::ParameterValue, 'Accept a new SSH host key of a VM')
            [CompletionResult]::new('console', 'console', [CompletionResultType]::ParameterValue, 'Attach to a running VM''s serial console; ctrl-] detaches')
            [CompletionResult]::new('screenshot', 'screenshot', [CompletionResultType]::ParameterValue, 'Save a picture of a running VM''s screen, as PNG')
            [CompletionResult]::new('stop', 'stop', [CompletionResultType]::ParameterValue, 'Stop running VMs')
            [CompletionResult]::new('start', 'start', [CompletionResultType]::ParameterValue, 'Start stopped VMs in the background, and resume suspended ones')
            [CompletionResult]::new('suspend', 'suspend', [CompletionResultType]::ParameterValue, 'Save running VMs with their memory, and end them; `start` resumes them')
            [CompletionResult]::new('reboot', 'reboot', [CompletionResultType]::ParameterValue, 'Reboot the systems of running VMs')
            [CompletionResult]::new('upgrade', 'upgrade', [CompletionResultType]::ParameterValue, 'Bring a running VM to another version of its image, as production machines do it')
            [CompletionResult]::new('rollback', 'rollback', [CompletionResultType]::ParameterValue, 'Bring a running VM back to the version before its last upgrade')
            [CompletionResult]::new('replace', 'replace', [CompletionResultType]::ParameterValue, 'Give a VM without a disk another image')
            [CompletionResult]::new('test', 'test', [CompletionResultType]::ParameterValue, 'Test images in VMs')
            [CompletionResult]::new('wait', 'wait', [CompletionResultType]::ParameterValue, 'Wait until a running VM is ready, or until a unit in it is active')
            [CompletionResult]::new('set', 'set', [CompletionResultType]::ParameterValue, 'Change the CPUs and the memory of a stopped VM, and the shares and disks of any VM')
            [CompletionResult]::new('snapshot', 'snapshot', [CompletionResultType]::ParameterValue, 'Save and restore a VM: its disks, and the memory of one that runs')
            [CompletionResult]::new('clone', 'clone', [CompletionResultType]::ParameterValue, 'Make a VM of another one''s settings and disks, and print its name')
            [CompletionResult]::new('rename', 'rename', [CompletionResultType]::ParameterValue, 'Give a stopped VM another name')
            [CompletionResult]::new('rm', 'rm', [CompletionResultType]::ParameterValue, 'Remove VMs and their disks')
            [CompletionResult]::new('images', 'images', [CompletionResultType]::ParameterValue, 'List the bootable images in podman''s storage')
            [CompletionResult]::new('disk', 'disk', [CompletionResultType]::ParameterValue, 'Install a bootable container image to a disk image or a block device')
            [CompletionResult]::new('generate', 'generate', [CompletionResultType]::ParameterValue, 'Write a VM for another engine')
            [CompletionResult]::new('prune', 'prune', [CompletionResultType]::ParameterValue, 'Remove the base disks and templates that no VM uses')
            [CompletionResult]::new('system', 'system', [CompletionResultType]::ParameterValue, 'Show the disk usage of the tool')
            [CompletionResult]::new('inspect', 'inspect', [CompletionResultType]::ParameterValue, 'Show everything about VMs, as JSON')
            [CompletionResult]::new('logs', 'logs', [CompletionResultType]::ParameterValue, 'Show the output of a VM''s serial console, or its journal')
            [CompletionResult]::new('events', 'events', [CompletionResultType]::ParameterValue, 'Show what happens to VMs, a line for each event')
            [CompletionResult]::new('port', 'port', [CompletionResultType]::ParameterValue, 'Show or change the ports of the host that are forwarded to a VM')
            [CompletionResult]::new('doctor', 'doctor', [CompletionResultType]::ParameterValue, 'Check for the programs and devices that the tool needs, and show how to get the missing ones')
            [CompletionResult]::new('config', 'config', [CompletionResultType]::ParameterValue, 'Show the configured defaults of run, watch and test')
            [CompletionResult]::new('completion', 'completion', [CompletionResultType]::ParameterValue, 'Print a completion script for a shell')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'podman-bootc;help;run' {
            break
        }
        'podman-bootc;help;watch' {
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
        'podman-bootc;help;suspend' {
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
        'podman-bootc;help;replace' {
            break
        }
        'podman-bootc;help;test' {
            break
        }
        'podman-bootc;help;wait' {
            break
        }
        'podman-bootc;help;set' {
            break
        }
        'podman-bootc;help;snapshot' {
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Create a snapshot, of the memory too if the VM is running')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List a VM''s snapshots')
            [CompletionResult]::new('restore', 'restore', [CompletionResultType]::ParameterValue, 'Restore a VM to a snapshot; everything that the VM did since then is lost')
            [CompletionResult]::new('rm', 'rm', [CompletionResultType]::ParameterValue, 'Remove snapshots; the VM''s disks don''t change')
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
        'podman-bootc;help;clone' {
            break
        }
        'podman-bootc;help;rename' {
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
        'podman-bootc;help;generate' {
            [CompletionResult]::new('kubevirt', 'kubevirt', [CompletionResultType]::ParameterValue, 'Write a VM as objects for KubeVirt')
            break
        }
        'podman-bootc;help;generate;kubevirt' {
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
        'podman-bootc;help;events' {
            break
        }
        'podman-bootc;help;port' {
            break
        }
        'podman-bootc;help;doctor' {
            break
        }
        'podman-bootc;help;config' {
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show each flag that has a value without the command line, and where the value comes from')
            break
        }
        'podman-bootc;help;config;show' {
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


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
            [CompletionResult]::new('stop', 'stop', [CompletionResultType]::ParameterValue, 'Stop running VMs')
            [CompletionResult]::new('start', 'start', [CompletionResultType]::ParameterValue, 'Start stopped VMs, in the background')
            [CompletionResult]::new('rm', 'rm', [CompletionResultType]::ParameterValue, 'Remove VMs with their disks')
            [CompletionResult]::new('images', 'images', [CompletionResultType]::ParameterValue, 'List the bootable images in podman''s storage')
            [CompletionResult]::new('inspect', 'inspect', [CompletionResultType]::ParameterValue, 'Show all that is known of VMs, as JSON')
            [CompletionResult]::new('logs', 'logs', [CompletionResultType]::ParameterValue, 'Show what a VM''s serial console wrote')
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
            [CompletionResult]::new('--pull', '--pull', [CompletionResultType]::ParameterName, 'When to pull the image')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'How long to wait until the VM is ready, in seconds or as in 90s, 5m [default: 5m, emulated 20m]')
            [CompletionResult]::new('--accel', '--accel', [CompletionResultType]::ParameterName, 'What runs the guest''s code')
            [CompletionResult]::new('--filesystem', '--filesystem', [CompletionResultType]::ParameterName, 'The root filesystem''s type: ext4, xfs or btrfs [default: the image''s own]')
            [CompletionResult]::new('--root-size', '--root-size', [CompletionResultType]::ParameterName, 'Size of the root filesystem, in bytes or with M, G, T [default: all of the disk]')
            [CompletionResult]::new('--root-size-max', '--root-size-max', [CompletionResultType]::ParameterName, 'Size of the root filesystem, in bytes or with M, G, T [default: all of the disk]')
            [CompletionResult]::new('--disk-size', '--disk-size', [CompletionResultType]::ParameterName, 'Size of the disk, in bytes or with M, G, T [default: twice the image, 10G at the least]')
            [CompletionResult]::new('--karg', '--karg', [CompletionResultType]::ParameterName, 'A kernel argument to add; may be given several times')
            [CompletionResult]::new('--bootloader', '--bootloader', [CompletionResultType]::ParameterName, 'The boot loader to install [default: bootc''s choice]')
            [CompletionResult]::new('--install-in', '--install-in', [CompletionResultType]::ParameterName, 'Where to run `bootc install`')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'Return as soon as the VM runs, and print its name')
            [CompletionResult]::new('-B', '-B ', [CompletionResultType]::ParameterName, 'Return as soon as the VM runs, and print its name')
            [CompletionResult]::new('--detach', '--detach', [CompletionResultType]::ParameterName, 'Return as soon as the VM runs, and print its name')
            [CompletionResult]::new('--background', '--background', [CompletionResultType]::ParameterName, 'Return as soon as the VM runs, and print its name')
            [CompletionResult]::new('--rm', '--rm', [CompletionResultType]::ParameterName, 'Remove the VM when the session ends (with --detach: when the VM powers off)')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Show no progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Show no progress')
            [CompletionResult]::new('--ephemeral', '--ephemeral', [CompletionResultType]::ParameterName, 'Boot the image itself: no disk, no install, all changes in memory and gone with the VM')
            [CompletionResult]::new('--composefs-backend', '--composefs-backend', [CompletionResultType]::ParameterName, 'Install with bootc''s composefs backend')
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
        'podman-bootc;rm' {
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Remove running VMs, too; they lose their power')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Remove running VMs, too; they lose their power')
            [CompletionResult]::new('-a', '-a', [CompletionResultType]::ParameterName, 'Remove all VMs that don''t run; with --force all')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'Remove all VMs that don''t run; with --force all')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'podman-bootc;images' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print as JSON, or by a template as in ''{{.name}} {{.id}}''')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
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
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Log messages at and above this level, to stderr')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Go on until the VM ends')
            [CompletionResult]::new('--follow', '--follow', [CompletionResultType]::ParameterName, 'Go on until the VM ends')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
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
            [CompletionResult]::new('stop', 'stop', [CompletionResultType]::ParameterValue, 'Stop running VMs')
            [CompletionResult]::new('start', 'start', [CompletionResultType]::ParameterValue, 'Start stopped VMs, in the background')
            [CompletionResult]::new('rm', 'rm', [CompletionResultType]::ParameterValue, 'Remove VMs with their disks')
            [CompletionResult]::new('images', 'images', [CompletionResultType]::ParameterValue, 'List the bootable images in podman''s storage')
            [CompletionResult]::new('inspect', 'inspect', [CompletionResultType]::ParameterValue, 'Show all that is known of VMs, as JSON')
            [CompletionResult]::new('logs', 'logs', [CompletionResultType]::ParameterValue, 'Show what a VM''s serial console wrote')
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
        'podman-bootc;help;stop' {
            break
        }
        'podman-bootc;help;start' {
            break
        }
        'podman-bootc;help;rm' {
            break
        }
        'podman-bootc;help;images' {
            break
        }
        'podman-bootc;help;inspect' {
            break
        }
        'podman-bootc;help;logs' {
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

"""
The package manager of a guest that has none that tmt knows

A bootable image has its packages from its build, and often no program that could install others.
tmt refuses such a guest. With this package it looks whether all is there, and names what is not.
"""

import shlex
from typing import Optional

import tmt.utils
from tmt.package_managers import (
    Installable,
    Options,
    PackageManager,
    PackageManagerEngine,
    provides_package_manager,
)
from tmt.utils import Command, CommandOutput, ShellScript

# Prints the names, one a line, that are no file, package or command.
MISSING = """
for name in {names}; do
    case $name in
    /*) [ -e "$name" ] && continue ;;
    *)
        dpkg-query --show --showformat '${{db:Status-Status}}' "$name" 2>/dev/null \\
            | grep -qx installed && continue
        rpm --quiet --query --whatprovides "$name" 2>/dev/null && continue
        command -v "$name" >/dev/null && continue
        ;;
    esac
    echo "$name"
done
"""


class ImageEngine(PackageManagerEngine):
    def prepare_command(self) -> tuple[Command, Command]:
        return Command('true'), Command('')

    def check_presence(self, *installables: Installable) -> ShellScript:
        names = shlex.join(str(installable) for installable in installables)
        return ShellScript(MISSING.format(names=names))

    def install(
        self, *installables: Installable, options: Optional[Options] = None
    ) -> ShellScript:
        names = ' '.join(str(installable) for installable in installables)
        text = f'The guest has no package manager. Add to its image: {names}'
        status = 0 if options is not None and options.skip_missing else 1
        return ShellScript(f'echo {shlex.quote(text)} >&2; exit {status}')

    reinstall = install

    def install_debuginfo(
        self, *installables: Installable, options: Optional[Options] = None
    ) -> ShellScript:
        return self.install(*installables, options=options)

    def refresh_metadata(self) -> ShellScript:
        return ShellScript('true')

    def enable_repository(self, *repo_ids: str) -> ShellScript:
        raise tmt.utils.PrepareError('The guest has no package manager, and no repositories.')

    # The last two are the names in tmt 1.78.
    disable_repository = enable_repo = disable_repo = enable_repository


@provides_package_manager('image')
class Image(PackageManager[ImageEngine]):
    NAME = 'image'

    _engine_class = ImageEngine

    probe_command = Command('test', '-d', '/usr/lib')

    # All others come first.
    probe_priority = -1

    def check_presence(self, *installables: Installable) -> dict[Installable, bool]:
        if not installables:
            return {}

        output: CommandOutput = self.guest.execute(self.engine.check_presence(*installables))
        missing = (output.stdout or '').splitlines()

        return {installable: str(installable) not in missing for installable in installables}

"""The provision plugin ``how: podman-bootc``."""

from typing import Any, Optional, Union

import tmt.guest
import tmt.log
import tmt.steps
import tmt.steps.provision
import tmt.utils
from tmt.container import container, field
from tmt.guest import RebootMode
from tmt.utils import Command, Path, ShellScript
from tmt.utils.environment import Environment

PROGRAM = 'podman-bootc'


def ssh_settings(text: str) -> dict[str, str]:
    """
    Read what ``podman-bootc ssh-config`` prints, by the keywords in lower case

    OpenSSH takes the first of several values, and so do we.
    """

    settings: dict[str, str] = {}

    for line in text.splitlines():
        keyword, _, value = line.strip().partition(' ')
        settings.setdefault(keyword.lower(), value.strip().strip('"'))

    return settings


@container
class PodmanBootcGuestData(tmt.guest.GuestSshData):
    image: Optional[str] = field(
        default=None,
        option=('-i', '--image'),
        metavar='IMAGE',
        help='The bootable container image.',
    )
    vm: Optional[str] = field(
        default=None,
        option='--vm',
        metavar='NAME',
        help='Name of the VM, unique by default.',
    )
    ephemeral: bool = field(
        default=False,
        option='--ephemeral',
        is_flag=True,
        help='Boot without a disk and without an install.',
    )
    memory: Optional[str] = field(
        default=None,
        option='--memory',
        metavar='SIZE',
        help='Memory of the VM, as ``podman-bootc run`` reads it.',
        normalize=lambda key, value, logger: None if value is None else str(value),
    )
    cpus: Optional[int] = field(
        default=None,
        option='--cpus',
        metavar='NUMBER',
        help='Number of CPUs of the VM.',
        normalize=tmt.utils.normalize_optional_int,
    )
    argument: list[str] = field(
        default_factory=list,
        option='--argument',
        metavar='ARGUMENT',
        multiple=True,
        help='Further argument for ``podman-bootc run``. Can be specified multiple times.',
        normalize=tmt.utils.normalize_string_list,
    )


@container
class ProvisionPodmanBootcData(PodmanBootcGuestData, tmt.steps.provision.ProvisionStepData):
    pass


class GuestPodmanBootc(tmt.guest.GuestSsh):
    """A VM of ``podman-bootc``"""

    _data_class = PodmanBootcGuestData

    image: Optional[str]
    vm: Optional[str]
    ephemeral: bool
    memory: Optional[str]
    cpus: Optional[int]
    argument: list[str]

    def _podman_bootc(self, *arguments: str, stream: bool = False) -> str:
        """Run the program, and return its standard output"""

        output = Command(PROGRAM, *arguments).run(
            cwd=None,
            # Without it, tmt runs programs with an empty environment.
            environment=Environment.from_environ(),
            stream_output=stream,
            logger=self._logger,
            silent=not stream,
        )

        return output.stdout or ''

    def _run_arguments(self, vm: str) -> list[str]:
        arguments = ['run', '--detach', '--wait', 'ssh', '--name', vm, '--user', self.user]

        if self.ephemeral:
            arguments += ['--ephemeral']
        if self.memory is not None:
            arguments += ['--memory', self.memory]
        if self.cpus is not None:
            arguments += ['--cpus', str(self.cpus)]

        assert self.image is not None  # narrow type

        return [*arguments, *self.argument, self.image]

    def _connect(self) -> None:
        """
        Take the user and the key from ``podman-bootc ssh-config``

        Its ``ProxyCommand`` is not for tmt, which refuses such options. The port is.
        """

        assert self.vm is not None  # narrow type

        settings = ssh_settings(self._podman_bootc('ssh-config', self.vm))

        port = self._podman_bootc('inspect', '--format', '{{.ssh_port}}', self.vm).strip()

        if not port.isdecimal():
            raise tmt.utils.ProvisionError(
                f"The VM '{self.vm}' has no TCP port, and tmt needs one for SSH."
            )

        self.primary_address = self.topology_address = '127.0.0.1'
        self.port = int(port)
        self.user = settings['user']
        self.key = [Path(settings['identityfile'])]

    def start(self) -> None:
        """Run the image"""

        if self.is_dry_run:
            return

        vm = self.vm or self._tmt_name()
        self.verbose('vm', vm, color='green')

        self._podman_bootc(*self._run_arguments(vm), stream=True)
        # Only now is the VM ours, to be removed at the end.
        self.vm = vm

        self._connect()
        self.verbose('primary address', self.primary_address, color='green')
        self.verbose('port', str(self.port), color='green')
        self.assert_reachable()

    def reboot(
        self,
        mode: RebootMode = RebootMode.SOFT,
        command: Optional[Union[Command, ShellScript]] = None,
        waiting: Optional[Any] = None,
    ) -> bool:
        """Reboot the guest; a hard reboot cuts the power"""

        if mode != RebootMode.HARD:
            return super().reboot(mode=mode, command=command, waiting=waiting)

        assert self.vm is not None  # narrow type
        vm = self.vm

        def restart() -> None:
            self._podman_bootc('stop', '--time', '0', vm)
            self._podman_bootc('start', vm)
            self._connect()

        return self.perform_reboot(
            mode, restart, waiting or tmt.guest.default_reboot_waiting()
        )

    def remove(self) -> None:
        """Remove the VM, whatever its state"""

        if self.vm is None or self.is_dry_run:
            return

        self._podman_bootc('rm', '--force', self.vm)
        self.info('guest', 'removed', color='green')


@tmt.steps.provides_method('podman-bootc')
class ProvisionPodmanBootc(tmt.steps.provision.ProvisionPlugin[ProvisionPodmanBootcData]):
    """
    Run a bootable container image in a VM, with ``podman-bootc``.

    .. code-block:: yaml

        provision:
            how: podman-bootc
            image: localhost/my-os
            ephemeral: true

    The ``cleanup`` step removes the VM.
    """

    _data_class = ProvisionPodmanBootcData
    _guest_class = GuestPodmanBootc

    # Guest instance
    _guest = None

    def go(self, *, logger: Optional[tmt.log.Logger] = None) -> None:
        """Run the image"""

        super().go(logger=logger)

        data = PodmanBootcGuestData.from_plugin(self)
        data.show(verbose=self.verbosity_level, logger=self._logger)

        if not data.image:
            raise tmt.utils.SpecificationError(
                "Provide an image, for example 'image: localhost/my-os'."
            )

        if data.hardware and data.hardware.constraint:
            self.warn("The 'podman-bootc' provision plugin does not support hardware requirements.")

        self._guest = GuestPodmanBootc(
            logger=self._logger, data=data, name=self.name, parent=self.step
        )
        self._guest.start()
        self._guest.setup()

# fish completion for podman-bootc. The program itself knows what fits.
complete --command podman-bootc --no-files --keep-order --arguments \
    '(command podman-bootc internal-complete fish -- (commandline -opc) (commandline -ct) 2>/dev/null)'

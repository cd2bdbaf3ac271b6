#!/usr/bin/env python3
"""resume_by_hand.py COMMAND FOLDER TEMPLATE PORT KEY: prints the milliseconds of a resume without the tool.

COMMAND is a file with the words of QEMU's command line, each with a NUL after it, whose files and sockets are in FOLDER.
The time ends when `true` has run over SSH, through PORT and with KEY.
"""
import json
import os
import secrets
import socket
import subprocess
import sys
import time

command, folder, template, port, key = sys.argv[1:]
with open(command, encoding="utf-8") as file:
    words = file.read().split("\0")[:-1]

# What the guest reads when it resumes. It makes its own SSH host keys.
IDENTITY = """date -u -s @{now} >/dev/null
printf %s {seed} >/dev/urandom
until case $(dmesg) in *"crng reseeded due to virtual machine fork"*) ;; *) false ;; esac; do sleep 0.05; done
echo {machine_id} >/etc/machine-id
mkdir -p /root/.ssh
echo '{public}' >>/root/.ssh/authorized_keys
.
"""


def connect(name):
    """Waits for a socket that QEMU makes."""
    while qemu.poll() is None:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(os.path.join(folder, name))
            return connection
        except OSError:
            connection.close()
            time.sleep(0.005)
    sys.exit(f"QEMU has ended; see {folder}/log")


class Monitor:
    """QEMU's control connection."""

    def __init__(self):
        self.stream = connect("qmp").makefile("rw")
        self.read()
        self.execute("qmp_capabilities")

    def read(self):
        """Returns the next message."""
        return json.loads(self.stream.readline())

    def execute(self, name, **arguments):
        """Waits for the answer to a command."""
        json.dump({"execute": name, "arguments": arguments}, self.stream)
        self.stream.flush()
        while "return" not in (answer := self.read()):
            if "error" in answer:
                raise RuntimeError(answer)


def log_in():
    """Returns whether `true` has run in the guest."""
    with socket.create_connection(("127.0.0.1", int(port))) as connection:
        connection.settimeout(1)
        try:
            if connection.recv(4) != b"SSH-":
                return False
        except OSError:
            return False
    options = ["IdentitiesOnly=yes", "BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null"]
    ssh = ["ssh", "-F", "none", "-i", key, "-p", port, "-q"] + [f"-o{option}" for option in options]
    return subprocess.run(ssh + ["root@127.0.0.1", "true"], stdin=subprocess.DEVNULL, check=False).returncode == 0


with open(key + ".pub", encoding="utf-8") as file:
    public = file.read().strip()
start = time.monotonic()
with open(os.path.join(folder, "log"), "wb") as log:
    qemu = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
try:
    monitor = Monitor()
    freeze = connect("freeze")
    capabilities = [{"capability": name, "state": True} for name in ("x-ignore-shared", "events")]
    monitor.execute("migrate-set-capabilities", capabilities=capabilities)
    monitor.execute("migrate-incoming", uri=f"file:{template}/state")
    while True:
        event = monitor.read()
        if event.get("event") == "MIGRATION" and event["data"]["status"] in ("completed", "failed"):
            break
    monitor.execute("cont")
    identity = IDENTITY.format(
        now=time.time(), seed=secrets.token_hex(32), machine_id=secrets.token_hex(16), public=public
    )
    freeze.sendall(identity.encode())
    while not log_in():
        if qemu.poll() is not None:
            sys.exit(f"QEMU has ended; see {folder}/log")
        time.sleep(0.05)
    print(round((time.monotonic() - start) * 1000))
finally:
    qemu.kill()
    qemu.wait()

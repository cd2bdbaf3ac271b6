#!/usr/bin/env python3
"""tests/bench/tour.py [TOOL]: records docs/tour.cast (asciinema v2), a real session of the watch loop.

It needs the test image (`make demo` builds it) and a few minutes. A person would edit the files in a second terminal:
this program does it, and leaves a marker in the recording. Times are real. A player shortens the waits (its header says
so), and of the frames of the status line the recording keeps one a second.
"""
import fcntl
import json
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import sys
import termios
import time

COLUMNS, ROWS = 100, 24
LIMIT = 900
TOP = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
DEMO = "/tmp/tour"
IMAGE = "localhost/podman-bootc-test"
BASE = "localhost/base"
LABEL = "podman-bootc.tour=1"
CONTAINERFILE = f"FROM {BASE}\nCOPY motd /etc/motd\n"
# How the status line removes its last frame.
ERASE = "\x1b[1A\r\x1b[2K\x1b[1B\r\x1b[2K\x1b[1A"


class Session:
    """A shell on a terminal, and a record of all that it prints."""

    def __init__(self, folder, tool):
        os.symlink(tool, os.path.join(folder, "podman-bootc"))
        keep = ["CONTAINERS_CONF", "CONTAINERS_STORAGE_CONF", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"]
        # Podman's storage belongs to the user's own home folder, so that HOME stays.
        environment = {name: os.environ[name] for name in keep + ["HOME"] if name in os.environ}
        environment |= {
            "PATH": f"{folder}:{os.environ['PATH']}", "PS1": "$ ", "TERM": "xterm-256color", "LANG": "C.UTF-8",
            "PODMAN_BOOTC_ACCEL": "tcg", "PODMAN_BOOTC_NO_CONFIG": "1",
        }
        self.begin, self.events, self.text, self.seen = time.monotonic(), [], "", 0
        self.child, self.terminal = pty.fork()
        if self.child == 0:
            os.chdir(DEMO)
            os.execvpe("bash", ["bash", "--norc", "--noprofile"], environment)
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))

    def time(self):
        return round(time.monotonic() - self.begin, 2)

    def read(self, seconds):
        if select.select([self.terminal], [], [], seconds)[0]:
            data = os.read(self.terminal, 65536).decode(errors="replace")
            self.events.append([self.time(), "o", data])
            self.text += data

    def wait(self, pattern):
        """Waits for text after the last that was waited for."""
        end = time.monotonic() + LIMIT
        while not (found := re.compile(pattern).search(self.text, self.seen)):
            if time.monotonic() > end:
                sys.exit(f"no {pattern!r} in {self.text[self.seen:]!r}")
            self.read(1)
        self.seen = found.end()
        self.pause(1.5)

    def pause(self, seconds):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.read(left)

    def type(self, keys):
        for key in keys:
            os.write(self.terminal, key.encode())
            self.pause(0.06)

    def edit(self, name, text):
        self.events.append([self.time(), "m", f"edit {name}"])
        with open(os.path.join(DEMO, name), "w") as file:
            file.write(text)


def tour(session):
    session.wait(r"\$ ")
    session.type("head *\r")
    session.wait(r"COPY motd.*\n(.*\n)*.*\$ ")
    session.type("podman-bootc watch -- cat /etc/motd\r")
    session.wait("start · build .*1 check passed")
    session.edit("motd", "hello again\n")
    session.wait("motd · build .*1 check passed")
    session.edit("Containerfile", "COPY motd /etc/motd\n")
    session.wait("Containerfile · build failed")
    session.edit("Containerfile", CONTAINERFILE)
    session.wait("Containerfile · build .*nothing changed")
    session.type("t")
    session.wait("key t · 1 check passed")
    session.type("s")
    session.wait(r":~#")
    session.type("uptime\r")
    session.wait(r"load average.*\n(.*:~#)")
    session.type("exit\r")
    session.wait("idle")
    session.type("q")
    session.wait(r"\$ ")
    session.type("podman-bootc list\r")
    session.wait(r"NAME.*\n(.*\n)*.*\$ ")


def thinned(events):
    """Removes frames that the next one overwrites within a second."""
    kept, last = [], -1.0
    for index, (when, kind, data) in enumerate(events):
        following = events[index + 1] if index + 1 < len(events) else [0, "", ""]
        is_frame = kind == "o" and data.startswith(ERASE) and "\n" not in data and data.count(ERASE) == 1
        if is_frame and following[2].startswith(ERASE) and when - last < 1:
            continue
        last = when if is_frame else last
        kept.append([when, kind, data])
    return kept


def main():
    tool = os.path.realpath(sys.argv[1] if sys.argv[1:] else os.path.join(TOP, "target/release/podman-bootc"))
    os.mkdir(DEMO)
    folder = f"{DEMO}.bin"
    os.mkdir(folder)
    try:
        build = ["podman", "build", "--quiet", "--label", LABEL, "--tag", BASE, "-"]
        subprocess.run(build, input=f"FROM {IMAGE}\n", text=True, check=True)
        for name, text in [("Containerfile", CONTAINERFILE), ("motd", "hello\n")]:
            with open(os.path.join(DEMO, name), "w") as file:
                file.write(text)
        session = Session(folder, tool)
        try:
            tour(session)
        finally:
            os.close(session.terminal)
            os.waitpid(session.child, 0)
    finally:
        shutil.rmtree(DEMO)
        shutil.rmtree(folder)
        # All images of the tour have inherited the label.
        find = ["podman", "images", "--quiet", "--no-trunc", "--filter", f"label={LABEL}"]
        images = subprocess.run(find, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
        subprocess.run(["podman", "rmi", "--force", *images], stdout=subprocess.DEVNULL, check=True)
    header = {"version": 2, "width": COLUMNS, "height": ROWS, "idle_time_limit": 2, "title": "podman-bootc watch"}
    with open(os.path.join(TOP, "docs/tour.cast"), "w") as cast:
        for item in [header, *thinned(session.events)]:
            cast.write(json.dumps(item, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()

"""A terminal for stories: a program on a pty, its keys, and what it shows. Nothing here sleeps: it waits for output."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
import unicodedata

from conftest import PATIENCE_S, WEFT

STEERING = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[=>]|\x1b\][^\x07]*\x07|[\x0e\x0f]")


def plain(text):
    """Without what steers a terminal."""
    return STEERING.sub("", text).replace("\r\n", "\n")


def columns_of(line):
    """How many columns a line takes."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


class Terminal:
    """One program on a terminal of its own."""

    def __init__(self, mesh, *args, columns=80, rows=40, env=None, program=WEFT, cwd=None):
        self.master, slave = pty.openpty()
        self.resize(columns, rows, slave)
        self.seen, self.at = "", 0
        self.process = subprocess.Popen(
            [program, *map(str, args)], cwd=cwd or mesh.folder, stdin=slave, stdout=slave, stderr=slave,
            env=mesh.env | {"TERM": "xterm", "LANG": "C.UTF-8", "NO_COLOR": "1"} | (env or {}), preexec_fn=self._own, close_fds=True)
        os.close(slave)
        self.decoder = __import__("codecs").getincrementaldecoder("utf-8")("replace")

    @staticmethod
    def _own():
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def resize(self, columns, rows, fd=None):
        fcntl.ioctl(fd or self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def _read(self, patience_s):
        """False at the end."""
        if not select.select([self.master], [], [], patience_s)[0]:
            raise AssertionError(f"nothing came; the terminal shows:\n{self.seen[-4000:]}")
        try:
            data = os.read(self.master, 65536)
        except OSError:  # the other side is closed
            return False
        self.seen += self.decoder.decode(data)
        return bool(data)

    def expect(self, text, patience_s=PATIENCE_S):
        """Waits until this comes after what was expected before; gives what came till then, as it reads."""
        end = time.monotonic() + patience_s
        while True:
            shown = plain(self.seen)
            found = re.compile(text, re.S).search(shown, self.at) if not isinstance(text, str) else None
            at = shown.find(text, self.at) if isinstance(text, str) else (found.start() if found else -1)
            if at >= 0:
                before, self.at = shown[self.at:at], at + (len(text) if isinstance(text, str) else len(found[0]))
                return before
            if not self._read(max(0.0, end - time.monotonic())):
                raise AssertionError(f"it ended before {text!r} came:\n{plain(self.seen)[self.at:]}")

    def send(self, keys):
        os.write(self.master, keys.encode())

    def say(self, line):
        self.send(line + "\r")

    def end(self, patience_s=PATIENCE_S):
        """Waits for its end; gives all that is still to read."""
        while self._read(patience_s):
            pass
        self.code = self.process.wait(patience_s)
        os.close(self.master)
        return plain(self.seen)[self.at:]

    def kill(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()


def shown_on(mesh, *args, **how):
    """All that a command shows on a terminal."""
    return Terminal(mesh, *args, **how).end()

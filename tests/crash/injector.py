"""The runner's side of inject.c: a file that it and the programs under test map, and the environment that brings it to them."""

import errno
import mmap
import os
import struct
from collections import Counter

from conftest import BUILD

LIBRARY = next((p for p in (BUILD / "debug/tests/libinject.so", BUILD / "tests/libinject.so") if p.exists()), None)

MAGIC, TEXT, HEAD, LOG_MAX = 0x77666A31, 160, 4096, 65536
ARMED, ACTION, ERROR, LASTING, NTH, SEEN, FIRED, LEN, LATER, TARGET = range(4, 44, 4)
NONE, FAIL, SHORT, TEAR, KILL = range(5)

# What may happen at a call: the action, the error, and whether the disk stays so.
FAULTS = {
    "kill": (KILL, 0, 0),
    "tear": (TEAR, 0, 0),
    "eio": (FAIL, errno.EIO, 0),
    "enospc": (FAIL, errno.ENOSPC, 1),
    "eintr": (FAIL, errno.EINTR, 0),
    "short": (SHORT, 0, 0),
}
WRITES = {"write", "pwrite", "writev", "copy_file_range"}
SPACE = WRITES | {"create", "mkdir", "link", "rename", "ftruncate", "fallocate"}
INTERRUPTED = WRITES | {"create", "ftruncate"}


def faults_of(call):
    """What this call can do in the world."""
    found = ["kill", "eio"]
    if call in SPACE:
        found.append("enospc")
    if call in INTERRUPTED:
        found.append("eintr")
    if call in WRITES:
        found += ["short", "tear"]
    return found


class Injector:
    def __init__(self, folder, roots):
        self.path = folder / "inject.plan"
        with open(self.path, "wb") as file:
            file.write(struct.pack("<I", MAGIC))
            file.truncate(HEAD + LOG_MAX * TEXT)
        self.path.chmod(0o666)
        with open(self.path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 0)
        self.env = {"LD_PRELOAD": str(LIBRARY), "WEFT_INJECT": str(self.path),
                    "WEFT_INJECT_ROOTS": ":".join(f"{name}={path}" for name, path in roots.items())}
        # A worker gets no environment of the server's: it is started by way of this.
        self.worker = folder / "worker.sh"
        given = " ".join(f"{k}='{v}'" for k, v in self.env.items())
        self.worker.write_text(f"#!/bin/sh\n{given} exec '{BUILD}/weft-worker' \"$@\"\n")
        self.worker.chmod(0o755)

    def server_env(self):
        return self.env | {"WEFT_WORKER_PROGRAM": str(self.worker)}

    def _get(self, at):
        return struct.unpack_from("<I", self.map, at)[0]

    def _put(self, at, value):
        struct.pack_into("<I", self.map, at, value)

    def count(self):
        """From now on calls are logged."""
        self._put(LEN, 0)
        self._put(ACTION, NONE)
        self._put(ARMED, 1)

    def arm(self, point, nth, fault):
        action, error, lasting = FAULTS[fault]
        text = point.encode()
        assert len(text) < TEXT
        for at, value in ((ARMED, 0), (ACTION, action), (ERROR, error), (LASTING, lasting), (NTH, nth), (SEEN, 0), (FIRED, 0)):
            self._put(at, value)
        self.map[TARGET:TARGET + TEXT] = text.ljust(TEXT, b"\0")
        self._put(ARMED, 1)

    def later(self, seconds):
        self._put(LATER, seconds)

    def disarm(self):
        self._put(ARMED, 0)

    @property
    def fired(self):
        return self._get(FIRED) == 1

    def log(self):
        found = []
        for i in range(min(self._get(LEN), LOG_MAX)):
            at = HEAD + i * TEXT
            found.append(self.map[at:at + TEXT].split(b"\0", 1)[0].decode(errors="replace"))
        return found

    def close(self):
        self.map.close()
        self.path.unlink()
        self.worker.unlink()


def points(log):
    """How often each point was passed, in the order in which they first came."""
    return Counter(log)


def call_of(point):
    return point.split(" ")[1]


def is_there():
    return LIBRARY is not None and os.name == "posix"

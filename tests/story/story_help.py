"""What several stories share: edits of a mesh, findings, and waiting for what a program does."""

import contextlib
import os
import signal
import sqlite3
import struct
import subprocess
import threading
import time
from pathlib import Path

from conftest import PATIENCE_S, WEFT, Answer

ORDERS = "domains/sales/orders"


def edit(mesh, path, old, new):
    """Replaces a text that stands there once."""
    file = mesh.folder / path
    text = file.read_text()
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {path}"
    file.write_text(text.replace(old, new))


def as_draft(mesh):
    """The contract of the shop promises nothing yet, and may break."""
    edit(mesh, f"{ORDERS}/orders.odcs.yaml", "status: active", "status: draft")


def place_of(mesh, path, text):
    """Line and column of a text, from 1, as an editor counts them."""
    before = (mesh.folder / path).read_text().split(text)
    assert len(before) == 2, f"{text!r} stands {len(before) - 1} times in {path}"
    return before[0].count("\n") + 1, len(before[0].rsplit("\n", 1)[-1]) + 1


def check(mesh, *args, ok=False):
    """Findings of `weft check`: errors and exit code 65, or none."""
    answer = mesh.weft("check", *args, "--format", "json", ok=ok)
    assert answer.code == (0 if ok else 65), answer
    found = answer.json
    assert any(f["level"] == "error" for f in found) != ok, answer
    return found


def errors(found):
    return [f for f in found if f["level"] == "error"]


def the_error(found):
    """The only error."""
    only = errors(found)
    assert len(only) == 1, only
    return only[0]


def told(answer):
    return answer.out + answer.err


def wait_until(what, is_true, patience_s=PATIENCE_S):
    """Looks again and again: for what no program announces."""
    end = time.monotonic() + patience_s
    while True:
        value = is_true()
        if value:
            return value
        assert time.monotonic() < end, f"it did not come: {what}"
        time.sleep(0.02)


class Started:
    """A weft at work, with what it says."""

    def __init__(self, mesh, *args, env=None):
        self.args = args
        self.process = subprocess.Popen(
            [WEFT, *map(str, args)], cwd=mesh.folder, env=mesh.env | (env or {}), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def end(self, patience_s=PATIENCE_S):
        try:
            out, err = self.process.communicate(timeout=patience_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        return Answer(self.args, self.process.returncode, out, err)


class Called:
    """A call of the API in a thread."""

    def __init__(self, call, *args, **how):
        self.result = None
        self.thread = threading.Thread(target=self._call, args=(call, args, how))
        self.thread.start()

    def _call(self, call, args, how):
        try:
            self.result = call(*args, **how)
        except Exception as failure:  # told by whoever waits for it
            self.result = failure

    def end(self, patience_s=PATIENCE_S):
        self.thread.join(patience_s)
        assert not self.thread.is_alive(), "the call has not ended"
        return self.result


def runs(mesh, as_user="ana"):
    """States of all runs, the oldest first."""
    return [r["state"] for r in mesh.rows("SELECT state FROM mesh.runs ORDER BY created_at, run_id", as_user=as_user)]


def is_whole(mesh):
    """Nothing lost, torn or left over, and no run without an end."""
    verdict = mesh.weft("verify", "--format", "json").json
    assert verdict["damaged"] == [] and verdict["catalog"] == "ok" and verdict["audit"]["whole"], verdict
    left = [p for name in ("staging", "workers") for p in (mesh.home / name).rglob("*") if p.is_file()]
    assert left == [], left
    ended = {"published", "rejected", "failed", "cancelled"}
    states = runs(mesh)
    assert set(states) <= ended, states
    return True


def workers(mesh, kind=""):
    """Worker processes of this home."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            words = (process / "cmdline").read_bytes().split(b"\0") if process.name.isdigit() else []
        except OSError:
            continue
        if any(w.startswith(f"--kind={kind}".encode()) for w in words) and any(bytes(mesh.home) in w for w in words):
            found.append(int(process.name))
    return found


def stat_of(path):
    """Fields of a process or thread behind its name, from its state on; none: it is gone."""
    try:
        return (path / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def worked(pid):
    """Ticks of processor time that a process has used."""
    fields = stat_of(Path(f"/proc/{pid}"))
    return int(fields[11]) + int(fields[12]) if fields else 0


def is_still(pid):
    """Each of its threads has stopped: one that works takes the signal a moment later."""
    return all(stat_of(thread)[:1] == ["T"] for thread in Path(f"/proc/{pid}/task").iterdir())


def freeze(pids):
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
        wait_until("it stands still", lambda pid=pid: is_still(pid))
    return pids


def thaw(pids):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


class Held:
    """Somebody's work on a worker that is stopped until he may go on."""

    def __init__(self, mesh, kind, begin):
        before = {pid: worked(pid) for pid in workers(mesh, kind)}
        self.work = begin()
        # Others are there too, at rest or just started: the one that works on and on is meant.
        busy = wait_until("somebody is at work", lambda: [
            pid for pid in workers(mesh, kind) if worked(pid) - before.get(pid, 0) > 30])
        (self.worker,) = freeze(busy[:1])

    def is_at_work(self):
        return Path(f"/proc/{self.worker}").exists()

    def kill(self):
        os.kill(self.worker, signal.SIGKILL)
        return self.work.end()

    def end(self):
        thaw([self.worker])
        return self.work.end()


def plan_files(mesh, domain=None):
    """The body of POST /api/v1/plans."""
    files = []
    for path in sorted(mesh.folder.rglob("*")):
        name = path.relative_to(mesh.folder).as_posix()
        if path.is_file() and (name == "mesh.yaml" or name.startswith(("domains/", "policies/"))):
            files.append({"path": name, "text": path.read_text()})
    body = {"files": files}
    if domain:
        body = {"domain": domain, "files": [f for f in files if f["path"].startswith(f"domains/{domain}/")]}
    return body


def audit(mesh):
    return mesh.weft("audit", "show", "--limit", "1000", "--format", "json").json


# ---- databases of a home


PAGE = 4096


def seal(path):
    """Gives each page of a database its checksum anew: as SQLite's cksumvfs has it, the two sums of all words but the last two."""
    pages = bytearray(Path(path).read_bytes())
    for at in range(0, len(pages), PAGE):
        a = b = 0
        words = struct.unpack_from(f"<{PAGE // 4 - 2}I", pages, at)
        for one, other in zip(words[::2], words[1::2]):
            a = (a + one + b) & 0xffffffff
            b = (b + other + a) & 0xffffffff
        struct.pack_into("<2I", pages, at + PAGE - 8, a, b)
    Path(path).write_bytes(pages)


@contextlib.contextmanager
def rewritten(path):
    """A database of a home that nobody serves, in the hands of somebody who knows how its pages are sealed."""
    db = sqlite3.connect(path, isolation_level=None)
    try:
        yield db
    finally:
        db.close()
        seal(path)


def without_seals(path):
    """Writes a database of a home that nobody serves as a weft before checksums of pages would have."""
    path = Path(path)
    plain = path.with_suffix(".plain")
    with contextlib.closing(sqlite3.connect(path)) as before, contextlib.closing(sqlite3.connect(plain)) as after:
        after.executescript("PRAGMA foreign_keys = OFF; " + "\n".join(before.iterdump()))
        for pragma in ("application_id", "user_version"):
            after.execute(f"PRAGMA {pragma} = {before.execute(f'PRAGMA {pragma}').fetchone()[0]}")
    plain.chmod(0o600)
    plain.replace(path)
    assert path.read_bytes()[20] == 0

"""A gate that failed, and a worker that was taken over: what stands behind them still holds."""

import os
import shutil
import signal
import socket
import struct
import subprocess
import time
from pathlib import Path

import pytest

from conftest import BUILD, PATIENCE_S, ROOT
from story_help import Called, Held

SECRET = b"the-secret-of-another"
NOBODY = 65534
LEFT_OPEN = 900  # a descriptor that the server forgot to close
HELLO, JOB, COLUMNS, BYTES, PROGRESS, DONE, FAILED, CANCEL = 1, 4, 5, 6, 7, 8, 9, 10
AS_USERS = ["root", "nobody"] if os.geteuid() == 0 else ["oneself"]


def packed(text):
    data = text.encode() if isinstance(text, str) else text
    return struct.pack("<I", len(data)) + data


def packed_list(texts):
    return struct.pack("<I", len(texts)) + b"".join(map(packed, texts))


def packed_view(name, columns, files):
    return (packed("") + packed("") + packed(name) + struct.pack("<I", len(columns))
            + b"".join(packed(n) + packed(t) + struct.pack("<I", 0) for n, t in columns)
            + packed_list(files) + b"\0" + struct.pack("<I", 0))


def job(text, prepare=(), views=(), output=0, file=""):
    """As base/job packs it."""
    return (packed_list(prepare) + struct.pack("<I", len(views)) + b"".join(views) + packed(text)
            + bytes([output, 2]) + packed(file) + struct.pack("<I", 0) + b"\0" + struct.pack("<II", 0, 0)
            + b"\1" + struct.pack("<QQ", 0, 0) + packed("") + packed("") + struct.pack("<II", 0, 0) + b"\0")


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """weft-worker where every user may run it, and the probe."""
    folder = Path(tmp_path_factory.mktemp("programs"))
    for parent in [folder, *folder.parents]:
        if parent.stat().st_uid == os.geteuid() and str(parent).startswith("/tmp/"):
            parent.chmod(parent.stat().st_mode | 0o011)
    shutil.copy(BUILD / "weft-worker", folder / "weft-worker")
    for library in subprocess.run(["ldd", BUILD / "weft-worker"], capture_output=True, text=True, check=True).stdout.split():
        if library.startswith("/") and "duckdb" in library:
            os.link(library, folder / Path(library).name) if same_disk(library, folder) else shutil.copy(library, folder)
    (folder / "weft-worker").chmod(0o755)
    return folder


def same_disk(a, b):
    return os.stat(a).st_dev == os.stat(b).st_dev


@pytest.fixture(scope="module")
def probe(programs):
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler on this machine")
    src = ROOT / "src"
    base = sorted(p for p in (src / "base").rglob("*.c") if p.parent.name != "job") + [src / "base/job/job.c"]
    worker = [src / f"worker/worker_{part}.c" for part in ("options", "sandbox", "landlock", "seccomp")]
    generated = sorted({str(p.parent.parent) for p in BUILD.rglob("generated/**/*.h")})
    done = subprocess.run(
        [compiler, "-std=c17", "-D_GNU_SOURCE", "-O1", f"-I{src}/base", f"-I{src}/worker", *(f"-I{g}" for g in generated), "-o",
         programs / "probe", Path(__file__).parent / "sandbox_probe.c", *worker, *base, "-lseccomp", "-lpthread", "-lm"],
        capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return programs / "probe"


class Room:
    """A worker's folder as the server makes it, beside one of another worker."""

    def __init__(self, folder, user):
        self.folder, self.user = Path(folder), user
        for parent in self.folder.parents:
            if parent.stat().st_uid == os.geteuid() and str(parent).startswith("/tmp/"):
                parent.chmod(parent.stat().st_mode | 0o011)
        self.uid = {"root": 61184, "nobody": NOBODY}.get(user, os.geteuid())
        self.secret = self.folder.parent / "secret.csv"
        self.secret.write_bytes(SECRET + b"\n")
        self.secret.chmod(0o644)
        for name in (self.folder.name, "other"):
            for part in ("in", "tmp", "out"):
                made = self.folder.parent / name / part
                made.mkdir(parents=True)
                if os.geteuid() == 0 and (part != "in" or user == "nobody"):
                    os.chown(made, self.uid, self.uid)
                made.chmod(0o755 if part == "in" else 0o700)
        for name in (self.folder.name, "other"):
            data = self.folder.parent / name / "in/data"
            data.write_bytes(SECRET if name == "other" else b"seen\n")
            data.chmod(0o444)
        (self.folder / "in/symlink").symlink_to(self.secret)
        (self.folder / "in/symlink.csv").symlink_to(self.secret)

    def start(self, program, *args, kind="consumer", memory_mb=512, fd=None, **how):
        plain = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if self.user == "nobody" else {}
        args = list(map(str, args))
        command = [program, f"--kind={kind}", f"--fd={fd}", f"--folder={self.folder}", f"--uid={self.uid}", f"--gid={self.uid}",
                   f"--memory-mb={memory_mb}", "--temp-mb=64", "--threads=2", "--sandbox=required",
                   *(a for a in args if a.startswith("--")), *(a for a in args if not a.startswith("--"))]
        left = [LEFT_OPEN] if os.path.exists(f"/proc/self/fd/{LEFT_OPEN}") else []
        return subprocess.Popen(list(map(str, command)), cwd=self.folder, pass_fds=[fd, *left], stdin=subprocess.DEVNULL,
                                env={"LD_LIBRARY_PATH": str(Path(program).parent), "PATH": "/usr/bin:/bin"}, **plain, **how)

    def all_bytes(self):
        """All that a worker of this room could have written."""
        return b"".join(p.read_bytes() for p in self.folder.rglob("*") if p.is_file() and not p.is_symlink())


@pytest.fixture(params=AS_USERS)
def room(request, tmp_path_factory):
    return Room(tmp_path_factory.mktemp("workers") / "7", request.param)


class Worker:
    """weft-worker, driven as a server would whose gate lets everything through."""

    def __init__(self, room, programs, kind="consumer", args=(), **how):
        self.socket, end = socket.socketpair()
        self.process = room.start(programs / "weft-worker", *args, kind=kind, fd=end.fileno(), stderr=subprocess.PIPE, **how)
        end.close()
        self.socket.settimeout(PATIENCE_S)
        assert self.frame()[0] == HELLO

    def frame(self):
        header = self.take(8)
        if len(header) < 8:
            return None, b""
        version, kind, _, length = struct.unpack("<BBHI", header)
        assert version == 1
        return kind, self.take(length)

    def take(self, length):
        data = b""
        while len(data) < length:
            try:
                part = self.socket.recv(length - len(data))
            except ConnectionResetError:
                part = b""
            if not part:
                break
            data += part
        return data

    def send(self, kind, body):
        self.socket.sendall(struct.pack("<BBHI", 1, kind, 0, len(body)) + body)

    def ask(self, *args, **how):
        """DONE, FAILED or None at the end, and all bytes that came with it."""
        self.send(JOB, job(*args, **how))
        said = b""
        while True:
            kind, body = self.frame()
            if kind != PROGRESS:
                said += body
            if kind in (DONE, FAILED, None):
                return kind, said

    def close(self):
        self.socket.close()
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()


@pytest.fixture
def worker(room, programs):
    started = []

    def start(kind="consumer", **how):
        started.append(Worker(room, programs, kind, **how))
        return started[-1]

    yield start
    for each in started:
        each.close()


# Texts that no gate lets through.
TEXTS = {
    "a file of the system": "SELECT * FROM read_text('/etc/passwd')",
    "a secret": "SELECT * FROM read_text('{secret}')",
    "a secret as a table": "SELECT * FROM '{secret}'",
    "a secret as a blob": "SELECT content FROM read_blob('{secret}')",
    "another worker": "SELECT * FROM read_text('{other}/in/data')",
    "another worker by dots": "SELECT * FROM read_text('in/../../other/in/data')",
    "another worker by a pattern": "SELECT * FROM read_text('../*/in/data')",
    "a symbolic link": "SELECT * FROM read_text('in/symlink')",
    "a symbolic link as csv": "SELECT * FROM read_csv('in/symlink.csv', header = false)",
    "the environment": "SELECT * FROM read_text('/proc/self/environ')",
    "the parent's": "SELECT * FROM read_text('/proc/1/environ')",
    "own memory": "SELECT * FROM read_blob('/proc/self/mem')",
    "a list of files": "SELECT * FROM glob('{other}/in/*')",
    "the network": "SELECT * FROM read_csv('http://127.0.0.1:{port}/x.csv')",
    "a database": "SELECT * FROM postgres_scan('host={home} dbname=x', 'public', 't')",
    "a server's socket": "SELECT * FROM postgres_query('host={home} port=1', 'SELECT 1')",
    "the environment's variable": "SELECT getenv('PATH')",
    "copy": "COPY (SELECT 1) TO '{home}/stolen.csv'",
    "copy into its links": "COPY (SELECT 1) TO 'in/data'",
    "attach": "ATTACH '{home}/stolen.db' AS stolen",
    "attach of a file": "ATTACH '{other}/in/data' AS other (READ_ONLY)",
    "install": "INSTALL httpfs",
    "load": "LOAD '{home}/evil.duckdb_extension'",
    "set": "SET enable_external_access = true",
    "allow": "SET allowed_directories = ['/']",
    "export": "EXPORT DATABASE '{home}/stolen'",
    "two statements": "SELECT 1; COPY (SELECT 1) TO '{home}/stolen.csv'",
    "pragma": "PRAGMA enable_profiling = 'json'",
    "create": "CREATE TABLE stolen AS SELECT 1",
    "secret of the engine": "CREATE SECRET s (TYPE http, BEARER_TOKEN 'x')",
}


@pytest.fixture
def listener():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        server.settimeout(0)
        yield server


def fill(text, room, listener):
    return text.format(secret=room.secret, other=room.folder.parent / "other", home=room.folder.parent, port=listener.getsockname()[1])


def check_untouched(room):
    assert (room.folder / "in/data").read_bytes() == b"seen\n"
    assert SECRET not in room.all_bytes()
    assert not list(room.folder.parent.glob("stolen*")) and not (room.folder.parent / "log").exists()


@pytest.mark.smoke
@pytest.mark.parametrize("kind", ["consumer", "build", "clearing", "check"])
def test_texts_that_the_gate_should_have_refused_get_nothing(worker, room, listener, kind):
    tried = worker(kind)
    for name, text in TEXTS.items():
        end, said = tried.ask(fill(text, room, listener))
        # What a clearing or check worker runs is ours, so statements that touch no file may pass there.
        harmless = kind in ("clearing", "check") and name in ("create", "pragma", "the environment's variable", "secret of the engine")
        assert end == FAILED or harmless, (name, said)
        assert SECRET not in said and b"root:x:" not in said, name
        check_untouched(room)
    assert tried.ask("SELECT 'still here'")[0] == DONE
    with pytest.raises(BlockingIOError):
        listener.accept()


@pytest.mark.parametrize("storage", ["file", "stdout", "memory"])
def test_a_log_of_the_engine_tells_nobody(worker, room, storage):
    """The engine takes this as a plain SELECT, whatever its settings; it may end by it."""
    tried = worker()
    tried.ask(f"SELECT * FROM enable_logging(storage = '{storage}', storage_path = '{room.folder.parent}/log')")
    end, _ = tried.ask("SELECT 1") if tried.process.poll() is None else (None, b"")
    assert end in (DONE, FAILED, None)
    check_untouched(room)


def test_a_worker_reads_its_links_and_writes_its_own_folders(worker, room):
    assert b"seen" in worker("check").ask("SELECT content FROM read_text('in/data')")[1]
    written = worker("build").ask("SELECT 42 AS n", output=1, file="made.parquet")
    assert written[0] == DONE and (room.folder / "out/made.parquet").exists()


def test_an_extract_worker_is_held_by_the_sandbox_alone(worker, room, listener):
    """Its engine is open, for LOAD and ATTACH: what refuses here is Landlock and seccomp."""
    tried = worker("extract", args=[f"--extensions={BUILD / 'deps/extensions'}"])
    for name, text in TEXTS.items():
        if name in ("set", "allow", "create", "pragma", "secret of the engine", "the environment's variable", "two statements"):
            continue
        for how in ({"text": fill(text, room, listener)}, {"text": "", "prepare": [fill(text, room, listener)]}):
            end, said = tried.ask(**how)
            assert SECRET not in said and b"root:x:" not in said and b"PATH=" not in said, name
            check_untouched(room)
            if end is None:
                tried = worker("extract")
    with pytest.raises(BlockingIOError):
        listener.accept()


@pytest.mark.parametrize("name", ["../data", "/etc/passwd", "..", "a/b", "data\0x", ""])
def test_a_job_names_no_file_outside(worker, name):
    tried = worker("consumer")
    end, said = tried.ask("SELECT * FROM v", views=[packed_view("v", [("a", "VARCHAR")], [name])])
    assert end == FAILED and b"broken" in said
    tried = worker("build")
    assert tried.ask("SELECT 1 AS a", output=1, file=name)[0] == FAILED


def test_a_view_follows_no_symbolic_link(worker, room):
    end, said = worker().ask("SELECT * FROM v", views=[packed_view("v", [("a", "VARCHAR")], ["symlink.csv"])])
    assert end == FAILED and SECRET not in said


@pytest.mark.parametrize("type_name", ["VARCHAR) AS a FROM read_text('/etc/passwd') --", "INTEGER; DROP TABLE x", "x.y"])
def test_a_type_is_no_place_for_other_text(worker, type_name):
    end, said = worker().ask("SELECT * FROM v", views=[packed_view("v", [("a", type_name)], [])])
    assert end == FAILED and b"root:x:" not in said


def test_a_consumer_takes_no_statements_of_ours(worker):
    for kind in ("consumer", "build"):
        end, said = worker(kind).ask("SELECT 1", prepare=["SELECT 1"])
        assert end == FAILED and b"prepare" in said


MEMORY_BOMBS = {
    "a list": "SELECT len(range(3000000000))",
    "a text": "SELECT length(repeat(repeat('x', 100000), 100000))",
    "a sort": "SELECT * FROM (SELECT range AS a, repeat('x', 4000) AS b FROM range(10000000)) ORDER BY md5(b || a::VARCHAR) LIMIT 1 OFFSET 9999999",
    "a text of all": "SELECT length(string_agg(repeat('x', 1000), range::VARCHAR)) FROM range(100000000)",
}


@pytest.mark.parametrize("name", MEMORY_BOMBS)
def test_a_memory_bomb_stays_in_its_worker(worker, room, name):
    tried = worker(memory_mb=128)
    end, said = tried.ask(MEMORY_BOMBS[name])
    if end is None:  # killed by its limit, as a last resort
        assert tried.process.wait(PATIENCE_S) != 0
    else:
        assert end == FAILED, said[:300]
    assert spilled(room) < 200 << 20


def spilled(room):
    return sum(p.stat().st_blocks * 512 for p in (room.folder / "tmp").rglob("*") if p.is_file())


def test_spilling_ends_where_it_should(worker, room):
    """64 MB are allowed here; what is over it is what a disk takes between two looks."""
    tried = worker(memory_mb=128)
    tried.send(JOB, job("SELECT * FROM (SELECT range AS a, repeat('x', 4000) AS b FROM range(3000000)) ORDER BY md5(b || a::VARCHAR) LIMIT 1 OFFSET 2999999"))
    most = 0
    tried.socket.settimeout(0.02)
    while True:
        try:
            kind, said = tried.frame()
            if kind in (DONE, FAILED, None):
                break
        except TimeoutError:
            pass
        most = max(most, spilled_safely(room))
    assert kind == FAILED and b"spilling" in said and most < 256 << 20
    tried.socket.settimeout(PATIENCE_S)
    assert tried.ask("SELECT 1")[0] == DONE and spilled_safely(room) == 0


def spilled_safely(room):
    try:
        return spilled(room)
    except FileNotFoundError:  # a file that went while we looked
        return 0


@pytest.mark.parametrize("frame", [
    struct.pack("<BBHI", 2, JOB, 0, 0), struct.pack("<BBHI", 1, 99, 0, 0), struct.pack("<BBHI", 1, JOB, 1, 0),
    struct.pack("<BBHI", 1, JOB, 0, 0xFFFFFFFF), struct.pack("<BBHI", 1, HELLO, 0, 0), struct.pack("<BBHI", 1, CANCEL, 0, 1) + b"x",
])
def test_a_broken_frame_ends_the_worker(worker, frame):
    tried = worker()
    tried.socket.sendall(frame)
    assert tried.frame()[0] in (None, FAILED)
    tried.socket.close()
    assert tried.process.wait(PATIENCE_S) is not None


def test_a_worker_ends_with_its_server(worker):
    tried = worker()
    tried.send(JOB, job("SELECT count(*) FROM range(1000000000000) a, range(1000) b"))
    tried.socket.close()
    assert tried.process.wait(PATIENCE_S) == 0


def test_a_cancel_ends_a_query(worker):
    tried = worker()
    tried.send(JOB, job("SELECT sum(a.range * b.range) FROM range(10000000) a, range(100000) b"))
    assert tried.frame()[0] in (COLUMNS, PROGRESS)
    begun = time.monotonic()
    tried.send(CANCEL, b"")
    while (kind := tried.frame()[0]) in (COLUMNS, PROGRESS, BYTES):
        pass
    assert kind == FAILED and time.monotonic() - begun < 10
    assert tried.ask("SELECT 1")[0] == DONE


def test_it_starts_only_as_it_should(room, programs):
    """Wrong options, no folder, the rights of root: each is the end."""
    ends = socket.socketpair()
    fd = ends[1].fileno()
    for args in (["--kind=god"], ["--frobnicate=1"], ["--folder=/tmp"], ["--memory-mb=0"], ["--sandbox=off"], ["--connect-port=5432"], ["plain"]):
        assert room.start(programs / "weft-worker", *args, fd=fd, stderr=subprocess.DEVNULL).wait(PATIENCE_S) != 0, args
    if room.user == "root":
        for args in (["--uid=0"], ["--gid=0"]):
            assert room.start(programs / "weft-worker", *args, fd=fd, stderr=subprocess.DEVNULL).wait(PATIENCE_S) != 0, args
    for end in ends:
        end.close()


# What a worker that was taken over gets of the kernel. Not named here: refused, in any words.
GRANTED = {"read-link", "write-tmp"}
MORE = {"build": {"write-out"}, "clearing": {"write-out"}, "extract": {"write-out", "run-memory"}}  # extensions are code


@pytest.mark.smoke
@pytest.mark.parametrize("kind", ["consumer", "build", "clearing", "check", "extract"])
def test_what_the_kernel_refuses_a_worker_that_was_taken_over(room, probe, kind, listener):
    server = socket.socket(socket.AF_UNIX)
    path = room.folder.parent / "weft.sock"
    server.bind(str(path))
    path.chmod(0o777)
    server.listen()
    server.settimeout(0)
    keep = os.open("/etc/passwd", os.O_RDONLY)
    os.dup2(keep, LEFT_OPEN)
    ends = socket.socketpair()
    done = room.start(probe, room.secret, path, listener.getsockname()[1], kind=kind, fd=ends[1].fileno(), stdout=subprocess.PIPE,
                      stderr=subprocess.PIPE, text=True)
    said, wrong = done.communicate(timeout=PATIENCE_S)
    os.close(LEFT_OPEN), os.close(keep)
    for end in ends:
        end.close()
    assert done.returncode == 0 and said.count("\n") == 45, (done.returncode, said, wrong)
    granted = {line.split()[0] for line in said.splitlines() if line.endswith(" ok")}
    assert granted == GRANTED | MORE.get(kind, set()), said
    check_untouched(room)
    for door in (server, listener):
        with pytest.raises(BlockingIOError):
            door.accept()
    server.close()


@pytest.mark.parametrize("call", ["execve", "ptrace", "vfork", "io_uring", "bpf", "unshare", "mount", "read-process", "by-handle"])
def test_calls_that_nobody_makes_by_mistake_end_the_worker(room, probe, call):
    ends = socket.socketpair()
    done = room.start(probe, room.secret, "x", "1", call, fd=ends[1].fileno(), stdout=subprocess.PIPE, text=True)
    said, _ = done.communicate(timeout=PATIENCE_S)
    for end in ends:
        end.close()
    assert done.returncode == -signal.SIGSYS and "still here" not in said


def test_an_extract_worker_reaches_its_one_port(room, probe, listener):
    """Where the kernel has rules for ports; before that, seccomp lets it connect to any."""
    ends = socket.socketpair()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        said = {}
        for which, door in (("own", listener), ("other", other)):
            done = room.start(probe, f"--connect-port={listener.getsockname()[1]}", room.secret, room.folder, door.getsockname()[1],
                              kind="extract", fd=ends[1].fileno(), stdout=subprocess.PIPE, text=True)
            said[which] = dict(line.split() for line in done.communicate(timeout=PATIENCE_S)[0].splitlines())
    for end in ends:
        end.close()
    assert said["own"]["connect-port"] == "ok"
    assert said["other"]["connect-port"] in ("EACCES", "ok") and said["other"]["connect-server"] != "ok"
    assert said["own"]["udp"] != "ok" and said["own"]["netlink"] != "ok"


# ---- through a server: SQL that never ends, or wants all there is

ENDLESS = {
    "a cross join": "SELECT sum(a.range * b.range) FROM range(100000000) a, range(100000000) b",
    "a recursion": "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r",
    "a recursion over lists": "SELECT list_reduce(range(100000000), lambda a, b: (a * 31 + b) % 1000003)",
    "ctes that double": "WITH a0 AS (SELECT 1 AS n), " + ", ".join(f"a{i + 1} AS (FROM a{i} UNION ALL FROM a{i})" for i in range(40)) + " SELECT count(*) FROM a40",
    "a join of all with all": "SELECT count(*) FROM " + ", ".join(f"range(100) t{i}" for i in range(20)),
}
HUGE = {
    "a list": "SELECT len(list(range)) FROM range(99999999) GROUP BY range % 2",
    "texts in texts": "SELECT length(repeat(repeat('x', 1000000), 1000000))",
    "a large range": "SELECT len(range(x)) FROM (SELECT 10000000000 AS x)",
    "lists of lists": "SELECT len(list_transform(range(1000000), lambda x: range(1000000)))",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    from conftest import Mesh, write_shop
    mesh = Mesh(tmp_path_factory.mktemp("endless") / "mesh")
    mesh.folder.mkdir()
    write_shop(mesh)
    mesh.weft("apply", "--yes")
    mesh.weft("run", "--all")
    yield mesh.serve(env={"WEFT_WORKER_MEMORY_MB": "256"})
    mesh.close()


def check_serves(server, pid):
    status, answer = server.query("SELECT count(*) AS n FROM sales.orders.orders", as_user="noor")
    assert (status, answer["rows"]) == (200, [[4]])
    assert server.process.poll() is None and server.process.pid == pid


@pytest.mark.parametrize("name", ENDLESS)
def test_sql_that_never_ends_is_told_so(server, name):
    begun = time.monotonic()
    status, answer = server.call("POST", "/api/v1/query", {"sql": ENDLESS[name], "timeout_ms": 700}, as_user="noor")
    assert answer["code"] in ("TIMEOUT", "MEMORY"), answer
    assert status in (504, 503) and time.monotonic() - begun < 8
    check_serves(server, server.process.pid)


@pytest.mark.parametrize("name", HUGE)
def test_sql_that_wants_all_memory_is_told_so(server, name):
    status, answer = server.call("POST", "/api/v1/query", {"sql": HUGE[name], "timeout_ms": 4000}, as_user="noor")
    assert answer["code"] in ("MEMORY", "TIMEOUT", "LIMIT", "DATA"), answer
    assert status != 500
    check_serves(server, server.process.pid)


def test_a_worker_that_is_killed_is_told_so(server):
    """By anyone, at any time: the query fails in words, and the next one works."""
    status, answer = Held(server.mesh, "consumer", lambda: Called(
        server.call, "POST", "/api/v1/query", {"sql": ENDLESS["a cross join"], "timeout_ms": 60000}, as_user="noor")).kill()
    assert answer["code"] == "WORKER" and status == 500
    check_serves(server, server.process.pid)

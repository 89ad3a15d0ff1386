"""What stories begin with: a mesh of files in a fresh folder, weft as a user calls it, a server, a PostgreSQL."""

import fcntl
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import time
from http.client import HTTPConnection
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("WEFT_BUILD_DIR") or ROOT / "build")
WEFT = BUILD / "weft"
# The thread sanitizer lays out the memory of a process by itself, and takes several times as much.
plain_memory = pytest.mark.skipif(BUILD.name == "tsan", reason="the thread sanitizer has its own way with memory")
PATIENCE_S = 120  # for a machine that is busy; no test waits that long when all is well


class Answer:
    """What one command gave."""

    def __init__(self, args, code, out, err):
        self.args, self.code, self.out, self.err = args, code, out, err

    @property
    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return f"weft {' '.join(map(str, self.args))} -> {self.code}\n--- out\n{self.out}\n--- err\n{self.err}"


class UnixConnection(HTTPConnection):
    def __init__(self, path):
        super().__init__("weft", timeout=PATIENCE_S)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE_S)
        self.sock.connect(str(self.path))


class Server:
    """`weft serve` on a home, ended by the test that began it."""

    def __init__(self, mesh, env=None, args=(), http=True):
        self.mesh = mesh
        self.ready = mesh.folder / f"ready-{time.monotonic_ns()}"
        self.log = open(mesh.folder / "server.log", "ab")
        command = [WEFT, "serve", "--home", mesh.home, "--ready-file", self.ready, *args]
        if http:
            command += ["--http", "127.0.0.1:0"]
        self.process = subprocess.Popen(
            command, cwd=mesh.folder, env=mesh.env | (env or {}), stdin=subprocess.DEVNULL,
            stdout=self.log, stderr=self.log)
        self.facts = self._wait()

    def _wait(self):
        end = time.monotonic() + PATIENCE_S
        while not self.ready.exists():
            if self.process.poll() is not None or time.monotonic() > end:
                failure = RuntimeError("the server did not start:\n" + (self.mesh.folder / "server.log").read_text())
                failure.code = self.stop()
                raise failure
            time.sleep(0.01)
        return json.loads(self.ready.read_text())

    @property
    def socket(self):
        return self.facts["socket"]

    @property
    def address(self):
        return self.facts["http"]

    def call(self, method, path, body=None, token=None, as_user=None, headers=None, raw=False):
        """Over the socket; with a token over TCP. Gives status and document."""
        if token is None:
            connection = UnixConnection(self.socket)
        else:
            connection = HTTPConnection(self.address, timeout=PATIENCE_S)
        headers = dict(headers or {})
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if as_user:
            headers["Weft-As"] = as_user
        text = None if body is None else json.dumps(body)
        connection.request(method, path, body=text, headers=headers)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        return (answer.status, data) if raw else (answer.status, json.loads(data) if data else None)

    def query(self, sql, **how):
        return self.call("POST", "/api/v1/query", {"sql": sql}, **how)

    def lent(self):
        """How many workers are at work, or wait for something."""
        return self.call("GET", "/api/v1/status")[1]["workers_lent"]

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
        self.log.close()
        return self.process.returncode


class Mesh:
    """A folder of mesh files, and its home."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.home = self.folder / ".weft"
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("WEFT_")}
        self.env["WEFT_LOG_LEVEL"] = "debug"
        self.servers = []

    def write(self, path, text):
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(text, bytes):
            target.write_bytes(text)
        else:
            target.write_text(text, encoding="utf-8")
        return target

    def weft(self, *args, ok=True, env=None, stdin=None, cwd=None, timeout=PATIENCE_S):
        done = subprocess.run(
            [WEFT, *map(str, args)], cwd=cwd or self.folder, env=self.env | (env or {}), input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None, capture_output=True, text=True, timeout=timeout)
        answer = Answer(args, done.returncode, done.stdout, done.stderr)
        if ok is True:
            assert answer.code == 0, answer
        elif ok is not None:
            assert answer.code != 0, answer
        return answer

    def rows(self, sql, as_user=None, **how):
        """Rows as objects, as this user."""
        args = ["query", sql, "--format", "ndjson"]
        if as_user:
            args += ["--as", as_user]
        return [json.loads(line) for line in self.weft(*args, **how).out.splitlines()]

    def links(self):
        """What workers are given to read: who has one reads, and is decided anew no more."""
        return list((self.home / "workers").glob("*/in/*"))

    def serve(self, env=None, args=(), http=True):
        """A server of the test's own, in place of one that a command began."""
        wait_for_end(self.home)
        server = Server(self, env, args, http)
        self.servers.append(server)
        return server

    def close(self):
        for server in self.servers:
            if server.process.poll() is None:
                server.stop()
        wait_for_end(self.home)
        for log in (self.folder / "server.log", self.home / "serve.log"):
            reports = [line for line in log.read_text(errors="replace").splitlines() if "Sanitizer: " in line] if log.exists() else []
            assert not reports, f"{log}: {reports[0]}"


def wait_for_end(home):
    """A server that a command began ends by itself soon; no test need wait for that, and none may leave it behind."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(home / "weft.sock"))
            pid = struct.unpack("3i", probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
            os.kill(pid, signal.SIGTERM)
        except OSError:
            pass  # there is none, or it ends already
    end = time.monotonic() + PATIENCE_S
    while is_held(home) and time.monotonic() < end:
        time.sleep(0.01)


def is_held(home):
    """Does a server have the home? It lets go last of all."""
    try:
        with open(home / "lock", "r+b") as lock:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return False
    except FileNotFoundError:
        return False
    except OSError:
        return True


MESH = """\
apiVersion: weft/v1
kind: Mesh
name: acme
admins: [user:root]
guild: [group:guild]
users:
  ana: {groups: [shop-team]}
  noor: {groups: [analysts]}
  eve: {groups: [visitors]}
purposes: {reporting: Internal figures}
sources: {roots: [data/]}
"""

DOMAIN = """\
apiVersion: weft/v1
kind: Domain
name: sales
title: Sales
alignment: source
owners: [user:ana]
members: [group:shop-team]
"""

PRODUCT = """\
apiVersion: v1.0.0
kind: DataProduct
id: sales-orders
name: orders
version: 1.0.0
status: active
description: {purpose: Orders as the shop took them.}
inputPorts:
  - {name: shop, version: 1.0.0, contractId: shop-files}
outputPorts:
  - {name: orders, version: 1.0.0, contractId: orders}
"""

SOURCE = """\
apiVersion: v3.1.0
kind: DataContract
id: shop-files
name: Files of the shop
version: 1.0.0
status: active
servers:
  - {server: files, type: local, path: data/orders.csv, format: csv}
schema:
  - name: raw_orders
    physicalName: orders
    properties:
      - {name: id, logicalType: integer, physicalType: INTEGER, primaryKey: true, primaryKeyPosition: 1, required: true}
      - {name: customer, logicalType: string, physicalType: VARCHAR}
      - {name: email, logicalType: string, physicalType: VARCHAR, classification: pii}
      - {name: country, logicalType: string, physicalType: VARCHAR, required: true}
      - {name: amount, logicalType: number, physicalType: "DECIMAL(12,2)"}
      - {name: ordered_on, logicalType: date, physicalType: DATE}
"""

OUTPUT = """\
apiVersion: v3.1.0
kind: DataContract
id: orders
name: Orders
version: 1.0.0
status: active
schema:
  - name: orders
    tags: [customer-rows]
    properties:
      - {name: id, logicalType: integer, physicalType: INTEGER, primaryKey: true, primaryKeyPosition: 1, required: true}
      - {name: customer, logicalType: string, physicalType: VARCHAR}
      - {name: email, logicalType: string, physicalType: VARCHAR, classification: pii}
      - {name: country, logicalType: string, physicalType: VARCHAR, required: true}
      - {name: amount, logicalType: number, physicalType: "DECIMAL(12,2)"}
      - {name: ordered_on, logicalType: date, physicalType: DATE}
"""

SQL = "SELECT id, customer, email, country, amount, ordered_on FROM shop.raw_orders\n"

ROWS = """\
id,customer,email,country,amount,ordered_on
1,Ada,ada@example.com,CH,10.50,2026-01-01
2,Bob,bob@example.com,DE,20.00,2026-01-02
3,Cleo,cleo@example.com,CH,5.25,2026-01-03
4,Dan,,AT,7.75,2026-01-04
"""

GRANT = """\
apiVersion: weft/v1
kind: Policy
id: analysts-read-orders
description: Analysts read orders.
owner: guild
grant: {contract: orders, role: reader, to: {groups: [analysts]}}
"""


def write_shop(mesh):
    """One product from one CSV file, and a grant for analysts."""
    mesh.write("mesh.yaml", MESH)
    mesh.write("policies/analysts.policy.yaml", GRANT)
    mesh.write("domains/sales/domain.yaml", DOMAIN)
    mesh.write("domains/sales/orders/product.odps.yaml", PRODUCT)
    mesh.write("domains/sales/orders/shop.odcs.yaml", SOURCE)
    mesh.write("domains/sales/orders/orders.odcs.yaml", OUTPUT)
    mesh.write("domains/sales/orders/orders.sql", SQL)
    mesh.write("data/orders.csv", ROWS)


@pytest.fixture
def mesh(tmp_path):
    made = Mesh(tmp_path / "mesh")
    made.folder.mkdir()
    yield made
    made.close()


@pytest.fixture
def shop(mesh):
    write_shop(mesh)
    return mesh


@pytest.fixture
def two(shop):
    """The shop, and a product of another domain that reads its own; applied and run once."""
    from env_help import write_two

    write_two(shop).weft("apply", "--yes")
    shop.weft("run", "--all")
    return shop


@pytest.fixture
def applied(shop):
    """The shop, applied and run once, without a server."""
    shop.weft("apply", "--yes")
    shop.weft("run", "--all")
    return shop


@pytest.fixture
def drafted(shop):
    """As applied, with a contract that promises nothing yet, and so may break."""
    path = shop.folder / "domains/sales/orders/orders.odcs.yaml"
    path.write_text(path.read_text().replace("status: active", "status: draft"))
    shop.weft("apply", "--yes")
    shop.weft("run", "--all")
    return shop


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Postgres:
    """A PostgreSQL of its own on loopback; it refuses to run as root, so root lends it another uid."""

    def __init__(self, folder):
        self.bin = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"))), None)
        if self.bin is None or not (self.bin / "postgres").exists():
            pytest.skip("no PostgreSQL server on this machine")
        self.folder = Path(folder)
        self.user = {"user": "postgres"} if os.geteuid() == 0 else {}
        if self.user:
            shutil.chown(self.folder, "postgres")
        self.port = free_port()
        self.run("initdb", "-D", self.folder / "data", "-U", "weft", "-A", "scram-sha-256",
                 "--pwfile", self._password_file(), "--no-sync")
        self.process = subprocess.Popen(
            [self.bin / "postgres", "-D", self.folder / "data", "-p", str(self.port), "-k", self.folder,
             "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"],
            stdout=subprocess.DEVNULL, stderr=open(self.folder / "log", "ab"), **self.user)
        self._wait()

    password = "se'cr\\et"

    def _password_file(self):
        file = self.folder / "password"
        file.write_text(self.password)
        if self.user:
            shutil.chown(file, "postgres")
        return file

    def run(self, program, *args):
        subprocess.run([self.bin / program, *map(str, args)], check=True, capture_output=True, cwd="/", **self.user)

    def _wait(self):
        import psycopg
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                self.connect().close()
                return
            except psycopg.OperationalError:
                if time.monotonic() > end or self.process.poll() is not None:
                    raise
                time.sleep(0.05)

    def connect(self):
        import psycopg
        return psycopg.connect(host="127.0.0.1", port=self.port, user="weft", password=self.password,
                               dbname="postgres", autocommit=True)

    def sql(self, text):
        with self.connect() as connection:
            connection.execute(text)

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(PATIENCE_S)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pg")
    # The server's own uid must be able to walk there.
    for parent in folder.parents:
        if parent.stat().st_uid == os.geteuid() and str(parent).startswith("/tmp/"):
            parent.chmod(parent.stat().st_mode | 0o011)
    server = Postgres(folder)
    yield server
    server.stop()

"""What jobs share: data, a mesh over it, timing in turns, a table of figures."""

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from http.client import HTTPConnection
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/story"))

import duckdb  # noqa: E402
from conftest import WEFT, Mesh, Server, UnixConnection  # noqa: E402,F401

FOLDER = ROOT / "build/bench"
PEERS = ROOT / "bench/peers"
ROWS = int(os.environ.get("BENCH_ROWS", 6_000_000))
RUNS = int(os.environ.get("BENCH_RUNS", 5))
THREADS = 2

ORDERS = f"""
    SELECT i::INTEGER AS id,
           (hash(i, 1) % 200000)::INTEGER AS customer_id,
           ['CH', 'DE', 'AT', 'FR'][1 + (hash(i, 2) % 4)::INTEGER] AS country,
           'customer' || (hash(i, 3) % 200000) || '@example.com' AS email,
           ((hash(i, 4) % 1000000) / 100)::DECIMAL(12,2) AS amount,
           DATE '2020-01-01' + (hash(i, 5) % 2000)::INTEGER AS ordered_on
    FROM range({ROWS}) t(i)"""
CUSTOMERS = """
    SELECT i::INTEGER AS id, 'segment ' || (hash(i, 7) % 20) AS segment FROM range(200000) t(i)"""

MESH = """\
apiVersion: weft/v1
kind: Mesh
name: bench
admins: [user:root]
users: {noor: {groups: [analysts]}, ana: {groups: []}}
sources: {roots: [data/]}
"""
DOMAIN = """\
apiVersion: weft/v1
kind: Domain
name: sales
title: Sales
alignment: source
owners: [user:ana]
"""
PRODUCT = """\
apiVersion: v1.0.0
kind: DataProduct
id: sales-orders
name: orders
version: 1.0.0
status: active
inputPorts: [{name: files, version: 1.0.0, contractId: files}]
outputPorts: [{name: orders, version: 1.0.0, contractId: orders}]
"""
TABLES = """\
schema:
  - name: orders
    tags: [rows]
    properties:
      - {name: id, logicalType: integer, physicalType: INTEGER, required: true, primaryKey: true, primaryKeyPosition: 1}
      - {name: customer_id, logicalType: integer, physicalType: INTEGER, required: true}
      - {name: country, logicalType: string, physicalType: VARCHAR, required: true}
      - {name: email, logicalType: string, physicalType: VARCHAR, classification: pii}
      - {name: amount, logicalType: number, physicalType: "DECIMAL(12,2)"}
      - {name: ordered_on, logicalType: date, physicalType: DATE}
  - name: customers
    properties:
      - {name: id, logicalType: integer, physicalType: INTEGER, required: true}
      - {name: segment, logicalType: string, physicalType: VARCHAR}
"""
POSTGRES = """\
servers:
  - server: production
    type: postgres
    host: 127.0.0.1
    port: {port}
    database: postgres
    schema: public
    customProperties:
      - {{property: user, value: weft}}
      - {{property: password, value: "${{ERP_PASSWORD}}"}}
"""
HEAD = "apiVersion: v3.1.0\nkind: DataContract\nid: {id}\nversion: 1.0.0\nstatus: active\n"
POLICIES = {
    "grant": "grant: {contract: orders, role: reader, to: {groups: [analysts]}}",
    "mask": "mask: {columns: {classification: [pii]}, with: {method: \"null\"}, except: {owners: true}}",
    "filter": "filter: {tables: {tag: [rows]}, where: \"country = 'CH'\", except: {users: [ana]}}",
}


def data():
    """CSV files of the two tables, made once."""
    folder = FOLDER / f"data-{ROWS}"
    if not (folder / "done").exists():
        folder.mkdir(parents=True, exist_ok=True)
        with duckdb.connect() as db:
            db.execute(f"SET threads = {THREADS}; SET preserve_insertion_order = true")
            db.execute(f"COPY ({ORDERS}) TO '{folder}/orders.csv' (HEADER)")
            db.execute(f"COPY ({CUSTOMERS}) TO '{folder}/customers.csv' (HEADER)")
        (folder / "done").touch()
    return folder


def empty_mesh(name):
    """A folder and a home, both fresh."""
    folder = FOLDER / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    made = Mesh(folder)
    made.env["WEFT_LOG_LEVEL"] = "info"
    made.env["WEFT_WORKER_THREADS"] = str(THREADS)
    # A release build looks for extensions beside itself alone, and that of a worktree has none there.
    if deps := os.environ.get("WEFT_DEPS_DIR"):
        made.env["WEFT_EXTENSION_FOLDER"] = f"{deps}/extensions"
    return made


def mesh(name):
    """A mesh over the data, not yet applied. The data are linked: replace a file, never write into it."""
    made = empty_mesh(name)
    folder = made.folder
    made.write("mesh.yaml", MESH)
    made.write("domains/sales/domain.yaml", DOMAIN)
    made.write("domains/sales/orders/product.odps.yaml", PRODUCT)
    made.write("domains/sales/orders/files.odcs.yaml", HEAD.format(id="files") +
               "servers: [{server: files, type: local, path: \"data/{table}.csv\", format: csv}]\n" + TABLES)
    made.write("domains/sales/orders/orders.odcs.yaml", HEAD.format(id="orders") + TABLES)
    for key, text in POLICIES.items():
        made.write(f"policies/{key}.policy.yaml",
                   f"apiVersion: weft/v1\nkind: Policy\nid: {key}\nowner: guild\ndescription: bench\n{text}\n")
    (folder / "data").mkdir()
    for table in ("orders", "customers"):
        os.link(data() / f"{table}.csv", folder / "data" / f"{table}.csv")
    return made


def postgres_mesh(name, postgres):
    """A mesh that may reach a database, not yet applied, without products."""
    made = empty_mesh(name)
    made.env["WEFT_SECRET_SALES_ERP_PASSWORD"] = postgres.password
    made.write("mesh.yaml", MESH.replace("sources: {roots: [data/]}", f'sources: {{hosts: ["127.0.0.1:{postgres.port}"]}}'))
    made.write("domains/sales/domain.yaml", DOMAIN)
    return made


def cpu(pid=None):
    """CPU seconds of this process and its ended children, or of a process tree."""
    if pid is None:
        use = resource.getrusage(resource.RUSAGE_SELF)
        return use.ru_utime + use.ru_stime
    total = 0.0
    for process in tree(pid):
        try:
            stat = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        total += sum(int(stat[i]) for i in (11, 12, 13, 14)) / os.sysconf("SC_CLK_TCK")
    return total


def tree(pid):
    """A process and all below it."""
    parents = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            parents[int(name)] = int(Path(f"/proc/{name}/stat").read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return sorted(found)


class Figures:
    """Wall and CPU seconds of the two sides, taken in turns."""

    def __init__(self, job, goal):
        self.job, self.goal, self.sides = job, goal, {}

    def take(self, side, work, pid=None):
        before, start = cpu(pid), time.perf_counter()
        result = work()
        wall = time.perf_counter() - start
        self.sides.setdefault(side, []).append((wall, cpu(pid) - before))
        return result

    def show(self):
        print(f"\n{self.job}   (goal {self.goal})")
        for side, taken in self.sides.items():
            wall = [w for w, _ in taken]
            busy = [c for _, c in taken]
            print(f"  {side:28} min {min(wall) * 1000:10.2f} ms   median {statistics.median(wall) * 1000:10.2f} ms   "
                  f"cpu median {statistics.median(busy) * 1000:10.2f} ms   n {len(wall)}")
        weft, floor = list(self.sides.values())[:2]
        by_min = min(w for w, _ in weft) / min(w for w, _ in floor)
        by_median = statistics.median(w for w, _ in weft) / statistics.median(w for w, _ in floor)
        print(f"  ratio of minima {by_min:.2f}x   of medians {by_median:.2f}x", flush=True)


def peer(name):
    """A peer in an environment of its own, pinned with hashes; None and pip's words where it cannot be had."""
    folder, wanted = FOLDER / f"peer-{name}", (PEERS / name / "requirements.txt").read_text()
    if (folder / "wanted").exists() and (folder / "wanted").read_text() == wanted:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    done = subprocess.run([folder / "bin/pip", "install", "-q", "--disable-pip-version-check", "--require-hashes", "--no-deps", "-r",
                           PEERS / name / "requirements.txt"], capture_output=True, text=True)
    if done.returncode != 0:
        print(f"  {name}: not measured, pip says: {done.stderr.strip().splitlines()[-1]}")
        return None
    (folder / "wanted").write_text(wanted)
    return folder


def run(words, env, cwd):
    """Wall and CPU seconds of a command with all its processes, what it printed, and its exit code."""
    with tempfile.TemporaryFile("w+") as out:
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        process = subprocess.run([str(word) for word in words], stdout=out, stderr=subprocess.PIPE, text=True, cwd=cwd, env=env)
        wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        out.seek(0)
        return (wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, out.read(), process.stderr,
                process.returncode)


def memory(words, env, cwd):
    """The sum of the peaks of all processes, in MB: no less than the peak of the sum."""
    peaks = {}

    def look(pids):
        for pid, size in read_sizes(pids, "status", "VmHWM:").items():
            peaks[pid] = max(peaks.get(pid, 0), size)

    watch(words, env, cwd, (), look)
    return sum(peaks.values()) / 1024


def memory_shared(words, env, cwd, also=()):
    """The peak of the sum over all processes, in MB, with pages that several have counted once. `also`: others that work for it."""
    sums = [0]

    def look(pids):
        sums.append(sum(read_sizes(pids, "smaps_rollup", "Pss:").values()))

    watch(words, env, cwd, also, look)
    return max(sums) / 1024


def read_sizes(pids, file, key):
    sizes = {}
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/{file}").read_text().splitlines()
        except OSError:
            continue
        for line in lines:
            if line.startswith(key):
                sizes[pid] = int(line.split()[1])
    return sizes


def watch(words, env, cwd, also, look):
    process = subprocess.Popen([str(word) for word in words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=cwd, env=env)
    over = threading.Event()

    def look_on():
        while not over.is_set():
            look({child for root in (process.pid, *also) for child in tree(root)})
            over.wait(0.02)

    watcher = threading.Thread(target=look_on)
    watcher.start()
    process.wait()
    over.set()
    watcher.join()


def settle(server, client):
    """Until the server has started what it keeps ready, as one that stands has: a class is cold then, and the server is not."""
    client.query("SELECT count(*) FROM mesh.products")
    before = -1
    while (started := server.call("GET", "/api/v1/status")[1]["workers_started"]) != before:
        before = started
        time.sleep(0.5)


class Client:
    """One kept connection, as a user of a driver has it."""

    def __init__(self, server, user):
        self.connection = UnixConnection(server.socket)
        self.user = user

    def query(self, sql):
        import json
        self.connection.request("POST", "/api/v1/query", body=json.dumps({"sql": sql}),
                                headers={"Weft-As": self.user})
        answer = self.connection.getresponse()
        data = answer.read()
        assert answer.status == 200, data
        return json.loads(data)["rows"]

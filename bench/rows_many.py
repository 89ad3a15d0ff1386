"""Rows in bounded memory: a release of BENCH_MANY_ROWS rows (100,000,000) of Parquet, by workers of BENCH_MEMORY_MB (512), once in the order
of their key and once in none (BENCH_MANY_ORDERS): the highest resident memory of the server and of each kind of worker on the way, what
they spilled, and the disk that the run held at once. Takes some GB of disk, which go at the end."""

import os
import shutil
import threading
import time
from pathlib import Path

import duckdb
import kit

ROWS = int(os.environ.get("BENCH_MANY_ROWS", 100_000_000))
ORDERS = os.environ.get("BENCH_MANY_ORDERS", "key,none").split(",")
MEMORY_MB = int(os.environ.get("BENCH_MEMORY_MB", 512))
COLUMNS = """
      - {name: id, logicalType: integer, physicalType: BIGINT, required: true, primaryKey: true, primaryKeyPosition: 1}
      - {name: country, logicalType: string, physicalType: VARCHAR, required: true}
      - {name: text, logicalType: string, physicalType: VARCHAR}
      - {name: amount, logicalType: number, physicalType: "DECIMAL(12,2)"}
"""
# A prime over all numbers of rows: each key comes once.
KEYS = {"key": "i", "none": "i::HUGEINT * 2147483647 % {rows}"}
SELECT = """SELECT ({key})::BIGINT AS id, ['CH', 'DE', 'AT', 'FR'][1 + (hash(i) % 4)::INTEGER] AS country, 'customer' || (hash(i, 3) % 200000) AS text,
    ((hash(i, 4) % 1000000) / 100)::DECIMAL(12,2) AS amount FROM range({rows}) t(i)"""


def resident_mb(pid):
    """The highest that a process ever had."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0.0


def kind(pid):
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return None
    return next((word.removeprefix(b"--kind=").decode() + " worker" for word in words if word.startswith(b"--kind=")), None)


def size(folder, pattern):
    """Of files that come and go."""
    total = 0
    for path in folder.glob(pattern):
        try:
            total += path.stat().st_blocks * 512
        except OSError:
            pass
    return total


def watch(server, home, peaks, is_over):
    while not is_over.wait(0.5):
        for pid in kit.tree(server):
            who = "server" if pid == server else kind(pid)
            if who:
                peaks[who] = max(peaks.get(who, 0.0), resident_mb(pid))
        spilled = size(home, "workers/*/tmp/*")
        held = spilled + size(home, "workers/*/out/*") + size(home, "staging/*/*")
        peaks["spilled"], peaks["held"] = max(peaks.get("spilled", 0), spilled), max(peaks.get("held", 0), held)


def measure(order):
    mesh = kit.empty_mesh("rows-many")
    schema = f"schema:\n  - name: many\n    properties:{COLUMNS}"
    mesh.write("mesh.yaml", kit.MESH)
    mesh.write("domains/sales/domain.yaml", kit.DOMAIN)
    mesh.write("domains/sales/orders/product.odps.yaml", kit.PRODUCT)
    mesh.write("domains/sales/orders/files.odcs.yaml", kit.HEAD.format(id="files") +
               "servers: [{server: files, type: local, path: \"data/{table}.parquet\", format: parquet}]\n" + schema)
    mesh.write("domains/sales/orders/orders.odcs.yaml", kit.HEAD.format(id="orders") + schema)
    (mesh.folder / "data").mkdir()
    with duckdb.connect() as db:
        db.execute("SET threads = 2; SET memory_limit = '2GB'; SET preserve_insertion_order = true")
        select = SELECT.replace("{key}", KEYS[order]).format(rows=ROWS)
        db.execute(f"COPY ({select}) TO '{mesh.folder}/data/many.parquet' (FORMAT parquet)")
    server = mesh.serve(args=["--set", f"worker_memory_mb={MEMORY_MB}", "--set", "run_timeout_s=36000"], http=False)
    mesh.weft("apply", "--yes")
    peaks, is_over = {}, threading.Event()
    watcher = threading.Thread(target=watch, args=(server.process.pid, mesh.home, peaks, is_over))
    watcher.start()
    begun, before = time.perf_counter(), kit.cpu(server.process.pid)
    try:
        mesh.weft("run", "--all", timeout=36000)
        took, busy = time.perf_counter() - begun, kit.cpu(server.process.pid) - before
        counted = kit.Client(server, "ana").query("SELECT count(*), count(DISTINCT country), min(id), max(id) FROM sales.orders.many")
        assert counted == [[ROWS, 4, 0, ROWS - 1]], counted
    finally:
        is_over.set()
        watcher.join()
        released = size(mesh.home, "files/**/*")
        server.stop()
        mesh.close()
        shutil.rmtree(mesh.folder)
    return took, busy, released, peaks


def main():
    print(f"\nrows_many: {ROWS:,} rows of Parquet, workers of {MEMORY_MB} MB   (goal: resident memory of a worker <= {MEMORY_MB + 256} MB)")
    for order in ORDERS:
        took, busy, released, peaks = measure(order)
        spilled, held = peaks.pop("spilled"), peaks.pop("held")
        print(f"  rows in the order of {order}: run {took:.1f} s   cpu {busy:.1f} s   {ROWS / took:,.0f} rows/s   released {released / 1e6:,.0f} MB, "
              f"held on the way {held / 1e6:,.0f} MB, of these spilled {spilled / 1e6:,.0f} MB")
        print("    highest resident memory: " + ", ".join(f"{who} {mb:,.0f} MB" for who, mb in sorted(peaks.items())), flush=True)


if __name__ == "__main__":
    main()

"""Rows in bounded memory: a release of BENCH_MANY_ROWS rows (100,000,000) of Parquet, by workers of BENCH_MEMORY_MB (512), and the highest
resident memory of the server and of any worker on the way. Takes some GB of disk, which go at the end."""

import os
import shutil
import threading
import time
from pathlib import Path

import duckdb
import kit

ROWS = int(os.environ.get("BENCH_MANY_ROWS", 100_000_000))
MEMORY_MB = int(os.environ.get("BENCH_MEMORY_MB", 512))
COLUMNS = """
      - {name: id, logicalType: integer, physicalType: BIGINT, required: true, primaryKey: true, primaryKeyPosition: 1}
      - {name: country, logicalType: string, physicalType: VARCHAR, required: true}
      - {name: text, logicalType: string, physicalType: VARCHAR}
      - {name: amount, logicalType: number, physicalType: "DECIMAL(12,2)"}
"""
SELECT = """SELECT i AS id, ['CH', 'DE', 'AT', 'FR'][1 + (hash(i) % 4)::INTEGER] AS country, 'customer' || (hash(i, 3) % 200000) AS text,
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


def watch(pid, peaks, is_over):
    while not is_over.wait(0.2):
        for process in kit.tree(pid):
            who = "server" if process == pid else "worker"
            peaks[who] = max(peaks.get(who, 0.0), resident_mb(process))


def main():
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
        db.execute(f"COPY ({SELECT.format(rows=ROWS)}) TO '{mesh.folder}/data/many.parquet' (FORMAT parquet)")
    server = mesh.serve(args=["--set", f"worker_memory_mb={MEMORY_MB}", "--set", "run_timeout_s=36000"], http=False)
    mesh.weft("apply", "--yes")
    peaks, is_over = {}, threading.Event()
    watcher = threading.Thread(target=watch, args=(server.process.pid, peaks, is_over))
    watcher.start()
    begun, before = time.perf_counter(), kit.cpu(server.process.pid)
    try:
        mesh.weft("run", "--all", timeout=36000)
        took, busy = time.perf_counter() - begun, kit.cpu(server.process.pid) - before
        counted = kit.Client(server, "ana").query("SELECT count(*), count(DISTINCT country) FROM sales.orders.many")
        assert counted == [[ROWS, 4]], counted
    finally:
        is_over.set()
        watcher.join()
        size = sum(path.stat().st_size for path in (mesh.home / "files").rglob("*") if path.is_file())
        server.stop()
        mesh.close()
        shutil.rmtree(mesh.folder)
    print(f"\nrows_many   {ROWS:,} rows of Parquet, workers of {MEMORY_MB} MB")
    print(f"  run {took:.1f} s   cpu {busy:.1f} s   {ROWS / took:,.0f} rows/s   released {size / 1e6:,.0f} MB")
    print(f"  highest resident memory: a worker {peaks['worker']:,.0f} MB, the server {peaks['server']:,.0f} MB", flush=True)


if __name__ == "__main__":
    main()

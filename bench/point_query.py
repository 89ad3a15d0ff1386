"""A row by its key of a large governed table, over DuckDB on the very files that weft reads; and what the fixed costs are."""

import os
import shutil
import statistics
import time
from pathlib import Path

import kit

N = 100 * kit.RUNS
SQL = "SELECT id, amount FROM {} WHERE id = {}"


class Times:
    """Wall seconds of each side, and all the CPU that it took: the clock of a process ticks too slowly for one query."""

    def __init__(self):
        self.sides = {}

    def take(self, side, work, pid=None):
        before, start = kit.cpu(pid), time.perf_counter()
        work()
        wall = time.perf_counter() - start
        taken, busy = self.sides.get(side, ([], 0.0))
        self.sides[side] = (taken + [wall], busy + kit.cpu(pid) - before)

    def p50(self, side):
        return statistics.median(self.sides[side][0]) * 1000

    def least(self, side):
        return min(self.sides[side][0]) * 1000

    def show(self):
        for side, (wall, busy) in self.sides.items():
            print(f"  {side:44} min {min(wall) * 1000:7.2f}   p50 {statistics.median(wall) * 1000:7.2f}   "
                  f"p95 {sorted(wall)[int(len(wall) * 0.95)] * 1000:7.2f} ms   cpu mean {busy / len(wall) * 1000:6.2f} ms   n {len(wall)}")


def in_memory(mesh):
    """The same mesh on a file system that has no disk below it, where a durable audit row costs no wait. None where there is none."""
    if not os.access("/dev/shm", os.W_OK):
        return None
    folder = Path(f"/dev/shm/weft-bench-{os.getpid()}")
    folder.mkdir()
    made = kit.Mesh(folder)
    made.env |= {key: value for key, value in mesh.env.items() if key.startswith("WEFT_")}
    shutil.copytree(mesh.home, made.home, ignore=shutil.ignore_patterns("workers", "weft.sock", "lock", "staging"))
    return made


def synced(path):
    """A page appended and made durable, as the log of a database does."""
    with open(path, "ab") as file:
        file.write(bytes(4096))
        file.flush()
        os.fdatasync(file.fileno())


def main():
    mesh = kit.mesh("point")
    mesh.weft("apply", "--yes")
    mesh.weft("run", "--all", timeout=3600)
    server = mesh.serve(http=False)
    client = kit.Client(server, "noor")
    client.query("SELECT count(*) FROM sales.orders.orders")
    copies = sorted(map(str, (mesh.home / "cleared").rglob("*.parquet")))
    shutil.rmtree(mesh.folder / "copies", ignore_errors=True)
    (mesh.folder / "copies").mkdir()
    for i, path in enumerate(copies):
        os.link(path, mesh.folder / f"copies/{i}.parquet")
    floor = kit.duckdb.connect()
    floor.execute(f"SET threads = {kit.THREADS}")
    floor.execute(f"CREATE VIEW orders AS SELECT * FROM read_parquet('{mesh.folder}/copies/*.parquet')")
    keys = [row[0] for row in floor.execute(f"SELECT id FROM orders ORDER BY hash(id) LIMIT {N}").fetchall()]
    # Copied before its server stops for good: a home that is served is copied whole only after a clean stop.
    server.stop()
    beside = in_memory(mesh)
    server = mesh.serve(http=False)
    client = kit.Client(server, "noor")
    memory_server = beside.serve(http=False) if beside else None
    memory_client = kit.Client(memory_server, "noor") if beside else None

    def health():
        client.connection.request("GET", "/health/ready")
        client.connection.getresponse().read()

    for key in keys[:20]:
        client.query(SQL.format("sales.orders.orders", key)), floor.execute(SQL.format("orders", key)).fetchall()
        if beside:
            memory_client.query(SQL.format("sales.orders.orders", key))
    times = Times()
    for key in keys:
        ours, theirs = SQL.format("sales.orders.orders", key), SQL.format("orders", key)
        times.take("weft", lambda: client.query(ours), server.process.pid)
        times.take("DuckDB on the same files", lambda: floor.execute(theirs).fetchall())
        if beside:
            times.take("weft, its home in memory", lambda: memory_client.query(ours), memory_server.process.pid)
        times.take("weft, SELECT 1", lambda: client.query("SELECT 1"), server.process.pid)
        times.take("DuckDB, SELECT 1", lambda: floor.execute("SELECT 1").fetchall())
        times.take("weft, GET /health/ready", health, server.process.pid)
        times.take("a page appended and synced, disk of the home", lambda: synced(mesh.folder / "synced"))
    print(f"\npoint_query: one row by key of {kit.ROWS} rows, {len(copies)} files   (goal <= 1.1x by p50)")
    times.show()
    print(f"  ratio of minima {times.least('weft') / times.least('DuckDB on the same files'):.2f}x   "
          f"of p50 {times.p50('weft') / times.p50('DuckDB on the same files'):.2f}x")
    parts = {"HTTP": lambda of: of("weft, GET /health/ready"), "all but tables": lambda of: of("weft, SELECT 1")}
    if beside:
        parts["the wait for a durable audit row"] = lambda of: of("weft") - of("weft, its home in memory")
    print("  of these, by min and by p50: " + "; ".join(f"{name} {part(times.least):.2f} and {part(times.p50):.2f} ms"
                                                       for name, part in parts.items()), flush=True)
    mesh.close()
    if beside:
        beside.close()
        shutil.rmtree(beside.folder)


if __name__ == "__main__":
    main()

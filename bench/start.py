"""Start of a server to its first answer, and memory of all its processes when idle."""

import statistics
import time
from pathlib import Path

import kit
from conftest import write_shop


def pss_mb(pid):
    total = 0
    for process in kit.tree(pid):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total / 1024


def main():
    mesh = kit.empty_mesh("start")
    write_shop(mesh)
    mesh.weft("apply", "--yes")
    mesh.weft("run", "--all")
    first, memory = [], []
    for _ in range(kit.RUNS * 2):
        start = time.perf_counter()
        server = mesh.serve(http=False)
        kit.Client(server, "ana").query("SELECT count(*) FROM sales.orders.orders")
        first.append((time.perf_counter() - start) * 1000)
        memory.append(pss_mb(server.process.pid))
        server.stop()
    print("\nstart   (goal <= 100 ms, <= 60 MB)")
    print(f"  start to first answer        min {min(first):8.1f} ms   median {statistics.median(first):8.1f} ms")
    print(f"  idle PSS of all processes    min {min(memory):8.1f} MB   median {statistics.median(memory):8.1f} MB", flush=True)
    mesh.close()


if __name__ == "__main__":
    main()

"""A catalog that grows: start of a server, plan and apply of one domain's bundle, an environment, memory and bytes, for each of several
sizes. Where a mesh is large enough for it, the start is one over the image that the server before has kept.

BENCH_DOMAINS says how many domains each mesh has, 1 to 1,000 of 100 products of 20 columns: 1,000 are 100,000 products and 2,000,000
columns. BENCH_RUNS says how often a bundle is planned and applied. In each domain one product has a source, and each other reads the
one of a fourth of its number, every second with a SELECT of its own."""

import os
import statistics
import time
from pathlib import Path

import kit

DOMAINS = [int(n) for n in os.environ.get("BENCH_DOMAINS", "1,10,30").split(",")]
PRODUCTS, COLUMNS = 100, 20
RUNS = int(os.environ.get("BENCH_RUNS", 20))
AT_ONCE = 30  # domains of one bundle, which may have 10,000 files
PATIENCE_S = 36000
SETTLED_S = 5  # after which an image is being kept, if it is due
PRODUCT = """\
apiVersion: v1.0.0
kind: DataProduct
id: {id}
name: {name}
version: 1.0.0
status: active
description: {{purpose: One of many products}}
inputPorts: [{{name: source, version: 1.0.0, contractId: {source}}}]
outputPorts: [{{name: out, version: 1.0.0, contractId: {id}-out}}]
"""
SCHEMA = "schema:\n  - name: t\n    properties:\n" + "".join(
    f"      - {{name: c{c}, logicalType: string, physicalType: VARCHAR{', classification: pii' if c == 3 else ''}}}\n" for c in range(COLUMNS))
SELECT = "SELECT " + ", ".join(f"upper(c{c}) AS c{c}" for c in range(COLUMNS)) + " FROM source.t\n"
SERVER = "servers: [{server: files, type: local, path: \"data/{table}.csv\", format: csv}]\n"


def write_domain(mesh, d, note=""):
    mesh.write(f"domains/d{d}/domain.yaml", kit.DOMAIN.replace("name: sales", f"name: d{d}"))
    for p in range(PRODUCTS):
        folder, name = f"domains/d{d}/p{p}", f"d{d}p{p}"
        mesh.write(f"{folder}/product.odps.yaml",
                   PRODUCT.format(id=name, name=f"p{p}", source=f"d{d}p{(p - 1) // 4}-out" if p else f"{name}-in"))
        mesh.write(f"{folder}/out.odcs.yaml", kit.HEAD.format(id=f"{name}-out") + (f"name: {note}\n" if note and p == 50 else "") + SCHEMA)
        if p == 0:
            mesh.write(f"{folder}/in.odcs.yaml", kit.HEAD.format(id=f"{name}-in") + SERVER + SCHEMA)
        elif p % 2:
            mesh.write(f"{folder}/t.sql", SELECT)


def own_mb(pid):
    """Memory of the server's own: what it maps of image.map is the system's cache of that file."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) / 1024
    return 0.0


def size_mb(mesh, name):
    path = mesh.home / name
    return path.stat().st_size / 1e6 if path.exists() else 0.0


def started(mesh):
    """A server that has answered a question, and how long that took."""
    begun = time.perf_counter()
    server = mesh.serve(http=False)
    kit.Client(server, "ana").query("SELECT count(*) FROM mesh.domains")
    return server, time.perf_counter() - begun


def told(what, taken):
    wall, busy = sorted(w for w, _ in taken), [c for _, c in taken]
    print(f"    {what:8} min {wall[0]:8.3f} s   median {statistics.median(wall):8.3f} s   p99 {wall[min(len(wall) - 1, int(len(wall) * 0.99))]:8.3f} s"
          f"   cpu median {statistics.median(busy):8.3f} s   n {len(taken)}", flush=True)


def timed(server, work):
    before, begun = kit.cpu(server.process.pid), time.perf_counter()
    result = work()
    return result, (time.perf_counter() - begun, kit.cpu(server.process.pid) - before)


def load(mesh, domains):
    """The mesh, and its image as the server keeps it for the next start."""
    mesh.write("mesh.yaml", kit.MESH)
    (mesh.folder / "data").mkdir()
    server = mesh.serve(args=["--set", "run_timeout_s=36000"], http=False)
    begun, made = time.perf_counter(), 0
    while made < domains:
        first = made
        while made < min(domains, first + AT_ONCE):
            write_domain(mesh, made)
            made += 1
        # With the first comes mesh.yaml.
        scope = [word for d in range(first, made) for word in ("--domain", f"d{d}")] if first else []
        mesh.weft("apply", "--yes", "--format", "json", *scope, timeout=PATIENCE_S)
    print(f"\n  {domains} domains, {domains * PRODUCTS} products, {domains * PRODUCTS * COLUMNS} columns: "
          f"loaded in {time.perf_counter() - begun:.1f} s", flush=True)
    time.sleep(SETTLED_S)
    while (mesh.home / "image.map.new").exists():
        time.sleep(0.1)
    server.stop()


def measure(mesh):
    starts = []
    for _ in range(3):
        server, took = started(mesh)
        starts.append(took)
        memory = own_mb(server.process.pid)
        server.stop()
    print(f"    start    min {min(starts):8.3f} s   median {statistics.median(starts):8.3f} s   n {len(starts)}")
    server, _ = started(mesh)
    plans, applies = [], []
    for n in range(RUNS):
        write_domain(mesh, 0, f"change {n}")
        plan, took = timed(server, lambda: mesh.weft("plan", "--domain", "d0", "--format", "json", timeout=PATIENCE_S).json)
        plans.append(took)
        applies.append(timed(server, lambda: mesh.weft("apply", "--plan", plan["plan"], "--yes", timeout=PATIENCE_S))[1])
    told("plan", plans)
    told("apply", applies)
    print(f"    memory   {memory:8.1f} MB after start, {own_mb(server.process.pid):8.1f} MB after {RUNS} applies; "
          f"catalog.db {size_mb(mesh, 'catalog.db'):.1f} MB, image.map {size_mb(mesh, 'image.map'):.1f} MB", flush=True)
    server.stop()


def measure_environment(mesh):
    """What it takes to make one that differs in one contract, and to open it after a start."""
    server, _ = started(mesh)
    write_domain(mesh, 0, "a trial")
    told("env", [timed(server, lambda: mesh.weft("apply", "--env", "dev-x", "--domain", "d0", "--yes", timeout=PATIENCE_S))[1]])
    server.stop()
    server, _ = started(mesh)
    before = own_mb(server.process.pid)
    told("opened", [timed(server, lambda: server.call("GET", "/env/dev-x/api/v1/status"))[1]])
    print(f"    memory   {own_mb(server.process.pid) - before:8.1f} MB more with an environment", flush=True)
    server.stop()


def main():
    print("\ncatalog_scale   (goal for 1,000 domains: plan and apply p99 < 2 s, start < 3 s)")
    for domains in DOMAINS:
        mesh = kit.empty_mesh(f"catalog-{domains}")
        load(mesh, domains)
        measure(mesh)
        measure_environment(mesh)
        mesh.close()


if __name__ == "__main__":
    main()

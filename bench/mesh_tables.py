"""Queries over mesh.* tables of a large mesh: rows read from the file of the mesh's version, over rows that travel with each job.
BENCH_PRODUCTS sets the size; a bundle holds 10,000 files, so 4,990 products of two files each are the most that one apply brings."""

import os
import shutil
import statistics
import time

import kit

PRODUCTS = int(os.environ.get("BENCH_PRODUCTS", 500))
TABLES, COLUMNS, DOMAINS = 5, 12, 10
QUERIES = int(os.environ.get("BENCH_QUERIES", 20))
PRODUCT = """\
apiVersion: v1.0.0
kind: DataProduct
id: {name}
name: {name}
version: 1.0.0
status: active
description: {{purpose: One of many products}}
inputPorts: [{{name: source, version: 1.0.0, contractId: {source}}}]
outputPorts: [{{name: out, version: 1.0.0, contractId: {name}}}]
"""
SCHEMA = "schema:\n" + "".join(
    f"  - name: t{t}\n    properties:\n" + "".join(
        f"      - {{name: c{c}, logicalType: string, physicalType: VARCHAR}}\n" for c in range(COLUMNS))
    for t in range(TABLES))
# From small to large: where the file begins to pay is where the threshold (mesh_file_bytes) should be.
TEXTS = {
    "products": "SELECT count(*), count(DISTINCT domain) FROM mesh.products",
    "columns": "SELECT count(*), count(DISTINCT product) FROM mesh.columns WHERE name = 'c3'",
}


def mesh_of(products):
    mesh = kit.empty_mesh(f"mesh-tables-{products}")
    mesh.write("mesh.yaml", kit.MESH)
    (mesh.folder / "data").mkdir()
    for d in range(DOMAINS):
        mesh.write(f"domains/d{d}/domain.yaml", kit.DOMAIN.replace("name: sales", f"name: d{d}"))
    for p in range(products):
        folder, name = f"domains/d{p % DOMAINS}/p{p:05}", f"p{p:05}"
        mesh.write(f"{folder}/product.odps.yaml", PRODUCT.format(name=name, source="p00000" if p else "files"))
        mesh.write(f"{folder}/out.odcs.yaml", kit.HEAD.format(id=name) + SCHEMA)
    mesh.write("domains/d0/p00000/files.odcs.yaml", kit.HEAD.format(id="files") +
               "servers: [{server: files, type: local, path: \"data/{table}.csv\", format: csv}]\n" + SCHEMA)
    # As a document: to print half a million changes is not what is measured.
    mesh.weft("apply", "--yes", "--format", "json", timeout=3600)
    return mesh


def beside(mesh):
    """The same mesh in a home of its own, for the server that never makes a file."""
    mesh.close()
    other = kit.Mesh(mesh.folder)
    other.env, other.home = mesh.env, mesh.folder / "frames"
    shutil.copytree(mesh.home, other.home, ignore=shutil.ignore_patterns("*.sock", "lock"))
    return other


def first_ms(client, text):
    start = time.perf_counter()
    client.query(text)
    return (time.perf_counter() - start) * 1000


def weigh(mesh, name):
    files = list((mesh.home / "cleared/mesh").rglob(f"{name}-*.parquet"))
    return sum(p.stat().st_size for p in files), len(files)


def compare(products):
    mesh = mesh_of(products)
    other = beside(mesh)
    with_file = mesh.serve(http=False, env={"WEFT_MESH_FILE_BYTES": "1"})
    with_frames = other.serve(http=False, env={"WEFT_MESH_FILE_BYTES": "0"})
    clients = kit.Client(with_file, "noor"), kit.Client(with_frames, "noor")
    for client in clients:
        client.query("SELECT count(*) FROM mesh.domains")
    for name, text in TEXTS.items():
        assert clients[0].query(text) == clients[1].query(text)
        figures = kit.Figures(f"mesh_tables: mesh.{name} of {products} products", "<= 0.5x where a file is made")
        for _ in range(QUERIES):
            figures.take("from the file", lambda: clients[0].query(text), with_file.process.pid)
            figures.take("with each job", lambda: clients[1].query(text), with_frames.process.pid)
        figures.show()
        size, count = weigh(mesh, name)
        print(f"  {count} file of {size / 1e3:.0f} kB", flush=True)
    with_file.stop()
    # The first of a version of the mesh makes the file; a clearing worker is there already after the first time.
    first = {name: [] for name in TEXTS}
    for _ in range(kit.RUNS):
        server = mesh.serve(http=False, env={"WEFT_MESH_FILE_BYTES": "1"})
        client = kit.Client(server, "noor")
        client.query("SELECT count(*) FROM mesh.domains")
        for name, text in TEXTS.items():
            first[name].append(first_ms(client, text))
        server.stop()
    for name, taken in first.items():
        print(f"  the query that makes the file of mesh.{name}: min {min(taken):.1f} ms, median {statistics.median(taken):.1f} ms", flush=True)
    for each in (mesh, other):
        each.close()


def main():
    for products in sorted({PRODUCTS // 25, PRODUCTS // 5, PRODUCTS} - {0}):
        compare(products)


if __name__ == "__main__":
    main()

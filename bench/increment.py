"""A run that brings 1 % of a table's rows, over a run that makes all of them: time, and bytes of new files."""

import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import kit
from conftest import Postgres

ROWS = int(os.environ.get("BENCH_ROWS", 20_000_000))
SHARE = ROWS // 100

PRODUCT = kit.PRODUCT.replace("files", "erp")
COLUMNS = """\
    properties:
      - {name: id, logicalType: integer, physicalType: BIGINT, required: true, primaryKey: true, primaryKeyPosition: 1}
      - {name: customer_id, logicalType: integer, physicalType: INTEGER, required: true}
      - {name: country, logicalType: string, physicalType: VARCHAR, required: true}
      - {name: email, logicalType: string, physicalType: VARCHAR, classification: pii}
      - {name: amount, logicalType: number, physicalType: "DECIMAL(12,2)"}
      - {name: changed, logicalType: timestamp, physicalType: TIMESTAMP, required: true}
"""
HOW = """\
    customProperties:
      - {property: materialization, value: incremental}
      - {property: incremental, value: {mode: merge, key: changed}}
"""
FILL = f"""
    CREATE TABLE orders AS SELECT i::bigint AS id, (i::bigint * 7919 % 200000)::integer AS customer_id,
        (ARRAY['CH', 'DE', 'AT', 'FR'])[1 + i % 4] AS country, 'customer' || i::bigint * 31 % 200000 || '@example.com' AS email,
        (i % 1000000 / 100.0)::numeric(12,2) AS amount, timestamp '2026-01-01' + i * interval '1 millisecond' AS changed
    FROM generate_series(1, {ROWS}) i;
    CREATE UNIQUE INDEX ON orders (id); CREATE INDEX ON orders (changed); ANALYZE orders"""


def change(postgres, where, round_):
    """1 % of the rows, later than all others."""
    postgres.sql(f"UPDATE orders SET amount = amount + 1, changed = timestamp '2027-01-01' + interval '{round_} days' + "
                 f"id * interval '1 millisecond' WHERE {where}")


def clustered(round_):
    first = 1 + round_ * SHARE * 7 % (ROWS - SHARE)
    return f"id BETWEEN {first} AND {first + SHARE - 1}"


def scattered(round_):
    return f"id % 100 = {round_ * 37 % 100}"


def make(postgres):
    mesh = kit.postgres_mesh("increment", postgres)
    mesh.write("domains/sales/orders/product.odps.yaml", PRODUCT)
    mesh.write("domains/sales/orders/erp.odcs.yaml", kit.HEAD.format(id="erp") + kit.POSTGRES.format(port=postgres.port) +
               "schema:\n  - name: orders\n" + COLUMNS)
    mesh.write("domains/sales/orders/orders.odcs.yaml", kit.HEAD.format(id="orders") +
               "schema:\n  - name: orders\n    tags: [rows]\n" + HOW + COLUMNS)
    mesh.weft("apply", "--yes")
    mesh.serve(http=False)
    return mesh


def stored(mesh):
    return {p: p.stat().st_size for p in (mesh.home / "files").rglob("*") if p.is_file()}


def run(mesh, *options):
    """Seconds, bytes of new files, and what became of the rows."""
    before, begun = stored(mesh), time.perf_counter()
    answer = mesh.weft("run", "sales.orders", "--format", "json", *options, timeout=3600).json
    seconds = time.perf_counter() - begun
    new = sum(size for path, size in stored(mesh).items() if path not in before)
    return seconds, new, answer["products"][0]


def show(name, taken, full):
    seconds, size = min(t[0] for t in taken), statistics.median(t[1] for t in taken)
    print(f"  {name:28} min {seconds:8.2f} s   median {statistics.median(t[0] for t in taken):8.2f} s   {size / 1e6:9.2f} MB   n {len(taken)}", end="")
    if full:
        print(f"   {seconds / min(t[0] for t in full) * 100:6.2f} % of the time, {size / statistics.median(t[1] for t in full) * 100:6.2f} % of the bytes")
    else:
        print()


def check(postgres, mesh):
    with postgres.connect() as connection:
        count, amount = connection.execute("SELECT count(*), sum(amount) FROM orders").fetchone()
    mesh.write("policies/all.policy.yaml", "apiVersion: weft/v1\nkind: Policy\nid: all\nowner: guild\ndescription: bench\n"
               "grant: {contract: orders, role: reader, to: {groups: [analysts]}}\n")
    mesh.weft("apply", "--yes")
    found = mesh.rows("SELECT count(*) AS n, sum(amount)::VARCHAR AS amount FROM sales.orders.orders", as_user="noor", timeout=3600)
    assert found == [{"n": count, "amount": str(amount)}], found


def main():
    folder = Path(tempfile.mkdtemp(prefix="weft-bench-"))
    folder.chmod(0o755)
    (folder / "pg").mkdir()
    postgres = Postgres(folder / "pg")
    try:
        postgres.sql(FILL)
        mesh = make(postgres)
        sides = {"a full run": [], "1 % by key": [], "1 % at random": []}
        sides["a full run"].append(run(mesh))
        for round_ in range(kit.RUNS):
            change(postgres, clustered(round_), round_)
            sides["1 % by key"].append(run(mesh))
        for round_ in range(kit.RUNS):
            change(postgres, scattered(round_), kit.RUNS + round_)
            sides["1 % at random"].append(run(mesh))
        check(postgres, mesh)
        change(postgres, clustered(kit.RUNS), 2 * kit.RUNS)
        sides["a full run"].append(run(mesh, "--full"))
        print(f"\nincrement: {ROWS} rows of PostgreSQL, 1 % of them changed and merged by primary key   (goal <= 5 % by key)")
        show("a full run", sides["a full run"], None)
        for name in ("1 % by key", "1 % at random"):
            show(name, sides[name], sides["a full run"])
            print(f"    {sides[name][-1][2]['increments'][0]}", flush=True)
        mesh.close()
    finally:
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()

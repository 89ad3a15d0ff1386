"""A table of PostgreSQL to a release: weft beside ADBC and dlt, each from the same table to Parquet. Rows a second (start taken off), CPU
seconds of the reader, those of the server beside them, and memory."""

import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

import kit
from conftest import Postgres

WORK = kit.FOLDER / "postgres_release"
# No peer may report to its maker.
QUIET = {"RUNTIME__DLTHUB_TELEMETRY": "false", "NO_COLOR": "1"}
RETURNED = []
PEERS = os.environ.get("BENCH_PEERS", "adbc,dlt").split(",")
# `mixed` has the rows of `orders` in another order than that of the key, for weft alone.
TABLES = {"orders": (kit.ROWS, "i"), "nothing": (0, "i"), "mixed": (kit.ROWS, "hashint4(i)")}

PRODUCT = """\
apiVersion: v1.0.0
kind: DataProduct
id: sales-{table}
name: {table}
version: 1.0.0
status: active
inputPorts: [{{name: erp, version: 1.0.0, contractId: erp-{table}}}]
outputPorts: [{{name: {table}, version: 1.0.0, contractId: {table}}}]
"""
SCHEMA = """\
schema:
  - name: {table}
    properties:
      - {{name: id, logicalType: integer, physicalType: BIGINT, required: true, primaryKey: true, primaryKeyPosition: 1}}
      - {{name: customer_id, logicalType: integer, physicalType: INTEGER, required: true}}
      - {{name: country, logicalType: string, physicalType: VARCHAR, required: true}}
      - {{name: email, logicalType: string, physicalType: VARCHAR}}
      - {{name: amount, logicalType: number, physicalType: "DECIMAL(12,2)"}}
      - {{name: weight, logicalType: number, physicalType: DOUBLE}}
      - {{name: is_gift, logicalType: boolean, physicalType: BOOLEAN}}
      - {{name: ordered_on, logicalType: date, physicalType: DATE}}
      - {{name: changed, logicalType: timestamp, physicalType: TIMESTAMP WITH TIME ZONE}}
      - {{name: note, logicalType: string, physicalType: VARCHAR}}
"""
FILL = """
    CREATE TABLE {table} AS SELECT i::bigint AS id, (i::bigint * 7919 % 200000)::integer AS customer_id,
        (ARRAY['CH', 'DE', 'AT', 'FR'])[1 + i % 4] AS country, 'customer' || i::bigint * 31 % 200000 || '@example.com' AS email,
        (i::bigint * 104729 % 1000000 / 100.0)::numeric(12,2) AS amount, i::bigint * 15485863 % 1000003 / 7.0::double precision AS weight,
        i % 11 = 0 AS is_gift, date '2020-01-01' + (i::bigint * 31337 % 2000)::integer AS ordered_on,
        timestamptz '2026-01-01 00:00:00+00' + i * interval '1 millisecond' AS changed,
        CASE WHEN i % 10 > 0 THEN 'note ' || i % 1000 END AS note
    FROM generate_series(1, {rows}) i ORDER BY {order};
    ALTER TABLE {table} ADD PRIMARY KEY (id); VACUUM ANALYZE {table}"""


def fill(postgres):
    with postgres.connect() as connection:
        for table, (rows, order) in TABLES.items():
            for statement in FILL.format(table=table, rows=rows, order=order).split(";"):
                connection.execute(statement)


def make(postgres):
    mesh = kit.postgres_mesh("postgres_release/mesh", postgres)
    for table in TABLES:
        folder = f"domains/sales/{table}"
        mesh.write(f"{folder}/product.odps.yaml", PRODUCT.format(table=table))
        mesh.write(f"{folder}/erp.odcs.yaml", kit.HEAD.format(id=f"erp-{table}") + kit.POSTGRES.format(port=postgres.port) + SCHEMA.format(table=table))
        mesh.write(f"{folder}/{table}.odcs.yaml", kit.HEAD.format(id=table) + SCHEMA.format(table=table))
    mesh.weft("apply", "--yes")
    return mesh


# ---- the sides: what is to be run, and in which processes beside the command's own

def weft_side(mesh):
    def words(table):
        return [kit.WEFT, "run", f"sales.{table}", "--format", "json"], mesh.env, mesh.folder
    return words


def peer_side(peer, script, uri, *more):
    def words(table):
        folder = Path(tempfile.mkdtemp(dir=WORK))
        RETURNED.append(folder)
        return [peer / "bin/python", kit.PEERS / script, uri, table, folder, *more], os.environ | QUIET, WORK
    return words


def clear():
    while RETURNED:
        shutil.rmtree(RETURNED.pop(), ignore_errors=True)


def take(postgres, words, table, also=()):
    """Wall seconds, CPU seconds of the side, and those of PostgreSQL."""
    with postgres.connect() as connection:  # what is the same as before would not be published again
        connection.execute(f"UPDATE {table} SET note = note || '!' WHERE id = 1")
    command, env, cwd = words(table)
    before = [kit.cpu(pid) for pid in also], kit.cpu(postgres.process.pid)
    wall, busy, out, err, code = kit.run(command, env, cwd)
    if code != 0:
        sys.exit(f"{command[0]} failed:\n{out}\n{err}")
    busy += sum(kit.cpu(pid) - was for pid, was in zip(also, before[0]))
    clear()
    return wall, busy, kit.cpu(postgres.process.pid) - before[1]


def show_other(what, run, used=None):
    print(f"    {what:40} wall {run[0]:6.2f}   cpu {run[1]:6.2f}   server cpu {run[2]:6.2f}" + (f"   memory {used:.0f}" if used else ""),
          flush=True)


def show(sides, taken, used):
    print("    " + "side".ljust(18) + "wall".rjust(16) + "cpu".rjust(9) + "server cpu".rjust(12) + "start".rjust(8) + "rows/s".rjust(12)
          + "memory".rjust(9))
    rates = {}
    for side in sides:
        walls = [run[0] for run in taken[side, "orders"]]
        start = min(run[0] for run in taken[side, "nothing"])
        rates[side] = kit.ROWS / (min(walls) - start), kit.ROWS / (statistics.median(walls) - start)
        print(f"    {side:18}{min(walls):8.2f} ({statistics.median(walls):5.2f}){min(run[1] for run in taken[side, 'orders']):9.2f}"
              f"{min(run[2] for run in taken[side, 'orders']):12.2f}{start:8.2f}{rates[side][0]:12,.0f}{used[side]:9.0f}")
    for side in list(sides)[1:]:
        print(f"    beside {side}: {rates['weft'][0] / rates[side][0]:.2f}x its rows a second (of medians "
              f"{rates['weft'][1] / rates[side][1]:.2f}x), {used['weft'] / used[side]:.2f}x of its memory", flush=True)


def measure(postgres, mesh, sides):
    taken = {(side, table): [] for side in sides for table in ("orders", "nothing")}
    server = mesh.serve(http=False)
    also = {"weft": (server.process.pid,)}
    first = take(postgres, sides["weft"], "orders", also["weft"])
    take(postgres, sides["weft"], "mixed", also["weft"])
    mixed = take(postgres, sides["weft"], "mixed", also["weft"])
    for _ in range(kit.RUNS):
        for side, words in sides.items():
            for table in ("nothing", "orders"):
                taken[side, table].append(take(postgres, words, table, also.get(side, ())))
    server.stop()
    used = {}
    server = mesh.serve(http=False)
    for side, words in sides.items():
        used[side] = kit.memory_shared(*words("orders"), [server.process.pid] if side == "weft" else [])
        clear()
    used_mixed = kit.memory_shared(*sides["weft"]("mixed"), [server.process.pid])
    server.stop()
    show(sides, taken, used)
    show_other("weft, the first release", first)
    show_other("weft, rows in another order than the key", mixed, used_mixed)


def main():
    print(f"\npostgres_release: {kit.ROWS:,} rows of ten columns, start taken off, memory in MB   (goal >= 1.5x the rows a second of ADBC, "
          "<= 300 MB)")
    shutil.rmtree(WORK, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix="weft-bench-"))
    folder.chmod(0o755)
    (folder / "pg").mkdir()
    postgres = Postgres(folder / "pg")
    uri = f"postgresql://weft:{quote(postgres.password, safe='')}@127.0.0.1:{postgres.port}/postgres"
    try:
        fill(postgres)
        mesh = make(postgres)
        sides = {"weft": weft_side(mesh)}
        adbc, dlt = (kit.peer(peer) if peer in PEERS else None for peer in ("adbc", "dlt"))
        if adbc:
            sides["adbc"] = peer_side(adbc, "adbc/release.py", uri)
        if dlt:
            sides |= {f"dlt {backend}": peer_side(dlt, "dlt/release.py", uri, backend) for backend in ("connectorx", "pyarrow")}
        begun = time.perf_counter()
        measure(postgres, mesh, sides)
        print(f"    measured in {time.perf_counter() - begun:.0f} s", flush=True)
        mesh.close()
    finally:
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(WORK, ignore_errors=True)


if __name__ == "__main__":
    main()

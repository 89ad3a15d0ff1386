"""A row by its key, many times: p50 over DuckDB alone on the same file."""

import kit


def main():
    mesh = kit.mesh("small")
    mesh.weft("apply", "--yes")
    mesh.weft("run", "--all", timeout=3600)
    server = mesh.serve(http=False)
    client = kit.Client(server, "noor")
    floor = kit.duckdb.connect()
    floor.execute(f"SET threads = {kit.THREADS}")
    path = kit.FOLDER / "small-visible.parquet"
    floor.execute(f"COPY (SELECT * FROM ({kit.ORDERS}) WHERE country = 'CH') TO '{path}' (FORMAT parquet, COMPRESSION zstd)")
    floor.execute(f"CREATE VIEW orders AS SELECT * FROM read_parquet('{path}')")
    keys = [r[0] for r in floor.execute("SELECT id FROM orders ORDER BY hash(id) LIMIT 300").fetchall()]
    figures = kit.Figures("small_query: one row by key", "<= 3x by p50")
    sql = "SELECT id, amount FROM {} WHERE id = {}"
    for key in keys[:20]:
        client.query(sql.format("sales.orders.orders", key))
    for key in keys:
        figures.take("weft", lambda: client.query(sql.format("sales.orders.orders", key)), server.process.pid)
        figures.take("DuckDB alone", lambda: floor.execute(sql.format("orders", key)).fetchall())
    figures.show()
    mesh.close()


if __name__ == "__main__":
    main()

"""The first query of a cold class, over one COPY of the visible rows by DuckDB."""

import shutil

import kit


def main():
    mesh = kit.mesh("clearing")
    mesh.weft("apply", "--yes")
    mesh.weft("run", "--all", timeout=3600)
    floor = kit.duckdb.connect()
    floor.execute(f"SET threads = {kit.THREADS}")
    origin = max((p for p in (mesh.home / "files").rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
    copy = kit.FOLDER / "clearing-copy.parquet"
    figures = kit.Figures(f"clearing: {kit.ROWS} rows, filter and mask", "<= 1.2x")
    sql = "SELECT count(*) FROM sales.orders.orders"
    for _ in range(kit.RUNS):
        shutil.rmtree(mesh.home / "cleared", ignore_errors=True)
        for index in mesh.home.glob("cache.db*"):
            index.unlink()
        server = mesh.serve(http=False)
        client = kit.Client(server, "noor")
        kit.settle(server, client)
        figures.take("weft, cold", lambda: client.query(sql), server.process.pid)
        server.stop()
        figures.take("DuckDB COPY", lambda: floor.execute(
            f"COPY (SELECT id, customer_id, country, NULL::VARCHAR AS email, amount, ordered_on "
            f"FROM read_parquet('{origin}') WHERE country = 'CH') TO '{copy}' (FORMAT parquet, COMPRESSION zstd)"))
    figures.show()
    mesh.close()


if __name__ == "__main__":
    main()

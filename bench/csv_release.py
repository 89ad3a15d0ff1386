"""CSV to a checked, published release, over DuckDB's own COPY from CSV to Parquet."""

import kit


def main():
    floor = kit.duckdb.connect()
    floor.execute(f"SET threads = {kit.THREADS}")
    figures = kit.Figures(f"csv_release: {kit.ROWS} rows, key and required checked", "<= 1.3x")
    mesh = kit.mesh("release")
    mesh.weft("apply", "--yes")
    server = mesh.serve(http=False)
    csv = kit.data() / "orders.csv"
    for i in range(kit.RUNS):
        figures.take("weft", lambda: mesh.weft("run", "--all", timeout=3600), server.process.pid)
        out = kit.FOLDER / "release-copy.parquet"
        figures.take("DuckDB COPY", lambda: floor.execute(
            f"COPY (SELECT * FROM read_csv('{csv}', header = true, columns = {{'id': 'INTEGER', 'customer_id': 'INTEGER', "
            f"'country': 'VARCHAR', 'email': 'VARCHAR', 'amount': 'DECIMAL(12,2)', 'ordered_on': 'DATE'}})) "
            f"TO '{out}' (FORMAT parquet, COMPRESSION zstd)"))
    figures.show()
    mesh.close()


if __name__ == "__main__":
    main()

"""CSV to a checked, published release, over DuckDB's own COPY from CSV to Parquet."""

import shutil

import kit


def main():
    floor = kit.duckdb.connect()
    floor.execute(f"SET threads = {kit.THREADS}")
    figures = kit.Figures(f"csv_release: {kit.ROWS} rows, key and required checked", "<= 1.3x")
    mesh = kit.mesh("release")
    mesh.weft("apply", "--yes")
    server = mesh.serve(http=False)
    csv = mesh.folder / "data/orders.csv"
    for table in ("orders", "customers"):
        shutil.copy(kit.data() / f"{table}.csv", mesh.folder / "data" / f"{table}.new")
        (mesh.folder / "data" / f"{table}.new").rename(mesh.folder / "data" / f"{table}.csv")
    for i in range(kit.RUNS):
        # Other rows each time: a file whose content is there already would be adopted.
        with open(mesh.folder / "data/customers.csv", "a") as more:
            more.write(f"{300000 + i},later\n")
        with open(csv, "a") as more:
            more.write(f"{kit.ROWS + i},1,CH,late@example.com,1.00,2026-01-01\n")
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

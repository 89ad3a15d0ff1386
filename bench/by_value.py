"""A cold decision of k values, cleared by value from one scan, over one COPY of the same rows by DuckDB; and what the classes weigh."""

import shutil

import kit

VALUES = {1: ["CH"], 2: ["CH", "DE"], 4: ["CH", "DE", "AT", "FR"]}
FILTER = "filter: {tables: {tag: [rows]}, where: \"country = ANY($actor.regions)\", except: {users: [ana]}}"


def main():
    mesh = kit.mesh("by-value")
    users = "".join(f"  k{k}: {{groups: [analysts], attributes: {{regions: [{', '.join(v)}]}}}}\n" for k, v in VALUES.items())
    mesh.write("mesh.yaml", kit.MESH.replace("users: {noor: {groups: [analysts]}, ana: {groups: []}}\n",
                                             "users:\n  ana: {groups: []}\n" + users))
    mesh.write("policies/filter.policy.yaml",
               f"apiVersion: weft/v1\nkind: Policy\nid: filter\nowner: guild\ndescription: bench\n{FILTER}\n")
    mesh.weft("apply", "--yes")
    mesh.weft("run", "--all", timeout=3600)
    origin = max((p for p in (mesh.home / "files").rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
    floor = kit.duckdb.connect()
    floor.execute(f"SET threads = {kit.THREADS}")
    copy = kit.FOLDER / "by-value-copy.parquet"
    for k, values in VALUES.items():
        figures = kit.Figures(f"by_value: {kit.ROWS} rows, filter of {k} values and mask", "<= 1.2x for one value")
        wanted = ", ".join(f"'{v}'" for v in values)
        for _ in range(kit.RUNS):
            shutil.rmtree(mesh.home / "cleared", ignore_errors=True)
            for index in mesh.home.glob("cache.db*"):
                index.unlink()
            server = mesh.serve(http=False)
            client = kit.Client(server, f"k{k}")
            kit.settle(server, client)
            figures.take("weft, cold", lambda: client.query("SELECT count(*) FROM sales.orders.orders"), server.process.pid)
            made = [p.stat().st_size for p in (mesh.home / "cleared").rglob("*.parquet")]
            server.stop()
            figures.take("DuckDB COPY", lambda: floor.execute(
                f"COPY (SELECT id, customer_id, country, NULL::VARCHAR AS email, amount, ordered_on "
                f"FROM read_parquet('{origin}') WHERE country IN ({wanted})) TO '{copy}' (FORMAT parquet, COMPRESSION zstd)"))
        figures.show()
        print(f"  {len(made)} copies of {sum(made) / 1e6:.1f} MB in all; the original has {origin.stat().st_size / 1e6:.1f} MB, "
              f"DuckDB's copy {copy.stat().st_size / 1e6:.1f} MB", flush=True)
    mesh.close()


if __name__ == "__main__":
    main()

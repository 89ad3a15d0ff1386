"""Warm governed scan and join, over DuckDB alone on files of just the visible rows."""

import kit

SCAN = "SELECT count(*), sum(amount), min(ordered_on), count(email) FROM {orders} WHERE amount > 10"
JOIN = ("SELECT c.segment, count(*), sum(o.amount) FROM {orders} o JOIN {customers} c ON c.id = o.customer_id "
        "GROUP BY c.segment ORDER BY c.segment")


def main():
    mesh = kit.mesh("governed")
    mesh.weft("apply", "--yes")
    mesh.weft("run", "--all", timeout=3600)
    server = mesh.serve(http=False)
    client = kit.Client(server, "noor")
    floor = kit.duckdb.connect()
    floor.execute(f"SET threads = {kit.THREADS}")
    for table, text in (("orders", kit.ORDERS.replace("'customer' ||", "NULL::VARCHAR || 'customer' ||")),
                        ("customers", kit.CUSTOMERS)):
        where = " WHERE country = 'CH'" if table == "orders" else ""
        path = kit.FOLDER / f"visible-{table}-{kit.ROWS}.parquet"
        floor.execute(f"COPY (SELECT * FROM ({text}){where}) TO '{path}' (FORMAT parquet, COMPRESSION zstd)")
        floor.execute(f"CREATE VIEW {table} AS SELECT * FROM read_parquet('{path}')")
    for name, text in (("scan", SCAN), ("join", JOIN)):
        figures = kit.Figures(f"governed_query: {name} of {kit.ROWS} rows", "<= 1.10x")
        ours = text.format(orders="sales.orders.orders", customers="sales.orders.customers")
        theirs = text.format(orders="orders", customers="customers")
        client.query(ours), floor.execute(theirs).fetchall()
        for _ in range(kit.RUNS * 3):
            figures.take("weft", lambda: client.query(ours), server.process.pid)
            figures.take("DuckDB on visible rows", lambda: floor.execute(theirs).fetchall())
        figures.show()
    mesh.close()


if __name__ == "__main__":
    main()

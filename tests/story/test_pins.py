"""Who has begun to read goes on to the end on the state that he began with."""

import json
import socket
import sqlite3

from conftest import ROWS
from test_check import add_product

MORE = ROWS + "5,Eva,eva@example.com,CH,1.00,2026-01-05\n"


def begin(server, sql):
    """Asks, and takes the first bytes only: the rest waits in the server."""
    body = json.dumps({"sql": sql, "format": "csv"})
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(120)
    client.connect(server.socket)
    client.sendall(f"POST /api/v1/query HTTP/1.1\r\nHost: weft\r\nWeft-As: noor\r\nConnection: close\r\n"
                   f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
    first = client.recv(4096)
    assert first.startswith(b"HTTP/1.1 200")
    return client, first


def end(client, first):
    """All rows of the answer, which has come to its last chunk."""
    data = [first]
    while part := client.recv(1 << 20):
        data.append(part)
    client.close()
    head, _, rest = b"".join(data).partition(b"\r\n\r\n")
    body, chunks = [], memoryview(rest)
    while True:
        line, _, after = bytes(chunks[:20]).partition(b"\r\n")
        size = int(line, 16)
        if size == 0:
            return b"".join(body).decode().split("\r\n")[1:-1]
        chunks = chunks[len(line) + 2:]
        body.append(bytes(chunks[:size]))
        chunks = chunks[size + 2:]


def test_a_query_that_began_before_a_publish_ends_on_the_state_of_before(applied):
    server = applied.serve()
    large = "SELECT o.id, r.range AS n FROM sales.orders.orders o, range(400000) r"
    client, first = begin(server, large)
    applied.write("data/orders.csv", MORE)
    applied.weft("run", "--all")
    assert server.query("SELECT count(*) FROM sales.orders.orders", as_user="noor")[1]["rows"] == [[5]]
    rows = end(client, first)
    assert len(rows) == 4 * 400000
    assert {row.split(",")[0] for row in rows} == {"1", "2", "3", "4"}


def test_all_tables_of_a_query_are_of_one_instant(shop):
    """Two products that are published one after the other: a query sees both as they were at its begin."""
    add_product(shop, "copies", "orders", "SELECT id FROM orders.orders\n")
    shop.write("policies/copies.policy.yaml", """\
apiVersion: weft/v1
kind: Policy
id: copies
description: One reads the other.
owner: guild
grant: {contract: orders, role: reader, to: {products: [sales.copies]}}
""")
    shop.weft("apply", "--yes")
    shop.weft("run", "--all")
    server = shop.serve()
    both = """SELECT (SELECT count(*) FROM sales.orders.orders) AS orders, (SELECT count(*) FROM sales.copies.copies) AS copies"""
    assert server.query(both, as_user="ana")[1]["rows"] == [[4, 4]]
    shop.write("data/orders.csv", MORE)
    shop.weft("run", "sales.orders")
    assert server.query(both, as_user="ana")[1]["rows"] == [[5, 4]]
    past = both.replace("sales.orders.orders", 'sales."orders#1".orders')
    assert server.query(past, as_user="ana")[1]["rows"] == [[4, 4]]
    shop.weft("run", "sales.copies")
    assert server.query(both, as_user="ana")[1]["rows"] == [[5, 5]]
    # What a release was made of is written beside it.
    with sqlite3.connect(f"file:{shop.home}/catalog.db?mode=ro", uri=True) as db:
        made_of = db.execute("""SELECT r.number, i.producer_release FROM release r JOIN product p ON p.id = r.product_id
            JOIN release_input i ON i.release_id = r.id WHERE p.address = 'sales.copies' ORDER BY 1""").fetchall()
    assert made_of == [(1, 1), (2, 2)]

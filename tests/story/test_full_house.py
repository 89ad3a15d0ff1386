"""More than fits: work that outgrows memory spills, a disk that fills stops runs and not readers, and who asks for much waits by himself."""

import gzip
import os
import re
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from conftest import Mesh, plain_memory, write_shop
from story_help import Called, Held, Started, audit, is_whole, runs, told, wait_until, workers

SMALL = ["--set", "worker_memory_mb=128", "--set", "worker_threads=1"]
# Sorting these takes three times the memory of a small worker.
MANY = """\
SELECT id::INTEGER AS id, text FROM
  (SELECT i AS id, md5(i::VARCHAR) || md5((i + 1)::VARCHAR) AS text, row_number() OVER (ORDER BY md5(i::VARCHAR)) AS place
   FROM range(4000000) t(i), (SELECT count(*) FROM shop.raw_orders) of_the_shop)
WHERE place % 1000 = 0
"""
PRODUCT = """\
apiVersion: v1.0.0
kind: DataProduct
id: sales-many
name: many
version: 1.0.0
status: active
inputPorts: [{name: shop, version: 1.0.0, contractId: many-files}]
outputPorts: [{name: many, version: 1.0.0, contractId: many}]
"""
CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: many
version: 1.0.0
status: active
schema:
  - name: many
    properties:
      - {name: id, logicalType: integer, physicalType: INTEGER}
      - {name: text, logicalType: string, physicalType: VARCHAR}
"""


def write_many(mesh, sql):
    mesh.write("domains/sales/many/product.odps.yaml", PRODUCT)
    mesh.write("domains/sales/many/many.odcs.yaml", CONTRACT)
    mesh.write("domains/sales/many/many.sql", sql)
    mesh.write("domains/sales/many/shop.odcs.yaml",
               (mesh.folder / "domains/sales/orders/shop.odcs.yaml").read_text().replace("id: shop-files", "id: many-files"))


def spilled(mesh):
    """Files of workers that the engine made for what does not fit."""
    return [path for path in (mesh.home / "workers").glob("*/tmp/*") if path.is_file()]


def has_nothing_over(mesh):
    return [path for path in (mesh.home / "workers").rglob("*") if path.is_file()] == []


# ---- memory


def test_a_run_that_outgrows_memory_spills(shop):
    write_many(shop, MANY)
    server = shop.serve(args=SMALL)
    shop.weft("apply", "--yes")
    running = Started(shop, "run", "sales.many")
    wait_until("the run spills", lambda: spilled(shop) or running.process.poll() is not None)
    assert running.process.poll() is None, running.end()
    ended = running.end()
    assert ended.code == 0, ended
    wait_until("what it spilled is gone", lambda: has_nothing_over(shop))
    assert server.query("SELECT count(*) FROM sales.many.many", as_user="ana")[1]["rows"] == [[4000]]
    assert is_whole(shop)


def test_what_a_killed_server_spilled_goes(shop):
    write_many(shop, MANY)
    server = shop.serve(args=SMALL)
    shop.weft("apply", "--yes")
    running = Started(shop, "run", "sales.many")
    wait_until("the run spills", lambda: spilled(shop) or running.process.poll() is not None)
    server.kill()
    assert running.end().code != 0
    shop.serve(args=SMALL)
    assert has_nothing_over(shop)
    assert runs(shop) == ["failed"] and is_whole(shop)


def test_a_run_that_outgrows_its_disk_too_says_which_setting(shop):
    write_many(shop, MANY)
    shop.serve(args=[*SMALL, "--set", "worker_temp_mb=16"])
    shop.weft("apply", "--yes")
    refused = shop.weft("run", "sales.many", ok=False)
    assert refused.code in (65, 71) and "worker_temp_mb" in told(refused), refused
    wait_until("what it spilled is gone", lambda: has_nothing_over(shop))
    assert is_whole(shop)


@plain_memory
def test_a_query_that_outgrows_memory_spills(applied):
    server = applied.serve(args=SMALL)
    sql = ("SELECT count(*) FROM (SELECT row_number() OVER (ORDER BY md5(i::VARCHAR)) AS place, md5((i + 1)::VARCHAR) AS text "
           "FROM range(4000000) t(i)) WHERE place % 1000 = 0 AND text <> ''")
    asked = Called(server.query, sql, as_user="noor")
    wait_until("the query spills", lambda: spilled(applied) or not asked.thread.is_alive())
    assert asked.thread.is_alive(), asked.end()
    assert asked.end()[1]["rows"] == [[4000]]
    wait_until("what it spilled is gone", lambda: has_nothing_over(applied))


# ---- disk


def memory(pid, what):
    """In kB: RssAnon now, VmHWM at its highest."""
    return int(re.search(rf"^{what}:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(), re.M).group(1))


def test_a_worker_at_rest_gives_its_memory_back(applied):
    server = applied.serve()
    many = "SELECT count(*) FROM (SELECT DISTINCT md5(i::VARCHAR) FROM range(500000) t(i), sales.orders.orders)"
    assert server.query(many, as_user="noor")[1]["rows"] == [[500000]]
    highest, pid = max((memory(pid, "VmHWM"), pid) for pid in workers(applied))
    wait_until("it holds little", lambda: memory(pid, "RssAnon") < highest / 3)


@pytest.fixture
def small(tmp_path):
    """The shop, with a home on a disk of its own."""
    mesh = Mesh(tmp_path / "mesh")
    mesh.home.mkdir(parents=True)
    mesh.home.chmod(0o700)
    mount = ["mount", "-t", "tmpfs", "-o", "size=96m,mode=0700", "tmpfs", str(mesh.home)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("only root can make a small disk")
    write_shop(mesh)
    yield mesh
    mesh.close()
    subprocess.run(["umount", "-l", str(mesh.home)], check=True)


def test_a_run_that_fills_the_disk_stops_at_the_reserve(small):
    """Of a file without an end, all but the reserve is written; readers go on and are recorded."""
    write_many(small, "SELECT (i % 1000000)::INTEGER AS id, md5(i::VARCHAR) || md5((i + 1)::VARCHAR) AS text "
                      "FROM range(100000000) t(i), (SELECT count(*) FROM shop.raw_orders) of_the_shop")
    server = small.serve(args=["--set", "free_space_reserve_mb=24"])
    small.weft("apply", "--yes")
    small.weft("run", "sales.orders")
    running = Started(small, "run", "sales.many")
    answers = []
    while running.process.poll() is None:
        answers.append(server.query("SELECT count(*) FROM sales.orders.orders", as_user="noor"))
    refused = running.end()
    assert refused.code == 74 and "free_space_reserve_mb" in told(refused), refused
    answers.append(server.query("SELECT count(*) FROM sales.orders.orders", as_user="noor"))
    assert [answer[1].get("rows") for answer in answers] == [[[4]]] * len(answers)
    assert len([row for row in audit(small) if row["action"] == "query"]) >= min(len(answers), 400)
    assert sorted(runs(small)) == ["failed", "published"] and is_whole(small)


def reads_on(mesh, server, what):
    """A run of this source stops at the reserve; whoever reads meanwhile has his answers."""
    running = Started(mesh, "run", "sales.orders")
    answers, least = [], 1 << 40
    while running.process.poll() is None:
        answers.append(server.query("SELECT count(*) FROM sales.orders.orders", as_user="noor"))
        least = min(least, shutil.disk_usage(mesh.home).free)
    refused = running.end()
    assert refused.code == 74 and "free_space_reserve_mb" in told(refused), (what, refused)
    # Looked after every 50 ms.
    assert least > 4 << 20, f"{least >> 20} MB were free while {what}"
    assert [answer[1].get("rows") for answer in answers] == [[[4]]] * len(answers)
    assert runs(mesh) == ["published", "failed"] and is_whole(mesh)


def test_a_source_that_has_to_be_copied_is_not_copied_into_the_reserve(small):
    """It lies on another disk, so that the worker cannot be given a second name of it."""
    server = small.serve(args=["--set", "free_space_reserve_mb=24"])
    small.weft("apply", "--yes")
    small.weft("run", "sales.orders")
    with open(small.folder / "data/orders.csv", "a") as file:
        for i in range(5, 1500000):
            file.write(f"{i},Ada,ada{i}@example.com,CH,10.50,2026-01-01\n")
    reads_on(small, server, "the source was copied")


def test_the_records_of_a_document_are_not_written_into_the_reserve(small):
    """A packed document is small, and its records are not."""
    server = small.serve(args=["--set", "free_space_reserve_mb=24"])
    small.weft("apply", "--yes")
    small.weft("run", "sales.orders")
    source = small.folder / "domains/sales/orders/shop.odcs.yaml"
    source.write_text(source.read_text().replace("path: data/orders.csv, format: csv", "path: data/orders.json.gz, format: json"))
    small.weft("apply", "--yes")
    with gzip.open(small.folder / "data/orders.json.gz", "wb", compresslevel=1) as file:
        file.write(b"[")
        for _ in range(45000):
            file.write(b'{"id":1,"customer":"%s","country":"CH"},' % os.urandom(1000).hex().encode())
        file.write(b'{"id":1,"country":"CH"}]')
    reads_on(small, server, "the records were written")


def test_a_plan_is_not_kept_in_the_reserve(small):
    server = small.serve(args=["--set", "free_space_reserve_mb=0"])
    small.weft("apply", "--yes")
    small.weft("run", "--all")
    server.stop()
    server = small.serve(args=["--set", "free_space_reserve_mb=200"])
    contract = small.folder / "domains/sales/orders/orders.odcs.yaml"
    contract.write_text(contract.read_text().replace("name: Orders", "name: All orders", 1))
    refused = small.weft("plan", ok=False)
    assert refused.code == 74 and "free_space_reserve_mb" in refused.err, refused
    assert server.query("SELECT count(*) FROM sales.orders.orders", as_user="noor")[1]["rows"] == [[4]]
    assert is_whole(small)


# ---- turns


def test_who_asks_for_much_waits_by_himself(applied):
    """One turn, fifty queries of noor's, then one of ana's: hers comes before nearly all that wait."""
    server = applied.serve(args=["--set", "queries_max=1", "--set", "query_wait_ms=600000"])
    order, lock = [], threading.Lock()

    def ask(who, sql):
        status = server.query(sql, as_user=who)[0]
        with lock:
            order.append((who, status))

    def waiting():
        return server.call("GET", "/api/v1/status")[1]["queries_waiting"]

    # The first holds the turn until all are there.
    holder = Held(applied, "consumer", lambda: Called(
        server.call, "POST", "/api/v1/query",
        {"sql": "SELECT count(*) FROM range(100000000) a, range(1000) b", "timeout_ms": 60000}, as_user="noor"))
    asked = [Called(ask, "noor", f"SELECT {i} FROM sales.orders.orders") for i in range(50)]
    wait_until("fifty wait", lambda: waiting() == 50)
    asked.append(Called(ask, "ana", "SELECT count(*) FROM sales.orders.orders"))
    wait_until("one more waits", lambda: waiting() == 51)
    holder.kill()
    for call in asked:
        call.end()
    assert [status for _, status in order] == [200] * 51
    # One of noor's may have been taken before, and two that end together may be noted in either order.
    assert [who for who, _ in order].index("ana") <= 3, order


def test_only_so_many_wait(applied):
    server = applied.serve(args=["--set", "queries_max=1", "--set", "queries_waiting_max=0"])
    first = Called(server.call, "POST", "/api/v1/query",
                   {"sql": "SELECT count(*) FROM range(100000000) a, range(1000) b", "timeout_ms": 3000}, as_user="noor")
    wait_until("the first is at work", lambda: server.lent() > 0)
    status, problem = server.query("SELECT 1", as_user="ana")
    assert (status, problem["code"]) == (503, "TOO_MANY") and re.search("try again", problem["hint"]), problem
    assert first.end()[1]["code"] == "TIMEOUT"
    assert server.query("SELECT 1", as_user="ana")[0] == 200

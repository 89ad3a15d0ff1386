"""SQL that never ends or wants all there is, and clients that go away."""

import json
import signal
import socket

import pytest

from story_help import ORDERS, Called, Started, edit, is_whole, runs, told, wait_until

ENDLESS = "SELECT count(*) AS n FROM range(100000000) a, range(1000) b"
WHERE = "WHERE (SELECT count(*) FROM range(100000000) a, range(1000) b) > 0\n"


def answers(server):
    """It is there for others as before."""
    return server.query("SELECT count(*) FROM sales.orders.orders", as_user="noor")[1]["rows"] == [[4]]


def test_a_query_without_an_end_ends_at_its_deadline(applied):
    server = applied.serve()
    refused = applied.weft("query", ENDLESS, "--as", "noor", "--timeout", "1", ok=False)
    assert refused.code == 75 and "deadline" in refused.err
    wait_until("the worker is free", lambda: server.lent() == 0)
    code, problem = server.call("POST", "/api/v1/query", {"sql": ENDLESS, "timeout_ms": 300}, as_user="noor")
    assert (code, problem["code"]) == (504, "TIMEOUT")
    assert answers(server)


def test_the_server_has_a_deadline_for_those_who_name_none(applied):
    server = applied.serve(args=["--set", "query_timeout_ms=500"])
    code, problem = server.query(ENDLESS, as_user="noor")
    assert (code, problem["code"]) == (504, "TIMEOUT")
    assert answers(server)


# Each wants about 100 GB.
GREEDY = {
    "a sort": "SELECT x FROM range(100000000) a(x), range(120) b ORDER BY hash(x)",
    "a list": "SELECT list(x) FROM range(100000000) a(x), range(120) b",
    "a text": "SELECT string_agg('0123456789', '') FROM range(100000000) a, range(100) b",
    "groups": "SELECT count(*) FROM (SELECT a.x, b.x, count(*) FROM range(100000000) a(x), range(100) b(x) GROUP BY ALL)",
    "a join": "SELECT count(*) FROM range(100000000) a(x) JOIN (SELECT x * 7 AS y FROM range(100000000) c(x)) b ON hash(a.x) = hash(b.y)",
}


@pytest.mark.parametrize("what", GREEDY)
def test_a_query_that_wants_100_gb_fails_and_no_other(applied, what):
    server = applied.serve(args=["--set", "worker_memory_mb=128", "--set", "worker_temp_mb=64"])
    refused = applied.weft("query", GREEDY[what], "--as", "noor", "--timeout", "60", "--format", "ndjson", ok=False)
    assert refused.code in (65, 71), refused
    assert "memory" in refused.err or "space" in refused.err or "limit" in refused.err
    wait_until("the worker is free", lambda: server.lent() == 0)
    assert answers(server)
    assert [p for p in (applied.home / "workers").rglob("*") if p.is_file()] == []


def test_answers_have_a_limit(applied):
    server = applied.serve(args=["--set", "query_bytes_max=100000"])
    ask = ["query", "SELECT range AS n FROM range(1000000)", "--as", "noor", "--format", "csv"]
    refused = applied.weft(*ask, "--max-rows", "10", ok=False)
    assert refused.code == 65 and "10 rows" in refused.err
    refused = applied.weft(*ask, ok=False)
    assert refused.code in (65, 69, 76) and server.lent() == 0
    # Whoever reads to the end of our own format is told why.
    code, data = server.call("POST", "/api/v1/query", {"sql": "SELECT range AS n FROM range(1000000)", "format": "rows"},
                             as_user="noor", raw=True)
    last = json.loads(data.decode().splitlines()[-1])
    assert code == 200 and last["error"]["code"] == "LIMIT"
    assert answers(server)


def test_more_queries_than_may_run_wait_their_turn(applied):
    server = applied.serve(args=["--set", "queries_max=1", "--set", "query_wait_ms=200"])
    first = Called(server.call, "POST", "/api/v1/query", {"sql": ENDLESS, "timeout_ms": 3000}, as_user="noor")
    wait_until("the first is at work", lambda: server.lent() > 0)
    code, problem = server.query("SELECT 1", as_user="noor")
    assert (code, problem["code"]) == (503, "TOO_MANY")
    assert first.end()[1]["code"] == "TIMEOUT"
    assert answers(server)


# ---- clients that go


def ask_and_leave(server, sql):
    """Over the socket, as a client that is killed does it."""
    body = json.dumps({"sql": sql})
    client = socket.socket(socket.AF_UNIX)
    client.connect(server.socket)
    client.sendall(f"POST /api/v1/query HTTP/1.1\r\nHost: weft\r\nWeft-As: noor\r\nContent-Type: application/json\r\n"
                   f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
    return client


def test_a_client_that_hangs_up_cancels_its_query(applied):
    server = applied.serve()
    client = ask_and_leave(server, ENDLESS)
    wait_until("the query is at work", lambda: server.lent() > 0)
    client.close()
    wait_until("the worker is free", lambda: server.lent() == 0, patience_s=15)
    assert answers(server)


def test_a_client_that_reads_no_more_holds_nobody_up(applied):
    """It takes the first bytes of a large answer, waits, and goes."""
    server = applied.serve()
    client = ask_and_leave(server, "SELECT range AS n, repeat('x', 100) AS text FROM range(10000000)")
    assert client.recv(1000)
    assert answers(server)
    assert server.lent() > 0
    client.close()
    wait_until("the worker is free", lambda: server.lent() == 0, patience_s=15)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_on_a_query_cancels_it(applied, number):
    server = applied.serve()
    asking = Started(applied, "query", ENDLESS, "--as", "noor")
    wait_until("the query is at work", lambda: server.lent() > 0)
    asking.process.send_signal(number)
    answer = asking.end()
    assert answer.code == 130, answer
    wait_until("the worker is free", lambda: server.lent() == 0, patience_s=15)
    assert answers(server)


# ---- runs


@pytest.fixture
def endless(applied):
    """The shop, whose SELECT does not end any more."""
    file = applied.folder / f"{ORDERS}/orders.sql"
    file.write_text(file.read_text() + WHERE)
    applied.weft("apply", "--yes")
    return applied


def test_ctrl_c_on_a_run_cancels_the_job(endless):
    server = endless.serve()
    running = Started(endless, "run", "--all")
    wait_until("it transforms", lambda: runs(endless)[-1] == "transforming")
    running.process.send_signal(signal.SIGINT)
    answer = running.end()
    assert answer.code == 130, answer
    assert server.lent() == 0 and runs(endless) == ["published", "cancelled"] and is_whole(endless)
    assert answers(server)


def test_a_run_without_an_end_ends_at_its_deadline(endless):
    server = endless.serve(args=["--set", "run_timeout_s=1"])
    answer = endless.weft("run", "--all", ok=False)
    assert answer.code == 75 and "deadline" in told(answer)
    wait_until("the worker is free", lambda: server.lent() == 0)
    assert runs(endless) == ["published", "failed"] and answers(server) and is_whole(endless)


def test_a_job_is_cancelled_by_its_id_and_by_nobody_elses(endless):
    server = endless.serve()
    status_code, job = server.call("POST", "/api/v1/runs", {"products": ["sales.orders"]}, as_user="ana")
    assert status_code == 202
    wait_until("it transforms", lambda: runs(endless)[-1] == "transforming")
    for path in (f"/api/v1/jobs/{job['job']}/cancel",):
        assert server.call("POST", path, as_user="noor")[0] == 404
    assert server.call("GET", f"/api/v1/jobs/{job['job']}", as_user="noor")[0] == 404
    assert server.call("POST", f"/api/v1/jobs/{job['job']}/cancel", as_user="ana")[0] == 200
    wait_until("it has ended", lambda: runs(endless)[-1] == "cancelled")
    assert server.call("POST", "/api/v1/runs", {"products": ["sales.orders"]}, as_user="noor")[0] == 403


def test_a_run_that_wants_100_gb(applied):
    edit(applied, f"{ORDERS}/orders.sql", "FROM shop.raw_orders",
         "FROM shop.raw_orders WHERE (SELECT count(*) FROM (SELECT DISTINCT a.x, b.x FROM range(100000000) a(x), range(100) b(x))) > 0")
    applied.weft("apply", "--yes")
    server = applied.serve(args=["--set", "worker_memory_mb=128", "--set", "worker_temp_mb=64"])
    answer = applied.weft("run", "--all", ok=False)
    assert answer.code in (65, 71), answer
    assert server.lent() == 0 and runs(applied) == ["published", "failed"] and answers(server) and is_whole(applied)

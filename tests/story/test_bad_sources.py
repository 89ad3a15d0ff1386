"""Operational databases that are slow, hang, or die while they are read."""

import os
import signal
import socket

import pytest

from story_help import Started, is_whole, runs, told, wait_until, workers
from test_postgres import write


@pytest.fixture
def schema(postgres, request):
    name = "bad_" + request.node.name[5:40].lower()
    postgres.sql(f"DROP SCHEMA IF EXISTS {name} CASCADE; CREATE SCHEMA {name}")
    return name


class Silent:
    """Takes connections on a port that a source could have, and never answers."""

    def __init__(self):
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(16)
        self.port = self.socket.getsockname()[1]
        self.password = "x"

    def accept(self):
        """Waits until somebody has come, and keeps him."""
        self.socket.settimeout(60)
        self.guest = self.socket.accept()[0]

    def close(self):
        self.socket.close()


@pytest.fixture
def silent():
    made = Silent()
    yield made
    made.close()


def waits_for(postgres, schema, table="t"):
    """Somebody waits at the lock of this table."""
    with postgres.connect() as connection:
        return connection.execute(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = %s::regclass", (f"{schema}.{table}",)).fetchone()[0]


def readers(postgres):
    """Processes of the source that work for weft."""
    with postgres.connect() as connection:
        return connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()").fetchone()[0]


def test_a_source_that_never_answers_ends_at_the_deadline(mesh, silent):
    write(mesh, silent, {"t": {"id": "int"}})
    mesh.weft("apply", "--yes")
    server = mesh.serve(args=["--set", "run_timeout_s=1"])
    answer = mesh.weft("run", "--all", ok=False)
    assert answer.code == 75 and "deadline" in told(answer), answer
    wait_until("the worker is free", lambda: server.lent() == 0)
    assert runs(mesh) == ["failed"] and is_whole(mesh)


def test_a_source_that_never_answers_can_be_cancelled(mesh, silent):
    write(mesh, silent, {"t": {"id": "int"}})
    mesh.weft("apply", "--yes")
    server = mesh.serve()
    running = Started(mesh, "run", "--all")
    silent.accept()
    running.process.send_signal(signal.SIGINT)
    answer = running.end()
    assert answer.code == 130, answer
    assert runs(mesh) == ["cancelled"]
    wait_until("the worker is free", lambda: server.lent() == 0)
    assert is_whole(mesh)


def test_a_source_that_hangs_up_in_the_middle_of_the_greeting(mesh, silent):
    write(mesh, silent, {"t": {"id": "int"}})
    mesh.weft("apply", "--yes")
    running = Started(mesh, "run", "--all")
    silent.accept()
    silent.guest.close()
    silent.close()
    answer = running.end()
    assert answer.code == 69 and runs(mesh) == ["failed"], answer


def test_a_source_that_dies_midway(mesh, postgres, schema):
    """The first table is read; at the second the connection is cut. Nothing of the first is published."""
    postgres.sql(f"CREATE TABLE {schema}.a (id int); CREATE TABLE {schema}.t (id int); "
                 f"INSERT INTO {schema}.a SELECT generate_series(1, 1000); INSERT INTO {schema}.t VALUES (1)")
    write(mesh, postgres, {"a": {"id": "int"}, "t": {"id": "int"}}, schema)
    mesh.weft("apply", "--yes")
    mesh.weft("run", "--all")
    postgres.sql(f"INSERT INTO {schema}.a SELECT generate_series(1, 1000); INSERT INTO {schema}.t VALUES (2)")
    with postgres.connect() as holder, holder.transaction():
        holder.execute(f"LOCK TABLE {schema}.t IN ACCESS EXCLUSIVE MODE")
        running = Started(mesh, "run", "--all")
        wait_until("the run waits for the second table", lambda: waits_for(postgres, schema))
        postgres.sql(f"SELECT pg_terminate_backend(pid) FROM pg_locks WHERE NOT granted AND relation = '{schema}.t'::regclass")
        answer = running.end()
    assert answer.code == 69 and "closed the connection" in told(answer), answer
    assert postgres.password not in told(answer)
    count = "SELECT (SELECT count(*) FROM sales.orders.a) AS a, (SELECT count(*) FROM sales.orders.t) AS t"
    assert mesh.rows(count, as_user="ana") == [{"a": 1000, "t": 1}]
    assert runs(mesh) == ["published", "failed"] and is_whole(mesh)
    mesh.weft("run", "--all")
    assert mesh.rows(count, as_user="ana") == [{"a": 2000, "t": 2}]


def test_a_source_that_is_slow_is_left_when_the_run_is_cancelled(mesh, postgres, schema):
    """Its server must not go on with a query that nobody wants any more."""
    postgres.sql(f"CREATE VIEW {schema}.t AS SELECT g AS id, pg_sleep(0.001)::text AS nap FROM generate_series(1, 1000000) g")
    write(mesh, postgres, {"t": {"id": "int", "nap": "text"}}, schema)
    mesh.weft("apply", "--yes")
    server = mesh.serve()
    running = Started(mesh, "run", "--all")
    wait_until("the source is read", lambda: readers(postgres))
    wait_until("the run extracts", lambda: runs(mesh) == ["extracting"])
    running.process.send_signal(signal.SIGINT)
    answer = running.end()
    assert answer.code == 130, answer
    assert runs(mesh) == ["cancelled"]
    wait_until("the worker is free", lambda: server.lent() == 0)
    wait_until("the source is left", lambda: not readers(postgres))


def test_two_runs_of_one_product_one_after_the_other(mesh, postgres, schema):
    """While one reads, a second waits, and a third joins the second."""
    postgres.sql(f"CREATE TABLE {schema}.t (id int); INSERT INTO {schema}.t VALUES (1)")
    write(mesh, postgres, {"t": {"id": "int"}}, schema)
    mesh.weft("apply", "--yes")
    server = mesh.serve()
    with postgres.connect() as holder, holder.transaction():
        holder.execute(f"LOCK TABLE {schema}.t IN ACCESS EXCLUSIVE MODE")
        running = [Started(mesh, "run", "sales.orders")]
        wait_until("the first run waits for its source", lambda: waits_for(postgres, schema))
        status, second = server.call("POST", "/api/v1/runs", {"products": ["sales.orders"]})
        assert status == 202
        third = server.call("POST", "/api/v1/runs", {"products": ["sales.orders"]})[1]
        assert third["job"] == second["job"]
        running += [Started(mesh, "run", "sales.orders"), Started(mesh, "run", "--all")]
    assert [r.end().code for r in running] == [0, 0, 0]
    wait_until("the second has ended", lambda: server.call("GET", f"/api/v1/jobs/{second['job']}")[1]["state"] == "done")
    numbers = [r["number"] for r in mesh.rows("SELECT number FROM mesh.releases ORDER BY number", as_user="ana")]
    assert numbers == list(range(1, len(numbers) + 1)) and 2 <= len(numbers) <= 3
    assert set(runs(mesh)) == {"published"} and is_whole(mesh)


def test_a_killed_extraction_fails_its_run_and_no_other(mesh, postgres, schema):
    postgres.sql(f"CREATE TABLE {schema}.t (id int); INSERT INTO {schema}.t VALUES (1)")
    write(mesh, postgres, {"t": {"id": "int"}}, schema)
    mesh.weft("apply", "--yes")
    mesh.serve()
    with postgres.connect() as holder, holder.transaction():
        holder.execute(f"LOCK TABLE {schema}.t IN ACCESS EXCLUSIVE MODE")
        running = Started(mesh, "run", "sales.orders")
        wait_until("the run waits for its source", lambda: waits_for(postgres, schema))
        for pid in workers(mesh, "extract"):
            os.kill(pid, signal.SIGKILL)
        answer = running.end()
    assert answer.code == 70 and "signal 9" in told(answer), answer
    mesh.weft("run", "--all")
    assert runs(mesh) == ["failed", "published"] and is_whole(mesh)

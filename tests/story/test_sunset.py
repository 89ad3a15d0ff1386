"""A contract ends: deprecated until a day, with its readers told, then retired, and its name answers with its successor."""

import json
import sqlite3
from contextlib import contextmanager

import pytest

from conftest import DOMAIN, GRANT, UnixConnection
from story_help import ORDERS, edit, told, wait_until
from test_majors import MONEY, READER, add_second

CONTRACT = f"{ORDERS}/orders.odcs.yaml"
BEFORE, LAST, AFTER = "2027-02-28T12:00:00Z", "2027-03-01T23:00:00Z", "2027-03-02T00:00:01Z"


def deprecate(mesh, day="2027-03-01", more=""):
    edit(mesh, CONTRACT, "status: active\n",
         f"status: deprecated\ncustomProperties:\n  - {{property: sunset, value: {day}}}\n{more}")


@contextmanager
def at(mesh, now):
    """A server whose clock stands there: commands find it."""
    server = mesh.serve(env={"WEFT_TEST_NOW": now})
    yield server
    server.stop()


def events(mesh, kind):
    with sqlite3.connect(f"file:{mesh.folder}/.weft/catalog.db?mode=ro", uri=True) as db:
        return db.execute("SELECT subject, payload FROM outbox WHERE type = ? ORDER BY sequence", (kind,)).fetchall()


@pytest.fixture
def ending(applied):
    """Two majors, of which the first is served until 2027-03-01."""
    add_second(applied)
    applied.weft("apply", "--yes")
    applied.weft("run", "--all")
    deprecate(applied)
    applied.weft("apply", "--yes")
    return applied


def test_readers_are_told(ending):
    ((subject, payload),) = events(ending, "deprecated")
    assert subject == "sales.orders" and json.loads(payload) == {"contract": "orders", "version": "1.0.0", "sunset": "2027-03-01", "successor": 'sales."orders@2"'}
    asked = ending.weft("query", "SELECT id FROM sales.orders.orders", "--as", "noor")
    notice = 'sales.orders.orders is deprecated, its last day is 2027-03-01; its successor is sales."orders@2".orders'
    assert f"note: {notice}" in asked.err and "deprecated" not in asked.out
    assert notice in ending.weft("query", "SELECT id FROM sales.orders.orders", "--as", "noor", "--format", "csv").err
    assert "deprecated" not in ending.weft("query", 'SELECT id FROM sales."orders@2".orders', "--as", "noor").err
    shown = ending.weft("show", "sales.orders").out
    assert "deprecated" in shown and "2027-03-01" in shown
    rows = ending.rows("SELECT version, status, sunset FROM mesh.contracts WHERE contract = 'orders' ORDER BY 1", as_user="noor")
    assert rows == [{"version": "1.0.0", "status": "deprecated", "sunset": "2027-03-01"},
                    {"version": "2.0.0", "status": "active", "sunset": None}]


def test_an_answer_over_http_says_when_it_ends(ending):
    with sqlite3.connect(f"file:{ending.folder}/.weft/catalog.db?mode=ro", uri=True) as db:
        ((began, told_at),) = db.execute("SELECT d.since_us / 1000000, o.created_us / 1000000 FROM deprecation d JOIN outbox o ON "
                                         "o.type = 'deprecated' AND o.subject = d.product WHERE d.contract = 'orders' AND d.major = 1").fetchall()
    assert abs(began - told_at) <= 1
    # Another last day is no other beginning.
    edit(ending, CONTRACT, "2027-03-01", "2027-03-05")
    ending.weft("apply", "--yes")
    server = ending.serve()
    connection = UnixConnection(server.socket)
    connection.request("POST", "/api/v1/query", body=json.dumps({"sql": "SELECT id FROM sales.orders.orders"}), headers={"Weft-As": "noor"})
    answer = connection.getresponse()
    headers = dict(answer.getheaders())
    answer.read()
    connection.close()
    assert answer.status == 200
    assert headers["Sunset"] == "Sat, 06 Mar 2027 00:00:00 GMT" and headers["Deprecation"] == f"@{began}"
    assert "its last day is 2027-03-05" in headers["Weft-Notice"]


def test_after_its_last_day_the_name_answers_with_its_successor(ending):
    with at(ending, LAST):
        assert "note:" in ending.weft("query", "SELECT count(*) FROM sales.orders.orders", "--as", "noor").err
    with at(ending, AFTER):
        refused = ending.weft("query", "SELECT count(*) FROM sales.orders.orders", "--as", "noor", ok=False)
        assert refused.code == 66
        assert "sales.orders.orders is retired: its last day was 2027-03-01" in refused.err
        assert 'its successor is sales."orders@2".orders' in refused.err
        assert ending.rows('SELECT count(*) AS n FROM sales."orders@2".orders', as_user="noor") == [{"n": 4}]
        # A release of before is read as long as it is kept.
        assert ending.rows('SELECT count(*) AS n FROM sales."orders#2".orders', as_user="noor") == [{"n": 4}]


def test_no_release_is_made_of_what_is_retired(ending):
    with at(ending, AFTER):
        ending.weft("run", "--all")
        refused = ending.weft("query", "SELECT count(*) FROM sales.orders.orders", "--as", "noor", ok=False)
        assert "is retired" in refused.err
        assert ending.rows('SELECT count(*) AS n FROM sales."orders@2".orders', as_user="noor") == [{"n": 4}]
        gone = ending.weft("query", 'SELECT 1 FROM sales."orders#3".orders', "--as", "noor", ok=False)
        assert gone.code == 66
        assert ending.weft("verify").code == 0


def test_a_retired_major_stays_as_a_name_without_sql(ending):
    edit(ending, CONTRACT, "status: deprecated", "status: retired")
    with at(ending, BEFORE):
        ending.rows("SELECT id FROM sales.orders.orders", as_user="noor")
        refused = ending.weft("plan", ok=False)
        assert "status withdrawn" in told(refused) and "noor" in told(refused)
    (ending.folder / f"{ORDERS}/orders.sql").unlink()
    with at(ending, AFTER):
        ending.weft("apply", "--yes")
        assert [subject for subject, _ in events(ending, "retired")] == ["sales.orders"]
        ending.weft("run", "--all")
    refused = ending.weft("query", "SELECT id FROM sales.orders.orders", "--as", "noor", ok=False)
    assert 'its successor is sales."orders@2".orders' in refused.err


def test_products_that_declare_it_are_told_at_plan_and_run(ending):
    ending.write("domains/reports/domain.yaml", DOMAIN.replace("name: sales", "name: reports").replace("title: Sales", "title: Reports"))
    ending.write("domains/reports/money/product.odps.yaml", READER.replace("VERSION", "1.0.0"))
    ending.write("domains/reports/money/money.odcs.yaml", MONEY)
    ending.write("domains/reports/money/money.sql", "SELECT sum(amount)::BIGINT AS total FROM orders.orders\n")
    ending.write("policies/money.policy.yaml", GRANT.replace("analysts-read-orders", "money-reads").replace(
        "to: {groups: [analysts]}", "to: {products: [reports.money]}"))
    said = told(ending.weft("plan"))
    assert "input port orders of reports.money reads contract orders 1.0.0, which is deprecated; its last day is 2027-03-01" in said
    assert "hint: its successor is version 2.0.0 of the same contract: say version: 2.0.0 in the port" in said
    ending.weft("apply", "--yes")
    ending.weft("run", "reports.money")
    with at(ending, AFTER):
        refused = ending.weft("run", "reports.money", ok=False)
        assert "is retired" in told(refused) and "orders@2" in told(refused)
        # It keeps its last good release.
        assert ending.rows("SELECT total FROM reports.money.money", as_user="ana") == [{"total": 44}]


def test_a_last_day_is_not_brought_forward_under_readers(ending):
    ending.rows("SELECT id FROM sales.orders.orders", as_user="noor")
    edit(ending, CONTRACT, "2027-03-01", "2026-12-31")
    assert "sunset brought forward" in told(ending.weft("plan", ok=False))
    edit(ending, CONTRACT, "2026-12-31", "2027-06-30")
    ending.weft("apply", "--yes")
    assert len(events(ending, "deprecated")) == 2


def test_a_last_day_is_not_taken_away_under_readers(ending):
    ending.rows("SELECT id FROM sales.orders.orders", as_user="noor")
    edit(ending, CONTRACT, "  - {property: sunset, value: 2027-03-01}\n", "  - {property: team, value: sales}\n")
    said = told(ending.weft("plan", ok=False))
    assert "sunset removed" in said and "or name a later one" in said
    edit(ending, CONTRACT, "status: deprecated", "status: active")
    ending.weft("apply", "--yes")


def test_a_last_day_that_is_over_takes_the_promise_back(applied):
    applied.rows("SELECT id FROM sales.orders.orders", as_user="noor")
    deprecate(applied, "2020-01-01")
    assert "status withdrawn" in told(applied.weft("plan", ok=False))


@pytest.mark.parametrize("old, new, said", [
    ("2027-03-01", "soon", "sunset is the last day on which it is served"),
    ("2027-03-01", "2027-02-30", "sunset is the last day on which it is served"),
    ("status: deprecated", "status: active", "sunset means nothing while the contract is not deprecated"),
])
def test_what_an_ending_cannot_say(applied, old, new, said):
    deprecate(applied)
    edit(applied, CONTRACT, old, new)
    assert said in told(applied.weft("check", ok=False))


def test_followers_hear_of_a_last_day_that_passes_by_itself(ending):
    with at(ending, BEFORE):
        ending.weft("show", "sales.orders")
        assert events(ending, "retired") == []
    for _ in range(2):  # once, also when a server comes anew
        with at(ending, AFTER):
            wait_until("the event of the last day", lambda: events(ending, "retired"))
            ending.weft("show", "sales.orders")
    ((subject, payload),) = events(ending, "retired")
    assert subject == "sales.orders"
    assert json.loads(payload) == {"contract": "orders", "version": "1.0.0", "sunset": "2027-03-01", "successor": 'sales."orders@2"'}
    # The files say the same later: that is no news.
    edit(ending, CONTRACT, "status: deprecated", "status: retired")
    (ending.folder / ORDERS / "orders.sql").unlink()
    with at(ending, AFTER):
        ending.weft("apply", "--yes")
    assert len(events(ending, "retired")) == 1

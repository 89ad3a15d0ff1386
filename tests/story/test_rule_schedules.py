"""Rules with a schedule: asked when they are due, at a run or between two; what may stop a release is asked at each."""

import json
import sqlite3

import pytest

from story_help import wait_until
from test_quarantine import COLUMNS, COUNTRY, HEAD, ROWS, ids, put, rules, run, write
from test_quarantine_inputs import source

DAILY = 'scheduler: cron, schedule: "0 20 * * *"'
FEW = "id: few, metric: nullValues, mustBeLessThan: 2, severity: warning, " + DAILY
STRICT = "id: strict, metric: invalidValues, arguments: {validValues: [CH, DE]}, mustBe: 0, " + DAILY
# Hangs on the time at which it is asked.
YOUNG = "id: young, type: sql, query: 'SELECT count(*) FROM {object} WHERE current_timestamp >= TIMESTAMP ''2026-03-02 12:00:00''', mustBe: 0, " + DAILY
EMPTY = [(100, "CH", "", 1), (101, "CH", "", 1)]


def at(mesh, now):
    """What a command began before ends first: it has the time of then."""
    mesh.close()
    mesh.env["WEFT_TEST_NOW"] = now


def checks(mesh, rule, *columns):
    return [tuple(r.values()) for r in mesh.rows(
        f"SELECT {', '.join(columns)} FROM mesh.checks WHERE rule_id = '{rule}' ORDER BY checked_at, run_id NULLS LAST", as_user="ana")]


@pytest.fixture
def orders(mesh):
    at(mesh, "2026-03-01T10:00:00Z")
    write(mesh, ("email", FEW), ("country", STRICT), rows=ROWS)
    mesh.weft("apply", "--yes")
    return mesh


def test_a_rule_that_warns_is_asked_when_it_is_due(orders):
    run(orders)
    assert checks(orders, "few", "verdict", "strftime(checked_at, '%d %H')") == [("pass", "01 10")]
    # Not due: the verdict of then stands, and says so, though the rows are others by now.
    put(orders, ROWS + EMPTY)
    at(orders, "2026-03-01T19:59:00Z")
    told = run(orders)
    assert told["warnings"] == []
    last = checks(orders, "few", "verdict", "message", "rows_total", "strftime(checked_at, '%d %H')")
    assert last[1][0] == "pass" and "(as of 2026-03-01T10:00Z; due again at 2026-03-01T20:00Z)" in last[1][1], last
    assert last[1][2:] == (20, "01 10")
    # Due.
    at(orders, "2026-03-01T20:00:00Z")
    told = run(orders)
    assert "nullValues of email" in str(told["warnings"])
    assert checks(orders, "few", "verdict", "rows_total", "strftime(checked_at, '%d %H')")[-1] == ("fail", 22, "01 20")
    # A failure that stands is told with each release that it stands for.
    at(orders, "2026-03-02T19:00:00Z")
    assert "as of 2026-03-01T20:00Z" in str(run(orders)["warnings"])


def test_what_may_stop_a_release_is_asked_at_every_run(orders):
    run(orders)
    put(orders, ROWS + [(50, "XX", "a", 1)])
    at(orders, "2026-03-01T10:01:00Z")
    told = run(orders, ok=False)
    assert told["state"] == "rejected" and "invalidValues of country" in str(told["error"])
    assert ids(orders) == [r[0] for r in ROWS]
    # What found no release is no verdict of one.
    put(orders, ROWS)
    run(orders)
    assert checks(orders, "strict", "verdict")[-1] == ("pass",)


def test_another_rule_of_the_same_name_is_due_at_once(orders):
    run(orders)
    put(orders, ROWS + EMPTY)
    from test_quarantine import output
    output(orders, ("email", FEW.replace("LessThan: 2", "LessThan: 1")), version="0.2.0")
    at(orders, "2026-03-01T11:00:00Z")
    orders.weft("apply", "--yes")
    run(orders)
    # By the run, or by the server that was quicker than it, over the release before.
    assert {m for m, hour in checks(orders, "few", "split_part(message, ':', 1)", "strftime(checked_at, '%H')") if hour == "11"} == {
        "nullValues of email must be less than 1"}


def test_between_runs_the_server_asks_what_is_due(mesh):
    at(mesh, "2026-03-01T10:00:00Z")
    write(mesh, ("email", FEW), table="    quality:\n      - {" + YOUNG.replace(", mustBe: 0", ", mustBe: 0, severity: error") + "}\n", rows=ROWS)
    mesh.weft("apply", "--yes")
    told = run(mesh)
    at(mesh, "2026-03-01T21:00:00Z")
    server = mesh.serve()
    # Each ran once more, over the release that is there, by itself.
    wait_until("both were asked", lambda: len(checks(mesh, "few", "verdict")) == 2 and len(checks(mesh, "young", "verdict")) == 2)
    assert checks(mesh, "young", "run_id", "verdict") == [(told["run"], "pass"), (None, "pass")]
    assert checks(mesh, "few", "is_input", "severity", "rows_total", "schedule")[-1] == (False, "warning", 20, "cron: 0 20 * * *")
    server.stop()
    # A day later the time has passed that the release was good for. It stays, and the change is told.
    at(mesh, "2026-03-02T21:00:00Z")
    server = mesh.serve()
    wait_until("it was asked again", lambda: len(checks(mesh, "young", "verdict")) == 3)
    assert checks(mesh, "young", "verdict")[-1] == ("fail",)
    with sqlite3.connect(mesh.home / "catalog.db") as db:
        told_of = [json.loads(row[0]) for row in db.execute("SELECT payload FROM outbox WHERE type = 'verdict'")]
    assert told_of == [{"product": "sales.orders", "table": "orders", "rule": "young", "release": 1, "before": "pass", "verdict": "fail"}]
    assert [r["number"] for r in mesh.rows("SELECT number FROM mesh.releases", as_user="ana")] == [1] and ids(mesh) == [r[0] for r in ROWS]
    server.stop()
    # Not due again before its time.
    at(mesh, "2026-03-03T19:59:00Z")
    server = mesh.serve()
    mesh.rows("SELECT 1 FROM mesh.checks", as_user="ana")
    assert len(checks(mesh, "young", "verdict")) == 3
    # The next run asks the strict one in any case.
    assert run(mesh, ok=False)["state"] == "rejected"
    # Numbers are for those who see all of the table.
    assert mesh.rows("SELECT DISTINCT rows_total, found, message FROM mesh.checks WHERE run_id IS NULL", as_user="mia") == [
        {"rows_total": None, "found": None, "message": None}]


RAW = "files.raw"


def told_of(mesh):
    with sqlite3.connect(mesh.home / "catalog.db") as db:
        return [json.loads(row[0]) for row in db.execute("SELECT payload FROM outbox WHERE type = 'verdict'")]


def test_between_runs_the_server_reads_sources_for_what_is_due(mesh):
    at(mesh, "2026-03-01T10:00:00Z")
    write(mesh, rows=ROWS)
    source(mesh, ("email", FEW), ("country", COUNTRY))
    mesh.weft("apply", "--yes")
    told = run(mesh)
    assert checks(mesh, "few", "verdict", "table_name", "is_input", "rows_total") == [("pass", RAW, True, 20)]
    # Nobody runs it; a row that a run would put aside is not asked of.
    put(mesh, ROWS + EMPTY + [(102, "XX", "", 1)])
    at(mesh, "2026-03-01T21:00:00Z")
    server = mesh.serve()
    wait_until("it was asked", lambda: len(checks(mesh, "few", "verdict")) == 2)
    assert checks(mesh, "few", "run_id", "verdict", "table_name", "is_input", "rows_total", "rows_failed")[-1] == (None, "fail", RAW, True, 22, 2)
    assert told_of(mesh) == [{"product": "sales.orders", "table": RAW, "rule": "few", "release": 1, "before": "pass", "verdict": "fail"}]
    # The release is as it was, nothing went into quarantine, and no row of it is left anywhere.
    assert ids(mesh) == [r[0] for r in ROWS] and len(mesh.rows("SELECT * FROM mesh.runs", as_user="ana")) == 1
    assert mesh.weft("quarantine", "list").out == "no rows are in quarantine\n"
    assert not [p for p in (mesh.home / "staging").rglob("*") if p.is_file()]
    assert mesh.rows("SELECT DISTINCT rows_total, found, message FROM mesh.checks WHERE run_id IS NULL", as_user="mia") == [
        {"rows_total": None, "found": None, "message": None}]
    server.stop()
    # A source that cannot be read: that is the verdict, and it does not stand at the next run.
    (mesh.folder / "data/orders.csv").rename(mesh.folder / "data/away")
    at(mesh, "2026-03-02T21:00:00Z")
    server = mesh.serve()
    wait_until("it was asked again", lambda: len(checks(mesh, "few", "verdict")) == 3)
    verdict, message = checks(mesh, "few", "verdict", "message")[-1]
    assert verdict == "error" and "cannot be checked: " in message and "orders.csv" in message, message
    assert told_of(mesh)[-1]["verdict"] == "error"
    put(mesh, ROWS)
    again = run(mesh)
    assert checks(mesh, "few", "run_id", "verdict")[-1] == (again["run"], "pass") and told["run"] != again["run"]


def test_a_source_that_runs_read_in_part_is_asked_by_runs_alone(mesh):
    at(mesh, "2026-03-01T10:00:00Z")
    write(mesh, ("amount", YOUNG.replace("id: young", "id: beside")), rows=ROWS)
    source(mesh, ("email", FEW))
    from test_quarantine import output
    output(mesh, ("amount", YOUNG.replace("id: young", "id: beside")),
           table="    customProperties: [{property: materialization, value: incremental}, {property: incremental, value: {mode: append, key: id}}]\n")
    mesh.weft("apply", "--yes")
    run(mesh)
    at(mesh, "2026-03-01T21:00:00Z")
    mesh.serve()
    # The other rule of the product was looked at in the same go.
    wait_until("it was asked", lambda: len(checks(mesh, "beside", "verdict")) == 2)
    assert len(checks(mesh, "few", "verdict")) == 1


def test_rules_that_were_applied_after_the_release(mesh):
    at(mesh, "2026-03-01T10:00:00Z")
    write(mesh, rows=ROWS + EMPTY)
    mesh.weft("apply", "--yes")
    run(mesh)
    from test_quarantine import output
    output(mesh, ("email", FEW), version="0.2.0")
    server = mesh.serve()
    mesh.weft("apply", "--yes")
    wait_until("it was asked", lambda: checks(mesh, "few", "verdict") == [("fail",)])
    server.stop()


def log(mesh):
    return (mesh.folder / "server.log").read_text()


@pytest.mark.parametrize("how", ["kill", "fail", "full"])
def test_a_crash_between_runs_asks_again(mesh, how):
    at(mesh, "2026-03-01T10:00:00Z")
    write(mesh, ("email", FEW), rows=ROWS)
    mesh.weft("apply", "--yes")
    run(mesh)
    at(mesh, "2026-03-01T21:00:00Z")
    server = mesh.serve(env={"WEFT_FAULT": f"CHECKS_BEFORE_COMMIT:{how}"}, http=False)
    if how == "kill":
        server.process.wait(60)
    else:
        wait_until("it has failed", lambda: "module=timer" in log(mesh))
        assert len(checks(mesh, "few", "verdict")) == 1
        server.stop()
    server = mesh.serve()
    wait_until("it was asked", lambda: len(checks(mesh, "few", "verdict")) == 2)
    assert mesh.weft("verify", "--format", "json").json["damaged"] == []


@pytest.mark.parametrize("words, why", [
    ('scheduler: airflow, schedule: "0 20 * * *"', "weft has no scheduler of this name"),
    ("schedule: every evening", "this is no schedule that ever comes"),
    ('scheduler: cron, schedule: "0 0 30 2 *"', "this is no schedule that ever comes")])
def test_what_is_no_schedule_is_asked_at_every_run(mesh, words, why):
    at(mesh, "2026-03-01T10:00:00Z")
    write(mesh, ("email", FEW.replace(DAILY, words)), rows=ROWS)
    assert why in mesh.weft("check").out
    mesh.weft("apply", "--yes")
    run(mesh)
    put(mesh, ROWS + EMPTY)
    assert "nullValues of email" in str(run(mesh)["warnings"])

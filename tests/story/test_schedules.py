"""Products that run by themselves: at times of their schedule, also of a server that was down then, and when what they read has a
new release."""

import sqlite3

import pytest

from conftest import ROWS, SQL
from env_help import TOTALS, change, write_two
from story_help import ORDERS, check, edit, place_of, the_error, wait_until
from test_rule_schedules import at

EVENING = '"0 20 * * *"'
PLAIN = "outputPorts:"
MORE = ROWS + "5,Eva,eva@example.com,CH,1.00,2026-01-05\n"


def schedule(mesh, value, folder=ORDERS, before=None):
    old = PLAIN if before is None else f"customProperties: [{{property: schedule, value: {before}}}]\n{PLAIN}"
    edit(mesh, f"{folder}/product.odps.yaml", old, f"customProperties: [{{property: schedule, value: {value}}}]\n{PLAIN}")


def runs(mesh, product="sales.orders"):
    """Who asked, what became of it and when it began, the oldest first."""
    shown = mesh.weft("show", "runs", product, "--format", "json").json
    return [(r["requested_by"], r["state"], r["started_at"][8:16]) for r in reversed(shown)]


def ended(mesh, number, product="sales.orders"):
    """So many runs, none of which goes on."""
    def look():
        all_of_it = runs(mesh, product)
        assert len(all_of_it) <= number, all_of_it
        return len(all_of_it) == number and all(r[1] in ("published", "rejected", "failed", "cancelled") for r in all_of_it) and all_of_it
    return wait_until(f"{number} runs of {product}", look)


def next_run(mesh, product="sales.orders", *args):
    time = mesh.weft("show", product, "--format", "json", *args).json["next_run_at"]
    return time and time.replace(".000000", "")


@pytest.fixture
def evening(shop):
    """Applied at ten, to run each evening at eight."""
    at(shop, "2026-03-01T10:00:00Z")
    schedule(shop, EVENING)
    shop.weft("apply", "--yes")
    return shop


@pytest.mark.smoke
def test_a_product_runs_when_its_time_has_come(evening):
    assert next_run(evening) == "2026-03-01T20:00:00Z"
    assert runs(evening) == []
    at(evening, "2026-03-01T20:00:30Z")
    evening.serve()
    # The product itself asked.
    assert ended(evening, 1) == [("sales.orders", "published", "01T20:00")]
    assert next_run(evening) == "2026-03-02T20:00:00Z"
    # Once: neither this server nor the next runs it again before its time.
    at(evening, "2026-03-02T19:59:00Z")
    evening.serve()
    assert ended(evening, 1)
    at(evening, "2026-03-02T20:00:00Z")
    evening.serve()
    assert ended(evening, 2)[-1] == ("sales.orders", "published", "02T20:00")
    shown = evening.weft("show", "sales.orders").out
    assert "schedule      0 20 * * *" in shown and "next run      2026-03-03" in shown, shown
    assert evening.rows("SELECT schedule FROM mesh.products", as_user="ana") == [{"schedule": "0 20 * * *"}]
    told = [r for r in evening.weft("audit", "show", "--limit", "1000", "--format", "json").json if r["object"] == "sales.orders"]
    assert told and {r["actor"] for r in told} == {"sales.orders"}, told


def test_the_times_of_a_server_that_was_down_are_made_up_for_by_one_run(evening):
    at(evening, "2026-03-06T10:00:00Z")
    evening.serve()
    assert ended(evening, 1)[0][1] == "published"
    assert next_run(evening) == "2026-03-06T20:00:00Z"


def test_a_run_before_the_time_is_not_that_of_the_time(evening):
    at(evening, "2026-03-01T19:59:00Z")
    evening.weft("run", "sales.orders")
    # Begun before the time: it cannot have read what was there at eight.
    assert next_run(evening) == "2026-03-01T20:00:00Z"
    at(evening, "2026-03-01T20:30:00Z")
    evening.serve()
    assert [r[0] for r in ended(evening, 2)][-1] == "sales.orders"


def test_what_failed_at_its_time_waits_for_the_next(evening):
    evening.write("data/orders.csv", ROWS + "x,y\n")
    at(evening, "2026-03-01T20:00:00Z")
    evening.serve()
    assert ended(evening, 1)[0][1] in ("rejected", "failed")
    assert next_run(evening) == "2026-03-02T20:00:00Z"


def test_other_words_count_from_when_they_were_applied(evening):
    at(evening, "2026-03-02T10:00:00Z")
    # Eight o'clock of yesterday was not made up for yet, and nine o'clock of today is over.
    schedule(evening, '"0 9 * * *"', before=EVENING)
    plan = evening.weft("plan").out
    assert "sales.orders" in plan and "schedule 0 20 * * * -> 0 9 * * *" in plan, plan
    evening.weft("apply", "--yes")
    assert next_run(evening) == "2026-03-03T09:00:00Z"
    edit(evening, f"{ORDERS}/product.odps.yaml", 'customProperties: [{property: schedule, value: "0 9 * * *"}]\n', "")
    assert "schedule 0 9 * * * -> none" in evening.weft("plan").out
    evening.weft("apply", "--yes")
    shown = evening.weft("show", "sales.orders", "--format", "json").json
    assert shown["schedule"] is None and shown["next_run_at"] is None


def test_the_earliest_of_several_times(shop):
    at(shop, "2026-03-01T10:00:00Z")
    schedule(shop, '["30 6 * * mon-fri", "@daily"]')
    shop.weft("apply", "--yes")
    assert next_run(shop) == "2026-03-02T00:00:00Z"
    assert shop.rows("SELECT schedule FROM mesh.products", as_user="ana") == [{"schedule": "30 6 * * mon-fri; @daily"}]
    at(shop, "2026-03-02T00:00:10Z")
    shop.serve()
    ended(shop, 1)
    assert next_run(shop) == "2026-03-02T06:30:00Z"


def test_a_run_that_ends_with_its_server_is_begun_once_more(evening):
    at(evening, "2026-03-01T20:00:00Z")
    for _ in range(2):
        server = evening.serve(env={"WEFT_FAULT": "RUN_TRANSFORM:kill"}, http=False)
        server.process.wait(60)
    # It may be what ends the server: not a third time.
    assert next_run(evening) == "2026-03-02T20:00:00Z"
    evening.close()
    evening.serve()
    assert [r[1] for r in ended(evening, 2)] == ["failed", "failed"]
    at(evening, "2026-03-02T20:00:00Z")
    evening.serve()
    assert ended(evening, 3)[-1][1] == "published"
    assert evening.weft("verify", "--format", "json").json["damaged"] == []


def slow(mesh, is_slow):
    mesh.write(f"{ORDERS}/orders.sql", SQL + ("WHERE (SELECT count(*) FROM range(100000000) a, range(1000) b) > 0\n" if is_slow else ""))


def begun(mesh):
    return wait_until("it transforms", lambda: mesh.rows("SELECT step FROM mesh.runs WHERE state = 'transforming'", as_user="ana"))


def test_a_server_that_is_stopped_meanwhile_begins_it_again(evening):
    slow(evening, True)
    evening.weft("apply", "--yes")
    at(evening, "2026-03-01T20:00:00Z")
    for number in (1, 2):
        server = evening.serve()
        begun(evening)
        assert len(runs(evening)) == number
        server.stop()
    assert next_run(evening) == "2026-03-02T20:00:00Z"
    assert [r[1] for r in runs(evening)] == ["cancelled"] * 2


def test_one_that_somebody_cancels_is_not(evening):
    slow(evening, True)
    evening.weft("apply", "--yes")
    at(evening, "2026-03-01T20:00:00Z")
    server = evening.serve()
    begun(evening)
    with sqlite3.connect(evening.home / "catalog.db") as db:
        (job,), = db.execute("SELECT id FROM job WHERE state = 'running' AND kind = 'run'")
    assert server.call("POST", f"/api/v1/jobs/{job}/cancel")[0] < 300
    assert ended(evening, 1)[0][1] == "cancelled"
    assert next_run(evening) == "2026-03-02T20:00:00Z"


def test_neither_an_environment_nor_a_retired_product_runs_by_itself(evening):
    write_two(evening)
    schedule(evening, EVENING, TOTALS)
    evening.weft("apply", "--yes")
    change(evening)
    assert next_run(evening, "sales.orders", "--env", "dev-x") is None
    at(evening, "2026-03-01T20:00:00Z")
    evening.serve()
    ended(evening, 1)
    assert evening.rows("SELECT * FROM mesh.runs", as_user="ana", env={"WEFT_ENV": "dev-x"}) == []
    at(evening, "2026-03-02T10:00:00Z")
    edit(evening, f"{ORDERS}/product.odps.yaml", "status: active", "status: retired")
    evening.weft("apply", "--yes")
    assert next_run(evening) is None
    at(evening, "2026-03-02T20:00:00Z")
    evening.serve()
    # The other one ran: all that is due was looked at.
    ended(evening, 2, "finance.totals")
    ended(evening, 1)


# ---- releases


@pytest.fixture
def chain(shop):
    """Totals of finance run when orders of sales have a new release."""
    at(shop, "2026-03-01T10:00:00Z")
    write_two(shop)
    schedule(shop, '"@release"', TOTALS)
    shop.weft("apply", "--yes")
    return shop


def totals(mesh):
    return mesh.rows("SELECT count(*) AS n, sum(amount)::VARCHAR AS amount FROM finance.totals.totals", as_user="eve")[0]


def test_a_product_runs_when_what_it_reads_has_a_new_release(chain):
    server = chain.serve()
    # Nothing to read yet.
    assert runs(chain, "finance.totals") == []
    chain.weft("run", "sales.orders")
    assert ended(chain, 1, "finance.totals")[0][:2] == ("finance.totals", "published")
    assert totals(chain)["amount"] == "43.50"
    chain.write("data/orders.csv", MORE)
    chain.weft("run", "sales.orders")
    assert ended(chain, 2, "finance.totals")[-1][:2] == ("finance.totals", "published")
    assert totals(chain)["amount"] == "44.50"
    # A run that is rejected makes no release, and a release that comes back is a new one.
    chain.write("data/orders.csv", ROWS + "x,y\n")
    chain.weft("run", "sales.orders", ok=False)
    chain.weft("rollback", "sales.orders", "--to", "1", "--reason", "story")
    ended(chain, 3, "finance.totals")
    assert totals(chain)["amount"] == "43.50"
    shown = chain.weft("show", "finance.totals", "--format", "json").json
    assert (shown["schedule"], shown["next_run_at"]) == ("@release", None)
    # One that came while no server was there.
    server.stop()
    chain.write("data/orders.csv", MORE)
    chain.weft("run", "sales.orders")
    chain.close()
    chain.serve()
    ended(chain, 4, "finance.totals")
    assert totals(chain)["amount"] == "44.50"


def test_a_candidate_counts_when_it_is_published(chain):
    chain.serve()
    chain.weft("run", "sales.orders")
    ended(chain, 1, "finance.totals")
    chain.write("data/orders.csv", MORE)
    chain.weft("run", "sales.orders", "--candidate")
    assert len(ended(chain, 1, "finance.totals")) == 1
    chain.weft("candidate", "publish", "sales.orders")
    ended(chain, 2, "finance.totals")
    assert totals(chain)["amount"] == "44.50"


def test_a_run_of_all_runs_each_once(chain):
    chain.serve()
    chain.weft("run", "--all")
    assert [r[0] for r in ended(chain, 1, "finance.totals")] != ["finance.totals"]
    chain.weft("run", "--all")
    ended(chain, 2, "finance.totals")


def test_a_reader_whose_run_fails_waits_for_another_release(chain):
    edit(chain, f"{TOTALS}/totals.odcs.yaml", "mustBe: 0", "mustBe: 1")
    chain.weft("apply", "--yes")
    chain.serve()
    chain.weft("run", "sales.orders")
    assert ended(chain, 1, "finance.totals")[0][1] == "rejected"
    chain.weft("run", "sales.orders")
    assert [r[1] for r in ended(chain, 2, "finance.totals")] == ["rejected"] * 2


def test_a_reader_of_two_waits_until_both_have_ended(chain):
    """report reads orders and totals: one release of orders makes one run of it."""
    chain.write("domains/finance/report/product.odps.yaml", """\
apiVersion: v1.0.0
kind: DataProduct
id: finance-report
version: 1.0.0
status: active
inputPorts:
  - {name: orders, version: 1.0.0, contractId: orders}
  - {name: totals, version: 1.0.0, contractId: totals}
customProperties: [{property: schedule, value: "@release"}]
outputPorts: [{name: report, version: 1.0.0, contractId: report}]
""")
    chain.write("domains/finance/report/report.odcs.yaml", """\
apiVersion: v3.1.0
kind: DataContract
id: report
version: 1.0.0
status: active
schema:
  - name: report
    properties:
      - {name: orders, logicalType: integer, physicalType: BIGINT}
      - {name: countries, logicalType: integer, physicalType: BIGINT}
""")
    chain.write("domains/finance/report/report.sql",
                "SELECT (SELECT count(*) FROM orders.orders) AS orders, (SELECT count(*) FROM totals.totals) AS countries\n")
    for name, contract in (("report-orders", "orders"), ("report-totals", "totals")):
        chain.write(f"policies/{name}.policy.yaml",
                    f"apiVersion: weft/v1\nkind: Policy\nid: {name}\nowner: guild\ndescription: story\n"
                    f"grant: {{contract: {contract}, role: reader, to: {{products: [finance.report]}}}}\n")
    chain.weft("apply", "--yes")
    chain.serve()
    chain.weft("run", "sales.orders")
    ended(chain, 1, "finance.totals")
    assert ended(chain, 1, "finance.report")[0][1] == "published"
    chain.weft("run", "sales.orders")
    ended(chain, 2, "finance.totals")
    assert ended(chain, 2, "finance.report")[-1][1] == "published"
    inputs = chain.rows("SELECT number FROM mesh.releases WHERE product = 'finance.report' ORDER BY number", as_user="eve")
    assert [r["number"] for r in inputs] == [1, 2]


# ---- what is none


@pytest.mark.parametrize("value, why", [
    ("hourly", "this is no schedule that ever comes"),
    ('"0 0 30 2 *"', "this is no schedule that ever comes"),
    ('"0 20 * *"', "this is no schedule that ever comes"),
    ("{at: noon}", "schedule is a text, or a list of texts"),
    ("[]", "schedule has no entry, or more than 24"),
    ('"@release"', "no input is a product: @release never comes")])
def test_what_is_no_schedule_is_an_error_at_its_place(shop, value, why):
    schedule(shop, value)
    error = the_error(check(shop))
    assert error["message"] == why, error
    line, column = place_of(shop, f"{ORDERS}/product.odps.yaml", "value: ")
    assert (error["file"], error["line"], error["column"]) == (f"{ORDERS}/product.odps.yaml", line, column + len("value: ")), error
    assert error["hint"] == ("did you mean @hourly?" if value == "hourly" else error["hint"])

"""$since asks the source: where SQL provably drops all other rows, they are not read; elsewhere all are, and the run says why."""

import random

import pytest

from test_increment import APPEND, HEAD, MERGE, PRODUCT, SQL, expected, hold, moment, output, policy, put, row, run, shop, source, start, state  # noqa: F401

ROWS = [row(i, i) for i in range(1, 21)]
NEW = [row(i, i) for i in range(21, 24)]


def asked(mesh):
    """How many rows of the source the last run looked at."""
    return mesh.rows("SELECT rows_total FROM mesh.checks c JOIN mesh.runs r USING (run_id) WHERE is_input AND kind = 'required' "
                     "ORDER BY r.started_at DESC LIMIT 1", as_user="ana")[0]["rows_total"]


@pytest.mark.parametrize("how", [APPEND, MERGE])
def test_only_rows_behind_since_are_read(shop, how):
    mesh = shop(how, sql=SQL)
    start(mesh, ROWS)
    assert asked(mesh) == 20
    put(mesh, ROWS + NEW)
    told = run(mesh)
    assert told["read"] == f"files.raw: changed > {moment(20)}" and "read_all" not in told
    assert asked(mesh) == 3 and told["added"] == 3
    hold(mesh, ROWS + NEW)
    # Nothing new is nothing read; all rows are where all are made.
    run(mesh)
    assert asked(mesh) == 0
    told = run(mesh, "--full")
    assert "read" not in told and asked(mesh) == 23
    hold(mesh, ROWS + NEW)
    assert "read of files.raw: changed > " in mesh.weft("run", "sales.orders").out


def test_late_rows_are_read_as_far_as_the_lookback(shop):
    mesh = shop("{mode: merge, key: changed, lookback: 5s}")
    start(mesh, ROWS)
    late = [row(30, 14, 9), row(31, 16, 9), row(5, 17, 9)]
    put(mesh, ROWS + late)
    told = run(mesh)
    assert told["read"] == f"files.raw: changed > {moment(15)}" and asked(mesh) == 7
    kept = [r for r in ROWS if r["id"] != 5]
    hold(mesh, kept + late[1:])


def test_a_window_is_read_from_its_beginning(shop):
    mesh = shop(APPEND)
    start(mesh, ROWS)
    changed = [row(i, i, 5) for i in range(1, 21)]
    put(mesh, changed)
    told = run(mesh, "--from", moment(10), "--to", moment(12))
    assert told["read"].startswith("files.raw: changed > 2026-01-01 00:00:09.999999") and asked(mesh) == 11
    hold(mesh, ROWS[:9] + changed[9:12] + ROWS[12:])


OTHERS = {
    "or": (SQL.replace("> $since", "> $since OR amount > 5"), "its WHERE does not say column > $since"),
    "expression": (SQL.replace("changed > $since", "changed + INTERVAL 1 SECOND > $since"), "what is compared with $since is no column"),
    "earlier": (SQL.replace("> $since", "> $since - INTERVAL 3 SECOND"), "its WHERE does not say column > $since"),
    "twice": (SQL.replace("> $since", "> $since AND amount <= (SELECT max(amount) FROM files.raw)"), "it reads the table more than once"),
    "subquery": ("SELECT * FROM (" + SQL.strip().replace(" WHERE changed > $since", "") + ") WHERE changed > $since\n",
                 "the column does not say of which table it is"),
    "with": ("WITH x AS (SELECT 1) " + SQL, "it has a WITH"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_cannot_be_proven_is_read_whole(shop, name):
    sql, why = OTHERS[name]
    mesh = shop(MERGE, sql=sql)
    start(mesh, ROWS)
    # Some of them read rows that came late.
    late = [row(40, 18, 9)] if name == "earlier" else [row(41, 2, 9)] if name == "or" else []
    put(mesh, ROWS + NEW + late)
    told = run(mesh)
    assert "read" not in told and why in told["read_all"], told
    assert asked(mesh) == 23 + len(late)
    hold(mesh, ROWS + NEW + late)


def test_another_reader_of_the_table_reads_it_whole(shop):
    mesh = shop(MERGE)
    mesh.write("domains/sales/orders/internal/countries.sql", "SELECT DISTINCT country FROM files.raw\n")
    mesh.write("domains/sales/orders/orders.sql", SQL.replace("WHERE", "JOIN self.countries USING (country) WHERE raw."))
    start(mesh, ROWS)
    put(mesh, ROWS + NEW)
    told = run(mesh)
    assert told["read_all"] == "another text or rule names the table" and asked(mesh) == 23
    hold(mesh, ROWS + NEW)


def test_joins(shop):
    """A condition goes through inner joins, and through the left side of a left join."""
    mesh = shop(MERGE)
    mesh.write("domains/sales/orders/shop.odcs.yaml", (mesh.folder / "domains/sales/orders/shop.odcs.yaml").read_text().replace(
        "path: data/orders.csv", "path: 'data/{table}.csv'").replace("  - name: raw\n", "  - name: raw\n    physicalName: orders\n") +
        "  - name: lands\n    properties:\n      - {name: land, logicalType: string}\n")
    mesh.write("data/lands.csv", "land\nCH\nDE\nAT\n")
    mesh.write("domains/sales/orders/orders.sql",
               "SELECT r.id, r.country, r.email, r.amount, r.changed FROM files.raw AS r LEFT JOIN files.lands AS l ON l.land = r.country "
               "WHERE r.changed > $since\n")
    start(mesh, ROWS)
    put(mesh, ROWS + NEW)
    told = run(mesh)
    assert told["read"] == f"files.raw: changed > {moment(20)}" and asked(mesh) in (3, 0)
    hold(mesh, ROWS + NEW)


def test_the_column_of_the_source_may_have_another_name_but_no_other_type(shop):
    mesh = shop(MERGE, sql=SQL)
    path = "domains/sales/orders/shop.odcs.yaml"
    text = (mesh.folder / path).read_text()
    mesh.write(path, text.replace("name: changed,", "name: stamp, physicalName: changed,"))
    mesh.write("domains/sales/orders/orders.sql", "SELECT id, country, email, amount, stamp AS changed FROM files.raw WHERE $since < stamp\n")
    start(mesh, ROWS)
    put(mesh, ROWS + NEW)
    assert run(mesh)["read"] == f"files.raw: stamp > {moment(20)}"
    hold(mesh, ROWS + NEW)
    mesh.write(path, text.replace("name: changed,", "name: stamp, physicalName: changed,").replace(
        "physicalType: TIMESTAMP", "physicalType: TIMESTAMPTZ"))
    mesh.write("domains/sales/orders/orders.sql",
               "SELECT id, country, email, amount, CAST(stamp AS TIMESTAMP) AS changed FROM files.raw WHERE stamp > $since\n")
    mesh.weft("apply", "--yes")
    run(mesh)
    assert run(mesh)["read_all"] == "the column of the source is not of the type of the key"


def test_random_changes(shop):
    """The same rows as a run that reads all of them, whatever comes."""
    chance = random.Random(5)
    mesh = shop("{mode: merge, key: changed, lookback: 4s}")
    rows = {i: row(i, i) for i in range(1, 30)}
    start(mesh, list(rows.values()))
    now = 30
    for _ in range(6):
        for _ in range(chance.randrange(6)):
            now += chance.randrange(3)
            number = chance.randrange(1, 60)
            rows[number] = row(number, now - chance.randrange(4), chance.randrange(100))
        put(mesh, chance.sample(list(rows.values()), len(rows)))
        assert "read" in run(mesh)
        hold(mesh, list(rows.values()))

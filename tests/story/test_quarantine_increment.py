"""Quarantine of incremental tables: what a run reads again leaves it, all else stays, and no row is there twice."""

import pytest

from test_increment import APPEND, COLUMNS, MERGE, SQL, moment, output, put, row, run, shop, source, start, state  # noqa: F401

ASIDE = "customProperties: [{property: onFailure, value: quarantine}]"
COUNTRY = ("{name: country, logicalType: string, quality: [{id: known, metric: invalidValues, "
           "arguments: {validValues: [CH, DE, AT]}, mustBe: 0, " + ASIDE + "}]}")
KEY = "physicalType: TIMESTAMP, required: true"
DIVERTING = COLUMNS.replace("{name: country, logicalType: string}", COUNTRY).replace(KEY, KEY + ", " + ASIDE)
OUTPUT, INPUT = 'sales."orders!quarantine".orders', 'sales."orders!quarantine"."files.orders"'


def bad(number, second):
    return row(number, second, country="XX")


def aside(mesh, table=OUTPUT):
    return [r["id"] for r in mesh.rows(f"SELECT id FROM {table} ORDER BY id, changed", as_user="ana")]


@pytest.fixture
def diverting(shop):  # noqa: F811
    def make(how, sql):
        mesh = shop(how, sql)
        mesh.env["WEFT_QUARANTINE_PERCENT_MAX"] = "100"
        output(mesh, how, columns=DIVERTING)
        return mesh

    return make


@pytest.mark.parametrize("sql", [SQL, SQL.replace(">", ">="), None], ids=["behind", "from", "passed through"])
def test_one_at_the_very_key_stays(diverting, sql):
    """A text that asks for `> $since` does not read it again."""
    mesh = diverting(MERGE, sql)
    start(mesh, [row(i, i) for i in range(10)] + [bad(50, 9)])
    assert aside(mesh) == [50]
    run(mesh)
    assert aside(mesh) == [50]


def test_one_that_comes_again_is_there_once(diverting):
    """A text that reads more than what is new."""
    mesh = diverting(MERGE, SQL.replace(" WHERE changed > $since", ""))
    rows = [row(i, i) for i in range(10)]
    start(mesh, rows + [bad(50, 3), bad(51, 4)])
    run(mesh)
    assert aside(mesh) == [50, 51]
    put(mesh, rows + [row(50, 3), bad(51, 4)])
    run(mesh)
    assert aside(mesh) == [51]
    assert len(state(mesh)) == 11


@pytest.mark.parametrize("how", [APPEND, MERGE])
@pytest.mark.parametrize("sql", [SQL, None], ids=["select", "passed through"])
def test_what_lies_beside_a_window_is_no_part_of_it(diverting, how, sql):
    mesh = diverting(how, sql)
    rows = [row(i, i) for i in range(20)]
    start(mesh, rows + [bad(50, 15), bad(51, 5)])
    run(mesh, "--from", moment(3), "--to", moment(8))
    assert aside(mesh) == [50, 51]
    put(mesh, rows + [row(50, 15), row(51, 5)])
    run(mesh, "--from", moment(3), "--to", moment(8))
    assert aside(mesh) == [50]
    assert len(state(mesh)) == 21


@pytest.mark.parametrize("how", [APPEND, MERGE])
@pytest.mark.parametrize("on_input", [False, True])
def test_one_without_a_key_is_there_once(diverting, how, on_input):
    mesh = diverting(how, None)
    if on_input:
        output(mesh, how)
    source(mesh, "orders", DIVERTING if on_input else COLUMNS.replace("TIMESTAMP, required: true", "TIMESTAMP"))
    rows = [row(i, i) for i in range(10)]
    start(mesh, rows + [dict(row(50, 5), changed=None)])
    table = INPUT if on_input else OUTPUT
    for window in ([], ["--from", moment(3), "--to", moment(8)]):
        run(mesh, *window)
        assert aside(mesh, table) == [50]


@pytest.mark.parametrize("how", [APPEND, MERGE])
@pytest.mark.parametrize("sql", [SQL, None], ids=["select", "passed through"])
def test_after_a_rollback_they_are_read_again(diverting, how, sql):
    mesh = diverting(how, sql)
    rows = [row(i, i) for i in range(10)]
    start(mesh, rows)
    rows += [row(i, i) for i in range(10, 20)]
    put(mesh, rows + [bad(50, 15)])
    run(mesh)
    mesh.weft("rollback", "sales.orders", "--to", "1", "--reason", "story")
    assert "came back by a rollback" in mesh.weft("quarantine", "replay", "sales.orders", ok=False).err
    run(mesh)
    assert aside(mesh) == [50] and len(state(mesh)) == 20
    put(mesh, rows + [row(50, 15)])
    run(mesh, "--from", moment(15), "--to", moment(15))
    assert aside(mesh) == [] and len(state(mesh)) == 21


# ---- rows that equal one of the table

ONCE = COLUMNS.replace("classification: pii}", "classification: pii, unique: true, " + ASIDE + "}")


def twin(number, second, of):
    """Another row with the address of that one."""
    return dict(row(number, second), email=f"{of}.{of}@example.com")


@pytest.fixture
def once(diverting):
    def make(how, sql=SQL):
        mesh = diverting(how, sql)
        output(mesh, how, columns=ONCE)
        start(mesh, [row(i, i) for i in range(10)])
        return mesh

    return make


def numbers(mesh):
    return sorted(r["id"] for r in mesh.rows("SELECT id FROM sales.orders.orders", as_user="ana"))


@pytest.mark.parametrize("how", [APPEND, MERGE])
@pytest.mark.parametrize("sql", [SQL, None], ids=["select", "passed through"])
def test_one_that_equals_a_row_of_the_table_goes(once, how, sql):
    mesh = once(how, sql)
    put(mesh, [row(i, i) for i in range(10)] + [twin(50, 11, of=3), row(51, 12), twin(52, 13, of=4), dict(row(53, 14), email="51.12@example.com")])
    run(mesh)
    assert aside(mesh) == [50, 52, 53] and numbers(mesh) == [*range(10), 51]
    checks = mesh.rows("SELECT verdict, severity, rows_quarantined, message FROM mesh.checks WHERE kind = 'unique' "
                       "AND rows_quarantined > 0", as_user="ana")
    assert [(c["verdict"], c["severity"], c["rows_quarantined"]) for c in checks] == [("fail", "quarantine", 3)], checks
    run(mesh)
    assert numbers(mesh) == [*range(10), 51]


@pytest.mark.parametrize("operator", ["mustBe: 0", "mustBeLessThan: 1", "mustBeLessOrEqualTo: 0.0"])
def test_none_may_be_a_duplicate_however_that_is_said(diverting, operator):
    mesh = diverting(APPEND, SQL)
    output(mesh, APPEND, columns=COLUMNS.replace("classification: pii}", "classification: pii, quality: [{id: once, metric: "
                                                 f"duplicateValues, {operator}, " + ASIDE + "}]}"))
    start(mesh, [row(i, i) for i in range(10)])
    put(mesh, [twin(50, 11, of=3), row(51, 12)])
    run(mesh)
    assert aside(mesh) == [50] and numbers(mesh) == [*range(10), 51]


def test_one_that_equals_a_row_of_its_window_stays(once):
    """A window takes the place of the rows that lie in it: none of these is kept."""
    mesh = once(APPEND)
    put(mesh, [row(i, i) for i in range(3)] + [twin(50, 3, of=5), twin(51, 4, of=9)])
    run(mesh, "--from", moment(3), "--to", moment(6))
    assert aside(mesh) == [51] and numbers(mesh) == [0, 1, 2, 7, 8, 9, 50]


def test_one_that_equals_a_row_that_is_replaced_stays(once):
    mesh = once(MERGE)
    put(mesh, [row(3, 11), twin(50, 12, of=3)])
    run(mesh)
    assert aside(mesh) == [] and numbers(mesh) == [*range(10), 50]


def test_a_row_stays_when_what_replaces_it_goes(once):
    """Then one that equals it goes as well."""
    mesh = once(MERGE)
    put(mesh, [twin(3, 11, of=4), twin(50, 12, of=3)])
    run(mesh)
    assert aside(mesh) == [3, 50] and numbers(mesh) == [*range(10)]


def test_one_that_is_not_behind_the_key_is_told(once):
    """It is no equal of another, but read once more."""
    mesh = once(APPEND, SQL.replace(">", ">="))
    refused = mesh.weft("run", "sales.orders", ok=False)
    assert "are not behind $since" in refused.out + refused.err

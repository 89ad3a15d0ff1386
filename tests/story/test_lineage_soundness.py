"""Column lineage against what the engine really does: an input column is filled with other values, and every column of the result that
changes must have it in its lineage; one that changes in its place must have it among the edges that carry labels."""

import json
import os
import random
import re
import subprocess
from collections import Counter
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from conftest import BUILD, ROOT

CORPUS = ROOT / "tests/lineage"
SEEDS = int(os.environ.get("WEFT_LINEAGE_SEEDS", 3))

WORDS = ["ana", "Bo", "cleo", "Dan", "eve", "finn", "gaia", "hugo", "ida", "Jon"]


def pick(*values):
    return lambda r, i: r.choice(values)


def number(low, high):
    return lambda r, i: r.randint(low, high)


def maybe(make, share=0.15):
    return lambda r, i: None if r.random() < share else make(r, i)


def money(low, high):
    return lambda r, i: Decimal(r.randint(low * 100, high * 100)) / 100


def day(r, i):
    return date(2024, 1, 1) + timedelta(days=r.randint(0, 20))


def moment(r, i):
    return datetime(2024, 1, 1) + timedelta(hours=r.randint(0, 300))


def mail(r, i):
    return f"{r.choice(WORDS)}@{r.choice('abc')}.{r.choice(['com', 'ch'])}"


def word(r, i):
    return r.choice(WORDS) + r.choice(["", " x", "ab"])


def phone(r, i):
    return "".join(r.choice("0123456789") for _ in range(6))


def address(r, i):
    return {"street": word(r, i), "city": r.choice(["Bern", "Chur", "Genf"]), "zip": r.randint(1000, 1005)}


def tags(r, i):
    return [r.choice(["a", "bb", "ccc", "CH"]) for _ in range(r.randint(0, 3))]


def document(r, i):
    return json.dumps({"a": r.randint(0, 9), "b": r.choice(WORDS), "c": list(range(r.randint(0, 3)))})


def key(r, i):
    return i + 1


# Each column: how a row's value is made. A key is made anew as a random number, so that it too can be perturbed.
TABLES = {
    "customers": (12, {
        "id": ("INTEGER", key), "name": ("VARCHAR", word), "email": ("VARCHAR", maybe(mail)),
        "phone": ("VARCHAR", maybe(phone)), "country": ("VARCHAR", pick("CH", "DE", "AT")), "age": ("INTEGER", number(8, 60)),
        "address": ("STRUCT(street VARCHAR, city VARCHAR, zip INTEGER)", address), "tags": ("VARCHAR[]", tags)}),
    "orders": (16, {
        "id": ("INTEGER", key), "customer_id": ("INTEGER", number(1, 12)), "amount": ("DECIMAL(8,2)", money(1, 99)),
        "status": ("VARCHAR", pick("open", "paid", "sent")), "ordered_at": ("DATE", day)}),
    "items": (20, {
        "id": ("INTEGER", lambda r, i: i % 16 + 1), "product_id": ("INTEGER", lambda r, i: (i * 7) % 5 + 1),
        "quantity": ("INTEGER", number(1, 9))}),
    "products": (5, {
        "id": ("INTEGER", key), "title": ("VARCHAR", word), "category": ("VARCHAR", pick("food", "toys")),
        "price": ("DECIMAL(8,2)", money(1, 30))}),
    "events": (10, {
        "id": ("INTEGER", key), "kind": ("VARCHAR", pick("view", "buy")), "seen": ("TIMESTAMP", moment), "doc": ("JSON", document)}),
    "prices": (8, {
        "product_id": ("INTEGER", number(0, 2)), "price": ("DECIMAL(8,2)", money(1, 30)), "valid_from": ("TIMESTAMP", moment)}),
    "staff": (8, {
        "id": ("INTEGER", key), "name": ("VARCHAR", word), "boss": ("INTEGER", lambda r, i: None if i == 0 else r.randint(1, i))}),
}
SCHEMA = "shop"


def statements(text):
    keys, lines = None, []
    for line in text.splitlines():
        if line.startswith("--"):
            found = re.match(r"-- keys: (.*)", line)
            keys = [k.strip() for k in found[1].split(",")] if found else keys
            continue
        lines.append(line)
        if line.rstrip().endswith(";"):
            sql = "\n".join(lines).strip().rstrip(";")
            yield sql, keys or []
            keys, lines = None, []


def corpus():
    return [case for path in sorted(CORPUS.glob("*.sql")) for case in statements(path.read_text(encoding="utf-8"))]


def connect():
    connection = duckdb.connect()
    connection.execute("SET threads = 1; SET TimeZone = 'UTC'")
    connection.execute(f"CREATE SCHEMA {SCHEMA}")
    for name, (_, columns) in TABLES.items():
        listed = ", ".join(f'"{c}" {t}' for c, (t, _) in columns.items())
        connection.execute(f"CREATE TABLE {SCHEMA}.{name} ({listed})")
    return connection


def make_rows(seed):
    rows = {}
    for name, (count, columns) in TABLES.items():
        r = random.Random(f"{seed} {name}")
        rows[name] = [[make(r, i) for _, make in columns.values()] for i in range(count)]
    return rows


def perturbed(rows, table, index, seed):
    """The same rows with one column filled anew: with values of its own kind, or of another row."""
    name, (_, make) = list(TABLES[table][1].items())[index]
    r = random.Random(f"{seed} {table} {name}")
    changed = [list(row) for row in rows[table]]
    how = r.randrange(3)
    values = [row[index] for row in changed]
    r.shuffle(values)
    for i, row in enumerate(changed):
        if how == 0:
            row[index] = r.randint(1, 20) if make is key else make(r, i)
        elif how == 1:
            row[index] = values[i]
        elif r.random() < 0.4:
            row[index] = r.randint(1, 20) if make is key else make(r, i)
    return changed


def fill(connection, table, rows):
    connection.execute(f"DELETE FROM {SCHEMA}.{table}")
    places = ", ".join("?" for _ in rows[0])
    connection.executemany(f"INSERT INTO {SCHEMA}.{table} VALUES ({places})", rows)


def plain(value):
    if isinstance(value, float):
        return "nan" if value != value else round(value, 6)
    if isinstance(value, dict):
        return tuple(sorted((str(k), plain(v)) for k, v in value.items()))
    if isinstance(value, (list, tuple)):
        return tuple(plain(v) for v in value)
    return value


def run(connection, sql):
    """Rows, or None where these values make the statement fail."""
    try:
        return [[plain(v) for v in row] for row in connection.execute(sql).fetchall()]
    except duckdb.Error:
        return None


def column(rows, index):
    return Counter(row[index] for row in rows)


def by_keys(rows, indices):
    found = {}
    for row in rows:
        found.setdefault(tuple(row[i] for i in indices), []).append(row)
    return {k: v[0] for k, v in found.items() if len(v) == 1 and None not in k}


def tool():
    found = sorted(BUILD.glob("*/tests/lineage_edges"), key=lambda p: p.stat().st_mtime)
    assert found, f"no lineage_edges below {BUILD}: build the tests first"
    return found[-1]


def questions(connection, cases, with_result=True):
    tables = [{"schema": SCHEMA, "name": name, "columns": [[c, t] for c, (t, _) in columns.items()]}
              for name, (_, columns) in TABLES.items()]
    for sql, _ in cases:
        tree = json.loads(connection.execute("SELECT json_serialize_sql($1)", [sql]).fetchone()[0])
        connection.execute(sql)
        result = [d[0] for d in connection.description]
        yield {"tables": tables, "text": sql, "tree": tree, "result": result if with_result else None}, result


def ask(asked):
    given = "\n".join(json.dumps(q) for q in asked) + "\n"
    out = subprocess.run([tool()], input=given, capture_output=True, text=True, check=True).stdout
    return [json.loads(line) for line in out.splitlines()]


class Lineage:
    def __init__(self, answer):
        assert "error" not in answer, answer
        self.any = [{(t, c) for t, c, _, _ in o["edges"] + answer["rows"]} for o in answer["outputs"]]
        self.carrying = [{(t, c) for t, c, _, carries in o["edges"] + answer["rows"] if carries} for o in answer["outputs"]]
        self.is_everything = answer["is_everything"]
        # Columns that decide which rows there are.
        self.rows = {(t, c) for t, c, _, _ in answer["rows"]}


@pytest.fixture(scope="module")
def house():
    connection = connect()
    rows = make_rows(0)
    for name in TABLES:
        fill(connection, name, rows[name])
    cases = corpus()
    found = list(questions(connection, cases))
    answers = ask([q for q, _ in found])
    return connection, cases, [names for _, names in found], [Lineage(a) for a in answers]


def misses_of(house, table, index, seed, base, answers_before):
    connection, cases, names, lineages = house
    source = (table, list(TABLES[table][1])[index])
    for case, (sql, keys) in enumerate(cases):
        before, lineage = answers_before[case], lineages[case]
        if before is None or f"{SCHEMA}.{table}" not in sql.lower().replace('"', ""):
            continue
        after = run(connection, sql)
        if after is None:
            continue
        for k in range(len(names[case])):
            if source not in lineage.any[k] and column(before, k) != column(after, k):
                yield f"{sql}\n    {names[case][k]} changes with {source}, which is not in its lineage"
            # What no predicate, key or join mentions moves no row: a change is of the value.
            if source not in lineage.carrying[k] and source not in lineage.rows and column(before, k) != column(after, k):
                yield f"{sql}\n    {names[case][k]} changes with {source}, whose labels it does not carry"
        if not keys:
            continue
        indices = [names[case].index(k) for k in keys]
        if any(source in lineage.carrying[i] for i in indices):
            continue
        old, new = by_keys(before, indices), by_keys(after, indices)
        for k in range(len(names[case])):
            if source not in lineage.carrying[k] and any(old[key][k] != new[key][k] for key in old.keys() & new.keys()):
                yield f"{sql}\n    {names[case][k]} changes in its place with {source}, whose labels it does not carry"


def test_the_corpus_is_large(house):
    _, cases, _, lineages = house
    assert len(cases) >= 300
    assert sum(bool(keys) for _, keys in cases) >= 100
    # One that takes everything cannot miss: it would prove nothing.
    assert sum(lineage.is_everything for lineage in lineages) <= len(cases) // 50


def test_names_and_their_order_are_those_of_the_engine(house):
    connection, cases, names, _ = house
    found = list(questions(connection, cases, with_result=False))
    for (sql, _), answer, wanted in zip(cases, ask([q for q, _ in found]), names):
        if answer["is_open"] or answer["is_everything"]:
            continue
        assert len(answer["outputs"]) == len(wanted), sql
        for output, name in zip(answer["outputs"], wanted):
            assert output["name"] in ("", name) or output["name"].lower() == name.lower(), (sql, output["name"], name)


def test_what_changes_is_in_the_lineage(house):
    connection = house[0]
    misses = set()
    for seed in range(SEEDS):
        base = make_rows(seed)
        for name in TABLES:
            fill(connection, name, base[name])
        before = [run(connection, sql) for sql, _ in house[1]]
        for table, (_, columns) in TABLES.items():
            for index in range(len(columns)):
                fill(connection, table, perturbed(base, table, index, seed))
                misses |= set(misses_of(house, table, index, seed, base, before))
            fill(connection, table, base[table])
    assert not misses, f"{len(misses)} misses:\n" + "\n".join(sorted(misses))

"""One bit flips in a file of a home: it is found, it heals by itself, or it cannot matter. Each kind of file is said here."""

import random
import shutil
import sqlite3

import pytest

from conftest import wait_for_end
from story_help import is_whole
from test_backup import COUNT, flip

MASK = """\
apiVersion: weft/v1
kind: Policy
id: mask-personal-data
owner: guild
mask: {columns: {classification: [pii]}, with: {method: "null"}}
"""
READ = "SELECT count(*) AS n, count(email) AS emails FROM sales.orders.orders"
# What must be noticed wherever it is: what the mesh is, and what its releases are.
VALUES = [
    ("content", "text"), ("content", "sha256"), ("document", "path"), ("release", "contracts"), ("release", "run_id"),
    ("release", "compiled_digest"), ("release_table", "name"), ("release_column", "name"), ("release_column", "type"),
    ("release_column", "classification"), ("file", "sha256"), ("file_fact", "low"), ("file_fact", "high"),
    ("release_input", "description"), ("release_edge", "input_column"), ("audit", "detail"), ("audit", "actor"), ("query", "text"),
]
NUMBERS = [("release", "number"), ("release", "rows"), ("release_table", "rows"), ("release_column", "position"), ("file", "rows"),
           ("file", "bytes"), ("file_fact", "nulls"), ("product", "release"), ("audit", "time_us")]


@pytest.fixture
def masked(applied):
    """The shop, with a cleared copy that somebody read."""
    applied.write("policies/mask.policy.yaml", MASK)
    applied.weft("apply", "--yes")
    assert applied.rows(READ, as_user="noor") == [{"n": 4, "emails": 0}]
    wait_for_end(applied.home)
    return applied


def verify(mesh):
    answer = mesh.weft("verify", "--format", "json", ok=None)
    return answer, answer.json if answer.out else {}


def test_what_was_not_touched_is_whole(masked):
    assert is_whole(masked) and verify(masked)[1]["copies_removed"] == 0


def test_in_a_release_file(masked):
    """Every byte counts, the last as the first."""
    victim = next((masked.home / "files").rglob("*/*"))
    whole = victim.read_bytes()
    for at in (0, len(whole) // 3, len(whole) - 1):
        flip(victim, at)
        answer, verdict = verify(masked)
        assert answer.code == 70 and verdict["damaged"] == [victim.name]
        flip(victim, at)
        assert victim.read_bytes() == whole
    assert is_whole(masked)


def test_in_a_cleared_copy(masked):
    """It can be made again: so it goes, and nobody reads it meanwhile."""
    copies = [p for p in (masked.home / "cleared").rglob("*.parquet")]
    assert len(copies) == 1
    flip(copies[0])
    assert verify(masked)[1]["copies_removed"] == 1
    assert masked.rows(READ, as_user="noor") == [{"n": 4, "emails": 0}]
    assert is_whole(masked) and verify(masked)[1]["copies_removed"] == 0
    # And without anybody who looks: it is read whole before it serves for the first time.
    wait_for_end(masked.home)
    flip(copies[0])
    assert masked.rows(READ, as_user="noor") == [{"n": 4, "emails": 0}]
    assert verify(masked)[1]["copies_removed"] == 0


def test_in_the_key_of_the_audit(masked):
    """A key that is no key stops the start; one that is another shows by the heads that were signed before."""
    head = masked.folder / "head.json"
    masked.weft("audit", "head", "--out", head)
    wait_for_end(masked.home)
    key = masked.home / "audit.key"
    whole = key.read_bytes()
    flip(key, 3)
    answer = masked.weft("audit", "verify", "--head", head, ok=None)
    assert answer.code != 0 and ("key" in answer.err)
    wait_for_end(masked.home)
    key.write_bytes(whole)
    assert masked.weft("audit", "verify", "--head", head).code == 0


def changed(value):
    """The same with one bit flipped, still a text."""
    if isinstance(value, int):
        return value ^ 2
    middle = len(value) // 2
    while not value[middle].isalnum():
        middle -= 1
    return value[:middle] + chr(ord(value[middle]) ^ 1) + value[middle + 1:]


@pytest.mark.parametrize("table, column", VALUES + NUMBERS)
def test_in_a_value_of_the_catalog(masked, table, column):
    """SQLite finds its pages as they should be; the chain of the audit knows better."""
    path = masked.home / "catalog.db"
    with sqlite3.connect(path, isolation_level=None) as db:
        db.executescript("DROP TRIGGER audit_is_not_changed; PRAGMA foreign_keys = OFF")
        where = f"WHERE {column} IS NOT NULL AND {column} <> '' AND {column} <> 0" if column not in ("nulls", "position") else ""
        row = db.execute(f"SELECT rowid, {column} FROM {table} {where} LIMIT 1").fetchone() if has_rowid(db, table) else None
        if row is None:
            key = primary_key(db, table)
            found = db.execute(f"SELECT {column}, {', '.join(key)} FROM {table} {where} LIMIT 1").fetchone()
            assert found is not None, f"no row of {table} has a {column}"
            match = " AND ".join(f"{k} = ?" for k in key)
            db.execute(f"UPDATE {table} SET {column} = ? WHERE {match}", (changed(found[0]), *found[1:]))
        else:
            db.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (changed(row[1]), row[0]))
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()
    answer, verdict = verify(masked)
    # Found by verify, or by the server that does not even start on it.
    assert answer.code != 0, verdict


def has_rowid(db, table):
    sql = db.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (table,)).fetchone()[0]
    return "WITHOUT ROWID" not in sql


def primary_key(db, table):
    return [row[1] for row in db.execute(f"PRAGMA table_info({table})") if row[5]]


def test_in_any_byte_of_the_index_of_copies(masked):
    """It can be lost at any time: whatever it says, the answers are the same."""
    index = masked.home / "cache.db"
    whole = index.read_bytes()
    chance = random.Random(5)
    for at in [16, 20, 100, *(chance.randrange(len(whole)) for _ in range(5))]:
        wait_for_end(masked.home)
        index.write_bytes(whole)
        flip(index, at)
        answer = masked.weft("query", READ, "--as", "noor", "--format", "ndjson", ok=None)
        assert answer.code == 0 and answer.out == '{"n":4,"emails":0}\n', (at, answer)
        assert is_whole(masked)


def test_in_what_is_made_again_at_each_start(masked):
    """The lock, the socket and the log hold nothing that a server reads."""
    (masked.home / "lock").write_text("1x\n")
    if (masked.home / "serve.log").exists():
        flip(masked.home / "serve.log")
    shutil.rmtree(masked.home / "workers")
    assert masked.rows(COUNT, as_user="noor")[0]["n"] == 4 and is_whole(masked)

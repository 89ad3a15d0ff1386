"""One bit flips in a file of a home: it is found, it heals by itself, or it cannot matter. Each kind of file is said here."""

import contextlib
import random
import shutil
import sqlite3
import stat
import subprocess

import pytest

from conftest import ROWS, wait_for_end
from story_help import is_whole, rewritten, without_seals
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


def is_another_key(before, after):
    """Digits of either case are the same key."""
    return before.lower() != after.lower()


@pytest.mark.parametrize("name", ["audit.key", "mask.key"])
def test_in_a_key(masked, name):
    """Whatever bit it is: no server starts with it, and one that is at work says so."""
    key = masked.home / name
    whole = key.read_bytes()
    places = [0, 31, 63, 64, 65, 79]
    for at in places:
        for bit in (0, 3, 5):
            key.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1:])
            answer = masked.weft("verify", ok=None)
            if is_another_key(whole, key.read_bytes()):
                assert answer.code != 0 and name in answer.err, (at, bit, answer)
            else:
                assert answer.code == 0, (at, bit, answer)
                wait_for_end(masked.home)
    key.write_bytes(whole)
    masked.serve()
    assert is_whole(masked)
    flip(key, 3)
    answer, verdict = verify(masked)
    assert answer.code == 70 and name in verdict["catalog"], answer
    key.write_bytes(whole)
    if name == "audit.key":
        key.chmod(0o640)
        assert "can be read by others" in verify(masked)[1]["catalog"]
        key.chmod(0o600)
    assert is_whole(masked)


@pytest.mark.parametrize("name", ["audit.key", "mask.key"])
def test_a_key_of_an_earlier_version_is_read(masked, name):
    key = masked.home / name
    key.write_text(key.read_text().split()[0] + "\n")
    assert is_whole(masked) and masked.rows(READ, as_user="noor") == [{"n": 4, "emails": 0}]


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
    with rewritten(path) as db:
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
    answer, verdict = verify(masked)
    # Found by verify, or by the server that does not even start on it.
    assert answer.code != 0, verdict


@pytest.mark.parametrize("path", ["catalog.db", "env/dev-x/catalog.db"])
def test_in_any_byte_of_a_catalog(masked, path):
    """Where rows are and where none is, in the head of the file and in the checksums themselves."""
    masked.weft("apply", "--env", "dev-x", "--yes")
    wait_for_end(masked.home)
    catalog = masked.home / path
    whole = catalog.read_bytes()
    chance = random.Random(7)
    for at in [0, 16, 20, 24, 100, 4095, len(whole) - 1, *(chance.randrange(len(whole)) for _ in range(20))]:
        flip(catalog, at)
        answer, verdict = verify(masked)
        assert answer.code != 0, (at, answer)
        wait_for_end(masked.home)
        catalog.write_bytes(whole)
    assert is_whole(masked)


@pytest.mark.parametrize("name", ["catalog.db", "cache.db"])
def test_in_the_byte_that_says_that_pages_have_checksums(masked, name):
    """Whichever bit it is, the file does not count as one of before, which would get checksums of whatever is in it."""
    path = masked.home / name
    whole = path.read_bytes()
    for bit in range(8):
        path.write_bytes(whole[:20] + bytes([whole[20] ^ 1 << bit]) + whole[21:])
        answer = verify(masked)[0]
        if name == "catalog.db":
            assert answer.code == 70 and "page 1 does not fit its checksum" in answer.err, (bit, answer)
        else:
            assert masked.rows(READ, as_user="noor") == [{"n": 4, "emails": 0}]
        wait_for_end(masked.home)
        path.write_bytes(whole)
    assert is_whole(masked)


def test_a_page_that_was_damaged_is_not_read(masked):
    """Nor is what it says taken for rows of users, rights or releases."""
    catalog = masked.home / "catalog.db"
    whole = catalog.read_bytes()
    at = whole.index(b"noor@") if b"noor@" in whole else whole.index(b"SELECT count(*) AS n, count(email)")
    flip(catalog, at)
    refused = masked.weft("query", READ, "--as", "noor", ok=None)
    told = masked.weft("verify", ok=False)
    assert f"page {at // 4096 + 1} does not fit its checksum" in told.out + told.err, (refused, told)


def test_looking_at_all_pages_leaves_the_locks_of_the_server(masked):
    """Else the next program that closes the catalog takes itself for the last one, and the log away."""
    server = masked.serve()
    assert is_whole(masked)
    with contextlib.closing(sqlite3.connect(masked.home / "catalog.db")) as db:
        assert db.execute("SELECT count(*) FROM product").fetchone() == (1,)
    assert (masked.home / "catalog.db-wal").exists()
    masked.weft("user", "add", "lea")
    server.kill()
    assert is_whole(masked) and "lea" in masked.weft("user", "list").out


def test_a_catalog_of_an_earlier_version_gets_checksums(masked):
    catalog = masked.home / "catalog.db"
    without_seals(catalog)
    assert masked.rows(READ, as_user="noor") == [{"n": 4, "emails": 0}] and is_whole(masked)
    wait_for_end(masked.home)
    assert catalog.read_bytes()[20] == 8 and not (masked.home / "catalog.db.new").exists()
    assert stat.S_IMODE(catalog.stat().st_mode) == 0o600
    flip(catalog, len(catalog.read_bytes()) - 1)
    assert verify(masked)[0].code != 0


@pytest.mark.parametrize("how", ["kill", "fail"])
@pytest.mark.parametrize("fault", ["SEAL_BEFORE_MOVE", "SEAL_AFTER_MOVE"])
def test_a_start_that_fails_on_the_way_to_checksums_loses_nothing(masked, fault, how):
    catalog = masked.home / "catalog.db"
    without_seals(catalog)
    with pytest.raises(RuntimeError):
        masked.serve(env={"WEFT_FAULT": f"{fault}:{how}"})
    assert catalog.read_bytes()[20] == (0 if fault == "SEAL_BEFORE_MOVE" else 8)
    assert masked.rows(READ, as_user="noor") == [{"n": 4, "emails": 0}] and is_whole(masked)
    wait_for_end(masked.home)
    assert catalog.read_bytes()[20] == 8 and not (masked.home / "catalog.db.new").exists()


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


@pytest.mark.parametrize("column", ["table_id", "class_id", "name", "rows", "bytes", "sha256", "digest"])
@pytest.mark.parametrize("how", ["verify", "read"])
def test_in_a_value_of_the_index_of_copies(masked, column, how):
    """A row that says something else of a copy, though SQLite finds nothing wrong, is no row: the copy is made again."""
    with rewritten(masked.home / "cache.db") as db:
        value = db.execute(f"SELECT {column} FROM cleared").fetchone()[0]
        # Of the rows, all bits: none would mean that nobody sees a row.
        db.execute(f"UPDATE cleared SET {column} = ?", (0 if column == "rows" else changed(value),))
    if how == "verify":
        assert verify(masked)[1]["copies_removed"] == 1
    assert masked.rows(READ, as_user="noor") == [{"n": 4, "emails": 0}]
    assert is_whole(masked)
    # A key that is another names a row beside the new one: it goes with the next look.
    assert verify(masked)[1]["copies_removed"] in (0, 1)
    assert verify(masked)[1]["copies_removed"] == 0


def test_in_a_time_of_the_index_of_copies(masked):
    """When a copy was used and read decides what goes first, and nothing else."""
    with rewritten(masked.home / "cache.db") as db:
        for column in ("used_us", "checked_us", "run", "inode", "written_ns"):
            db.execute(f"UPDATE cleared SET {column} = {column} | 2")
    assert masked.rows(READ, as_user="noor") == [{"n": 4, "emails": 0}]
    assert is_whole(masked) and verify(masked)[1]["copies_removed"] == 0


def test_an_index_of_an_earlier_version_is_made_anew(masked):
    with rewritten(masked.home / "cache.db") as db:
        db.execute("ALTER TABLE cleared DROP COLUMN digest")
    assert masked.rows(READ, as_user="noor") == [{"n": 4, "emails": 0}]
    assert is_whole(masked) and len(list((masked.home / "cleared").rglob("*.parquet"))) == 1


def test_which_release_is_the_current_one(masked):
    """Both are kept, and both are whole: the audit knows which was published last."""
    masked.write("data/orders.csv", ROWS + "5,Eva,eva@example.com,CH,1.00,2026-01-05\n")
    masked.weft("run", "sales.orders")
    masked.weft("run", "sales.orders")
    masked.weft("rollback", "sales.orders", "--to", "1")
    assert is_whole(masked)
    wait_for_end(masked.home)
    for number in (1, 2, 3):
        with rewritten(masked.home / "catalog.db") as db:
            db.execute("UPDATE product SET release = ?", (number,))
        answer, verdict = verify(masked)
        assert answer.code == 70, number
        assert f"release {number} of sales.orders is the current one, but 4 was published last" in answer.out, answer
        wait_for_end(masked.home)
    with rewritten(masked.home / "catalog.db") as db:
        db.execute("UPDATE product SET release = 4")
    assert is_whole(masked)


def test_in_deleted_rows_and_in_quarantine(mesh):
    """Files beside those of releases are read by verify as they are, and by a server before it serves them."""
    from test_increment import COUNT as ALL, DOMAIN, HEAD, MERGE, MESH, PRODUCT, SQL, policy, put, row
    columns = ("    properties:\n      - {name: id, logicalType: integer, physicalType: BIGINT, required: true, primaryKey: true}\n"
               "      - name: country\n        logicalType: string\n        quality: [{id: known, metric: invalidValues, mustBe: 0, "
               "arguments: {validValues: [CH, DE, AT]}, customProperties: [{property: onFailure, value: quarantine}]}]\n"
               "      - {name: email, logicalType: string, classification: pii}\n"
               "      - {name: amount, logicalType: number, physicalType: \"DECIMAL(12,2)\"}\n"
               "      - {name: changed, logicalType: timestamp, physicalType: TIMESTAMP, required: true}\n")
    mesh.write("mesh.yaml", MESH)
    mesh.write("domains/sales/domain.yaml", DOMAIN)
    mesh.write("domains/sales/orders/product.odps.yaml", PRODUCT)
    mesh.write("domains/sales/orders/orders.sql", SQL)
    mesh.write("domains/sales/orders/shop.odcs.yaml", HEAD.format(id="shop", version="1.0.0") +
               "servers: [{server: files, type: local, path: data/orders.csv, format: csv}]\nschema:\n  - name: raw\n" +
               columns.replace(", primaryKey: true", "").split("        quality:")[0] + columns[columns.index("      - {name: email"):])
    mesh.write("domains/sales/orders/orders.odcs.yaml", HEAD.format(id="orders", version="1.0.0") + "schema:\n  - name: orders\n"
               "    customProperties:\n      - {property: materialization, value: incremental}\n"
               f"      - {{property: incremental, value: {MERGE}}}\n      - {{property: quarantineMost, value: 9}}\n" + columns)
    rows = [row(i, i) for i in range(1, 41)]
    put(mesh, rows)
    mesh.weft("apply", "--yes")
    mesh.weft("run", "sales.orders")
    # One row takes the place of another, one is put aside.
    put(mesh, rows[:4] + rows[5:] + [row(5, 50, 9), row(60, 60, 1, "XX")])
    mesh.weft("run", "sales.orders")
    wait_for_end(mesh.home)
    with sqlite3.connect(mesh.home / "catalog.db") as db:
        deletions = db.execute("SELECT deletions FROM release_file WHERE deletions IS NOT NULL").fetchone()[0]
        diverted = db.execute("SELECT sha256 FROM quarantine").fetchone()[0]
    db.close()
    diverted_sql = 'SELECT count(*) AS n FROM sales."orders!quarantine".orders'
    for name, sql, n in ((deletions, ALL.replace(", sum(amount)::VARCHAR AS amount", ""), 40), (diverted, diverted_sql, 1)):
        victim = next(p for p in (mesh.home / "files").rglob("*") if p.name == name)
        whole = victim.read_bytes()
        for at in (4, len(whole) // 2, len(whole) - 1):
            flip(victim, at)
            answer, verdict = verify(mesh)
            assert answer.code == 70 and verdict["damaged"] == [name]
            wait_for_end(mesh.home)
            # No reader gets rows by it: a copy that was made before is whole, and a new one is not made of it.
            told = mesh.weft("query", sql, "--as", "ana", "--format", "ndjson", ok=None)
            assert told.code != 0 or told.out == '{"n":%d}\n' % n, told
            wait_for_end(mesh.home)
            flip(victim, at)
        assert is_whole(mesh)
        assert mesh.rows(sql, as_user="ana") == [{"n": n}]


def test_in_the_write_ahead_log(applied):
    """SQLite's checksums tell where it is damaged, and what follows counts as never written: an earlier state, or the same."""
    server = applied.serve()
    for _ in range(3):
        applied.weft("run", "sales.orders")
    server.kill()
    log = applied.home / "catalog.db-wal"
    whole, catalog = log.read_bytes(), (applied.home / "catalog.db").read_bytes()
    copies = {p: p.read_bytes() for p in applied.home.iterdir() if p.is_file() and p.name.startswith("catalog.db")}
    chance = random.Random(7)
    assert len(whole) > 4096
    seen = set()
    for at in [0, 8, 24, 40, len(whole) - 1, *(chance.randrange(len(whole)) for _ in range(12))]:
        for path, content in copies.items():
            path.write_bytes(content)
        (applied.home / "catalog.db-shm").unlink(missing_ok=True)
        flip(log, at)
        answer = applied.weft("query", COUNT, "--as", "noor", "--format", "ndjson", ok=None)
        wait_for_end(applied.home)
        if answer.code == 0:
            # What is served is a release that was published, whole.
            assert '"n":4' in answer.out, answer
            assert is_whole(applied)
            seen.add(len(applied.rows("SELECT number FROM mesh.releases", as_user="ana")))
            wait_for_end(applied.home)
        else:
            seen.add(0)
    assert seen & {1, 2, 3, 4}


def test_in_weft_conf(applied):
    """It has no checksum: most flips are no setting, and a value that is one is shown with where it came from."""
    conf = applied.home / "weft.conf"
    conf.write_text("keep_releases = 10\nlog_level = info\n")
    whole = conf.read_bytes()
    shown = {}
    for at in range(len(whole)):
        for bit in range(8):
            conf.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1:])
            answer = applied.weft("config", "show", "--format", "json", ok=None)
            if answer.code != 0:
                assert "weft.conf" in answer.err, answer
            else:
                shown[at, bit] = answer.out
        if at > 24:
            break
    conf.write_bytes(whole)
    applied.weft("config", "show")
    # The number is the place where another one fits: 10 becomes 11, 18, 30 … and is told as such.
    assert shown and all("keep_releases" in out for out in shown.values())


def test_in_a_secret(applied):
    """Its source refuses it, and what it was is told to nobody. A backup has what it was, with its checksum."""
    secrets = applied.home / "secrets"
    secrets.mkdir(mode=0o700, exist_ok=True)
    secret = secrets / "sales"
    secret.write_text("CRM_PASSWORD=correct-horse\n")
    secret.chmod(0o600)
    backup = applied.folder / "copy"
    applied.weft("backup", backup)
    wait_for_end(applied.home)
    kept = next(p for p in backup.rglob("sales") if p.is_file() and p.parent.name == "secrets")
    flip(secret, 15)
    assert kept.read_text() == "CRM_PASSWORD=correct-horse\n" and secret.read_bytes() != kept.read_bytes()
    done = subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=backup, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    flip(kept, 15)
    done = subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=backup, capture_output=True, text=True)
    assert done.returncode != 0 and "secrets/sales" in done.stdout
    other = applied.weft("restore", backup, "--home", applied.folder / "other", ok=False)
    assert "secrets/sales" in other.err and "correct" not in other.err
    assert applied.rows(COUNT, as_user="noor")[0]["n"] == 4


def test_in_what_is_made_again_at_each_start(masked):
    """The lock, the socket and the log hold nothing that a server reads."""
    (masked.home / "lock").write_text("1x\n")
    if (masked.home / "serve.log").exists():
        flip(masked.home / "serve.log")
    shutil.rmtree(masked.home / "workers")
    assert masked.rows(COUNT, as_user="noor")[0]["n"] == 4 and is_whole(masked)

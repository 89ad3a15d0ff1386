"""A home as somebody reads it who knows its formats and none of weft's code: SQLite, Parquet and SHA-256 alone.

read_home() gives what the home holds, by content, and everything in it that is not as it must be.
"""

import hashlib
import shutil
import sqlite3
import struct
import tempfile
from pathlib import Path

import duckdb

NOTHING = "0" * 64
# What may lie in a home that nobody serves.
PLAIN = {"catalog.db", "cache.db", "lock", "audit.key", "mask.key", "serve.log", "weft.conf", "image.map"}
SERVED = {"weft.sock", "catalog.db-wal", "catalog.db-shm", "cache.db-wal", "cache.db-shm", "image.map.new"}


class Home:
    def __init__(self):
        self.faults = []     # whatever must not be
        self.products = {}   # address -> {"current", "releases": {number: {table: rows}}, "candidate", "quarantine"}
        self.documents = {}  # active files by path
        self.users = []
        self.requests = []
        self.files = set()   # names of release files that something refers to
        self.runs = {}       # state -> how many
        self.environments = {}  # name -> the same of its catalog, and the files that it has otherwise

    def state(self):
        """What readers can tell of it, to be compared."""
        state = {"products": self.products, "documents": self.documents, "users": self.users, "requests": self.requests}
        return state | ({"environments": self.environments} if self.environments else {})


def read_home(folder, is_served=False, with_rows=True, cache=None):
    """`cache` keeps rows of files by their name between calls: release files never change."""
    home, folder, cache = Home(), Path(folder), {} if cache is None else cache
    if not (folder / "catalog.db").exists():
        return home
    read_one(home, folder, folder, is_served, with_rows, cache)
    for place in sorted((folder / "env").glob("[!.]*")):
        environment = Home()
        overlay = read_one(environment, place, folder, is_served, with_rows, cache)
        home.faults += [f"environment {place.name}: {fault}" for fault in environment.faults]
        home.files |= environment.files
        home.environments[place.name] = environment.state() | {"overlay": overlay}
    return home


def read_one(home, place, folder, is_served, with_rows, cache):
    """A catalog, whose files lie in the home; gives the files that an environment has otherwise than its mesh."""
    with tempfile.TemporaryDirectory(prefix="weft-read-") as copy:
        db = open_catalog(place, is_served, Path(copy))
        try:
            read_catalog(home, db, folder, with_rows, cache)
            if place != folder:
                return db.execute("SELECT path, text, base FROM environment_file ORDER BY path").fetchall()
        except sqlite3.DatabaseError as error:
            home.faults.append(f"catalog.db cannot be read: {error}")
        finally:
            db.close()
    return None


def open_catalog(folder, is_served, copy):
    """Beside a server as one more reader. Of a dead one, a copy with its log: who opens the file itself would repair it."""
    if is_served:
        return sqlite3.connect(f"file:{folder}/catalog.db?mode=ro", uri=True, timeout=30)
    for name in ("catalog.db", "catalog.db-wal"):
        if (folder / name).exists():
            shutil.copyfile(folder / name, copy / name)
    return sqlite3.connect(copy / "catalog.db")


def read_catalog(home, db, folder, with_rows, cache):
    db.execute("BEGIN")
    if not db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'candidate'").fetchall():
        return  # of a server that died while it made its tables
    for (finding,) in db.execute("PRAGMA integrity_check(5)"):
        if finding != "ok":
            home.faults.append(f"catalog.db: {finding}")
    for row in db.execute("PRAGMA foreign_key_check").fetchall():
        home.faults.append(f"catalog.db: a row of {row[0]} refers to nothing")
    check_chain(home, db)
    home.documents = dict(db.execute("SELECT path, sha256 FROM document"))
    home.users = db.execute("SELECT name, is_local FROM user ORDER BY name").fetchall()
    home.requests = db.execute("SELECT id, state FROM access_request ORDER BY id").fetchall()
    home.runs = dict(db.execute("SELECT state, count(*) FROM run GROUP BY state"))
    reader = FileReader(home, folder, cache)
    for product_id, address, current, last in db.execute(
            "SELECT id, address, release, last_release FROM product WHERE removed = 0 ORDER BY address").fetchall():
        home.products[address] = read_product(home, db, reader, product_id, current, last, with_rows)


def read_product(home, db, reader, product_id, current, last, with_rows):
    found = {"current": current, "releases": {}, "candidate": None, "quarantine": []}
    for release_id, number, rows in db.execute(
            "SELECT id, number, rows FROM release WHERE product_id = ? AND is_kept = 1 ORDER BY number", (product_id,)).fetchall():
        tables = read_release(home, db, reader, release_id, f"release {number} of product {product_id}", rows, with_rows)
        if number == 0:
            found["candidate"] = tables
        else:
            found["releases"][number] = tables
    if current and current not in found["releases"]:
        home.faults.append(f"product {product_id}: its current release {current} is not kept")
    if found["releases"] and max(found["releases"]) > last:
        home.faults.append(f"product {product_id}: release {max(found['releases'])} is beyond the last number {last}")
    for sha256, size, rows in db.execute("SELECT sha256, bytes, rows FROM quarantine WHERE product_id = ? ORDER BY id", (product_id,)):
        kept = reader.rows(sha256, size, with_rows)
        if with_rows and kept is not None and len(kept) != rows:
            home.faults.append(f"quarantine file {sha256}: {len(kept)} rows, and its row says {rows}")
        found["quarantine"].append(sorted(without_own(kept)) if kept else rows)
    return found


def without_own(rows):
    """Without the columns that name the run and its time."""
    return [tuple(v for k, v in row if not k.startswith("weft_")) for row in rows]


def read_release(home, db, reader, release_id, name, rows, with_rows):
    tables, total = {}, 0
    for table_id, table, told in db.execute("SELECT table_id, name, rows FROM release_table WHERE release_id = ?", (release_id,)).fetchall():
        columns = {cid: cname for cid, cname in db.execute(
            "SELECT column_id, name FROM release_column WHERE release_id = ? AND table_id = ?", (release_id, table_id))}
        found, live = [], 0
        for sha256, size, in_file, listed, deletions, deleted in db.execute(
                "SELECT sha256, bytes, file.rows, columns, deletions, deleted_rows FROM release_file JOIN file ON file.id = file_id "
                "WHERE release_id = ? AND table_id = ? ORDER BY part", (release_id, table_id)).fetchall():
            live += in_file - deleted
            if not set(map(int, filter(None, listed.split(",")))) <= set(columns):
                home.faults.append(f"{name}: file {sha256} has columns {listed}, and the release has {sorted(columns)}")
            found += reader.living(sha256, size, in_file, deletions, deleted, with_rows)
        if live != told:
            home.faults.append(f"{name}: {table} has {live} rows, and its manifest says {told}")
        tables[table] = sorted(tuple(v for _, v in row) for row in found) if with_rows else live
        total += told
    if total != rows:
        home.faults.append(f"{name}: its tables have {total} rows, and it says {rows}")
    return tables


class FileReader:
    """Release files: there, what their names say, readable, with as many rows as they should have."""

    def __init__(self, home, folder, cache):
        self.home, self.folder, self.cache = home, folder, cache

    def path(self, sha256):
        return self.folder / "files" / sha256[:2] / sha256

    def check(self, sha256, size):
        self.home.files.add(sha256)
        path = self.path(sha256)
        if not path.exists():
            self.home.faults.append(f"release file {sha256} is missing")
            return False
        if size is not None and path.stat().st_size != size:
            self.home.faults.append(f"release file {sha256} has {path.stat().st_size} bytes, and the catalog says {size}")
        state = path.stat()
        key = (sha256, state.st_ino, state.st_mtime_ns, state.st_size)
        if key not in self.cache:
            self.cache[key] = hashlib.sha256(path.read_bytes()).hexdigest()
        if self.cache[key] != sha256:
            self.home.faults.append(f"release file {sha256} holds other bytes")
            return False
        return True

    def rows(self, sha256, size, with_rows=True):
        """Rows as lists of (column, text), in their order in the file."""
        try:
            return self.read(sha256, size, with_rows)
        except (FileNotFoundError, duckdb.IOException):
            if self.path(sha256).exists():
                raise
            self.home.faults.append(f"release file {sha256} is missing")  # since a moment ago
            return None

    def read(self, sha256, size, with_rows):
        if not self.check(sha256, size) or not with_rows:
            return None
        if sha256 not in self.cache:
            answer = duckdb.sql(f"SELECT COLUMNS(*)::VARCHAR FROM (FROM read_parquet('{self.path(sha256)}', file_row_number = true) ORDER BY file_row_number)")
            names = [c for c in answer.columns if c != "file_row_number"]
            self.cache[sha256] = [tuple((n, str(v)) for n, v in zip(names, row)) for row in answer.fetchall()]
        return self.cache[sha256]

    def living(self, sha256, size, in_file, deletions, deleted, with_rows):
        rows = self.rows(sha256, size, with_rows)
        gone = self.rows(deletions, None, with_rows) if deletions else []
        if rows is None or gone is None:
            return []
        if len(rows) != in_file:
            self.home.faults.append(f"release file {sha256} has {len(rows)} rows, and the catalog says {in_file}")
        numbers = {int(row[0][1]) for row in gone}
        if len(numbers) != deleted or not numbers <= set(range(len(rows))):
            self.home.faults.append(f"deletions {deletions} name {len(numbers)} rows of {len(rows)}, and the catalog says {deleted}")
        return [row for i, row in enumerate(rows) if i not in numbers]


# ---- the audit


def check_chain(home, db):
    previous, expected = NOTHING, 1
    for row in db.execute("SELECT sequence, time_us, actor, on_behalf, action, object, outcome, detail, previous_hash, hash, version, "
                          "actor_kind, door, query, record FROM audit ORDER BY sequence"):
        if row[0] != expected or row[8] != previous or audit_hash(row) != row[9]:
            home.faults.append(f"the audit breaks at row {row[0]}")
            return
        previous, expected = row[9], expected + 1


def audit_hash(row):
    sequence, time_us, *texts = row[:8]
    bytes_ = [text("weft-audit-1" if row[10] == 1 else "weft-audit-2"), number(sequence), number(time_us)] + [text(t) for t in texts]
    if row[10] != 1:
        bytes_ += [number(row[10]), text(row[11]), text(row[12]), number(row[13]), text(row[14])]
    return hashlib.sha256(b"".join(bytes_) + text(row[8])).hexdigest()


def number(value):
    return struct.pack("<Q", value & (2**64 - 1))


def text(value):
    data = value.encode() if isinstance(value, str) else value
    return number(len(data)) + data


# ---- what lies in the folder


def left_over(folder, home, is_served=False, is_swept=True):
    """Files of the home that nobody should have left there. `is_swept`: release files that no manifest names are gone too."""
    found = []
    for path in sorted(Path(folder).rglob("*")):
        name = path.relative_to(folder).as_posix()
        top = name.split("/")[0]
        if path.is_dir() and not path.is_symlink():
            # Folders of copies go with their last copy; those of release files stay.
            if top in ("staging", "workers") and "/" in name and not is_served:
                found.append(name + "/")
        elif top == "files":
            if is_swept and path.name not in home.files:
                found.append(name)
        elif top == "cleared":
            # A copy is named by the file that it was made of.
            if is_swept and not name.startswith("cleared/mesh/") and path.name[:64] not in home.files:
                found.append(name)
        elif top in ("staging", "workers"):
            if not is_served:
                found.append(name)
        elif top == "env":
            parts = name.split("/")
            if len(parts) != 3 or parts[1] not in home.environments or not (parts[2] == "catalog.db" or (is_served and parts[2] in SERVED)):
                found.append(name)
        elif top != "secrets" and name not in PLAIN and not (is_served and name in SERVED):
            found.append(name)
    return found

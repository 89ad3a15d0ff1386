"""Non-interference: worlds that differ only in what the asker may not see answer with the same bytes.

A corpus of questions (noninterference/) is asked of every form of policy, through every door, in worlds whose hidden rows and masked
values differ (proof_worlds.py). Statuses, headers, bodies, errors and pages are compared byte for byte; the bytes of every file that was
linked into a worker of the asker are searched for hidden values. The suite asks each question of one form; `make proof` asks each of
every form, over full data.
"""

import collections
import json
import os
import re
import sqlite3
import struct
import subprocess
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

import duckdb
import pytest

import proof_files
import proof_worlds
from conftest import PATIENCE_S, WEFT, Mesh, UnixConnection
from proof_corpus import read_corpus
from story_help import wait_until

FULL = bool(os.environ.get("WEFT_PROOF"))  # a file for the figures of a full proof
SIZE = "full" if FULL else "reduced"
WORLDS = proof_worlds.WORLDS if FULL else proof_worlds.WORLDS[:2]
FORMS = proof_worlds.FORMS
CORPUS = read_corpus()
# Every door: over TCP with a token, over the socket as the operator for her, the command line; and what each answers in.
DOORS = [(way, form) for way in ("http", "socket") for form in ("json", "ndjson", "csv", "rows")] + [
    ("cli", form) for form in ("table", "json", "csv", "ndjson")]
MARK = proof_worlds.MARK.encode()

# Of every answer something is its own: these and nothing else are taken out before bytes are compared.
OWN_HEADERS = {"date", "weft-query-id"}
# How far a copy has come is told by the clock: it says how fast this machine is just now.
OWN_BODY = re.compile(rb'(?<="request":")[^"]*|^\{"progress":\{[^}]*\}\}\n', re.M)
OWN_WORDS = re.compile(rb'(?<="request":")[^"]*|(?<=request )[0-9a-f-]{36}')
KEY = "5eed" * 16  # of hash masks: one and the same in all worlds, or every hash would differ

pytestmark = pytest.mark.slow
FIGURES = collections.Counter()


class Door:
    """A way to ask; a connection stays."""

    def __init__(self, mesh, way):
        self.mesh, self.way = mesh, way
        self.connection = None

    def call(self, method, path, body=None):
        if self.connection is None:
            self.connection = (HTTPConnection(self.mesh.server.address, timeout=PATIENCE_S) if self.way == "http"
                               else UnixConnection(self.mesh.server.socket))
        headers = {"Authorization": f"Bearer {self.mesh.token}"} if self.way == "http" else {"Weft-As": "noor"}
        self.connection.request(method, path, body=None if body is None else json.dumps(body), headers=headers)
        answer = self.connection.getresponse()
        data = answer.read()
        headers = sorted((k.lower(), "own" if k.lower() in OWN_HEADERS else v) for k, v in answer.getheaders())
        return answer.status, headers, OWN_BODY.sub(lambda own: b"" if b"progress" in own[0] else b"own", data)

    def ask(self, sql, form="json"):
        if self.way == "cli":
            return self.run("query", sql, "--format", form)
        return self.call("POST", "/api/v1/query", {"sql": sql, "format": form})

    def run(self, *args):
        """The command line: exit code, what it says beside the answer, the answer."""
        done = subprocess.run([WEFT, *args, "--as", "noor"], cwd=self.mesh.folder, env=self.mesh.env, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=PATIENCE_S * 5)
        return done.returncode, OWN_WORDS.sub(b"own", done.stderr), done.stdout

    def close(self):
        if self.connection:
            self.connection.close()


def make_world(world, folder):
    mesh = Mesh(folder / "mesh")
    mesh.folder.mkdir()
    mesh.world = world
    proof_worlds.write_mesh(mesh, FORMS)
    mesh.home.mkdir(mode=0o700)
    key = mesh.home / "mask.key"
    key.write_text(KEY)
    key.chmod(0o600)
    mesh.server = mesh.serve()
    mesh.weft("apply", "--yes")
    # Two releases in full: what is past is asked too.
    for share in (0.3, 1) if FULL else (1,):
        proof_worlds.write_rows(mesh, world, SIZE, share)
        for product in ("sales.entitlements", "sales.orders"):  # one after the other: their order is told
            mesh.weft("run", product, timeout=PATIENCE_S * 5)
    (mesh.folder / "data/orders.csv").unlink()
    mesh.token = mesh.weft("token", "create", "noor", "--format", "json").json["token"]
    return mesh


@pytest.fixture(scope="module")
def worlds(tmp_path_factory):
    made = []
    try:
        with ThreadPoolExecutor(2) as pool:
            made = list(pool.map(lambda world: make_world(world, tmp_path_factory.mktemp("proof")), WORLDS))
        yield made
        if FULL:
            seen, hidden = proof_worlds.SIZES[SIZE]
            Path(os.environ["WEFT_PROOF"]).write_text(json.dumps(FIGURES | {
                "questions": len(CORPUS), "classes": len({q.kind for q in CORPUS}), "forms": len(FORMS), "doors and formats": len(DOORS),
                "worlds": len(WORLDS), "seen rows": seen, "hidden rows, at most": int(hidden * max(w.hidden for w in WORLDS))}))
    finally:
        for mesh in made:
            mesh.close()


def in_all(worlds, work):
    """The same work in each world, at the same time."""
    with ThreadPoolExecutor(len(worlds) or 1) as pool:
        return list(pool.map(work, worlds))


def ask_all(worlds, questions):
    """Answers of each world to (sql, way, format), in their order."""
    def work(mesh):
        doors = {way: Door(mesh, way) for way, _ in DOORS}
        answers = [doors[way].ask(sql, form) for sql, way, form in questions]
        for door in doors.values():
            door.close()
        return answers
    return in_all(worlds, work)


def holds_mark(data):
    """A hidden text: marks of the questions themselves are all in quotes."""
    return re.search(rb"zzsecret(?![abc]?['%])", data.lower()) is not None


def parted(a, b):
    """Where two answers part."""
    a, b = str(a), str(b)
    at = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
    return f"…{a[max(0, at - 60):at + 200]}", f"…{b[max(0, at - 60):at + 200]}"


def assert_same(worlds, names, answers):
    found = []
    FIGURES["answers compared"] += sum(map(len, answers))
    for i, name in enumerate(names):
        for mesh, given in zip(worlds[1:], answers[1:]):  # of fewer worlds, where fewer were asked
            if given[i] != answers[0][i]:
                one, other = parted(answers[0][i], given[i])
                found.append(f"{name}\n  {worlds[0].world.name} says {one}\n  {mesh.world.name} says {other}")
    assert not found, f"{len(found)} of {len(names)} differ:\n" + "\n".join(found[:20])


def judge(query, answer, form):
    """Empty, or why an answer over TCP proves nothing."""
    status, _, body = answer
    if holds_mark(body):
        return "holds a hidden value"
    if query.expected == "refused":
        refused = status in (400, 403, 404) and json.loads(body)["code"] in ("REFUSED", "UNKNOWN_NAME", "SYNTAX", "DENIED")
        return "" if refused else "is not refused"
    if form.granted:  # a column that is not there is an answer too
        return ""
    if query.expected == "fails":
        return "" if status in (400, 404, 422) else "does not fail"
    return "" if status == 200 else "is not answered"


def test_the_corpus_is_of_many_questions_and_classes():
    kinds = {q.kind for q in CORPUS}
    assert len(CORPUS) >= 500 and len(kinds) >= 9
    assert all(sum(q.kind == kind for q in CORPUS) >= 10 for kind in kinds), kinds


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.table)
def test_hidden_data_change_no_byte_of_an_answer(worlds, form):
    """Each question over TCP, where a token asks."""
    at = FORMS.index(form)
    queries = [q for i, q in enumerate(CORPUS) if FULL or (i + i // len(FORMS)) % len(FORMS) == at]
    answers = ask_all(worlds[:2], [(q.of(form.table), "http", "json") for q in queries])
    assert_same(worlds, [f"{q.kind}: {q.name}" for q in queries], answers)
    # Other orders of rows, and no hidden rows at all: a quarter of the questions for each form, each for some.
    some = [i for i in range(len(queries)) if (i + i // 4 + at) % 4 == 0]
    others = ask_all(worlds[2:], [(queries[i].of(form.table), "http", "json") for i in some])
    assert_same([worlds[0], *worlds[2:]], [f"{queries[i].kind}: {queries[i].name}" for i in some],
                [[answers[0][i] for i in some], *others])
    wrong = [f"{q.kind}: {q.name} {why}: {str(a)[:500]}" for q, a in zip(queries, answers[0]) if (why := judge(q, a, form))]
    assert not wrong, f"{len(wrong)} of {len(queries)}:\n" + "\n".join(wrong[:40])
    assert form.granted or sum(a[0] == 200 for a in answers[0]) > len(queries) // 2


@pytest.mark.parametrize("door", DOORS, ids=lambda door: "-".join(door))
def test_hidden_data_change_no_byte_at_any_door(worlds, door):
    """Each question at each kind of door, in one of its formats; over the forms of policy in turn."""
    at = DOORS.index(door)
    queries = [(i, q) for i, q in enumerate(CORPUS) if (i + i // 4) % 4 == at % 4 and (FULL or i // 4 % 15 == at)]
    forms = [FORMS[(i + at) % len(FORMS)] for i, _ in queries]
    answers = ask_all(worlds, [(q.of(form.table), *door) for (_, q), form in zip(queries, forms)])
    assert_same(worlds, [f"{q.kind}: {q.name}" for _, q in queries], answers)
    assert not any(holds_mark(part) for answer in answers[0] for part in answer if isinstance(part, bytes))


# What the API says beside answers; ids and times are of the mesh, and no hidden data's.
PAGES = ["/api/v1/products", "/api/v1/products/sales.orders", "/api/v1/products/sales.entitlements", "/api/v1/runs", "/api/v1/status",
         "/api/v1/runs/RUN", "/api/v1/jobs/JOB", "/api/v1/jobs/JOB/events", "/api/v1/audit?limit=40", "/api/v1/config", "/api/v1/tokens",
         "/api/v1/users", "/api/v1/groups", "/health/ready", "/api/v1/nothing"]
SHOWN = [("show",), ("show", "sales"), ("show", "sales.orders"), *(("show", f"sales.orders.{form.table}") for form in FORMS), ("status",)]
OWN_PAGE = re.compile(rb'"(?:[a-z_]+_at|time|object|hash|previous|id|run|run_id|job|home|request|request_id|created|until|instance|actor_id)":\s*(?:"[^"]*"|null)'
                      rb'|"(?:workers[a-z_]*|image_version|sequence|duration_us)":\d+')
OWN_SHOWN = re.compile(rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::[\d.]+)?Z?|[0-9a-f]{8}-[0-9a-f-]{27}|\d+ (?:second|minute)s? ago|workers[a-z_]*\s+\d+")


def ids_of(mesh):
    with sqlite3.connect(f"file:{mesh.home}/catalog.db?mode=ro", uri=True) as db:
        job = db.execute("SELECT id FROM job ORDER BY rowid LIMIT 1").fetchone()[0]
    return mesh.server.call("GET", "/api/v1/runs")[1]["runs"][-1]["id"], job


def test_hidden_data_change_no_byte_of_a_page(worlds):
    def work(mesh):
        door, shell, found = Door(mesh, "http"), Door(mesh, "cli"), []
        run, job = ids_of(mesh)
        # The newest rows of the audit are of the same questions; the end of one is recorded in its wake.
        for i in range(25):
            door.ask(f"SELECT {i}, count(*) FROM sales.orders.{FORMS[i % len(FORMS)].table}")
        wait_until("the end of her last query", lambda: b'"query.end"' in door.call("GET", "/api/v1/audit?limit=1")[2])
        for path in PAGES:
            status, headers, body = door.call("GET", path.replace("RUN", run).replace("JOB", job))
            headers = [(name, value) for name, value in headers if name != "content-length"]
            body = body.replace(str(mesh.home).encode(), b"HOME").replace(run.encode(), b"RUN").replace(job.encode(), b"JOB")
            found.append((status, headers, OWN_PAGE.sub(b"", body)))
        for words in SHOWN:
            code, err, out = shell.run(*words)
            found.append((code, err, OWN_SHOWN.sub(b"own", out.replace(str(mesh.home).encode(), b"HOME"))))
        door.close()
        return found
    # Of several readers, so that copies weigh something.
    for mesh in worlds:
        mesh.server.query("SELECT count(*) FROM sales.orders.member", as_user="ana")
        mesh.server.query("SELECT count(*) FROM sales.orders.member", as_user="noor")
    answers = in_all(worlds, work)
    assert_same(worlds, [*PAGES, *(" ".join(words) for words in SHOWN)], answers)
    assert not any(holds_mark(part) for answer in answers[0] for part in answer if isinstance(part, bytes))


# ---- files


def linked_files(mesh, form):
    """Bytes of what stands in her worker's folder while a query without end runs."""
    # Cleared before: a clearing worker, which is none of hers, reads the originals.
    assert mesh.server.query(f"SELECT count(*) FROM sales.orders.{form.table}", as_user="noor")[0] == 200
    wait_until("no links of before", lambda: not any((mesh.home / "workers").glob("*/in/*.parquet")))
    endless = f"SELECT count(*) FROM sales.orders.{form.table} t, range(1000000) a, range(1000000) b WHERE hash(t.id, a.range, b.range) = 7"
    door = UnixConnection(mesh.server.socket)
    door.request("POST", "/api/v1/query", body=json.dumps({"sql": endless}), headers={"Weft-As": "noor"})

    def there():
        # Read at once: what is listed may be gone with an earlier query's links.
        try:
            return [path.read_bytes() for path in sorted((mesh.home / "workers").glob("*/in/*.parquet"))]
        except FileNotFoundError:
            return None
    files = wait_until("links of the query", there)
    door.close()
    wait_until("the query has ended", lambda: not any((mesh.home / "workers").glob("*/in/*.parquet")))
    return files


def recorded_files(mesh):
    """Every file that was linked for her, by the server's own record, as paths: copies of her classes, and nothing else."""
    with sqlite3.connect(f"file:{mesh.home}/catalog.db?mode=ro", uri=True) as db:
        linked = db.execute("SELECT DISTINCT class_id, files FROM query JOIN query_table ON query = sequence"
                            " WHERE on_behalf = 'noor' OR actor = 'noor'").fetchall()
    found = set()
    for class_id, files in linked:
        for name in json.loads(files):
            paths = [p for p in (mesh.home / "cleared").rglob(name) if "/" in name or not class_id or class_id in str(p)]
            assert paths, f"{name} of class {class_id} is no copy"
            found.update(paths)
    return sorted(found)


def hidden_numbers(world):
    """The upper six bytes of each hidden number of 64 bits, as it lies in a page."""
    low = proof_worlds.FIRST_HIDDEN_NUMBER + 1_000_000_000 * world.number
    highest = low + 11 * max(proof_worlds.SIZES[SIZE]) + 500_000
    plain = {struct.pack("<q", n)[2:] for n in range(low, highest, 1 << 15)}
    wild = {struct.pack("<q", n)[2:] for n in ((1 << 63) - 1, (1 << 63) - 1 - 100_000)}
    return plain | wild


def check_file(data, world, where):
    """No byte of it: as it lies there, and decompressed page by page, dictionaries and bloom filters included."""
    assert MARK not in data, where
    FIGURES["files searched"] += 1
    FIGURES["bytes searched"] += len(data)
    numbers = hidden_numbers(world)
    for column, kind, page in proof_files.pages(data):
        FIGURES["bytes searched, decompressed"] += len(page)
        assert MARK not in page, (where, column, kind)
        for number in numbers:
            assert number not in page, (where, column, kind, number)
    found = proof_files.footer(data)
    assert MARK not in repr(found).encode() and not found.get(5), where
    assert not any(number in data[-found_length(data):] for number in numbers), where


def found_length(data):
    return struct.unpack("<I", data[-8:-4])[0] + 8


SEEN = """country IN ('CH', 'LI') AND id % 2 = 0 AND region BETWEEN 1 AND 40 AND big BETWEEN 0 AND 499999 AND small BETWEEN 0 AND 99
          AND ratio BETWEEN 0 AND 125 AND day BETWEEN '2024-01-01' AND '2026-01-01' AND amount BETWEEN 0 AND 1000 AND length(note) < 4
          AND cp BETWEEN 65 AND 90 AND flag IS NOT NULL AND email IS NULL AND salary = 42 AND nick = 'someone' AND secret IS NULL
          AND length(card) = 64 AND dayofmonth(born) = 1 AND wage % 1000 = 0 AND length(code) = 2 AND NOT contains(letters::VARCHAR, 'z')"""


def check_rows(path, form):
    """What its reader makes of it: seen rows only, in every value and every statistic."""
    with duckdb.connect() as db:
        columns = [row[0] for row in db.execute("SELECT column_name FROM (DESCRIBE FROM read_parquet(?))", [str(path)]).fetchall()]
        if form and form.granted:
            shown = set(form.granted.split(", ")) - set(form.denied.split(", "))
            assert set(columns) == shown
        elif "letters" in columns and "secret" in columns:
            bad = db.execute(f"SELECT count(*) FROM read_parquet(?) WHERE ({SEEN}) IS NOT TRUE", [str(path)]).fetchone()[0]
            assert bad == 0, (path, bad)
        for column, low, high in db.execute(
                "SELECT path_in_schema, stats_min_value, stats_max_value FROM parquet_metadata(?)", [str(path)]).fetchall():
            assert MARK.decode() not in f"{low} {high}", column
            assert column not in ("email", "secret, k", "secret, n") or (low, high) == (None, None), column
            assert column != "big" or 0 <= int(low) and int(high) < 500_000
        if "country" in columns:
            for value in ("DE", "AT", "ch", "CH ", "hiddenzzsecreta"):
                probe = db.execute("SELECT bool_or(NOT bloom_filter_excludes) FROM parquet_bloom_probe(?, 'country', ?)", [str(path), value])
                assert probe.fetchone()[0] is not True, value


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.table)
def test_what_is_linked_is_the_same_and_holds_nothing_hidden(worlds, form, tmp_path):
    """Read from the worker's folder while a query runs: the bytes, and so row groups, sizes, dictionaries and filters, are those of
    data in which the hidden rows never were."""
    linked = in_all(worlds, lambda mesh: sorted(linked_files(mesh, form)))
    for mesh, files in zip(worlds, linked):
        assert files, "nothing is linked"
        for data in files:
            check_file(data, mesh.world, f"{form.table} of {mesh.world.name}")
            path = tmp_path / "linked.parquet"
            path.write_bytes(data)
            check_rows(path, form)
        if mesh.world.order == worlds[0].world.order:
            assert [proof_files.layout(data) for data in files] == [proof_files.layout(data) for data in linked[0]]
            assert files == linked[0]
        if FULL:
            assert sum(len(proof_files.layout(data)) for data in files) > 1, "several row groups"


def test_no_file_that_was_ever_linked_holds_a_hidden_value(worlds):
    """Of all questions above, by the server's own record."""
    for mesh in worlds:
        paths = recorded_files(mesh)
        assert len(paths) >= len(FORMS)
        for path in paths:
            assert path.stat().st_mode & 0o777 == 0o444
            if "entitlements" not in str(path):
                check_file(path.read_bytes(), mesh.world, path)
                check_rows(path, None)


def test_the_owner_sees_what_she_does_not(worlds):
    """Else the stories above would compare nothing with nothing."""
    for mesh in worlds:
        seen, hidden = proof_worlds.SIZES[SIZE]
        rows = seen + int(hidden * mesh.world.hidden)
        texts = f"SELECT count(*), count(*) FILTER (contains(email, '{MARK.decode()}')) > 0, max(big) > 500000 FROM sales.orders.member"
        status, answer = mesh.server.query(texts, as_user="ana")
        assert (status, answer["rows"]) == (200, [[rows, True, mesh.world.hidden > 0]])
        for form in FORMS:
            count = f"SELECT count(*) FROM sales.orders.{form.table}"
            mine = mesh.server.query(count, as_user="noor")[1]["rows"][0][0]
            assert mine in (seen, seen * 9 // 10), (form.table, mine)
            whole = mesh.server.query(count, as_user="ana")[1]["rows"][0][0]
            assert whole == (seen if form.seen_only else rows)


def test_the_log_holds_no_value_of_a_row(worlds):
    for mesh in worlds:
        mesh.server.query("SELECT sum(note::INTEGER) FROM sales.orders.member", as_user="ana")  # her error names a value, the log does not
        log = (mesh.folder / "server.log").read_text()
        assert MARK.decode() not in log.replace("'zzsecret", "") and "seen-and-odd" not in log

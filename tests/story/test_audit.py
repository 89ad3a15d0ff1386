"""The audit: what it keeps, who sees it, and that nobody changes it unnoticed."""

import hashlib
import json
import signal
import sqlite3
import stat
import struct
import subprocess
import threading

import pytest

from conftest import WEFT, wait_for_end
from story_help import ORDERS, audit, edit, seal, told, wait_until

SECRET = "hunter2-4111"


def ask(mesh, sql, user="noor", ok=True, **how):
    return mesh.weft("query", sql, "--as", user, "--format", "ndjson", ok=ok, **how)


def verify(mesh, *args, ok=None):
    answer = mesh.weft("audit", "verify", "--format", "json", *args, ok=ok)
    return answer, (json.loads(answer.out) if answer.out.startswith("{") else None)


def last(mesh, action):
    return [row for row in audit(mesh) if row["action"] == action][-1]


# ---- tampering, by somebody who has the file

class Attacker:
    """The catalog of a home that nobody serves, with the triggers gone."""

    def __init__(self, mesh):
        wait_for_end(mesh.home)
        self.path = mesh.home / "catalog.db"
        self.db = sqlite3.connect(self.path, isolation_level=None)
        self.db.execute("DROP TRIGGER IF EXISTS audit_is_not_changed")
        self.db.execute("DROP TRIGGER IF EXISTS audit_is_not_removed")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.db.close()
        seal(self.path)

    def run(self, script):
        self.db.executescript(script)

    def rows(self):
        self.db.row_factory = sqlite3.Row
        return [dict(row) for row in self.db.execute("SELECT * FROM audit ORDER BY sequence")]

    def forge_from(self, first):
        """All rows from this one on, hashed anew, as docs/audit.md says they are."""
        rows = self.rows()
        previous = rows[first - 2]["hash"] if first > 1 else "0" * 64
        for row in rows[first - 1:]:
            row["previous_hash"] = previous
            previous = row_hash(row)
            self.db.execute("UPDATE audit SET previous_hash = ?, hash = ? WHERE sequence = ?",
                            (row["previous_hash"], previous, row["sequence"]))


def number(n):
    return struct.pack("<Q", n % 2**64)


def text(s):
    return number(len(s.encode())) + s.encode()


def row_hash(row):
    data = text("weft-audit-2") + number(row["sequence"]) + number(row["time_us"])
    for key in ("actor", "on_behalf", "action", "object", "outcome", "detail"):
        data += text(row[key])
    data += number(row["version"]) + text(row["actor_kind"]) + text(row["door"]) + number(row["query"]) + text(row["record"])
    return hashlib.sha256(data + text(row["previous_hash"])).hexdigest()


@pytest.fixture
def asked(applied):
    """Some queries of two users, one refused, and an exported head."""
    ask(applied, "SELECT count(*) AS n FROM sales.orders.orders")
    ask(applied, "SELECT email FROM sales.orders.orders WHERE id = 1")
    ask(applied, "SELECT 1 FROM sales.orders.orders", user="eve", ok=False)
    applied.weft("audit", "head", "--out", "head.json")
    ask(applied, "SELECT id FROM sales.orders.orders")
    return applied


QUERY = "(SELECT sequence FROM audit WHERE action = 'query' AND outcome = 'allowed' ORDER BY sequence LIMIT 1)"
TAMPERINGS = {
    "an edited row": (f"UPDATE audit SET actor = 'ana' WHERE sequence = {QUERY}", "edited"),
    "an edited outcome of a refusal": ("UPDATE audit SET outcome = 'allowed' WHERE action = 'query' AND outcome = 'denied'", "edited"),
    "an edited time": ("UPDATE audit SET time_us = time_us - 86400000000 WHERE sequence = 3", "edited"),
    "an edited link": ("UPDATE audit SET previous_hash = hash WHERE sequence = 4", "edited"),
    "a deleted row": ("DELETE FROM audit WHERE sequence = 4", "missing"),
    "the first row deleted": ("DELETE FROM audit WHERE sequence = 1", "missing"),
    "a deleted row, and those behind moved up":
        ("DELETE FROM audit WHERE sequence = 4; UPDATE audit SET sequence = -sequence WHERE sequence > 4;"
         "UPDATE audit SET sequence = -sequence - 1 WHERE sequence < 0", "missing"),
    "two rows swapped":
        ("UPDATE audit SET sequence = 9999 WHERE sequence = 3; UPDATE audit SET sequence = 3 WHERE sequence = 5;"
         "UPDATE audit SET sequence = 5 WHERE sequence = 9999", "out of order"),
    "a row put in":
        ("UPDATE audit SET sequence = -sequence WHERE sequence > 3; UPDATE audit SET sequence = 1 - sequence WHERE sequence < 0;"
         "INSERT INTO audit SELECT 4, time_us, actor, on_behalf, action, object, outcome, detail, previous_hash, hash, version,"
         " actor_kind, door, query, record FROM audit WHERE sequence = 2", "inserted"),
    "the text of a query": ("UPDATE query SET text = 'SELECT 1' WHERE sequence = 1", "edited"),
    "the rows that a query got": ("UPDATE query SET rows = 0 WHERE sequence = 2", "edited"),
    "the release that a query read": ("UPDATE query_table SET release = 7 WHERE query = 1", "edited"),
    "the class that a query read": ("UPDATE query_table SET class_id = 'x' WHERE query = 1", "edited"),
    "the policies that decided": ("UPDATE query_table SET policies = '[]' WHERE query = 1", "edited"),
    "a column that a query read": ("DELETE FROM query_column WHERE name = 'email'", "edited"),
    "a query gone": ("PRAGMA foreign_keys = ON; DELETE FROM query WHERE sequence = 2", "missing"),
    "a query that nobody asked":
        ("INSERT INTO query (id, time_us, actor, on_behalf, purpose, text, digest, policy_version, outcome)"
         " VALUES ('x', 1, 'noor', '', '', 'SELECT 1', '', 1, 'done')", "inserted"),
}


@pytest.mark.parametrize("what", TAMPERINGS)
def test_tampering_is_found_and_its_place_named(asked, what):
    script, fault = TAMPERINGS[what]
    assert verify(asked, ok=True)[1]["whole"]
    with Attacker(asked) as attacker:
        before = attacker.rows()
        attacker.run(script)
        after = attacker.rows()
    answer, verdict = verify(asked)
    assert answer.code == 70, answer
    assert not verdict["whole"] and verdict["fault"] == fault, verdict
    changed = [b["sequence"] for b, a in zip(before, after) if a != b]
    if changed:
        assert verdict["broken_at"] == changed[0], verdict
    assert str(verdict["broken_at"]) in verdict["reason"] or "query" in verdict["reason"], verdict
    whole = asked.weft("verify", "--format", "json", ok=False)
    assert whole.code == 70 and not whole.json["audit"]["whole"], whole


def test_a_past_that_was_written_anew_is_found_by_the_exported_head_alone(asked):
    """Whoever has the disk can compute all hashes; a head that is kept elsewhere he cannot reach."""
    with Attacker(asked) as attacker:
        attacker.run("UPDATE audit SET actor = 'ana' WHERE sequence = 3")
        attacker.forge_from(3)
    assert verify(asked, ok=True)[1]["whole"]
    answer, verdict = verify(asked, "--head", "head.json")
    head = json.loads((asked.folder / "head.json").read_text())
    assert answer.code == 70 and verdict["fault"] == "rewritten" and verdict["broken_at"] == head["sequence"], verdict
    assert "head" in verdict["reason"]


def test_a_tail_that_was_cut_is_found_by_the_exported_head_alone(asked):
    head = json.loads((asked.folder / "head.json").read_text())
    with Attacker(asked) as attacker:
        cut = next(row for row in attacker.rows() if row["outcome"] == "denied")
        attacker.run(f"DELETE FROM audit WHERE sequence >= {cut['sequence']};"
                     f"PRAGMA foreign_keys = ON; DELETE FROM query WHERE sequence >= {cut['query']};"
                     f"UPDATE sqlite_sequence SET seq = {cut['query'] - 1} WHERE name = 'query'")
        left = len(attacker.rows())
        # The last start would tell by its own row that something is left: what the attacker leaves fits.
        attacker.db.execute("UPDATE home_state SET is_open = 0")
    answer, verdict = verify(asked, "--catalog", asked.home / "catalog.db", "--head", "head.json", "--key", head["key"])
    assert answer.code == 70 and verdict["fault"] == "truncated", answer
    assert verdict["broken_at"] == left + 1 and f"after row {left}" in verdict["reason"], verdict
    assert verify(asked, "--catalog", asked.home / "catalog.db", ok=True)[1]["whole"]
    # Rows that come later do not hide it: then the row of that number is another.
    for _ in range(10):
        ask(asked, "SELECT 1 AS one")
    assert verify(asked, ok=True)[1]["whole"]
    assert verify(asked, "--head", "head.json")[1]["fault"] == "rewritten"


# ---- heads

def test_a_head_is_signed_by_the_home(asked):
    head = json.loads((asked.folder / "head.json").read_text())
    key = asked.weft("audit", "key").out.strip()
    assert head["mesh"] == "acme" and head["key"] == key and len(key) == 64
    assert stat.S_IMODE((asked.home / "audit.key").stat().st_mode) == 0o600
    assert verify(asked, "--head", "head.json", ok=True)[1]["whole"]
    assert verify(asked, "--head", f"{head['hash']}:{head['sequence']}", ok=True)[1]["whole"]
    # It is asked for over HTTP as well, by administrators.
    server = asked.serve()
    token = asked.weft("token", "create", "noor", "--format", "json").json["token"]
    assert server.call("GET", "/api/v1/audit/head", token=token)[0] == 403
    assert server.call("GET", "/api/v1/audit/key", token=token)[1]["key"] == key
    status, verdict = server.call("POST", "/api/v1/audit/verify", {"head": head})
    assert status == 200 and verdict["whole"], verdict


@pytest.mark.parametrize("field, value, word", [
    ("sequence", 2, "signature"), ("hash", "0" * 64, "signature"), ("home", "x", "signature"), ("mesh", "x", "signature"),
    ("time", "2020-01-01T00:00:00.000000Z", "signature"), ("key", "ab" * 32, "signature"), ("signature", "00", "signature"),
    ("hash", "12", "hex digits"), ("sequence", "x", "no number"), ("time", "soon", "time"), ("hash", None, "lacks hash"),
    ("signature", None, "lacks signature"), ("hash", [1], "not a text")])
def test_a_head_that_was_changed_is_refused(asked, field, value, word):
    head = json.loads((asked.folder / "head.json").read_text())
    head[field] = value
    if value is None:
        del head[field]
    asked.write("changed.json", json.dumps(head))
    answer = asked.weft("audit", "verify", "--head", "changed.json", ok=False)
    assert answer.code == 65 and word in answer.err, answer


@pytest.mark.parametrize("given, code", [("no-such-file", 66), ("mesh.yaml", 65), ("12:3", 66), ("data/orders.csv", 65)])
def test_what_is_no_head_is_refused(asked, given, code):
    answer = asked.weft("audit", "verify", "--head", given, ok=False)
    assert answer.code == code and answer.out == "", answer


def test_a_head_of_another_home_or_key_is_refused(asked):
    key = asked.weft("audit", "key").out.strip()
    (asked.home / "audit.key").rename(asked.folder / "old.key")
    wait_for_end(asked.home)
    assert asked.weft("audit", "key").out.strip() != key
    answer = asked.weft("audit", "verify", "--head", "head.json", ok=False)
    assert answer.code == 65 and "signed by the key" in answer.err and "--key" in answer.err, answer
    assert verify(asked, "--head", "head.json", "--key", key, ok=True)[1]["whole"]


def test_a_key_that_others_can_read_stops_the_start(applied):
    wait_for_end(applied.home)
    (applied.home / "audit.key").chmod(0o644)
    answer = applied.weft("status", ok=False)
    assert "audit.key can be read by others" in told(answer) + (applied.home / "serve.log").read_text(), answer


def test_verification_tells_how_far_it_is(asked):
    server = asked.serve()
    status, lines = server.call("POST", "/api/v1/audit/verify", {}, headers={"Accept": "application/x-ndjson"}, raw=True)
    told = [json.loads(line) for line in lines.splitlines()]
    assert status == 200 and list(told[-1]) == ["verdict"] and told[-1]["verdict"]["whole"]
    rows = told[-1]["verdict"]["rows"]
    assert told[:-1] == [{"progress": {"rows": rows, "of": rows}}]
    assert server.call("POST", "/api/v1/audit/verify", {"hed": {}})[0] == 400


def test_an_auditor_verifies_a_copy_without_a_server(asked, tmp_path):
    key = asked.weft("audit", "key").out.strip()
    wait_for_end(asked.home)
    copy = tmp_path / "copy"
    copy.mkdir()
    bytes_before = (asked.home / "catalog.db").read_bytes()
    (copy / "catalog.db").write_bytes(bytes_before)
    head = asked.folder / "head.json"
    verdict = asked.weft("audit", "verify", "--catalog", copy / "catalog.db", "--head", head, "--key", key, "--format", "json", cwd=copy).json
    assert verdict["whole"] and verdict["queries"] == 4, verdict
    assert (copy / "catalog.db").read_bytes() == bytes_before and [p.name for p in copy.iterdir()] == ["catalog.db"]
    answer = asked.weft("audit", "verify", "--catalog", copy / "catalog.db", "--head", head, ok=False)
    assert "--key" in answer.err, answer
    answer = asked.weft("audit", "verify", "--catalog", copy / "none.db", ok=False)
    assert answer.code == 74 and "none.db" in answer.err, answer
    answer = asked.weft("audit", "verify", "--catalog", asked.folder / "mesh.yaml", ok=False)
    assert answer.code == 70, answer


# ---- what is kept

def test_a_query_leaves_all_that_it_was_about(applied):
    applied.write("policies/mask.policy.yaml",
                  "apiVersion: weft/v1\nkind: Policy\nid: mask-pii\nowner: guild\n"
                  "mask: {columns: {classification: [pii]}, with: {method: \"null\"}}\n")
    applied.weft("apply", "--yes")
    server = applied.serve()
    token = server.call("POST", "/api/v1/tokens", {"user": "noor"})[1]["token"]
    sql = "SELECT id, email FROM sales.orders.orders WHERE country = 'CH'"
    status, answer = server.call("POST", "/api/v1/query", {"sql": sql, "purpose": "reporting"}, token=token)
    assert status == 200 and len(answer["rows"]) == 2
    ask(applied, "SELECT count(*) FROM sales.orders.orders")
    wait_until("the end", lambda: len([r for r in audit(applied) if r["action"] == "query.end"]) == 2)
    rows = audit(applied)
    query = next(r for r in rows if r["action"] == "query")
    assert (query["actor"], query["actor_kind"], query["door"], query["purpose"]) == ("noor", "user", "http", "reporting")
    assert query["text"] == sql and query["outcome"] == "allowed" and query["on_behalf"] is None
    (table,) = query["detail"]["tables"]
    assert table["table"] == "sales.orders.orders" and table["release"] == 1
    assert sorted(table["read"]) == ["country", "email", "id"] and len(table["linked"]) == 1
    assert table["classes"] == [table["linked"][0].split("/")[0]] and len(table["classes"][0]) == 64
    decided = {(p["effect"], p["policy"]) for p in table["policies"]}
    assert decided == {("grant", "analysts-read-orders"), ("mask", "mask-pii")}
    assert query["detail"]["policyVersion"] > 0
    end = query["end"]
    assert (end["outcome"], end["rows"], end["error"]) == ("done", 2, None) and end["bytes"] > 0
    ended = next(r for r in rows if r["action"] == "query.end")
    assert ended["object"] == query["object"] and ended["actor"] == "noor"
    assert ended["detail"] == {"rows": 2, "bytes": end["bytes"], "error": ""}
    by_command = [r for r in rows if r["action"] == "query"][-1]
    assert by_command["door"] == "cli" and by_command["on_behalf"] and by_command["actor"] == "noor"


def test_columns_are_recorded_as_their_table_spells_them(shop):
    edit(shop, f"{ORDERS}/orders.odcs.yaml", "{name: country,", "{name: Land,")
    edit(shop, f"{ORDERS}/orders.sql", "country", 'country AS "Land"')
    shop.weft("apply", "--yes")
    shop.weft("run", "--all")
    ask(shop, "SELECT land FROM sales.orders.orders WHERE ID = 1")
    ask(shop, "SELECT * FROM sales.orders.orders")
    some, every = [r["detail"]["tables"][0]["read"] for r in audit(shop) if r["action"] == "query"]
    assert sorted(some) == ["Land", "id"] and set(every) == {"id", "customer", "email", "Land", "amount", "ordered_on"}


def test_a_query_names_all_classes_that_it_read(applied):
    """One of each value where a table is cleared by value; none where originals serve, or where no row is his."""
    applied.write("mesh.yaml", (applied.folder / "mesh.yaml").read_text().replace(
        "  eve: {groups: [visitors]}\n",
        "  eve: {groups: [visitors]}\n" + "".join(
            f"  {name}: {{groups: [analysts], attributes: {{regions: [{regions}]}}}}\n"
            for name, regions in {"two": "CH, DE", "swiss": "CH", "none": "IT"}.items())))
    applied.write("policies/rows.policy.yaml",
                  "apiVersion: weft/v1\nkind: Policy\nid: rows\nowner: guild\n"
                  "filter: {tables: {tag: [customer-rows]}, where: \"country = ANY($actor.regions)\", except: {users: [noor]}}\n")
    applied.weft("apply", "--yes")
    server = applied.serve()
    for user, rows in {"two": 3, "swiss": 2, "none": 0, "noor": 4}.items():
        assert server.query("SELECT count(*) FROM sales.orders.orders", as_user=user)[1]["rows"] == [[rows]]
    read = {r["actor"]: r["detail"]["tables"][0] for r in audit(applied) if r["action"] == "query"}
    assert {user: len(table["classes"]) for user, table in read.items()} == {"two": 2, "swiss": 1, "none": 0, "noor": 0}
    assert set(read["swiss"]["classes"]) < set(read["two"]["classes"]), "the class of a value is shared"
    for table in (read["two"], read["swiss"]):
        assert table["classes"] == sorted({name.split("/")[0] for name in table["linked"]})
        assert all(list((applied.home / "cleared").rglob(name)) for name in table["linked"])
    # The owner of the table reads the same; he who asked finds it in his own rows.
    tokens = {user: server.call("POST", "/api/v1/tokens", {"user": user})[1]["token"] for user in ("ana", "two")}
    owners = {r["actor"]: r["reads"][0]["classes"] for r in shown(server, tokens["ana"]) if r["action"] == "query"}
    assert owners == {user: table["classes"] for user, table in read.items()}
    (own,) = [r["detail"]["tables"][0] for r in shown(server, tokens["two"]) if r["action"] == "query"]
    assert own["classes"] == read["two"]["classes"] and "linked" not in own
    # So does the explanation, before anything is read.
    explained = server.call("POST", "/api/v1/explain", {"sql": "SELECT 1 FROM sales.orders.orders"}, as_user="two")[1]
    assert explained["tables"][0]["cleared_files"]["classes"] == read["two"]["classes"]
    applied.weft("audit", "verify")


def test_refused_and_failed_queries_are_kept_too(applied):
    ask(applied, "SELECT id FROM sales.orders.orders", user="eve", ok=False)
    ask(applied, "SELECT 1 FROM read_csv('/etc/passwd')", ok=False)
    ask(applied, "SELECT error('x') FROM sales.orders.orders", ok=False)
    queries = [r for r in audit(applied) if r["action"] == "query"]
    assert [q["outcome"] for q in queries] == ["denied", "denied", "allowed"]
    assert queries[0]["detail"]["error"] == "DENIED" and queries[1]["detail"]["error"] == "REFUSED"
    (table,) = queries[0]["detail"]["tables"]
    assert table["table"] == "sales.orders.orders" and table["linked"] == []
    assert {p["effect"] for p in table["policies"]} == {"deny"}
    wait_until("the end", lambda: last(applied, "query")["end"]["outcome"] == "failed")
    assert verify(applied, ok=True)[1]["queries"] == 3


# ---- literals

def holds(home, word):
    wait_for_end(home)
    return [p.name for p in home.glob("catalog.db*") if word.encode() in p.read_bytes()]


def test_literals_are_kept_unless_the_mesh_says_otherwise(applied):
    ask(applied, f"SELECT id FROM sales.orders.orders WHERE customer = '{SECRET}' AND amount > 12.75 /* {SECRET} */")
    assert last(applied, "query")["text"].count(SECRET) == 2
    assert holds(applied.home, SECRET)


@pytest.mark.parametrize("rule", ["literals: redact", "literals: redact, tables: [sales.orders.orders]",
                                  "literals: redact, tags: [pii]", "literals: redact, tags: [customer-rows]"])
def test_literals_leave_no_trace_where_the_mesh_says_so(applied, rule):
    path = applied.folder / "mesh.yaml"
    path.write_text(path.read_text() + f"audit: {{{rule}}}\n")
    applied.weft("apply", "--yes")
    ask(applied, f"SELECT id FROM sales.orders.orders WHERE customer = '{SECRET}' AND amount > 12.75 --{SECRET}")
    # What is refused before its names mean anything may be about any table.
    ask(applied, f"SELECT id FROM sales.nothing WHERE customer = '{SECRET}'", ok=False)
    ask(applied, f"SELEKT '{SECRET}'", ok=False)
    ask(applied, f"SELECT id FROM sales.orders.orders WHERE customer = '{SECRET}'", user="eve", ok=False)
    texts = [r["text"] for r in audit(applied) if r["action"] == "query"]
    assert texts[0] == "SELECT id FROM sales.orders.orders WHERE customer = ? AND amount > ?  "
    assert texts[2] == "SELEKT ?" and texts[3].endswith("customer = ?")
    assert holds(applied.home, SECRET) == []
    assert verify(applied, ok=True)[1]["whole"]


def test_literals_of_other_tables_are_kept(applied):
    path = applied.folder / "mesh.yaml"
    path.write_text(path.read_text() + "audit: {literals: redact, tables: [sales.orders.others], tags: [secret]}\n")
    applied.weft("apply", "--yes")
    ask(applied, f"SELECT id FROM sales.orders.orders WHERE customer = '{SECRET}'")
    ask(applied, f"SELECT '{SECRET}' AS x FROM mesh.products")
    assert [SECRET in r["text"] for r in audit(applied) if r["action"] == "query"] == [True, True]


@pytest.mark.parametrize("rule, word", [("literals: hide", "keep"), ("tables: [a.b.c]", "literals"), ("{literals: keep, foo: 1}", "foo")])
def test_a_wrong_rule_for_literals_is_an_error_with_its_place(shop, rule, word):
    path = shop.folder / "mesh.yaml"
    path.write_text(path.read_text() + f"audit: {{{rule.strip('{}')}}}\n")
    answer = shop.weft("check", ok=False)
    assert answer.code == 65 and word in told(answer) and "mesh.yaml:" in told(answer), answer


# ---- who sees what

def shown(server, token, query=""):
    status, answer = server.call("GET", f"/api/v1/audit{query}", token=token)
    assert status == 200, answer
    return answer["audit"]


def test_users_see_their_own_rows_and_owners_the_reads_of_their_tables(applied):
    applied.write("mesh.yaml", (applied.folder / "mesh.yaml").read_text().replace(
        "admins: [user:root]", "admins: [user:root, user:eve]"))
    applied.weft("apply", "--yes")
    server = applied.serve()
    tokens = {user: server.call("POST", "/api/v1/tokens", {"user": user})[1]["token"] for user in ("ana", "noor", "eve")}
    server.query(f"SELECT  ID FROM sales.orders.orders WHERE customer IN ('{SECRET}', 'b') --{SECRET}", token=tokens["noor"])
    server.query(f"SELECT '{SECRET}' AS x", token=tokens["noor"])
    server.query("SELECT count(*) FROM sales.orders.orders", token=tokens["ana"])

    own = shown(server, tokens["noor"])
    assert {r["actor"] for r in own} == {"noor"} and SECRET in own[0]["text"] and own[0]["detail"]
    assert not any(r["action"] == "apply" for r in own)

    seen = shown(server, tokens["ana"])
    assert {r["actor"] for r in seen} == {"ana", "noor"}
    (read,) = [r for r in seen if r["actor"] == "noor"]
    assert SECRET not in json.dumps(read) and "text" not in read and "detail" not in read and "hash" not in read
    assert read["fingerprint_text"] == "select id from sales.orders.orders where customer in (?)"
    assert read["reads"] == [{"table": "sales.orders.orders", "release": 1, "classes": [], "columns": ["customer", "id"]}]
    # Another spelling is the same question.
    server.query("select id from sales.orders.orders where customer in ('c')", token=tokens["noor"])
    again = [r for r in shown(server, tokens["ana"]) if r["actor"] == "noor"][-1]
    assert again["fingerprint"] == read["fingerprint"] and len(again["fingerprint"]) == 16

    everything = shown(server, tokens["eve"], "?limit=1000")
    assert {"apply", "home.open", "token.create", "query", "publish"} <= {r["action"] for r in everything}
    assert any(r["actor"] == "noor" and SECRET in (r.get("text") or "") for r in everything)


def test_a_fingerprint_names_no_table_that_its_reader_may_not_discover(applied):
    """Noor joins a table of ana's with one of another domain that ana knows nothing of."""
    from conftest import DOMAIN, OUTPUT, PRODUCT, SOURCE, SQL
    applied.write("domains/vault/domain.yaml", DOMAIN.replace("sales", "vault").replace("Sales", "Vault").replace("user:ana", "user:noor")
                  .replace("members: [group:shop-team]\n", ""))
    applied.write("domains/vault/keys/product.odps.yaml", PRODUCT.replace("sales-orders", "vault-keys").replace("name: orders", "name: keys", 1)
                  .replace("shop-files", "vault-files").replace("contractId: orders", "contractId: keys")
                  + "customProperties: [{property: visibility, value: restricted}]\n")
    applied.write("domains/vault/keys/shop.odcs.yaml", SOURCE.replace("shop-files", "vault-files"))
    applied.write("domains/vault/keys/keys.odcs.yaml", OUTPUT.replace("id: orders", "id: keys").replace("name: orders\n", "name: keys\n"))
    applied.write("domains/vault/keys/keys.sql", SQL)
    applied.weft("apply", "--yes")
    applied.weft("run", "--all")
    ask(applied, "SELECT o.id FROM sales.orders.orders o JOIN vault.keys.keys k ON o.id = k.id")
    server = applied.serve()
    token = server.call("POST", "/api/v1/tokens", {"user": "ana"})[1]["token"]
    (read,) = [r for r in shown(server, token) if r["actor"] == "noor"]
    assert "vault" not in json.dumps(read) and read["fingerprint_text"] is None and len(read["fingerprint"]) == 16
    assert [r["table"] for r in read["reads"]] == ["sales.orders.orders"]


def test_a_user_named_like_the_operator_sees_nothing_of_his(applied):
    """An operator's name is that of an account of the machine: another world than the users'."""
    server = applied.serve()
    operator = audit(applied)[0]["actor"]
    assert audit(applied)[0]["actor_kind"] == "operator"
    server.call("POST", "/api/v1/users", {"name": operator})
    path = applied.folder / "mesh.yaml"
    path.write_text(path.read_text().replace("admins: [user:root]", "admins: [user:boss]"))
    applied.weft("apply", "--yes")
    token = server.call("POST", "/api/v1/tokens", {"user": operator})[1]["token"]
    assert shown(server, token, "?limit=1000") == []


def test_rows_are_chosen_by_actor_action_object_and_time(asked):
    asked.serve()  # one that stays: each that comes or goes leaves rows of its own

    def show(*args):
        return asked.weft("audit", "show", "--format", "json", *args).json
    assert {r["actor"] for r in show("--actor", "eve")} == {"eve"}
    assert {r["action"] for r in show("--action", "query", "--limit", "1000")} == {"query", "query.end"}
    assert {r["action"] for r in show("--action", "query.end")} == {"query.end"}
    assert {r["object"] for r in show("--object", "mesh")} == {"mesh"}
    of_table = show("--object", "sales.orders", "--limit", "1000")
    assert {"publish", "query"} <= {r["action"] for r in of_table}
    everything = show("--limit", "1000")
    assert [r["sequence"] for r in everything] == list(range(1, len(everything) + 1))
    assert show("--limit", "2") == everything[-2:]
    assert [r["sequence"] for r in show("--after", "2", "--limit", "3")] == [3, 4, 5]
    middle = everything[4]["time"]
    assert all(r["time"] >= middle for r in show("--since", middle)) and show("--since", "2100-01-01") == []
    assert all(r["time"] < middle for r in show("--until", middle, "--limit", "1000"))
    table = asked.weft("audit", "show", "--action", "query", "--actor", "eve").out
    assert "eve" in table and "SELECT 1 FROM sales.orders.orders" in table
    assert asked.weft("audit", "show", "--format", "csv", "--limit", "1").out.startswith("sequence,time,actor,")


@pytest.mark.parametrize("args, word", [(("--since", "yesterday"), "2027-01-31"), (("--limit", "0"), "whole number"), (("extra",), "no arguments")])
def test_a_wrong_filter_is_refused(applied, args, word):
    answer = applied.weft("audit", "show", *args, ok=False)
    assert answer.code == 2 and word in answer.err, answer


def test_a_misspelt_filter_shows_nothing(applied):
    server = applied.serve()
    status, answer = server.call("GET", "/api/v1/audit?aktor=noor")
    assert status == 400 and "aktor" in answer["detail"], answer


@pytest.mark.parametrize("args", [(), ("--after", "3")])
def test_follow_shows_rows_as_they_come(applied, args):
    server = applied.serve()
    follower = subprocess.Popen([WEFT, "audit", "show", "--follow", "--action", "query", "--format", "json", *args],
                                cwd=applied.folder, env=applied.env, stdout=subprocess.PIPE, text=True)
    seen = []
    reader = threading.Thread(target=lambda: seen.extend(json.loads(line) for line in follower.stdout))
    reader.start()
    server.query("SELECT 1 AS first", as_user="noor")
    wait_until("the first", lambda: any(r.get("text") == "SELECT 1 AS first" for r in list(seen)))
    server.query("SELECT 2 AS second", as_user="noor")
    wait_until("the second", lambda: any(r.get("text") == "SELECT 2 AS second" for r in list(seen)))
    follower.send_signal(signal.SIGINT)
    assert follower.wait(60) == 130
    reader.join()
    numbers = [r["sequence"] for r in seen]
    assert numbers == sorted(set(numbers)) and {r["action"] for r in seen} <= {"query", "query.end"}


# ---- changes

def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def test_an_apply_leaves_what_it_changed(applied):
    mesh_before = (applied.folder / "mesh.yaml").read_text()
    policy = (applied.folder / "policies/analysts.policy.yaml").read_text()
    mesh_after = mesh_before.replace("eve: {groups: [visitors]}", "zoe: {groups: [visitors]}").replace(
        "noor: {groups: [analysts]}", "noor: {groups: [analysts, visitors], attributes: {regions: [CH]}}")
    applied.write("mesh.yaml", mesh_after)
    (applied.folder / "policies/analysts.policy.yaml").unlink()
    other = policy.replace("analysts-read-orders", "visitors-read").replace("[analysts]", "[visitors]")
    applied.write("policies/visitors.policy.yaml", other)
    applied.weft("apply", "--yes")
    row = last(applied, "apply")
    detail = row["detail"]
    assert row["object"] == "mesh" and row["actor_kind"] == "operator" and row["door"] == "cli"
    files = {f["path"]: (f["before"], f["after"]) for f in detail["files"]}
    assert files == {"mesh.yaml": (sha256(mesh_before), sha256(mesh_after)),
                     "policies/analysts.policy.yaml": (sha256(policy), None),
                     "policies/visitors.policy.yaml": (None, sha256(other))}
    assert {(p["action"], p["id"], p["effect"]) for p in detail["policies"]} == {
        ("removed", "analysts-read-orders", "grant"), ("added", "visitors-read", "grant")}
    users = {u["name"]: u for u in detail["users"]}
    assert {n: u["action"] for n, u in users.items()} == {"zoe": "added", "eve": "removed", "noor": "changed"}
    assert users["noor"]["groups"] == ["analysts", "visitors"] and users["noor"]["attributes"] == {"regions": ["CH"]}


def test_users_groups_and_tokens_leave_rows(applied):
    applied.weft("user", "add", "kim")
    applied.weft("group", "add", "analysts", "kim")
    token = applied.weft("token", "create", "kim", "--label", "laptop", "--format", "json").json
    applied.weft("token", "revoke", str(token["id"]))
    applied.weft("group", "remove", "analysts", "kim")
    applied.weft("user", "remove", "kim")
    rows = [r for r in audit(applied) if r["action"].split(".")[0] in ("user", "group", "token")]
    assert [(r["action"], r["object"]) for r in rows] == [
        ("user.add", "kim"), ("group.join", "kim"), ("token.create", "kim"), ("token.revoke", str(token["id"])),
        ("group.leave", "kim"), ("user.remove", "kim")]
    assert rows[1]["detail"] == {"group": "analysts"} and rows[2]["detail"]["label"] == "laptop"
    assert token["token"] not in json.dumps(rows)


def test_what_somebody_may_not_do_leaves_a_row(applied):
    server = applied.serve()
    token = server.call("POST", "/api/v1/tokens", {"user": "noor"})[1]["token"]
    assert server.call("POST", "/api/v1/users", {"name": "mallory"}, token=token)[0] == 403
    row = last(applied, "request")
    assert (row["actor"], row["object"], row["outcome"], row["door"]) == ("noor", "POST /api/v1/users", "denied", "http")


def test_starts_ends_and_settings_leave_rows(applied):
    wait_for_end(applied.home)
    applied.serve(args=("--set", "query_rows_max=77"), http=False).stop()
    applied.serve(args=("--set", "query_rows_max=78"), http=False).kill()
    rows = audit(applied)
    changes = [r["detail"] for r in rows if r["action"] == "setting.change" and r["object"] == "query_rows_max"]
    assert changes[:2] == [{"before": "10000000", "after": "77"}, {"before": "77", "after": "78"}]
    opens = [r for r in rows if r["action"] == "home.open"]
    assert len({r["detail"]["home"] for r in opens}) == 1 and opens[0]["detail"]["key"] == applied.weft("audit", "key").out.strip()
    assert [r["detail"]["was_open"] for r in opens[-2:]] == [False, True]
    assert sum(r["action"] == "home.close" for r in rows) == len(opens) - 2


# ---- bad luck

def test_a_server_that_is_killed_leaves_its_query_without_an_end(applied):
    server = applied.serve()
    thread = threading.Thread(target=lambda: pytest.raises(Exception, server.query, "SELECT count(*) FROM range(100000000) a, range(1000) b",
                                                           as_user="noor"))
    thread.start()

    def announced():
        with sqlite3.connect(f"file:{applied.home}/catalog.db?mode=ro", uri=True) as db:
            return db.execute("SELECT count(*) FROM query WHERE outcome = 'running'").fetchone()[0]
    wait_until("the announcement", announced)
    assert server.call("POST", "/api/v1/audit/verify", {})[1]["queries_at_work"] == 1
    server.kill()
    thread.join()
    verdict = verify(applied, ok=True)[1]
    assert verdict["whole"] and verdict["queries_without_end"] == 1 and verdict["queries_at_work"] == 0
    end = last(applied, "query.end")
    assert end["outcome"] == "unknown" and end["actor"] == "noor" and last(applied, "query")["end"]["outcome"] == "unknown"
    assert "1 queries without an end" in (applied.home / "serve.log").read_text()


def test_a_clock_that_jumps_back_breaks_neither_chain_nor_order(applied):
    for now in ("2040-01-01T00:00:00Z", "2030-01-01T00:00:00Z", "1999-12-31T23:59:59Z"):
        wait_for_end(applied.home)
        ask(applied, f"SELECT '{now}' AS now", env={"WEFT_TEST_NOW": now})
    wait_for_end(applied.home)
    rows = audit(applied)
    assert [r["sequence"] for r in rows] == list(range(1, len(rows) + 1))
    asked = [r for r in rows if r["action"] == "query"]
    assert [r["time"][:4] for r in asked] == ["2040", "2030", "1999"]
    assert [r["text"][8:12] for r in asked] == ["2040", "2030", "1999"]
    assert verify(applied, ok=True)[1]["whole"]
    of_2030 = applied.weft("audit", "show", "--since", "2030-01-01", "--until", "2031-01-01", "--action", "query", "--format", "json").json
    assert {r["time"][:4] for r in of_2030} == {"2030"}

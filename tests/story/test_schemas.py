"""schemas/ say what the program says: files made from them, good ones and ones with a single fault, are judged by both."""

import copy
import json
import random
import re

import fastjsonschema
import pytest

from conftest import ROOT, WEFT
from standards_verdicts import check

ROUNDS = 400  # files of each kind

COLUMNS = {"classification": "pii", "tags": ["a"], "domain": "sales", "product": "sales.orders", "table": ["sales.orders.orders"],
           "column": "email"}
TABLES = {"domain": ["sales"], "product": "sales.orders", "table": "sales.orders.orders", "tag": "a", "classification": ["pii"],
          "column": ["email"]}
TAKERS = {"users": ["noor"], "groups": ["analysts"], "products": ["sales.orders"]}
EXCEPT = {"users": ["noor"], "groups": ["g"], "owners": True, "purposes": ["reporting"],
          "products": ["sales.orders", {"product": "sales.orders", "digest": "d"}]}


def policy(**effect):
    return {"apiVersion": "weft/v1", "kind": "Policy", "id": "a-policy", "description": "why", "owner": "ana", **effect}


def mask(**method):
    return policy(mask={"columns": COLUMNS, "with": method, "except": EXCEPT})


# Good files of each kind; together they have every key that its schema knows.
GOOD = {
    "mesh": [{
        "apiVersion": "weft/v1", "kind": "Mesh", "name": "acme", "description": "d", "admins": ["user:root", "group:g"],
        "guild": ["group:data-governance"], "fourEyes": True,
        "users": {"ana": {"groups": ["team"], "attributes": {"regions": ["CH", 1], "level": 3, "ok": False}, "description": "d"},
                  "noor": {}},
        "purposes": {"reporting": "Figures"},
        "sources": {"roots": ["data/", "/srv/a"], "hosts": ["db", "db.example.com:5432", "127.0.0.1", "[::1]:5432", "::1"]},
        "access": {"longest": "90d"}, "audit": {"literals": "redact", "tables": ["sales.orders.orders"], "tags": ["pii"]}}],
    "domain": [{
        "apiVersion": "weft/v1", "kind": "Domain", "name": "sales", "title": "Sales", "description": "d", "alignment": "source",
        "owners": ["user:ana"], "members": ["group:team"],
        "escalation": [{"after": "2h", "to": ["user:ana"]}, {"after": "30min", "to": ["group:g"]}]}],
    "policy": [
        policy(grant={"contract": "orders", "role": "reader", "to": TAKERS, "purposes": ["reporting"], "until": "2030-01-31",
                      "columns": COLUMNS}),
        policy(grant={"product": ["sales.orders"], "to": TAKERS, "tables": "sales.orders.orders"}),
        policy(grant={"products": "sales.orders", "to": TAKERS}),
        policy(deny={"tables": TABLES, "to": TAKERS, "purposes": ["reporting"], "except": EXCEPT}),
        policy(deny={"columns": COLUMNS}),
        policy(filter={"tables": TABLES, "where": "country = 'CH'", "except": EXCEPT}),
        mask(method=None), mask(method="null"), mask(method="constant", value="x"), mask(method="hash"),
        mask(method="partial", keepFirst=1, keepLast=2), mask(method="truncate", unit="month"), mask(method="bucket", width=10),
        mask(method="bucket", bounds=[1, 2.5]), mask(method="sql", expression="lower($value)"),
        policy(require={"query": "SELECT 1", "message": "m"}, severity="warning"),
        policy(waive={"policy": "other", "to": TAKERS, "tables": TABLES, "approver": "user:ana", "reason": "r", "until": "2030-01-31"}),
    ],
    "policytest": [{
        "apiVersion": "weft/v1", "kind": "PolicyTest", "description": "d", "cases": [
            {"name": "a", "table": "sales.orders.orders", "actor": "noor", "purpose": "reporting", "at": "2027-01-31",
             "rows": [{"a": 1}], "expect": [{"a": 1}], "count": 2, "hidden": ["b"], "entitlements": {"t": [{"a": 1}]}},
            {"name": "b", "table": "sales.orders.orders", "release": "latest", "denied": True, "reason": "r",
             "actor": {"user": "x", "groups": ["g"], "attributes": {"level": 3}}},
            {"name": "c", "table": "sales.orders.orders", "release": 3, "denied": True, "actor": {"product": "sales.orders"}}]}],
    "producttest": [{
        "apiVersion": "weft/v1", "kind": "ProductTest", "description": "d", "cases": [
            {"name": "a", "now": "2027-01-31", "ordered": True, "given": {"shop.orders": [{"a": 1}], "self.x": []},
             "expect": {"orders": [{"a": 1}]}}]}],
}

# What the program sees and a schema does not say: what addresses, dates, conditions, methods and effects mean.
BEYOND = [
    r"this is no (address|date|time|release|number|unit)", r"\(character \d+\)$", r"method \w+ (needs|takes)", "chooses nothing",
    "an empty list of purposes", "only a (require|denial) has", "a case expects rows or a denial", "the case gives", "so many rows",
    "a product has neither", "the list says already", "opens nothing", "speaks of tables or of columns", "approved by a person",
    "bounds ascend", "a width is more than zero", "these are no rows", "rows are given to a table", "the case expects nothing",
]


def schema_of(kind):
    return json.loads((ROOT / f"schemas/{kind}.schema.json").read_text())


def nodes(value, path=()):
    yield path, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in items:
        yield from nodes(child, (*path, key))


def at(document, path):
    for key in path:
        document = document[key]
    return document


def mutate(document, chance):
    """One change somewhere: often a fault, sometimes none."""
    made = copy.deepcopy(document)
    path, value = chance.choice([(p, v) for p, v in nodes(made) if p])
    parent, key = at(made, path[:-1]), path[-1]
    ways = ["other type", "null", "drop", "number", "text", "empty"]
    if isinstance(value, dict):
        ways += ["unknown key"] * 3
    if isinstance(value, list):
        ways += ["no entries", "twice", "null entry", "entry of another type"]
    if isinstance(value, str):
        ways += ["odd text"] * 3
    way = chance.choice(ways)
    if way == "drop":
        del parent[key]
    elif way == "unknown key":
        value[chance.choice(["xyzzy", "Name", "domains"])] = 1
    elif way in ("twice", "null entry", "entry of another type"):
        value.append({"twice": copy.deepcopy(value[0]) if value else 1, "null entry": None, "entry of another type": [[]]}[way])
    else:
        parent[key] = {"other type": chance.choice([{}, [], 7, True, "x", {"a": 1}, [1], ["a"]]), "null": None,
                       "number": chance.choice([0, -1, 1.5, 3]), "text": "some text", "empty": "", "no entries": [],
                       "odd text": chance.choice(["weft/v2", "a b", "user:", "role:x", "10", "2 h", "../x", "a:99999", "", "A", "5d",
                                                  "group:a:b", "*", "a:1:2", "x/..", "self", "[a]:0", "5000000000d"])}[way]
    return way, made


@pytest.mark.parametrize("kind", GOOD)
def test_good_files_have_every_key_and_pass_both(kind, tmp_path):
    schema = schema_of(kind)
    validate = fastjsonschema.compile(schema)
    files = []
    for i, document in enumerate(GOOD[kind]):
        validate(document)
        files.append(f"{i}.json")
        (tmp_path / files[-1]).write_text(json.dumps(document))
    for file, findings in check(WEFT, files, tmp_path).items():
        assert [f for f in findings if f["level"] == "error"] == [], (file, findings)
    used = {key for path, _ in nodes(GOOD[kind]) for key in path}
    known = set(schema["properties"]) | {key for part in schema.get("definitions", {}).values() for key in part["properties"]}
    assert known <= used, "a key of the schema that no good file has"


@pytest.mark.parametrize("kind", GOOD)
def test_files_with_a_fault_are_judged_alike(kind, tmp_path):
    validate = fastjsonschema.compile(schema_of(kind))
    chance, made = random.Random(5), {}
    for i in range(ROUNDS):
        way, document = mutate(chance.choice(GOOD[kind]), chance)
        # Which kind it is must not change: another one has another schema.
        if document.get("kind") != GOOD[kind][0]["kind"]:
            continue
        try:
            validate(document)
            good = True
        except fastjsonschema.JsonSchemaException:
            good = False
        made[f"{i}.json"] = way, document, good
        (tmp_path / f"{i}.json").write_text(json.dumps(document))
    judged = {True: 0, False: 0}
    for file, findings in check(WEFT, list(made), tmp_path).items():
        way, document, good = made[file]
        errors = [f["message"] for f in findings if f["level"] == "error"]
        judged[good] += 1
        if not good:
            assert errors, (way, document, "the schema refuses it, the program does not")
        else:
            strange = [e for e in errors if not any(re.search(beyond, e) for beyond in BEYOND)]
            assert strange == [], (way, document)
    # Both kinds of files were there to be judged.
    assert judged[True] > ROUNDS / 20 and judged[False] > ROUNDS / 4, judged

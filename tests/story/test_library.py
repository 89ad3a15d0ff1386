"""Ready policies of the library: each can be taken as it is, and finds what it is for."""

import pytest

from story_help import check, edit, errors, the_error

SETS = ["personal-data", "financial", "health", "residency", "naming", "documentation", "promises"]


@pytest.fixture(scope="session")
def retail(tmp_path_factory):
    from conftest import Mesh
    made = Mesh(tmp_path_factory.mktemp("library") / "retail")
    made.folder.mkdir()
    made.weft("init", "--example", "retail")
    yield made
    made.close()


@pytest.mark.parametrize("name", SETS)
def test_each_fits_the_retail_mesh(retail, name):
    before = set(retail.folder.rglob("*.policy.yaml"))
    answer = retail.weft("new", "policy", "ours", "--from", name)
    written = sorted(set(retail.folder.rglob("*.policy.yaml")) - before)
    try:
        assert written and all(f"wrote policies/{p.name}" in answer.err for p in written)
        assert all(p.name.startswith("ours-") and p.parent.name == "policies" for p in written)
        texts = [p.read_text() for p in written]
        assert all("owner: data-governance" in t and "{{" not in t for t in texts)
        assert any("\nrequire:" in t for t in texts)
        found = check(retail, ok=True)
        assert all(f["level"] in ("warning", "note") for f in found)
        refused = retail.weft("new", "policy", "ours", "--from", name, ok=False)
        assert refused.code == 75 and "is there already" in refused.err
        assert [p.read_text() for p in written] == texts
    finally:
        for path in written:
            path.unlink()


def make_strict(mesh):
    for path in mesh.folder.rglob("ours-*.policy.yaml"):
        path.write_text(path.read_text().replace("severity: warning", "severity: error"))


@pytest.mark.parametrize("name, change, found", [
    ("personal-data", None, {"ours-terms": "table_address sales.orders.orders, name email"}),
    ("personal-data", ("classification: pii", "description: x"), {"ours-labels": "table_address sales.orders.orders, name email"}),
    ("financial", ("classification: pii", "classification: financial"), {"ours-retention": "address sales.orders"}),
    ("health", ("classification: pii", "classification: health"),
     {"ours-terms": "table_address sales.orders.orders, name email", "ours-visibility": "address sales.orders"}),
    ("residency", ("tags: [customer-rows]", "tags: [residents, more]"), {}),
    ("residency", ("logicalType: string, physicalType: VARCHAR, required: true}", "logicalType: string, physicalType: VARCHAR}"), {}),
    ("naming", ("name: ordered_on", "name: ordered_at"), {"ours-times": "table_address sales.orders.orders, name ordered_at, type DATE"}),
    ("documentation", None, None),
    ("promises", None, {"ours-freshness": "address sales.orders"}),
])
def test_each_finds_what_it_is_for(shop, name, change, found):
    if change:
        edit(shop, "domains/sales/orders/orders.odcs.yaml", *change)
        if change[0].startswith("name:"):
            edit(shop, "domains/sales/orders/orders.sql", "ordered_on FROM", "ordered_on AS ordered_at FROM")
        if change[0].startswith("logicalType"):
            edit(shop, "domains/sales/orders/orders.odcs.yaml", "tags: [customer-rows]", "tags: [residents]")
            found = {"ours-country": "address sales.orders.orders"}
    shop.weft("new", "policy", "ours", "--from", name)
    make_strict(shop)
    if found == {}:
        check(shop, ok=True)
        return
    told = {f["message"].split()[1]: f["found"] for f in errors(check(shop))}
    if found is None:
        assert set(told) == {"ours-tables", "ours-columns"} and told["ours-tables"] == "address sales.orders.orders"
    else:
        assert told == found


def test_a_domain_takes_them_for_itself(shop):
    shop.weft("new", "policy", "ours", "--from", "promises", "--domain", "sales")
    path = shop.folder / "domains/sales/policies/ours-freshness.policy.yaml"
    assert "owner: ana" in path.read_text()
    make_strict(shop)
    assert the_error(check(shop))["found"] == "address sales.orders"


def test_an_empty_one_says_all_effects(shop):
    shop.weft("new", "policy", "mine")
    path = shop.folder / "policies/mine.policy.yaml"
    text = path.read_text()
    assert all(f"# {effect}:" in text for effect in ("grant", "deny", "filter", "mask", "require", "waive"))
    found = the_error(check(shop))
    assert found["file"] == "policies/mine.policy.yaml" and "exactly one effect" in found["message"]
    # Each effect can be had by taking off the hash signs.
    head, *parts = text.split("# ---- ")
    for part in parts:
        lines = [line.removeprefix("# ") for line in part.splitlines()[1:] if line]
        path.write_text(head + "\n".join(lines) + "\n")
        answer = shop.weft("check", "policies/mine.policy.yaml", "--format", "json", ok=None)
        assert errors(answer.json) == [], part


@pytest.mark.parametrize("args, code, part", [
    (["Mine"], 2, "no name of a policy"),
    (["mine", "--from", "everything"], 2, "there are: documentation, financial"),
    (["mine", "--domain", "nowhere"], 66, "no domain nowhere"),
    ([], 2, ""),
])
def test_what_cannot_be_written_says_why(shop, args, code, part):
    answer = shop.weft("new", "policy", *args, ok=False)
    assert answer.code == code and part in answer.err, answer

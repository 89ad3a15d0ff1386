"""Isolated environments: the same releases by reference, only what differs is built, promoted as it is, and gone without a trace."""

from env_help import LOUD, ORDERS, TOTALS, change, customers, env_products, home_files
from story_help import audit, edit, is_whole

PLAIN, SHOUTED = ["Ada", "Bob", "Cleo", "Dan"], ["ADA", "BOB", "CLEO", "DAN"]


def test_a_change_is_seen_in_its_environment_alone(two):
    two.weft("apply", "--env", "dev-x", "--yes", "--as", "ana")
    assert customers(two) == customers(two, "dev-x") == PLAIN
    before = home_files(two)
    told = change(two)
    assert "of environment dev-x" in told.out
    ran = two.weft("run", "--all", "--env", "dev-x")
    assert "2 published, 0 failed" in ran.out, ran
    assert customers(two) == PLAIN and customers(two, "dev-x") == SHOUTED
    # The mesh has its files, and nothing of its own changed.
    assert set(before) <= set(home_files(two))
    assert two.weft("show", "sales.orders", "--format", "json").json["release"] == 1
    # Totals read orders there, and come out as before: the same file, named twice.
    assert is_whole(two)


def test_what_is_as_in_the_mesh_is_not_built(two):
    edit(two, f"{TOTALS}/totals.sql", "sum(amount)", "sum(amount + 0)")
    two.weft("apply", "--env", "dev-x", "--domain", "finance", "--yes", "--as", "eve")
    ran = two.weft("run", "--all", "--env", "dev-x", "--format", "json").json
    assert {p["product"]: p["state"] for p in ran["products"]} == {
        "sales.orders": "unchanged", "finance.totals": "published"}
    told = two.weft("run", "--all", "--env", "dev-x").out
    assert "sales.orders          unchanged: release 1\n" in told and "1 published, 0 failed, 1 unchanged" in told, told
    assert {name: row["built"] for name, row in env_products(two).items()} == {"finance.totals": True}


def environments(mesh):
    return [row["name"] for row in mesh.weft("env", "list", "--format", "json").json]


def test_an_apply_that_is_refused_makes_none(two):
    two.write(f"{ORDERS}/orders.sql", "SELECT nothing FROM shop.raw_orders\n")
    before = home_files(two)
    refused = two.weft("apply", "--env", "dev-x", "--yes", ok=False)
    assert refused.code == 65 and "orders.sql" in refused.err, refused
    assert "environment dev-x is dropped again: nothing was applied to it" in refused.err, refused
    refused = two.weft("apply", "--env", "dev-x", "--yes", "--format", "json", ok=False)
    assert refused.code == 65 and environments(two) == [] and home_files(two) == before
    refused = two.weft("apply", "--env", "dev-x", ok=False)
    assert refused.code == 2 and "say --yes" in refused.err and environments(two) == [], refused
    # One that was there stays, with what it has.
    change(two)
    two.write(f"{ORDERS}/orders.sql", "SELECT nothing FROM shop.raw_orders\n")
    refused = two.weft("apply", "--env", "dev-x", "--yes", ok=False)
    assert refused.code == 65 and "dropped" not in refused.err and environments(two) == ["dev-x"], refused
    assert set(env_products(two)) == {"sales.orders", "finance.totals"} and is_whole(two)


def test_watching_makes_one_where_it_may_apply(two):
    refused = two.weft("run", "--watch", "--env", "dev-x", ok=False)
    assert refused.code == 66 and "there is no environment dev-x" in refused.err and environments(two) == [], refused


def test_nothing_is_left_of_one_that_is_dropped(two):
    customers(two)
    before = home_files(two)
    change(two)
    two.weft("run", "--all", "--env", "dev-x")
    assert customers(two, "dev-x") == SHOUTED
    assert set(home_files(two)) > set(before)
    told = two.weft("env", "drop", "dev-x", "--as", "ana")
    assert told.out == "environment dev-x is dropped\n"
    assert home_files(two) == before
    assert two.weft("env", "list", "--format", "json").json == []
    again = two.weft("query", "SELECT 1", "--env", "dev-x", ok=False)
    assert again.code == 66 and "there is no environment dev-x" in again.err
    # What was done and read in it is told for good.
    rows = audit(two)
    told = [r["action"] for r in rows if r["action"].startswith("env.")]
    assert told[0] == "env.create" and told[-1] == "env.drop", told
    assert {"env.apply", "env.publish"} <= set(told), told
    read = [r for r in rows if r["action"] == "query" and "dev-x" in str(r["detail"])]
    assert read and read[-1]["actor"] == "noor", read
    assert is_whole(two)


def names_of(answer):
    return {p["product"]: p for p in answer.json["products"]}


def test_a_change_is_promoted_as_it_was_built(two):
    change(two)
    two.weft("run", "--all", "--env", "dev-x")
    runs = len(two.weft("show", "runs", "--format", "json").json)
    files = set(home_files(two))
    done = names_of(two.weft("env", "promote", "dev-x", "--yes", "--format", "json"))
    assert {name: row["release"] for name, row in done.items()} == {"sales.orders": 2, "finance.totals": 2}, done
    assert customers(two) == customers(two, "dev-x") == SHOUTED
    # Nothing was run, and no release file was made: copies at most, for who reads it now.
    made = [f for f in set(home_files(two)) - files if f.startswith("files/")]
    assert made == [], made
    shown = two.weft("show", "runs", "--format", "json").json
    assert len(shown) == runs + 2 and {r["id"] for r in shown} >= {row["run"] for row in done.values()}
    # The environment has nothing of its own any more.
    shown = two.weft("env", "show", "dev-x", "--format", "json").json
    assert shown["files"] == [] and shown["products"] == [], shown
    told = [r for r in audit(two) if r["action"] in ("publish", "env.promote")][-3:]
    assert [r["action"] for r in told] == ["publish", "publish", "env.promote"], told
    assert told[0]["detail"]["environment"] == "dev-x" and told[0]["detail"]["run"] == done["sales.orders"]["run"]
    two.weft("env", "drop", "dev-x")
    assert customers(two) == SHOUTED and is_whole(two)


# ---- what is not promoted as it was built

def test_what_the_mesh_would_make_otherwise_is_not_promoted(two):
    """Each with its reason, and the rest is."""
    edit(two, f"{TOTALS}/totals.sql", "sum(amount)", "sum(amount + 0)")
    two.weft("apply", "--env", "dev-x", "--domain", "finance", "--yes")
    two.weft("run", "--all", "--env", "dev-x")
    # Orders of the mesh are others by now.
    two.write("data/orders.csv", (two.folder / "data/orders.csv").read_text() + "5,Eva,eva@example.com,CH,1.00,2026-01-05\n")
    two.weft("run", "sales.orders")
    told = two.weft("env", "promote", "dev-x", "--yes")
    assert "finance.totals  is not promoted: its input orders holds other data in the mesh" in told.out, told
    assert "weft run builds what is not promoted" in told.err, told
    # Its files are the mesh's, and a run builds it.
    two.weft("run", "finance.totals")
    rows = two.rows("SELECT amount FROM finance.totals.totals WHERE country = 'CH'", as_user="eve")
    assert [float(r["amount"]) for r in rows] == [16.75], rows


def test_what_cannot_be_promoted_any_more_is_as_in_the_mesh(two):
    """Its files went, and a run there would not build it: neither is it left as it was built."""
    edit(two, f"{TOTALS}/totals.sql", "sum(amount)", "sum(amount * 100)")
    two.weft("apply", "--env", "dev-x", "--domain", "finance", "--yes")
    two.weft("run", "--all", "--env", "dev-x")
    orders = (two.folder / "data/orders.csv").read_text()
    two.write("data/orders.csv", orders + "5,Eva,eva@example.com,FR,1.00,2026-01-05\n")
    two.weft("run", "sales.orders")
    totals = lambda env=None: {r["country"]: float(r["amount"]) for r in two.rows(
        "SELECT country, amount FROM finance.totals.totals", as_user="eve", env={"WEFT_ENV": env} if env else None)}
    before = totals()
    assert totals("dev-x")["CH"] == 100 * before["CH"]
    assert "is not promoted" in two.weft("env", "promote", "dev-x", "--yes").out
    assert env_products(two) == {} and totals("dev-x") == totals() == before
    two.weft("run", "finance.totals")
    two.weft("env", "refresh", "dev-x")
    assert totals("dev-x") == totals() == {**{name: 100 * amount for name, amount in before.items()}, "FR": 100}
    assert "nothing was built in environment dev-x" in two.weft("env", "promote", "dev-x", "--yes").out
    assert is_whole(two)


def test_what_the_mesh_has_built_meanwhile_is_as_in_the_mesh(two):
    change(two)
    two.weft("run", "--all", "--env", "dev-x")
    two.write("data/orders.csv", (two.folder / "data/orders.csv").read_text() + "5,Eva,eva@example.com,CH,1.00,2026-01-05\n")
    # The same change comes to the mesh by itself, and is built of other rows there.
    two.weft("apply", "--yes")
    assert customers(two, "dev-x") == SHOUTED
    two.weft("run", "--all")
    two.weft("env", "refresh", "dev-x")
    assert customers(two, "dev-x") == customers(two) == [*SHOUTED, "EVA"] and is_whole(two)


def test_one_of_several_products_is_promoted(two):
    change(two)
    edit(two, f"{TOTALS}/totals.sql", "sum(amount)", "sum(amount + 0)")
    two.weft("apply", "--env", "dev-x", "--domain", "finance", "--yes")
    two.weft("run", "--all", "--env", "dev-x")
    done = names_of(two.weft("env", "promote", "dev-x", "sales.orders", "--yes", "--format", "json"))
    assert list(done) == ["sales.orders"] and done["sales.orders"]["release"] == 2, done
    assert customers(two) == SHOUTED
    left = two.weft("env", "show", "dev-x", "--format", "json").json
    assert [f["path"] for f in left["files"]] == [f"{TOTALS}/totals.sql"], left
    assert {name: row["built"] for name, row in env_products(two).items()} == {"finance.totals": True}
    done = names_of(two.weft("env", "promote", "dev-x", "--yes", "--format", "json"))
    assert done["finance.totals"]["release"] == 2 and done["finance.totals"]["reason"] is None, done
    assert is_whole(two)


NEW = """\
apiVersion: v1.0.0
kind: DataProduct
id: sales-loud
name: loud
version: 1.0.0
status: active
inputPorts: [{name: orders, version: 1.0.0, contractId: orders}]
outputPorts: [{name: loud, version: 1.0.0, contractId: loud}]
"""
NEW_CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: loud
version: 1.0.0
status: active
schema:
  - name: loud
    properties:
      - {name: id, logicalType: integer, physicalType: INTEGER, primaryKey: true, primaryKeyPosition: 1, required: true}
      - {name: customer, logicalType: string, physicalType: VARCHAR}
"""


def write_new(mesh, name="loud"):
    base = f"domains/sales/{name}"
    mesh.write(f"{base}/product.odps.yaml", NEW.replace("loud", name))
    mesh.write(f"{base}/{name}.odcs.yaml", NEW_CONTRACT.replace("loud", name))
    mesh.write(f"{base}/{name}.sql", "SELECT id, upper(customer) AS customer FROM orders.orders\n")


NOTE = "      - {name: note, logicalType: string, physicalType: VARCHAR}\n"
DATE = "      - {name: ordered_on, logicalType: date, physicalType: DATE}\n"


def with_note(mesh, has_it):
    """Orders with a column more, or without."""
    contract = mesh.folder / f"{ORDERS}/orders.odcs.yaml"
    text = contract.read_text().replace(NOTE, "")
    contract.write_text(text.replace(DATE, DATE + NOTE) if has_it else text)
    mesh.write(f"{ORDERS}/orders.sql", "SELECT id, customer, email, country, amount, ordered_on"
               + (", 'env' AS note" if has_it else "") + " FROM shop.raw_orders\n")


def test_new_products_and_columns_keep_their_ids_when_they_are_promoted(two):
    """What the mesh makes meanwhile under ids of its own is not mixed up with them."""
    loud, aside = two.folder / "domains/sales/loud", two.folder / "aside"
    two.write("policies/loud.policy.yaml", "apiVersion: weft/v1\nkind: Policy\nid: loud-reads-orders\nowner: guild\n"
              "grant: {contract: orders, role: reader, to: {products: [sales.loud, sales.other, sales.third]}}\n")
    with_note(two, False)
    two.weft("apply", "--yes")
    # A product, a table and a column that the mesh has not.
    with_note(two, True)
    write_new(two)
    two.weft("apply", "--env", "dev-x", "--domain", "sales", "--yes")
    two.weft("run", "--all", "--env", "dev-x")
    # Meanwhile the mesh gets a product of its own; the environment is copied anew.
    loud.rename(aside)
    with_note(two, False)
    write_new(two, "other")
    two.weft("apply", "--yes")
    two.weft("run", "sales.orders", "sales.other")
    assert {name: row["built"] for name, row in env_products(two).items()} == {
        "sales.orders": True, "finance.totals": True, "sales.loud": True, "sales.other": False}
    # The mesh has published orders since: these are not promoted, and built there.
    done = names_of(two.weft("env", "promote", "dev-x", "--yes", "--format", "json"))
    assert done["sales.orders"]["release"] is None and done["sales.loud"]["release"] is None, done
    two.weft("run", "sales.orders", "sales.loud", "--env", "dev-x")
    assert env_products(two) == {}
    two.weft("run", "--all")
    assert two.rows("SELECT note FROM sales.orders.orders LIMIT 1", as_user="noor") == [{"note": "env"}]
    for product in ("loud", "other"):
        rows = two.rows(f"SELECT customer FROM sales.{product}.{product} ORDER BY id LIMIT 1", as_user="ana")
        assert rows == [{"customer": "ADA"}], rows
    two.weft("env", "drop", "dev-x")
    # Ids go on from there.
    aside.rename(loud)
    with_note(two, True)
    write_new(two, "third")
    two.weft("apply", "--yes")
    two.weft("run", "sales.third")
    assert two.rows("SELECT count(*) AS n FROM sales.third.third", as_user="ana") == [{"n": 4}] and is_whole(two)


def test_a_new_product_is_promoted_as_it_was_built(two):
    two.write("policies/loud.policy.yaml", "apiVersion: weft/v1\nkind: Policy\nid: loud-reads-orders\nowner: guild\n"
              "grant: {contract: orders, role: reader, to: {products: [sales.loud]}}\n")
    two.weft("apply", "--yes")
    with_note(two, True)
    write_new(two)
    two.weft("apply", "--env", "dev-x", "--domain", "sales", "--yes")
    two.weft("run", "--all", "--env", "dev-x")
    files = [f for f in home_files(two) if f.startswith("files/")]
    done = names_of(two.weft("env", "promote", "dev-x", "--yes", "--format", "json"))
    assert {name: row["release"] for name, row in done.items()} == {"sales.orders": 2, "sales.loud": 1, "finance.totals": 2}, done
    assert files == [f for f in home_files(two) if f.startswith("files/")]
    assert two.rows("SELECT note FROM sales.orders.orders LIMIT 1", as_user="noor") == [{"note": "env"}]
    assert two.rows("SELECT customer FROM sales.loud.loud ORDER BY id LIMIT 1", as_user="ana") == [{"customer": "ADA"}]
    two.weft("env", "drop", "dev-x")
    assert is_whole(two)

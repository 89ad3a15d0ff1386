"""How many classes of copies policies make of a table: said by plan before they are made, and many of them at work."""

from story_help import edit
from test_clearing import BY_REGION, ORDER, T, add_users, copies, count, make
from test_parts import CLUSTER, HEAD, KEY, TABLE, large, policy, put, rows, run  # noqa: F401 (a fixture)


MASK = """\
apiVersion: weft/v1
kind: Policy
id: mask-email
owner: guild
description: story
mask: {columns: {column: [email]}, with: {method: "null"}, except: {owners: true}}
"""


def planned(mesh, **more):
    return mesh.weft("plan", "--format", "json", **more).json


def test_plan_says_how_many_classes_there_will_be(shop):
    add_users(shop, one=["CH"], two=["CH", "DE"], three=["AT"])
    shop.write("policies/mask.policy.yaml", MASK)
    shop.weft("apply", "--yes")
    shop.weft("run", "--all")
    shop.write("policies/region.policy.yaml", BY_REGION)
    answer = planned(shop)
    [row] = answer["classes"]
    # The mask makes one class of all analysts; now each country is one. Who has no region sees no row.
    assert (row["table"], row["classes_now"], row["classes"]) == (T, 1, 3) and row["readers"] >= 4
    assert row["bytes"] > 0 and row["bytes_now"] > 0 and answer["tables_not_counted"] == 0
    told = shop.weft("plan").out
    assert f"{T}: {row['classes']} classes of copies for {row['readers']} readers, at most " in told and "(now 1, " in told
    shop.weft("apply", "--yes")
    assert planned(shop)["classes"] == []
    # To take the filter away is told too.
    (shop.folder / "policies/region.policy.yaml").unlink()
    [row] = planned(shop)["classes"]
    assert row["classes"] == 1 and row["classes_now"] == 3
    told = shop.weft("plan").out
    assert f"{T}: 1 class of copies" in told


def test_what_copies_weigh_is_for_those_who_see_all_rows(shop):
    """The guild may write the filter; how many rows a country has is not told by the way."""
    add_users(shop, one=["CH"], two=["CH", "DE"])
    shop.write("policies/mask.policy.yaml", MASK)
    edit(shop, "mesh.yaml", "guild: [", "guild: [user:one, ")
    shop.weft("apply", "--yes")
    shop.weft("run", "--all")
    shop.write("policies/region.policy.yaml", BY_REGION)
    [row] = shop.weft("plan", "--policies", "--as", "one", "--format", "json").json["classes"]
    assert row["classes"] >= 2 and row["bytes"] is None and row["bytes_now"] is None
    assert "at most" not in shop.weft("plan", "--policies", "--as", "one").out


def test_a_large_table_of_many_classes_has_to_be_clustered(large):  # noqa: F811
    mesh = large()
    mesh.env["WEFT_UNCLUSTERED_CLASSES_MAX"] = "3"
    put(mesh, rows(2000))
    edit(mesh, "mesh.yaml", "users: {", "users: {" + "".join(
        f"u{i}: {{groups: [analysts], attributes: {{home: {country}}}}}, " for i, country in enumerate(["CH", "DE", "AT", "FR"])))
    mesh.weft("apply", "--yes")
    run(mesh)
    policy(mesh, "home", "filter: {tables: {tag: [rows]}, where: \"country = $actor.home\", except: {users: [ana]}}")
    answer = mesh.weft("plan", ok=False)
    assert answer.code == 65 and "domains/sales/orders/orders.odcs.yaml:" in answer.err + answer.out, answer
    assert "policies make 4 classes of copies of the large table sales.orders.orders, which is not clustered by country" in answer.err + answer.out
    assert "customProperties: [{property: clusterBy, value: country}]" in answer.err + answer.out
    mesh.write("domains/sales/orders/orders.odcs.yaml", HEAD.format(id="orders") + TABLE.format(key=KEY, custom=CLUSTER))
    mesh.weft("apply", "--yes")
    run(mesh)
    assert mesh.rows("SELECT DISTINCT country AS c FROM sales.orders.orders", as_user="u2") == [{"c": "AT"}]


def test_ten_thousand_classes_of_one_table(tmp_path):
    """Each of ten thousand has a region of his own; each sees it, and nothing else."""
    many = 10_000
    mesh = make(tmp_path / "mesh", ORDER.format(id="i", country=f"'c' || (i % {many})") + f" FROM range({3 * many}) r(i)",
                **{f"u{i}": [f"c{i}"] for i in range(many)})
    try:
        server = mesh.serve()
        for i in range(0, many, many // 20):
            assert server.query(f"SELECT id, country FROM {T} ORDER BY id", as_user=f"u{i}")[1]["rows"] == [
                [i + k * many, f"c{i}"] for k in range(3)]
        assert len(copies(mesh)) == 20
        assert count(server, "u7") == 3
        (mesh.folder / "policies/region.policy.yaml").unlink()
        [row] = mesh.weft("plan", "--format", "json", timeout=600).json["classes"]
        assert row["classes_now"] == many and row["classes"] == 0
    finally:
        mesh.close()

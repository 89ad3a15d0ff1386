"""Incremental tables in an environment go on from the mesh's rows, and come back to the mesh only where they do."""

from story_help import edit, is_whole
from test_increment import APPEND, MERGE, put, row, shop  # noqa: F401  (shop is a fixture)

CONTRACT = "domains/sales/orders/orders.odcs.yaml"


def rows(mesh, env=None):
    return mesh.rows("SELECT count(*) AS n FROM sales.orders.orders", as_user="ana", env={"WEFT_ENV": env} if env else None)[0]["n"]


def run(mesh, *args):
    answer = mesh.weft("run", "sales.orders", "--format", "json", *args)
    return answer.json["products"][0]["increments"][0]


def begin(make):
    """Ten rows in the mesh, and an environment whose contract says a word more: the next run makes all rows anew."""
    mesh = make(how=APPEND)
    put(mesh, [row(i, i) for i in range(10)])
    mesh.weft("apply", "--yes")
    mesh.weft("run", "--all")
    edit(mesh, CONTRACT, "id: orders\n", "id: orders\nname: All orders\n")
    mesh.weft("apply", "--env", "dev-x", "--domain", "sales", "--yes")
    return mesh


def test_rows_are_added_in_it_and_the_mesh_goes_on_from_there(shop):  # noqa: F811
    mesh = begin(shop)
    assert "all_rows" in run(mesh, "--env", "dev-x")
    put(mesh, [row(i, i) for i in range(13)])
    made = run(mesh, "--env", "dev-x")
    assert (made["added"], made["files_kept"]) == (3, 1), made
    assert rows(mesh) == 10 and rows(mesh, "dev-x") == 13
    done = mesh.weft("env", "promote", "dev-x", "--yes", "--format", "json").json["products"]
    assert [(r["product"], r["release"]) for r in done] == [("sales.orders", 2)], done
    assert rows(mesh) == 13
    put(mesh, [row(i, i) for i in range(15)])
    made = run(mesh)
    assert (made["added"], rows(mesh)) == (2, 15), made
    mesh.weft("env", "drop", "dev-x")
    assert rows(mesh) == 15 and is_whole(mesh)


def test_no_row_that_the_mesh_has_is_lost_by_promoting(shop):  # noqa: F811
    mesh = begin(shop)
    put(mesh, [row(i, i) for i in range(13)])
    run(mesh, "--env", "dev-x")
    # The mesh goes on by itself, and then the environment goes on from what it had made before.
    edit(mesh, CONTRACT, "name: All orders\n", "")
    run(mesh)
    edit(mesh, CONTRACT, "id: orders\n", "id: orders\nname: All orders\n")
    mesh.weft("env", "refresh", "dev-x")
    put(mesh, [row(i, i) for i in range(15)])
    made = run(mesh, "--env", "dev-x")
    assert made["added"] == 2 and rows(mesh, "dev-x") == 15 and rows(mesh) == 13
    refused = mesh.weft("env", "promote", "dev-x", "--yes").out
    assert "is not promoted: the mesh has published release 2 of it, and it was built after 1" in refused, refused
    # Its files are there by now, and so are its rows after a run.
    run(mesh)
    assert rows(mesh) == 15 and is_whole(mesh)


def test_all_rows_made_anew_follow_what_the_mesh_has(shop):  # noqa: F811
    mesh = begin(shop)
    put(mesh, [row(i, i) for i in range(13)])
    run(mesh, "--env", "dev-x")
    mesh.weft("run", "sales.orders")
    mesh.weft("env", "refresh", "dev-x")
    put(mesh, [row(i, i) for i in range(15)])
    assert run(mesh, "--full", "--env", "dev-x")["all_rows"]
    done = mesh.weft("env", "promote", "dev-x", "--yes", "--format", "json").json["products"]
    assert [(r["product"], r["release"]) for r in done] == [("sales.orders", 3)], done
    assert rows(mesh) == 15 and is_whole(mesh)


def test_rows_that_left_the_quarantine_in_it_are_not_forgotten(shop):  # noqa: F811
    """The mesh would have them in both."""
    aside = "quality: [{metric: invalidValues, arguments: {validValues: [CH, DE, AT]}, mustBe: 0, " \
        "customProperties: [{property: onFailure, value: quarantine}]}]"
    mesh = shop(how=MERGE)
    mesh.env["WEFT_QUARANTINE_PERCENT_MAX"] = "50"
    edit(mesh, CONTRACT, "{name: country, logicalType: string}", "{name: country, logicalType: string, " + aside + "}")
    put(mesh, [row(i, i) for i in range(10)] + [row(50, 5, country="XX")])
    mesh.weft("apply", "--yes")
    mesh.weft("run", "--all")
    edit(mesh, CONTRACT, "id: orders\n", "id: orders\nname: All orders\n")
    mesh.weft("apply", "--env", "dev-x", "--domain", "sales", "--yes")
    put(mesh, [row(i, i) for i in range(10)] + [row(50, 5)])
    run(mesh, "--env", "dev-x")
    refused = mesh.weft("env", "promote", "dev-x", "--yes").out
    assert "is not promoted: rows that the mesh has in quarantine left it there" in refused, refused
    mesh.weft("run", "--all")
    assert rows(mesh) == 11 and mesh.weft("quarantine", "list").out == "no rows are in quarantine\n"

"""Plan and apply: what would change, who may change it, one transaction, and ids that never mean two things."""

import pytest

from conftest import DOMAIN, GRANT, MESH, OUTPUT
from story_help import ORDERS, Called, Started, as_draft, audit, edit, plan_files, told, wait_until
from test_postgres import write

MASK = """\
apiVersion: weft/v1
kind: Policy
id: mask-personal-data
description: Personal data is shown only to those who need it.
owner: guild
mask: {columns: {classification: [pii]}, with: {method: "null"}, except: {owners: true}}
"""


def changes(mesh, *args):
    """(action, kind, name) of each change that a plan shows."""
    return {(c["action"], c["kind"], c["name"]) for c in mesh.weft("plan", *args, "--format", "json").json["changes"]}


def plan_id(mesh, *args):
    return mesh.weft("plan", *args, "--format", "json").json["plan"]


def mesh_version(mesh):
    return mesh.weft("status", "--format", "json").json["mesh_version"]


def test_the_first_plan_adds_all_that_is_there(shop):
    assert changes(shop) == {("added", kind, name) for kind, name in {
        ("mesh", "mesh.yaml"), ("domain", "sales"), ("policy", "analysts-read-orders"), ("product", "sales.orders"),
        ("contract", "sales.orders:shop-files"), ("source", "sales.orders:shop-files:raw_orders"),
        ("contract", "sales.orders:orders"), ("table", "sales.orders.orders"), ("sql", "sales.orders.orders"),
        *(("column", f"sales.orders.orders.{c}") for c in ("id", "customer", "email", "country", "amount", "ordered_on")),
    }}
    # A plan is no change.
    assert shop.weft("show", "--format", "json").json == []
    refused = shop.weft("query", "SELECT 1 FROM sales.orders.orders", "--as", "ana", ok=False)
    assert refused.code != 0


def test_a_plan_shows_what_is_added_changed_and_removed(drafted):
    contract = f"{ORDERS}/orders.odcs.yaml"
    edit(drafted, contract, "{name: amount, logicalType: number, physicalType: \"DECIMAL(12,2)\"}",
         "{name: amount, logicalType: number, physicalType: \"DECIMAL(14,2)\"}")
    edit(drafted, contract, "      - {name: ordered_on, logicalType: date, physicalType: DATE}\n",
         "      - {name: note, logicalType: string, physicalType: VARCHAR}\n")
    edit(drafted, f"{ORDERS}/orders.sql", "ordered_on", "NULL::VARCHAR AS note")
    edit(drafted, "domains/sales/domain.yaml", "title: Sales", "title: Selling")
    (drafted.folder / "policies/analysts.policy.yaml").unlink()
    drafted.write("policies/mask.policy.yaml", MASK)
    drafted.write("domains/sales/orders/internal/extra.sql", "SELECT 1 AS one\n")
    assert changes(drafted) == {
        ("changed", "column", "sales.orders.orders.amount"),
        ("removed", "column", "sales.orders.orders.ordered_on"),
        ("added", "column", "sales.orders.orders.note"),
        ("changed", "sql", "sales.orders.orders"),
        ("added", "sql", "sales.orders.self.extra"),
        ("changed", "domain", "sales"),
        ("removed", "policy", "analysts-read-orders"),
        ("added", "policy", "mask-personal-data"),
    }
    listed = drafted.weft("plan", "--format", "json").json["changes"]
    assert [c["detail"] for c in listed if c["name"].endswith(".amount")] == ["type DECIMAL(12,2) -> DECIMAL(14,2)"]
    shown = drafted.weft("plan").out
    for line in ("~ column", "- column", "+ column", "~ domain", "- policy", "+ policy", "DECIMAL(12,2) -> DECIMAL(14,2)"):
        assert line in shown, shown


def test_a_comment_or_another_layout_is_no_change_of_meaning(applied):
    text = (applied.folder / f"{ORDERS}/orders.odcs.yaml").read_text()
    applied.write(f"{ORDERS}/orders.odcs.yaml", "# A remark.\n" + text.replace("tags: [customer-rows]", "tags:\n      - customer-rows"))
    assert changes(applied) == set()


def test_without_yes_and_without_a_terminal_nothing_is_applied(shop):
    refused = shop.weft("apply", ok=False)
    assert refused.code == 2 and "--yes" in refused.err
    assert mesh_version(shop) == 0


def test_the_same_plan_twice_is_applied_once(shop):
    plan = plan_id(shop)
    first = shop.weft("apply", "--plan", plan, "--yes", "--format", "json").json
    second = shop.weft("apply", "--plan", plan, "--yes", "--format", "json").json
    assert (first["applied"], second["applied"]) == (True, False)
    assert first["mesh_version"] == second["mesh_version"] == mesh_version(shop) == 1
    assert shop.weft("plan", "--format", "json").json["plan"] is None
    assert [row["action"] for row in audit(shop)].count("apply") == 1


def test_a_plan_fails_when_its_base_has_moved(applied):
    applied.write("policies/mask.policy.yaml", MASK)
    mine = plan_id(applied)
    (applied.folder / "policies/mask.policy.yaml").unlink()
    edit(applied, "mesh.yaml", "eve: {groups: [visitors]}", "eve: {groups: [analysts]}")
    applied.weft("apply", "--yes")
    before = mesh_version(applied)
    refused = applied.weft("apply", "--plan", mine, "--yes", ok=False)
    assert refused.code == 75 and "plan again" in refused.err
    server = applied.serve()
    status, problem = server.call("POST", f"/api/v1/plans/{mine}/apply")
    assert (status, problem["code"]) == (409, "CONFLICT")
    # Nothing of it came into force, and what was there before is.
    assert mesh_version(applied) == before
    rows = applied.rows("SELECT email FROM sales.orders.orders WHERE id = 1", as_user="eve")
    assert rows == [{"email": "ada@example.com"}]


def test_of_two_applies_at_once_one_wins(shop):
    shop.weft("apply", "--yes")
    server = shop.serve()
    plans = []
    for name in ("one", "two"):
        shop.write("policies/mask.policy.yaml", MASK.replace("mask-personal-data", name))
        status, plan = server.call("POST", "/api/v1/plans", plan_files(shop))
        assert status == 200
        plans.append(plan["plan"])
    calls = [Called(server.call, "POST", f"/api/v1/plans/{plan}/apply") for plan in plans]
    answers = sorted(call.end()[0] for call in calls)
    assert answers == [200, 409]


def test_a_plan_that_is_not_there(shop):
    refused = shop.weft("apply", "--plan", "nothing", "--yes", ok=False)
    assert refused.code == 66 and "nothing" in refused.err


@pytest.mark.parametrize("path", ["../outside.yaml", "/etc/passwd", "domains/../../x.yaml", "domains/sales/../../y"])
def test_a_bundle_cannot_name_what_lies_outside_of_the_mesh(shop, path):
    server = shop.serve()
    status, problem = server.call("POST", "/api/v1/plans", {"files": [{"path": path, "text": "x"}]})
    assert (status, problem["code"]) == (400, "USAGE")


# ---- two domains, and who may change what


OTHER = DOMAIN.replace("name: sales", "name: support").replace("title: Sales", "title: Support").replace(
    "user:ana", "user:sam").replace("group:shop-team", "group:support-team")


@pytest.fixture
def company(applied):
    """Domains of two teams. ana owns sales and bob is a member; sam owns support; gus is of the guild, root of the mesh."""
    applied.write("mesh.yaml", MESH.replace("users:\n", """users:
  root: {}
  bob: {groups: [shop-team]}
  sam: {groups: [support-team]}
  gus: {groups: [guild]}
"""))
    applied.write("domains/support/domain.yaml", OTHER)
    product = (applied.folder / f"{ORDERS}/product.odps.yaml").read_text()
    applied.write("domains/support/calls/product.odps.yaml", product.replace("sales-orders", "support-calls").replace(
        "shop-files", "call-files").replace("contractId: orders", "contractId: calls").replace("name: orders", "name: calls"))
    source = (applied.folder / f"{ORDERS}/shop.odcs.yaml").read_text()
    applied.write("domains/support/calls/shop.odcs.yaml", source.replace("id: shop-files", "id: call-files"))
    applied.write("domains/support/calls/calls.odcs.yaml", OUTPUT.replace("id: orders", "id: calls").replace(
        "- name: orders", "- name: calls"))
    applied.write("domains/support/calls/calls.sql", (applied.folder / f"{ORDERS}/orders.sql").read_text())
    applied.weft("apply", "--yes")
    return applied


def test_a_domain_is_planned_and_applied_alone(company):
    edit(company, "domains/sales/domain.yaml", "title: Sales", "title: Selling")
    edit(company, "domains/support/domain.yaml", "title: Support", "title: Helping")
    company.write("policies/mask.policy.yaml", MASK)
    edit(company, "mesh.yaml", "eve: {groups: [visitors]}", "eve: {groups: [analysts]}")
    assert changes(company, "--domain", "sales") == {("changed", "domain", "sales")}
    company.weft("apply", "--domain", "sales", "--yes")
    titles = company.rows("SELECT name, title FROM mesh.domains ORDER BY name", as_user="ana")
    assert titles == [{"name": "sales", "title": "Selling"}, {"name": "support", "title": "Support"}]
    # The rest waits still.
    assert changes(company) == {("changed", "domain", "support"), ("added", "policy", "mask-personal-data"),
                                ("changed", "mesh", "mesh.yaml")}
    refused = company.weft("query", "SELECT * FROM sales.orders.orders", "--as", "eve", ok=False)
    assert refused.code == 77


def test_a_domain_that_is_not_there_and_one_whose_files_are_gone(company):
    refused = company.weft("plan", "--domain", "nowhere", ok=None)
    assert refused.code != 0 and "nowhere" in told(refused)
    for file in sorted((company.folder / "domains/support").rglob("*"), reverse=True):
        file.unlink() if file.is_file() else file.rmdir()
    # All of sales may be planned although another domain's folder is not here.
    assert changes(company, "--domain", "sales") == set()
    assert ("removed", "product", "support.calls") in changes(company)


def test_files_outside_of_the_domain_do_not_come_in_with_it(company):
    server = company.serve()
    body = plan_files(company, "sales")
    for path in ("mesh.yaml", "policies/mask.policy.yaml", "domains/support/domain.yaml", "domains/salesx/domain.yaml"):
        status, problem = server.call(
            "POST", "/api/v1/plans", {"domain": "sales", "files": [*body["files"], {"path": path, "text": MASK}]})
        assert (status, problem["code"]) == (403, "DENIED"), (path, problem)


# Who may apply a change of which file: the others are refused.
CHANGES = {
    "a product of sales": (f"{ORDERS}/product.odps.yaml", "Orders as the shop took them", "Orders", {"ana", "bob"}),
    "the domain file of sales": ("domains/sales/domain.yaml", "title: Sales", "title: Selling", {"ana"}),
    "a global policy": ("policies/analysts.policy.yaml", "Analysts read orders", "They read", {"gus"}),
    "mesh.yaml": ("mesh.yaml", "Internal figures", "Figures", {"root"}),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_is_refused_to_all_but_those_whose_it_is(company, what):
    path, old, new, allowed = CHANGES[what]
    edit(company, path, old, new)
    version = mesh_version(company)
    for user in ("ana", "bob", "sam", "gus", "noor", "root"):
        if user in allowed:
            continue
        refused = company.weft("apply", "--yes", "--as", user, ok=False)
        assert refused.code == 77 and path in refused.err, (user, refused)
        if path.startswith("domains/sales/"):
            refused = company.weft("apply", "--domain", "sales", "--yes", "--as", user, ok=False)
            assert refused.code == 77, (user, refused)
    assert mesh_version(company) == version
    for user in sorted(allowed):
        company.weft("apply", "--yes", "--as", user)
        edit(company, path, new, old)
        company.weft("apply", "--yes", "--as", user)
        edit(company, path, old, new)
    assert mesh_version(company) == version + 2 * len(allowed)
    done = [row for row in audit(company) if row["action"] == "apply" and row["on_behalf"]]
    assert [row["actor"] for row in done] == sorted(2 * list(allowed))
    assert all(row["detail"]["override"] is False for row in done)


def test_nobody_takes_a_domain_by_the_files_that_they_send(company):
    """Who may change it is said by the domain as it is, not as the plan would have it."""
    edit(company, "domains/sales/domain.yaml", "owners: [user:ana]", "owners: [user:sam]")
    assert company.weft("apply", "--yes", "--as", "sam", ok=False).code == 77
    edit(company, "mesh.yaml", "admins: [user:root]", "admins: [user:sam]")
    assert company.weft("apply", "--yes", "--as", "sam", ok=False).code == 77
    company.write("domains/mine/domain.yaml", OTHER.replace("name: support", "name: mine").replace("Support", "Mine"))
    assert company.weft("apply", "--domain", "mine", "--yes", "--as", "sam", ok=False).code == 77


def test_a_policy_of_a_domain_speaks_of_its_own_products_only(company):
    company.write("domains/support/policies/p.policy.yaml", MASK.replace("{classification: [pii]}", "{product: [sales.orders]}"))
    refused = company.weft("plan", "--domain", "support", "--as", "sam", ok=False)
    assert refused.code == 65 and "another domain" in told(refused)
    company.write("domains/support/policies/p.policy.yaml", GRANT.replace("analysts-read-orders", "mine"))
    assert company.weft("plan", "--domain", "support", "--as", "sam", ok=False).code == 65
    company.write("domains/support/policies/p.policy.yaml", GRANT.replace("analysts-read-orders", "mine").replace(
        "contract: orders", "contract: calls"))
    company.weft("apply", "--domain", "support", "--yes", "--as", "sam")


def test_the_owner_of_the_home_may_and_the_audit_calls_it_an_override(company):
    edit(company, "domains/sales/domain.yaml", "title: Sales", "title: Selling")
    answer = company.weft("apply", "--yes")
    assert "override" in told(answer) or "overrode" in told(answer)
    last = [row for row in audit(company) if row["action"] == "apply"][-1]
    assert last["detail"]["override"] is True and last["outcome"] == "done"
    edit(company, "domains/sales/domain.yaml", "title: Selling", "title: Sales")
    company.weft("apply", "--yes", "--as", "ana")
    last = [row for row in audit(company) if row["action"] == "apply"][-1]
    assert last["detail"]["override"] is False and (last["actor"], bool(last["on_behalf"])) == ("ana", True)


# ---- ids of columns


def columns(mesh):
    rows = mesh.rows("SELECT name, column_id FROM mesh.columns WHERE product = 'sales.orders'", as_user="ana")
    return {r["name"]: r["column_id"] for r in rows}


CONTRACT = f"{ORDERS}/orders.odcs.yaml"
EMAIL = "{name: email, logicalType: string, physicalType: VARCHAR, classification: pii}"


def test_a_column_that_is_renamed_by_its_id_stays_itself(shop):
    as_draft(shop)
    edit(shop, CONTRACT, EMAIL, EMAIL.replace("{", "{id: mail_id, "))
    shop.weft("apply", "--yes")
    shop.weft("run", "--all")
    before = columns(shop)
    edit(shop, CONTRACT, "{id: mail_id, name: email", "{id: mail_id, name: contact")
    edit(shop, f"{ORDERS}/orders.sql", "email", "email AS contact")
    shop.weft("apply", "--yes")
    after = columns(shop)
    assert after["contact"] == before["email"] and "email" not in after
    assert {c: i for c, i in after.items() if c != "contact"} == {c: i for c, i in before.items() if c != "email"}
    # The release of before is read under the name of today, at once and after the next run.
    ask = 'SELECT contact FROM sales.{}.orders WHERE id = 1'
    assert shop.rows(ask.format("orders"), as_user="noor") == [{"contact": "ada@example.com"}]
    shop.weft("run", "--all")
    assert shop.rows(ask.format("orders"), as_user="noor") == [{"contact": "ada@example.com"}]
    assert shop.rows(ask.format('"orders#1"'), as_user="noor") == [{"contact": "ada@example.com"}]


def test_two_columns_may_swap_their_names(shop):
    as_draft(shop)
    edit(shop, CONTRACT, EMAIL, EMAIL.replace("{", "{id: mail_id, "))
    edit(shop, CONTRACT, "{name: customer, ", "{id: who_id, name: customer, ")
    shop.weft("apply", "--yes")
    shop.weft("run", "--all")
    before = columns(shop)
    edit(shop, CONTRACT, "{id: who_id, name: customer", "{id: who_id, name: e_mail")
    edit(shop, CONTRACT, "{id: mail_id, name: email", "{id: mail_id, name: customer")
    edit(shop, CONTRACT, "{id: who_id, name: e_mail", "{id: who_id, name: email")
    edit(shop, f"{ORDERS}/orders.sql", "id, customer, email", "id, email AS customer, customer AS email")
    shop.weft("apply", "--yes")
    after = columns(shop)
    assert (after["email"], after["customer"]) == (before["customer"], before["email"])
    rows = shop.rows("SELECT customer, email FROM sales.orders.orders WHERE id = 1", as_user="noor")
    assert rows == [{"customer": "ada@example.com", "email": "Ada"}]


def test_a_column_that_went_and_came_again_is_another_one(drafted):
    before = columns(drafted)
    edit(drafted, CONTRACT, f"      - {EMAIL}\n", "")
    edit(drafted, f"{ORDERS}/orders.sql", "email, ", "")
    drafted.weft("apply", "--yes")
    assert "email" not in columns(drafted)
    drafted.weft("run", "--all")
    edit(drafted, CONTRACT, "      - {name: country", f"      - {EMAIL}\n      - {{name: country")
    edit(drafted, f"{ORDERS}/orders.sql", "country", "'new' AS email, country")
    drafted.weft("apply", "--yes")
    after = columns(drafted)
    assert after["email"] not in before.values()
    assert {c: i for c, i in after.items() if c != "email"} == {c: i for c, i in before.items() if c != "email"}
    # No file holds the new column yet: it is empty, and what the old one held does not show through.
    assert drafted.rows("SELECT DISTINCT email FROM sales.orders.orders", as_user="noor") == [{"email": None}]
    drafted.weft("run", "--all")
    assert drafted.rows("SELECT DISTINCT email FROM sales.orders.orders", as_user="noor") == [{"email": "new"}]
    past = drafted.weft("query", 'SELECT email FROM sales."orders#1".orders', "--as", "noor", "--format", "ndjson", ok=None)
    assert "ada@example.com" not in past.out
    assert drafted.rows('SELECT count(*) AS n FROM sales."orders#1".orders', as_user="noor") == [{"n": 4}]


def test_a_change_of_type_takes_nothing_from_those_who_read(drafted):
    """Until the next run they get what the release holds; its own past keeps its type for good."""
    edit(drafted, CONTRACT, "{name: customer, logicalType: string, physicalType: VARCHAR}",
         "{name: customer, logicalType: integer, physicalType: BIGINT}")
    edit(drafted, CONTRACT, "{name: id, logicalType: integer, physicalType: INTEGER", "{name: id, logicalType: integer, physicalType: BIGINT")
    edit(drafted, f"{ORDERS}/orders.sql", "customer", "length(customer) AS customer")
    drafted.weft("apply", "--yes")
    ask = "SELECT typeof(id) AS id, customer FROM sales.{}.orders WHERE id = 1"
    # A wider type is a wider type at once: nothing is lost by it.
    assert drafted.rows(ask.format("orders"), as_user="noor") == [{"id": "BIGINT", "customer": "Ada"}]
    drafted.weft("run", "--all")
    assert drafted.rows(ask.format("orders"), as_user="noor") == [{"id": "BIGINT", "customer": 3}]
    assert drafted.rows(ask.format('"orders#1"'), as_user="noor") == [{"id": "INTEGER", "customer": "Ada"}]
    types = drafted.rows("SELECT name, type FROM mesh.columns WHERE name IN ('id', 'customer') ORDER BY name", as_user="ana")
    assert types == [{"name": "customer", "type": "BIGINT"}, {"name": "id", "type": "BIGINT"}]


def test_ids_of_a_product_that_went_are_not_given_again(applied):
    before = columns(applied)
    files = {p: p.read_text() for p in (applied.folder / ORDERS).rglob("*") if p.is_file()}
    grant = (applied.folder / "policies/analysts.policy.yaml")
    files[grant] = grant.read_text()
    for file in files:
        file.unlink()
    applied.weft("apply", "--yes")
    assert columns(applied) == {}
    assert applied.weft("query", "SELECT * FROM sales.orders.orders", "--as", "ana", ok=False).code == 66
    for file, text in files.items():
        file.write_text(text)
    applied.weft("apply", "--yes")
    # It has no release until it runs: rows of the product that went are not its own.
    refused = applied.weft("query", "SELECT * FROM sales.orders.orders", "--as", "ana", ok=False)
    assert refused.code == 66 and "no release" in refused.err
    applied.weft("run", "--all")
    assert len(applied.rows("SELECT * FROM sales.orders.orders", as_user="ana")) == 4
    numbers = [r["number"] for r in applied.rows("SELECT number FROM mesh.releases WHERE is_current", as_user="ana")]
    assert numbers == [2] and columns(applied).keys() == before.keys()


# ---- an apply during a run


def test_an_apply_during_a_run(mesh, postgres):
    """The run waits at a lock of its source, so that the apply comes in between for certain."""
    postgres.sql("DROP SCHEMA IF EXISTS during CASCADE; CREATE SCHEMA during; CREATE TABLE during.t (id int, n int); "
                 "INSERT INTO during.t VALUES (1, 2)")
    write(mesh, postgres, {"t": {"id": "int", "n": "int"}}, "during")
    mesh.weft("apply", "--yes")
    server = mesh.serve()

    def run_while(change):
        with postgres.connect() as holder, holder.transaction():
            holder.execute("LOCK TABLE during.t IN ACCESS EXCLUSIVE MODE")
            running = Started(mesh, "run", "sales.orders")
            wait_for_lock(holder)
            change()
            mesh.weft("apply", "--yes")
        return running.end()

    # What the product is has changed: what the run made does not fit any more.
    answer = run_while(lambda: edit(mesh, f"{ORDERS}/orders.odcs.yaml", '- {name: n, logicalType: string, physicalType: "int"}',
                                    '- {name: n, logicalType: string, physicalType: "bigint"}'))
    assert answer.code == 75 and "apply" in told(answer)
    assert server.query("SELECT * FROM sales.orders.t", as_user="ana")[0] == 404
    # Something else has changed: the run goes on, and the new policy holds for what it publishes.
    answer = run_while(lambda: mesh.write("policies/analysts.policy.yaml", GRANT.replace("analysts]", "visitors]")))
    assert answer.code == 0, answer
    assert server.query("SELECT * FROM sales.orders.t", as_user="eve")[1]["rows"] == [[1, 2]]
    assert server.query("SELECT * FROM sales.orders.t", as_user="noor")[0] == 403


def wait_for_lock(connection):
    wait_until("the run waits for the table", lambda: connection.execute(
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'during.t'::regclass").fetchone()[0])

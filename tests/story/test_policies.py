"""Every effect of a policy as users meet it: what is masked, filtered, denied, waived, and what is refused at apply."""

import hashlib
import hmac

import pytest

from conftest import GRANT, wait_for_end
from story_help import check, edit, the_error

COLUMNS = "id, customer, email, country, amount, ordered_on"


def policy(shop, name, effect, folder="policies"):
    shop.write(f"{folder}/{name}.policy.yaml", f"apiVersion: weft/v1\nkind: Policy\nid: {name}\ndescription: d\n"
               f"owner: guild\n{effect}\n")


def mask(shop, column, how, name=None, more="", **where):
    policy(shop, name or f"mask-{column}", f"mask: {{columns: {{column: [{column}]}}, with: {{{how}}}{more}}}", **where)


def filtered(shop, where, name="rows", more="", **how):
    policy(shop, name, f"filter: {{tables: {{tag: [customer-rows]}}, where: \"{where}\"{more}}}", **how)


def apply(shop):
    shop.weft("apply", "--yes")
    return shop


def column(shop, name, user="noor", **how):
    return [row[name] for row in shop.rows(f"SELECT {name} FROM sales.orders.orders ORDER BY id", user, **how)]


def ids(shop, user="noor", *args):
    out = shop.weft("query", "SELECT id FROM sales.orders.orders ORDER BY id", "--as", user, "--format", "csv", *args).out
    return [int(line) for line in out.split()[1:]]


# ---- masks


def test_masks_show_what_their_method_says(applied):
    mask(applied, "email", "method: partial, keepFirst: 1, keepLast: 3")
    mask(applied, "customer", "method: sql, expression: \"upper(left($value, 1)) || '.'\"")
    mask(applied, "amount", "method: bucket, width: 10")
    mask(applied, "ordered_on", "method: truncate, unit: month")
    mask(applied, "country", "method: constant, value: XX")
    apply(applied)
    rows = applied.rows(f"SELECT {COLUMNS} FROM sales.orders.orders ORDER BY id", "noor")
    assert [list(row.values()) for row in rows] == [
        [1, "A.", "a" + "*" * 11 + "com", "XX", 10, "2026-01-01"],
        [2, "B.", "b" + "*" * 11 + "com", "XX", 20, "2026-01-01"],
        [3, "C.", "c" + "*" * 12 + "com", "XX", 0, "2026-01-01"],
        [4, "D.", None, "XX", 0, "2026-01-01"]]


def test_a_hash_is_keyed_per_mesh_and_joins_with_itself(applied):
    mask(applied, "email", "method: hash")
    apply(applied)
    key = bytes.fromhex((applied.home / "mask.key").read_text().split()[0])
    assert (applied.home / "mask.key").stat().st_mode & 0o777 == 0o600
    hashes = column(applied, "email")
    assert hashes == [hmac.new(key, f"{who}@example.com".encode(), hashlib.sha256).hexdigest()
                      for who in ("ada", "bob", "cleo")] + [None]
    joined = applied.rows("SELECT count(*) AS n FROM sales.orders.orders a JOIN sales.orders.orders b USING (email)", "noor")
    assert joined == [{"n": 3}]


def test_a_damaged_key_of_hashes_stops_the_start(applied):
    wait_for_end(applied.home)
    (applied.home / "mask.key").write_text("not a key")
    answer = applied.weft("query", "SELECT 1", "--as", "noor", ok=False)
    assert "mask.key" in answer.err


def test_a_mask_that_fails_on_one_row_hides_that_value_alone(applied):
    mask(applied, "customer", "method: sql, expression: \"(100 // (length($value) - 3))::varchar\"")
    answer = applied.weft("check", ok=False)
    assert "the sign /" in answer.err + answer.out or "stands where" in answer.err + answer.out
    mask(applied, "customer", "method: sql, expression: \"cast(cast('1' || $value as integer) as varchar)\"")
    apply(applied)
    assert column(applied, "customer") == [None] * 4


def test_the_stricter_of_two_masks_wins(applied):
    mask(applied, "email", "method: partial, keepLast: 3")
    mask(applied, "email", 'method: "null"', name="harder")
    apply(applied)
    assert column(applied, "email") == [None] * 4


def test_a_mask_that_cannot_keep_the_type_is_refused_by_name_and_null_by_label(shop):
    mask(shop, "amount", "method: partial, keepLast: 1")
    error = the_error(check(shop))
    assert error["message"] == "mask mask-amount cannot keep the type of sales.orders.orders.amount"
    assert error["file"] == "policies/mask-amount.policy.yaml"


# ---- filters


def test_a_filter_takes_the_attributes_of_who_asks(applied):
    edit(applied, "mesh.yaml", "{groups: [analysts]}", "{groups: [analysts], attributes: {regions: [CH, AT], level: 2}}")
    edit(applied, "mesh.yaml", "  eve: {groups: [visitors]}", "  eve: {groups: [analysts]}")
    filtered(applied, "country = ANY($actor.regions)")
    apply(applied)
    assert ids(applied) == [1, 3, 4]
    assert ids(applied, "eve") == []
    filtered(applied, "$actor.level >= 2 AND country = 'DE'")
    apply(applied)
    assert ids(applied) == [2]
    assert ids(applied, "eve") == []


@pytest.mark.parametrize("where, seen", [
    ("country = 'CH'", [1, 3]), ("country IN ('CH', 'AT')", [1, 3, 4]), ("country = 'CH' OR amount > 15", [1, 2, 3]),
    ("amount BETWEEN 7 AND 11", [1, 4]), ("lower(country) LIKE 'c%'", [1, 3]), ("email IS NULL", [4]),
    ("ordered_on >= date '2026-01-03'", [3, 4]), ("NOT country = 'CH'", [2, 4]), ("amount = 10.5", [1]),
    ("cast(customer as integer) = 1 OR country = 'AT'", []), ("id % 2 = 0 AND amount < 10", [4])])
def test_conditions_of_every_form_hold(applied, where, seen):
    filtered(applied, where)
    apply(applied)
    assert ids(applied) == seen


def test_an_attribute_is_a_value_whatever_it_holds(applied):
    edit(applied, "mesh.yaml", "{groups: [analysts]}",
         "{groups: [analysts], attributes: {home: \"x' OR 1=1 --\", regions: [\"CH') OR ('a'='a\"]}}")
    filtered(applied, "country = $actor.home OR upper(country) = ANY($actor.regions)")
    apply(applied)
    assert ids(applied) == []


# ---- denials, exceptions, waivers


def test_a_denial_takes_columns_or_the_table(applied):
    policy(applied, "no-mail", "deny: {columns: {classification: [pii]}, to: {groups: [analysts]}}")
    apply(applied)
    answer = applied.weft("query", "SELECT email FROM sales.orders.orders", "--as", "noor", ok=False)
    assert "email" in answer.err
    assert list(applied.rows("SELECT * FROM sales.orders.orders", "noor")[0]) == ["id", "customer", "country", "amount", "ordered_on"]
    policy(applied, "no-mail", "deny: {tables: {product: [sales.orders]}, to: {groups: [analysts]}}")
    apply(applied)
    answer = applied.weft("query", "SELECT id FROM sales.orders.orders", "--as", "noor", ok=False)
    assert answer.code == 77 and "denied" in answer.err


def test_a_purpose_lets_pass_where_the_exception_says_so(applied):
    mask(applied, "email", 'method: "null"', more=", except: {purposes: [reporting]}")
    apply(applied)
    assert column(applied, "email") == [None] * 4
    # A purpose is the asker's own word until a grant names it for him.
    ask = ["query", "SELECT email FROM sales.orders.orders ORDER BY id LIMIT 1", "--as", "noor", "--purpose", "reporting", "--format", "csv"]
    assert applied.weft(*ask).out.split("\n")[1].strip() in ("", '""')
    policy(applied, "for-reports", "grant: {contract: orders, role: reader, to: {groups: [analysts]}, purposes: [reporting]}")
    apply(applied)
    out = applied.weft("query", "SELECT email FROM sales.orders.orders ORDER BY id LIMIT 1", "--as", "noor",
                       "--purpose", "reporting", "--format", "csv").out
    assert out.split() == ["email", "ada@example.com"]


def test_a_waiver_lets_pass_until_it_ends(applied):
    mask(applied, "email", 'method: "null"')
    policy(applied, "audit", "waive: {policy: mask-email, to: {users: [noor]}, approver: user:ana, reason: audit of the year, "
           "until: 2030-12-31}")
    apply(applied)
    assert column(applied, "email")[0] == "ada@example.com"
    edit(applied, "policies/audit.policy.yaml", "2030-12-31", "2020-12-31")
    answer = applied.weft("apply", "--yes")
    assert "waiver audit ended with 2020-12-31" in answer.out + answer.err
    assert column(applied, "email") == [None] * 4


def test_a_domain_may_tighten_and_not_loosen(applied):
    local = "domains/sales/policies"
    mask(applied, "email", "method: hash")
    mask(applied, "email", 'method: "null"', name="local", folder=local)
    apply(applied)
    assert column(applied, "email") == [None] * 4
    mask(applied, "email", "method: partial, keepLast: 4", name="local", folder=local)
    error = the_error(check(applied))
    assert error["message"] == "mask local would loosen the global policy mask-email on sales.orders.orders.email"
    assert error["file"] == f"{local}/local.policy.yaml"


# ---- entitlements


def write_entitlements(shop, rows):
    """A product whose rows say who may see which country."""
    base = "domains/sales/entitlements"
    shop.write(f"{base}/product.odps.yaml", "apiVersion: v1.0.0\nkind: DataProduct\nid: sales-entitlements\nname: entitlements\n"
               "version: 1.0.0\nstatus: active\noutputPorts: [{name: by_user, version: 1.0.0, contractId: by-user}]\n")
    shop.write(f"{base}/by_user.odcs.yaml", "apiVersion: v3.1.0\nkind: DataContract\nid: by-user\nversion: 1.0.0\nstatus: active\n"
               "schema:\n  - name: by_user\n    properties:\n"
               "      - {name: member, logicalType: string, physicalType: VARCHAR}\n"
               "      - {name: country, logicalType: string, physicalType: VARCHAR}\n")
    values = ", ".join(f"('{who}', '{country}')" for who, country in rows)
    shop.write(f"{base}/by_user.sql", f"SELECT * FROM (VALUES {values}) AS t(member, country)\n")


ENTITLED = "country IN (SELECT country FROM sales.entitlements.by_user WHERE member = $actor.id)"


def test_entitlements_decide_from_the_release_that_holds_them(shop):
    write_entitlements(shop, [("noor", "CH"), ("noor", "AT"), ("eve", "DE")])
    filtered(shop, ENTITLED)
    apply(shop)
    shop.weft("run", "sales.orders")
    assert ids(shop) == []
    shop.weft("run", "sales.entitlements")
    assert ids(shop) == [1, 3, 4]
    write_entitlements(shop, [("noor", "DE")])
    apply(shop)
    assert ids(shop) == [1, 3, 4]
    shop.weft("run", "sales.entitlements")
    assert ids(shop) == [2]


def test_more_values_than_a_condition_may_have_are_refused_in_clear_words(shop):
    write_entitlements(shop, [])
    shop.write("domains/sales/entitlements/by_user.sql", "SELECT 'noor' AS member, repeat('v', 100) || i AS country FROM range(400000) t(i)\n"
               "UNION ALL SELECT 'eve', 'CH'\n")
    filtered(shop, ENTITLED)
    apply(shop)
    shop.weft("run", "--all")
    assert "take more than 48 MB as SQL: shorten the lists of values" in shop.weft(
        "query", "SELECT id FROM sales.orders.orders", "--as", "noor", ok=False).err
    shop.write("domains/sales/entitlements/by_user.sql", "SELECT 'noor' AS member, repeat('v', 100) || i AS country FROM range(100000) t(i)\n"
               "UNION ALL SELECT 'noor', 'CH'\n")
    apply(shop)
    shop.weft("run", "sales.entitlements")
    assert ids(shop) == [1, 3]


def test_a_filter_that_comes_later_takes_the_release_that_is_there(shop):
    write_entitlements(shop, [("noor", "CH")])
    apply(shop)
    shop.weft("run", "--all")
    assert ids(shop) == [1, 2, 3, 4]
    filtered(shop, ENTITLED + " OR amount > 15")
    apply(shop)
    assert ids(shop) == [1, 2, 3]


def test_entitlements_of_their_own_table_do_not_turn_in_a_circle(shop):
    write_entitlements(shop, [("noor", "CH"), ("eve", "DE")])
    edit(shop, "policies/analysts.policy.yaml", "grant: {contract: orders, role: reader,", "grant: {product: sales.entitlements,")
    policy(shop, "own", "filter: {tables: {product: sales.entitlements}, where: \"country IN (SELECT country FROM "
           "sales.entitlements.by_user WHERE member = $actor.id)\"}")
    apply(shop)
    shop.weft("run", "sales.entitlements")
    assert shop.rows("SELECT member, country FROM sales.entitlements.by_user", "noor") == [{"member": "noor", "country": "CH"}]


def test_entitlements_outlive_a_restart(shop):
    write_entitlements(shop, [("noor", "DE")])
    filtered(shop, ENTITLED)
    apply(shop)
    shop.weft("run", "--all")
    wait_for_end(shop.home)
    assert ids(shop) == [2]

# ---- what is refused at apply


@pytest.mark.parametrize("where, says", [
    ("contry = 'CH'", "has no column contry"), ("amount = 'much'", "cannot be compared"), ("country = 5", "cannot be compared"),
    ("now() > ordered_on", "function now is not for policies"), ("regexp_matches(country, '[')", "does not fit"),
    ("upper(amount) = 'X'", "does not fit"), ("country = ", "a value"), ("amount + country > 5", "does not fit"),
    ("customer = 'x' OR cast('2026-13-45' as date) = ordered_on", "does not fit"),
    ("country IN (SELECT country FROM sales.none.t WHERE user = $actor.id)", "entitlements that no product has")])
def test_a_filter_that_cannot_be_resolved_refuses_the_apply(shop, where, says):
    filtered(shop, where)
    error = the_error(check(shop))
    assert says in error["message"], error
    assert error["file"] == "policies/rows.policy.yaml"


def test_two_files_with_one_id_are_named_both(shop):
    shop.write("domains/sales/policies/own.policy.yaml", GRANT)
    error = the_error(check(shop))
    assert "two policies have the id analysts-read-orders" in error["message"]
    assert {error["file"], error["hint"].split()[-1]} == {"policies/analysts.policy.yaml", "domains/sales/policies/own.policy.yaml"}

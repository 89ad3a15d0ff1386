"""Why one sees what one sees: `weft explain`, as text and as JSON."""

import json

from story_help import edit


def explain(mesh, sql, *args, ok=True):
    return mesh.weft("explain", sql, *args, ok=ok)


def policy(mesh, name, effect):
    mesh.write(f"policies/{name}.policy.yaml", f"apiVersion: weft/v1\nkind: Policy\nid: {name}\ndescription: d\nowner: guild\n{effect}\n")


def governed(mesh):
    policy(mesh, "mask-mail", "mask: {columns: {classification: [pii]}, with: {method: partial, keepLast: 3}}")
    policy(mesh, "swiss", "filter: {tables: {tag: [customer-rows]}, where: \"country = 'CH'\"}")
    policy(mesh, "no-amounts", "deny: {columns: {column: [amount]}}")
    mesh.weft("apply", "--yes")
    return mesh


def test_it_names_policy_file_and_line_for_table_and_columns(applied):
    out = explain(governed(applied), "SELECT email, amount FROM sales.orders.orders", "--as", "noor").out.splitlines()
    assert out[0] == "sales.orders.orders (release 1): granted"
    assert out[1].split("  ")[-1].endswith("(policies/analysts.policy.yaml:1)")
    assert "swiss: rows are shown where country = 'CH' (policies/swiss.policy.yaml:1)" in out[2]
    email, amount = (next(line for line in out if line.startswith(name)) for name in ("email", "amount"))
    assert "masked" in email and "its last 3 characters" in email and "mask-mail (policies/mask-mail.policy.yaml:1)" in email
    assert "denied" in amount and "no-amounts (policies/no-amounts.policy.yaml:1)" in amount
    assert not any(line.startswith("country ") for line in out)


def test_it_says_as_json_what_text_says_and_the_state_of_the_files(applied):
    governed(applied)
    sql = "SELECT id FROM sales.orders.orders"
    before = explain(applied, sql, "--as", "noor", "--format", "json").json["tables"][0]
    assert before["cleared_files"]["to_be_made"] == 1 and before["cleared_files"]["copies"] == 0
    assert [r["policy"] for r in before["filtered_by"]] == ["swiss"]
    assert {c["name"]: c["access"] for c in before["columns"]} == {
        "id": "visible", "customer": "visible", "email": "masked", "country": "visible", "amount": "denied", "ordered_on": "visible"}
    applied.weft("query", sql, "--as", "noor")
    after = explain(applied, sql, "--as", "noor", "--format", "json").json["tables"][0]["cleared_files"]
    assert after["to_be_made"] == 0 and after["copies"] == 1 and after["copy_bytes"] > 0


def test_numbers_of_hidden_rows_are_told_to_the_operator_only(applied):
    governed(applied)
    server = applied.serve()
    tokens = {user: server.call("POST", "/api/v1/tokens", {"user": user})[1]["token"] for user in ("noor", "ana")}

    def files(**how):
        status, answer = server.call("POST", "/api/v1/explain", {"sql": "SELECT id FROM sales.orders.orders"}, **how)
        assert status == 200, answer
        found = answer["tables"][0]["cleared_files"]
        return [found[key] for key in ("files", "as_they_are", "all_hidden", "copies", "to_be_made")], found["bytes_to_read"]
    # By her own token: how many copies she waits for. By the operator for her: all of it, since the files are his.
    assert files(token=tokens["noor"]) == ([None, None, None, 0, 1], None)
    numbers, size = files(as_user="noor")
    assert numbers == [1, 0, 0, 0, 1] and size > 0
    shown = explain(applied, "SELECT id FROM sales.orders.orders", "--server", f"http://{server.address}", "--token", tokens["noor"]).out
    assert "0 copies there, 1 to be made" in shown and "in all" not in shown
    # Under masks alone every file is hers; its bytes are of what the masks hide.
    (applied.folder / "policies/swiss.policy.yaml").unlink()
    server.stop()
    applied.weft("apply", "--yes")
    server = applied.serve()
    assert files(token=tokens["noor"]) == ([1, 0, 0, 0, 1], None)


def test_a_denial_is_an_answer_with_its_reason(applied):
    answer = explain(applied, "SELECT id FROM sales.orders.orders", "--as", "eve")
    assert answer.out.splitlines()[0] == "sales.orders.orders (release 1): denied"
    assert "nothing is granted by default" in answer.out


def test_a_purpose_decides_and_ends_are_told(applied):
    edit(applied, "policies/analysts.policy.yaml", "to: {groups: [analysts]}", "to: {groups: [analysts]}, purposes: [reporting], until: 2030-12-31")
    applied.weft("apply", "--yes")
    sql = "SELECT id FROM sales.orders.orders"
    assert "none was declared" in explain(applied, sql, "--as", "noor").out
    table = explain(applied, sql, "--as", "noor", "--purpose", "reporting", "--format", "json").json["tables"][0]
    assert table["access"] == "granted" and table["until"].startswith("2031-01-01")


def test_names_are_found_or_refused_as_in_a_query(applied):
    answer = explain(applied, "SELECT 1 FROM sales.orders.nothing", "--as", "noor", ok=False)
    assert "does not exist, or you may not discover it" in answer.err
    assert json.loads(explain(applied, "SELECT * FROM mesh.products", "--as", "noor", "--format", "json").out)["tables"][0]["access"] \
        == "discoverable rows"

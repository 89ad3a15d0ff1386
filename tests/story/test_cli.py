"""The command line by itself: starting a server and letting it go, refusing what it cannot do, being interrupted."""

import json
import os
import re
import signal
import subprocess
import time

import pytest

from conftest import PATIENCE_S, ROOT, WEFT, Server, wait_for_end

SLOW = "SELECT count(*) AS n FROM range(100000000) a, range(1000) b"


def begin(mesh, *args, **how):
    return subprocess.Popen([WEFT, *args], cwd=mesh.folder, env=mesh.env, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **how)


def wait_until(holds):
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_server_lasts_as_long_as_its_clients(shop):
    shop.weft("status")
    assert (shop.home / "weft.sock").exists()
    assert (shop.home.stat().st_mode & 0o777) == 0o700
    wait_for_end(shop.home)
    assert not (shop.home / "weft.sock").exists()
    assert not list(shop.home.glob("ready*"))


def test_commands_that_begin_at_once_share_one_server(shop):
    begun = [begin(shop, "status", "--format", "json") for _ in range(6)]
    ended = [process.communicate(timeout=PATIENCE_S) for process in begun]
    assert [process.returncode for process in begun] == [0] * 6, ended
    assert {json.loads(out)["home"] for out, _ in ended} == {str(shop.home)}


def test_why_a_server_could_not_start_is_told(shop):
    shop.home.mkdir(mode=0o700)
    (shop.home / "weft.conf").write_text("workers_maxx = 3\n")
    refused = shop.weft("status", ok=False)
    assert refused.code == 78
    assert "workers_maxx" in refused.err and "workers_max" in refused.err


def test_a_second_server_is_refused(shop):
    shop.serve()
    refused = shop.weft("serve", "--home", shop.home, ok=False)
    assert refused.code == 75


def test_who_serves_waits_for_the_server_of_a_command_to_end(shop):
    """`weft apply && weft serve` need not be typed again two seconds later."""
    shop.weft("status")
    server = Server(shop)
    shop.servers.append(server)
    assert re.search(r"waits for process \d+, which serves a command, to end", (shop.folder / "server.log").read_text())
    assert server.call("GET", "/api/v1/status")[0] == 200


def test_the_wait_for_a_home_ends_with_a_signal(shop):
    shop.weft("status")
    waiting = begin(shop, "serve", "--home", shop.home)
    while "waits for process" not in waiting.stderr.readline():
        assert waiting.poll() is None
    waiting.send_signal(signal.SIGINT)
    assert waiting.wait(PATIENCE_S) == 130


@pytest.mark.smoke
def test_usage_is_told_with_what_is_near(mesh):
    for args, word in [(["qurey"], "query"), (["status", "--formt", "json"], "--format"), (["user"], "user list"),
                       (["run"], "mesh.yaml"), (["query", "--format", "xml", "SELECT 1"], "ndjson")]:
        refused = mesh.weft(*args, ok=False)
        assert refused.code == 2 and (word in refused.err or args == ["run"]), refused
    assert mesh.weft(ok=False).code == 2


def test_help_knows_every_command(mesh):
    listed = mesh.weft("help").out
    lines = [line for line in listed.splitlines() if line.startswith("  ") and not line.startswith("  -")]
    names = [line[2:19].strip() for line in lines if not line.lstrip().startswith("-q")]
    names = [name for name in names if not name.startswith("-")]
    assert {"query", "token create", "serve"} <= set(names)
    for name in names:
        assert "usage: weft " + name in mesh.weft("help", *name.split()).out
        assert "exit codes" in mesh.weft(*name.split(), "--help").out


def test_apply_asks_or_is_told(shop):
    refused = shop.weft("apply", ok=False)
    assert refused.code == 2 and "--yes" in refused.err
    planned = shop.weft("plan", "--format", "json").json
    done = shop.weft("apply", "--plan", planned["plan"], "--format", "json").json
    assert done["applied"] is True and done["mesh_version"] == 1
    again = shop.weft("apply", "--plan", planned["plan"], "--format", "json").json
    assert again["applied"] is False and again["mesh_version"] == 1


def test_a_plan_shows_what_is_added_changed_and_removed(applied):
    applied.write("policies/more.policy.yaml", """\
apiVersion: weft/v1
kind: Policy
id: visitors-read-orders
owner: guild
grant: {contract: orders, role: reader, to: {groups: [visitors]}}
""")
    (applied.folder / "policies/analysts.policy.yaml").unlink()
    text = applied.folder / "domains/sales/orders/orders.sql"
    text.write_text(text.read_text() + "WHERE id > 0\n")
    shown = applied.weft("plan").out
    assert "+ policy    visitors-read-orders" in shown
    assert "- policy    analysts-read-orders" in shown
    assert "~ sql       sales.orders.orders" in shown
    assert "1 to add, 1 to change, 1 to remove" in shown
    # Of one domain only its own files go along.
    only = applied.weft("plan", "--domain", "sales", "--format", "json").json
    assert [c["kind"] for c in only["changes"]] == ["sql"]
    assert applied.weft("plan", "--domain", "nope", ok=False).code == 66


def test_what_cannot_be_sent_is_an_error_and_no_removal(applied, tmp_path):
    outside = tmp_path / "outside.yaml"
    outside.write_text("a: 1\n")
    link = applied.folder / "domains/sales/orders/more.odcs.yaml"
    link.symlink_to(outside)
    refused = applied.weft("plan", ok=False)
    assert refused.code == 65 and "more.odcs.yaml" in refused.err
    link.unlink()
    applied.write("domains/sales/orders/bad.sql", b"SELECT '\xff'")
    refused = applied.weft("plan", ok=False)
    assert refused.code == 65 and "bad.sql" in refused.err


def test_check_needs_no_home(shop):
    good = shop.weft("check")
    assert "no errors" in good.out
    shop.write("domains/sales/orders/orders.sql", "SELECT id,\n  nope FROM shop.raw_orders\n")
    bad = shop.weft("check", ok=False)
    assert bad.code == 65
    assert "domains/sales/orders/orders.sql:2:3: error" in bad.out and "nope" in bad.out
    found = shop.weft("check", "--format", "json", ok=False).json
    assert found[0]["line"] == 2 and found[0]["column"] == 3
    assert not shop.home.exists()


def test_a_lone_file_is_judged_by_itself(shop):
    assert "1 file, no errors" in shop.weft("check", "domains/sales/orders/orders.odcs.yaml").out
    broken = shop.write("lone.odcs.yaml", "apiVersion: v3.1.0\nkind: DataContract\nid: x\nversion: 1.0.0\nstaus: active\n")
    bad = shop.weft("check", broken, ok=False)
    assert bad.code == 65 and "staus" in bad.out
    assert shop.weft("check", "none.yaml", ok=False).code == 66


def test_an_empty_mesh_is_one_that_can_be_applied(mesh):
    mesh.weft("init", "new")
    folder = mesh.folder / "new"
    assert "no errors" in mesh.weft("check", cwd=folder).out
    mesh.weft("apply", "--yes", cwd=folder)
    refused = mesh.weft("init", "new", ok=False)
    assert refused.code == 75
    assert "empty" in mesh.weft("init", "other", "--example", "nope", ok=False).err
    wait_for_end(folder / ".weft")


def test_sql_comes_from_an_argument_a_file_or_a_pipe(applied):
    sql = "SELECT count(*) AS n FROM sales.orders.orders"
    applied.write("n.sql", sql)
    ask = ["--as", "noor", "--format", "csv"]
    wanted = "n\r\n4\r\n".replace("\r\n", "\n")
    for answer in (applied.weft("query", sql, *ask), applied.weft("query", "-f", "n.sql", *ask),
                   applied.weft("query", *ask, stdin=sql), applied.weft("query", "-", *ask, stdin=sql)):
        assert answer.out.replace("\r\n", "\n") == wanted
    assert applied.weft("query", sql, "-f", "n.sql", ok=False).code == 2
    assert applied.weft("query", "-f", "none.sql", ok=False).code == 66


def test_errors_as_json_go_to_stderr(applied):
    refused = applied.weft("query", "SELECT * FROM sales.orders.orders", "--as", "eve", "--format", "json", ok=False)
    assert refused.out == ""
    problem = json.loads(refused.err)
    assert problem["code"] == "DENIED" and problem["position"] == 15


def test_a_long_table_comes_whole(applied):
    shown = applied.weft("query", "SELECT range AS i FROM range(3000)", "--as", "noor").out.splitlines()
    assert shown[-1] == "(3000 rows)" and len(shown) == 3003
    assert [int(line) for line in shown[2:-1]] == list(range(3000))


def test_limits_of_a_query_are_those_it_names(applied):
    late = applied.weft("query", SLOW, "--as", "noor", "--timeout", "1", ok=False)
    assert late.code == 75
    large = applied.weft("query", "SELECT * FROM range(100)", "--as", "noor", "--max-rows", "10", ok=False)
    assert large.code == 65 and "more than 10 rows" in large.err
    assert "or raise --max-rows (" in large.err and "query_rows_max" not in large.err


def test_a_limit_that_is_a_setting_is_named(applied):
    applied.serve(args=("--set", "query_rows_max=20"), http=False)
    for more in ((), ("--max-rows", "30")):
        large = applied.weft("query", "SELECT * FROM range(100)", "--as", "noor", *more, ok=False)
        assert "more than 20 rows" in large.err and "or raise the setting query_rows_max" in large.err


def test_an_interrupted_query_ends(applied):
    server = applied.serve()
    process = begin(applied, "query", SLOW, "--as", "noor")

    wait_until(lambda: server.lent() > 0)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, err
    wait_until(lambda: server.lent() == 0)


def test_an_interrupted_run_publishes_nothing(applied):
    sql = f"SELECT id, customer, email, country, amount, ordered_on FROM shop.raw_orders WHERE ({SLOW}) > 0\n"
    applied.write("domains/sales/orders/orders.sql", sql)
    applied.weft("apply", "--yes")
    server = applied.serve()
    process = begin(applied, "run", "--all")
    for line in process.stderr:
        if line.startswith("sales.orders: transform"):
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, (out, err)

    def newest():
        return server.call("GET", "/api/v1/runs?limit=1")[1]["runs"][0]["state"]

    wait_until(lambda: newest() in ("cancelled", "failed"))
    assert newest() == "cancelled"


def test_a_rejected_run_names_its_checks_and_the_release_stays(applied):
    contract = applied.folder / "domains/sales/orders/orders.odcs.yaml"
    contract.write_text(contract.read_text().replace(
        "    properties:\n", """\
    quality:
      - {id: few-rows, metric: rowCount, mustBeGreaterThan: 100}
    properties:
""", 1))
    applied.weft("apply", "--yes")
    rejected = applied.weft("run", "sales.orders", ok=False)
    assert rejected.code == 65
    assert "rejected" in rejected.out and "rowCount must be greater than 100" in rejected.err, rejected
    runs = applied.weft("show", "runs", "sales.orders", "--format", "json").json
    assert [run["state"] for run in runs] == ["rejected", "published"]
    shown = applied.weft("show", runs[0]["id"]).out
    assert "few-rows" in shown and "fail" in shown
    assert len(applied.rows("SELECT * FROM sales.orders.orders", as_user="noor")) == 4


def test_what_is_shown_of_products(applied):
    assert "sales.orders" in applied.weft("show").out
    assert applied.weft("show", "sales", "--format", "csv").out.splitlines()[0].startswith("address,")
    assert "orders" in applied.weft("show", "sales.orders", "--as", "noor").out
    columns = applied.weft("show", "sales.orders.orders", "--as", "noor").out
    assert "email" in columns and "visible" in columns
    for name in ("nope", "sales.nope", "sales.orders.nope"):
        assert applied.weft("show", name, ok=False).code == 66


def test_tables_of_the_mesh_are_shown(applied):
    assert "mesh.releases" in applied.weft("show", "mesh").out
    told = applied.weft("show", "mesh.releases", "--format", "json").json
    assert {"number", "product"} <= {row["column"] for row in told} and all(row["type"] and row["description"] for row in told)
    wrong = applied.weft("show", "mesh.relases", ok=False)
    assert wrong.code == 66 and "did you mean mesh.releases?" in wrong.err


def test_users_and_groups_of_this_machine(applied):
    applied.weft("user", "add", "tim")
    applied.weft("group", "add", "analysts", "tim")
    users = {user["name"]: user for user in applied.weft("user", "list", "--format", "json").json}
    assert users["tim"]["groups"] == ["analysts"]
    assert len(applied.rows("SELECT * FROM sales.orders.orders", as_user="tim")) == 4
    applied.weft("group", "remove", "analysts", "tim")
    applied.weft("query", "SELECT * FROM sales.orders.orders", "--as", "tim", ok=False)
    applied.weft("user", "remove", "tim")
    assert "tim" not in applied.weft("user", "list").out


def test_a_server_elsewhere_is_asked_by_token(applied, tmp_path):
    token = applied.weft("token", "create", "noor").out.strip()
    server = applied.serve()
    there = {"WEFT_SERVER": f"http://{server.address}", "WEFT_TOKEN": token}
    answer = applied.weft("query", "SELECT count(*) AS n FROM sales.orders.orders", "--format", "csv", env=there,
                          cwd=tmp_path)
    assert answer.out.split() == ["n", "4"]
    assert applied.weft("status", env=there | {"WEFT_TOKEN": "weft_wrong"}, cwd=tmp_path, ok=False).code == 77
    server.stop()
    assert applied.weft("status", env=there, cwd=tmp_path, ok=False).code == 69


def test_a_full_output_is_no_success(applied):
    with open("/dev/full", "w") as full:
        done = subprocess.run([WEFT, "query", "SELECT 1 AS one", "--as", "noor"], cwd=applied.folder, env=applied.env,
                              stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, text=True,
                              timeout=PATIENCE_S)
    assert done.returncode == 74, done.stderr


def test_nothing_of_the_terminal_is_held(shop):
    """A command's pipes end with it, though the server that it began goes on."""
    read, write = os.pipe()
    process = subprocess.Popen([WEFT, "status"], cwd=shop.folder, env=shop.env, stdin=subprocess.DEVNULL, stdout=write,
                               stderr=write, pass_fds=[write])
    os.close(write)
    with os.fdopen(read, "rb") as out:
        assert b"mesh_version" in out.read()
    assert process.wait(PATIENCE_S) == 0


CONTRACT = "domains/sales/orders/orders.odcs.yaml"
# Each list of values, and a command that refuses others and names these.
REFUSING = {
    ("", "format"): ["access", "list", "--format", "bogus"],
    ("query", "format"): ["query", "--format", "bogus", "SELECT 1"],
    ("plan", "format"): ["plan", "--format", "bogus"],
    ("contract diff", "format"): ["contract", "diff", "--format", "bogus", "mesh.yaml", "mesh.yaml"],
    ("contract infer", "format"): ["contract", "infer", "mesh.yaml", "--format", "bogus"],
    ("contract import", "format"): ["contract", "import", "mesh.yaml", "--format", "table"],
    ("convert", "format"): ["convert", "mesh.yaml", "--format", "csv"],
    ("", "example"): ["init", "--example", "bogus", "elsewhere"],
    ("new policy", "from"): ["new", "policy", "own", "--from", "bogus"],
    ("contract import", "from"): ["contract", "import", "mesh.yaml", "--from", "bogus"],
    ("contract export", "to"): ["contract", "export", CONTRACT, "--to", "bogus"],
    ("contract export", "dialect"): ["contract", "export", CONTRACT, "--to", "sql", "--dialect", "bogus"],
    ("", "source-format"): ["contract", "infer", "mesh.yaml"],
    ("", "state"): ["access", "list", "--state", "bogus"],
}


def test_shells_complete_the_values_that_the_program_takes(shop):
    table = (ROOT / "src/doors/cli/command_choices.def").read_text()
    choices = {(command, name): set(values.split())
               for command, name, values in re.findall(r'^CHOICE\("([\w ]*)", "([\w-]+)", "([^"]*)"\)', table, re.M)}
    assert choices.keys() - {("", "log-format")} == REFUSING.keys()
    for key, command in REFUSING.items():
        told = shop.weft(*command, ok=False).err
        listed = re.findall(r"(?:there are: |is none of |one of: |hint: (?:say --source-format )?)((?:[\w-]+(?:, | or ))+[\w-]+)", told)
        assert {value for text in listed for value in re.split(", | or ", text)} == choices[key], (key, told)


def test_help_says_what_an_option_means_for_the_command(mesh):
    """An option of several commands means something else in each."""
    told = mesh.weft("help", "run").out
    assert "--from KEY" in told and "window" in told and "postgres://" not in told and "Avro" not in told
    told = mesh.weft("help", "new", "product").out
    assert "--from SOURCE" in told and "postgres://" in told and "window" not in told
    assert "--to RELEASE" in mesh.weft("help", "rollback").out
    assert "--server NAME" in mesh.weft("help", "contract", "test").out
    assert "ndjson" in mesh.weft("help", "query").out and "ndjson" not in mesh.weft("help", "run").out

"""The shell of `weft query`: typed on a terminal, read as a person reads it."""

import re

import pytest

from story_help import wait_until
from terminal_help import Terminal

PROMPT = "acme=> "
SLOW = "SELECT count(*) AS n FROM range(100000000) a, range(1000) b;"


class Shell(Terminal):
    def __init__(self, mesh, *args, prompt=PROMPT, env=None, **how):
        state = mesh.folder.parent / "state"
        super().__init__(mesh, "query", "--as", "noor", *args, env={"XDG_STATE_HOME": str(state), "PAGER": ""} | (env or {}), **how)
        self.history = state / "weft/history"
        self.expect(prompt)

    def ask(self, line, prompt=PROMPT):
        """What comes until the next prompt."""
        self.say(line)
        return self.expect(prompt)

    def leave(self):
        self.send("\x04")
        rest = self.end()
        assert self.code == 0, rest
        return rest


@pytest.fixture
def shell(applied):
    applied.serve()
    made = Shell(applied)
    yield made
    made.kill()


def test_statements_have_many_lines_and_end_with_a_semicolon(shell):
    shell.say("SELECT count(*) AS n,")
    shell.expect("acme-> ")
    shell.say("  'a;b' AS text -- ; no end")
    shell.expect("acme-> ")
    told = shell.ask("FROM sales.orders.orders; SELECT 7 AS seven;")
    assert re.search(r"\b4 \| a;b", told) and "(1 row)" in told and "seven" in told
    shell.say("SELECT 1")
    shell.expect("acme-> ")
    shell.send("\x03")  # the statement is dropped, the shell stays
    shell.expect("^C")
    shell.expect(PROMPT)
    assert "one" in shell.ask("SELECT 1 AS one;")
    shell.leave()
    lines = shell.history.read_text().splitlines()
    assert "SELECT count(*) AS n,\\n  'a;b' AS text -- ; no end\\nFROM sales.orders.orders; SELECT 7 AS seven;" in lines
    assert shell.history.stat().st_mode & 0o777 == 0o600
    assert shell.history.parent.stat().st_mode & 0o777 == 0o700


def test_older_statements_come_back(applied):
    applied.serve()
    first = Shell(applied)
    first.ask("SELECT 'from before' AS t;")
    first.leave()
    again = Shell(applied)
    again.send("\x1b[A\r")
    assert "from before" in again.expect("(1 row)")
    again.expect(PROMPT)
    again.ask("SELECT 2 AS two;")
    again.send("\x12before\r")  # Ctrl-R
    again.expect("(1 row)")
    again.expect(PROMPT)
    again.leave()


def test_names_are_completed_as_far_as_one_may_see(applied):
    """Keys are worked off in order: what a completion wrote shows in what the statement did."""
    applied.serve()
    shell = Shell(applied)
    shell.say("sel\tcount(*) AS n FROM sa\tor\torders;")
    assert " 4\n" in shell.expect("(1 row)")
    shell.expect(PROMPT)
    rest = " FROM sales.orders.orders o WHERE o.id = 1;"
    shell.send("SELECT o.emai" + rest + "\x1b[D" * len(rest) + "\t\r")
    assert "ada@example.com" in shell.expect("(1 row)")
    shell.expect(PROMPT)
    rest = " FROM sales.orders.orders a, sales.orders.orders b WHERE a.id = b.id AND b.id = 1;"
    shell.send("SELECT b.emai" + rest + "\x1b[D" * len(rest) + "\t\r")
    assert "ada@example.com" in shell.expect("(1 row)")
    shell.expect(PROMPT)
    shell.send("SELECT * FROM sales.orders.orders WHERE cu\t= 'Ada' AND amo\t> 1;\r")
    assert "ada@example.com" in shell.expect("(1 row)")
    shell.expect(PROMPT)
    shell.send("SELECT name FROM mesh.domain\t WHERE name = 'sales';\r")
    shell.expect("(1 row)")
    shell.expect(PROMPT)
    rest = " FROM sales.orders.orders"
    shell.send("SELECT c" + rest + "\x1b[D" * len(rest) + "\t")
    assert "country" in shell.expect("coalesce")
    shell.send("\x03")
    shell.expect("^C")
    shell.expect(PROMPT)
    shell.send("\\form\tcsv\r")
    shell.expect(PROMPT)
    assert "id\n1" in shell.ask("SELECT min(id) AS id FROM sales.orders.orders;").replace("\r", "")
    shell.leave()


def test_what_one_may_not_see_is_not_offered(applied):
    """eve may know of the table but read none of its columns."""
    applied.serve()
    shell = Terminal(applied, "query", "--as", "eve", env={"XDG_STATE_HOME": str(applied.folder.parent / "state")})
    shell.expect(PROMPT)
    shell.send("SELECT emai\tx FROM sales.orders.orders;\x01")
    shell.send("\x05\r")
    assert "email" not in shell.expect(PROMPT)
    shell.send("\x04")
    shell.end()


def test_commands_of_the_shell(shell, applied):
    assert "sales.orders" in shell.ask("\\d")
    assert "email" in shell.ask("\\d sales.orders.orders")
    assert "sales.orders.orders" in shell.ask("\\dt sales")
    assert "(0 rows)" in shell.ask("\\dt elsewhere")
    assert "Timing is on" in shell.ask("\\timing")
    assert re.search(r"Time: \d+\.\d+ ms", shell.ask("SELECT 1 AS one;"))
    shell.ask("\\timing")
    shell.ask("\\x")
    assert "-[ RECORD 1 ]" in shell.ask("SELECT 1 AS one;")
    shell.ask("\\x")
    # As fingers know it from psql: said plainly, it stays.
    assert "is on" in shell.ask("\\x on") and "is on" in shell.ask("\\x on") and "is off" in shell.ask("\\x off")
    assert "is on" in shell.ask("\\timing on") and "is on" in shell.ask("\\timing on") and "is off" in shell.ask("\\timing off")
    assert "on or off" in shell.ask("\\timing maybe")
    assert "mesh.products" in shell.ask("\\d mesh") and "visibility" in shell.ask("\\d mesh.products")
    assert "no command \\foo" in shell.ask("\\foo")
    assert "did you mean \\timing?" in shell.ask("\\timin")
    told = shell.ask("\\?")
    for command in ("\\d ", "\\dt", "\\timing", "\\x", "\\o", "\\format", "\\purpose", "\\i", "\\e", "\\q"):
        assert command in told
    shell.ask("\\format ndjson")
    assert '{"one":1}' in shell.ask("SELECT 1 AS one;")
    assert "there is no format xml" in shell.ask("\\format xml")
    shell.ask("\\format table")
    shell.ask("\\purpose reporting", "acme(reporting)=> ")
    assert "no purpose" in shell.ask("\\purpose nonsense", "acme(nonsense)=> ") + shell.ask("SELECT 1 AS one;", "acme(nonsense)=> ")
    shell.ask("\\purpose")
    shell.say("\\q")
    assert shell.end() is not None and shell.code == 0


MORE = "acme-> "


def test_commands_in_the_middle_of_a_statement(shell, applied):
    shell.ask("SELECT 1", MORE)
    assert "SELECT 1\n" in shell.ask("\\p", MORE)
    shell.ask("\\r")
    assert "two" in shell.ask("SELECT 2 AS two;")
    assert "SELECT 2 AS two;" in shell.ask("\\p"), "the statement before"
    # On the same line, and with what is no command because it is quoted.
    assert "SELECT 3 AS three\n" in shell.ask("SELECT 3 AS three \\p", MORE)
    assert "three" in shell.ask(";")
    # What was never asked is not the statement before.
    assert "SELECT 5 AS b\n" in shell.ask("SELECT 4 AS a; SELECT 5 AS b \\p", MORE)
    shell.ask("\\r")
    assert shell.ask("\\p").endswith("\\p\nSELECT 4 AS a;\n")
    assert shell.ask("SELECT 6 AS a; SELECT 7 AS b; \\p").endswith("\nSELECT 7 AS b;\n")
    shell.ask("SELECT 6 AS a; SELECT '\\p' AS b;")
    assert shell.ask("\\p").endswith("\nSELECT 6 AS a; SELECT '\\p' AS b;\n")
    shell.ask("SELECT '", MORE)
    shell.ask("\\r' AS a, $$", MORE)
    shell.ask("\\r$$ AS b /*", MORE)
    shell.ask("\\r */ -- \\r", MORE)
    assert "\\r" in shell.ask(";")
    # A statement stays open whatever the command does, and wrong ones are told.
    applied.write("four.sql", "SELECT 4\n\\timing on\n AS four;\n\\timing off\nSELECT nope")
    shell.ask("SELECT 5 AS", MORE)
    assert "sales.orders" in shell.ask("  \\d", MORE)
    told = shell.ask("\\i four.sql", MORE)
    assert "four" in told and "error: four.sql:5:8: " in told and "Time: " in told
    assert "no command \\foo" in shell.ask("\\foo", MORE)
    assert shell.ask("\\p", MORE).endswith("SELECT 5 AS\n")
    told = shell.ask("five, nope;")
    assert "LINE 2: five, nope" in told
    shell.ask("SELECT 6", MORE)
    shell.say("\\q")
    shell.end()
    assert shell.code == 0
    lines = shell.history.read_text().splitlines()
    assert "\\\\r" in lines and "SELECT 5 AS\\nfive, nope;" in lines


def test_answers_go_to_a_file(shell, applied):
    shell.ask("\\format csv")
    shell.ask("\\o out.csv")
    assert "alpha" not in shell.ask("SELECT 'al' || 'pha' AS a UNION ALL SELECT repeat('long ', 50);")
    shell.ask("\\o")
    assert (applied.folder / "out.csv").read_text().replace("\r", "") == "a\nalpha\n" + "long " * 50 + "\n"
    assert "alpha" in shell.ask("SELECT 'al' || 'pha' AS a;")
    assert "cannot write none/x" in shell.ask("\\o none/x")
    shell.leave()


def test_a_file_of_statements_and_the_place_of_its_errors(shell, applied):
    applied.write("good.sql", "-- first\n\\format csv\nSELECT 1 AS one;\n\nSELECT 2\n  AS two")
    told = shell.ask("\\i good.sql").replace("\r", "")
    assert "one\n1\n" in told and "two\n2\n" in told
    applied.write("bad.sql", "SELECT 1 AS one;\nSELECT\n\tnope FROM sales.orders.orders;\nSELECT 3 AS three;\n")
    told = shell.ask("\\i bad.sql")
    assert "error: bad.sql:3:2: " in told and "three" not in told
    lines = told.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("LINE 3: "))
    assert lines[at + 1].index("^") == lines[at].index("nope")
    assert "there is no" in shell.ask("\\i none.sql") or "cannot read" in shell.seen
    applied.write("again.sql", "\\i again.sql\n")
    assert "more than 8 deep" in shell.ask("\\i again.sql")
    applied.write("wide.sql", "SELECT 1,\n" + " 1,\n" * 70000 + "\\timing on\n 1;\n")
    told = shell.ask("\\i wide.sql")
    assert "error: the statement is larger than 262144 bytes" in told and "Timing" not in told
    assert "two" in shell.ask("SELECT 2 AS two;")
    shell.leave()


def test_an_error_shows_its_line_and_the_shell_goes_on(shell):
    shell.say("SELECT id,")
    shell.expect("acme-> ")
    told = shell.ask(" '東京' AS a, nope FROM sales.orders.orders;")
    assert "LINE 2:  '東京' AS a, nope" in told
    assert "denied" not in told
    assert "two" in shell.ask("SELECT 2 AS two;")
    shell.leave()


def test_pasted_text_keeps_its_lines(shell):
    shell.send("\x1b[200~SELECT 'é東' AS a,\r  2 AS b;\r\x1b[201~")
    shell.expect("2 AS b;")
    shell.send("\r")
    assert "é東" in shell.expect("(1 row)")
    shell.expect(PROMPT)
    shell.leave()
    assert "SELECT 'é東' AS a,\\n  2 AS b;" in shell.history.read_text()


def test_ctrl_c_cancels_the_query_and_not_the_shell(applied):
    server = applied.serve()
    shell = Shell(applied)

    for _ in range(2):
        shell.say(SLOW)
        wait_until("a worker at work", lambda: server.lent() > 0)
        shell.send("\x03")
        assert "cancelled" in shell.expect(PROMPT)
        wait_until("a worker at rest", lambda: server.lent() == 0)
    assert "one" in shell.ask("SELECT 1 AS one;")
    shell.leave()


def test_long_answers_come_by_the_pager(applied):
    applied.serve()
    seen = applied.folder / "seen"
    pager = applied.write("pager", f"#!/bin/sh\ntee {seen}\n")
    pager.chmod(0o755)
    shell = Shell(applied, env={"PAGER": str(pager)})
    shell.ask("SELECT 1 AS one;")
    assert not seen.exists(), "what fits on the screen needs no pager"
    shell.ask("SELECT range AS i FROM range(500);")
    assert len(seen.read_text().splitlines()) == 503
    shell.leave()
    # One that leaves early ends the query and nothing else.
    pager.write_text("#!/bin/sh\nhead -n 1\n")
    shell = Shell(applied, env={"PAGER": str(pager)})
    told = shell.ask("SELECT range AS i FROM range(3000000);")
    assert "error" not in told
    assert "one" in shell.ask("SELECT 1 AS one;")
    shell.leave()


def test_a_statement_is_written_in_an_editor(applied):
    applied.serve()
    editor = applied.write("editor", "#!/bin/sh\nsed -i 's/1/41 + 1/' \"$1\"\nls -l \"$1\" > mode\n")
    editor.chmod(0o755)
    shell = Shell(applied, env={"EDITOR": str(editor), "VISUAL": ""})
    shell.ask("SELECT 1 AS n;")
    assert "42" in shell.ask("\\e")
    assert (applied.folder / "mode").read_text().startswith("-rw-------")
    shell.ask("SELECT 1 AS m,", MORE)
    assert "SELECT 41 + 1 AS m,\n" in shell.ask("\\e", MORE)
    assert "42" in shell.ask("2 AS n;")
    shell.leave()


def test_a_server_that_the_shell_began_stays_with_it(applied):
    """Not one for every statement: the audit would tell of nothing else."""
    shell = Shell(applied)
    for word in ("one", "two"):
        assert word in shell.ask(f"SELECT 1 AS {word};")
    opened = applied.weft("audit", "show", "--action", "home.open", "--limit", "100", "--format", "json").json
    shell.leave()
    after = applied.weft("audit", "show", "--action", "home.open", "--limit", "100", "--format", "json").json
    assert len(after) - len(opened) <= 1


def test_statements_from_a_pipe_are_no_shell(applied):
    answer = applied.weft("query", "--as", "noor", "--format", "csv", stdin="SELECT 1 AS one")
    assert answer.out.replace("\r", "") == "one\n1\n"

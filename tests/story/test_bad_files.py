"""Files of operational systems as they come: broken, cut, of another encoding, with other columns."""

import gzip
import shutil
import subprocess

import pytest

from conftest import ROWS
from story_help import ORDERS, edit, runs, told

HEADER = ROWS.splitlines()[0] + "\n"
LINES = ROWS.splitlines()[1:]


def count(mesh):
    return mesh.rows("SELECT count(*) AS n FROM sales.orders.orders", as_user="noor")[0]["n"]


def is_refused(mesh, data, code, *words, name="data/orders.csv"):
    """The run says what is wrong and where; the last release stays, nothing is left over."""
    mesh.write(name, data)
    answer = mesh.weft("run", "--all", ok=False)
    assert answer.code == code, answer
    for word in words:
        assert word in told(answer), (word, answer)
    assert runs(mesh)[-1] in ("failed", "rejected")
    assert count(mesh) == 4
    assert not any(p.is_file() for p in (mesh.home / "staging").rglob("*"))
    return answer


def with_line(number, line):
    """The file with another line in this place, from 1 for the first row."""
    lines = LINES.copy()
    lines[number - 1] = line
    return HEADER + "\n".join(lines) + "\n"


# What is wrong: the line in its place (the third of the file), and words of the message.
BROKEN = {
    "a field too few": ("2,Bob,bob@example.com,DE,20.00", "line 3"),
    "a field too many": ("2,Bob,bob@example.com,DE,20.00,2026-01-02,more", "line 3"),
    "an empty field too many, in quotes": ('2,Bob,bob@example.com,DE,20.00,2026-01-02,""', "line 3"),
    "a space too many": ("2,Bob,bob@example.com,DE,20.00,2026-01-02, ", "line 3"),
    "no number": ("two,Bob,bob@example.com,DE,20.00,2026-01-02", "line 3", "id", "INTEGER"),
    "a number that is too large": ("99999999999,Bob,bob@example.com,DE,20.00,2026-01-02", "line 3", "id", "INTEGER"),
    "no amount": ("2,Bob,bob@example.com,DE,twenty,2026-01-02", "line 3", "amount"),
    "no date": ("2,Bob,bob@example.com,DE,20.00,2026-13-02", "line 3", "ordered_on", "DATE"),
    "an open quote": ('2,"Bob,bob@example.com,DE,20.00,2026-01-02', "line 3"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_row_is_told_with_its_line(applied, what):
    line, *words = BROKEN[what]
    is_refused(applied, with_line(2, line), 65, "data/orders.csv: ", *words)
    # Mended, it runs.
    applied.write("data/orders.csv", ROWS)
    applied.weft("run", "--all")
    assert runs(applied)[-1] == "published"


@pytest.mark.parametrize("surplus", [",", ",,,"])
def test_empty_fields_too_many_are_passed_over(applied, surplus):
    applied.write("data/orders.csv", with_line(2, LINES[1] + surplus))
    applied.weft("run", "--all")
    assert runs(applied)[-1] == "published" and count(applied) == 4


def test_too_many_digits_are_not_cut(applied):
    applied.write("data/orders.csv", with_line(2, "2,Bob,bob@example.com,DE,20.005,2026-01-02"))
    answer = applied.weft("run", "--all", ok=None)
    if answer.code == 0:
        amounts = applied.rows("SELECT amount::varchar AS amount FROM sales.orders.orders WHERE id = 2", as_user="noor")
        pytest.fail(f"20.005 became {amounts[0]['amount']} without a word")
    assert answer.code == 65 and "amount" in told(answer)


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_another_encoding_is_told_as_such(applied, encoding):
    is_refused(applied, ROWS.replace("Ada", "Adéle").encode(encoding), 65, "data/orders.csv: ", "UTF-8")


def test_a_byte_order_mark_and_windows_line_ends_are_read(applied):
    applied.write("data/orders.csv", b"\xef\xbb\xbf" + ROWS.replace("\n", "\r\n").encode())
    applied.weft("run", "--all")
    assert count(applied) == 4
    names = applied.rows("SELECT customer FROM sales.orders.orders WHERE id = 4 AND ordered_on = DATE '2026-01-04'", as_user="noor")
    assert names == [{"customer": "Dan"}]


def test_quotes_commas_and_line_ends_inside_of_a_field(applied):
    applied.write("data/orders.csv", with_line(2, '2,"Bob ""the"", builder\nof Graz",,DE,20.00,2026-01-02'))
    applied.weft("run", "--all")
    rows = applied.rows("SELECT customer, email FROM sales.orders.orders WHERE id = 2", as_user="noor")
    assert rows == [{"customer": 'Bob "the", builder\nof Graz', "email": None}]


# ---- columns


def test_a_missing_column_is_drift(applied):
    lines = [line.rsplit(",", 1)[0] for line in ROWS.splitlines()]
    is_refused(applied, "\n".join(lines) + "\n", 65, "ordered_on", "shop.odcs.yaml:", "amount")


def test_a_renamed_column_is_drift_with_the_new_name_as_a_guess(applied):
    is_refused(applied, ROWS.replace("customer", "costumer"), 65, "customer", "costumer", "physicalName")
    edit(applied, f"{ORDERS}/shop.odcs.yaml", "name: customer, ", "name: customer, physicalName: costumer, ")
    applied.weft("apply", "--yes")
    applied.weft("run", "--all")
    assert applied.rows("SELECT customer FROM sales.orders.orders WHERE id = 1", as_user="noor") == [{"customer": "Ada"}]


def test_a_new_column_is_told_and_left_out(applied):
    lines = [ROWS.splitlines()[0] + ",extra", *(line + ",x" for line in LINES)]
    applied.write("data/orders.csv", "\n".join(lines) + "\n")
    answer = applied.weft("run", "--all")
    assert "new column extra" in told(answer)
    assert "extra" not in applied.rows("SELECT * FROM sales.orders.orders", as_user="noor")[0]


def test_columns_in_another_order_find_their_place(applied):
    rows = [line.split(",") for line in ROWS.splitlines()]
    applied.write("data/orders.csv", "\n".join(",".join(reversed(row)) for row in rows) + "\n")
    applied.weft("run", "--all")
    rows = applied.rows("SELECT id, customer, amount FROM sales.orders.orders ORDER BY id", as_user="noor")
    assert rows[0] == {"id": 1, "customer": "Ada", "amount": 10.5}


def test_a_column_twice(applied):
    is_refused(applied, ROWS.replace("country,", "customer,"), 65, "country")


def test_several_drifts_are_told_at_once(applied):
    is_refused(applied, ROWS.replace("customer", "who").replace("email", "contact"), 65, "customer", "email")


# ---- nothing in it


def test_a_file_with_a_header_only_is_an_empty_table(applied):
    applied.write("data/orders.csv", HEADER)
    applied.weft("run", "--all")
    assert count(applied) == 0


def test_a_file_with_nothing_at_all_is_no_table(applied):
    is_refused(applied, "", 65, "data/orders.csv: ")


def test_a_file_that_is_no_csv_at_all(applied):
    is_refused(applied, bytes(range(256)) * 64, 65, "data/orders.csv: ")


# ---- packed files


def pack(mesh, how):
    plain = mesh.write("plain.csv", ROWS)
    if how == "gz":
        mesh.write("data/orders.csv.gz", gzip.compress(plain.read_bytes()))
    else:
        if shutil.which("zstd") is None:
            pytest.skip("no zstd on this machine")
        subprocess.run(["zstd", "-q", plain, "-o", mesh.folder / "data/orders.csv.zst"], check=True)
    edit(mesh, f"{ORDERS}/shop.odcs.yaml", "path: data/orders.csv", f"path: data/orders.csv.{how}")


@pytest.mark.parametrize("how", ["gz", "zst"])
def test_packed_files_are_read(shop, how):
    (shop.folder / "data/orders.csv").unlink()
    pack(shop, how)
    shop.weft("apply", "--yes")
    shop.weft("run", "--all")
    assert count(shop) == 4


@pytest.mark.parametrize("how", ["gz", "zst"])
def test_a_packed_file_that_was_cut_or_is_none(shop, how):
    pack(shop, how)
    shop.weft("apply", "--yes")
    shop.weft("run", "--all")
    name = f"data/orders.csv.{how}"
    whole = (shop.folder / name).read_bytes()
    is_refused(shop, whole[:len(whole) // 2], 65, f"{name}: the file was cut", name=name)
    is_refused(shop, whole[:-1], 65, f"{name}: the file was cut", name=name)
    is_refused(shop, ROWS, 65, f"{name}: the file is no", name=name)
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 0xff
    is_refused(shop, bytes(damaged), 65, name, name=name)
    is_refused(shop, b"", 65, name, name=name)


@pytest.mark.parametrize("how", ["gz", "zst"])
def test_a_packed_file_of_several_parts_is_one_file(shop, how):
    pack(shop, how)
    name = f"data/orders.csv.{how}"
    first = (shop.folder / name).read_bytes()
    (shop.folder / name).unlink()
    shop.write("plain.csv", "5,Eva,eva@example.com,CH,1.00,2026-01-05\n")
    second = gzip.compress((shop.folder / "plain.csv").read_bytes()) if how == "gz" else subprocess.run(
        ["zstd", "-q", "-c", shop.folder / "plain.csv"], check=True, capture_output=True).stdout
    shop.write(name, first + second)
    shop.weft("apply", "--yes")
    shop.weft("run", "--all")
    assert count(shop) == 5


def test_many_files_make_one_table(shop):
    for i, line in enumerate(LINES):
        shop.write(f"data/parts/{i}.csv", HEADER + line + "\n")
    edit(shop, f"{ORDERS}/shop.odcs.yaml", "path: data/orders.csv", 'path: "data/parts/*.csv"')
    shop.weft("apply", "--yes")
    shop.weft("run", "--all")
    assert count(shop) == 4
    # One of them has other columns: it is not read at the wrong places.
    is_refused(shop, "id,customer,country\n9,Zoe,CH\n", 65, "differ in their columns", name="data/parts/9.csv")
    # Or a broken row: it is told which file it is.
    is_refused(shop, HEADER + "nine,Zoe,,CH,1,2026-01-01\n", 65, "data/parts/9.csv: line 2", name="data/parts/9.csv")


# ---- NDJSON

JSON = """\
{"id": 1, "customer": "Ada", "email": "ada@example.com", "country": "CH", "amount": 10.50, "ordered_on": "2026-01-01"}
{"id": 2, "customer": "Bob", "email": "bob@example.com", "country": "DE", "amount": "20.00", "ordered_on": "2026-01-02"}
{"id": 3, "country": "CH", "amount": 5.25, "customer": null, "ordered_on": "2026-01-03"}
{"id": 4, "country": "AT"}
"""


@pytest.fixture
def lines(shop):
    edit(shop, f"{ORDERS}/shop.odcs.yaml", "path: data/orders.csv, format: csv", "path: data/orders.ndjson, format: ndjson")
    shop.write("data/orders.ndjson", JSON)
    shop.weft("apply", "--yes")
    shop.weft("run", "--all")
    return shop


def test_objects_without_some_keys_have_nulls(lines):
    rows = lines.rows("SELECT id, customer, email, amount::varchar AS amount FROM sales.orders.orders ORDER BY id", as_user="noor")
    assert rows == [{"id": 1, "customer": "Ada", "email": "ada@example.com", "amount": "10.50"},
                    {"id": 2, "customer": "Bob", "email": "bob@example.com", "amount": "20.00"},
                    {"id": 3, "customer": None, "email": None, "amount": "5.25"},
                    {"id": 4, "customer": None, "email": None, "amount": None}]


def test_an_object_without_a_required_key_breaks_the_source_contract(lines):
    is_refused(lines, JSON.replace('{"id": 4, "country": "AT"}', '{"id": 4}'), 65, "country must not be null", name="data/orders.ndjson")


def test_a_key_that_no_line_has_is_read_as_nulls(lines):
    lines.write("data/orders.ndjson", '{"id": 1, "country": "CH"}\n')
    lines.weft("run", "--all")
    assert lines.rows("SELECT id, email FROM sales.orders.orders", as_user="noor") == [{"id": 1, "email": None}]


@pytest.mark.parametrize("line, word", [
    ('{"id": 4, "country": "AT"', "line 4"),
    ("no JSON", "line 4"),
    ('{"id": "four", "country": "AT"}', "a value is no"),
    ('{"id": 4.5, "country": "AT"}', "column id"),
    ('{"id": 4, "country": "AT", "ordered_on": "yesterday"}', "column ordered_on"),
    ('[4, "AT"]', "line 4"),
])
def test_a_broken_line_is_told(lines, line, word):
    is_refused(lines, JSON.replace('{"id": 4, "country": "AT"}', line), 65, "data/orders.ndjson: ", word, name="data/orders.ndjson")


def test_a_new_key_is_told_and_left_out(lines):
    lines.write("data/orders.ndjson", JSON.replace('"country": "AT"', '"country": "AT", "extra": {"a": 1}'))
    answer = lines.weft("run", "--all")
    assert "new column extra" in told(answer)


def test_an_empty_file_of_lines_is_an_empty_table(lines):
    lines.write("data/orders.ndjson", "")
    lines.weft("run", "--all")
    assert count(lines) == 0

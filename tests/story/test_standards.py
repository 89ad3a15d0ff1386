"""ODCS and ODPS to the letter: each example is accepted or refused as its schemas say, or docs/standards.md says why not; older
contracts are read, or converted without a loss."""

import re
import subprocess

import pytest

from conftest import OUTPUT, ROOT, WEFT
from standards_verdicts import MAIN, check, find_specs, judge_all, reasons
from story_help import ORDERS, told

SPECS = find_specs()
needs_examples = pytest.mark.skipif(SPECS is None, reason="the examples of the standards are not here (WEFT_SPECS)")
CONTRACT = f"{ORDERS}/orders.odcs.yaml"


@pytest.fixture(scope="module")
def examples():
    return judge_all(WEFT, SPECS)


# ---- the examples


@needs_examples
def test_each_example_has_the_verdict_of_its_schemas_or_a_reason(examples):
    differ = {example.file for example in examples if example.accepted != example.expected}
    assert differ == set(reasons())
    assert len(examples) >= 129 and sum(example.accepted for example in examples) > 80


@needs_examples
def test_what_each_version_says_is_told_apart(examples):
    """Where a file of v3.0.x is accepted, by its own version, by v3.1.0 or by both."""
    compared = 0
    for example in examples:
        if example.version.startswith("v3.0.") and example.accepted:
            assert (example.judged(example.version), example.judged(MAIN)) == (example.own, example.main), example
            compared += 1
    assert compared > 30


@needs_examples
def test_each_wrong_example_is_refused_for_its_own_fault(examples):
    """The first error of the schema names a key or word, and so does weft."""
    refused = [example for example in examples if example.file.startswith("negative-")]
    assert len(refused) >= 19
    for example in refused:
        name = example.file.split("/")[1].split(".")[0]
        words = {"enum-duplicate-values": "twice", "enum-missing-value": "value", "invalid-api-version": "version",
                 "invalid-kind": "kind", "invalid-quality-dimension": "dimension", "invalid-quality-type": "type",
                 "map-missing-block": "map", "map-missing-value": "value", "missing-required-fields": "id",
                 "quality-custom-missing-implementation": "implementation", "quality-element-field": "element",
                 "quality-mustbebetween-wrong-size": "mustBeBetween", "quality-sql-missing-query": "query",
                 "schema-property-invalid-logicaltype": "logicalType", "schema-property-missing-name": "name",
                 "server-invalid-type": "type", "server-missing-conditional-fields": "schema",
                 "server-missing-required-fields": "server", "synonym-missing-term": "synonym"}
        assert name in words, "an example that this test does not know"
        errors = [f["message"] for f in example.findings if f["level"] == "error"]
        assert any(words[name] in message for message in errors), (example.file, errors)


@needs_examples
def test_the_products_of_the_standard_are_accepted():
    folder = SPECS / "odps/examples"
    found = check(WEFT, sorted(path.name for path in folder.glob("*.yaml")), folder)
    assert len(found) >= 2
    for file, findings in found.items():
        assert [f for f in findings if f["level"] == "error"] == [], file
    # It names v0.9.0 and has keys of v1.0.0.
    assert any("v0.9.0 does not allow this" in f["message"] for f in found["customer-data-product.odps.yaml"])


@needs_examples
def test_the_verb_prints_each_verdict():
    done = subprocess.run([ROOT / "tools/standards"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "| v2.2.2/all/full-example.yaml | v2.2.2 | accepts | refuses | refuses, and differs |" in done.stdout
    assert "examples of ODCS" in done.stdout.splitlines()[-2]


# ---- converting


def convert(path, **how):
    return subprocess.run([WEFT, "convert", path], capture_output=True, text=True, **how)


def words_of(text):
    """Words of values, without comments and keys."""
    lines = (re.sub(r"(^|\s)#.*", "", line) for line in text.splitlines())
    values = (re.sub(r"^\s*(- )*([\w-]+:(\s|$))?", "", line) for line in lines)
    return {word for value in values for word in re.findall(r"[\w@/][\w.@/-]{2,}", value)}


# What v2 and v3.0 said in words that v3.1.0 has others for.
RENAMED = {"true", "false", "null", "validity", "Numeric", "Timestamp", "String", "Date", "nullCheck", "library", "UTC"}


@needs_examples
def test_each_contract_of_v2_becomes_one_of_v3(tmp_path):
    files = sorted((SPECS / "odcs/examples/v2.2.2").rglob("*.yaml"))
    assert len(files) >= 8
    for file in files:
        done = convert(file)
        assert done.returncode == 0, (file, done.stderr)
        made = tmp_path / f"{file.stem}.odcs.yaml"
        made.write_text(done.stdout)
        errors = [f for f in check(WEFT, [str(made)], tmp_path)[str(made)] if f["level"] == "error"]
        assert errors == [], file
        assert done.stdout.startswith("apiVersion: v3.1.0\n")
        lost = {word for word in words_of(file.read_text()) - RENAMED if word not in done.stdout}
        assert not {word for word in lost if not re.match(r"v2\.2\.|\d\d:\d\d|\d{4}-\d\d-\d\d|20:24|localhost", word)}, (file, lost)
        assert convert(made).stdout == done.stdout


@needs_examples
def test_each_contract_of_v3_that_is_accepted_survives_a_round_trip(examples, tmp_path):
    folder, rounds = SPECS / "odcs/examples", 0
    made = tmp_path / "made.odcs.yaml"
    for example in examples:
        if not example.accepted or example.version == "v3.2.0":
            continue
        done = convert(folder / example.file)
        assert done.returncode == 0, (example.file, done.stderr)
        made.write_text(done.stdout)
        again = convert(made)
        assert again.stdout == done.stdout and again.returncode == 0, example.file
        lost = {word for word in words_of((folder / example.file).read_text()) - RENAMED if word not in done.stdout}
        assert not {word for word in lost if not word.startswith("v3.0.")}, (example.file, lost)
        rounds += 1
    assert rounds > 80


def test_a_drafts_columns_and_an_older_rule_become_what_v3_1_has(mesh):
    mesh.write("old.yaml", """\
apiVersion: v3.0.0   # a comment
kind: DataContract
id: orders
version: 1.0.0
status: active
schema:
  - name: orders
    properties:
      - {name: id, logicalType: integer, isNullable: false, colour: red, quality: [{rule: nullCheck}]}
""")
    assert "isNullable" in told(mesh.weft("check", "old.yaml", ok=False))
    answer = mesh.weft("convert", "old.yaml", "--out", "new.odcs.yaml")
    assert answer.out == ""
    assert "colour has no place in v3.1.0" in answer.err and "nullCheck is the metric nullValues, with mustBe: 0" in answer.err
    text = (mesh.folder / "new.odcs.yaml").read_text()
    assert "required: true" in text and "metric: nullValues" in text and "comment" not in text
    assert re.search(r"property: colour,?\s+value: red", text)
    mesh.weft("check", "new.odcs.yaml")
    # What stands there is not overwritten.
    again = mesh.weft("convert", "old.yaml", "--out", "new.odcs.yaml", ok=False)
    assert again.code == 75 and "new.odcs.yaml is there already" in again.err
    assert (mesh.folder / "new.odcs.yaml").read_text() == text
    assert mesh.weft("convert", "-", "--quiet", stdin=(mesh.folder / "old.yaml").read_text()).out == text


def test_what_is_no_contract_is_not_converted(mesh):
    mesh.write("a.yaml", "kind: Mesh\napiVersion: weft/v1\n")
    mesh.write("b.yaml", "a: [\n")
    for file in ("a.yaml", "b.yaml"):
        answer = mesh.weft("convert", file, "--out", "c.yaml", ok=False)
        assert answer.code == 65 and file in answer.err and answer.out == ""
        assert not (mesh.folder / "c.yaml").exists()
    assert mesh.weft("convert", "nowhere.yaml", ok=False).code == 66
    assert mesh.weft("convert", ok=False).code == 2


# ---- in a mesh


@pytest.mark.parametrize("version", ["v3.0.0", "v3.0.1", "v3.0.2"])
def test_contracts_of_v3_0_work_in_a_mesh(shop, version):
    contract = OUTPUT.replace("v3.1.0", version)
    assert contract != OUTPUT
    shop.write(CONTRACT, contract)
    shop.weft("apply", "--yes")
    shop.weft("run", "--all")
    assert shop.rows("SELECT count(*) AS n FROM sales.orders.orders", as_user="noor") == [{"n": 4}]


def test_a_rule_of_the_library_of_v3_0_is_told_to_be_idle(shop):
    shop.write(CONTRACT, OUTPUT.replace("v3.1.0", "v3.0.2").replace(
        "  - name: orders\n", "  - name: orders\n    quality: [{type: library, rule: rowsAreMany, mustBeGreaterThan: 5}]\n", 1))
    answer = shop.weft("check")
    assert "the rule rowsAreMany of v3.0 is kept, not executed" in told(answer)


def test_a_mesh_takes_neither_v2_nor_a_draft(shop):
    shop.write(CONTRACT, OUTPUT.replace("v3.1.0", "v2.2.2"))
    answer = shop.weft("check", ok=False)
    assert "this is a contract of ODCS v2" in told(answer) and "weft convert FILE" in told(answer)
    shop.write(CONTRACT, OUTPUT.replace("v3.1.0", "v3.2.0"))
    answer = shop.weft("check", ok=False)
    assert "a mesh takes no contract of a draft" in told(answer)
    assert shop.weft("check", CONTRACT).code == 0

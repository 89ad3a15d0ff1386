"""Every entry of logicalTypeOptions, and every rule inside of objects and arrays: values that pass, values that fail, the message.

All cases are columns of one table: one run judges them together. Each case is there twice, with its good values alone and with
its bad ones among them."""

import copy
import json

import pytest

from conftest import DOMAIN, GRANT, MESH, PRODUCT, Mesh
from story_help import ORDERS, check, the_error, told


def text(options, good, bad, says, **more):
    return ({"logicalType": "string", "logicalTypeOptions": options, **more}, good, bad, says)


def number(options, good, bad, says, logical="number", physical="DOUBLE", **more):
    return ({"logicalType": logical, "physicalType": physical, "logicalTypeOptions": options, **more}, good, bad, says)


def whole(options, good, bad, says, physical="BIGINT"):
    return number(options, good, bad, says, "integer", physical)


def moment(logical, options, good, bad, says, **more):
    return ({"logicalType": logical, "logicalTypeOptions": options, **more}, good, bad, says)


def thing(options, good, bad, says, **more):
    return ({"logicalType": "object", "logicalTypeOptions": options,
             "properties": [{"name": "a", "logicalType": "string"}, {"name": "b", "logicalType": "integer"}], **more}, good, bad, says)


def listing(options, good, bad, says, **more):
    return ({"logicalType": "array", "logicalTypeOptions": options, "items": {"logicalType": "string"}, **more}, good, bad, says)


def formatted(name, good, bad):
    return text({"format": name}, good, bad, f"must have the format {name}", physicalType="varchar")


# What its options say, values that pass, values that fail, what is said of the failure.
OPTIONS = {
    "minLength": text({"minLength": 3}, ["abc", "äöü", "🙂🙂🙂", None], ["", "ab", "🙂🙂"], "must have at least 3 characters"),
    "maxLength": text({"maxLength": 1}, ["", "a", "𝄞"], ["ab", "  "], "must have at most 1 character"),
    "maxLength of a UUID": text({"maxLength": 36}, ["0f8fad5b-d9cb-469f-a165-70867728950e"], [], "", physicalType="UUID"),
    "pattern": text({"pattern": "^A\\d+$"}, ["A1", "A99"], ["A", "a1", "A1 ", "xA1"], "must match ^A\\d+$"),
    "pattern anywhere": text({"pattern": "b+"}, ["abc", "b"], ["ac", ""], "must match b+"),
    "pattern behind the end": text({"pattern": "$a"}, [], ["abc", "a", ""], "must match $a"),
    "pattern before the beginning": text({"pattern": "a^"}, [], ["ba", "a"], "must match a^"),
    "pattern with two ends": text({"pattern": "a$$"}, ["a", "ba"], ["ab"], "must match a$$"),
    "pattern of ends": text({"pattern": "$$"}, ["a", ""], [], ""),
    "pattern with an empty group": text({"pattern": "(?:)e"}, ["xe", "e", "xey"], ["x"], "must match (?:)e"),
    "pattern with nothing caught": text({"pattern": "^()e$"}, ["e"], ["xe", "ex"], "must match ^()e$"),
    "pattern within words": text({"pattern": "\\B"}, ["ab", "ẞ", "", "aẞ"], ["a", "aẞb", "a🙂b"], "must match \\B"),
    "pattern of unicode": text({"pattern": "^\\p{Lu}\\p{L}*$"}, ["Ärger", "Ω"], ["ärger", "A1"], "must match"),
    "email": formatted("email", ["a@b.ch", "a.b+c@x", "o'neil@example.org"], ["a", "@b.ch", "a@", "a b@c.ch", "a@b..ch", "a@-b.ch"]),
    "uuid": formatted("uuid", ["0f8fad5b-d9cb-469f-a165-70867728950e", "0F8FAD5B-D9CB-469F-A165-70867728950E"],
                      ["0f8fad5bd9cb469fa16570867728950e", "0f8fad5b-d9cb-469f-a165-70867728950g", ""]),
    "uri": formatted("uri", ["https://x.ch/a?b=c#d", "urn:isbn:1", "mailto:a@b.ch", "http://[::1]/"],
                     ["x.ch/a", "http://a b", "http://a/%zz", "1http://a", "http://a/#b#c", "http://ä.ch"]),
    "hostname": formatted("hostname", ["a", "a.b-c.ch", "1.ch", "a" * 63], ["", "a_b", "-a.ch", "a-.ch", "a..ch", "a" * 64, "a.ch."]),
    "long hostname": formatted("hostname", [".".join(["a" * 49] * 5)], [".".join(["a" * 50] * 5)]),
    "ipv4": formatted("ipv4", ["0.0.0.0", "255.255.255.255", "10.1.2.3"], ["256.1.1.1", "1.2.3", "01.2.3.4", "1.2.3.4.5", "::1"]),
    "ipv6": formatted("ipv6", ["::", "::1", "1::", "2001:db8::ff00:42:8329", "1:2:3:4:5:6:7:8", "::ffff:1.2.3.4", "1:2:3:4:5:6:7::",
                               "fe80::1:2"],
                      ["1", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "::1.2.3.256", "fe80::1%eth0", "g::"]),
    "byte": formatted("byte", ["", "YQ==", "YWI=", "YWJj", "+/+/"], ["Y", "YQ", "YQ=", "YQ===", "YW-_", "YW Jj"]),
    "date as text": formatted("date", ["2024-02-29"], ["2023-02-29", "24-01-01", "2024-1-1", "2024-01-01 "]),
    "date-time as text": formatted("date-time", ["2024-02-29T10:11:12Z", "2024-02-29t10:11:12.5+02:00", "2024-02-29T23:59:59-23:59"],
                                   ["2024-02-30T10:11:12Z", "2024-02-29", "2024-02-29T25:00:00Z", "2024-02-29T10:11:12",
                                    "2024-02-29T24:00:00.5Z", "2024-02-29T10:11:12+24:00", "2024-02-29T10:11:12-99:99",
                                    "2024-02-29T10:60:12Z"]),
    "time as text": formatted("time", ["10:11:12Z", "10:11:12.123+02:00"],
                              ["10:11", "24:00:00Z", "10:11:12", "10:11:12+24:00", "10:11:12+02:60"]),
    "password": text({"format": "password"}, ["", "anything at all"], [], ""),
    "minimum": whole({"minimum": 5}, [5, 6, None], [4, -1], "must be at least 5"),
    "maximum": whole({"maximum": 5}, [5, -6], [6, 9007199254740993], "must be at most 5"),
    "exclusiveMinimum": whole({"exclusiveMinimum": 5}, [6], [5, 4], "must be greater than 5"),
    "exclusiveMaximum": whole({"exclusiveMaximum": 5}, [4], [5, 6], "must be less than 5"),
    "minimum between": whole({"minimum": 1.5}, [2, 3], [1, 0], "must be at least 1.5"),
    "maximum between": whole({"maximum": -1.5}, [-2], [-1, 0], "must be at most -1.5"),
    "exclusiveMinimum between": whole({"exclusiveMinimum": 1.5}, [2], [1], "must be greater than 1.5"),
    "exclusiveMaximum between": whole({"exclusiveMaximum": 1.5}, [1], [2], "must be less than 1.5"),
    "minimum beyond the type": whole({"minimum": 300}, [], [1, 127], "must be at least 300", "TINYINT"),
    "maximum beyond the type": whole({"maximum": 300}, [127, -128], [], "", "TINYINT"),
    "minimum below the type": whole({"minimum": -1}, [0, 255], [], "", "UTINYINT"),
    "maximum below the type": whole({"maximum": -1}, [], [0, 255], "must be at most -1", "UTINYINT"),
    "large": whole({"maximum": 9007199254740992}, [9007199254740992], [9007199254740993], "must be at most 9007199254740992"),
    "very large": whole({"minimum": 1e30}, [], [1, 5], "must be at least 1e+30", "DECIMAL(38,0)"),
    "decimal minimum": number({"minimum": 0.005}, [0.01, 1], [0, -1], "must be at least 0.005", physical="DECIMAL(12,2)"),
    "decimal maximum": number({"maximum": 99.99}, [99.99], [100, 99999.99], "must be at most 99.99", physical="DECIMAL(12,2)"),
    "decimal beyond": number({"maximum": 1000}, [99.99], [], "", physical="DECIMAL(4,2)"),
    "decimal exclusive": number({"exclusiveMinimum": 0, "exclusiveMaximum": 1}, [0.01, 0.99], [0], "must be greater than 0",
                                physical="DECIMAL(12,2)"),
    "double": number({"minimum": 0.1}, [0.1, 0.2], [0.0999999], "must be at least 0.1"),
    "float": number({"maximum": 0.1}, [0.1, 0], [0.100001], "must be at most 0.1", physical="FLOAT"),
    "multipleOf": whole({"multipleOf": 5}, [0, 5, -10], [1, -4], "must be a multiple of 5"),
    "multipleOf beyond the type": whole({"multipleOf": 300}, [0], [100], "must be a multiple of 300", "TINYINT"),
    "multipleOf halves": whole({"multipleOf": 2.5}, [0, 5, -10], [1, 3], "must be a multiple of 2.5"),
    "multipleOf cents": number({"multipleOf": 0.05}, [0.05, 0.15, 19.95, -0.1], [0.01, 19.99], "must be a multiple of 0.05",
                               physical="DECIMAL(12,2)"),
    "multipleOf finer": number({"multipleOf": 0.025}, [0.05, 0.25], [0.01], "must be a multiple of 0.025", physical="DECIMAL(12,2)"),
    "multipleOf of doubles": number({"multipleOf": 0.01}, [19.99, 0.07, 1e6, -0.29], [0.005, 19.999], "must be a multiple of 0.01"),
    "i8 in a wider type": whole({"format": "i8"}, [127, -128], [128, -129], "must have the format i8"),
    "u16": whole({"format": "u16"}, [0, 65535], [-1, 65536], "must have the format u16"),
    "u64 in a decimal": whole({"format": "u64"}, [0, 5], [-1], "must have the format u64", "DECIMAL(38,0)"),
    "i128": whole({"format": "i128"}, [0, -5, 10**30], [], "", "HUGEINT"),
    "u128": whole({"format": "u128"}, [0, 10**30], [-1], "must have the format u128", "HUGEINT"),
    "i32 is implied": whole({"format": "i32"}, [1], [], "", "INTEGER"),
    "f32": number({"format": "f32"}, [1e38], [1e39], "must have the format f32"),
    "number as text": number({"minimum": 5}, ["5", "6.5"], ["4", "no"], "must be at least 5", physical="VARCHAR"),
    "whole number as text": number({"multipleOf": 5}, ["5", "-10", "+5", "5.0", "5e0", "1e2"],
                                   ["4", "5x", "4.6", "5.4", "5.00001", "55e-1", "1_0"], "must be a multiple of 5", "integer", "VARCHAR"),
    "minimum of a whole number as text": number({"minimum": 6}, ["6", "+6.00"], ["5.5", "6.4", ""], "must be at least 6", "integer",
                                                "VARCHAR"),
    "i8 as text": number({"format": "i8"}, ["127", "-128.0"], ["127.4", "128"], "must have the format i8", "integer", "VARCHAR"),
    "number beyond all as text": number({"minimum": 0}, ["1e5", ".5", "5."], ["inf", "Infinity", "nan", "5_0", "-1"],
                                        "must be at least 0", physical="VARCHAR"),
    "date as text with its bound": moment("date", {"maximum": "2024-01-31"}, ["2024-01-31", "2023-12-31"],
                                          ["2024-01-31 23:59:59", "2024-01-31x", "2024-01-30T00:00:00Z", "2024-02-01", "infinity"],
                                          "must be at most 2024-01-31", physicalType="varchar"),
    "time as text with its bound": moment("time", {"maximum": "10:00"}, ["10:00", "09:59:59.123456", "10:00:00Z"],
                                          ["10:00:00.0000009", "09:00:00+02:00", "2024-01-31 09:00:00", "09:00:00x"],
                                          "must be at most 10:00", physicalType="varchar"),
    "timestamp as text with its bound": moment("timestamp", {"maximum": "2024-01-31T10:00:00"},
                                               ["2024-01-31", "2024-01-31T10:00:00.000000000Z", "2024-01-31T12:00:00+02:00"],
                                               ["2024-01-31 10:00:00.0000001", "2024-01-31T10:00:00-01:00", "2024-01-31 25:00:00"],
                                               "must be at most 2024-01-31 10:00:00", physicalType="varchar"),
    "date minimum": moment("date", {"minimum": "2024-01-31"}, ["2024-01-31", "2025-01-01"], ["2024-01-30"],
                           "must be at least 2024-01-31"),
    "date maximum": moment("date", {"maximum": "2024-01-31"}, ["2024-01-31"], ["2024-02-01"], "must be at most 2024-01-31"),
    "date exclusive": moment("date", {"exclusiveMinimum": "2024-01-31"}, ["2024-02-01"], ["2024-01-31"], "must be greater than 2024-01-31"),
    "date below": moment("date", {"exclusiveMaximum": "2024-01-31"}, ["2024-01-30"], ["2024-01-31"], "must be less than 2024-01-31"),
    "date by its format": moment("date", {"format": "dd.MM.yyyy", "minimum": "31.01.2024"}, ["31.01.2024"], ["30.01.2024"],
                                 "must be at least 2024-01-31"),
    "date of text": moment("date", {"format": "dd.MM.yyyy"}, ["31.01.2024", "29.02.2024"], ["2024-01-31", "1.2.2024", "30.02.2024"],
                           "must have the format dd.MM.yyyy", physicalType="varchar"),
    "bounds of a date of text": moment("date", {"format": "dd.MM.yyyy", "maximum": "2024-01-31"}, ["31.01.2024"],
                                       ["01.02.2024"], "must be at most 2024-01-31", physicalType="varchar"),
    "names of months": moment("date", {"format": "EEE, d MMM yyyy"}, ["Wed, 31 Jan 2024", "Thu, 1 Feb 2024"],
                              ["31 Jan 2024", "Wed, 31 Foo 2024"], "must have the format EEE, d MMM yyyy", physicalType="varchar"),
    "timestamp": moment("timestamp", {"minimum": "2024-01-31T10:00:00"}, ["2024-01-31 10:00:00"], ["2024-01-31 09:59:59.999"],
                        "must be at least 2024-01-31 10:00:00"),
    "minimum finer than seconds": moment("timestamp", {"minimum": "2024-01-31T10:00:00.4"}, ["2024-01-31 10:00:01"],
                                         ["2024-01-31 10:00:00"], "must be at least 2024-01-31 10:00:00.4", physicalType="timestamp_s"),
    "maximum finer than seconds": moment("timestamp", {"maximum": "2024-01-31T10:00:00.6Z"}, ["2024-01-31 10:00:00"],
                                         ["2024-01-31 10:00:01"], "must be at most 2024-01-31 10:00:00.6", physicalType="timestamp_s"),
    "minimum finer than milliseconds": moment("timestamp", {"exclusiveMinimum": "2024-01-31T10:00:00.0004"},
                                              ["2024-01-31 10:00:00.001"], ["2024-01-31 10:00:00"], "must be greater than",
                                              physicalType="timestamp_ms"),
    "maximum finer than milliseconds": moment("timestamp", {"exclusiveMaximum": "1969-01-31T10:00:00.0006"},
                                              ["1969-01-31 10:00:00"], ["1969-01-31 10:00:00.001"], "must be less than",
                                              physicalType="timestamp_ms"),
    "bound of milliseconds": moment("timestamp", {"minimum": "2024-01-31T10:00:00.004"}, ["2024-01-31 10:00:00.004"],
                                    ["2024-01-31 10:00:00.003"], "must be at least", physicalType="timestamp_ms"),
    "minimum within a day": moment("timestamp", {"minimum": "2024-01-31T10:00:00"}, ["2024-02-01"], ["2024-01-31"],
                                   "must be at least 2024-01-31 10:00:00", physicalType="date"),
    "maximum within a day": moment("timestamp", {"exclusiveMaximum": "2024-01-31T10:00:00Z"}, ["2024-01-31"], ["2024-02-01"],
                                   "must be less than 2024-01-31 10:00:00", physicalType="date"),
    "bound at the beginning of a day": moment("timestamp", {"exclusiveMaximum": "2024-01-31T00:00:00"}, ["2024-01-30"], ["2024-01-31"],
                                              "must be less than 2024-01-31 00:00:00", physicalType="date"),
    "timestamp with an offset": moment("timestamp", {"maximum": "2024-01-31T12:00:00+02:00"}, ["2024-01-31 10:00:00"],
                                       ["2024-01-31 10:00:01"], "must be at most 2024-01-31 10:00:00+00"),
    "timestamp with a zone": moment("timestamp", {"timezone": True, "minimum": "2024-01-31T10:00:00Z"},
                                    ["2024-01-31T10:00:00Z", "2024-01-31T12:00:00+02:00"], ["2024-01-31T09:59:59Z"], "must be at least"),
    "timestamp in a zone": moment("timestamp", {"timezone": True, "defaultTimezone": "Europe/Zurich", "maximum": "2024-01-31T10:00:00"},
                                  ["2024-01-31T09:00:00Z"], ["2024-01-31T09:00:01Z"], "must be at most"),
    "timestamp of text": moment("timestamp", {"format": "yyyy-MM-dd'T'HH:mm:ss.SSSXXX"},
                                ["2024-01-31T10:11:12.123Z", "2024-01-01T02:00:00.000+02:00"],
                                ["2024-01-31T10:11:12Z", "2024-01-31 10:11:12.123Z", "2024-02-30T10:11:12.123Z"],
                                "must have the format yyyy", physicalType="varchar"),
    "bounds of a timestamp of text": moment("timestamp", {"format": "yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "minimum": "2024-01-01T00:00:00Z"},
                                            ["2024-01-31T10:11:12.123Z", "2024-01-01T02:00:00.000+02:00"],
                                            ["2023-12-31T23:59:59.999Z", "2024-01-01T01:00:00.000+02:00"],
                                            "must be at least", physicalType="varchar"),
    "half days": moment("timestamp", {"format": "MM/dd/yyyy hh:mm a"}, ["01/31/2024 12:30 PM"], ["01/31/2024 13:30 PM", "01/31/2024 12:30"],
                        "must have the format", physicalType="varchar"),
    "time": moment("time", {"minimum": "08:00:00", "maximum": "18:00"}, ["08:00:00", "18:00:00"], ["07:59:59"], "must be at least 08:00:00"),
    "minProperties": thing({"minProperties": 2}, [{"a": "x", "b": 1}, None], [{"a": "x"}, {}], "must have at least 2 properties"),
    "maxProperties": thing({"maxProperties": 1}, [{"a": "x"}, {}], [{"a": "x", "b": 1}], "must have at most 1 property"),
    "required": thing({"required": ["a", "b"]}, [{"a": "x", "b": 1}], [{"a": "x"}, {"b": 1}, {"a": None, "b": 1}], "must have a, b"),
    "json minProperties": thing({"minProperties": 2}, [{"a": "x", "c": 1}], [{"a": "x"}, {}], "must have at least 2 properties",
                                physicalType="json"),
    "json required": thing({"required": ["a"]}, [{"a": "x"}], [{"b": 1}, {"a": None}], "must have a", physicalType="json"),
    "json required with signs": thing({"required": ["a/b", "~c"]}, [{"a/b": 1, "~c": 2}],
                                      [{"a": {"b": 1}, "~c": 2}, {"a/b": 1, "c": 2}, {"a~1b": 1, "~0c": 2}], "must have a/b, ~c",
                                      physicalType="json", properties=[{"name": "a/b", "logicalType": "integer"},
                                                                         {"name": "~c", "logicalType": "integer"}]),
    "minItems": listing({"minItems": 1}, [["a"], ["a", "b"], None], [[]], "must have at least 1 element"),
    "maxItems": listing({"maxItems": 2}, [[], ["a", "b"]], [["a", "b", "c"]], "must have at most 2 elements"),
    "uniqueItems": listing({"uniqueItems": True}, [[], ["a", "b"], ["a", None, None]], [["a", "a"], ["a", "b", "a"]],
                           "must hold no element twice"),
    "uniqueItems of objects": listing({"uniqueItems": True}, [[{"a": 1}, {"a": 2}]], [[{"a": 1}, {"a": 1}]], "must hold no element twice",
                                      items={"logicalType": "object", "properties": [{"name": "a", "logicalType": "integer"}]}),
    "json items": listing({"maxItems": 2, "uniqueItems": True}, [[], ["a", "b"]], [["a", "b", "c"]], "must have at most 2 elements",
                          physicalType="json"),
}


def bare(node):
    """A property without what it asks of values."""
    node = copy.deepcopy(node)
    node.pop("quality", None)
    node.pop("required", None)
    node.pop("unique", None)
    options = node.get("logicalTypeOptions", {})
    kept = ("timezone", "format") if node["logicalType"] in ("date", "timestamp") and "physicalType" not in node else ("timezone",)
    node["logicalTypeOptions"] = {k: v for k, v in options.items() if k in kept}
    node["properties"] = [bare(p) for p in node.get("properties", [])]
    if "items" in node:
        node["items"] = bare(node["items"])
    return {k: v for k, v in node.items() if v not in ({}, [])}


def document(id, name, properties, table=None, **more):
    return json.dumps({"apiVersion": "v3.1.0", "kind": "DataContract", "id": id, "version": "1.0.0", "status": "active",
                       "schema": [{"name": name, "properties": properties, **(table or {})}], **more}, ensure_ascii=False)


def write_mesh(mesh, properties, rows, table=None):
    mesh.write("mesh.yaml", MESH)
    mesh.write("policies/analysts.policy.yaml", GRANT)
    mesh.write("domains/sales/domain.yaml", DOMAIN)
    mesh.write(f"{ORDERS}/product.odps.yaml", PRODUCT)
    mesh.write(f"{ORDERS}/shop.odcs.yaml", document(
        "shop-files", "people", [bare(p) for p in properties],
        servers=[{"server": "files", "type": "local", "path": "data/people.ndjson", "format": "ndjson"}]))
    mesh.write(f"{ORDERS}/orders.odcs.yaml", document("orders", "people", properties, table))
    mesh.write("data/people.ndjson", "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def columns_of(cases):
    """Properties, and their values: c0_good has the good values of the first case, c0_all has all of them."""
    properties, values = [], {}
    for i, (node, good, bad, *_) in enumerate(cases):
        for name, these in ((f"c{i}_good", good), (f"c{i}_all", good + bad)):
            properties.append({"name": name, **copy.deepcopy(node)})
            values[name] = these
    return properties, values


def rows_of(values):
    return [{name: these[i] for name, these in values.items() if i < len(these)} for i in range(max(map(len, values.values())))]


def verdicts_of(folder, properties, values, code):
    """What a run of these columns and values says, which ends with that code."""
    mesh = Mesh(folder / "mesh")
    mesh.folder.mkdir()
    write_mesh(mesh, properties, rows_of(values))
    mesh.weft("apply", "--yes")
    answer = mesh.weft("run", "--all", ok=code == 0)
    rows = mesh.rows("SELECT * FROM mesh.checks", as_user="ana")
    mesh.close()
    assert answer.code == code and rows, told(answer)
    return rows


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    properties, values = columns_of(OPTIONS.values())
    return verdicts_of(tmp_path_factory.mktemp("options"), properties, values, code=65)


@pytest.mark.parametrize("name", OPTIONS)
def test_each_option(options, name):
    i = list(OPTIONS).index(name)
    node, good, bad, says = OPTIONS[name]
    mine = {kind: [r for r in options if r["column_name"] == f"c{i}_{kind}"] for kind in ("good", "all")}
    for row in mine["good"]:
        assert row["verdict"] == "pass" and row["rows_failed"] == 0, row
    failed = sum(r["rows_failed"] for r in mine["all"])
    assert failed == len(bad) and all(r["verdict"] in ("pass", "fail") for r in mine["all"]), mine["all"]
    if bad:
        assert any(says in r["message"] and "that do" in r["message"] for r in mine["all"] if r["verdict"] == "fail"), mine["all"]
        assert {r["kind"] for r in mine["all"]} <= set(node["logicalTypeOptions"])
        assert {r["severity"] for r in mine["all"]} == {"error"}


# Properties inside: what stands in the column, its rules, what they say. Each rule is a warning.
NESTED = {
    "address": ({"logicalType": "object", "properties": [
        {"name": "street", "logicalType": "string", "quality": [
            {"metric": "nullValues", "mustBe": 0},
            {"metric": "nullValues", "mustBe": 25, "unit": "percent"},
            {"metric": "missingValues", "arguments": {"missingValues": ["n/a", None]}, "mustBe": 0},
            {"metric": "invalidValues", "arguments": {"pattern": "^[A-Z]"}, "mustBe": 0},
            {"metric": "duplicateValues", "mustBe": 0},
            {"type": "sql", "query": "SELECT count({property}) FROM {object}", "mustBe": 3}]},
        {"name": "zip", "logicalType": "integer", "quality": [
            {"metric": "invalidValues", "arguments": {"validValues": [8000, 3000]}, "mustBe": 0}]},
        {"name": "geo", "logicalType": "object", "properties": [
            {"name": "lat", "logicalType": "number", "quality": [{"metric": "nullValues", "mustBe": 0}]}]}]},
        [{"street": "Alpha", "zip": 8000, "geo": {"lat": 1.5}}, {"street": "n/a", "zip": 1}, {"street": "Alpha", "geo": {}},
         {"zip": 3000}, None],
        ["fail address.street: nullValues of address.street must be 0: found 1 of 4 objects (25 percent)",
         "pass address.street: nullValues of address.street must be 25 percent: found 25 percent (1 of 4 objects)",
         "fail address.street: missingValues of address.street must be 0: found 2 of 4 objects (50 percent)",
         "fail address.street: invalidValues of address.street must be 0: found 1 of 4 objects (25 percent)",
         "fail address.street: duplicateValues of address.street must be 0: found 1 of 4 objects (25 percent)",
         "pass address.street: sql of address.street must be 3: found 3",
         "fail address.zip: invalidValues of address.zip must be 0: found 1 of 4 objects (25 percent)",
         "fail address.geo.lat: nullValues of address.geo.lat must be 0: found 1 of 2 objects (50 percent)"]),
    "phones": ({"logicalType": "array", "items": {"logicalType": "object", "properties": [
        {"name": "number", "logicalType": "string", "quality": [
            {"metric": "nullValues", "mustBe": 0},
            {"metric": "duplicateValues", "mustBe": 1},
            {"metric": "invalidValues", "arguments": {"pattern": "^\\+"}, "mustBeLessThan": 30, "unit": "percent"}]},
        {"name": "tags", "logicalType": "array", "items": {"logicalType": "string", "quality": [
            {"metric": "invalidValues", "arguments": {"validValues": ["home", "work"]}, "mustBe": 0}]}}]}},
        [[{"number": "+1", "tags": ["home", "work"]}, {"number": "2", "tags": ["shop"]}], [{"number": "+1"}, {"tags": []}], [], None],
        ["fail phones[].number: nullValues of phones[].number must be 0: found 1 of 4 elements (25 percent)",
         "pass phones[].number: duplicateValues of phones[].number must be 1: found 1 of 4 elements (25 percent)",
         "pass phones[].number: invalidValues of phones[].number must be less than 30 percent: found 25 percent (1 of 4 elements)",
         "fail phones[].tags[]: invalidValues of phones[].tags[] must be 0: found 1 of 3 elements (33.33 percent)"]),
    "scores": ({"logicalType": "array", "items": {"logicalType": "integer", "quality": [
        {"metric": "nullValues", "mustBe": 0},
        {"type": "sql", "query": "SELECT count({property}) FROM {object}", "mustBe": 3}]}},
        [[1, 2], [], [None, 3]],
        ["fail scores[]: nullValues of scores[] must be 0: found 1 of 4 elements (25 percent)",
         "error scores[]: sql of scores[] must be 3: cannot be checked: its query speaks of a property, but it stands for many "
         "elements: write unnest of the column instead"]),
    "none": ({"logicalType": "array", "items": {"logicalType": "integer", "quality": [{"metric": "nullValues", "mustBe": 0}]}},
             [[], None], ["pass none[]: nullValues of none[] must be 0: found none: there are no elements"]),
    "doc": ({"logicalType": "object", "physicalType": "json", "properties": [
        {"name": "kind", "logicalType": "string", "quality": [{"metric": "nullValues", "mustBe": 0}]},
        {"name": "lines", "logicalType": "array", "items": {"logicalType": "object", "properties": [
            {"name": "n", "logicalType": "integer", "quality": [
                {"metric": "nullValues", "mustBe": 0},
                {"metric": "invalidValues", "arguments": {"validValues": [1, 2]}, "mustBe": 0}]}]}}]},
        [{"kind": "a", "lines": [{"n": 1}, {"n": "x"}, {}]}, {"kind": None, "lines": "no"}, None],
        ["fail doc.kind: nullValues of doc.kind must be 0: found 1 of 2 objects (50 percent)",
         "fail doc.lines[].n: nullValues of doc.lines[].n must be 0: found 1 of 3 elements (33.33 percent)",
         "fail doc.lines[].n: invalidValues of doc.lines[].n must be 0: found 1 of 3 elements (33.33 percent)"]),
}


def typed(logical, good, bad, physical=None, **options):
    """A property of JSON: how often its options and its list of values fail."""
    node = {"name": "v", "logicalType": logical, **({"physicalType": physical} if physical else {}), "logicalTypeOptions": options}
    return node, good, bad


# Values of JSON are read as their declared type, and none of them is rounded to it.
OF_JSON = {
    "whole numbers": typed("integer", [6, 6.0, "6", None], [5.6, 6.4, 5, True, "x"], minimum=6, maximum=6),
    "small whole numbers": typed("integer", [127, -128], [127.4, 128, -128.4, 1e30], physical="tinyint", minimum=-128),
    "decimals": typed("number", [1, 0.99, 1e-2, "1.00", -1], [1.004, 1e-7, 1.01, "1.0000000000000000000001"], physical="decimal(6,2)",
                      maximum=1),
    "fine decimals": typed("number", [1e-7, 2.5, 1e21, 3.7e22, 123456.75], [1e-12, -1], physical="decimal(38,10)", minimum=0),
    "powers of ten": typed("number", ["1.25e0", "12500E-4", "1.2345678901e+8", "0E-10", "-1.50e1", "100.00e-1", "0.0012e3", "1e9"],
                           ["1.000000000000000000001e0", "123456789.0000000001e0", "1e-400", "5e-3", "9.5e-3", "1e10", "1e", "1e1e1"],
                           physical="decimal(12,2)", maximum=1e9),
    "long powers of ten": typed("number", ["1.2345678901234567e20", "1234567890123456789012345678e-10"],
                                ["1.2345678901234567e0", "1234567890123456789012345678e-11"], physical="decimal(38,10)", minimum=0),
    "steps": typed("number", [0.01, 19.99], [1.004], physical="decimal(6,2)", multipleOf=0.01),
    "numbers": typed("number", [0.5, 1e300, 0], ["inf", "nan", -0.5], minimum=0),
    "dates": typed("date", ["2024-01-31"], ["2024-01-31 10:00:00", "2024-02-01", 5], maximum="2024-01-31"),
    "seconds": typed("timestamp", ["2024-01-31T10:00:00", "2024-01-31"], ["2024-01-31T09:00:00.4", "2024-01-31T09:00:00+02:00"],
                     physical="timestamp_s", maximum="2024-01-31T10:00:00"),
    "moments": typed("timestamp", ["2024-01-31T12:00:00+02:00", "2024-01-31T10:00:00Z"], ["2024-01-31T10:00:00-01:00"],
                     maximum="2024-01-31T10:00:00Z", timezone=True),
}


@pytest.fixture(scope="module")
def of_json(tmp_path_factory):
    properties, values = [], {}
    for i, (node, good, bad) in enumerate(OF_JSON.values()):
        for name, these in ((f"c{i}_good", good), (f"c{i}_all", good + bad)):
            properties.append({"name": name, "logicalType": "object", "physicalType": "json", "properties": [copy.deepcopy(node)]})
            values[name] = [{"v": value} for value in these]
    return verdicts_of(tmp_path_factory.mktemp("json"), properties, values, code=65)


@pytest.mark.parametrize("name", OF_JSON)
def test_values_of_json_are_not_rounded(of_json, name):
    i = list(OF_JSON).index(name)
    good = [r for r in of_json if r["column_name"] == f"c{i}_good.v"]
    assert good and all(r["verdict"] == "pass" for r in good), good
    least = 1 if len(good) == 1 else 2  # each option fails what is none of the type
    failed = [r["rows_failed"] for r in of_json if r["column_name"] == f"c{i}_all.v"]
    bad = OF_JSON[name][2]
    assert sum(failed) >= len(bad) and len(failed) == least, failed
    assert least == 2 or failed == [len(bad)], failed


def test_lists_and_partners_of_json_are_not_rounded(mesh):
    mesh.write("i.yaml", json.dumps({
        "apiVersion": "v3.1.0", "kind": "DataContract", "id": "o", "version": "1.0.0", "status": "active",
        "servers": [{"server": "s", "type": "local", "path": "i_{table}.ndjson", "format": "ndjson"}],
        "schema": [{"name": "t", "properties": [{"name": "j", "logicalType": "object", "physicalType": "json", "properties": [
            {"name": "i", "logicalType": "integer", "quality": [
                {"metric": "invalidValues", "arguments": {"validValues": [6]}, "mustBe": 0},
                {"metric": "missingValues", "arguments": {"missingValues": [6]}, "mustBe": 1}]},
            {"name": "r", "logicalType": "integer", "relationships": [{"to": "k.id"}]}]}]},
            {"name": "k", "properties": [{"name": "id", "logicalType": "integer"}]}]}))
    mesh.write("i_t.ndjson", '{"j":{"i":5.6,"r":1.4}}\n{"j":{"i":6,"r":1}}\n{"j":{"i":6.2,"r":"x"}}\n{"j":{"r":1.0}}\n{"j":{}}\n')
    mesh.write("i_k.ndjson", '{"id":1}\n')
    answer = mesh.weft("contract", "test", "i.yaml", ok=False)
    assert answer.code == 65, told(answer)
    for message in ("invalidValues of j.i must be 0: found 2 of 5 objects (40 percent)",
                    "j.r must be in k.id: found 2 of 5 objects that do not (40 percent)", "2 failed"):
        assert message in told(answer), told(answer)


def test_properties_of_json_may_have_any_name(mesh):
    signs = {"logicalType": "integer", "quality": [{"metric": "nullValues", "mustBe": 1}]}
    write_mesh(mesh, [{"name": "doc", "logicalType": "object", "physicalType": "json", "properties": [
        {"name": "a/b", **signs}, {"name": "~1", **signs}]}],
        [{"doc": {"a/b": 1, "~1": 1}}, {"doc": {"a": {"b": 1}, "/": 1}}])
    mesh.weft("apply", "--yes")
    mesh.weft("run", "--all")
    assert [r["verdict"] for r in mesh.rows("SELECT verdict FROM mesh.checks", as_user="ana")] == ["pass", "pass"]


def softened(node):
    node = copy.deepcopy(node)
    for rule in node.get("quality", []):
        rule["severity"] = "warning"
    node["properties"] = [softened(p) for p in node.get("properties", [])]
    if "items" in node:
        node["items"] = softened(node["items"])
    return {k: v for k, v in node.items() if v != []}


@pytest.fixture(scope="module")
def nested(tmp_path_factory):
    return verdicts_of(tmp_path_factory.mktemp("nested"), [{"name": name, **softened(node)} for name, (node, _, _) in NESTED.items()],
                       {name: values for name, (_, values, _) in NESTED.items()}, code=0)


@pytest.mark.parametrize("name", NESTED)
def test_rules_inside_of_objects_and_arrays(nested, name):
    mine = [r for r in nested if r["column_name"].replace("[", ".").split(".")[0] == name]
    assert [f"{r['verdict']} {r['column_name']}: {r['message']}" for r in mine] == NESTED[name][2]


def test_the_schema_inside_of_objects_and_arrays(mesh):
    """required, unique and options count inside too, and reject."""
    write_mesh(mesh, [
        {"name": "address", "logicalType": "object", "properties": [
            {"name": "street", "logicalType": "string", "required": True, "logicalTypeOptions": {"maxLength": 3}}]},
        {"name": "phones", "logicalType": "array", "items": {"logicalType": "object", "properties": [
            {"name": "number", "logicalType": "string", "unique": True, "logicalTypeOptions": {"pattern": "^[0-9]+$"}}]}},
        {"name": "scores", "logicalType": "array", "items": {"logicalType": "integer", "required": True,
                                                             "logicalTypeOptions": {"maximum": 10}}}],
        [{"address": {"street": "abcd"}, "phones": [{"number": "1"}, {"number": "1"}], "scores": [1, None]},
         {"address": {}, "phones": [{"number": "x"}], "scores": [11]}, {"scores": []}])
    mesh.weft("apply", "--yes")
    refused = mesh.weft("run", "--all", ok=False)
    assert refused.code == 65
    for message in ("address.street must not be null: found 1 null in 2 objects (50 percent)",
                    "address.street must have at most 3 characters: found 1 of 2 objects that does not (50 percent)",
                    "phones[].number must be unique: found 1 duplicate in 3 elements (33.33 percent)",
                    "phones[].number must match ^[0-9]+$: found 1 of 3 elements that does not (33.33 percent)",
                    "scores[] must not be null: found 1 null in 3 elements (33.33 percent)",
                    "scores[] must be at most 10: found 1 of 3 elements that does not (33.33 percent)"):
        assert message in told(refused), told(refused)


@pytest.mark.parametrize("node, says", [
    ({"logicalType": "string", "logicalTypeOptions": {"minLength": 3, "maxLength": 2}}, "no value of x meets both minLength and maxLength"),
    ({"logicalType": "integer", "logicalTypeOptions": {"minimum": 3, "maximum": 2}}, "no value of x meets both minimum and maximum"),
    ({"logicalType": "integer", "logicalTypeOptions": {"minimum": 1.2, "maximum": 1.8}}, "no value of x meets both minimum and maximum"),
    ({"logicalType": "number", "logicalTypeOptions": {"minimum": 2, "exclusiveMaximum": 2}},
     "no value of x meets both minimum and exclusiveMaximum"),
    ({"logicalType": "date", "logicalTypeOptions": {"minimum": "2024-02-01", "maximum": "2024-01-01"}},
     "no value of x meets both minimum and maximum"),
    ({"logicalType": "date", "logicalTypeOptions": {"minimum": "2024-02-30"}}, "this is no date"),
    ({"logicalType": "time", "logicalTypeOptions": {"minimum": "25:00"}}, "this is no time"),
    ({"logicalType": "timestamp", "logicalTypeOptions": {"maximum": "tomorrow"}}, "this is no timestamp"),
    ({"logicalType": "date", "logicalTypeOptions": {"format": "YYYY-MM-dd"}}, "weft does not read the letter Y of it"),
    ({"logicalType": "date", "logicalTypeOptions": {"format": "dd.MM"}}, "it has no year"),
    ({"logicalType": "time", "logicalTypeOptions": {"format": "hh:mm"}}, "go together"),
    ({"logicalType": "timestamp", "logicalTypeOptions": {"defaultTimezone": "Zürich!"}}, "this is no name of a time zone"),
    ({"logicalType": "array", "items": {"logicalType": "string"}, "logicalTypeOptions": {"minItems": 2, "maxItems": 1}},
     "no value of x meets both minItems and maxItems"),
    ({"logicalType": "object", "properties": [{"name": "a", "logicalType": "string"}], "logicalTypeOptions": {"required": ["b"]}},
     "x has no such property"),
    ({"logicalType": "object", "properties": [{"name": "a", "logicalType": "string"}], "logicalTypeOptions": {"minProperties": 2}},
     "x has only 1 property"),
    ({"logicalType": "array", "items": {"logicalType": "integer", "logicalTypeOptions": {"minimum": 3, "maximum": 2}}},
     "no value of x[] meets both minimum and maximum"),
])
def test_what_no_value_can_meet_is_refused_by_check(mesh, node, says):
    write_mesh(mesh, [{"name": "x", "logicalType": "string"}], [{"x": "a"}])
    mesh.write(f"{ORDERS}/orders.odcs.yaml", document("orders", "people", [{"name": "x", **node}]))
    assert says in the_error(check(mesh))["message"]


def test_dates_are_read_as_their_format_says(mesh):
    properties = [{"name": "born", "logicalType": "date", "logicalTypeOptions": {"format": "dd.MM.yyyy"}},
                  {"name": "seen", "logicalType": "timestamp", "logicalTypeOptions": {"format": "dd.MM.yyyy HH:mm", "timezone": True,
                                                                                     "defaultTimezone": "Europe/Zurich"}},
                  {"name": "local", "logicalType": "timestamp", "logicalTypeOptions": {"timezone": True,
                                                                                      "defaultTimezone": "Europe/Zurich"}}]
    write_mesh(mesh, properties, [])
    mesh.write(f"{ORDERS}/shop.odcs.yaml", document(
        "shop-files", "people", properties, servers=[{"server": "files", "type": "local", "path": "data/people.csv", "format": "csv"}]))
    mesh.write("data/people.csv", "born,seen,local\n31.12.1999,31.07.2024 12:00,2024-07-31 12:00:00\n,,2024-07-31T12:00:00Z\n")
    mesh.weft("apply", "--yes")
    mesh.weft("run", "--all")
    assert mesh.rows("SELECT CAST(born AS VARCHAR) AS born, epoch(seen) AS seen, epoch(local) AS local FROM sales.orders.people "
                     "ORDER BY born NULLS LAST", as_user="ana") == [
        {"born": "1999-12-31", "seen": 1722420000.0, "local": 1722420000.0},
        {"born": None, "seen": None, "local": 1722427200.0}]
    mesh.write("data/people.csv", "born,seen,local\n1999-12-31,,\n")
    refused = mesh.weft("run", "--all", ok=False)
    assert refused.code == 65 and "column born: a value is not spelled dd.MM.yyyy" in told(refused)



@pytest.mark.parametrize("kind", ["csv", "ndjson", "json"])
def test_integers_of_128_bits_are_kept_to_38_digits(mesh, kind):
    """By their format alone, as a contract of others says it; what has more digits stops the run, and is not rounded."""
    properties = [{"name": name, "logicalType": "integer", "logicalTypeOptions": {"format": name}} for name in ("i128", "u128")]
    write_mesh(mesh, properties, [])
    mesh.write(f"{ORDERS}/shop.odcs.yaml", document("shop-files", "people", properties, servers=[
        {"server": "files", "type": "local", "path": f"data/people.{kind}", "format": kind}]))
    rows = [(12345678901234567890123456789012345678, 1), (-(10**37), 10**37)]

    def write(rows):
        dicts = [{"i128": i, "u128": u} for i, u in rows]
        mesh.write(f"data/people.{kind}", json.dumps(dicts) if kind == "json" else "".join(
            json.dumps(row) + "\n" for row in dicts) if kind == "ndjson" else "i128,u128\n" + "".join(f"{i},{u}\n" for i, u in rows))
    write(rows)
    mesh.weft("apply", "--yes")
    mesh.weft("run", "--all")
    kept = mesh.rows("SELECT i128::VARCHAR AS i, u128::VARCHAR AS u FROM sales.orders.people ORDER BY i128 DESC", as_user="ana")
    assert kept == [{"i": str(i), "u": str(u)} for i, u in rows]
    write([(10**38, 1)])
    refused = mesh.weft("run", "--all", ok=False)
    assert refused.code != 0 and "column i128" in told(refused) and f"people.{kind}" in told(refused)


def test_bounds_of_older_contracts_are_flags(mesh):
    """Up to v3.0.2 exclusiveMinimum: true says that the minimum itself is out."""
    options = {"minimum": 1, "exclusiveMinimum": True, "maximum": 9, "exclusiveMaximum": False}
    write_mesh(mesh, [{"name": "n", "logicalType": "integer"}], [{"n": 1}, {"n": 2}, {"n": 9}])
    old = document("orders", "people", [{"name": "n", "logicalType": "integer", "logicalTypeOptions": options}])
    mesh.write(f"{ORDERS}/orders.odcs.yaml", old.replace("v3.1.0", "v3.0.2"))
    mesh.weft("apply", "--yes")
    refused = mesh.weft("run", "--all", ok=False)
    assert "n must be greater than 1: found 1 of 3 rows that does not (33.33 percent)" in told(refused)
    assert sorted(r["kind"] for r in mesh.rows("SELECT kind FROM mesh.checks", as_user="ana")) == ["exclusiveMinimum", "maximum"]
    mesh.write(f"{ORDERS}/orders.odcs.yaml", old.replace("v3.1.0", "v3.0.2").replace('"minimum": 1, ', ""))
    assert "exclusiveMinimum: true needs minimum beside it" in the_error(check(mesh))["message"]


def test_what_is_said_of_a_rule_is_kept_and_shown(mesh):
    rule = {"name": "codes", "metric": "nullValues", "mustBe": 0, "dimension": "cp", "severity": "warning",
            "businessImpact": "Parcels go astray.", "scheduler": "cron", "schedule": "0 6 * * *", "tags": ["daily", "post"]}
    write_mesh(mesh, [{"name": "code", "logicalType": "string", "quality": [rule]}], [{"code": "a"}, {}])
    mesh.weft("apply", "--yes")
    mesh.weft("run", "--all")
    row, = mesh.rows("SELECT dimension, severity, schedule, business_impact, tags, verdict, run_id FROM mesh.checks", as_user="ana")
    run = row.pop("run_id")
    assert row == {"dimension": "completeness", "severity": "warning", "schedule": "cron: 0 6 * * *",
                   "business_impact": "Parcels go astray.", "tags": "daily, post", "verdict": "fail"}
    shown, = mesh.weft("show", run, "--format", "json").json["checks"]
    assert (shown["schedule"], shown["business_impact"], shown["dimension"]) == ("cron: 0 6 * * *", "Parcels go astray.", "completeness")

"""Inputs that are damaged, hostile or odd, each with what has to come of it: these rows, or words of the error.

`python3 tests/corpus/make_corpus.py FOLDER` writes them down."""

import gzip
import json
import os
import struct
import zlib

from parquet_file import (BOOLEAN, BYTE_ARRAY, DOUBLE, FIXED, INT32, INT64, INT96, UUID, Column, I32, I64, Struct, parquet, time, timestamp)


class Case:
    """One table: its files, how the contract speaks of them, and the outcome."""

    def __init__(self, name, data, columns, *, rows=None, refused=None, code=None, kind=None, files=None, custom=None,
                 checks=None):
        self.name, self.columns, self.rows, self.refused, self.code = name, columns, rows, refused, code
        self.kind, self.custom, self.checks = kind, custom or {}, checks
        self.files = files or {f"{name}{'.' + kind if kind and kind != 'accesslog' else '.log'}": data}
        assert (rows is None) + (refused is None) + (checks is None) == 2, name

    @property
    def path(self):
        return next(iter(self.files)) if len(self.files) == 1 else f"{self.name}-*"


CASES = []
ID = {"id": "bigint"}
TEXT = {"id": "bigint", "text": "varchar"}


def case(kind, name, data, columns, **how):
    CASES.append(Case(name, data, columns, kind=kind, **how))


def gz(data):
    return gzip.compress(data, mtime=0)


UNICODE = "é ß Ω я 中 😀 👩‍👩‍👧 e\u0301 \u202eabc\u202c \u200b \ufffd \U0010ffff"

# ---- CSV

case("csv", "csv_empty", b"", ID, refused="empty")
case("csv", "csv_header_only", b"id,text\n", TEXT, rows=[])
case("csv", "csv_header_without_end", b"id,text", TEXT, rows=[])
case("csv", "csv_one_row", b"id,text\n1,a\n", TEXT, rows=[[1, "a"]])
case("csv", "csv_last_line_without_end", b"id,text\n1,a\n2,b", TEXT, rows=[[1, "a"], [2, "b"]])
case("csv", "csv_all_null", b"id,text\n,\n,\n", TEXT, rows=[[None, None], [None, None]])
case("csv", "csv_empty_text_is_no_null", b'id,text\n1,""\n2,\n', TEXT, rows=[[1, ""], [2, None]])
case("csv", "csv_unicode", f"id,text\n1,{UNICODE}\n".encode(), TEXT, rows=[[1, UNICODE]])
case("csv", "csv_mark", b"\xef\xbb\xbfid,text\n1,a\n", TEXT, rows=[[1, "a"]])
case("csv", "csv_windows", b"id,text\r\n1,a\r\n2,b\r\n", TEXT, rows=[[1, "a"], [2, "b"]])
case("csv", "csv_old_mac", b"id,text\r1,a\r2,b\r", TEXT, rows=[[1, "a"], [2, "b"]])
case("csv", "csv_mixed_ends", b"id,text\r\n1,a\n2,b\r\n", TEXT, refused="different ways")
case("csv", "csv_mixed_ends_in_quotes", b'id,text\r\n1,"a\nb"\r\n2,"c\rd"\r\n', TEXT, rows=[[1, "a\nb"], [2, "c\rd"]])
case("csv", "csv_windows_ends_in_quotes", b'id,text\n1,"a\r\nb"\n', TEXT, rows=[[1, "a\r\nb"]])
case("csv", "csv_separators_of_ascii", b"id,text\n1,a\x1c\x1d\x1e\x1fb\n", TEXT, rows=[[1, "a\x1c\x1d\x1e\x1fb"]])
case("csv", "csv_blank_first", b"\nid,text\n1,a\n", TEXT, refused="line 1 is empty")
case("csv", "csv_blank_first_of_texts", b"\na,b\nx,y\n", {"a": "varchar", "b": "varchar"}, refused="line 1 is empty")
case("csv", "csv_blank_first_windows", b"\r\na,b\r\nx,y\r\n", {"a": "varchar", "b": "varchar"}, refused="line 1 is empty")
case("csv", "csv_blank_behind_mark", b"\xef\xbb\xbf\na\nx\n", {"a": "varchar"}, refused="line 1 is empty")
case("csv", "csv_blank_first_gz", None, {"a": "varchar"}, refused="line 1 is empty",
     files={"csv_blank_first_gz.csv.gz": gz(b"\na\nx\n")})
case("csv", "csv_one_of_two_is_empty", None, ID, refused="csv_one_of_two_is_empty-2.csv: the file is empty",
     files={"csv_one_of_two_is_empty-1.csv": b"id\n1\n", "csv_one_of_two_is_empty-2.csv": b""})
case("csv", "csv_nul", b"id,text\n1,a\0b\n", TEXT, rows=[[1, "a\0b"]])
case("csv", "csv_quoted_lines", b'id,text\n1,"a\nb"\n2,"c,""d"""\n', TEXT, rows=[[1, "a\nb"], [2, 'c,"d"']])
case("csv", "csv_open_quote", b'id,text\n1,a\n2,"open\n3,c\n', TEXT, refused="line 3")
case("csv", "csv_text_behind_quote", b'id,text\n1,"a"b\n', TEXT, refused="line 2")
case("csv", "csv_latin1", "id,text\n1,\xe9\n".encode("latin-1"), TEXT, refused="UTF-8")
case("csv", "csv_utf16", "id,text\n1,a\n".encode("utf-16"), TEXT, refused="UTF-8")
case("csv", "csv_overlong_utf8", b"id,text\n1,\xc0\xaf\n", TEXT, refused="UTF-8")
case("csv", "csv_surrogate", b"id,text\n1,\xed\xa0\x80\n", TEXT, refused="UTF-8")
case("csv", "csv_huge_field", b"id,text\n1," + b"x" * 1_500_000 + b"\n", TEXT, checks={"max(length(text))": 1_500_000})
case("csv", "csv_field_beyond_bounds", b"id,text\n1," + b"x" * 30_000_000 + b"\n", TEXT, refused="too long")
case("csv", "csv_wrong_type", b"id,text\n1,a\ntwo,b\n", TEXT, refused="line 3: column id")
case("csv", "csv_fraction", b"id,text\n1.5,a\n", TEXT, refused="column id: a value is no BIGINT")
case("csv", "csv_overflow", b"id,text\n9223372036854775808,a\n", TEXT, refused="column id")
# What a type without a zone would drop, what it would cut or round off, and what is beyond it.
MOMENT = "2026-01-02 10:11:12"
for nth, (kind, value, found) in enumerate([
        ("timestamp", f"{MOMENT}+02", None), ("timestamp", f"{MOMENT}-05:30", None), ("timestamp", f"{MOMENT}.1234567", None),
        ("timestamp", f"{MOMENT}Z", MOMENT), ("timestamp", f"{MOMENT}.5+00:00", f"{MOMENT}.5"), ("timestamp", f"{MOMENT}.1234560", f"{MOMENT}.123456"),
        ("timestamp_s", f"{MOMENT}.9", None), ("timestamp_ms", f"{MOMENT}.9999", None), ("timestamp_ns", f"{MOMENT}+02", None),
        ("timestamp_ns", f"{MOMENT}.123456789", f"{MOMENT}.123456789"), ("timestamptz", f"{MOMENT}.1234567+02", None),
        ("timestamptz", f"{MOMENT}.5+02", "2026-01-02 08:11:12.5+00"), ("time", "10:11:12+02", None), ("time", MOMENT, None),
        ("time", "10:11:12.1234567", None), ("time", "10:11:12.5", "10:11:12.5"), ("double", "1e309", None), ("double", "-inf", "-inf"),
        ("real", "1e39", None), ("real", "1e38", "1e+38")]):
    how = {"refused": "column v: a value is no "} if found is None else {"checks": {"v::varchar": found}}
    case("csv", f"csv_kept_{nth}", f"v\n{value}\n".encode(), {"v": kind}, **how)
    if kind != "real" or found is None:
        case("ndjson", f"nd_kept_{nth}", ('{"v":"%s"}\n' % value).encode(), {"v": kind}, **how)
case("csv", "csv_too_few_fields", b"id,text\n1,a\n2\n", TEXT, refused="line 3 has 1 fields, not 2")
case("csv", "csv_too_many_fields", b"id,text\n1,a,b\n", TEXT, refused="line 2 has 3 fields, not 2")
case("csv", "csv_nested_rounding", b'id,list\n1,"[1, 2.5]"\n', {"id": "bigint", "list": "integer[]"}, refused="column list")
case("csv", "csv_nested", b'id,list\n1,"[1, 2]"\n', {"id": "bigint", "list": "integer[]"}, rows=[[1, [1, 2]]])
case("csv", "csv_nested_no_number", b'id,list\n1,"[1, x]"\n', {"id": "bigint", "list": "integer[]"}, refused="column list: a value is no INT32")
case("csv", "csv_key_twice", b'id,map\n1,"{a=1, a=2}"\n', {"id": "bigint", "map": "map(varchar, integer)"}, refused="a map has a key twice")
case("csv", "csv_missing_column", b"id,other\n1,a\n", TEXT, refused="column text")
case("csv", "csv_twice_the_name", b"id,text,text\n1,a,b\n", TEXT, rows=[[1, "a"]])
case("csv", "csv_twice_but_for_case", b"id,text,TEXT\n1,a,b\n", TEXT, refused="twice, where upper and lower case are the same")
case("csv", "csv_twice_and_its_number", b"id,text,text,text_1\n1,a,b,c\n", TEXT, refused="its header has the column text_1 twice")
case("csv", "csv_formula", b"id,text\n1,=cmd|' /C calc'!A0\n", TEXT, rows=[[1, "=cmd|' /C calc'!A0"]])
WIDE = int(os.environ.get("WEFT_CORPUS_WIDE", 10000))
case("csv", "csv_wide",
     (",".join(f"c{i}" for i in range(WIDE)) + "\n" + ",".join(map(str, range(WIDE))) + "\n").encode(),
     {f"c{i}": "integer" for i in range(WIDE)}, checks={f"c0 + c{WIDE - 1}": WIDE - 1, "count(*)": 1})
case("csv", "csv_gz_cut", None, TEXT, refused="cut", files={"csv_gz_cut.csv.gz": gz(b"id,text\n" + b"1,a\n" * 5000)[:-20]})
case("csv", "csv_gz_bit", None, TEXT, refused="the file ", files={"csv_gz_bit.csv.gz": (
    lambda d: d[:40] + bytes([d[40] ^ 4]) + d[41:])(gz(b"id,text\n" + b"1,a\n" * 5000))})
case("csv", "csv_gz_none", None, TEXT, refused="gzip", files={"csv_gz_none.csv.gz": b"id,text\n1,a\n"})
case("csv", "csv_gz_two_members", None, TEXT, rows=[[1, "a"], [2, "b"]],
     files={"csv_gz_two_members.csv.gz": gz(b"id,text\n1,a\n") + gz(b"2,b\n")})
case("csv", "csv_bomb", None, TEXT, refused="too long", files={"csv_bomb.csv.gz": gz(b"id,text\n1," + b"x" * 200_000_000)})
case("csv", "csv_files_differ", None, TEXT, refused="differ",
     files={"csv_files_differ-1.csv": b"id,text\n1,a\n", "csv_files_differ-2.csv": b"text,id\nb,2\n"})

# ---- NDJSON

case("ndjson", "nd_empty", b"", TEXT, rows=[])
case("ndjson", "nd_true_is_no_number", b'{"v":true}\n', {"v": "double"}, refused="column v: a value is no DOUBLE")
case("ndjson", "nd_doubles", b'{"v":0.30000000000000004}\n{"v":4.9e-324}\n{"v":1.7976931348623157e308}\n', {"v": "double"},
     rows=[[0.30000000000000004], [5e-324], [1.7976931348623157e308]])
case("ndjson", "nd_offset_inside", b'{"v":{"t":"2026-01-02T10:11:12+02:00"}}\n', {"v": "STRUCT(t TIMESTAMP)"}, refused="column v: a value is no")
case("ndjson", "nd_time_inside", b'{"v":{"t":"9999-12-31T10:11:12.5Z"}}\n', {"v": "STRUCT(t TIMESTAMP)"},
     checks={"v.t::varchar": "9999-12-31 10:11:12.5"})
case("ndjson", "nd_text_for_list", b'{"v":"a"}\n', {"v": "integer[]"}, refused="line 1 has a value that does not fit the type of its column")
case("ndjson", "nd_blank_lines", b'\n{"id":1,"text":"a"}\n\n  \n{"id":2}\n', TEXT, rows=[[1, "a"], [2, None]])
case("ndjson", "nd_unicode", ('{"id":1,"text":"%s"}\n' % UNICODE).encode(), TEXT, rows=[[1, UNICODE]])
case("ndjson", "nd_escapes", b'{"id":1,"text":"\\u00e9\\ud83d\\ude00\\n\\u0000"}\n', TEXT, rows=[[1, "é😀\n\0"]])
case("ndjson", "nd_half_pair", b'{"id":1,"text":"\\ud83d"}\n', TEXT, refused="line 1, column 23: half of a surrogate pair")
case("ndjson", "nd_not_utf8", b'{"id":1,"text":"ok"}\n{"id":2,"text":"\xff"}\n', TEXT, refused="line 2, column 17: it is not UTF-8")
case("ndjson", "nd_key_twice", b'{"id":1,"text":"a","id":2}\n', TEXT, refused="line 1, column 20: a key stands twice")
case("ndjson", "nd_key_twice_escaped", b'{"id":1,"\\u0069d":2}\n', TEXT, refused="a key stands twice")
case("ndjson", "nd_key_twice_inside", b'{"id":1,"text":null,"more":{"a":1,"b":{"c":1,"c":2}}}\n', TEXT, refused="a key stands twice")
case("ndjson", "nd_no_object", b"[1]\n", TEXT, refused="line 1, column 1: the line is not a JSON object")
case("ndjson", "nd_cut", b'{"id":1,"text":"a"}\n{"id":2,"te', TEXT, refused="line 2")
case("ndjson", "nd_over_lines", b'{"id":1,\n"text":"a"}\n', TEXT, refused="line 1, column 9: the line is no whole JSON object")
case("ndjson", "nd_two_in_a_line", b'{"id":1}{"id":2}\n', TEXT, refused="line 1, column 9")
case("ndjson", "nd_infinite", b'{"id":1,"text":"a"}\n{"id":2,"n":1e999}\n', TEXT, refused="line 2, column 13: a number is beyond")
case("ndjson", "nd_nan", b'{"id":NaN}\n', TEXT, refused="line 1, column 7: it is not JSON")
case("ndjson", "nd_leading_zero", b'{"id":007}\n', TEXT, refused="line 1, column 7: it is not JSON")
case("ndjson", "nd_lost_digits", b'{"id":1,"doc":{"x":0.12345678901234567890123}}\n', {"id": "bigint", "doc": "json"},
     refused="line 1, column 20: a number has more digits than can be kept")
case("ndjson", "nd_kept_digits", b'{"id":1,"doc":{"x":0.30000000000000004,"y":123456789012345678901234567890}}\n',
     {"id": "bigint", "doc": "json"}, checks={"doc::varchar": '{"x":0.30000000000000004,"y":123456789012345678901234567890}'})
case("ndjson", "nd_nested_rounding", b'{"id":1,"item":{"n":1.7}}\n', {"id": "bigint", "item": "STRUCT(n INTEGER)"},
     refused="column item: a value is no STRUCT(n INTEGER)")
case("ndjson", "nd_nested_decimal", b'{"id":1,"item":{"p":[1.25,2.5]}}\n', {"id": "bigint", "item": "STRUCT(p DECIMAL(12,2)[])"},
     checks={"item.p[1]::varchar || item.p[2]::varchar": "1.252.50"})
case("ndjson", "nd_nested_decimal_cut", b'{"id":1,"item":{"p":[1.255]}}\n', {"id": "bigint", "item": "STRUCT(p DECIMAL(12,2)[])"},
     refused="column item")
case("ndjson", "nd_nested_date_cut", b'{"id":1,"item":{"d":"2026-01-01T10:00:00"}}\n', {"id": "bigint", "item": "STRUCT(d DATE)"},
     refused="column item")
case("ndjson", "nd_depth_100", ('{"id":1,"doc":' + '{"a":' * 99 + "1" + "}" * 99 + "}\n").encode(), {"id": "bigint", "doc": "json"},
     checks={"length(doc::varchar)": 99 * 6 + 1})
MANY = WIDE // 5  # each value is looked at in words of SQL, which take time and memory for each column
case("ndjson", "nd_wide", json.dumps({f"c{i}": i for i in range(MANY)}).encode() + b"\n",
     {f"c{i}": "decimal(12,2)" if i % 2 else "integer" for i in range(MANY)}, checks={f"c0 + c{MANY - 1}": MANY - 1, "count(*)": 1})
case("ndjson", "nd_depth_1000", ('{"id":1,"doc":' + "[" * 1000 + "]" * 1000 + "}\n").encode(), {"id": "bigint", "doc": "json"},
     refused="nested deeper")
case("ndjson", "nd_depth_million", b'{"id":1,"doc":' + b"[" * 1_000_000, {"id": "bigint", "doc": "json"}, refused="nested deeper")
case("ndjson", "nd_wrong_type", b'{"id":"one"}\n', TEXT, refused="column id")
case("ndjson", "nd_too_large", b'{"id":9223372036854775808}\n', ID, refused="column id: a value is no BIGINT")
case("ndjson", "nd_odd_types", b'{"b":true,"c":"101","u":"0F8FAD5B-D9CB-469F-A165-70867728950E","i":"1 day","h":123456789012345678901234567890}\n{}\n',
     {"b": "boolean", "c": "bit", "u": "uuid", "i": "interval", "h": "hugeint"}, checks={
         "count(*)": 2, "max(b)": True, "max(c)::varchar": "101", "max(u)::varchar": "0f8fad5b-d9cb-469f-a165-70867728950e",
         "max(i)::varchar": "1 day", "max(h)::varchar": "123456789012345678901234567890"})
case("ndjson", "nd_number_for_true", b'{"b":7}\n', {"b": "boolean"}, refused="column b: a value is no BOOLEAN")
case("ndjson", "nd_nested_odd_types", b'{"s":{"b":true,"c":"101","d":null},"l":[false,null]}\n', {"s": "struct(b boolean, c bit, d bit)", "l": "boolean[]"},
     checks={"max(s.b)": True, "max(s.c)::varchar": "101", "max(s.d)": None, "max(l)::varchar": "[false, NULL]"})
case("ndjson", "nd_nested_number_for_true", b'{"s":{"b":7}}\n', {"s": "struct(b boolean)"}, refused="column s: a value is no BOOL")
case("ndjson", "nd_listed_number_for_true", b'{"l":[true,7]}\n', {"l": "boolean[]"}, refused="column l: a value is no BOOL")
case("ndjson", "nd_no_uuid", b'{"u":"x"}\n', {"u": "uuid"}, refused="column u: a value is no UUID")
case("ndjson", "nd_required_missing", b'{"id":1}\n{"text":"a"}\n', TEXT, rows=[[1, None], [None, "a"]])
case("ndjson", "nd_gz_cut", None, TEXT, refused="cut", files={"nd_gz_cut.ndjson.gz": gz(b'{"id":1,"text":"a"}\n' * 5000)[:-9]})
case("ndjson", "nd_windows", b'{"id":1,"text":"a"}\r\n{"id":2,"text":"b"}\r\n', TEXT, rows=[[1, "a"], [2, "b"]])
case("ndjson", "nd_mark", b'\xef\xbb\xbf{"id":1,"text":"a"}\n', TEXT, refused="byte order mark")

# ---- JSON documents

case("json", "json_array", b'[{"id":1,"text":"a"},\n {"id":2}]', TEXT, rows=[[1, "a"], [2, None]])
case("json", "json_object", b'{"id":1,\n "text":"a"}', TEXT, rows=[[1, "a"]])
case("json", "json_empty_array", b"[]", TEXT, rows=[])
case("json", "json_mark", b'\xef\xbb\xbf[{"id":1,"text":"a"}]', TEXT, rows=[[1, "a"]])
case("json", "json_records", b'{"meta":{"items":[{"id":9}]},"data":{"items":[{"id":1,"text":"a"},{"id":2,"text":"[{"}]},"n":[{"id":8}]}',
     TEXT, rows=[[1, "a"], [2, "[{"]], custom={"records": "/data/items"})
case("json", "json_records_in_array", b'{"data":[{"x":1},{"rows":[{"id":1,"text":"a"}]}]}', TEXT, rows=[[1, "a"]],
     custom={"records": "/data/1/rows"})
case("json", "json_records_escaped", b'{"a/b":{"m~n":[{"id":1,"text":"a"}]}}', TEXT, rows=[[1, "a"]], custom={"records": "/a~1b/m~0n"})
case("json", "json_records_missing", b'{"data":[]}', TEXT, refused="nothing where `records` points", custom={"records": "/items"})
case("json", "json_records_no_array", b'{"data":5}', TEXT, refused="line 1, column 9: here stands neither", custom={"records": "/data"})
case("json", "json_nested", b'[{"id":1,"who":{"name":"Ada","tags":["a","b"]},"rest":{"x":[1,{"y":null}]}}]',
     {"id": "bigint", "who": "STRUCT(name VARCHAR, tags VARCHAR[])", "rest": "json"},
     checks={"who.name || who.tags[2]": "Adab", "rest::varchar": '{"x":[1,{"y":null}]}'})
case("json", "json_empty", b"", TEXT, refused="is empty")
case("json", "json_scalar", b"5", TEXT, refused="neither an array nor an object")
case("json", "json_array_of_numbers", b"[1,2]", TEXT, refused="line 1, column 2: an element of the array is not an object")
case("json", "json_cut", b'[{"id":1,"text":"a"},{"id":2', TEXT, refused="ends in the middle")
case("json", "json_more_behind", b'[{"id":1}] x', TEXT, refused="line 1, column 12: something stands behind")
case("json", "json_not_utf8", b'[{"id":1,"text":"\xe9"}]', TEXT, refused="line 1, column 18: it is not UTF-8")
case("json", "json_key_twice", b'[{"id":1},\n{"id":2,"id":3}]', TEXT, refused="line 2, column 9: a key stands twice")
case("json", "json_deep", b'[{"a":' + b"[" * 100_000, TEXT, refused="nested deeper")
case("json", "json_depth_100", ('[{"id":1,"doc":' + "[" * 98 + "]" * 98 + "}]").encode(), {"id": "bigint", "doc": "json"},
     checks={"length(doc::varchar)": 196})
case("json", "json_trailing_comma", b'[{"id":1},]', TEXT, refused="line 1, column 11")
case("json", "json_comment", b'[{"id":1} /* one */]', TEXT, refused="line 1, column 11: it is not JSON")
case("json", "json_gz", None, TEXT, rows=[[1, "a"]], files={"json_gz.json.gz": gz(b'[{"id":1,"text":"a"}]')})
case("json", "json_unicode", ('[{"id":1,"text":"%s"}]' % UNICODE).encode(), TEXT, rows=[[1, UNICODE]])
case("json", "json_huge_key", b'[{"id":1,"' + b"k" * 100_000 + b'":1}]', TEXT, refused="a key is too long")

# ---- Parquet

DAY_2023 = struct.pack("<qi", 3_600_000_000_000, 2_460_000)
P_ID = Column("id", INT64, [1, 2, 3])


def flipped(data, at, bit=1):
    return data[:at] + bytes([data[at] ^ bit]) + data[at + 1:]


def p_meta(change):
    return parquet([P_ID], footer=change)


case("parquet", "p_plain", parquet([P_ID, Column("text", BYTE_ARRAY, [b"a", None, "é".encode()], converted="UTF8")]), TEXT,
     rows=[[1, "a"], [2, None], [3, "é"]])
case("parquet", "p_unicode", parquet([Column("id", INT64, [1]), Column("text", BYTE_ARRAY, [UNICODE.encode()], converted="UTF8")]), TEXT,
     rows=[[1, UNICODE]])
case("parquet", "p_no_rows", parquet([Column("id", INT64, [])]), ID, rows=[])
case("parquet", "p_all_null", parquet([Column("id", INT64, [None, None])]), ID, rows=[[None], [None]])
case("parquet", "p_by_name", parquet([Column("text", BYTE_ARRAY, [b"a"], converted="UTF8"), Column("id", INT64, [1])]), TEXT, rows=[[1, "a"]])
case("parquet", "p_widened", parquet([Column("id", INT32, [-5])]), ID, rows=[[-5]])
case("parquet", "p_narrowed", parquet([Column("id", INT64, [5])]), {"id": "integer"}, refused="column id has another type")
case("parquet", "p_unsigned", parquet([Column("id", INT32, [-1], converted="UINT_32")]), ID, rows=[[4294967295]])
case("parquet", "p_unsigned_64", parquet([Column("id", INT64, [-1], converted="UINT_64")]), {"id": "ubigint"},
     checks={"id::varchar": "18446744073709551615"})
case("parquet", "p_unsigned_64_to_signed", parquet([Column("id", INT64, [-1], converted="UINT_64")]), ID, refused="another type")
case("parquet", "p_decimal", parquet([Column("d", FIXED, [(10**37 + 1).to_bytes(16, "big"), (-1).to_bytes(16, "big", signed=True)],
                                             length=16, converted="DECIMAL", scale=2, precision=38)]), {"d": "DECIMAL(38,2)"},
     checks={"max(d)::varchar": "100000000000000000000000000000000000.01", "min(d)::varchar": "-0.01"})
case("parquet", "p_decimal_40", parquet([Column("d", FIXED, [(10**38).to_bytes(17, "big")], length=17, converted="DECIMAL", scale=2,
                                                precision=40)]), {"d": "double"}, refused="decimal of 40 digits")
case("parquet", "p_decimal_scale", parquet([Column("d", INT32, [12345], converted="DECIMAL", scale=3, precision=9)]),
     {"d": "DECIMAL(9,2)"}, refused="another type")
case("parquet", "p_millis", parquet([Column("t", INT64, [1700000000123], converted="TIMESTAMP_MILLIS")]), {"t": "timestamp"},
     checks={"t::varchar": "2023-11-14 22:13:20.123"})
case("parquet", "p_micros_zone", parquet([Column("t", INT64, [1700000000123456], logical=timestamp("us", True))]), {"t": "timestamptz"},
     checks={"t::varchar": "2023-11-14 22:13:20.123456+00"})
case("parquet", "p_nanos", parquet([Column("t", INT64, [1700000000123456789], logical=timestamp("ns", False))]), {"t": "timestamp_ns"},
     checks={"t::varchar": "2023-11-14 22:13:20.123456789"})
case("parquet", "p_nanos_as_micros", parquet([Column("t", INT64, [1700000000123456789], logical=timestamp("ns", False))]),
     {"t": "timestamp"}, refused="another type")
case("parquet", "p_nanos_zone", parquet([Column("t", INT64, [1700000000123456789], logical=timestamp("ns", True))]),
     {"t": "timestamptz"}, refused="nanoseconds")
case("parquet", "p_nanos_unused", parquet([Column("t", INT64, [1], logical=timestamp("ns", True)), Column("id", INT64, [7])]), ID, rows=[[7]])
case("parquet", "p_time_nanos", parquet([Column("t", INT64, [123456789], logical=time("ns", False))]), {"t": "time"}, refused="nanoseconds")
case("parquet", "p_time", parquet([Column("t", INT64, [123456789], logical=time("us", False))]), {"t": "time"},
     checks={"t::varchar": "00:02:03.456789"})
case("parquet", "p_int96", parquet([Column("t", INT96, [DAY_2023])]), {"t": "timestamp"}, refused="int96: microseconds")
case("parquet", "p_int96_allowed", parquet([Column("t", INT96, [DAY_2023, None])]), {"t": "timestamp"}, custom={"int96": "microseconds"},
     checks={"max(t)::varchar": "2023-02-24 01:00:00", "count(t)": 1})
case("parquet", "p_zone_to_local", parquet([Column("t", INT64, [1], logical=timestamp("us", True))]), {"t": "timestamp"}, refused="another type")
case("parquet", "p_enum", parquet([Column("text", BYTE_ARRAY, [b"A"], converted="ENUM")]), {"text": "varchar"}, rows=[["A"]])
case("parquet", "p_uuid", parquet([Column("u", FIXED, [bytes(range(16))], length=16, logical=UUID)]), {"u": "uuid"},
     rows=[["00010203-0405-0607-0809-0a0b0c0d0e0f"]])
case("parquet", "p_bytes_as_text", parquet([Column("text", BYTE_ARRAY, ["né".encode()])]), {"text": "varchar"}, rows=[["né"]])
case("parquet", "p_bytes_no_text", parquet([Column("text", BYTE_ARRAY, [b"\xff"])]), {"text": "varchar"}, refused="UTF-8")
case("parquet", "p_bytes", parquet([Column("b", BYTE_ARRAY, [b"\xff\0"])]), {"b": "bytea"}, checks={"hex(b)": "FF00"})
case("parquet", "p_text_not_utf8", parquet([Column("text", BYTE_ARRAY, [b"a\xff"], converted="UTF8")]), {"text": "varchar"}, refused="UTF-8")
case("parquet", "p_json", parquet([Column("doc", BYTE_ARRAY, [b'{"a":1.10}'], converted="JSON")]), {"doc": "json"},
     checks={"doc::varchar": '{"a":1.10}'})
case("parquet", "p_json_broken", parquet([Column("doc", BYTE_ARRAY, [b'{"a":'], converted="JSON")]), {"doc": "json"}, refused="JSON")
case("parquet", "p_bool_double", parquet([Column("b", BOOLEAN, [True, False]), Column("d", DOUBLE, [0.1, -0.0])]),
     {"b": "boolean", "d": "double"}, rows=[[False, -0.0], [True, 0.1]])
case("parquet", "p_missing_column", parquet([P_ID]), TEXT, refused="column text")
case("parquet", "p_empty", b"", ID, refused="no Parquet file, or it was cut")
case("parquet", "p_head_only", b"PAR1", ID, refused="no Parquet file, or it was cut")
case("parquet", "p_cut", parquet([P_ID])[:-9], ID, refused="no Parquet file, or it was cut")
case("parquet", "p_without_front", parquet([P_ID])[20:], ID, refused="damaged")
case("parquet", "p_csv_inside", b"id\n1\n" * 10, ID, refused="no Parquet file")
case("parquet", "p_footer_too_long", b"PAR1" + struct.pack("<I", 2**31) + b"PAR1", ID, refused="damaged")
case("parquet", "p_more_rows_claimed", parquet([P_ID], claimed_rows=5), ID, refused="damaged")
case("parquet", "p_fewer_rows_claimed", parquet([P_ID], claimed_rows=2), ID, refused="damaged")
case("parquet", "p_endless_rows_claimed", parquet([P_ID], claimed_rows=2**60), ID, refused="damaged")
case("parquet", "p_page_too_big", parquet([P_ID], page_bytes=2**31 - 1), ID, refused="damaged")
case("parquet", "p_page_too_small", parquet([P_ID], page_bytes=8), ID, refused="damaged")
case("parquet", "p_offset_negative", p_meta(lambda m: m[4][0][1][0][3].__setitem__(9, I64(-5))), ID, refused="damaged")
case("parquet", "p_depth_200", p_meta(lambda m: m[2].__setitem__(slice(1, 1), [
    Struct({3: I32(0), 4: "inner" if i else "id", 5: I32(1)}) for i in range(200)])), ID, refused="column id has another type")
case("parquet", "p_offset_far", p_meta(lambda m: m[4][0][1][0][3].__setitem__(9, I64(10**12))), ID, refused="damaged")
case("parquet", "p_children_claimed", p_meta(lambda m: m[2][0].__setitem__(5, I32(2**31 - 1))), ID, refused="damaged")
case("parquet", "p_bit_under_checksum",
     (lambda d: flipped(d, d.index(struct.pack("<q", 2))))(parquet([P_ID], checksums=True)), ID, refused="checksum")
case("parquet", "p_checksums", parquet([P_ID], checksums=True), ID, rows=[[1], [2], [3]])
case("parquet", "p_wide", parquet([Column(f"c{i}", INT32, [i]) for i in range(WIDE)]), {f"c{i}": "integer" for i in range(WIDE)},
     checks={f"c0 + c{WIDE - 1}": WIDE - 1})
case("parquet", "p_files_widen", None, ID, rows=[[1], [2]],
     files={"p_files_widen-1.parquet": parquet([Column("id", INT32, [1])]), "p_files_widen-2.parquet": parquet([Column("id", INT64, [2])])})
case("parquet", "p_files_order", None, TEXT, rows=[[1, "a"], [2, "b"]], files={
    "p_files_order-1.parquet": parquet([Column("id", INT64, [1]), Column("text", BYTE_ARRAY, [b"a"], converted="UTF8")]),
    "p_files_order-2.parquet": parquet([Column("text", BYTE_ARRAY, [b"b"], converted="UTF8"), Column("id", INT64, [2])])})
case("parquet", "p_files_drift", None, ID, refused="p_files_drift-2.parquet", files={
    "p_files_drift-1.parquet": parquet([Column("id", INT64, [1])]),
    "p_files_drift-2.parquet": parquet([Column("id", BYTE_ARRAY, [b"x"], converted="UTF8")])})
case("parquet", "p_files_lack", None, TEXT, rows=[[1, "a"], [2, None]], files={
    "p_files_lack-1.parquet": parquet([Column("id", INT64, [1]), Column("text", BYTE_ARRAY, [b"a"], converted="UTF8")]),
    "p_files_lack-2.parquet": parquet([Column("id", INT64, [2])])})
case("parquet", "p_one_damaged", None, ID, refused="p_one_damaged-2.parquet", files={
    "p_one_damaged-1.parquet": parquet([P_ID]), "p_one_damaged-2.parquet": parquet([P_ID])[:-9]})

# ---- access logs

COMMON = {"host": "varchar", "identity": "varchar", "user": "varchar", "time": "timestamptz", "request": "varchar", "method": "varchar",
          "path": "varchar", "protocol": "varchar", "status": "integer", "bytes": "bigint"}
HOSTS = {"host": "varchar", "status": "integer"}
GOOD = '192.0.2.7 - frank [10/Oct/2000:13:55:36 -0700] "GET /a.gif?x=1 HTTP/1.0" 200 2326\n'
TAIL = ' "https://example.com/" "Mozilla/5.0 (\\"odd\\")"\n'
case("accesslog", "log_common", GOOD.encode(), COMMON, checks={
    "host": "192.0.2.7", "identity": None, '"user"': "frank", '"time"::varchar': "2000-10-10 20:55:36+00", "method": "GET",
    "path": "/a.gif?x=1", "protocol": "HTTP/1.0", "status": 200, "bytes": 2326, "request": "GET /a.gif?x=1 HTTP/1.0"})
case("accesslog", "log_unicode", GOOD.replace("frank", UNICODE.replace(" ", "_")).encode(), {"user": "varchar"},
     rows=[[UNICODE.replace(" ", "_")]])
case("accesslog", "log_combined", (GOOD.rstrip("\n") + TAIL).encode(), {"host": "varchar", "referer": "varchar", "user_agent": "varchar"},
     custom={"logFormat": "combined"}, rows=[["192.0.2.7", "https://example.com/", 'Mozilla/5.0 (\\"odd\\")']])
case("accesslog", "log_separators_of_ascii", GOOD.replace("frank", "a\x1c\x1d\x1e\x1fb").encode(), {"user": "varchar"},
     rows=[["a\x1c\x1d\x1e\x1fb"]])
case("accesslog", "log_line_of_a_separator", (GOOD + "\x1e\n").encode(), {"host": "varchar"}, refused="line 2 does not match")
case("accesslog", "log_dashes", b'::1 - - [10/Oct/2000:13:55:36 +0000] "-" 408 -\n', COMMON,
     checks={"host": "::1", '"user"': None, "request": None, "method": None, "status": 408, "bytes": None})
case("accesslog", "log_garbage_request", b'192.0.2.7 - - [10/Oct/2000:13:55:36 +0000] "\\x16\\x03\\x01" 400 226\n',
     {"host": "varchar", "request": "varchar", "method": "varchar"}, rows=[["192.0.2.7", "\\x16\\x03\\x01", None]])
case("accesslog", "log_pattern", b'example.com:443 192.0.2.7 1234 "GET / HTTP/2.0" a=b\n',
     {"server_name": "varchar", "server_port": "bigint", "duration_us": "bigint", "path": "varchar", "cookie_sid": "varchar"},
     custom={"logFormat": '%v:%p %h %D "%r" %{SID}C'}, rows=[["example.com", 443, 1234, "/", "a=b"]])
case("accesslog", "log_bad_line", (GOOD + "what is this\n" + GOOD).encode(), HOSTS, refused="line 2 does not match logFormat")
case("accesslog", "log_bad_line_skipped", (GOOD + "what is this\n" + GOOD).encode(), HOSTS, custom={"onBadLine": "skip"},
     rows=[["192.0.2.7", 200], ["192.0.2.7", 200]])
case("accesslog", "log_common_read_as_combined", GOOD.encode(), HOSTS, custom={"logFormat": "combined"}, refused="line 1 does not match")
case("accesslog", "log_no_such_day", GOOD.replace("10/Oct", "31/Feb").encode(), COMMON, refused="column time: a value is no time")
case("accesslog", "log_empty", b"", HOSTS, rows=[])
case("accesslog", "log_windows", GOOD.replace("\n", "\r\n").encode(), HOSTS, rows=[["192.0.2.7", 200]])
case("accesslog", "log_not_utf8", GOOD.replace("frank", "fr\xe4nk").encode("latin-1"), HOSTS, refused="UTF-8")
case("accesslog", "log_quote_in_field", GOOD.replace("/a.gif?x=1", '/a\\"b').encode(), {"path": "varchar"}, rows=[['/a\\"b']])
case("accesslog", "log_huge_line", GOOD.replace("/a.gif", "/" + "a" * 5_000_000).encode(), HOSTS, refused="too long")
case("accesslog", "log_gz_cut", None, HOSTS, refused="cut", files={"log_gz_cut.log.gz": gz(GOOD.encode() * 3000)[:-12]})
case("accesslog", "log_missing_column", GOOD.encode(), {"host": "varchar", "referer": "varchar"}, refused="column referer")

"""A writer of small Parquet files that says exactly what it is told to: types that other writers avoid, and footers that lie.

One row group, one page a column, PLAIN, not compressed. Nested columns are lists of one level (`repeated`)."""

import struct
import zlib

BOOLEAN, INT32, INT64, INT96, FLOAT, DOUBLE, BYTE_ARRAY, FIXED = range(8)
REQUIRED, OPTIONAL, REPEATED = range(3)

CONVERTED = {"UTF8": 0, "MAP": 1, "MAP_KEY_VALUE": 2, "LIST": 3, "ENUM": 4, "DECIMAL": 5, "DATE": 6, "TIME_MILLIS": 7,
             "TIME_MICROS": 8, "TIMESTAMP_MILLIS": 9, "TIMESTAMP_MICROS": 10, "UINT_8": 11, "UINT_16": 12, "UINT_32": 13,
             "UINT_64": 14, "INT_8": 15, "INT_16": 16, "INT_32": 17, "INT_64": 18, "JSON": 19, "BSON": 20, "INTERVAL": 21}


# ---- Thrift's compact protocol, as far as Parquet needs it

def varint(n):
    out = bytearray()
    while True:
        out.append(n & 0x7F | (0x80 if n > 0x7F else 0))
        n >>= 7
        if not n:
            return bytes(out)


def zigzag(n):
    return varint(n << 1 if n >= 0 else (-n << 1) - 1)


class I32(int):
    pass


class I64(int):
    pass


class Struct(dict):
    """Fields by their number."""


def element(value):
    """Kind and bytes of a value inside a struct or list."""
    if isinstance(value, bool):
        return (1 if value else 2), b""
    if isinstance(value, I32):
        return 5, zigzag(value)
    if isinstance(value, I64):
        return 6, zigzag(value)
    if isinstance(value, (str, bytes)):
        data = value.encode() if isinstance(value, str) else value
        return 8, varint(len(data)) + data
    if isinstance(value, list):
        items = [element(v) for v in value]
        kind = items[0][0] if items else 5
        head = bytes([len(items) << 4 | kind]) if len(items) < 15 else bytes([0xF0 | kind]) + varint(len(items))
        return 9, head + b"".join(data for _, data in items)
    if isinstance(value, Struct):
        out, last = b"", 0
        for number in sorted(value):
            if value[number] is None:
                continue
            kind, data = element(value[number])
            out += (bytes([number - last << 4 | kind]) if number - last < 16 else bytes([kind]) + zigzag(number)) + data
            last = number
        return 12, out + b"\0"
    raise TypeError(type(value))


def thrift(value):
    return element(value)[1]


# ---- logical types

def timestamp(unit, utc):
    return Struct({8: Struct({1: utc, 2: Struct({{"ms": 1, "us": 2, "ns": 3}[unit]: Struct()})})})


def time(unit, utc):
    return Struct({7: Struct({1: utc, 2: Struct({{"ms": 1, "us": 2, "ns": 3}[unit]: Struct()})})})


UUID = Struct({14: Struct()})
FLOAT16 = Struct({15: Struct()})


# ---- columns and files

class Column:
    def __init__(self, name, kind, values, *, converted=None, logical=None, length=None, scale=None, precision=None,
                 rows=None):
        self.name, self.kind, self.values = name, kind, values
        self.converted, self.logical, self.length = converted, logical, length
        self.scale, self.precision = scale, precision
        self.is_optional = any(v is None for v in values)

    def schema(self):
        return Struct({1: I32(self.kind), 2: None if self.length is None else I32(self.length),
                       3: I32(OPTIONAL if self.is_optional else REQUIRED), 4: self.name,
                       6: None if self.converted is None else I32(CONVERTED[self.converted]),
                       7: None if self.scale is None else I32(self.scale),
                       8: None if self.precision is None else I32(self.precision), 10: self.logical})

    def encoded(self):
        present = [v for v in self.values if v is not None]
        if self.kind == BOOLEAN:
            data = bytearray((len(present) + 7) // 8)
            for i, v in enumerate(present):
                data[i // 8] |= bool(v) << i % 8
            data = bytes(data)
        elif self.kind == BYTE_ARRAY:
            data = b"".join(struct.pack("<I", len(v)) + v for v in present)
        elif self.kind in (FIXED, INT96):
            data = b"".join(present)
        else:
            data = struct.pack("<" + {INT32: "i", INT64: "q", FLOAT: "f", DOUBLE: "d"}[self.kind] * len(present), *present)
        if not self.is_optional:
            return data
        levels = bytearray(varint((len(self.values) + 7) // 8 << 1 | 1)) + bytearray((len(self.values) + 7) // 8)
        start = len(levels) - (len(self.values) + 7) // 8
        for i, v in enumerate(self.values):
            levels[start + i // 8] |= (v is not None) << i % 8
        return struct.pack("<I", len(levels)) + bytes(levels) + data


def parquet(columns, *, rows=None, checksums=False, page_bytes=None, footer=None, claimed_rows=None):
    """The bytes of a file. `footer` may change the metadata before it is written, `page_bytes` what a page says of its size,
    `claimed_rows` how many rows the footer says there are."""
    rows = len(columns[0].values) if rows is None else rows
    out, chunks = b"PAR1", []
    for column in columns:
        data = column.encoded()
        header = Struct({1: I32(0), 2: I32(page_bytes or len(data)), 3: I32(page_bytes or len(data)),
                         4: I32(struct.unpack("<i", struct.pack("<I", zlib.crc32(data)))[0]) if checksums else None,
                         5: Struct({1: I32(len(column.values)), 2: I32(0), 3: I32(3), 4: I32(3)})})
        page = thrift(header) + data
        chunks.append(Struct({2: I64(len(out)), 3: Struct({
            1: I32(column.kind), 2: [I32(0), I32(3)], 3: [column.name], 4: I32(0), 5: I64(len(column.values)),
            6: I64(len(page)), 7: I64(len(page)), 9: I64(len(out))})}))
        out += page
    meta = Struct({
        1: I32(1),
        2: [Struct({4: "schema", 5: I32(len(columns))})] + [c.schema() for c in columns],
        3: I64(rows if claimed_rows is None else claimed_rows),
        4: [Struct({1: chunks, 2: I64(len(out) - 4), 3: I64(rows if claimed_rows is None else claimed_rows)})],
        6: "a corpus"})
    if footer:
        footer(meta)
    tail = thrift(meta)
    return out + tail + struct.pack("<I", len(tail)) + b"PAR1"

"""Parquet files looked at as bytes: pages and dictionaries as they lie there, decompressed, without the engine's reader."""

import ctypes
import ctypes.util
import struct

_zstd = ctypes.CDLL(ctypes.util.find_library("zstd") or "libzstd.so.1")
_zstd.ZSTD_decompress.restype = ctypes.c_size_t
_zstd.ZSTD_decompress.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]
_zstd.ZSTD_isError.argtypes = [ctypes.c_size_t]

STOP, TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(13)
UNCOMPRESSED, ZSTD = 0, 6


class _Thrift:
    """The compact protocol, as far as Parquet's footers and page headers use it: a struct is a dict by field number."""

    def __init__(self, data, at=0):
        self.data, self.at = data, at

    def byte(self):
        self.at += 1
        return self.data[self.at - 1]

    def varint(self):
        value = shift = 0
        while True:
            b = self.byte()
            value |= (b & 0x7F) << shift
            shift += 7
            if b < 0x80:
                return value

    def zigzag(self):
        value = self.varint()
        return value >> 1 ^ -(value & 1)

    def value(self, kind):
        if kind in (TRUE, FALSE):
            return kind == TRUE
        if kind == BYTE:
            return self.byte()
        if kind in (I16, I32, I64):
            return self.zigzag()
        if kind == DOUBLE:
            self.at += 8
            return struct.unpack_from("<d", self.data, self.at - 8)[0]
        if kind == BINARY:
            length = self.varint()
            self.at += length
            return bytes(self.data[self.at - length:self.at])
        if kind in (LIST, SET):
            head = self.byte()
            length = head >> 4 if head >> 4 != 15 else self.varint()
            return [self.value(head & 15) for _ in range(length)]
        assert kind == STRUCT, kind
        return self.struct()

    def struct(self):
        found, field = {}, 0
        while True:
            head = self.byte()
            if head == STOP:
                return found
            field = field + (head >> 4) if head >> 4 else self.zigzag()
            found[field] = self.value(head & 15)


def footer(data):
    """FileMetaData: 2 schema, 3 rows, 4 row groups, 5 key and value pairs."""
    assert data[:4] == data[-4:] == b"PAR1"
    length = struct.unpack("<I", data[-8:-4])[0]
    return _Thrift(data, len(data) - 8 - length).struct()


def _decompress(data, codec, size):
    if codec == UNCOMPRESSED:
        return data
    assert codec == ZSTD, codec
    out = ctypes.create_string_buffer(size)
    length = _zstd.ZSTD_decompress(out, size, data, len(data))
    assert not _zstd.ZSTD_isError(length) and length == size
    return out.raw


def pages(data):
    """(column, kind of page, bytes) of every page; and that the file holds pages, filters and a footer, and nothing between."""
    covered = [(0, 4)]
    for group in footer(data)[4]:
        for chunk in group[1]:
            meta = chunk[3]
            name = b".".join(meta[3]).decode()
            start = min(p for p in (meta.get(9), meta.get(11)) if p)  # data page, dictionary page
            at, end = start, start + meta[7]
            while at < end:
                header = _Thrift(data, at)
                page = header.struct()
                body = data[header.at:header.at + page[3]]
                levels = 0
                if page[1] == 3:  # a data page of the second kind: levels stand before what is compressed
                    v2 = page[8]
                    levels = v2.get(5, 0) + v2.get(6, 0)
                yield name, page[1], body[:levels] + _decompress(body[levels:], meta[4], page[2] - levels)
                at = header.at + page[3]
            covered.append((start, end))
            if meta.get(14):  # a bloom filter
                length = meta.get(15)
                covered.append((meta[14], meta[14] + length if length else _after_bloom(data, meta[14])))
                yield name, "bloom", data[covered[-1][0]:covered[-1][1]]
    covered.append((len(data) - 8 - struct.unpack("<I", data[-8:-4])[0], len(data)))
    covered.sort()
    for (_, end), (start, _) in zip(covered, covered[1:]):
        assert start <= end, f"bytes {end} to {start} belong to nothing"


def _after_bloom(data, at):
    header = _Thrift(data, at)
    return header.struct()[1] + header.at


def layout(data):
    """Row groups, and of each column its encodings, sizes and statistics."""
    return [(group[3], group[2], [(c[3][3], c[3][2], c[3][5], c[3][6], c[3][7], c[3].get(12)) for c in group[1]])
            for group in footer(data)[4]]

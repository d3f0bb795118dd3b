"""Reads a .snap file by doc/formats/snap.md alone, field table of the page included, and compares what it finds with the
JSON that dumpdiff prints of it. Hashes are not looked at: Python has no XXH3.
usage: snap_page.py PAGE FILE.snap JSON"""
import json
import re
import sys

page_path, snap_path, json_path = sys.argv[1:]
data = open(snap_path, "rb").read()
COMPARED = ("types", "gc", "finalizer", "threads", "locks", "modules", "live", "loader")  # the JSON has the others otherwise
GENERATIONS = ["gen0", "gen1", "gen2", "loh", "poh", "frozen", "unknown"]


def page_tables(text):
    """Parts of the page: number -> (name, single, {field id: (name, kind)})."""
    kinds = {int(n): k for n, k in re.findall(r"^\| (\d+) \| `(\w+)` \|", text, re.M)}
    parts, current = {}, None
    for line in text.split("<!-- output: tools/snap_fields.sh -->")[1].splitlines():
        if part := re.match(r"(\d+)  (\w+)(, one row)?$", line):
            current = {}
            parts[int(part[1])] = (part[2], bool(part[3]), current)
        elif field := re.match(r"    +(\d+)  (\w+) +(\w+)$", line):
            current[int(field[1])] = (field[2], field[3])
    return kinds, parts


class Cursor:
    def __init__(self, at, end):
        self.at, self.end = at, end

    def varint(self):
        value = shift = 0
        while True:
            byte = data[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def number(self):
        value = self.varint()
        return None if value == 0 else value - 1


def read_value(c, kind, strings):
    if kind == "str":
        number = c.number()
        return None if number is None else strings[number]
    if kind == "strs":
        return [read_value(c, "str", strings) for _ in range(c.varint())]
    if kind == "cells":
        bits = data[c.at]
        c.at += 1
        return {g: {"objects": c.varint(), "bytes": c.varint()} for i, g in enumerate(GENERATIONS) if bits >> i & 1}
    if kind == "gens":
        return [c.number() for _ in GENERATIONS]
    return c.number()


def read_file():
    kinds, parts = page_tables(open(page_path).read())
    assert data[:8] == b"DDSNAP\r\n" and int.from_bytes(data[8:12], "little") == 1
    entries = []
    for i in range(int.from_bytes(data[12:16], "little")):
        entry = data[24 + 32 * i:56 + 32 * i]
        entries.append((int.from_bytes(entry[:4], "little"), int.from_bytes(entry[8:16], "little"),
                        int.from_bytes(entry[16:24], "little")))
        assert entries[-1][1] % 8 == 0
    assert [e[0] for e in entries] == sorted(e[0] for e in entries if e[0]) + [0]
    _, at, size = entries[-1]
    c = Cursor(at, at + size)
    count = c.varint()
    strings = [s.decode() for s in data[c.at:c.end].split(b"\0")]
    assert len(strings) == count + 1 and strings.pop() == "" and len(set(strings)) == count
    tables = {}
    for number, at, size in entries[:-1]:
        name, single, fields = parts[number]
        c = Cursor(at, at + size)
        rows = [{} for _ in range(c.varint())]
        assert not single or len(rows) == 1, name
        for _ in range(c.varint()):
            field, kind, length = c.varint(), kinds[c.varint()], c.varint()
            assert fields[field][1] == kind, (name, field)
            end = c.at + length
            for row in rows:
                row[fields[field][0]] = read_value(c, kind, strings)
            assert c.at == end, (name, field)
        assert c.at == c.end, name
        tables[name] = rows[0] if single else rows
    return parts, tables


def comparable(kind, value):
    """As the JSON has it; None: nothing, or in another form there."""
    if kind in ("time", "strs", "gens") or value is None:
        return None
    if kind == "cells":
        return {g: cell for g, cell in value.items() if cell and cell["objects"]} if isinstance(value, dict) else None
    return {"hex": hex, "bool": bool}.get(kind, str)(value) if not isinstance(value, str) else value


parts, tables = read_file()
report = json.load(open(json_path))
compared = 0
for name, single, fields in parts.values():
    assert name in tables or not report.get(name), name
    if name not in tables or name not in COMPARED:
        continue
    ours, theirs = tables[name], report[name]
    if single:
        ours, theirs = [ours], [theirs]
    if name == "types":
        ours, theirs = (sorted(t, key=lambda row: (row["name"], row.get("module") or "")) for t in (ours, theirs))
    assert len(ours) == len(theirs), name
    for mine, printed in zip(ours, theirs):
        for field, kind in fields.values():
            want, got = comparable(kind, mine.get(field)), comparable(kind, printed.get(field))
            if want is not None and got is not None:
                assert want == got, (name, field, want, got)
                compared += 1
assert compared > 500, compared
print("the file is as the page says")

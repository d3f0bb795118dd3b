"""Samples of a profile.proto on standard input, a line each: their first value, and where each frame is."""
import sys


def fields(data):
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        key = varint()
        if key & 7 == 2:
            size = varint()
            at += size
            yield key >> 3, data[at - size:at]
        else:
            yield key >> 3, varint()



def varints(data):
    value = shift = 0
    for byte in data:
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            yield value if value < 1 << 63 else value - (1 << 64)
            value = shift = 0


profile = list(fields(sys.stdin.buffer.read()))
texts = [value.decode() for number, value in profile if number == 6]
types = [texts[dict(fields(value))[1]] for number, value in profile if number == 1]
functions = {f[1]: f for f in (dict(fields(value)) for number, value in profile if number == 5)}
locations = {l[1]: l for l in (dict(fields(value)) for number, value in profile if number == 4)}


def place(location):
    if 4 not in location:
        return hex(location.get(3, 0))
    line = dict(fields(location[4]))
    function = functions[line[1]]
    file = texts[function.get(4, 0)]
    return f"{texts[function[2]]} {file}:{line[2]}" if file else texts[function[2]]


for number, value in profile:
    if number == 2:
        sample = dict(fields(value))
        ids, values = list(varints(sample[1])), list(varints(sample[2]))
        print(types[1], values[1], " <- ".join(place(locations[i]) for i in ids))
for number, value in profile:
    if number == 3:
        mapping = dict(fields(value))
        has = [name for field, name in ((7, "functions"), (8, "files"), (9, "lines")) if mapping.get(field)]
        print(texts[mapping[5]], "has", ", ".join(has) or "addresses")

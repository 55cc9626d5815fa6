#!/usr/bin/env python3
"""Prints every event of dogwatch's frames, queue files and archive segments as one ECS object a line.

    dwcat.py [--check] FILE...

Written from docs/formats/frame.md and archive.md alone: the tests' independent decoder, and for investigators who would
rather not trust the C. --check prints no events: it computes roots, hashes and chains and says what does not hold.
Signatures are not checked (Python has no Ed25519). Exit codes: 0 good, 1 something is not as it should be.
"""
import ctypes
import datetime
import hashlib
import json
import math
import re
import struct
import sys

HEAD, VIEWS, RECORD, SEGMENT, BLOCK, TABLE = 0x184D2A54, 0x184D2A55, 0x184D2A56, 0x184D2A58, 0x184D2A59, 0x184D2A5A
LISTS = b'''event.category event.type tags user.group.name related.ip related.user related.hosts container.image.tag
 container.image.hash.all host.ip dogwatch.masked'''.split()
LONGS = b'''event.duration event.severity log.origin.file.line log.syslog.priority log.syslog.facility.code url.port
 log.syslog.severity.code source.port source.bytes destination.port destination.bytes network.bytes process.pid
 http.request.bytes http.request.body.bytes http.response.status_code http.response.bytes http.response.body.bytes
 process.thread.id process.parent.pid process.exit_code kubernetes.container.restart'''.split()
OURS = b'@timestamp event.id event.original dogwatch.masked'.split()  # what a log itself says here stays in its line
NUMBER = re.compile(rb'-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?')
FIELDS = struct.Struct('<BBH16sQ16sQqqqIIII')  # HEAD, bytes 4 to 95
zstd = ctypes.CDLL('libzstd.so.1')
for name, kinds in (('decompress', [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]),
                    ('getFrameContentSize', [ctypes.c_char_p, ctypes.c_size_t])):
    getattr(zstd, 'ZSTD_' + name).argtypes, getattr(zstd, 'ZSTD_' + name).restype = kinds, ctypes.c_ulonglong


class Bad(Exception):
    pass


def need(ok, what):
    if not ok:
        raise Bad(what)


def unpack(packed, size=None):
    size = zstd.ZSTD_getFrameContentSize(packed, len(packed)) if size is None else size
    need(size < 1 << 32, 'a section without a sane size')
    out = ctypes.create_string_buffer(max(size, 1))
    need(zstd.ZSTD_decompress(out, size, packed, len(packed)) == size, 'a section does not decompress to its size')
    return out.raw[:size]


def wrap(v):
    """64 bits, signed."""
    return (v + (1 << 63)) % (1 << 64) - (1 << 63)


class Cursor:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        need(n <= len(self.data) - self.at, 'cut off')
        self.at += n
        return self.data[self.at - n:self.at]

    def varint(self):
        v = shift = 0
        while shift < 70:
            b = self.take(1)[0]
            v |= (b & 127) << shift
            shift += 7
            if b < 128:
                need(v < 1 << 64, 'a varint over 64 bits')
                return v
        raise Bad('a varint over 10 bytes')

    def zigzag(self):
        v = self.varint()
        return (v >> 1) ^ -(v & 1)

    def str(self):
        return self.take(self.varint())

    def list(self, one):
        return [one() for _ in range(self.varint())]

    def left(self):
        return len(self.data) - self.at


class Head:
    """HEAD of a frame, out of its own bytes or of a segment's table. `previous` and `hash` may be None: not stored."""

    def __init__(self, fields, previous, hash_):
        (self.version, self.kind, self.flags, self.agent, self.epoch, self.nonce, self.number, self.low_water, self.time_min,
         self.time_max, self.events, self.text_size, self.views_size, reserved) = self.fields = fields
        self.previous, self.hash, self.roots = previous, hash_, None
        need(self.version == 1 and self.kind in (1, 2) and self.flags < 4 and not reserved, 'HEAD: version, kind or flags')
        need(self.events <= 16384 and self.text_size <= 1 << 20 and self.views_size <= 4 << 20, 'HEAD: over a bound')


def tree(slices):
    level = [hashlib.sha256(b'\0' + s).digest() for s in slices] or [hashlib.sha256(b'').digest()]
    while len(level) > 1:  # RFC 6962's splits are the same as pairing from the left, an odd last one going up as it is
        level = [hashlib.sha256(b'\1' + b''.join(level[i:i + 2])).digest() if level[i + 1:] else level[i]
                 for i in range(0, len(level), 2)]
    return level[0]


def check(head, events, text, views, chains):
    """Roots, hash and the place in the chain."""
    chain = (head.agent, head.epoch, head.nonce)
    last = chains.get(chain)
    if head.previous is None:
        head.previous = last[1] if last and last[0] + 1 == head.number else bytes(32)
    need(not last or last[0] + 1 != head.number or last[1] == head.previous, 'does not follow the frame before it')
    if head.flags & 2:  # a tombstone
        chains[chain] = (head.number, head.hash)
        return
    slices = [b'']
    for e in events:
        slices += [b''] if len(slices[-1]) >= 16384 else []
        slices[-1] += e['line'] + b'\n'
    roots = [tree(slices if text else []), tree([views[i:i + 16384] for i in range(0, len(views), 16384)])]
    canonical = FIELDS.pack(*head.fields[:2], 0, *head.fields[3:])
    real = hashlib.sha256(b'dw1' + head.previous + canonical + roots[0] + roots[1]).digest()
    chains[chain] = (head.number, real)
    need(head.roots in (None, roots), 'a root is not that of the content')
    need(head.hash in (None, real), 'the hash is not that of the content')


def read_events(head, text, views):
    """The events of a frame, as dicts of what the columns say."""
    if head.kind == 2 or head.flags & 2:
        return []
    c = Cursor(views)
    need(c.take(1) == b'\1', 'version of VIEWS')
    keys, constants = c.list(c.str), c.list(c.str)
    streams = c.list(lambda: (c.take(32)[:16].hex(), c.varint(), c.varint(), c.varint(), c.varint(), c.varint(), c.take(16),
                              c.varint(), c.list(lambda: (keys[c.varint()], 0, 'text', c.str()))))
    shapes = c.list(lambda: c.list(lambda: read_shape(c, keys, constants)))
    col = [Cursor(c.str()) for _ in range(13)]
    events, by_shape, ends, more = [], [[] for _ in shapes], {}, {}
    at, time, read_at, before = 0, head.time_min, None, 0
    while col[8].left():
        before += col[8].varint()
        more[before] = col[8].list(lambda: (streams[col[8].varint()][0], (a := col[8].varint()), a + col[8].varint()))
    for i in range(head.events):
        stream = streams[col[0].varint()]
        by_shape[col[1].varint()].append(i)
        time = wrap(time + col[2].zigzag())
        read_at = wrap((time if read_at is None else read_at) + col[3].zigzag())
        size, start = col[7].varint(), wrap(ends.get(stream[0], 0) + col[5].zigzag())
        end = wrap(start + size + col[6].zigzag())
        extents = [(stream[0], start, end)] + more.get(i, [])
        need(0 <= start <= end, 'an extent that ends before it starts')
        ends[stream[0]] = max(b for s, _, b in extents if s == stream[0])
        need(text[at + size:at + size + 1] == b'\n', 'a line that does not end in TEXT')
        events.append({'stream': stream, 'time': time, 'read_at': read_at, 'out': col[4].take(1)[0], 'extents': extents,
                       'line': text[at:at + size], 'values': [], 'pieces': [], 'start': start})
        at += size + 1
    for shape, members in zip(shapes, by_shape):
        for field in shape:
            last = 0
            for i in members:
                last = read_value(events[i], *field, col, last)
    need(at == len(text) and not any(x.left() for x in [c] + col), 'bytes left over')
    return events


def read_shape(c, keys, constants):
    key, kind, elem = keys[c.varint()], c.take(1)[0], c.varint()
    need(kind <= 8, f'kind {kind}')
    return key, kind, elem, constants[c.varint()] if kind == 3 else c.take(1)[0] if kind > 6 else None


def read_value(e, key, kind, elem, extra, col, last):
    if kind in (0, 1):
        start = (e['pieces'][-1][1] if e['pieces'] else 0) + col[9].zigzag()
        e['pieces'].append((start, start + col[10].varint()))
        need(0 <= start <= e['pieces'][-1][1] <= len(e['line']), 'a view outside its line')
    elif kind in (7, 8):
        need(0 < extra <= len(e['pieces']), '`same` of nothing')
        e['pieces'].append(e['pieces'][-extra])
    elif kind in (4, 6):
        last = wrap(last + col[11].zigzag())
    value = (e['line'][slice(*e['pieces'][-1])] if kind in (0, 1, 7, 8) else col[12].str() if kind == 2 else extra if kind == 3
             else struct.unpack('<d', col[12].take(8))[0] if kind == 5 else last)
    e['values'].append((key, elem, {1: 'number', 8: 'number', 4: 'int', 5: 'float', 6: 'bool'}.get(kind, 'text'), value))
    return last


def instant(ns):
    return (datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=ns // 10**9)).isoformat() + f'.{ns % 10**9:09}Z'


class Ecs:
    """One event as JSON text; numbers stay as they were written."""

    def __init__(self, e):
        self.e, self.repaired = e, False
        stream = e['stream']
        values = [v for v in e['values'] if v[0] not in OURS and not (v[0] == b'message' and v[3] == e['line'])] + stream[-1]
        values.insert(0, (b'event.id', 0, 'text', f'{stream[0]}-{e["start"]}'.encode()))
        values += [] if any(v[0] == b'event.kind' for v in values) else [(b'event.kind', 0, 'text', b'event')]
        values.append((b'event.original', 0, 'text', e['line']))
        self.text = self.whole(values)
        if self.repaired:
            self.text = self.whole(values + [(b'tags', 0, 'text', b'utf8.repaired')])

    def string(self, b):
        s = b.decode(errors='replace')
        self.repaired |= '\ufffd' in s and s.encode() != b
        return json.dumps(s)

    def value(self, key, kind, v):
        if kind in ('int', 'bool'):
            return str(v) if kind == 'int' else 'true' if v else 'false'
        if kind == 'float':
            return repr(v) if math.isfinite(v) else 'null'
        return v.decode() if (kind == 'number' or key in LONGS) and NUMBER.fullmatch(v) else self.string(v)

    def values(self, vs):
        texts = [self.value(key, kind, v) for key, _, kind, v in vs]
        alone = len(vs) == 1 and not vs[0][1] and vs[0][0] not in LISTS
        return texts[0] if alone else '[' + ','.join(texts) + ']'

    def node(self, name, node):
        """A name that is a value and a prefix of others: those stand dotted beside it."""
        if not node[0]:
            return [self.string(name) + ':' + self.object(node[1])]
        beside = [m for part, child in node[1].items() for m in self.node(name + b'.' + part, child)]
        return [self.string(name) + ':' + self.values(node[0])] + beside

    def object(self, children):
        return '{' + ','.join(m for part, node in children.items() for m in self.node(part, node)) + '}'

    def whole(self, values):
        root = [[], {}]  # a node: its values, its children by name part
        for v in values:
            at, rest, depth = root, v[0], 0
            while rest is not None:
                part, dot, after = rest.partition(b'.')
                if not part or depth == 32:
                    part, dot = rest, b''
                at, rest, depth = at[1].setdefault(part, [[], {}]), after if dot else None, depth + 1
            at[0].append(v)
        for part, scalar, inner in ((b'event', b'json.event', b'event'), (b'dogwatch', b'json.dogwatch.value', b'json.dogwatch')):
            node = root[1].pop(part, [[], {}])  # at the top these two names are ours
            root[1].update({scalar: [node[0], {}]} if node[0] else {})
            root[1].update({inner: [[], node[1]]} if node[1] else {})
        e, d = self.e, dict(zip(('stream', 'start', 'end'), self.e['extents'][0]))
        d.update({'extents': e['extents']} if len(e['extents']) > 1 else {})
        d.update({'out': (0, 'stdout', 'stderr')[e['out']]} if e['out'] else {}, read_at=instant(e['read_at']))
        masked = ','.join(self.value(k, kind, v) for k, _, kind, v in e['values'] if k == b'dogwatch.masked')
        return (f'{{"@timestamp":"{instant(e["time"])}",' + self.object(root[1])[1:-1] + ',"dogwatch":' + json.dumps(d)[:-1]
                + (f',"masked":[{masked}]' if masked else '') + '}}')


def read_frames(data):
    """Frames one after the other: (head, text, views). Skippable frames that are not ours are passed over."""
    c = Cursor(data)
    while c.left():
        magic, size = struct.unpack('<II', c.take(8))
        need(magic & 0xfffffff0 == 0x184D2A50, f'byte {c.at - 8}: no frame')
        content = c.take(size)
        if magic != HEAD:
            continue
        need(content[:4] == b'dwF1', 'HEAD without its magic')
        head = Head(FIELDS.unpack(content[4:96]), content[96:128], content[192:224])
        need(size == (296 if head.flags & 1 else 232), 'HEAD: size')
        head.roots = [content[128:160], content[160:192]]
        packed_text, packed_views = struct.unpack('<II', content[224:232])
        text = c.take(packed_text)
        if packed_views:
            need(struct.unpack('<II', c.take(8)) == ((VIEWS, RECORD)[head.kind - 1], packed_views), 'no VIEWS or RECORD follow')
        packed = c.take(packed_views)
        gone = head.flags & 2
        yield head, b'' if gone else unpack(text, head.text_size) if text else b'', b'' if gone else unpack(packed, head.views_size)


def read_segment(data):
    """The same out of a sealed segment."""
    count, _, magic = struct.unpack('<IBI', data[-9:])
    need(magic == 0x8F92EAB1, 'no seek table')
    at, table = 0, None
    for packed, _ in struct.iter_unpack('<II', data[-9 - 8 * count:-9]):
        if struct.unpack('<I', data[at:at + 4])[0] == TABLE:
            table = data[at + 8:at + packed]
        at += packed
    need(table, 'no table')
    c = Cursor(unpack(table))
    need(c.take(1) == b'\1', 'version of the table')
    blocks = c.list(lambda: [c.varint() for _ in range(6)])
    chains = c.list(lambda: (c.take(16), int.from_bytes(c.take(8), 'little'), c.take(16)))
    heads = read_table(c, chains, c.varint())
    for at, packed_text, text_size, packed_views, views_size, frames in blocks:
        text = Cursor(unpack(data[at:at + packed_text], text_size) if packed_text else b'')
        at += packed_text
        need(struct.unpack('<I', data[at:at + 4])[0] == BLOCK, 'no VIEWS in a block')
        views = Cursor(unpack(data[at + 8:at + 8 + packed_views], views_size))
        for head in (next(heads) for _ in range(frames)):
            gone = head.flags & 2
            yield head, text.take(0 if gone else head.text_size), views.take(0 if gone else head.views_size)


def read_table(c, chains, count):
    number, low, intake, arrival, source, after = -1, 0, -1, 0, 0, 0
    for _ in range(count):
        agent, epoch, nonce = chains[c.varint()]
        number += c.zigzag() + 1
        flags = c.take(1)[0]
        low += c.zigzag()
        first = low + c.zigzag()
        last, events, text, views = [c.varint() for _ in range(4)]
        intake, arrival, source, offset = intake + 1 + c.zigzag(), arrival + c.zigzag(), source + c.zigzag(), after + c.zigzag()
        after = offset + c.varint()
        previous, hash_ = c.take(32) if flags & 8 else None, c.take(32) if flags & 16 else None
        c.take(64 if flags & 4 else 0), c.take(c.varint() if flags & 32 else 0)
        yield Head((1, flags & 3, flags >> 2 & 1 | flags >> 5 & 2, agent, epoch, nonce, number, low, first, first + last, events,
                    text, views, 0), previous, hash_)


def main(args):
    checking, chains, bad, frames = '--check' in args, {}, 0, 0
    for path in (a for a in args if a != '--check'):
        data = open(path, 'rb').read()
        try:
            for head, text, views in (read_segment if data[:4] == struct.pack('<I', SEGMENT) else read_frames)(data):
                events = read_events(head, text, views)
                frames += 1
                if checking:
                    check(head, events, text, views, chains)
                else:
                    sys.stdout.write(''.join(Ecs(e).text + '\n' for e in events))
        except (Bad, IndexError, struct.error) as e:
            bad += 1
            print(f'dwcat: {path}: frame {frames}: {e}', file=sys.stderr)
    if checking:
        print(f'{"NOT OK" if bad else "ok"}  {frames} frames: roots, hashes and chains')
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))

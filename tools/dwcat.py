#!/usr/bin/env python3
"""Prints every event of dogwatch's frames, queue files and archive segments as one ECS object a line.

    dwcat.py [--check] FILE...

Written from docs/formats/frame.md and archive.md alone, for tests and for investigators who would rather not trust the C.
--check prints no events but whether roots, hashes and chains hold (not signatures). Exits 1 when something is wrong.
"""
import collections, ctypes, datetime, hashlib, json, math, re, struct, sys  # noqa: E401

HEAD, VIEWS, RECORD, SEGMENT, BLOCK, TABLE = 0x184D2A54, 0x184D2A55, 0x184D2A56, 0x184D2A58, 0x184D2A59, 0x184D2A5A
LISTS = b'''event.category event.type tags user.group.name related.ip related.user related.hosts container.image.tag
 container.image.hash.all host.ip dogwatch.masked'''.split()
LONGS = b'''event.duration event.severity log.origin.file.line log.syslog.priority log.syslog.facility.code url.port
 log.syslog.severity.code source.port source.bytes destination.port destination.bytes network.bytes process.pid
 http.request.bytes http.request.body.bytes http.response.status_code http.response.bytes http.response.body.bytes
 process.thread.id process.parent.pid process.exit_code kubernetes.container.restart container.restart_count'''.split()
OURS = b'@timestamp event.id event.original dogwatch.masked'.split()  # what a log itself says here stays in its line
NUMBER = re.compile(rb'-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?')
FIELDS = struct.Struct('<BBH16sQ16sQqqqIIII')  # HEAD, bytes 4 to 95
KINDS = ('text', 'number', 'text', 'text', 'int', 'float', 'bool', 'text', 'number')
zstd = ctypes.CDLL('libzstd.so.1')
zstd.ZSTD_decompress.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]
zstd.ZSTD_getFrameContentSize.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
zstd.ZSTD_decompress.restype = zstd.ZSTD_getFrameContentSize.restype = ctypes.c_ulonglong

class Bad(Exception):
    """What the page does not allow."""
def need(ok, what):
    if not ok:
        raise Bad(what)
def unpack(packed, size=None):
    size = zstd.ZSTD_getFrameContentSize(packed, len(packed)) if size is None else size
    out = ctypes.create_string_buffer(min(size, 1 << 30) + 1)
    need(zstd.ZSTD_decompress(out, size, packed, len(packed)) == size, 'a section does not decompress to its size')
    return out.raw[:size]
wrap = lambda v: (v + (1 << 63)) % (1 << 64) - (1 << 63)  # noqa: E731  64 bits, signed
def zigzag(v):
    return v >> 1 ^ -(v & 1)
class Cursor:
    def __init__(self, data):
        self.data, self.at = data, 0
    def take(self, n):
        need(n <= self.left(), 'cut off')
        self.at += n
        return self.data[self.at - n:self.at]
    def varint(self):
        v = 0
        for shift in range(0, 70, 7):
            b = self.take(1)[0]
            v |= (b & 127) << shift
            if b < 128:
                need(v < 1 << 64, 'a varint over 64 bits')
                return v
        raise Bad('a varint over 10 bytes')
    zigzag = lambda self: zigzag(self.varint())  # noqa: E731
    def run(self, n):
        """A run of n numbers: each one, or one for all."""
        each = self.take(1)[0] if n else 1
        need(each < 2, 'a run that is neither')
        return iter([self.varint() for _ in range(n)] if each else [self.varint()] * n)
    str = lambda self: self.take(self.varint())  # noqa: E731
    left = lambda self: len(self.data) - self.at  # noqa: E731
    list = lambda self, one: [one() for _ in range(self.varint())]  # noqa: E731

# HEAD of a frame, out of its own bytes or of a segment's table. `previous`, `hash`, `roots`: None when not stored.
Head = collections.namedtuple('Head', 'version kind flags agent epoch nonce number low_water time_min time_max events '
                              'text_size views_size reserved previous hash roots')
def tree(slices):
    level = [hashlib.sha256(b'\0' + s).digest() for s in slices] or [hashlib.sha256(b'').digest()]
    while len(level) > 1:  # RFC 6962's splits are the same as pairing from the left, an odd last one going up as it is
        level = [hashlib.sha256(b'\1' + b''.join(level[i:i + 2])).digest() if level[i + 1:] else level[i]
                 for i in range(0, len(level), 2)]
    return level[0]
def check(head, events, text, views, chains):
    """Roots, hash and the place in the chain."""
    chain, slices = head[3:6], [b'']
    number, last = chains.get(chain, (-2, b''))
    previous = head.previous or (last if number + 1 == head.number else bytes(32))
    need(number + 1 != head.number or last == previous, 'does not follow the frame before it')
    for e in events:
        slices += [b''] if len(slices[-1]) >= 16384 else []
        slices[-1] += e['line'] + b'\n'
    roots = [tree(slices if text else []), tree([views[i:i + 16384] for i in range(0, len(views), 16384)])]
    canonical = FIELDS.pack(*head[:2], 0, *head[3:14])
    real = head.hash if head.flags & 2 else hashlib.sha256(b'dw1' + previous + canonical + roots[0] + roots[1]).digest()
    chains[chain] = (head.number, real)
    need(head.flags & 2 or head.roots in (None, roots), 'a root is not that of the content')
    need(head.hash in (None, real), 'the hash is not that of the content')

def read_events(head, text, views):
    """The events of a frame, as dicts of what the columns say."""
    need(head.version == 1 and head.kind in (1, 2) and head.flags < 4 and not head.reserved, 'HEAD: version, kind or flags')
    need(head.events <= 16384 and head.text_size <= 1 << 20 and head.views_size <= 4 << 20, 'HEAD: over a bound')
    if head.kind == 2 or head.flags & 2:
        return []
    c = Cursor(views)
    need(c.take(1) == b'\1', 'version of VIEWS')
    keys, constants = c.list(c.str), c.list(c.str)
    streams = c.list(lambda: (c.take(32)[:16].hex(), c.varint(), c.varint(), c.varint(), c.varint(), c.varint(), c.take(16),
                              c.varint(), c.list(lambda: (keys[c.varint()], 0, 'text', c.str()))))
    shapes = c.list(lambda: c.list(lambda: (keys[c.varint()], (kind := c.take(1)[0]), c.varint(), constants[c.varint()] if kind == 3
                                            else c.take(1)[0] if kind > 6 else None)))
    col = [Cursor(c.str()) for _ in range(13)]
    events, by_shape, ends, more = [], [[] for _ in shapes], {}, {}
    at, time, read_at, before = 0, head.time_min, None, 0
    while col[8].left():
        before += col[8].varint()
        more[before] = col[8].list(lambda: (streams[col[8].varint()][0], (a := col[8].varint()), a + col[8].varint()))
    run = [c.run(head.events) for c in col[:8]]
    for i in range(head.events):
        stream = streams[next(run[0])]
        by_shape[next(run[1])].append(i)
        time = wrap(time + zigzag(next(run[2])))
        read_at = wrap((time if read_at is None else read_at) + zigzag(next(run[3])))
        size, start = next(run[7]), wrap(ends.get(stream[0], 0) + zigzag(next(run[5])))
        extents = [(stream[0], start, wrap(start + size + zigzag(next(run[6]))))] + more.get(i, [])
        need(0 <= start <= extents[0][2], 'an extent that ends before it starts')
        ends[stream[0]] = max(b for s, _, b in extents if s == stream[0])
        need(text[at + size:at + size + 1] == b'\n', 'a line that does not end in TEXT')
        events.append({'stream': stream, 'time': time, 'read_at': read_at, 'out': next(run[4]), 'extents': extents,
                       'line': text[at:at + size], 'values': [], 'pieces': [], 'start': start})
        at += size + 1
    for shape, members in zip(shapes, by_shape):
        for field in shape:
            last = 0  # integers are differences within a shape and field
            names = {0: (9, 10), 1: (9, 10), 4: (11,), 6: (11,)}.get(field[1], ())
            run = [col[c].run(len(members)) for c in names]
            for i in members:
                last = read_value(events[i], *field, run, col[12], last)
    need(at == len(text) and not any(x.left() for x in [c] + col), 'bytes left over')
    return events
def read_value(e, key, kind, elem, extra, run, literals, last):
    if kind in (0, 1):
        start = (e['pieces'][-1][1] if e['pieces'] else 0) + zigzag(next(run[0]))
        e['pieces'].append((start, start + next(run[1])))
        need(0 <= start <= e['pieces'][-1][1] <= len(e['line']), 'a view outside its line')
    elif kind in (7, 8):
        need(0 < extra <= len(e['pieces']), '`same` of nothing')
        e['pieces'].append(e['pieces'][-extra])
    elif kind in (4, 6):
        last = wrap(last + zigzag(next(run[0])))
    value = (e['line'][slice(*e['pieces'][-1])] if kind in (0, 1, 7, 8) else literals.str() if kind == 2 else extra if kind == 3
             else struct.unpack('<d', literals.take(8))[0] if kind == 5 else last)
    e['values'].append((key, elem, KINDS[kind], value))
    return last
def instant(ns):
    return (datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=ns // 10**9)).isoformat() + f'.{ns % 10**9:09}Z'
class Ecs:
    """One event as JSON text; numbers stay as they were written."""
    def __init__(self, e):
        self.e, self.repaired = e, False
        values = [v for v in e['values'] if v[0] not in OURS and not (v[0] == b'message' and v[3] == e['line'])] + e['stream'][-1]
        values.insert(0, (b'event.id', 0, 'text', f'{e["stream"][0]}-{e["start"]}'.encode()))
        values += [] if any(v[0] == b'event.kind' for v in values) else [(b'event.kind', 0, 'text', b'event')]
        values.append((b'event.original', 0, 'text', e['line']))
        text = self.whole(values)
        self.text = self.whole(values + [(b'tags', 0, 'text', b'utf8.repaired')]) if self.repaired else text
    def string(self, b):
        s = b.decode(errors='replace')
        self.repaired |= '\ufffd' in s and s.encode() != b
        return json.dumps(s)
    def value(self, key, kind, v):
        if kind in ('int', 'bool', 'float'):
            return 'null' if not math.isfinite(v) else repr(v) if kind != 'bool' else 'true' if v else 'false'
        return v.decode() if (kind == 'number' or key in LONGS) and NUMBER.fullmatch(v) else self.string(v)
    def values(self, vs):
        texts = [self.value(key, kind, v) for key, _, kind, v in vs]
        return texts[0] if len(vs) == 1 and not vs[0][1] and vs[0][0] not in LISTS else '[' + ','.join(texts) + ']'
    def node(self, name, node):
        """A name that is a value and a prefix of others: those stand dotted beside it."""
        beside = [m for part, child in node[1].items() for m in self.node(name + b'.' + part, child)] if node[0] else []
        return [self.string(name) + ':' + (self.values(node[0]) if node[0] else self.object(node[1]))] + beside
    def object(self, children):
        return '{' + ','.join(m for part, node in children.items() for m in self.node(part, node)) + '}'
    def whole(self, values):
        root = [[], {}]  # a node: its values, its children by name part
        for v in values:
            at, rest, depth = root, v[0], 0
            while rest is not None:
                part, dot, after = rest.partition(b'.')
                part, dot = (part, dot) if part and depth < 32 else (rest, b'')
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
        h = c.take(size)
        if magic != HEAD:
            continue
        need(size in (232, 296) and h[:4] == b'dwF1', 'HEAD without its magic')
        head = Head(*FIELDS.unpack(h[4:96]), h[96:128], h[192:224], [h[128:160], h[160:192]])
        packed_text, packed_views = struct.unpack('<II', h[224:232])
        text = c.take(packed_text)
        expected = struct.pack('<II', (VIEWS, RECORD)[head.kind - 1], packed_views) if packed_views else b''
        need(c.take(len(expected)) == expected, 'no VIEWS or RECORD follow')
        views, gone = c.take(packed_views), head.flags & 2
        yield head, b'' if gone or not text else unpack(text, head.text_size), b'' if gone else unpack(views, head.views_size)
def read_segment(data):
    """The same out of a sealed segment."""
    (count, _, magic), at, table = struct.unpack('<IBI', data[-9:]), 0, None
    need(magic == 0x8F92EAB1, 'no seek table')
    for packed, _ in struct.iter_unpack('<II', data[-9 - 8 * count:-9]):
        table = data[at + 8:at + packed] if struct.unpack('<I', data[at:at + 4])[0] == TABLE else table
        at += packed
    need(table, 'no table')
    c = Cursor(unpack(table))
    need(c.take(1) == b'\1', 'version of the table')
    blocks = c.list(lambda: [c.varint() for _ in range(6)])
    chains = c.list(lambda: (c.take(16), int.from_bytes(c.take(8), 'little'), c.take(16)))
    heads, number, low = collections.deque(), -1, 0
    for _ in range(c.varint()):
        chain, step, flags = chains[c.varint()], c.zigzag(), c.take(1)[0]
        number, low = number + step + 1, low + c.zigzag()
        first = low + c.zigzag()
        last, events, text, views, *_ = [c.varint() for _ in range(9)]  # the last five: intake
        previous, hash_ = c.take(32) if flags & 8 else None, c.take(32) if flags & 16 else None
        c.take(64 if flags & 4 else 0), c.take(c.varint() if flags & 32 else 0)
        heads.append(Head(1, flags & 3, flags >> 2 & 1 | flags >> 5 & 2, *chain, number, low, first, first + last, events, text,
                          views, 0, previous, hash_, None))
    for at, packed_text, text_size, packed_views, views_size, frames in blocks:
        text = Cursor(unpack(data[at:at + packed_text], text_size) if packed_text else b'')
        at += packed_text
        need(struct.unpack('<I', data[at:at + 4])[0] == BLOCK, 'no VIEWS in a block')
        views = Cursor(unpack(data[at + 8:at + 8 + packed_views], views_size))
        for head in [heads.popleft() for _ in range(frames)]:
            here = not head.flags & 2
            yield head, text.take(here * head.text_size), views.take(here * head.views_size)

def main(args):
    checking, chains, bad, frames = '--check' in args, {}, 0, 0
    for path in (a for a in args if a != '--check'):
        try:
            data = open(path, 'rb').read()
            for head, text, views in (read_segment if data[:4] == struct.pack('<I', SEGMENT) else read_frames)(data):
                events = read_events(head, text, views)
                frames += 1
                sys.stdout.write('' if checking else ''.join(Ecs(e).text + '\n' for e in events))
                if checking:
                    check(head, events, text, views, chains)
        except (Bad, IndexError, struct.error, OSError) as e:
            bad += 1
            print(f'dwcat: {path}: frame {frames}: {e}', file=sys.stderr)
    print(f'{"NOT OK" if bad else "ok"}  {frames} frames: roots, hashes and chains\n' if checking else '', end='')
    return 1 if bad else 0
if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))

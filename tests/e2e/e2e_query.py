#!/usr/bin/env python3
"""Random queries over random events: `dogwatch query` and a plain evaluator in Python give the same rows.

The evaluator knows the events as they were written, not as dogwatch read them, and works on lists in the simplest way there is.
DW_SEED chooses another sequence; --long asks fifty times as many.
"""
import concurrent.futures
import math
import re
from fractions import Fraction

from e2e_lib import *  # noqa: F403

began = time.monotonic()
SEED = int(os.environ.get('DW_SEED', '20261125'))
QUERIES, TURNS = (100000, 10) if LONG else (2000, 1)
SETS, PER_SET, START = 24, 25, 1793491200  # 2026-11-01T00:00:00Z
rng = random.Random(SEED)
NAMES = ['n', 'f', 'w', 'm', 'seq']
I64 = range(-2**63, 2**63)


class V:
    """A value: its text, whether it is printed as a number, and whether a pipe has made it."""

    def __init__(self, text, number=False, made=None):
        self.text, self.number, self.made = text, number, made

    def num(self):
        if self.made is not None:
            return self.made
        if re.fullmatch(r'-?\d+', self.text) and int(self.text) in I64:
            return int(self.text)
        if re.fullmatch(r'[0-9+\-.eE]+', self.text):
            try:
                return float(self.text)
            except ValueError:
                pass
        return None

    def folded(self):  # as filters see it
        if self.number and self.made is None and re.search('[.eE]', self.text) or isinstance(self.made, float):
            v = float(self.text) if self.made is None else self.made
            return f'{v:.0f}' if v == math.floor(v) and abs(v) < 2**53 else f'{v:.15g}'
        return self.text

    def order(self):
        v = self.num()
        return (0, Fraction(v), b'') if v is not None else (1, 0, self.text.encode())


def made(v):
    if isinstance(v, float):
        if math.isinf(v) or math.isnan(v):
            return None
        if v == math.floor(v) and abs(v) < 2**53:
            v = int(v)
    elif v not in I64:
        return made(float(v))
    return V(f'{v:.15g}' if isinstance(v, float) else str(v), True, v)


def text(v):
    return '' if v is None else v.text


# Events ---------------------------------------------------------------------------------------------------------------------------

def make_events():
    events, t = [], START
    for seq in range(SETS * PER_SET):
        t += rng.choice((0, 1, 1, 2, 7, 40))
        e = {'time': datetime.datetime.fromtimestamp(t, datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ'), 'set': seq // PER_SET, 'seq': seq}
        if rng.random() < 0.8:
            e['n'] = rng.randrange(-3, 9)
        if rng.random() < 0.8:
            e['f'] = rng.randrange(-40, 40) / 8
        if rng.random() < 0.8:
            e['w'] = rng.choice(('alpha', 'Alpha', 'beta', 'gamma', 'be', 'x y', 'a"b', 'zeta\u00e9'))
        if rng.random() < 0.8:
            e['m'] = rng.choice((1, 10, 9, 2.5, 'x', '10', '2.50', '007', '', '1-1', 'X', -4))
        events.append((t, e))
    return events


def row_of(t, e):
    row = {k: V(v) if isinstance(v, str) else V(json.dumps(v), True) for k, v in e.items() if k != 'time'}
    return row | {'_time': t, '_line': [v.text for v in row.values()]}


# Filters --------------------------------------------------------------------------------------------------------------------------

def glob(pattern, text_, cased=False):
    return re.fullmatch(''.join({'*': '.*', '?': '.'}.get(c, re.escape(c)) for c in pattern), text_, re.S | (0 if cased else re.I)) is not None


def leaf(names, time_too):
    name = rng.choice(names)
    kind = rng.randrange(10 if time_too else 7)
    k = rng.randrange(-3, 9)

    def number(row):
        v = row.get(name)
        if v is None or not re.fullmatch(r'[0-9+\-.eE]+', v.folded()):
            return None
        try:
            return float(v.folded())
        except ValueError:
            return None
    if kind == 0:
        op = rng.choice((':>', ':>=', ':<', ':<='))
        test = {':>': lambda v: v > k, ':>=': lambda v: v >= k, ':<': lambda v: v < k, ':<=': lambda v: v <= k}[op]
        return f'{name}{op}{k}', lambda row: number(row) is not None and test(number(row))
    if kind == 1:
        a, b, lo, hi = k, k + rng.randrange(0, 6), rng.choice('[{'), rng.choice(']})')

        def within(row):
            v = number(row)
            return v is not None and (v >= a if lo == '[' else v > a) and (v <= b if hi == ']' else v < b)
        return f'{name}:{lo}{a} TO {b}{hi}', within
    if kind == 2:
        return f'{name}:*', lambda row: row.get(name) is not None
    if kind == 3:
        p = rng.choice(('a*', '*a', 'be', 'ALPHA', '*et*', '10', '2.5', 'x', '-?'.replace('?', '3')))
        return f'{name}:{p}', lambda row: row.get(name) is not None and glob(p, row[name].folded())
    if kind == 4:
        p = rng.choice(('Alpha', 'alpha', 'x', 'X'))
        return f'{name}:={p}', lambda row: row.get(name) is not None and row[name].folded() == p
    if kind == 5:
        p = rng.choice(('x y', 'beta', '10', 'a\\"b'))
        return f'{name}:"{p}"', lambda row: row.get(name) is not None and row[name].folded().lower() == p.replace('\\"', '"')
    if kind == 6:
        return f'{name}:(alpha or {k})', lambda row: row.get(name) is not None and row[name].folded().lower() in ('alpha', str(k))
    if kind >= 8:  # in the line as it came, where that is JSON in its values
        p = rng.choice(('beta', 'ALPHA', 'lph', '"x y"', 'x*y', 'zeta\u00e9', 'eta', '"a\\"b"', 'nowhere', 'seq', 'amm?'))
        pattern = p[1:-1].replace('\\"', '"') if p[0] == '"' else p
        return p, lambda row: any(glob(f'*{pattern}*', text_) for text_ in row['_line'])
    at = START + rng.randrange(0, 3000)
    iso = datetime.datetime.fromtimestamp(at, datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ')
    return rng.choice(((f'_time:>={iso}', lambda row: row['_time'] >= at), (f'_time:[{iso} TO *]', lambda row: row['_time'] >= at),
                       (f'_time:<{iso}', lambda row: row['_time'] < at), (f'_time:{{* TO {iso})', lambda row: row['_time'] < at)))


def make_filter(names, time_too, depth=2):
    if depth == 0 or rng.random() < 0.4:
        return leaf(names, time_too)
    roll = rng.randrange(3)
    a, f = make_filter(names, time_too, depth - 1)
    if roll == 0:
        return f'not ({a})', lambda row: not f(row)
    b, g = make_filter(names, time_too, depth - 1)
    if roll == 1:
        return f'({a} or {b})', lambda row: f(row) or g(row)
    return f'({a}{rng.choice((" and ", " "))}{b})', lambda row: f(row) and g(row)


# Aggregates and pipes: each gives its text and what it does to a list of rows -----------------------------------------------------------

def aggregate(names):
    kind = rng.choice(('count', 'count', 'countf', 'dc', 'sum', 'min', 'max', 'avg', 'p50', 'p95', 'p99', 'first', 'last', 'values'))
    name = rng.choice(names)

    def run(rows):
        have = [r[name] for r in rows if r.get(name) is not None]
        nums = [v.num() for v in have if v.num() is not None]
        if kind == 'count':
            return made(len(rows))
        if kind == 'countf':
            return made(len(have))
        if kind == 'dc':
            return made(len({v.text for v in have}))
        if kind == 'values':
            return sorted({v.text for v in have}, key=str.encode) or None
        if kind == 'sum':
            return made(sum(nums)) if nums else made(0)
        if kind in ('min', 'max') and nums:
            return made(min(nums) if kind == 'min' else max(nums))
        if kind in ('min', 'max', 'first', 'last'):
            if not have:
                return None
            pick = {'min': lambda: min(have, key=lambda v: v.text.encode()), 'max': lambda: max(have, key=lambda v: v.text.encode()),
                    'first': lambda: have[0], 'last': lambda: have[-1]}[kind]()
            return pick
        if not nums:
            return None
        if kind == 'avg':
            return made(float(sum(nums)) / len(nums))
        return made(float(sorted(nums)[math.ceil(len(nums) * int(kind[1:]) / 100) - 1]))
    written = 'count' if kind == 'count' else f'{"count" if kind == "countf" else kind}({name})'
    return written, run, kind


def aggregates(names, count):
    """Their text, what they do, and the names of their columns, which no row has yet."""
    some, free = [aggregate(names) for _ in range(count)], [c for c in 'abcdefghijklmnopqrstuvwxyz' if not any(n.startswith(c + '_') for n in names)]
    letter = free[0]
    return ', '.join(f'{w} as {letter}_{i}' for i, (w, _, _) in enumerate(some)), some, lambda i: f'{letter}_{i}'


def by_text(by):
    return f' by {", ".join(by)}' if by else ''


def keyed(by, key, group):
    """The `by` fields of a group: numbers where all its rows have them as numbers."""
    return {b: V(k, all(r.get(b) is not None and r[b].number for r in group)) for b, k in zip(by, key)}


def apply_stats(rows, by, some, names_of, order=None):
    groups = {}
    for r in rows:
        groups.setdefault(tuple(text(r.get(b)) for b in by), []).append(r)
    if not by and not groups:
        groups[()] = []
    out = [(key, keyed(by, key, g) | {names_of(i): run(g) for i, (_, run, _) in enumerate(some)}) for key, g in groups.items()]
    out.sort(key=lambda kr: [k.encode() for k in kr[0]])
    if order or some[0][2] in ('count', 'countf'):
        out.sort(key=lambda kr: kr[1][names_of(0)].num() * (1 if order == 'rare' else -1))
    return [r for _, r in out]


def pipe_stats(names, _):
    by = rng.sample(names, rng.randrange(0, min(3, len(names) + 1)))
    written, some, name = aggregates(names, rng.randrange(1, 4))
    lists = {name(i) for i, (_, _, k) in enumerate(some) if k == 'values'}
    return f'stats {written}{by_text(by)}', lambda rows: apply_stats(rows, by, some, name), by + [name(i) for i in range(len(some))], lists


def pipe_top(names, _):
    word, n, by = rng.choice(('top', 'rare')), rng.randrange(1, 5), rng.sample(names, rng.randrange(1, min(3, len(names)) + 1))
    if 'count' in by:
        by = [b for b in by if b != 'count'] or ['n']
    one = [('count', lambda rows: made(len(rows)), 'count')]
    return f'{word} {n} {", ".join(by)}', lambda rows: apply_stats(rows, by, one, lambda i: 'count', word)[:n], by + ['count'], set()


def pipe_timechart(names, _):
    span, by = rng.choice((1, 10, 60, 3600)), rng.sample(names, rng.randrange(0, 2))
    written, some, name = aggregates(names, rng.randrange(1, 3))
    unit = {1: '1s', 10: '10s', 60: '1m', 3600: '1h'}[span]

    def run(rows):
        spans = [r['_time'] // span for r in rows]
        out = []
        for key in sorted({tuple(text(r.get(b)) for b in by) for r in rows}, key=lambda k: [x.encode() for x in k]):
            mine = [r for r in rows if tuple(text(r.get(b)) for b in by) == key]
            for s in range(min(spans), max(spans) + 1):
                group = [r for r in mine if r['_time'] // span == s]
                near = group or [r for r in mine if r['_time'] // span == min((r['_time'] // span for r in mine if r['_time'] // span > s),
                                                                             default=max(r['_time'] // span for r in mine))]
                row = {'@timestamp': V(datetime.datetime.fromtimestamp(s * span, datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%S.000000000Z'))}
                out.append(row | keyed(by, key, near) | {name(i): f(group) for i, (_, f, _) in enumerate(some)})
        return out
    lists = {name(i) for i, (_, _, k) in enumerate(some) if k == 'values'}
    return f'timechart {unit} {written}{by_text(by)}', run, ['@timestamp'] + by + [name(i) for i in range(len(some))], lists


def pipe_fields(names, _):
    keep = rng.sample(names, rng.randrange(1, len(names) + 1))
    return f'fields {", ".join(keep)}', lambda rows: [{k: r.get(k) for k in keep} for r in rows], keep, set()


def pipe_where(names, table):
    written, test = make_filter(names, not table)
    return f'where {written}', lambda rows: [r for r in rows if test(r)], None, set()


def pipe_sort(names, _):
    by = [(n, rng.random() < 0.4) for n in rng.sample(names, rng.randrange(1, min(3, len(names)) + 1))]

    def run(rows):
        for name, down in reversed(by):
            have = sorted((r for r in rows if r.get(name) is not None), key=lambda r: r[name].order())
            if down:  # equal ones keep their order
                have = sorted((r for r in rows if r.get(name) is not None), key=lambda r: r[name].order(), reverse=True)
            rows = have + [r for r in rows if r.get(name) is None]
        return rows
    return 'sort ' + ', '.join(('-' if d else '') + n for n, d in by), run, None, set()


def pipe_head(_, __):
    n = rng.randrange(1, 12)
    return rng.choice(((f'head {n}', lambda rows: rows[:n], None, set()), (f'tail {n}', lambda rows: rows[-n:], None, set())))


def pipe_dedup(names, _):
    by = rng.sample(names, rng.randrange(1, min(3, len(names)) + 1))

    def run(rows):
        seen, out = set(), []
        for r in rows:
            key = tuple(text(r.get(b)) for b in by)
            if key not in seen:
                out.append(r)
            seen.add(key)
        return out
    return f'dedup {", ".join(by)}', run, None, set()


def pipe_rename(names, _):
    a, b = rng.choice(names), f'r{rng.randrange(3)}'

    def run(rows):
        return [{k: v for k, v in ((b if k == a else k, v) for k, v in r.items() if k != b or a == b)} if r.get(a) is not None or b not in names else
                {k: v for k, v in r.items() if k != b or r.get(a) is None} for r in rows]
    if b in names and a != b:  # what has neither keeps the other: too fine a point for a plain list
        return pipe_head(names, _)
    return f'rename {a} as {b}', run, [b if n == a else n for n in names], {'renamed', a, b}


def arithmetic(op, a, b):
    x, y = (None if v is None else v.num() for v in (a, b))
    if x is None or y is None or (op in '/%' and y == 0):
        return None
    if op == '/':
        return made(float(x) / float(y))
    if op == '%':
        return made(int(math.fmod(x, y)) if isinstance(x, int) and isinstance(y, int) else math.fmod(x, y))
    return made({'+': lambda: x + y, '-': lambda: x - y, '*': lambda: x * y}[op]())


def pipe_eval(names, _):
    a, b, name, op, k = rng.choice(names), rng.choice(names), f'e{rng.randrange(3)}', rng.choice('+-*/%'), rng.randrange(-2, 5)
    upper = lambda s: ''.join(c.upper() if c.isascii() else c for c in s)  # noqa: E731
    written, value = rng.choice((
        (f'{a} {op} {b}', lambda r: arithmetic(op, r.get(a), r.get(b))),
        (f'({a} + {k}) {op} {b}', lambda r: arithmetic(op, arithmetic('+', r.get(a), made(k)), r.get(b))),
        (f'upper({a})', lambda r: r.get(a) and V(upper(r[a].text))),
        (f'len({a})', lambda r: r.get(a) and made(len(r[a].text))),
        (f'substr({a}, 1, 2)', lambda r: r.get(a) and V(r[a].text[1:3])),
        (f'if({a} > {k}, {b}, "no")', lambda r: r.get(b) if r.get(a) is not None and r[a].order() > made(k).order() else V('no')),
        (f'if({a} == {b}, 1, {b})', lambda r: made(1) if (r[a].order() == r[b].order() if r.get(a) is not None and r.get(b) is not None
                                                          else r.get(a) is r.get(b)) else r.get(b)),
    ))
    return f'eval {name} = {written}', lambda rows: [r | {name: value(r)} for r in rows], names + [name] * (name not in names), set()


def make_query():
    """A query, what it does to the rows of its set, and the columns of its answer."""
    k = rng.randrange(SETS)
    written, test = make_filter(NAMES, True) if rng.random() < 0.7 else ('*', lambda row: True)
    names, table, lists, steps = list(NAMES), False, set(), []
    query = f'set:{k} and {written}' if written != '*' else f'set:{k}'
    for _ in range(rng.randrange(0, 5)):
        usable = [n for n in names if n not in lists and n != '@timestamp']
        if not usable:
            break
        makers = [pipe_where, pipe_sort, pipe_head, pipe_dedup, pipe_eval, pipe_rename, pipe_stats, pipe_stats, pipe_top, pipe_fields]
        maker = rng.choice(makers + ([] if table else [pipe_timechart]))
        w, run, new, more = maker(usable, table)
        if maker is pipe_top and not set(w.split(' ', 2)[2].split(', ')) <= set(usable):
            continue
        query += ' | ' + w
        steps.append(run)
        if maker in (pipe_stats, pipe_top, pipe_timechart, pipe_fields):
            names, lists, table = new, more, True
        elif maker is pipe_rename and new:
            old = [n for n in usable if n not in new]
            names = [new[[*usable].index(n)] if n in old else n for n in names]
        elif new:
            names = names + [n for n in new if n not in names]
    if not table:
        query += ' | fields ' + ', '.join(names)
        steps.append(lambda rows: [{n: r.get(n) for n in names} for r in rows])

    def run_all(rows):
        rows = [r for r in rows if r['set'].text == str(k) and test(r)]
        for step in steps:
            rows = step(rows)
        return [{n: shown(r.get(n)) for n in names} for r in rows]
    return query, run_all


def shown(v):
    if v is None or isinstance(v, list):
        return v
    return (v.made if v.made is not None else json.loads(v.text)) if v.number else v.text


def alike(a, b):
    if isinstance(a, float) or isinstance(b, float):
        return isinstance(a, (int, float)) and isinstance(b, (int, float)) and math.isclose(a, b, rel_tol=1e-12, abs_tol=1e-300)
    return type(a) is type(b) and a == b


def agree(got, want):
    return len(got) == len(want) and all(list(g) == list(w) and all(alike(g[n], w[n]) for n in w) for g, w in zip(got, want))


class Many:
    """A process that answers one query after the other (query_many.c)."""

    def __init__(self, data):
        self.process = subprocess.Popen([os.path.join(BUILD, 'tests/query_many'), data], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL)
        atexit.register(lambda: self.process.poll() is None and self.process.kill())

    def ask(self, text_):
        """Every fifth with little memory; where that makes the answer partial, with more."""
        answer = self.ask_with('64KiB' if len(text_) % 5 == 0 else '256MiB', text_)
        return self.ask_with('256MiB', text_) if answer[0] == 1 and len(text_) % 5 == 0 else answer

    def ask_with(self, memory, text_):
        self.process.stdin.write(f'{memory}\t{text_}\n'.encode())
        self.process.stdin.flush()
        lines = []
        while not lines or not lines[-1].startswith(b'\x1e'):
            lines.append(self.process.stdout.readline())
            if not lines[-1]:
                return -1, ''
        return int(lines.pop()[1:]), b''.join(lines).decode()

    def end(self):
        self.process.stdin.close()
        same(self.process.wait(60), 0, 'query_many ends well')


def ask_program(data, text_):
    r = subprocess.run([DOGWATCH, 'query', text_, '--data', data, '--output', 'ndjson'], capture_output=True)
    return r.returncode, r.stdout.decode()


def archive_of(dir_, events):
    os.makedirs(os.path.join(dir_, 'logs'))
    with open(os.path.join(dir_, 'logs', 'app.log'), 'w', encoding='utf-8') as out:
        out.writelines(json.dumps(e, ensure_ascii=e['seq'] % 2 == 0) + '\n' for _, e in events)
    data = os.path.join(dir_, 'data')
    same(up_until_idle(data, [dir_ + '/logs/*.log'], brokers=None), 0, 'dogwatch up ends well')
    same(count(data), len(events), 'every event is there')
    return data


def compare(data, rows, queries, first):
    """So many random queries, each over one of the sets; the first ones by a process of their own. Answers how many, and how many with rows."""
    asked, with_rows = 0, 0
    many = [Many(data), Many(data)]
    with concurrent.futures.ThreadPoolExecutor(len(many)) as pool:
        while asked < queries and checks['failed'] < 5:
            some = [make_query() for _ in range(100)]
            jobs = [pool.submit(lambda m, k: [m.ask(q) for q, _ in some[k::len(many)]], m, k) for k, m in enumerate(many)]
            answers = [a for pair in itertools.zip_longest(*(j.result() for j in jobs)) for a in pair if a is not None]
            for i, ((text_, run), (code, out)) in enumerate(zip(some, answers)):
                asked += 1
                if asked <= first:
                    same(ask_program(data, text_), (code, out), f'the program answers the same: {text_}')
                if check(code == 0, f'answers: {text_}', code):
                    got, want = ndjson(out), run(rows)
                    with_rows += len(want) > 0
                    check(agree(got, want), f'seed {SEED}: {text_}', f'\n  dogwatch {got}\n  plain    {want}')
    for m in many:
        m.end()
    return asked, with_rows


# Much with little memory -----------------------------------------------------------------------------------------------------------

LIMIT_MIB, MEASURE = 64, """
import os, subprocess, sys
p = subprocess.Popen(sys.argv[2:], stdout=open(sys.argv[1], 'wb'), stderr=subprocess.DEVNULL)
_, status, used = os.wait4(p.pid, 0)
print(os.waitstatus_to_exitcode(status), used.ru_maxrss // 1024)
"""


def measured(path, *command):
    """Exit code and greatest resident memory in MiB of a command that writes to `path`. A small process starts it: what its parent holds
    when it starts would count."""
    r = subprocess.run([sys.executable, '-c', MEASURE, path, *command], capture_output=True)
    return tuple(map(int, r.stdout.split()))


def big_log(path, text_bytes):
    """Lines of many clients; how often each is there."""
    clients, size, n = {}, 0, 0
    with open(path, 'w', encoding='ascii') as out:
        while size < text_bytes:
            lines = []
            for n in range(n, n + 10000):
                k = rng.randrange(1000000)
                ip = f'{1 + k % 200}.{k // 200 % 250}.{k // 50000}.7'
                clients[ip] = clients.get(ip, 0) + 1
                lines.append(f'{ip} - - [24/Nov/2026:{n // 360000 % 24:02}:{n // 6000 % 60:02}:{n // 100 % 60:02} +0000] "GET /p/{k % 977}?id={n} HTTP/1.1" '
                             f'{404 if n % 20 == 0 else 200} {k % 50000} "-" "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"\n')
            n += 1
            size += out.write(''.join(lines))
    return clients, size


def much_with_little_memory(dir_):
    """stats over more groups than memory holds, against a count that dogwatch has no part in. A sanitizer makes a process big and slow:
    then a tenth of the text, and its memory is only shown."""
    sanitizer = b'__asan_' in open(DOGWATCH, 'rb').read()
    os.makedirs(os.path.join(dir_, 'logs'))
    os.makedirs(os.path.join(dir_, 'rules'))
    clients, size = big_log(os.path.join(dir_, 'logs/access.log'), 10**8 if sanitizer else 2**30)
    data, out = os.path.join(dir_, 'data'), os.path.join(dir_, 'out')
    same(up_until_idle(data, [dir_ + '/logs/*.log'], '--rules', os.path.join(dir_, 'rules'), brokers=None, seconds=1200), 0, 'dogwatch up ends well')
    code, rss = measured(out, DOGWATCH, 'query', '* | stats count by source.ip', '--data', data, '--memory', '16MiB', '--output', 'ndjson')
    same(code, 0, 'the answer is complete')
    answer = [(r['source.ip'], r['count']) for r in map(json.loads, open(out))]
    check(answer == sorted(clients.items(), key=lambda c: (-c[1], c[0].encode())), 'every address with its count, greatest first', answer[:3])
    check(sanitizer or rss <= LIMIT_MIB, f'in at most {LIMIT_MIB} MiB', rss)
    print(f'{size / 1e9:.2f} GB of text, {sum(clients.values())} events, {len(clients)} addresses: stats count by source.ip held {rss} MiB at most')


dir_ = scratch('query')
asked, with_rows = 0, 0
for turn in range(TURNS):
    events = make_events()
    data = archive_of(os.path.join(dir_, str(turn)), events)
    n, m = compare(data, [row_of(t, e) for t, e in events], QUERIES // TURNS, 50 if turn == 0 else 0)
    asked, with_rows = asked + n, with_rows + m
    if LONG:
        print(f'{asked} pairs, {with_rows} answers with rows', flush=True)
shown_text = dogwatch('query', '* | head 1 | eval x = "\x1b[31m\u202ered" | fields x', '--data', data, '--output', 'table')
same(shown_text, 'x\n\\x1b[31m\\u202ered\n', 'a table shows control and bidi characters, it does not send them')


def said(query_, code=0, *args, **env):
    """What is said of an answer."""
    r = subprocess.run([DOGWATCH, 'query', query_, '--data', data, '--output', 'ndjson', *args], capture_output=True, env=os.environ | env)
    same(r.returncode, code, f'exit code of {query_}')
    return r.stderr.decode()


check(said('* | head 2').endswith('complete as far as head asks\n'), 'reading stops at head')
for all_read in ('* | top 3 w', '* | sort n | head 2', '* | stats count by w | head 1', '*'):
    check(said(all_read).endswith('read: complete\n'), f'all is read for {all_read}', said(all_read))
check('partial, the temporary file in /nowhere could not be used: no such file' in said('* | sort w', 1, '--memory', '64KiB', TMPDIR='/nowhere'),
      'a temporary file that cannot be is named', said('* | sort w', 1, '--memory', '64KiB', TMPDIR='/nowhere'))
check("note: 'w=beta' was looked for as a text in the line; a field is asked for by w:beta\n" in said('w=beta'), 'a text that may be a mistake is noted')
check('did you mean http.response.status_code:404?' in said('http.response.status_code=404', 2), 'a mistake is refused')
print(f'{asked} pairs of a random query and its set of events, seed {SEED}: {with_rows} answers with rows, {TURNS} archives of {SETS} sets')
check(with_rows * 2 > asked, 'most answers have rows', with_rows)
check(asked == QUERIES, 'all were asked', asked)
if LONG:
    much_with_little_memory(os.path.join(dir_, 'big'))
finish(began)

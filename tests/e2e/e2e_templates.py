#!/usr/bin/env python3
"""Templates: the command over lines and over events, the pipe over an archive, and the detector over a live log say the same texts and ids."""
import csv
import io

from e2e_lib import *  # noqa: F403

began = time.monotonic()
dir_ = scratch('templates')


def templates(*args, lines, code=0):
    text = ''.join(json.dumps(x) + '\n' if isinstance(x, dict) else x + '\n' for x in lines)
    r = subprocess.run([DOGWATCH, 'templates', *args], input=text, capture_output=True, text=True)
    check(r.returncode == code, f'templates {args}', (r.returncode, r.stderr))
    return r.stdout, r.stderr


def ident(text):
    return hashlib.sha256(text.encode()).hexdigest()[:16]


# Lines: one answer each, in order; ids are of the text alone.
out, _ = templates('--ids', lines=['took 3 ms', '', 'took 9 s\r', 'no end 7'])
want = ['took <*>', '', 'took <*>', 'no end <*>']
same(ndjson(out), [{'template_id': ident(t), 'template': t} for t in want], 'a template for each line')
names = ['ann', 'bob', 'carl', 'dora', 'emil', 'fred']
out, _ = templates('--ids', lines=[f'session of {n} on tty{i} closed' for i, n in enumerate(names)] + ['disk is full', 'disk is gone'])
same([x['template'] for x in ndjson(out)], ['session of <*> on <*> closed'] * 6 + ['disk is full', 'disk is gone'], 'names are values, verbs are not')
same(templates('--ids', lines=[])[0], '', 'nothing of nothing')

# The table, and events in place of lines.
events = [{'event': {'kind': 'event', 'original': 'a: took 3 ms'}, 'tags': ['message'], 'message': 'took 3 ms'}, {'message': 'took 4 ms', 'event': {'original': 'b: took 4 ms'}},
          {'event': {'original': 'said "no" 3 times'}, 'labels': {'message': 'not this'}}, {'event.original': 'said "no" 4 times'}, '{broken 7}']
rows = list(csv.DictReader(io.StringIO(templates('--output', 'csv', '--limit', '2', lines=events)[0])))
same([(r['count'], r['percent'], r['template'], r['line'], r['example']) for r in rows],
     [('2', '40.00', 'took <*>', '1', 'took 3 ms'), ('2', '40.00', 'said "no" <*> times', '3', 'said "no" 3 times')], 'a table of events')
same([r['template_id'] for r in rows], [ident(r['template']) for r in rows], 'with ids')

# Bounds are said; a mistake is one.
out, err = templates('--ids', lines=['x' * 5000, 'y'])
check('1 lines are longer' in err and ndjson(out)[0]['template'] == ' <*>', 'a line too long is said', err)
check('standard input' in templates('app.log', lines=[], code=2)[1], 'a file is no argument')

# Live: a new kind of line is told once, and the pipe counts what the archive holds.
data, log, rules = (os.path.join(dir_, x) for x in ('data', 'app.log', 'rules.yml'))
with open(rules, 'w') as f:
    f.write("""title: an event of the application
name: app
detection: {s: {kind: '*'}, condition: s}
---
title: a new kind of message
name: kind
detector: {type: new_template, rules: [app], group-by: [kind], field: text, timespan: 1d, learn: 10s, fanout: 3}
level: low
""")
t = datetime.datetime(2026, 11, 25, 12)
texts = [(0, 'opened for ann'), (1, 'opened for bob'), (2, 'opened for carl'), (3, 'wrote 7 pages'), (20, 'opened for dora'), (21, 'wrote 9 pages'), (22, 'page 4711 of /var/x is broken'),
         (23, 'page 4 of /var/y is broken'), (24, 'wrote 1 pages')]
with open(log, 'w') as f:
    for at, text in texts:
        f.write(json.dumps({'time': (t + datetime.timedelta(seconds=at)).isoformat() + 'Z', 'kind': 'db', 'text': text}) + '\n')
dogwatch('up', '--data', data, '--logs', log, '--rules', rules, '--until-idle')
told = ndjson(dogwatch('alerts', '--data', data, '--output', 'ndjson'))
same([(a['detector']['type'], a['detector']['feature'], a['detector']['value'], a['@timestamp'][:19]) for a in told if a['rule']['name'] == 'a new kind of message'],
     [('new_template', 'text', ['page <*> of <*> is broken'], '2026-11-25T12:00:22')], 'the new kind is told, dora is not')
check('is of a new kind: page <*> of <*> is broken' in dogwatch('alert', 'show', told[0]['event']['id'], '--data', data, '--output', 'table'), 'said as a sentence')
piped = ndjson(dogwatch('query', '* | templates text', '--data', data, '--output', 'ndjson'))
same([(r['count'], r['template']) for r in piped if not r['template'].startswith('opened')], [(3, 'wrote <*> pages'), (2, 'page <*> of <*> is broken')], 'the pipe counts')
same(sum(r['count'] for r in piped), len(texts), 'every line once')
same(dogwatch('replay', '--rules', rules, '--data', data, '--output', 'ndjson').count('new_template'), 1, 'replay says it again')
finish(began)

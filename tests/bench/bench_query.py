#!/usr/bin/env python3
"""`dogwatch query` over a sealed archive, beside `zstd -dc | rg -F` over the same segments, in one run. Prints one JSON object a measure;
ratios are what counts. CPU seconds of all processes of a measure; programs take turns, and the best turn of each counts.

    bench_query.py BUILD_FOLDER [LINES]     (a release build; 2000000)
"""
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

build, lines = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 2000000
dogwatch, TURNS, NEEDLE, CLIENTS = os.path.join(build, 'dogwatch'), 5, 'xyzzy-needle', 20000
AGENTS = ('Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36',
          'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/17.4 Safari/605.1.15', 'curl/8.4.0',
          'Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)')
PATHS = ('/', '/index.html', '/api/v1/items', '/static/app.js', '/login', '/images/logo.png', '/products')


def make(folder):
    rng = random.Random(1)
    clients = [f'{rng.randrange(1, 224)}.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(256)}' for _ in range(CLIENTS)]
    os.makedirs(folder + '/logs')
    with open(folder + '/logs/access.log', 'w', encoding='ascii') as out:
        for i in range(lines):
            path = '/' + NEEDLE if i % 100003 == 5 else rng.choice(PATHS)
            line = (f'{clients[int(CLIENTS * rng.random() ** 3)]} - - [24/Nov/2026:{i // 360000 % 24:02}:'
                    f'{i // 6000 % 60:02}:{i // 100 % 60:02} +0000] "GET {path}?id={rng.randrange(100000)} HTTP/1.1" '
                    f'{404 if rng.random() < 0.05 else 200} {rng.randrange(50000)} "-" "{rng.choice(AGENTS)}"\n')
            out.write(line)
    subprocess.run([dogwatch, 'up', '--data', folder + '/data', '--logs', folder + '/logs/*.log', '--until-idle'], check=True,
                   stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def run(*commands):
    """A pipeline: CPU seconds of all its processes, elapsed seconds, what it prints, the greatest resident memory in MB."""
    began, source, running = time.monotonic(), subprocess.DEVNULL, []
    for c in commands:
        p = subprocess.Popen(c, stdin=source, stdout=subprocess.DEVNULL if len(commands) == 1 and c is cat else subprocess.PIPE, stderr=subprocess.DEVNULL)
        if running:
            source.close()
        running.append(p)
        source = p.stdout
    out = source.read() if source else b''
    used = [os.wait4(p.pid, 0) for p in running]
    return sum(u.ru_utime + u.ru_stime for _, _, u in used), time.monotonic() - began, out, max(u.ru_maxrss for _, _, u in used) / 1024


def best(measures):
    found = {}
    for _ in range(TURNS):
        for name, commands in measures.items():
            cpu, wall, out, rss = run(*commands)
            was = found.get(name, (cpu, wall, out, rss))
            found[name] = (min(cpu, was[0]), min(wall, was[1]), out, rss)
    return found


folder = tempfile.mkdtemp(prefix='dogwatch-bench-query-')
try:
    if os.fork() == 0:  # another process, so that what it holds does not count as that of its children
        make(folder)
        os._exit(0)
    assert os.wait()[1] == 0
    text_bytes = os.path.getsize(folder + '/logs/access.log')
    segments = sorted(folder + '/data/archive/' + n for n in os.listdir(folder + '/data/archive') if n.endswith('.zst'))
    print(json.dumps({'measure': 'archive', 'lines': lines, 'text_mb': round(text_bytes / 1e6, 1), 'segments': len(segments),
                      'archive_mb': round(sum(map(os.path.getsize, segments)) / 1e6, 1)}), flush=True)

    def query(text):
        return [[dogwatch, 'query', text, '--data', folder + '/data', '--output', 'ndjson']]
    cat = ['zstd', '-dcq'] + segments
    found = best({
        'zstd -dc': [cat], 'zstd -dc | rg -F': [cat, ['rg', '-F', NEEDLE]], 'zstd -dc | rg -F -i': [cat, ['rg', '-F', '-i', NEEDLE]],
        'literal': query(NEEDLE), 'literal in most lines': query('Mozilla | stats count'), 'zstd -dc | rg -F -c in most lines': [cat, ['rg', '-F', '-c', 'Mozilla']], 'field': query('http.response.status_code:404 and url.path:/login | stats count'),
        'count': query('* | stats count'), 'stats': query('* | stats count by source.ip | head 3'),
        'stats, 700,000 groups': query('* | stats count by url.original | head 3'), 'top': query('* | top 3 url.path')})
    hits = sum(i % 100003 == 5 for i in range(lines))
    assert found['literal'][2].count(b'\n') == found['zstd -dc | rg -F'][2].count(b'\n') == hits, 'both find all needles'
    assert json.loads(found['count'][2])['count'] == lines
    assert json.loads(found['literal in most lines'][2])['count'] == int(found['zstd -dc | rg -F -c in most lines'][2])
    peer = found['zstd -dc | rg -F']
    for name, (cpu, wall, _, rss) in found.items():
        row = {'measure': name, 'cpu_s': round(cpu, 3), 'wall_s': round(wall, 3), 'events_per_cpu_s': round(lines / cpu),
               'text_gb_per_cpu_s': round(text_bytes / cpu / 1e9, 3), 'rss_mb': round(rss, 1)}
        if name == 'literal':
            row.update({'ratio_to_zstd_rg': round(peer[0] / cpu, 3), 'ratio_wall': round(peer[1] / wall, 3), 'bar': 1.0})
        if name == 'stats':
            row['bar_events_per_cpu_s'] = 3000000
        print(json.dumps(row))
finally:
    shutil.rmtree(folder)

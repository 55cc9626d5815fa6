#!/usr/bin/env python3
"""Every configuration that deploy/ ships, also what stands in its comments and in ConfigMaps, is one that the programs take; and units name what is packed."""
import re
import time

import yaml

from e2e_lib import *  # noqa: F403

began = time.monotonic()
dir_ = scratch('shipped')
SECRETS = {'/etc/dogwatch/kafka.password': os.path.join(ROOT, 'LICENSE')}  # a check reads the file that is named


def right(what, program, text):
    path = os.path.join(dir_, f'{program}.yml')
    for name, here in SECRETS.items():
        text = text.replace(name, here)
    open(path, 'w').write(text)
    r = subprocess.run([DOGWATCH, 'config', 'check', program, path], capture_output=True, text=True, env=dict(os.environ, NODE_NAME='node-1', POD_NAME='pod-1'))
    check(r.returncode == 0 and r.stdout.endswith(f'ok ({program})\n'), f'{what} is right', r.stdout + r.stderr)


found = 0
for folder in ('etc', 'compose'):
    for program in ('agent', 'collector'):
        text = open(os.path.join(ROOT, 'deploy', folder, program + '.yml')).read()
        right(f'deploy/{folder}/{program}.yml', program, text)
        right(f'deploy/{folder}/{program}.yml with its examples', program, re.sub(r'^#(?=  |[a-z.]+:)', '', text, flags=re.M))
        found += 1
for name in sorted(os.listdir(os.path.join(ROOT, 'deploy/kubernetes'))):
    for d in yaml.safe_load_all(open(os.path.join(ROOT, 'deploy/kubernetes', name))):
        for key, text in d.get('data', {}).items() if d['kind'] == 'ConfigMap' else ():
            right(f'deploy/kubernetes/{name}: {key}', key.removesuffix('.yml'), text)
            found += 1
same(found, 7, 'configurations that are shipped')
for program in ('agent', 'collector'):
    unit = open(os.path.join(ROOT, f'deploy/systemd/dogwatch-{program}.service')).read()
    check(f'ExecStart=/usr/bin/dogwatch-{program} --config /etc/dogwatch/{program}.yml\n' in unit, f'{program}: the unit runs what is packed')
for page in sorted(os.listdir(os.path.join(ROOT, 'docs/deploy'))):
    for part, text in re.findall(r'^```yaml (agent|collector)\n(.*?)^```$', open(os.path.join(ROOT, 'docs/deploy', page)).read(), re.M | re.S):
        right(f'docs/deploy/{page}: {text.splitlines()[0]}', part, text)
finish(began)

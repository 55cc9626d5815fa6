#!/usr/bin/env python3
"""The API against its own description: schemathesis makes requests of docs/reference/openapi.json, right and wrong ones, and judges the answers.
10 s; ten minutes with --long."""
import re
import time

from e2e_lib import *  # noqa: F403

VERSION = '4.32.5'
began = time.monotonic()
dir_ = scratch('schema')
data, log = os.path.join(dir_, 'data'), os.path.join(dir_, 'auth.log')
tool = os.path.join(ROOT, 'build/venv/bin/schemathesis')
if not os.path.exists(tool):
    made = subprocess.run([sys.executable, '-m', 'venv', os.path.join(ROOT, 'build/venv')], capture_output=True)
    made = made if made.returncode else subprocess.run([os.path.join(ROOT, 'build/venv/bin/pip'), 'install', '-q', f'schemathesis=={VERSION}'], capture_output=True)
    if made.returncode:
        print(f'SKIPPED  schemathesis {VERSION} cannot be brought here: {(made.stderr or made.stdout).decode()[-300:]}')
        sys.exit(0)
with open(log, 'w') as f:
    for i in range(60):
        f.write(f'Nov 25 12:00:{i:02} web sshd[1]: Failed password for root from 203.0.113.9 port {4000 + i} ssh2\n')
up = Up(data, [log], '--rules', os.path.join(ROOT, 'rules'), *OWN_PORT)
port = up.port()
wait_for(lambda: count(data) == 60, 60, 'the lines')
token = dogwatch('token', 'add', 'tester', '--role', 'admin', '--data', data).strip()
seconds = 600 if LONG else 10
# What a filter or a time may be no JSON schema says, so that a text which fits one may still be refused: that check is left out.
r = subprocess.run([tool, 'run', os.path.join(ROOT, 'docs/reference/openapi.json'), '--url', f'http://127.0.0.1:{port}', '-H', f'Authorization: Bearer {token}', '--max-time', str(seconds),
                    '--phases', 'examples,coverage,fuzzing', '--seed', os.environ.get('DW_SEED', '20261125'), '--request-timeout', '20', '--no-color', '--continue-on-failure',
                    '--suppress-health-check', 'all', '--exclude-checks', 'positive_data_acceptance', '--generation-database', 'none', '--warnings', 'off'],
                   capture_output=True, text=True, cwd=dir_, timeout=seconds + 300)
check(r.returncode == 0, 'the API is as its page says', r.stdout[-6000:])
ran = re.search(r'(\d+) generated', r.stdout)
check(ran and int(ran.group(1)) > 100, 'it was asked', r.stdout[-2000:])
check(up.child('dogwatch-collector'), 'the collector lives')
same(up.stop(), 0, 'dogwatch up ends well')
same(subprocess.run([DOGWATCH, 'audit', 'verify', '--data', data], capture_output=True).returncode, 0, 'the audit log holds')
print((ran.group(0) if ran else '') + f' requests in {seconds} s', flush=True)
finish(began)

#!/usr/bin/env python3
"""Every line exactly once, through rotation, interleaved streams and partials; the account is whole; two decoders agree."""
import time

from e2e_lib import *  # noqa: F403

began = time.monotonic()
LINES = 500000 if LONG else 20000
dir_ = scratch('whole')
data = os.path.join(dir_, 'data')
traffic = Traffic(os.path.join(dir_, 'logs'), LINES, seed=11, rotate=3000000 if LONG else 300000,
                  inside=os.environ.get('DW_ROTATE_INSIDE', 'yes') == 'yes')
traffic.run(500)
up = Up(data, traffic.globs)
step = 500
while traffic.run(step):
    # the writers stay ahead, but not all at once: files are rotated while the agent reads
    behind = traffic.n
    wait_for(lambda: os.path.isdir(os.path.join(data, 'archive')) or up.process.poll() is not None, 20, 'the archive')
wait_for(lambda: count(data) >= LINES or up.process.poll() is not None, 600 if LONG else 40, f'{LINES} lines; there are {count(data)}', 1)
same(up.stop(), 0, 'dogwatch up ends well')
check(len(traffic.record.files) > 12, 'files were rotated', len(traffic.record.files))
same(check_lines(data, traffic.record), 0, 'nothing was sent twice')
check_account(data, traffic.record)
check(not alarms(data), 'no false alarm', alarms(data))
check(alert_keys(data), 'the attacks in the traffic are seen')

same(decoders_agree(data), LINES, 'both decoders print every event')

before = (count(data), alert_keys(data), ledger(data)[1])
same(up_until_idle(data, traffic.globs), 0, 'a second run ends well')
same(count(data), before[0], 'a second run adds no line')
same(alert_keys(data), before[1], 'a second run adds no alert')
same(ledger(data)[1], before[2], 'a second run changes no account')
same(sum(1 for _ in decoded(segments(data))), LINES, 'a second run sends nothing again')
check(not alarms(data), 'no false alarm after the second run', alarms(data))
print(f'{LINES} lines, {len(traffic.record.files)} files, {traffic.record.bytes()} bytes, {len(before[1])} alerts')
finish(began)

#!/usr/bin/env python3
"""`dogwatch up` that is told to end while it starts: a signal between the fork of a child and its own program must not be lost.

When it was, a release build hung in 3 of 60 tries (--long makes 300); under the sanitizers the moment is seldom met.
"""
import time

from e2e_lib import *  # noqa: F403

began = time.monotonic()
dir_ = scratch('up_stop')
os.mkdir(os.path.join(dir_, 'logs'))
with open(os.path.join(dir_, 'logs/a.log'), 'w') as f:
    f.write('x\n')
TRIES = 300 if LONG else 40
chance = random.Random(1)


def has_child(up):
    try:
        return up.process.poll() is not None or open(f'/proc/{up.process.pid}/task/{up.process.pid}/children').read().strip()
    except OSError:
        return True


for n in range(TRIES):
    up = Up(os.path.join(dir_, f'data{n % 4}'), [os.path.join(dir_, 'logs/*.log')], *OWN_PORT)
    wait_for(lambda: has_child(up), 30, 'a child', pause=0)
    spin = time.monotonic() + chance.random() * 0.004  # somewhere between its fork and its program
    while time.monotonic() < spin:
        pass
    check(up.stop(30) in (0, 1), f'it ends, try {n}', up.said()[-500:])
    del up
finish(began)

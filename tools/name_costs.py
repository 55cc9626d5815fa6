#!/usr/bin/env python3
"""Writes correlate/detect/name_costs.h: what it costs, in sixteenths of a bit, that one letter follows another in names that people give.

usage: name_costs.py WORDS NAMES... > correlate/detect/name_costs.h

WORDS is a list of English words, NAMES are lists of names that people gave (of packages, projects, hosts), one a line. Both are cut where something is
neither letter nor digit; letters are folded to lower case and all digits are one symbol. A pair counts 1 in NAMES and 10 in WORDS, for there are about ten
names to a word, and 20 more for what was never seen. Nothing of the lists but these 756 numbers goes into the program.
"""
import collections
import math
import re
import sys

SYMBOLS = 'abcdefghijklmnopqrstuvwxyz#'
SEEN_ALWAYS, OF_WORDS = 20, 10
pairs = collections.Counter()
for at, path in enumerate(sys.argv[1:]):
    for line in open(path, errors='ignore'):
        for part in re.split('[^a-z#]+', re.sub('[0-9]', '#', line.strip().lower())):
            for before, after in zip('^' + part, part):
                pairs[before, after] += 1 if at else OF_WORDS
print('/* name_costs: made by tools/name_costs.py, which says how. [what stands before: a..z, a digit, nothing][what follows: a..z, a digit], sixteenths of a bit. */')
print('#ifndef DOGWATCH_CORRELATE_NAME_COSTS_H\n#define DOGWATCH_CORRELATE_NAME_COSTS_H\n\n#include <stdint.h>\n')
print('enum { NAME_SYMBOLS = 27 };\n\nstatic const uint8_t name_costs[NAME_SYMBOLS + 1][NAME_SYMBOLS] = {')
for before in SYMBOLS + '^':
    total = sum(pairs[before, after] for after in SYMBOLS) + len(SYMBOLS) * SEEN_ALWAYS
    print('    {' + ', '.join(str(min(255, round(-16 * math.log2((pairs[before, after] + SEEN_ALWAYS) / total)))) for after in SYMBOLS) + '},')
print('};\n\n#endif')

"""What benchmarks of running programs share: processor and memory by /proc, and a line of docker json."""
import json
import os


def processor_s(pid):
    fields = open(f'/proc/{pid}/stat').read().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def memory_kib(pid, key='VmRSS'):
    return next(int(line.split()[1]) for line in open(f'/proc/{pid}/status') if line.startswith(key))


def docker_line(i):
    return json.dumps({'log': f'203.0.113.{i % 250} - - [24/Nov/2026:21:14:18 +0000] "GET /p/{i} HTTP/1.1" 200 {i % 9999} "-" "curl/8"\n',
                       'stream': 'stdout', 'time': '2026-11-24T21:14:18.%09dZ' % (i % 10**9)}) + '\n'

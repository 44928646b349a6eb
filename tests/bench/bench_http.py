#!/usr/bin/env python3
"""Measures `footfall serve` against a server that answers a constant, and prints ratios with what is wanted of them.

usage: bench_http.py BUILD [--seconds N] [--runs N] [--connections N] [--threads N] [--only PART]

BUILD: a release build (meson setup -Dbuildtype=release). wrk asks over keep-alive connections on loopback, as a proxy that forwards
addresses; half of the visits are by somebody who came before (visits.lua). Programs that are compared run in turn, A B A B, on
fresh files in one folder ($TMPDIR or /tmp; use a real disk); a figure is the ratio of the medians, and each run ends with a look
whether what was answered was counted. PART: visits, memory, start, others, redis.
"""
import argparse
import contextlib
import http.client
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'support'))
sys.dont_write_bytecode = True
from redis_server import RedisServer, redis_program  # noqa: E402
from server_process import Absent  # noqa: E402

PROXY = ('http.trusted_proxies=127.0.0.1',)


class Server:
    """A program that says on a stream where it listens, and ends when it is told to."""

    def __init__(self, command, stream, log=None):
        self.read = 0
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE,
                                        **{stream: log or subprocess.PIPE}, text=True)
        self.log = log
        said = ''
        while not (found := re.search(r'listening on http://127\.0\.0\.1:(\d+)/', said)):
            line = self.next_line(getattr(self.process, stream))
            if not line:
                self.process.kill()
                sys.exit(f'bench_http.py: {command[0]} does not listen: {said}')
            said += line
        self.port = int(found.group(1))
        self.url = f'http://127.0.0.1:{self.port}'

    def next_line(self, stream):
        """'': there will be none."""
        if not self.log:
            return stream.readline()
        while True:
            ended = self.process.poll() is not None
            with open(self.log.name, encoding='utf-8') as written:
                written.seek(self.read)
                line = written.readline()
            if line.endswith('\n') or ended:
                self.read += len(line.encode())
                return line
            time.sleep(0.001)

    def get(self, path, **headers):
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=10)
        with contextlib.closing(connection):
            connection.request('GET', path, headers=headers)
            return json.loads(connection.getresponse().read())

    def memory(self):
        """Resident now, and at most, in MiB."""
        with open(f'/proc/{self.process.pid}/status', encoding='utf-8') as status:
            kib = dict(re.findall(r'^(VmRSS|VmHWM):\s+(\d+) kB', status.read(), re.MULTILINE))
        return int(kib['VmRSS']) / 1024, int(kib['VmHWM']) / 1024

    def processor(self):
        """Seconds of processor time so far."""
        with open(f'/proc/{self.process.pid}/stat', encoding='utf-8') as stat:
            user, system = stat.read().rpartition(')')[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf('SC_CLK_TCK')

    def stop(self):
        """SIGTERM, and how long that took."""
        begun = time.monotonic()
        self.process.terminate()
        status = self.process.wait(20)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream:
                stream.close()
        if status not in (0, -15):
            sys.exit(f'bench_http.py: the server ended with {status}')
        return time.monotonic() - begun


class Bench:
    def __init__(self, args, folder):
        self.args, self.folder = args, folder
        self.tool = f'{args.build}/tools/footfall/footfall'
        self.constant = f'{args.build}/tests/bench/bench-http-constant'
        self.missed = 0

    def say(self, name, value, wanted, least=True, detail=''):
        fine = value >= wanted if least else value < wanted
        self.missed += not fine
        print(f'{name:56} {value:9.2f}   {"at least" if least else "below":8} {wanted:<6g} {"" if fine else "MISSED "}{detail}',
              flush=True)

    def fresh(self):
        for name in os.listdir(self.folder):
            if name.startswith('run.'):
                os.remove(f'{self.folder}/{name}')
        os.sync()
        return f'sqlite.path={self.folder}/run.db'

    @contextlib.contextmanager
    def serving(self, *options, log=None):
        words = [word for option in (f'http.threads={self.args.threads}', 'http.listen=127.0.0.1:0', *options)
                 for word in ('-o', option)]
        server = Server([self.tool, *words, 'serve'], 'stderr', log)
        try:
            yield server
        finally:
            server.stop()

    @contextlib.contextmanager
    def answering(self):
        server = Server([self.constant, self.args.threads], 'stdout')
        try:
            yield server
        finally:
            server.stop()

    def wrk(self, server, path, how, times=1):
        """Answers a second; p50, p99 and slowest in ms; microseconds of the server's processor time an answer; answers, and those that
        were no success."""
        begun = server.processor()
        said = subprocess.run(['wrk', '-t', '2', '-c', str(self.args.connections), '-d', f'{self.args.seconds * times}s',
                               '-s', f'{HERE}/visits.lua', server.url, '--', path, how], check=True, stdout=subprocess.PIPE, text=True).stdout
        requests, seconds, failures, refused, *latencies = map(float, re.search(r'^figures (.*)', said, re.MULTILINE).group(1).split())
        if failures:
            sys.exit(f'bench_http.py: {failures:.0f} requests failed')
        return [requests / seconds, *latencies, (server.processor() - begun) * 1e6 / requests, requests, refused]

    def visited(self, options=PROXY, how='proxied', path='/visit', log=None, times=1):
        """wrk's figures and the server's memory at its peak; everything answered has been counted."""
        options = list(options)
        if not any(option.startswith('backend=') for option in options):
            options.append(self.fresh())
        if log:
            options.append('log_level=info')
        with contextlib.ExitStack() as stack:
            log = stack.enter_context(open(f'{self.folder}/run.log', 'w', encoding='utf-8')) if log else None
            server = stack.enter_context(self.serving(*options, log=log))
            before = server.get('/visit', **{'X-Forwarded-For': '10.0.0.1'}).get('count', 0)
            figures = self.wrk(server, path, how, times)
            refused = figures.pop()
            answered = figures.pop()
            counted = server.get('/visit', **{'X-Forwarded-For': '10.0.0.1'}).get('count', 0) - before - 1
            if path == '/visit' and how != 'silent' and not answered <= counted <= answered + self.args.connections:
                sys.exit(f'bench_http.py: {answered:.0f} answered, {counted} counted')
            if refused != (answered if how == 'silent' else 0):
                sys.exit(f'bench_http.py: {refused:.0f} of {answered:.0f} answers were no success')
            return figures + list(server.memory())

    def answered(self):
        with self.answering() as server:
            return self.wrk(server, '/visit', 'proxied')[:5] + list(server.memory())

    def in_turn(self, *programs):
        """Medians, column by column, of programs that take turns."""
        columns = [[] for _ in programs]
        for _ in range(self.args.runs):
            for column, program in zip(columns, programs):
                column.append(program())
        return [[statistics.median(values) for values in zip(*rows)] for rows in columns]

    def visits(self):
        ours, constant = self.in_turn(self.visited, self.answered)
        self.say('/visit / a constant answer', ours[0] / constant[0], 0.4,
                 detail=f'{ours[0]:,.0f} / {constant[0]:,.0f} answers a second')
        self.say('/visit, p99, ms', ours[2], 20, least=False,
                 detail=f'median {ours[1]:.2f}, slowest {ours[3]:.1f}; constant {constant[1]:.2f}, {constant[2]:.2f}, {constant[3]:.1f}')
        print(f'{"processor time of the server an answer, us":56} {ours[4]:9.2f}   constant {constant[4]:.2f}', flush=True)
        self.say('resident memory at its peak, MiB', ours[-1], 16, least=False, detail=f'constant {constant[-1]:.2f}')

    def memory(self):
        for name, how in (('after 20,000 addresses', {'how': 'few'}), ('behind a proxy that forwards none', {'how': 'silent'}),
                          ('when the file has outgrown the cache', {'times': 5})):
            figures, = self.in_turn(lambda h=how: self.visited(**h))
            self.say(f'resident memory {name}, MiB', figures[-1], 16, least=False,
                     detail=f'{figures[0]:,.0f} answers a second, p99 {figures[2]:.2f} ms')

    def first_answer(self, db):
        begun = time.monotonic()
        with self.serving(db, *PROXY) as server:
            server.get('/visit', **{'X-Forwarded-For': '10.0.0.1'})
            return [(time.monotonic() - begun) * 1000]

    def start(self):
        db = self.fresh()
        with self.serving(db, *PROXY) as server:
            self.wrk(server, '/visit', 'proxied')
            number = server.get('/counter/main_page')
        times, = self.in_turn(lambda: self.first_answer(db))
        self.say('start to first answer, ms', times[0], 50, least=False, detail=f'{number["unique_visitors"]:,} visitors in the file')

    def others(self):
        """For orientation: nothing is wanted of these."""
        ways = {'/visit with an access log': {'log': True}, '/visit, durability = full': {'options': (*PROXY, 'sqlite.durability=full')},
                '/counter/main_page': {'path': '/counter/main_page'}, '/badge/main_page': {'path': '/badge/main_page'},
                '/badge/main_page?hit=1': {'path': '/badge/main_page?hit=1'}, '/footfall.js': {'path': '/footfall.js'},
                '/healthz': {'path': '/healthz'}}
        plain, *rows = self.in_turn(self.visited, *(lambda w=way: self.visited(**w) for way in ways.values()))
        for name, row in zip(('/visit', *ways), (plain, *rows)):
            print(f'{name:56} {row[0]:9,.0f}   a second, p99 {row[2]:.2f} ms, {row[4]:.1f} us of processor, {row[-1]:.1f} MiB', flush=True)

    def redis(self):
        try:
            redis_program()
        except Absent as absent:
            print(f'redis: not measured, {absent}')
            return
        secret = f'{self.folder}/secret'
        with open(secret, 'w', encoding='utf-8') as out:
            out.write('32 bytes at least, for the bench!')
        os.chmod(secret, 0o600)

        def visited():
            with RedisServer() as store:
                return self.visited((*PROXY, 'backend=redis', f'redis.url={store.url}', f'secret_file={secret}'))
        ours, constant = self.in_turn(visited, self.answered)
        print(f'{"/visit in Redis / a constant answer":56} {ours[0] / constant[0]:9.2f}   {ours[0]:,.0f} / {constant[0]:,.0f} a second, '
              f'p99 {ours[2]:.2f} ms, {ours[-1]:.1f} MiB', flush=True)


def main():
    parts = ['visits', 'memory', 'start', 'others', 'redis']
    parser = argparse.ArgumentParser(usage=__doc__.split('\n\n')[1].removeprefix('usage: '))
    parser.add_argument('build')
    parser.add_argument('--seconds', type=int, default=3)
    parser.add_argument('--runs', type=int, default=3)
    parser.add_argument('--connections', type=int, default=64)
    parser.add_argument('--threads', type=int, default=os.cpu_count())
    parser.add_argument('--only', action='append', choices=parts)
    args = parser.parse_args()
    if not shutil.which('wrk'):
        sys.exit('bench_http.py: wrk is not installed')
    with tempfile.TemporaryDirectory(prefix='footfall-bench-') as folder:
        bench = Bench(args, folder)
        for part in args.only or parts:
            getattr(bench, part)()
    return 1 if bench.missed else 0


if __name__ == '__main__':
    sys.exit(main())

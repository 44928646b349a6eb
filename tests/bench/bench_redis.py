#!/usr/bin/env python3
"""Measures the Redis backend against two limits and a naive program, and prints ratios with what is wanted of them.

usage: bench_redis.py BUILD [--visits N] [--runs N] [--seconds N] [--stored N] [--lines N] [--only PART]

BUILD: a release build. A redis-server of its own (no persistence) on loopback; programs that are compared run in turn,
A B A B, on an emptied server; a figure is the ratio of the medians. The bare loop sends, byte for byte, what the engine sent
in a recorded run, and checks nothing. PART: depth, script, threads, memory,
ingest.
"""
import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
sys.dont_write_bytecode = True
from redis_server import Client, RedisServer  # noqa: E402

INCR = "return redis.call('INCR', KEYS[1])"


class Bench:
    def __init__(self, args, server, folder):
        self.args, self.server, self.folder = args, server, folder
        self.program = f'{args.build}/tests/bench/bench-redis'
        self.missed = 0

    def run(self, *words):
        out = subprocess.run([self.program] + [str(word) for word in words], check=True, stdout=subprocess.PIPE, text=True)
        return [float(word) for word in out.stdout.split()]

    def ask(self, *words):
        with Client(self.server.url) as client:
            return client.command(*words)

    def fresh(self):
        self.ask('FLUSHALL')

    def say(self, name, value, wanted, least=True, detail=''):
        fine = value >= wanted if least else value <= wanted
        self.missed += not fine
        print(f'{name:58} {value:8.2f}   {"at least" if least else "at most":8} {wanted:<6g} {"" if fine else "MISSED "}{detail}',
              flush=True)

    def medians(self, *programs):
        columns = [[] for _ in programs]
        for _ in range(self.args.runs):
            for column, program in zip(columns, programs):
                column.append(program())
        return [[statistics.median(values) for values in zip(*column)] for column in columns]

    def visits(self, how, depth, first, count, *record):
        return self.run('visits', self.server.url, 'bench', how, depth, first, count, *record)

    def incr(self, depth):
        """redis-benchmark with a script that does one INCR, requests a second."""
        sha = self.ask('SCRIPT', 'LOAD', INCR)
        count = self.args.visits * (4 if depth > 1 else 1)
        out = subprocess.run(['redis-benchmark', '-p', str(self.server.port), '-c', '1', '-P', str(depth), '-n', str(count),
                              'EVALSHA', sha, '1', 'incr'], check=True, stdout=subprocess.PIPE, text=True).stdout
        return [float(re.search(r'throughput summary: ([\d.]+)', out).group(1))]

    def compared(self, how, depth, returning):
        """The engine, and the bare loop with the same calls: both on a server with the same visitors."""
        count, fill, calls = self.args.visits, f'{self.folder}/fill', f'{self.folder}/calls'

        def prepare(bare):
            self.fresh()
            if returning and bare:
                self.run('bare', self.server.url, fill, count)
            elif returning:
                self.visits('apply', 64, 0, count)

        self.fresh()
        if returning:
            self.visits('apply', 64, 0, count, fill)
        self.visits(how, depth, 0, count, calls)

        def engine():
            prepare(False)
            return self.visits(how, depth, 0, count)

        def bare():
            prepare(True)
            return self.run('bare', self.server.url, calls, count)

        return engine, bare

    def depth(self):
        for how, depth, wanted in (('single', 1, 0.9), ('submit', 64, 0.8), ('apply', 64, 0.8)):
            for returning in (True, False):
                engine, bare = self.medians(*self.compared(how, depth, returning))
                self.say(f'{how}, {depth} under way, {"returning" if returning else "new"}: engine / bare loop',
                         engine[0] / bare[0], wanted, detail=f'{engine[0]:,.0f} / {bare[0]:,.0f} visits a second')

    def script(self):
        for returning, wanted in ((True, 0.6), (False, 0.25)):
            engines = [self.compared(how, 64, returning)[0] for how in ('submit', 'apply')]
            submit, apply, limit = self.medians(*engines, lambda: self.incr(64))
            kind = 'returning' if returning else 'new'
            for how, rate in (('submit', submit[0]), ('apply', apply[0])):
                self.say(f'64 under way ({how}), {kind}: engine / INCR script', rate / limit[0], wanted,
                         detail=f'{rate:,.0f} / {limit[0]:,.0f} a second')

    def threads(self):
        def engine(handles):
            def run():
                self.fresh()
                return self.run('threads', self.server.url, 'bench', handles, 16, self.args.seconds)
            return run

        def naive():
            self.fresh()
            return self.run('naive', self.server.url, 16, self.args.seconds)

        ours, alone, other = self.medians(engine(1), engine(16), naive)
        self.say('16 threads on one handle / naive', ours[0] / other[0], 3,
                 detail=f'{ours[0]:,.0f} / {other[0]:,.0f} visits a second, {ours[2]:.1f} a batch, fairness {ours[1]:.2f}')
        self.say('16 threads on one handle / on a handle each', ours[0] / alone[0], 1,
                 detail=f'{ours[0]:,.0f} / {alone[0]:,.0f} visits a second: the same work a connection and a script call each')

    def used(self):
        return int(re.search(r'used_memory:(\d+)', self.ask('INFO', 'memory')).group(1))

    def memory(self):
        self.fresh()
        empty = self.used()
        self.visits('apply', 1024, 0, self.args.stored)
        self.say(f'bytes of Redis memory a visitor, {self.args.stored:,} stored', (self.used() - empty) / self.args.stored, 100,
                 least=False)

    def ingest(self):
        log = f'{self.folder}/access.log'
        make_log = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'make_log.py')
        subprocess.run([sys.executable, make_log, '--lines', str(self.args.lines), log], check=True, stdout=subprocess.DEVNULL)
        secret = f'{self.folder}/secret'
        with open(secret, 'w', encoding='utf-8') as out:
            out.write('32 bytes at least, for the bench!')
        for how in (('--by', 'path'), ('--counter', 'site')):
            def once(how=how):
                self.fresh()
                options = ['backend=redis', f'redis.url={self.server.url}', f'secret_file={secret}']
                words = [word for option in options for word in ('-o', option)]
                begun = time.monotonic()
                subprocess.run([f'{self.args.build}/tools/footfall/footfall', *words, 'ingest', *how, log], check=True,
                               stdout=subprocess.DEVNULL)
                return [self.args.lines / (time.monotonic() - begun)]
            self.say(f'ingest {" ".join(how)}: lines a second', self.medians(once)[0][0], 100000)


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split('\n\n')[1].removeprefix('usage: '))
    parser.add_argument('build')
    parser.add_argument('--visits', type=int, default=100000)
    parser.add_argument('--runs', type=int, default=3)
    parser.add_argument('--seconds', type=int, default=3)
    parser.add_argument('--stored', type=int, default=1000000)
    parser.add_argument('--lines', type=int, default=1000000)
    parser.add_argument('--only', action='append', choices=['depth', 'script', 'threads', 'memory', 'ingest'])
    args = parser.parse_args()
    if not shutil.which('redis-server'):
        sys.exit('bench_redis.py: redis-server is not installed')
    with tempfile.TemporaryDirectory(prefix='footfall-bench-') as folder, RedisServer() as server:
        bench = Bench(args, server, folder)
        for part in args.only or ['depth', 'script', 'threads', 'memory', 'ingest']:
            getattr(bench, part)()
    return 1 if bench.missed else 0


if __name__ == '__main__':
    sys.exit(main())

#!/usr/bin/env python3
"""Measures the library against the naive program, and prints ratios with what is wanted of them.

usage: bench.py BUILD [--seconds N] [--runs N] [--stored N] [--lines N] [--only PART]

BUILD: a release build (tools/run's has no benchmarks: meson setup -Dbuildtype=release). Programs that are compared run in
turn, A B A B, on fresh files in one folder ($TMPDIR or /tmp; use a real disk); a figure is the ratio of the medians.
PART: visits, stored, size, ingest.
"""
import argparse
import gzip
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time


def output_of(*command, **options):
    return subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE, text=True, **options).stdout


def settle():
    """What the last run left to write does not slow the next one down."""
    os.sync()


class Bench:
    def __init__(self, args, folder):
        self.args = args
        self.folder = folder
        self.naive = f'{args.build}/tests/bench/bench-naive'
        self.engine = f'{args.build}/tests/bench/bench-engine'
        self.tool = f'{args.build}/tools/footfall/footfall'
        self.missed = 0

    def fresh(self):
        for name in os.listdir(self.folder):
            if name.startswith('run.db'):
                os.remove(f'{self.folder}/{name}')
        settle()
        return f'{self.folder}/run.db'

    def naive_run(self, threads, durability):
        return [float(x) for x in output_of(self.naive, self.fresh(), threads, self.args.seconds, durability).split()]

    def engine_run(self, threads, durability, batch, db=None, visitors=0, mode='fixed'):
        return [float(x) for x in output_of(self.engine, 'run', db or self.fresh(), threads, self.args.seconds, durability,
                                            batch, visitors, mode).split()]

    def say(self, name, value, wanted, least=True, detail=''):
        fine = value >= wanted if least else value < wanted
        self.missed += not fine
        print(f'{name:52} {value:10.2f}   {"at least" if least else "below":8} {wanted:<7g} '
              f'{"" if fine else "MISSED "}{detail}', flush=True)

    def in_turn(self, one, other):
        """Medians, column by column, of two programs that take turns."""
        columns = [[], []]
        for _ in range(self.args.runs):
            columns[0].append(one())
            columns[1].append(other())
        return [[statistics.median(values) for values in zip(*rows)] for rows in columns]

    def visits(self):
        engine, naive = self.in_turn(lambda: self.engine_run(16, 'normal', 1), lambda: self.naive_run(16, 'normal'))
        self.say('16 threads, normal: engine / naive', engine[0] / naive[0], 1.4,
                 detail=f'{engine[0]:,.0f} / {naive[0]:,.0f} visits a second, {engine[2]:.1f} operations a batch')
        self.say('16 threads, normal: slowest / fastest thread', engine[1], 0.5, detail=f'naive {naive[1]:.2f}')
        engine, naive = self.in_turn(lambda: self.engine_run(16, 'full', 1), lambda: self.naive_run(16, 'full'))
        self.say('16 threads, full: engine / naive', engine[0] / naive[0], 5,
                 detail=f'{engine[0]:,.0f} / {naive[0]:,.0f} visits a second, fairness {engine[1]:.2f}')
        engine, naive = self.in_turn(lambda: self.engine_run(1, 'normal', 1), lambda: self.naive_run(1, 'normal'))
        self.say('1 thread, normal: engine / naive', engine[0] / naive[0], 0.9,
                 detail=f'{engine[0]:,.0f} / {naive[0]:,.0f} visits a second')
        engine, naive = self.in_turn(lambda: self.engine_run(1, 'normal', 256), lambda: self.naive_run(1, 'normal'))
        self.say('batches of 256 / naive, 1 thread', engine[0] / naive[0], 2,
                 detail=f'{engine[0]:,.0f} / {naive[0]:,.0f} visits a second')

    def stored(self):
        files = {}
        for visitors in (1000, self.args.stored):
            files[visitors] = f'{self.folder}/stored-{visitors}.db'
            output_of(self.engine, 'fill', files[visitors], visitors)
        settle()
        for mode, what in (('fixed', 'returning'), ('sliding', 'rewritten')):
            many, few = self.in_turn(
                lambda m=mode: self.engine_run(1, 'normal', 256, files[self.args.stored], self.args.stored, m),
                lambda m=mode: self.engine_run(1, 'normal', 256, files[1000], 1000, m))
            self.say(f'{self.args.stored:,} stored / 1,000, by 256, {what}', many[0] / few[0], 0.5,
                     detail=f'{many[0]:,.0f} / {few[0]:,.0f} visits a second')

    def size(self):
        db = self.fresh()
        output_of(self.engine, 'fill', db, 1000)
        opened = [[float(x) for x in output_of(self.engine, 'open', db).split()] for _ in range(self.args.runs)]
        self.say('open of an existing file, ms', statistics.median(row[0] for row in opened), 2, least=False)
        self.say('resident memory of an open engine, MiB', statistics.median(row[1] for row in opened) / 1024, 8, least=False)
        library = f'{self.folder}/library.so'
        output_of('strip', '-o', library, f'{self.args.build}/src/libfootfall.so')
        self.say('stripped shared library, KiB', os.path.getsize(library) / 1024, 300, least=False)

    def timed(self, *command):
        begun = time.monotonic()
        subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return [time.monotonic() - begun]

    def ingest(self):
        if not shutil.which('goaccess'):
            print('ingest: not measured, GoAccess is not installed (apt-get install goaccess)')
            return
        log = f'{self.folder}/access.log'
        here = os.path.dirname(os.path.abspath(__file__))
        output_of(sys.executable, f'{here}/make_log.py', '--lines', self.args.lines, log)

        def goaccess():
            return self.timed('goaccess', log, '--log-format=COMBINED', '-o', f'{self.folder}/out.json')

        def counts(*how):
            return lambda: self.timed(self.tool, '-o', f'sqlite.path={self.fresh()}', 'ingest', *how, log)

        for how, wanted in ((('--by', 'path'), 2.5), (('--counter', 'site'), 5)):
            ours, theirs = self.in_turn(counts(*how), goaccess)
            self.say(f'ingest {" ".join(how)} / GoAccess', theirs[0] / ours[0], wanted,
                     detail=f'{self.args.lines / ours[0]:,.0f} / {self.args.lines / theirs[0]:,.0f} lines a second')
        self.ingest_ways(log)

    def ingest_ways(self, log):
        """The same log compressed, and with a state file, beside the plain run."""
        state, packed = f'{self.folder}/state', f'{self.folder}/access.log.gz'
        with open(log, 'rb') as plain, gzip.open(packed, 'wb', 6) as out:
            shutil.copyfileobj(plain, out, 1 << 20)

        def counts(file, how, *more):
            def run():
                if os.path.exists(state):
                    os.remove(state)
                return self.timed(self.tool, '-o', f'sqlite.path={self.fresh()}', 'ingest', *how, *more, file)
            return run

        for how in (('--by', 'path'), ('--counter', 'site')):
            for what, file, more in (('gzip', packed, ()), ('--resume', log, ('--resume', state))):
                ours, plain = self.in_turn(counts(file, how, *more), counts(log, how))
                self.say(f'ingest {" ".join(how)}, {what} / plain', plain[0] / ours[0], 0.8,
                         detail=f'{self.args.lines / ours[0]:,.0f} / {self.args.lines / plain[0]:,.0f} lines a second')
        zcat, plain = self.in_turn(lambda: self.timed('gzip', '-dc', packed), lambda: self.timed('cat', log))
        print(f'{"gzip -dc of that log, lines a second":52} {self.args.lines / zcat[0]:10,.0f}')


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split('\n\n')[1].removeprefix('usage: '))
    parser.add_argument('build')
    parser.add_argument('--seconds', type=int, default=3)
    parser.add_argument('--runs', type=int, default=3)
    parser.add_argument('--stored', type=int, default=5000000)
    parser.add_argument('--lines', type=int, default=1000000)
    parser.add_argument('--only', action='append', choices=['visits', 'stored', 'size', 'ingest'])
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix='footfall-bench-') as folder:
        bench = Bench(args, folder)
        for part in args.only or ['visits', 'stored', 'size', 'ingest']:
            getattr(bench, part)()
    return 1 if bench.missed else 0


if __name__ == '__main__':
    sys.exit(main())

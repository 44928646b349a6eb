"""footfall bench: what it says adds up, and it leaves nothing behind."""
import re
import signal
import subprocess
import time
import unittest

from harness import Case

STEPS = [step * 10 ** power for power in range(10) for step in (1, 2, 5)]


class Bench(Case):
    def measured(self, *words):
        """Its object, after the checks that each must pass."""
        got = self.json('bench', *words)
        calls, batches = got['histogram'], got['batches']
        self.assertEqual(sum(row['calls'] for row in calls), got['calls'])
        self.assertEqual(got['calls'], sum(-(-part // got['batch']) for part in self.parts(got)))
        self.assertEqual(sum(row['batches'] for row in batches['sizes']), batches['count'])
        for rows, key, steps in ((calls, 'le_us', STEPS), (batches['sizes'], 'le', [2 ** i for i in range(17)])):
            self.assertTrue(set(row[key] for row in rows) <= set(steps), rows)
            at = steps.index(rows[0][key])
            self.assertEqual([row[key] for row in rows], steps[at:at + len(rows)], 'in order, none left out')
            self.assertTrue(list(rows[0].values())[1] and list(rows[-1].values())[1], 'no empty row at either end')
        self.percentiles_agree(got)
        self.assertTrue(1 <= batches['mean'] <= batches['longest'] <= batches['sizes'][-1]['le'], batches)
        self.assertAlmostEqual(batches['mean'] * batches['count'], got['visits'], delta=got['visits'] * 1e-4)
        self.assertEqual(self.counters(), {}, 'it leaves no counter behind')
        return got

    @staticmethod
    def parts(got):
        """How many visits each thread made."""
        return [got['visits'] // got['threads'] + (i < got['visits'] % got['threads']) for i in range(got['threads'])]

    def percentiles_agree(self, got):
        times = got['call_us']
        self.assertEqual(list(times), ['p50', 'p90', 'p99', 'p99.9', 'max'])
        self.assertEqual(list(times.values()), sorted(times.values()))
        seen = 0
        for row in got['histogram']:
            seen += row['calls']
            for name, share in (('p50', 0.5), ('p90', 0.9), ('p99', 0.99)):
                if seen >= share * got['calls']:
                    self.assertLessEqual(times[name], row['le_us'] * (1 + 1 / 64), f'{name} of {got}')
                else:
                    self.assertGreater(times[name], row['le_us'], f'{name} of {got}')
        self.assertLessEqual(times['max'], got['histogram'][-1]['le_us'])

    def test_json(self):
        got = self.measured('1001', '--batch', '100')
        self.assertEqual(list(got), ['visits', 'new_visitors', 'threads', 'batch', 'seconds', 'visits_per_second', 'calls',
                                     'call_us', 'histogram', 'batches'])
        self.assertEqual((got['visits'], got['threads'], got['batch'], got['calls']), (1001, 1, 100, 11))
        self.assertEqual((got['batches']['count'], got['batches']['longest']), (11, 100), 'one caller: each call is a batch')
        self.assertEqual([row['batches'] for row in got['batches']['sizes']], [1] + [0] * 6 + [10], 'ten of 100, one of 1')
        self.assertTrue(0 < got['new_visitors'] <= 1001)
        self.assertGreater(got['visits_per_second'], 0)

    def test_threads(self):
        got = self.measured(str(self.many(2000)), '--threads', '8')
        self.assertEqual((got['threads'], got['batch'], got['calls']), (8, 1, got['visits']))

    def test_one(self):
        got = self.measured('1')
        self.assertEqual((got['calls'], got['new_visitors'], got['batches']['count']), (1, 1, 1))
        self.assertEqual(got['batches']['sizes'], [{'le': 1, 'batches': 1}])

    def test_text(self):
        count = self.many(2000)
        lines = self.ok('bench', str(count), '--threads', '2').splitlines()
        self.assertRegex(lines[0], rf'^{count} visits \(\d+ by new visitors\) in \d+\.\d{{3}} s, threads 2, batch 1$')
        self.assertRegex(lines[1], r'^\d+ visits a second$')
        for name, line in zip(('p50', 'p90', 'p99', 'p99.9', 'max'), lines[2:7]):
            self.assertRegex(line, rf'^  {re.escape(name)} +\d+\.\d us a call$')
        self.assertEqual(lines[7], '')
        self.assertEqual(lines[8], f'{count} calls; each took up to')
        second = lines.index('', 9)
        self.rows(lines[9:second], r'(us|ms|s )', count)
        batches = re.match(r'^(\d+) batches in the store, of \d+\.\d visits on average, [12] the longest; each had up to$',
                           lines[second + 1])
        self.assertTrue(batches, lines)
        self.rows(lines[second + 2:], r' ', int(batches[1]))
        self.assertNotIn('units', '\n'.join(lines))

    def rows(self, lines, unit, count):
        """A row each, which add up; the largest has the longest bar."""
        rows = [re.match(rf'^  +\d+ {unit} +(?P<count>\d+) +(?P<share>\d+\.\d)%(?P<bar>  #+)?$', line) for line in lines]
        self.assertTrue(rows and all(rows), lines)
        self.assertEqual(sum(int(row['count']) for row in rows), count)
        self.assertAlmostEqual(sum(float(row['share']) for row in rows), 100, delta=0.05 * len(rows) + 0.01)
        bars = [len((row['bar'] or '').strip()) for row in rows]
        self.assertEqual(max(bars), 40)
        for row, bar in zip(rows, bars):
            self.assertEqual(bar == 0, row['count'] == '0')
        self.assertEqual(bars.index(40), max(range(len(rows)), key=lambda i: int(rows[i]['count'])))

    def interrupted(self, number):
        with subprocess.Popen(self.command('bench', '100000000', '--threads', '2'), cwd=self.folder, env=self.environment,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as bench:
            deadline = time.monotonic() + 30
            while not self.counters() and time.monotonic() < deadline:
                time.sleep(0.05)
            self.assertTrue(self.counters(), 'it has begun')
            bench.send_signal(number)
            out, err = bench.communicate(timeout=60)
        self.assertEqual((bench.returncode, err), (-number, b''), 'the shell sees why it ended')
        self.assertIn(b'visits a second', out)
        self.assertIn(b'batches in the store', out)
        self.assertEqual(self.counters(), {})

    def test_interrupts(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number=number):
                self.interrupted(number)


class Units(Case):
    needs = 'units'

    def test_units_of_a_visit(self):
        counted = '-o', 'dynamodb.capacity=true'
        got = self.json(*counted, 'bench', '200', '--batch', '50')['units_per_visit']
        self.assertEqual(sorted(got), ['read', 'write'])
        # All by new visitors, 50 in a batch: theirs, in a transaction when it is one, and a share of the counter's.
        self.assertTrue(1 <= got['write'] < 2.5 and 0 <= got['read'] <= 2, got)
        out = self.ok(*counted, 'bench', '50')
        self.assertRegex(out, r'(?m)^  read +\d+\.\d{3} units a visit$')
        self.assertRegex(out, r'(?m)^  write +[234]\.\d{3} units a visit$')
        self.assertIn('units', self.ok('bench', '--help'))
        self.assertNotIn('units', self.ok('bench', '50'))


if __name__ == '__main__':
    unittest.main()

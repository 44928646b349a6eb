"""ingest of compressed logs: told by content, members, damage, and --resume over a log that is compressed when it is rotated."""
import gzip
import json
import os
import subprocess
import zlib

from harness import Case
from cases_ingest import line
import cases_resume
from cases_resume import Resume
from model import Model, make_lines

EARLY, AFTER = 'the compressed data ends too early', 'something else follows the compressed data'


def pack(text, level=6):
    return gzip.compress(text if isinstance(text, bytes) else text.encode(), level, mtime=0)


def reads_as(packed, text):
    """Does zlib by itself find nothing wrong?"""
    try:
        return gzip.decompress(packed) == text
    except (OSError, EOFError, zlib.error):
        return False


class Whole(Case):
    def count(self, *words, stdin=b''):
        """Lines counted; the run must succeed quietly."""
        return self.json('ingest', '--counter', 'site', *words, stdin=stdin)['counted']

    def test_the_same_as_plain(self):
        lines = list(make_lines(self.random, self.many(20000)))
        model = Model()
        for each in lines:
            model.line(each)
        self.write('log', pack(b''.join(lines)))
        self.assertEqual(self.json('ingest', 'log')['read'], len(lines))
        self.assertEqual(self.counters(), model.counters(), f'seed {self.seed}')

    def test_told_by_content(self):
        self.write('log', pack(line() * 3))
        self.write('plain.gz', line() * 2)
        self.assertEqual(self.count('log', 'plain.gz', 'log'), 8)

    def test_standard_input_and_pipes(self):
        self.assertEqual(self.count(stdin=pack(line() * 3)), 3)
        self.assertEqual(self.count('/dev/stdin', stdin=pack(line() * 3)), 3)
        packed = pack(line() * 3 + line('198.51.100.8'))
        with subprocess.Popen(self.command('--json', 'ingest', '-'), cwd=self.folder, env=self.environment,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) as run:
            for at in range(len(packed)):  # a byte at a time, as far as the pipe lets it be seen
                run.stdin.write(packed[at:at + 1])
                run.stdin.flush()
            out, _ = run.communicate(timeout=60)
        self.assertEqual(json.loads(out)['counted'], 4)

    def test_members(self):
        parts = [line() * 3, line()[:40], line()[40:] + line(), '', line() * 2]
        packed = b''.join(pack(part, level) for part, level in zip(parts, (9, 1, 0, 6, 6)))
        self.write('log', packed)
        self.assertEqual(self.count('log'), 7)
        self.write('many', b''.join(pack(line()) for _ in range(3000)))
        self.assertEqual(self.count('many'), 3000)

    def test_zeros_after_it(self):
        for zeros in (1, 2, 511, 200000):
            self.write('log', pack(line() * 3) + bytes(zeros))
            self.assertEqual(self.count('log'), 3)

    def test_header_fields(self):
        """A name, a comment, an extra field and a checksum of the header."""
        deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
        text = (line() * 3).encode()
        header = b'\x1f\x8b\x08\x1e' + bytes(6) + b'\x04\x00abcd' + b'access.log\0' + b'a comment\0'
        header += (zlib.crc32(header) & 0xffff).to_bytes(2, 'little')
        self.write('log', header + deflate.compress(text) + deflate.flush() + zlib.crc32(text).to_bytes(4, 'little') +
                   len(text).to_bytes(4, 'little'))
        self.assertEqual(self.count('log'), 3)

    def test_nearly_compressed(self):
        """Empty, one byte, the first byte alone, and files that begin with it: no gzip."""
        self.assertEqual(self.count(stdin=b''), 0)
        for text, bad in ((b'', 0), (b'x', 1), (b'\x1f', 1), (b'\x1f\n' + line().encode(), 1), (b'\x1f\x8a\n', 1),
                          (b'\n\x1f\x8b', 2)):
            self.write('log', text)
            for words, stdin in ((('log',), b''), ((), text)):
                got = json.loads(self.run_only('--json', 'ingest', '--counter', 'site', *words, stdin=stdin).out)
                self.assertEqual(got['skipped_by_reason']['bad_line'], bad, text)
                self.assertEqual(got['counted'], got['read'] - bad)

    def test_last_line_without_newline(self):
        self.write('one', pack((line() * 2).rstrip('\n')))
        self.write('two', line())
        self.assertEqual(self.count('one', 'two'), 3)

    def test_long_lines(self):
        text = line() + 'y' * 9000000 + '\n' + line(request='GET /a?' + 'x' * 900000 + ' HTTP/1.1') + 'z' * 3000000
        done = self.run_only('--json', 'ingest', '--counter', 'site', stdin=pack(text))
        got = json.loads(done.out)
        self.assertEqual((got['read'], got['counted'], got['skipped_by_reason']['bad_line']), (4, 2, 2))


class Damaged(Case):
    def stops(self, counted, says, *words, stdin=b''):
        """What can be read counts, then it ends with 1 and says what is wrong."""
        done = self.run_only('--json', 'ingest', '--counter', 'site', *words, stdin=stdin)
        self.assertEqual(done.status, 1, done)
        name = words[-1] if words else '(standard input)'
        self.assertEqual(done.err, f'footfall: {name}: cannot be read after line {counted}: {says}\n')
        self.assertEqual(json.loads(done.out)['counted'], counted)

    def test_cut_anywhere(self):
        text = ''.join(line(f'198.51.100.{n}') for n in range(20))
        packed = pack(text)
        cuts = list(range(2, len(packed)))
        for cut in self.random.sample(cuts, self.many(len(cuts)) // 8 + 1):
            whole = zlib.decompressobj(31).decompress(packed[:cut]).count(b'\n')
            with self.subTest(cut=cut):
                if cut % 2:
                    self.write('log', packed[:cut])
                    self.stops(whole, EARLY, 'log')
                else:
                    self.stops(whole, EARLY, stdin=packed[:cut])

    def test_cut_within_a_later_member(self):
        packed = pack(line() * 3) + pack(line() * 4)
        first = len(pack(line() * 3))
        self.stops(3, AFTER, stdin=packed[:first + 1])
        for cut in (2, 9, 15):
            self.stops(3, EARLY, stdin=packed[:first + cut])

    def test_something_else_follows(self):
        for more in (b'x', b'\x1f', line().encode(), b'\0' * 10 + b'x', b'\0' + pack(line())):
            self.stops(3, AFTER, stdin=pack(line() * 3) + more)

    def test_flipped_bits(self):
        """Whatever is broken is noticed by the checksum at the latest. Some bits carry nothing, as those which fill the last
        byte before it up."""
        text = ''.join(line(f'198.51.100.{n}') for n in range(50))
        packed = pack(text)
        bits = range(80, 8 * len(packed))  # behind the header
        for at in (*bits[::len(bits) // self.many(30)], *range(bits.stop - 72, bits.stop - 64)):
            broken = bytearray(packed)
            broken[at // 8] ^= 1 << at % 8
            done = self.run_only('--json', 'ingest', '--counter', 'site', stdin=bytes(broken))
            if reads_as(bytes(broken), text.encode()):
                self.assertGreaterEqual(at, bits.stop - 72)
                self.assertEqual((done.status, json.loads(done.out)['counted']), (0, 50), at)
                continue
            self.assertEqual(done.status, 1, at)
            self.assertRegex(done.err.splitlines()[-1], 'cannot be read after line [0-9]+: the compressed data ')

    def test_checksum(self):
        packed = bytearray(pack(line() * 3))
        packed[-5] ^= 1
        self.stops(3, 'the compressed data is damaged: incorrect data check', stdin=bytes(packed))
        packed = bytearray(pack(line() * 3))
        packed[-1] ^= 1
        self.stops(3, 'the compressed data is damaged: incorrect length check', stdin=bytes(packed))

    def test_nothing_after_it_is_counted(self):
        self.write('bad', pack(line() * 3)[:-4])
        self.write('good', line())
        done = self.run_only('--json', 'ingest', '--counter', 'site', 'good', 'bad', 'good')
        self.assertEqual((done.status, json.loads(done.out)['counted']), (1, 4))
        self.assertIn(f'bad: cannot be read after line 3: {EARLY}', done.err)


class Bombs(Case):
    """What a small file can swell to costs time, not memory."""
    needs = 'file'

    def count(self, *words):
        """The summary, and what the run took at most (struct rusage)."""
        with open(self.path('out'), 'wb') as out, \
                subprocess.Popen(self.command('--json', 'ingest', *words), cwd=self.folder, env=self.environment,
                                 stdout=out, stderr=subprocess.DEVNULL) as run:
            _, run.returncode, usage = os.wait4(run.pid, 0)
        self.assertEqual(run.returncode, 0)
        with open(self.path('out'), encoding='utf-8') as out:
            return json.load(out), usage

    def test_one_line(self):
        self.write('log', pack(b'x' * (1 << 20)) * 300)
        got, usage = self.count('log')
        self.assertEqual((got['read'], got['skipped_by_reason']['bad_line']), (1, 1))
        self.assertLess(usage.ru_maxrss, 150 * 1024)

    def test_long_agents(self):
        agent = ' "-" "' + 'x' * 500000 + '"'
        self.write('log', pack(line(more=agent)) * 1000)
        got, usage = self.count('-o', 'visitor=address+agent', 'log')
        self.assertEqual(got['counted'], 1000)
        self.assertLess(usage.ru_maxrss, 700 * 1024)

    def test_beside_a_log(self):
        """One that is known is not decompressed each time when another is looked for."""
        self.write('log.1.gz', pack(b'x' * (1 << 20)) * 300 + pack('\n'))
        self.write('log', line())
        _, first = self.count('--resume', 'state', '--counter', 'site', 'log.1.gz', 'log')
        self.write('log', line('198.51.100.8'))
        got, second = self.count('--resume', 'state', '--counter', 'site', 'log')
        self.assertEqual(got['counted'], 1)
        self.assertLess(second.ru_utime, first.ru_utime / 2)


class Rotated(Resume):
    """Offsets are those of the log, compressed or not: it is known again when logrotate has compressed it."""

    def compress(self, name, packed=None):
        self.write(name + '.gz', pack(open(self.path(name), 'rb').read()) if packed is None else packed)
        os.remove(self.path(name))

    def test_log_becomes_log_1_gz(self):
        for lines in (1, 3, 40, 4000):  # shorter than what a file is known by, and longer
            with self.subTest(lines=lines):
                self.fresh()
                self.write('log', ''.join(line(f'198.51.100.{n % 200}', request=f'GET /{n} HTTP/1.1') for n in range(lines)))
                self.assertEqual(self.ingest('log')['counted'], lines)
                self.append('log', line('198.51.100.201') * 5)
                os.rename(self.path('log'), self.path('log.1'))
                self.compress('log.1')
                self.write('log', line('198.51.100.202') * 2)
                self.assertEqual(self.ingest('log.1.gz', 'log')['counted'], 7)
                self.assertEqual(self.ingest('log.1.gz', 'log')['read'], 0)
                self.append('log', line('198.51.100.203'))
                self.assertEqual(self.ingest('log.1.gz', 'log')['counted'], 1)
                self.assertEqual(self.total(), lines + 8)

    def fresh(self):
        if os.path.exists(self.path('state')):
            os.remove(self.path('state'))
            self.ok('delete', 'site')

    def test_compressed_from_the_beginning(self):
        self.write('log.gz', pack(line() * 3))
        self.assertEqual(self.ingest('log.gz')['counted'], 3)
        place = self.state()['files'][0]['done']
        self.assertEqual((place['offset'], place['lines']), (3 * len(line()), 3))
        self.write('log.gz', pack(line() * 3) + pack(line() * 2))
        self.assertEqual(self.ingest('log.gz')['counted'], 2)
        self.write('log', line() * 6)
        self.assertEqual(self.ingest('log')['counted'], 1, 'and back')

    def test_line_numbers_and_long_lines_go_on(self):
        self.write('log', line() * 2 + 'y' * 3000000 + '\n' + line())
        done = self.run_only('ingest', '--resume', 'state', '--counter', 'site', 'log')
        self.assertEqual(done.err, 'footfall: log:3: skipped: longer than 1 MiB\n')
        self.append('log', 'bad\n' + line())
        self.compress('log')
        done = self.run_only('--json', 'ingest', '--resume', 'state', '--counter', 'site', 'log.gz')
        self.assertEqual((done.err, json.loads(done.out)['counted']), ('footfall: log.gz:5: skipped: no time\n', 1))

    def test_unfinished_line(self):
        self.write('log', line() + line()[:30])
        self.run_only('ingest', '--resume', 'state', '--counter', 'site', 'log')
        self.append('log', line()[30:] + line()[:-1])
        self.compress('log')
        self.assertEqual(self.ingest('log.gz')['counted'], 2)
        self.assertEqual(self.ingest('log.gz')['counted'], 0)

    def test_a_copy_is_refused(self):
        self.write('log', line() * 3)
        self.ingest('log')
        self.write('log.gz', pack(line() * 4))
        self.fails(2, 'ingest', '--resume', 'state', '--counter', 'site', 'log.gz', 'log', says='log.gz is a copy of log')

    def test_another_with_the_same_beginning(self):
        self.write('log', line() * 100)
        self.ingest('log')
        self.write('other.gz', pack(line() * 60 + line('198.51.100.8') * 90))
        self.assertEqual(self.ingest('other.gz')['counted'], 150)

    def test_damaged_before_the_place(self):
        """It is not known what it is: counting it anew might count lines twice."""
        text = ''.join(line(f'198.51.100.{n % 200}', request=f'GET /{n} HTTP/1.1') for n in range(4000))
        self.write('log', text)
        self.ingest('log')
        self.write('log.gz', pack(text)[:-3000])
        self.fails(2, 'ingest', '--resume', 'state', '--counter', 'site', 'log.gz', says='log.gz: ' + EARLY)
        self.assertEqual(self.total(), 4000)

    def test_damaged_after_the_place(self):
        self.write('log.gz', pack(line() * 3) + pack(line() * 4)[:-6])
        for counted in (7, 0):
            done = self.run_only('--json', 'ingest', '--resume', 'state', '--counter', 'site', 'log.gz')
            self.assertEqual(done.status, 1)
            self.assertIn(f'log.gz: cannot be read after line 7: {EARLY}', done.err)
            self.assertEqual(json.loads(done.out)['counted'], counted)
        self.write('log.gz', pack(line() * 3) + pack(line() * 4) + pack(line()))
        self.assertEqual(self.ingest('log.gz')['counted'], 1)
        self.assertEqual(self.total(), 8)


class Doubt(Resume):
    """A batch in doubt is read again from what the log was compressed to."""
    needs = 'hold'

    def test_sent_again(self):
        self.ok('add', 'site', '0')
        self.write('log', line() * 1000 + line('nowhere') + line('198.51.100.8') * 5)
        cases_resume.Doubt.kill_in_doubt(self, 'log')
        self.append('log', line('198.51.100.9'))
        self.write('log.1.gz', pack(open(self.path('log'), 'rb').read()))
        self.write('log', line('198.51.100.10'))
        done = self.run_only('--json', 'ingest', '--resume', 'state', '--counter', 'site', 'log.1.gz', 'log')
        self.assertEqual((done.status, json.loads(done.out)['counted']), (0, 1007), done)
        self.assertEqual(self.counters(), {'site': (1007, 4)})

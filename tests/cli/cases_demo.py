"""footfall demo: made-up visits, on counters of their own."""
import json
import re
import signal
import subprocess

from cases_export import is_under_way
from harness import Case

HINT = '''
These visits are made up. "footfall list demo/ --sort total" shows the counters again;
"footfall delete demo/about" and so on ends them.
'''
THOUSAND = '''COUNTER                             VISITS  VISITORS
demo/                                  323       157
demo/about                              65        50
demo/blog/                             164       104
demo/blog/counting-without-cookies      43        39
demo/blog/hello-world                   83        68
demo/contact                            20        18
demo/docs/                              94        74
demo/docs/install                       65        53
demo/docs/questions                     22        22
demo/download                           41        35
demo/photos                             47        38
demo/team                               33        30
'''


class Demo(Case):
    def total(self):
        return sum(total for total, _ in self.counters().values())

    def test_the_usual_thousand(self):
        """The same for everybody: pages, visitors and the distances between their visits are."""
        self.ok('set', 'own', '5', '5')
        self.assertEqual(self.ok('demo'), THOUSAND + HINT)
        counters = self.counters()
        self.assertEqual(counters.pop('own'), (5, 5))
        self.assertEqual(sum(total for total, _ in counters.values()), 1000)
        self.assertEqual(len(counters), 12)
        self.assertEqual([name for name in counters if not name.startswith('demo/')], [])

    def test_again(self):
        count = self.many(1000)
        self.ok('demo', str(count))
        once = self.counters()
        self.ok('demo', str(count))
        twice = self.counters()
        self.assertEqual({name: total for name, (total, _) in twice.items()},
                         {name: 2 * total for name, (total, _) in once.items()})
        self.assertEqual(self.total(), 2 * count)
        for name, (_, unique) in twice.items():
            self.assertGreaterEqual(unique, once[name][1])

    def test_few(self):
        listed = self.ok('demo', '1')
        self.assertRegex(listed, r'^COUNTER +VISITS +VISITORS\ndemo/\S* +1 +1\n\nThese')
        self.assertEqual(self.total(), 1)

    def test_json(self):
        out = self.ok('--json', 'demo', '50')
        self.assertEqual(out, self.ok('--json', 'list'))
        self.assertEqual(sum(json.loads(line)['count'] for line in out.splitlines()), 50)

    def test_time_goes_by(self):
        """Visits are most of an hour apart, and some visitors come again on the same day."""
        def numbers(window):
            first = json.loads(self.ok('-o', 'window=' + window, '--json', 'demo', '200').splitlines()[0])
            self.ok('delete', first['counter'])
            return first['total_visits'], first['unique_visitors']
        total, unique = numbers('50m')
        self.assertEqual(unique, total)
        self.assertLess(numbers('24h')[1], total)

    def test_mistakes(self):
        for number, says in (('0', 'N: out of range, 1 to 10000000'), ('10000001', 'N: out of range'), ('-1', 'N: out of range'),
                             ('many', 'N: not a whole number'), ('', 'N: not a whole number')):
            self.fails(2, 'demo', number, says=says)
        self.fails(2, 'demo', '1', '2', says='too many arguments')
        self.assert_untouched()

    def test_help(self):
        text = self.ok('demo', '--help')
        self.assertIn('"demo/"', text)
        self.assert_untouched()

    def test_interrupted(self):
        with subprocess.Popen(self.command('demo', '10000000'), cwd=self.folder, env=self.environment, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as demo:
            self.addCleanup(demo.kill)
            self.assertTrue(is_under_way(demo))
            demo.send_signal(signal.SIGINT)
            out, err = demo.communicate(timeout=60)
        self.assertEqual(demo.returncode, -signal.SIGINT, err)
        said = re.fullmatch(r'footfall: interrupted: (\d+) of 10000000 visits are counted\n', err.decode())
        self.assertTrue(said, err)
        self.assertEqual(int(said[1]) % 1000, 0, 'it ends between two batches')
        self.assertEqual(self.total(), int(said[1]))
        self.assertTrue(out.decode().endswith(HINT), out)
        self.assertEqual(re.findall(r'(?m)^(demo/\S*) +(\d+) +(\d+)$', out.decode()),
                         [(name, str(total), str(unique)) for name, (total, unique) in self.counters().items()])

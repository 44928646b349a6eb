"""Administration with its token, what Prometheus reads, and whether the store answers."""
import prometheus
from client import request
from link import Link
from serving import ADMIN, TOKEN, Case

MAX = 9223372036854775807


class Administration(Case):
    def setUp(self):
        super().setUp()
        self.options = ['http.admin_token_file=token']

    def test_switched_off(self):
        """Then its pages do not exist, whatever token comes."""
        self.ok('set', 'x', '5', '2')
        self.serve()
        for token in (TOKEN, None, ''):
            self.manage('GET', '/counters', status=404, code='not_found', token=token)
            self.manage('PUT', '/counter/x', {'total_visits': 1}, status=404, code='not_found', token=token)
            self.manage('DELETE', '/counter/x', status=404, code='not_found', token=token)
        self.assertEqual(self.counters(), {'x': (5, 2)})

    def test_token(self):
        self.ok('set', 'x', '5', '2')
        self.serve(*self.options)
        wrong = [[], *([('Authorization', value)] for value in (
            '', 'Bearer', 'Bearer ', f'Bearer {TOKEN[:-1]}', f'Bearer {TOKEN}x', f'Basic {TOKEN}', TOKEN,
            f'Bearer {TOKEN.upper()}', 'Bearer ' + 'x' * 3000, f'Bearer{TOKEN}', f'Digest {TOKEN}', 'Bearer *'))]
        for headers in wrong:
            for method, path, body in (('GET', '/counters', None), ('PUT', '/counter/x', b'{"total_visits":1}'),
                                       ('DELETE', '/counter/x', None),
                                       ('PUT', '/counter/x', b'nonsense'), ('GET', '/counters?limit=x', None),
                                       ('DELETE', '/counter/absent', None)):
                with self.subTest(headers=headers, method=method):
                    answer = self.ask(method, path, headers, body, status=401, code='unauthorized')
                    self.assertNotIn(TOKEN, answer.body.decode())
        self.assertEqual(self.counters(), {'x': (5, 2)})
        self.assertEqual(self.ask('GET', '/counters', {'authorization': f'bearer {TOKEN}'}).status, 200)
        self.assertNotIn(TOKEN, self.server.log())

    def test_put(self):
        self.serve(*self.options)
        self.assertEqual(self.manage('PUT', '/counter/a%2Fb', {'total_visits': 5, 'unique_visitors': 2}, status=201).body,
                         b'{"counter":"a/b","count":5,"total_visits":5,"unique_visitors":2}\n')
        self.manage('PUT', '/counter/a/b', {'unique_visitors': -3, 'total_visits': -MAX - 1}, status=200)
        self.assertEqual(self.numbers('a/b'), (-MAX - 1, -3))
        self.manage('PUT', '/counter/a/b', b' {\n"total_visits" : 9223372036854775807 }\n')
        self.assertEqual(self.numbers('a/b'), (MAX, 0))
        self.manage('PUT', '/counter/', {'total_visits': 1}, status=201)
        self.assertEqual(self.numbers('main_page'), (1, 0))

    def test_put_bodies(self):
        self.ok('set', 'x', '5', '2')
        self.serve(*self.options)
        for body in (None, b'', b' ', b'{}', b'[]', b'5', b'null', b'"total_visits"', b'{"unique_visitors":1}',
                     b'{"total_visits":1,}', b'{"total_visits":1}}',
                     b'{"total_visits":1} x', b'{"total_visits":1}{"total_visits":1}', b'{"total_visits":1.0}',
                     b'{"total_visits":1e2}',
                     b'{"total_visits":"1"}', b'{"total_visits":true}', b'{"total_visits":null}',
                     b'{"total_visits":9223372036854775808}',
                     b'{"total_visits":-9223372036854775809}', b'{"total_visits":1,"unique_visitors":2.5}',
                     b'{"total_visits":1,"total_visits":2}',
                     b'{"total_visits":1,"count":1}', b'{"total_visits":01}', b'{"total_visits":1,"unique_visitors":null}',
                     b"{'total_visits':1}",
                     b'\xef\xbb\xbf{"total_visits":1}', b'{"total_visits":1}\0', b'{"total_visits":\xff}', b'total_visits=1',
                     b'[' * 5000, b'{"a":' * 5000):
            with self.subTest(body=body):
                self.manage('PUT', '/counter/x', body, status=400, code='bad_body')
        self.manage('PUT', '/counter/%00', {'total_visits': 1}, status=400, code='bad_counter')
        self.assertEqual(self.counters(), {'x': (5, 2)})

    def test_delete(self):
        self.serve(*self.options)
        self.visit('x')
        self.assertEqual(self.manage('DELETE', '/counter/x').body,
                         b'{"counter":"x","count":0,"total_visits":0,"unique_visitors":0,"deleted":true}\n')
        self.manage('DELETE', '/counter/x', status=404, code='no_such_counter')
        self.manage('DELETE', '/counter/%00', status=400, code='bad_counter')
        self.assertEqual(self.numbers('x'), (0, 0))
        self.assertTrue(self.visit('x')['is_new_visitor'])  # its visitors are forgotten

    def test_keys(self):
        self.serve(*self.options)
        once = [ADMIN, ('Idempotency-Key', 'set')]
        self.ask('PUT', '/counter/x', once, b'{"total_visits":5}', status=201)
        self.visit('x')
        self.assertEqual(self.ask('PUT', '/counter/x', once, b'{"total_visits":5}', status=200).json['total_visits'], 6)
        self.ask('PUT', '/counter/x', once, b'{"total_visits":7}', status=400, code='bad_token')
        self.ask('DELETE', '/counter/x', once, status=400, code='bad_token')
        self.assertEqual(self.numbers('x')[0], 6)

    def pages(self, query=''):
        """The names that pages of three tell, one after another."""
        names, cursor = [], ''
        while True:
            got = self.manage('GET', f'/counters?limit=3{query}{cursor}').json
            names += [each['counter'] for each in got['counters']]
            self.assertLessEqual(len(got['counters']), 3)
            if got['cursor'] is None:
                return names
            self.assertEqual(got['cursor'], names[-1])
            cursor = '&cursor=' + ''.join(f'%{byte:02x}' for byte in got['cursor'].encode())

    def test_list(self):
        names = sorted(('a', 'b', 'b/1', 'b/2', 'b+', 'b c', 'c', '計數器', '"', '\\'), key=str.encode)
        self.serve(*self.options)
        self.assertEqual(self.manage('GET', '/counters').body, b'{"counters":[],"cursor":null}\n')
        for number, name in enumerate(names):
            self.manage('PUT', '/counter/' + ''.join(f'%{byte:02x}' for byte in name.encode()),
                        {'total_visits': number, 'unique_visitors': 1}, status=201)
        got = self.manage('GET', '/counters').json
        self.assertEqual([(each['counter'], each['total_visits'], each['unique_visitors']) for each in got['counters']],
                         [(name, number, 1) for number, name in enumerate(names)])
        self.assertIsNone(got['cursor'])
        self.assertEqual(self.pages(), names)
        for prefix, query in (('b', 'b'), ('b/', 'b%2F'), ('b/', 'b/'), ('b ', 'b+'), ('b+', 'b%2B'), ('計', '計'),
                              ('none', 'none'), ('', '')):
            self.assertEqual(self.pages(f'&prefix={query}'), [name for name in names if name.startswith(prefix)], prefix)
        self.assertEqual([each['counter'] for each in self.manage('GET', '/counters?cursor=b').json['counters']],
                         [name for name in names if name > 'b'])
        for limit in ('0', '1001', '-1', 'x', '', '1.0', '99999999999999999999', '%2B1', '1%20', '+1'):
            self.manage('GET', f'/counters?limit={limit}', status=400, code='bad_parameter')
        for query in ('prefix=%00', 'cursor=%00', 'cursor=' + 'a' * 201, 'prefix=' + 'a' * 201, 'prefix=%', 'cursor=%zz'):
            self.manage('GET', f'/counters?{query}', status=400, code='bad_parameter')
        self.assertEqual(len(self.manage('GET', '/counters?limit=1000').json['counters']), len(names))


class Metrics(Case):
    def read(self, headers=(), target='/metrics'):
        answer = self.get(target, headers, status=200)
        return prometheus.read(answer.body.decode())

    def test_numbers(self):
        self.serve('http.create=false', 'http.admin_token_file=token')
        self.manage('PUT', '/counter/x', {'total_visits': 1}, status=201)
        before = self.read()
        for _ in range(3):
            self.get('/visit/x', status=200)
        self.get('/visit/x', idempotency_key='k')
        self.get('/visit/x', idempotency_key='k')
        self.get('/visit/x', sec_purpose='prefetch')
        self.get('/visit/absent', status=404)
        self.get('/visit/%00', status=400)
        self.get('/counter/x', status=200)
        self.get('/nothing', status=404)
        after = self.read()
        self.assertEqual(set(before) - set(after), set())

        def grown(name, **labels):
            return prometheus.value(after, name, **labels) - prometheus.value(before, name, **labels)
        self.assertEqual(grown('footfall_visits_total', result='new'), 1)
        self.assertEqual(grown('footfall_visits_total', result='returning'), 3)
        self.assertEqual(grown('footfall_visits_total', result='replayed'), 1)
        self.assertEqual(grown('footfall_visits_total', result='read'), 1)
        self.assertEqual(grown('footfall_visits_total', result='refused'), 2)
        self.assertEqual(grown('footfall_visits_total', result='failed'), 0)
        self.assertEqual(grown('footfall_http_requests_total', route='/visit', code='200'), 6)
        self.assertEqual(grown('footfall_http_requests_total', route='/visit'), 8)
        self.assertEqual(grown('footfall_http_requests_total', route='/counter', code='200'), 1)
        self.assertEqual(grown('footfall_http_requests_total', code='404'), 2)
        self.assertEqual(grown('footfall_http_requests_total'), 11)
        self.assertGreaterEqual(grown('footfall_store_seconds_count', kind='write'), 1)
        self.assertGreaterEqual(grown('footfall_store_seconds_count', kind='read'), 1)
        self.assertGreater(grown('footfall_store_seconds_sum'), 0)
        self.assertGreaterEqual(grown('footfall_batch_operations_sum'), 6)
        for name in ('footfall_retries_total', 'footfall_queued'):
            self.assertIn(name, after)

    def test_names_are_bounded(self):
        """No label grows with what strangers ask for."""
        self.serve()
        lines = []
        for number in range(60):
            self.get(f'/visit/{number}', status=200)
            self.get(f'/nothing/{number}', status=404)
            self.ask(f'METHOD{number}', '/visit', status=405)
            lines.append(len(self.get('/metrics').body.splitlines()))
        self.assertLess(lines[-1], lines[20] + 10)

    def test_who_may(self):
        self.serve()
        self.read()
        self.get('/metrics', [ADMIN], status=200)
        for name in ('X-Forwarded-For', 'Forwarded', 'X-Real-IP', 'CF-Connecting-IP', 'CloudFront-Viewer-Address',
                     'x-forwarded-for'):
            self.get('/metrics', [(name, '127.0.0.1')], status=404, code='not_found')
        self.get('/metrics', [ADMIN, ('X-Forwarded-For', '127.0.0.1')], status=404)  # no token is configured
        self.serve('http.admin_token_file=token', 'http.address_header=X-Mine')
        self.read([ADMIN])
        self.read([ADMIN, ('X-Forwarded-For', '203.0.113.9')])
        self.get('/metrics', [('X-Mine', '127.0.0.1')], status=404)
        self.get('/metrics', [('X-Forwarded-For', '127.0.0.1'), ('Authorization', 'Bearer wrong, but long enough')], status=404)

    def test_behind_a_trusted_proxy(self):
        self.serve('http.trusted_proxies=127.0.0.1')
        self.get('/metrics', [('X-Forwarded-For', '203.0.113.9')], status=404)
        self.get('/metrics', [('X-Forwarded-For', '127.0.0.1')], status=404)


class Format(Case):
    """The reader of it minds."""

    def test_mistakes(self):
        good = ('# HELP a_total A.\n# TYPE a_total counter\na_total{x="1",y="\\""} 1\na_total 2\n'
                '# HELP h H.\n# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 3\nh_sum 5.5\nh_count 3\n')
        self.assertEqual(prometheus.value(prometheus.read(good), 'a_total'), 3)
        for old, new in (('# HELP a_total A.\n', ''), ('# TYPE a_total counter\n', ''), ('counter', 'gadget'),
                         ('a_total 2', 'a_total 2 3 4'),
                         ('a_total 2', 'a_total{x="1",y="\\""} 2'), ('a_total 2', 'b_total 2'), ('a_total 2', 'a_total -2'),
                         ('a_total 2', 'a_total'),
                         ('a_total', 'a'), ('x="1"', 'x=1'), ('x="1"', 'y="1"'), ('x="1"', '1="1"'), ('h_count 3', 'h_count 2'),
                         ('h_sum 5.5\n', ''),
                         ('+Inf', '2'), ('le="1"} 1', 'le="1"} 4'), ('le="1"', 'le="+Inf"'), ('h_count 3\n', 'h_count 3'),
                         ('\n# HELP h', '\n\n# HELP h'),
                         ('h_count 3\n', 'h_count 3\na_total{x="2"} 1\n'), ('h_count', 'h_counts')):
            self.assertIn(old, good)
            self.assertRaises(AssertionError, prometheus.read, good.replace(old, new))


class Health(Case):
    def test_fine(self):
        self.serve()
        self.assertEqual(self.get('/healthz', status=200).body, b'{"status":"ok"}\n')
        self.assertEqual(self.get('/readyz', status=200).body, b'{"status":"ready"}\n')
        self.get('/readyz', [('X-Forwarded-For', '203.0.113.9')], status=200)


class Held(Case):
    """The store can be read and not written."""
    needs = 'hold'

    def test_temporary(self):
        self.ok('set', 'x', '5', '2')
        self.serve('deadline=300ms', 'http.admin_token_file=token')
        self.visit('x')
        with self.behind.hold():
            for _ in range(2):
                self.get('/visit/x', status=503, code='temporary')
            self.get('/visit/x', idempotency_key='k', status=503, code='temporary')
            self.get('/badge/x?hit=1', status=503, code='temporary')
            self.get('/visit/new', status=503, code='temporary')
            self.manage('PUT', '/counter/x', {'total_visits': 1}, status=503, code='temporary')
            self.until(lambda: self.get('/counter/x').status == 200)  # once no attempt to write is in the way
            self.get('/healthz', status=200)
            families = prometheus.read(self.get('/metrics', status=200).body.decode())
            self.assertEqual(prometheus.value(families, 'footfall_visits_total', result='failed'), 4)
        self.assertEqual(self.visit('x', idempotency_key='k')['total_visits'], 7)
        self.assertEqual(self.counters(), {'x': (7, 3)})


class Away(Case):
    """The store's server cannot be reached, or its answers are lost."""
    needs = 'server'

    def setUp(self):
        super().setUp()
        self.link = Link(self.behind.settings[self.behind.url_key])
        self.addCleanup(self.link.close)
        self.options = [f'{self.behind.url_key}={self.link.url}', 'deadline=500ms', 'http.admin_token_file=token']
        self.ok('set', 'x', '5', '2')

    def test_cut(self):
        self.serve(*self.options)
        self.visit('x')
        with self.link.cut():
            self.get('/readyz', status=503, code='temporary')
            self.get('/healthz', status=200)
            self.get('/visit/x', status=503, code='temporary')
            self.get('/counter/x', status=503, code='temporary')
            self.ask('HEAD', '/visit/x', status=503)
            self.manage('GET', '/counters', status=503, code='temporary')
            self.get('/', status=200)
            prometheus.read(self.get('/metrics', status=200).body.decode())
        self.until(lambda: self.get('/readyz').status == 200)
        self.assertEqual(self.visit('x')['total_visits'], 7)
        self.stop()

    def test_stopping_without_it(self):
        self.serve(*self.options)
        self.visit('x')
        with self.link.cut():
            self.get('/visit/x', status=503)
            self.stop()

    def test_many_that_wait(self):
        """Each has the deadline and no longer, however many ask before it; and they do not hold up the end."""
        self.serve(*self.options)
        self.get('/readyz', status=200)
        connections = [self.server.connect() for _ in range(80)]
        with self.link.losing_replies():
            for connection in connections:
                self.addCleanup(connection.close)
                connection.send(request('GET', '/readyz'))
            self.stop()
            self.assertEqual([connection.answer().status for connection in connections], 80 * [503])

    def test_too_many_wait(self):
        """Only so many may wait for a store that does not answer: the others are told at once."""
        self.serve(*self.options, 'deadline=50ms')
        self.get('/readyz', status=200)
        connections = [self.server.connect() for _ in range(100)]
        with self.link.cut():
            for connection in connections:
                self.addCleanup(connection.close)
                connection.send(request('GET', '/readyz'))
            answers = [connection.answer() for connection in connections]
        self.assertEqual({each.status for each in answers}, {503})
        crowded = sum('too much is under way' in each.json['error'] for each in answers)
        self.assertGreater(crowded, 0)
        self.assertLess(crowded, 100 - 60)

    def test_unknown_outcome(self):
        """Nobody knows; only with a key may it be asked again, and then it counts once."""
        self.serve(*self.options)
        for headers, again in (({}, None), ({'Idempotency-Key': 'k'}, '1')):
            self.visit('x')
            with self.link.losing_replies():
                answer = self.get('/visit/x', headers, status=504, code='unknown_outcome')
                self.assertEqual(answer.get('Retry-After'), again)
            self.until(lambda: self.get('/readyz').status == 200)
        again = self.visit('x', idempotency_key='k')
        self.assertIn(again['total_visits'], (8, 9))  # the one without a key may have been counted
        self.assertEqual(self.numbers('x')[0], again['total_visits'])

    def test_not_there_at_the_start(self):
        with self.link.cut():
            command = self.serve_command(*self.options)
            done = self.run_only(command=command)
            self.assertEqual(done.status, 4, done)
            self.assertNotIn('listening', done.err)
        self.serve(*self.options)
        self.assertEqual(self.visit('x')['total_visits'], 6)

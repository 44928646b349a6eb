"""Limits: how large and how slow a request may be, how many connections and requests, how many counters. What is beyond them is
answered or cut, and never counted."""
import time

from client import Gone, request
from crowd import Stuck, never_reads
from serving import ADMIN, Case

LINES = b''.join(b'X-%d: y\r\n' % number for number in range(100000))


class Sizes(Case):
    def test_body(self):
        self.serve('http.body_bytes=1000', 'http.admin_token_file=token')
        self.post('/visit/x', body=b'x' * 1000, status=200)
        self.get('/visit/x', body=b'x' * 1000, status=200)
        for method, path, headers in (('POST', '/visit/x', {}), ('GET', '/visit/x', {}), ('GET', '/healthz', {}),
                                      ('PUT', '/counter/x', [ADMIN]),
                                      ('POST', '/nothing', {}), ('POST', '/visit/x', {'Origin': 'https://pages.example'})):
            with self.subTest(method=method, path=path):
                self.server.forget()
                answer = self.ask(method, path, headers, body=b'x' * 1001, status=413, code='body_too_large')
                self.assertTrue(answer.closes)
        padded = b'{"total_visits":5}'.ljust(1000)
        self.ask('PUT', '/counter/x', [ADMIN], body=padded, status=200)
        self.assertEqual(self.numbers('x'), (5, 0))

    def test_body_in_chunks(self):
        self.serve('http.body_bytes=1000')
        chunked = {'Transfer-Encoding': 'chunked'}
        self.post('/visit/x', chunked, body=b'1f4\r\n' + b'x' * 500 + b'\r\n' + b'1F4;ext=1\r\n' + b'x' * 500 + b'\r\n0\r\n\r\n',
                  status=200)
        with self.server.connect() as connection:
            connection.send(request('POST', '/visit/x', chunked,
                                    b'1f4\r\n' + b'x' * 500 + b'\r\n' + b'1f5\r\n' + b'x' * 501 + b'\r\n0\r\n\r\n'))
            answer = connection.answer()
            self.check('POST', '/visit/x', answer)
            self.assertEqual((answer.status, answer.closes), (413, True), answer)
            connection.rest()
        with self.server.connect() as connection:  # nobody reads it for ever
            connection.send(request('POST', '/visit/x', chunked, (b'10000\r\n' + b'x' * 65536 + b'\r\n') * 100))
            connection.rest()
        self.assertEqual(self.numbers('x'), (1, 1))

    def test_body_that_is_announced(self):
        """Refused before it is sent; and not asked for with 100 Continue."""
        self.serve('http.body_bytes=1000')
        for headers in ({'Expect': '100-continue', 'Content-Length': '1001'}, {'Content-Length': '100000000'}):
            with self.server.connect() as connection:
                connection.send(request('POST', '/visit/x', headers))
                answer = connection.answer()
                self.check('POST', '/visit/x', answer)
                self.assertEqual((answer.status, connection.interim), (413, []), answer)
                connection.rest()
        with self.server.connect() as connection:
            connection.send(request('POST', '/visit/x', {'Content-Length': '4', 'Expect': '100-continue'}))
            self.until(lambda: connection.data or not connection.more())
            self.assertEqual(connection.data, b'HTTP/1.1 100 Continue\r\n\r\n')
            connection.send(b'1234')
            self.assertEqual(connection.answer().status, 200)
        self.assertEqual(self.numbers('x'), (1, 1))

    def test_header(self):
        self.serve('http.header_bytes=4096')
        self.get('/visit/x', x_padding='x' * 3000, status=200)
        for padding in (b'X-Padding: ' + b'x' * 12000 + b'\r\n', b'X-Padding: ' + b'x' * 1000000 + b'\r\n', LINES,
                        b'X' * 12000 + b': y\r\n', b'X-Padding: x\r\n y' * 3000 + b'\r\n'):
            with self.server.connect() as connection:
                connection.send(b'GET /visit/x HTTP/1.1\r\nHost: x\r\n' + padding + b'\r\n')
                self.assertRegex(connection.rest(), rb'\A(HTTP/1\.1 (431|400|414|413) |\Z)')
        with self.server.connect() as connection:
            connection.send(b'GET /visit/' + b'x' * 100000 + b' HTTP/1.1\r\nHost: x\r\n\r\n')
            self.assertRegex(connection.rest(), rb'\A(HTTP/1\.1 (431|414|400) |\Z)')
        self.assertEqual(self.numbers('x'), (1, 1))

    def test_counted_means_answered(self):
        """Header and answer share a memory: where it ends for the one, nothing is counted."""
        self.serve('http.header_bytes=4096')
        answers = 0
        for bytes_ in range(6000, 8600, 50):
            for padding in (b'X-Padding: ' + b'x' * bytes_, b'Cookie: ' + b'a=b; ' * (bytes_ // 20), b'Cookie: ' + b'x' * (bytes_ // 2),
                            b'\r\n'.join([b'X: y'] * (bytes_ // 60))):
                with self.server.connect() as connection:
                    connection.send(b'GET /visit/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n' + padding + b'\r\n\r\n')
                    answers += connection.rest().startswith(b'HTTP/1.1 200 ')
        self.assertTrue(0 < answers < 4 * 52)
        self.assertEqual(self.numbers('x'), (answers, 1))

    def test_target(self):
        self.serve()
        longest = '/visit/x?' + 'y' * (8192 - len('/visit/x'))
        self.get(longest, status=200)
        self.get(longest + 'y', status=414, code='target_too_long')
        self.ask('HEAD', longest + 'y', status=414)
        self.get('/visit/' + '%78' * 2800, status=414, code='target_too_long')
        self.get('/counter/' + 'y' * 8190, origin='https://pages.example', status=414, code='target_too_long')
        self.assertEqual(self.numbers('x'), (1, 1))


class Slow(Case):
    """However slowly it comes, a request has so long and no longer."""

    def assert_cut(self, client):
        self.addCleanup(client.close)
        self.assertTrue(client.cut(), 'it was never cut')

    def test_requests_that_do_not_end(self):
        self.serve('http.request_timeout=500ms', 'http.idle_timeout=500ms')
        self.server.keeps = False
        begun = b'POST /visit/x HTTP/1.1\r\nHost: x\r\n'
        clients = [Stuck(self.server, *words) for words in (
            (b'',), (b'G',), (b'GET /visit/x HTTP/1.1\r\n',), (begun,), (begun + b'Content-Length: 10\r\n\r\nabc',),
            (begun + b'Transfer-Encoding: chunked\r\n\r\n',), (b'', b'\r\n'), (b'GET /visit/', b'x'), (begun, b'X-A: b\r\n'),
            (begun + b'X-A: ', b'y'),
            (begun + b'Content-Length: 60000\r\n\r\n', b'x'), (begun + b'Transfer-Encoding: chunked\r\n\r\n', b'1\r\nx\r\n'))]
        for client in clients:
            self.assert_cut(client)
        self.assertEqual(self.numbers('x'), (0, 0))
        self.assertEqual(self.visit('x')['total_visits'], 1)

    def test_stuck_readers(self):
        self.serve('http.request_timeout=500ms', 'http.idle_timeout=500ms')
        self.server.keeps = False
        clients = [never_reads(self.server) for _ in range(3)]
        for client in clients:
            self.addCleanup(client.close)
        self.visit('x')
        self.until(lambda: self.open_connections() <= 1, 'they were never cut')
        self.visit('x')

    def open_connections(self):
        """Of the server: its descriptors that are sockets with a peer."""
        port = f'{self.server.address[1]:04X}'
        with open('/proc/net/tcp', encoding='ascii') as table:
            rows = [line.split() for line in table.readlines()[1:]]
        return sum(row[1].endswith(':' + port) and row[3] == '01' for row in rows)

    def test_idle(self):
        """A connection may wait for its next request, and not for ever; what it asks in time is answered."""
        self.serve('http.idle_timeout=300ms', 'http.request_timeout=5s')
        with self.server.connect() as connection:
            self.assertEqual(connection.ask('GET', '/visit/x').status, 200)
            self.assertEqual(connection.ask('GET', '/visit/x').status, 200)
            self.assertEqual(connection.rest(), b'')
        with self.server.connect() as connection:
            self.assertEqual(connection.rest(), b'')
        self.assertEqual(self.numbers('x'), (2, 1))

    def test_patience(self):
        """A slow request that ends in time counts, though a line of it takes longer than an idle connection may."""
        self.serve('http.idle_timeout=1s', 'http.request_timeout=30s')
        with self.server.connect() as connection:
            for piece in (b'POST /visit/x HT', b'TP/1.1\r\nHost: x\r\nContent-Le', b'ngth: 6\r\n\r\nabc', b'def'):
                connection.send(piece)
                time.sleep(0.2)
            self.assertEqual(connection.answer().status, 200)


class Connections(Case):
    def attempt(self, source=None):
        """A connection that was served, or None when it was refused."""
        connection = self.server.connect(source)
        self.addCleanup(connection.close)
        try:
            connection.send(request('GET', '/healthz'))
            answer = connection.answer()
        except (Gone, OSError):
            connection.close()
            return None
        self.assertEqual(answer.status, 200, answer)
        return connection

    def test_per_address(self):
        self.serve('http.max_connections_per_address=3')
        held = [self.attempt() for _ in range(3)]
        self.assertNotIn(None, held)
        self.assertIsNone(self.attempt())
        self.assertIsNotNone(self.attempt('127.0.0.2'))  # others may
        self.assertEqual(held[0].ask('GET', '/healthz').status, 200)
        held[0].close()
        self.until(self.attempt, 'a place that is free is not given away')

    def test_not_for_trusted_proxies(self):
        self.serve('http.max_connections_per_address=2', 'http.trusted_proxies=127.0.0.1')
        self.assertNotIn(None, [self.attempt() for _ in range(8)])

    def test_in_all(self):
        """One that is too many is refused, or waits until there is room; those that are in go on."""
        self.serve('http.max_connections=8', 'http.idle_timeout=30s')
        held = [self.attempt() for _ in range(8)]
        self.assertNotIn(None, held)
        with self.server.connect(seconds=0.3) as one_more:
            try:
                one_more.send(request('GET', '/visit/x'))
                one_more.answer()
                self.fail('it was served')
            except (Gone, TimeoutError):
                pass
        for connection in held:
            self.assertEqual(connection.ask('GET', '/healthz').status, 200)
            connection.close()
        self.until(self.attempt, 'there is room, and nobody gets in')


class Requests(Case):
    def hammer(self, headers=()):
        """(answered with 200, answered with 429) until there was one of the latter."""
        for count in range(100000):
            answer = self.get('/visit/x', headers)
            if answer.status == 429:
                self.assertEqual(answer.json['code'], 'too_many_requests')
                self.assertEqual(answer.get('Retry-After'), '1')
                return count
            self.assertEqual(answer.status, 200, answer)
        return self.fail('nobody minds')

    def test_per_second(self):
        self.serve('http.requests_per_second=5')
        counted = self.hammer()
        self.assertGreaterEqual(counted, 5)
        with self.server.connect('127.0.0.2') as other:
            self.assertEqual(other.ask('GET', '/visit/x').status, 200)  # another client is none the worse for it
        answers = []
        self.until(lambda: answers.append(self.get('/visit/x').status) or answers[-1] == 200, 'it is never forgiven')
        self.until(lambda: self.get('/counter/x').status == 200)
        self.assertEqual(self.counters(), {'x': (counted + 2, 2)})

    def test_clients_behind_a_proxy(self):
        """The limit is for whom it names, and not for the proxy."""
        self.serve('http.requests_per_second=5', 'http.trusted_proxies=127.0.0.1')
        counted = self.hammer([('X-Forwarded-For', '203.0.113.9')])
        for number in range(50):
            self.get('/visit/x', [('X-Forwarded-For', f'198.51.100.{number}')], status=200)
        counted += self.hammer([('X-Forwarded-For', '2001:db8::1')])
        self.get('/visit/x', [('X-Forwarded-For', '2001:db8::2')], status=429)  # a /64 is one client
        self.assertEqual(self.counters()['x'][0], counted + 50)

    def test_forged_addresses(self):
        self.serve('http.requests_per_second=5')
        answers = [self.get('/visit/x', [('X-Forwarded-For', f'198.51.100.{number}')]).status for number in range(100)]
        self.assertIn(429, answers)
        self.assertEqual(self.counters()['x'][0], answers.count(200))


class Counters(Case):
    def test_so_many_and_no_more(self):
        self.ok('add', 'first', '0')
        self.serve('http.max_counters=3', 'http.admin_token_file=token')
        self.visit('a')
        self.get('/badge/b?hit=1', status=200)
        for path in ('/visit/c', '/visit', '/badge/c?hit=1'):
            self.get(path, status=403, code='too_many_counters')
        self.get('/visit/c', idempotency_key='k', status=403)
        self.assertEqual(self.get('/visit/c', sec_purpose='prefetch', status=200).json['total_visits'], 0)
        for name in ('first', 'a', 'b'):
            self.visit(name)  # those that there are go on
        self.assertEqual(self.counters(), {'first': (1, 1), 'a': (2, 1), 'b': (2, 1)})
        self.manage('DELETE', '/counter/a')
        self.visit('c')
        self.get('/visit/d', status=403)
        self.manage('PUT', '/counter/e', {'total_visits': 1}, status=201)  # the administrator may, and it takes a place
        self.manage('DELETE', '/counter/c')
        self.get('/visit/d', status=403)
        self.manage('DELETE', '/counter/b')
        self.visit('d')
        self.stop()

        self.serve('http.max_counters=3')  # those that there are were counted at the start
        self.get('/visit/f', status=403)
        self.visit('first')
        self.assertEqual(sorted(self.counters()), ['d', 'e', 'first'])

    def test_at_once(self):
        """Many clients that would each make a counter: exactly so many are made."""
        self.serve('http.max_counters=10')
        connections = [self.server.connect() for _ in range(30)]
        for number, connection in enumerate(connections):
            self.addCleanup(connection.close)
            connection.send(request('POST', f'/visit/{number}'))
        statuses = [connection.answer().status for connection in connections]
        self.assertEqual(statuses.count(200), 10)
        self.assertLessEqual(set(statuses), {200, 403, 503})  # 503: while the last places are being taken
        for number, connection in enumerate(connections):
            self.assertEqual(connection.ask('POST', f'/visit/{number}').status, 200 if statuses[number] == 200 else 403)
        self.assertEqual(set(self.counters().values()), {(2, 1)})
        self.assertEqual(len(self.counters()), 10)

    def test_restart_keeps_counting(self):
        self.serve()
        for _ in range(3):
            self.visit('x')
        self.stop()
        self.serve()
        self.assertEqual(self.visit('x'), {'counter': 'x', 'count': 4, 'total_visits': 4, 'unique_visitors': 1,
                                           'is_new_visitor': False})

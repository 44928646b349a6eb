"""The end of a server, under load: stopped, it has answered what it counted; killed, it has counted what it answered."""
import itertools
import os
import signal
import socket
import struct
import subprocess
import time

from client import Connection, request
from crowd import Crowd, Stuck
from server import LISTENING, STOP_SECONDS, Server
from serving import Case

CLIENTS = 48
ADDRESSES = 300


class Stopping(Case):
    def in_flight(self):
        """Requests whose answer is not sent yet, besides the one that asks."""
        text = self.get('/metrics', status=200).body.decode()
        line = next(line for line in text.splitlines() if line.startswith('footfall_http_requests_under_way '))
        return int(float(line.split()[1])) - 1

    def is_closed(self):
        """Whether nobody listens any more."""
        try:
            self.server.connect().close()
        except ConnectionRefusedError:
            return True
        except ConnectionResetError:  # just now
            return False
        return False


class Load(Stopping):
    """Visits behind a trusted proxy, each by the next of so many addresses, each with a key of its own."""

    def setUp(self):
        super().setUp()
        self.number = itertools.count()
        self.sent = {}  # key to (counter, address)
        self.answered = {}  # key to JSON
        self.refused = 0

    def options(self):
        return ['http.trusted_proxies=127.0.0.1', 'http.request_timeout=1s']

    def prepare(self):
        number = next(self.number)
        key = f'key-{number}'
        self.sent[key] = f'c{number % 3}', f'198.51.{number % ADDRESSES // 256}.{number % ADDRESSES % 256}'
        return self.request_of(key), key

    def request_of(self, key):
        counter, address = self.sent[key]
        return request('POST', f'/visit/{counter}', {'X-Forwarded-For': address, 'Idempotency-Key': key})

    def on_answer(self, key, answer):
        if answer.status == 503:
            self.refused += 1
            return
        self.assertEqual(answer.status, 200, answer)
        self.answered[key] = answer.json
        if len(self.answered) == self.when:
            self.then()

    def crowd(self, when, then):
        """Runs until all are cut off; after so many answers, then()."""
        self.when, self.then = when, then
        crowd = Crowd(self.server, CLIENTS, self.prepare, self.on_answer)
        self.addCleanup(crowd.close)
        crowd.run()
        return crowd

    def total(self):
        return sum(total for total, _ in self.counters().values())

    def uniques(self):
        return sum(unique for _, unique in self.counters().values())


class Stopped(Load):
    def stop_under_load(self, number):
        self.serve(*self.options())
        idle = [self.server.connect() for _ in range(10)]
        slow = [Stuck(self.server, *words) for words in ((b'',), (b'GET /visit/c0 HTTP/1.1\r\nX-A: ', b'x'),
                                                         (b'POST /visit/c0 HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n',
                                                          b'y'))]
        for each in idle + slow:
            self.addCleanup(each.close)
        for connection in idle:
            self.assertEqual(connection.ask('GET', '/healthz').status, 200)
        crowd = self.crowd(self.many(2000), lambda: self.server.send(number))
        self.assertEqual(self.server.ended(STOP_SECONDS), 0, self.server.log())
        self.assertGreaterEqual(len(self.answered), self.when)
        self.assertLessEqual(len(crowd.lost), CLIENTS)
        self.assertEqual(self.total(), len(self.answered))
        fresh = sum(each['is_new_visitor'] for each in self.answered.values())
        self.assertEqual(self.uniques(), fresh)
        self.assertEqual(fresh, len({self.sent[key] for key in self.answered}))
        self.assertEqual([each.get('replayed') for each in self.answered.values() if 'replayed' in each], [])

    def test_sigterm(self):
        self.stop_under_load(signal.SIGTERM)

    def test_sigint(self):
        self.stop_under_load(signal.SIGINT)

    def test_nothing_under_way(self):
        """It waits for nobody who only keeps a connection open."""
        self.serve('http.idle_timeout=10m', 'http.request_timeout=10m')
        idle = [self.server.connect() for _ in range(5)]
        stuck = [Stuck(self.server, b'GET /visit HT', b'T') for _ in range(5)]
        for each in idle + stuck:
            self.addCleanup(each.close)
        for connection in idle:
            self.assertEqual(connection.ask('GET', '/visit/x').status, 200)
        self.stop()
        for connection in idle:
            self.assertEqual(connection.rest(), b'')
        self.assertEqual(self.counters(), {'x': (5, 1)})

    def test_clients_that_reset(self):
        """Who is gone before the answer is there takes nothing along that the end would wait for."""
        self.serve('http.threads=1')
        ask = request('GET', '/visit/x')
        for number in range(self.many(2000)):
            with self.server.connect() as connection:
                connection.ask('GET', '/healthz')
                connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
                connection.send(ask * (number % 3 + 1))
                for _ in range(self.random.randrange(2000)):
                    pass
        self.assertEqual(self.get('/readyz').status, 200)
        self.stop()

    def test_what_has_begun(self):
        """Nobody else gets in. Who is in is answered once more, and what has begun may come to its end."""
        self.serve('http.idle_timeout=1m', 'http.request_timeout=1m')
        idle, begun = self.server.connect(), self.server.connect()
        self.addCleanup(idle.close)
        self.addCleanup(begun.close)
        self.assertEqual(idle.ask('POST', '/visit/x').status, 200)
        begun.send(b'POST /visit/x HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n12')
        self.until(lambda: self.in_flight() == 1)
        self.server.send(signal.SIGTERM)
        self.until(self.is_closed)
        answer = idle.ask('POST', '/visit/x')
        self.assertEqual((answer.status, answer.closes), (200, True), answer)
        begun.send(b'34')
        answer = begun.answer()
        self.assertEqual((answer.status, answer.closes), (200, True), answer)
        self.assertEqual(self.server.ended(STOP_SECONDS), 0)
        self.assertEqual(self.counters(), {'x': (3, 1)})

    def test_who_stands_at_the_door(self):
        """The system has taken their connections and the server has not looked at them yet: they are let in."""
        self.serve()
        self.server.send(signal.SIGSTOP)
        waiting = [self.server.connect() for _ in range(100)]
        for each in waiting:
            self.addCleanup(each.close)
            each.send(request('POST', '/visit/x'))
        self.server.send(signal.SIGTERM)
        self.server.send(signal.SIGCONT)
        self.assertEqual({each.answer().status for each in waiting}, {200})
        self.assertEqual({each.rest() for each in waiting}, {b''})
        self.assertEqual(self.server.ended(STOP_SECONDS), 0)
        self.assertEqual(self.counters(), {'x': (100, 1)})

    def test_log_that_nobody_reads(self):
        """What does not fit into the pipe is lost; nobody waits for it."""
        reads, writes = os.pipe()
        with open(reads, encoding='utf-8') as log:
            process = subprocess.Popen(self.serve_command('log_level=info'), cwd=self.folder, env=self.environment,
                                       stdin=subprocess.DEVNULL, stderr=writes)
            os.close(writes)
            self.addCleanup(process.wait)
            self.addCleanup(process.kill)
            with Connection(Server.read_address(LISTENING.match(log.readline())[1])) as connection:
                for number in range(self.many(3000)):
                    self.assertEqual(connection.ask('GET', '/nothing/' + 99 * 'x').status, 404, number)
            process.terminate()
            self.assertEqual(process.wait(STOP_SECONDS), 0)

    def test_twice(self):
        """A second signal changes nothing."""
        self.serve(*self.options())

        def both():
            self.server.send(signal.SIGTERM)
            self.server.send(signal.SIGINT)
        self.crowd(self.many(200), both)
        self.assertEqual(self.server.ended(STOP_SECONDS), 0)
        self.assertEqual(self.total(), len(self.answered))


class StoppedWhileWaiting(Stopping):
    needs = 'hold'

    def test_what_is_under_way_is_answered(self):
        """The store lets it wait, for longer than a request may take to come; it is answered all the same, and counted or not as
        the answer says."""
        self.ok('add', 'x', '0')
        self.serve('deadline=1s', 'http.request_timeout=400ms')
        connections = [self.server.connect() for _ in range(8)]
        for each in connections:
            self.addCleanup(each.close)
            self.assertEqual(each.ask('POST', '/visit/x').status, 200)
        with self.behind.hold():
            for each in connections:
                each.send(request('POST', '/visit/x'))
            self.until(lambda: self.in_flight() == 8)
            self.server.send(signal.SIGTERM)
            answers = [each.answer() for each in connections]
        self.assertEqual({(each.status, each.closes) for each in answers}, {(503, True)})
        self.assertEqual(self.server.ended(STOP_SECONDS), 0)
        self.assertEqual(self.counters(), {'x': (8, 1)})


class StoppedWithoutEnd(Stopping):
    """The store lets it wait for longer than it has patience with what comes meanwhile; one backend is enough for that."""
    needs = 'file'

    def test_what_comes_late_is_refused(self):
        self.ok('add', 'x', '0')
        self.serve('deadline=6s')
        late = [self.server.connect() for _ in range(200)]
        for each in late:
            self.addCleanup(each.close)
        with self.behind.hold():
            late[0].send(request('POST', '/visit/x'))
            self.until(lambda: self.in_flight() == 1)
            self.server.send(signal.SIGTERM)
            self.until(self.is_closed)
            for each in late[1:]:
                answer = each.ask('GET', '/healthz')
                self.assertTrue(answer.closes)
                if answer.status != 200:
                    break
                time.sleep(0.05)
            for answer in (answer, late[-1].ask('POST', '/visit/x')):
                self.assertEqual((answer.status, answer.json['code'], answer.closes), (503, 'temporary', True), answer)
                self.assertIn('stopping', answer.json['error'])
            self.assertEqual(late[0].answer().status, 503)
        self.assertEqual(self.server.ended(STOP_SECONDS), 0)
        self.assertEqual(self.counters(), {'x': (0, 0)})


class Killed(Load):
    kills = 3

    def settle(self, crowd):
        """Who got no answer asks again, with the same key."""
        doubtful = iter(crowd.lost)

        def again():
            key = next(doubtful, None)
            return None if key is None else (self.request_of(key), key)
        self.when = -1
        settling = Crowd(self.server, 8, again, self.on_answer)
        self.addCleanup(settling.close)
        settling.run()
        self.assertEqual(settling.lost, [])

    def test_kill(self):
        """Every answered visit is in the count; asked again with their keys, all that were sent count once."""
        slow = self.behind.slow > 1
        self.serve(*self.options())
        for _ in range(1 if slow else self.kills):
            crowd = self.crowd(len(self.answered) + self.random.randrange(1, self.many(2000)),
                               lambda: self.server.send(signal.SIGKILL))
            self.server.ended()
            self.assertGreaterEqual(self.total(), len(self.answered), f'FOOTFALL_TEST_SEED={self.seed}')
            self.assertLessEqual(self.total(), len(self.sent))
            self.serve(*self.options())
            self.settle(crowd)
            self.assertEqual(len(self.answered), len(self.sent))
            if not self.may_lose():
                self.assertEqual(self.total(), len(self.sent), f'FOOTFALL_TEST_SEED={self.seed}')
                self.assertEqual(self.uniques(), len(set(self.sent.values())))
        # Nobody who came is new again.
        self.assertFalse(any(self.visit(counter, {'X-Forwarded-For': address})['is_new_visitor']
                             for counter, address in sorted(set(self.sent.values()))[:self.many(200)]))
        self.assertLessEqual(self.uniques(), len(set(self.sent.values())))

    def may_lose(self):
        """With this setting a kill may leave a visitor remembered whose visit, not answered, is not counted."""
        return 'dynamodb.atomic=false' in self.settings()

"""Load: hundreds of connections, half of them no good, while visits are counted: exact totals, slow ones cut, memory bounded."""
import itertools

from client import request
from crowd import Crowd, Stuck, never_reads
from serving import Case

CONNECTIONS = 500
VISITS = 10000
ADDRESSES = 1000
MEMORY = 64 << 20

BEGUN = b'POST /visit/site HTTP/1.1\r\nHost: x\r\n'
WAYS = ((b'',), (b'GET /vis',), (BEGUN,), (BEGUN + b'Content-Length: 1000\r\n\r\nx',), (b'', b'\r\n'), (b'GET /visit/si', b't'),
        (BEGUN, b'X-A: b\r\n'),
        (BEGUN + b'Content-Length: 60000\r\n\r\n', b'x'), (BEGUN + b'Transfer-Encoding: chunked\r\n\r\n', b'1\r\nx\r\n'))


class Load(Case):
    def test_visits_among_slow_clients(self):
        visits, addresses = self.many(VISITS), self.many(ADDRESSES)
        self.serve('deadline=20s', 'http.trusted_proxies=127.0.0.1', 'http.max_connections=1024', 'http.request_timeout=1s',
                   'http.idle_timeout=1s')
        bad = [Stuck(self.server, *way) for way, _ in zip(itertools.cycle(WAYS), range(CONNECTIONS // 2 - 10))]
        bad += [never_reads(self.server) for _ in range(10)]
        for client in bad:
            self.addCleanup(client.close)
        numbers, answers = iter(range(visits)), []

        def ask():
            number = next(numbers, None)
            if number is None:
                return None
            if number % 100 == 0:
                for client in bad:
                    client.go_on()
            address = number % addresses
            return request('POST', '/visit/site', {'X-Forwarded-For': f'10.1.{address // 250}.{address % 250 + 1}'}), number

        def on_answer(_, answer):
            self.assertEqual(answer.status, 200, answer)
            answers.append(answer.json)
        crowd = Crowd(self.server, CONNECTIONS // 2, ask, on_answer, again=True)
        self.addCleanup(crowd.close)
        crowd.run()

        self.assertEqual(crowd.lost, [])
        self.assertEqual(len(answers), visits)
        self.assertEqual(sorted(each['count'] for each in answers), list(range(1, visits + 1)))
        self.assertEqual(sum(each['is_new_visitor'] for each in answers), addresses)
        self.assertEqual(self.counters(), {'site': (visits, addresses)})
        memory = self.server.memory()
        if memory is not None:
            self.assertLess(memory, MEMORY)
        for client in bad:
            self.assertTrue(client.cut(), 'it was never cut')
        self.stop()
        self.assertEqual(self.counters(), {'site': (visits, addresses)})

    def test_reads_and_visits_of_many_counters(self):
        """Readers are answered beside those who count; each counter has its own exact number."""
        counters, each = 40, self.many(50)
        self.serve('deadline=20s', 'http.trusted_proxies=127.0.0.1')
        wanted = counters * each * [('POST', 'visit'), ('GET', 'badge')]
        wanted = [(method, f'/{route}/c{number // 2 % counters}') for number, (method, route) in enumerate(wanted)]
        self.random.shuffle(wanted)
        work = iter(wanted)

        def ask():
            one = next(work, None)
            return one and (request(*one, {'X-Forwarded-For': '203.0.113.9'}), one)
        crowd = Crowd(self.server, 32, ask, lambda _, answer: self.assertEqual(answer.status, 200, answer))
        self.addCleanup(crowd.close)
        crowd.run()
        self.assertEqual(self.counters(), {f'c{n}': (each, 1) for n in range(counters)})

"""Requests that are none, or that mean two things: they never count, never take the server down, and none hides in another."""
import re
import socket

from client import parse_all, request
from serving import Case

OPTIONS = ['http.request_timeout=500ms', 'http.idle_timeout=500ms', 'http.header_bytes=8192']
BYE = b'GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
HIDDEN = b'GET /visit/hidden HTTP/1.1\r\nHost: x\r\n\r\n'


def payloads(text):
    r"""One a line, with \r, \n, \t, \0 and \xNN. "GET:" stands for a good request up to its Host, {hidden} for how many bytes
    HIDDEN has."""
    lines = text.replace('{hidden}', str(len(HIDDEN))).strip('\n').splitlines()
    good = r'GET /visit/x HTTP/1.1\r\nHost: x\r\n'
    return [re.sub('^GET:', lambda _: good, line).encode().decode('unicode_escape').encode('latin-1') for line in lines]


# Never counted, whatever is answered.
MALFORMED = payloads(r"""
\0\0\0\0\0\0\0\0\r\n\r\n
\xff\xff\xff\xff\r\n\r\n
\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x5a\x5a\x5a\x5a\x5a\x5a\x5a\r\n\r\n
PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n
GET\r\n\r\n
GET \r\n\r\n
 \r\n\r\n
/visit/x\r\n\r\n
HTTP/1.1 200 OK\r\n\r\n
GET/visit/x HTTP/1.1\r\nHost: x\r\n\r\n
GET visit/x HTTP/1.1\r\nHost: x\r\n\r\n
GET \0/visit/x HTTP/1.1\r\nHost: x\r\n\r\n
GE\0T /visit/x HTTP/1.1\r\nHost: x\r\n\r\n
GET /visit/x\0 HTTP/1.1\r\nHost: x\r\n\r\n
GET /visit/x\tHTTP/1.1\r\nHost: x\r\n\r\n
GET /visit/x HTTP/1.1 HTTP/1.1\r\nHost: x\r\n\r\n
GET /visit/x HTTP/2.0\r\nHost: x\r\n\r\n
GET /visit/x HTTP/9\r\nHost: x\r\n\r\n
GET /visit/x XTTP/1.1\r\nHost: x\r\n\r\n
GET /visit/x HTTP/1.1\r\n\r\n
GET:No colon here\r\n\r\n
GET:: nameless\r\n\r\n
GET:X : y\r\n\r\n
GET:X Y: z\r\n\r\n
GET:X\0Y: z\r\n\r\n
GET:X: a\0b\r\n\r\n
GET:X: a\0b\r\nY: z\r\n\r\n
GET:X: y\rZ: w\r\n\r\n
GET:X: y\r\n folded\r\n\r\n
GET:Content-Length: x\r\n\r\n
GET:Content-Length: -1\r\n\r\n
GET:Content-Length: +1\r\n\r\nx
GET:Content-Length: 1 1\r\n\r\nx
GET:Content-Length: 0x1\r\n\r\nx
GET:Content-Length: 99999999999999999999999\r\n\r\n
GET:Content-Length: \r\n\r\n
GET:Content-Length: 1, 2\r\n\r\nxx
GET:Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx
GET:Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n
GET:Transfer-Encoding: identity, chunked, x\r\n\r\n0\r\n\r\n
GET:Transfer-Encoding: chunked\r\n\r\nzz\r\nx\r\n0\r\n\r\n
GET:Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n
GET:Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nx
GET:Transfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n
GET:Transfer-Encoding: chunked\r\n\r\n\r\n\r\n
""")

# What may be taken for the request that it resembles, once; never for two.
ODD = payloads(r"""
GET /visit/x HTTP/1.1\nHost: x\n\n
\r\n\r\nGET /visit/x HTTP/1.1\r\nHost: x\r\n\r\n
GET  /visit/x HTTP/1.1\r\nHost: x\r\n\r\n
GET /visit/x HTTP/1.2\r\nHost: x\r\n\r\n
GET /visit/x HTTP/1.1\r\n Host: x\r\n\r\n
GET /visit/x HTTP/1.1\r\nHost: x y z\r\n\r\n
GET /visit/x HTTP/1.0\r\n\r\n
GET /visit/x#fragment HTTP/1.1\r\nHost: x\r\n\r\n
GET:Host: y\r\n\r\n
GET:Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc
GET:Content-Length: 3, 3\r\n\r\nabc
GET:Content-Length: 003\r\n\r\nabc
GET:Transfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n
GET:Transfer-Encoding: chunked\r\n\r\n0\r\nTrailer: x\r\n\r\n
GET:Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n\r\n
GET:Range: bytes=0-1\r\nTE: trailers\r\nCookie: a=b; a=b; =; ;;\r\n\r\n
GET:Expect: the unexpected\r\n\r\n
GET:Expect: 100-continue\r\n\r\n
GET:X: \xff\xfe\r\nUser-Agent: \x80\r\n\r\n
GET:X: a\x01b\x7f\r\n\r\n
""")

# What may stand behind the Host, and can be read in two ways: of what comes after it, a proxy in front might make a request that
# this server does not see, or the other way round.
SMUGGLING = payloads(r"""
Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n
Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n
Content-Length: 44\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n
Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\nContent-Length: 5\r\n\r\n0\r\n\r\n
Transfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n
Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n
Transfer-Encoding: chunked, identity\r\nContent-Length: 5\r\n\r\n0\r\n\r\n
Transfer-Encoding:\x0bchunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n
Transfer-Encoding:\r\n chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n
Transfer-Encoding: chun\r\n\tked\r\n\r\n0\r\n\r\n
Transfer-Encoding: chunked\0x\r\n\r\n0\r\n\r\n
X: y\r\n Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n
Content-Length: 0\r\nContent-Length: {hidden}\r\n\r\n
Content-Length: {hidden}\r\nContent-Length: 0\r\n\r\n
Content-Length: 0, {hidden}\r\n\r\n
Content-Length: 0\x00{hidden}\r\n\r\n
Content-Length : {hidden}\r\n\r\n
Content-Length:\r\n {hidden}\r\n\r\n
""")


class Hostile(Case):
    def setUp(self):
        super().setUp()
        self.serve(*OPTIONS)

    def throw(self, data):
        """All that comes back until the server ends the connection, as answers; whatever it is, none of it is no HTTP."""
        with self.server.connect() as connection:
            connection.send(data)
            return parse_all(connection.rest())[0]

    def throw_all(self, payloads):
        """The same of many at once: those that wait for a timeout wait together."""
        connections = [self.server.connect() for _ in payloads]
        try:
            for connection, data in zip(connections, payloads):
                connection.send(data)
            return [parse_all(connection.rest())[0] for connection in connections]
        finally:
            for connection in connections:
                connection.close()

    def total(self):
        return sum(total for total, _ in self.counters().values())

    @staticmethod
    def visits(answers):
        return sum(answer.status == 200 and b'"is_new_visitor"' in answer.body for answer in answers)

    def assert_well(self):
        with self.server.connect() as connection:
            self.assertEqual(connection.ask('GET', '/healthz').status, 200)

    def test_malformed(self):
        for data, answers in zip(MALFORMED, self.throw_all(MALFORMED)):
            with self.subTest(data=data[:80]):
                self.assertEqual([each for each in answers if not 400 <= each.status < 600], [])
        self.assertEqual(self.total(), 0)
        self.assert_well()

    def test_odd(self):
        for data, answers in zip(ODD, self.throw_all([data + BYE for data in ODD])):
            with self.subTest(data=data[:80]):
                self.assertLessEqual(self.visits(answers), 1)
                self.assertLessEqual(len(answers), 2)
        answered = self.total()
        self.assertLessEqual(answered, len(ODD))
        self.assert_well()

    def test_smuggling(self):
        """What stands behind such a head is never a request of its own: the connection ends with the answer."""
        begun = b'POST /visit/x HTTP/1.1\r\nHost: x\r\n'
        for head, answers in zip(SMUGGLING, self.throw_all([begun + head + HIDDEN for head in SMUGGLING])):
            with self.subTest(head=head):
                self.assertLessEqual(len(answers), 1, answers)
                for each in answers:
                    if each.get('Content-Type') == 'application/json':  # ours
                        self.check('POST', '/visit/x', each)
        self.assertEqual(self.numbers('hidden'), (0, 0))
        self.assert_well()

    def test_bodies(self):
        """With whatever method: read, thrown away, and no request."""
        payloads = []
        for method in ('GET', 'HEAD', 'DELETE', 'OPTIONS', 'POST', 'BREW'):
            payloads += [request(method, '/counter/x', (), HIDDEN) + BYE,
                         request(method, '/counter/x', {'Transfer-Encoding': 'chunked'},
                                 b'%x\r\n' % len(HIDDEN) + HIDDEN + b'\r\n0\r\n\r\n') + BYE]
        for data in payloads:
            with self.server.connect() as connection:
                connection.send(data)
                first = connection.answer(head=data.startswith(b'HEAD'))
                self.assertIn(first.status, (204, 404, 405), data)
                self.assertEqual([each.body for each in parse_all(connection.rest())[0]], [b'{"status":"ok"}\n'], data)
        self.assertEqual(self.total(), 0)

    def test_pipelined(self):
        """Good ones before a bad one are answered in order; behind it comes nothing."""
        good = request('POST', '/visit/x')
        answers = self.throw(good * 20 + b'NONSENSE\r\n\r\n' + good * 20)
        self.assertEqual(self.visits(answers), 20)
        self.assertEqual([each.json['count'] for each in answers[:20]], list(range(1, 21)))
        self.assertEqual(self.numbers('x'), (20, 1))

    def test_cut_anywhere(self):
        """A request that ends too early, wherever, counts nothing; without anybody to take its answer it counts once at most."""
        whole = request('POST', '/visit/x', {'Idempotency-Key': 'k', 'Origin': 'https://pages.example'}, b'body')
        for at in range(len(whole)):
            with self.server.connect() as connection:
                connection.send(whole[:at])
                if at % 3 == 0:
                    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
                elif at % 3 == 1:
                    connection.socket.shutdown(socket.SHUT_WR)
        self.assertEqual(self.total(), 0)
        for number in range(50):
            with self.server.connect() as connection:
                connection.send(request('POST', f'/visit/gone{number}'))
        self.assert_well()
        self.assertTrue(all(total == 1 for total, _ in self.counters().values()))

    def test_mutations(self):
        """Of good requests, at random: what is counted is what was answered."""
        seeds = [request('POST', '/visit/x', {'Idempotency-Key': 'k'}),
                 request('GET', '/counter/%41?a=b', {'If-None-Match': '*'}),  # no Sec-Purpose: a badge that it is mixed into counts nothing
                 request('POST', '/visit', {'Transfer-Encoding': 'chunked'}, b'3\r\nabc\r\n0\r\n\r\n'),
                 request('GET', '/badge/x?hit=1&label=a'),
                 request('PUT', '/counter/x', {'Authorization': 'Bearer x'}, b'{"total_visits":5}'),
                 request('POST', '/visit/x', {}, b'abc'), HIDDEN]
        rounds, size = self.many(4) if self.behind.slow == 1 else 1, 100
        for _ in range(rounds):
            payloads = []
            for _ in range(size):
                data = b''.join(self.random.choices(seeds, k=self.random.randrange(1, 4)))
                for _ in range(self.random.randrange(1, 6)):
                    data = self.mutated(data)
                payloads.append(data + BYE)
            answers = [each for answers in self.throw_all(payloads) for each in answers]
            counted = sum(self.is_counted(each) for each in answers)
            self.assertEqual(self.total(), counted, f'FOOTFALL_TEST_SEED={self.seed}')
            self.assert_well()
            self.server.kill()
            for name in self.counters():
                self.ok('delete', '--', name)
            self.serve(*OPTIONS)

    @staticmethod
    def is_counted(answer):
        """A visit, not one that was counted before; or a badge that counts."""
        if answer.status != 200 or b'"replayed"' in answer.body:
            return False
        return b'"is_new_visitor"' in answer.body or (b'<svg' in answer.body and answer.get('Cache-Control') == 'no-store')

    def mutated(self, data):
        at = self.random.randrange(len(data))
        end = min(len(data), at + self.random.randrange(1, 12))
        piece = self.random.choice((b'', b'\r\n', b'\n', b' ', b':', b'\0', b'/', b'%', b'%00', b'\xff', b'\r\n\r\n', b'0',
                                    b'99999999999', b'chunked',
                                    b'Content-Length: 7\r\n', b'Transfer-Encoding: chunked\r\n',
                                    bytes([self.random.randrange(256)]), data[at:end] * 2))
        return data[:at] + piece + data[self.random.choice((at, end)):]

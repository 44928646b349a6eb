"""What is answered to what: every route, method and error, names with every odd byte, caching, CORS, who never counts, and keys
that make a visit safe to send again."""
import itertools
import re

from client import Answer, request
from serving import ADMIN, CONTRACT, Case

MAX = 9223372036854775807
ORIGIN = 'https://pages.example'
PREFETCHES = [{'Sec-Purpose': 'prefetch'}, {'Sec-Purpose': 'prefetch;prerender'}, {'sec-purpose': 'Prerender'},
              {'Sec-Purpose': 'prefetch;anonymous-client-ip'}, {'Purpose': 'prefetch'}, {'X-Purpose': 'preview'},
              {'X-Moz': 'prefetch'}]
PROBES = ['ELB-HealthChecker/2.0', 'kube-probe/1.29', 'GoogleHC/1.0', 'Consul Health Check',
          'Amazon-Route53-Health-Check-Service (ref 12345678; report http://amzn.to/1vsZADi)']


class Visits(Case):
    def test_get_and_post(self):
        self.serve()
        answer = self.get('/visit', status=200)
        self.assertEqual(answer.body,
                         b'{"counter":"main_page","count":1,"total_visits":1,"unique_visitors":1,"is_new_visitor":true}\n')
        self.assertEqual(answer.get('Content-Type'), 'application/json')
        answer = self.post('/visit', status=200)
        self.assertEqual(answer.body,
                         b'{"counter":"main_page","count":2,"total_visits":2,"unique_visitors":1,"is_new_visitor":false}\n')
        self.post('/visit/', body=b'anything at all', status=200)
        self.post('/visit/main_page', content_type='text/plain', body=b'{"total_visits":100}', status=200)
        self.get('/visit?utm_source=x&%7&y', status=200)  # what follows '?' is nobody's business
        self.assertEqual(self.visit('other')['total_visits'], 1)
        self.assertEqual(self.numbers('main_page'), (5, 1))
        self.assertEqual(self.numbers(''), (5, 1))
        self.stop()
        self.assertEqual(self.counters(), {'main_page': (5, 1), 'other': (1, 1)})

    def test_another_default_counter(self):
        self.serve('http.default_counter=/計數器')
        self.assertEqual(self.get('/visit').json['counter'], '/計數器')
        self.assertEqual(self.get('/visit/').json['counter'], '/計數器')
        self.assertEqual(self.get('/counter/').json['total_visits'], 2)
        self.assertIn(b'<svg', self.get('/badge/', status=200).body)
        self.assertEqual(self.get('/visit/main_page').json['total_visits'], 1)

    def test_only_what_exists(self):
        self.ok('add', 'there', '0')
        self.serve('http.create=false')
        self.get('/visit/absent', status=404, code='no_such_counter')
        self.get('/visit', status=404, code='no_such_counter')
        self.get('/visit/absent', idempotency_key='k', status=404)
        self.get('/badge/absent?hit=1', status=404, code='no_such_counter')
        self.assertEqual(self.visit('there')['total_visits'], 1)
        self.get('/badge/there?hit=1', status=200)
        self.assertEqual(self.get('/visit/absent', sec_purpose='prefetch', status=200).json['total_visits'], 0)
        self.assertEqual(self.counters(), {'there': (2, 1)})

    def test_int64(self):
        self.ok('set', 'full', str(MAX), str(-MAX - 1))
        self.ok('set', 'low', str(-MAX - 1), '-7')
        self.serve()
        self.assertEqual(self.get('/counter/full').body, b'{"counter":"full","count":%d,"total_visits":%d,"unique_visitors":%d}\n'
                         % (MAX, MAX, -MAX - 1))
        self.get('/visit/full', status=409, code='out_of_range')
        self.get('/badge/full?hit=1', status=409, code='out_of_range')
        self.assertEqual(self.visit('low')['unique_visitors'], -6)
        self.assertEqual(self.numbers('full'), (MAX, -MAX - 1))

    def test_user_agents_tell_visitors_apart(self):
        self.serve('visitor=address+agent')
        for agent, fresh in (('one', True), ('two', True), ('one', False), (None, True), ('', False)):
            got = self.visit('x', [('User-Agent', agent)] if agent is not None else [])
            self.assertEqual(got['is_new_visitor'], fresh, agent)

    def test_targets(self):
        """Absolute and odd ones; the path is what was sent, decoded once and not tidied up."""
        self.serve()
        for target, name in (
                ('http://counter.example/visit/a', 'a'), ('http://u@elsewhere:1/visit/b?c', 'b'), ('/visit/a/b', 'a/b'),
                ('/visit/a%2Fb', 'a/b'),
                ('/visit/a%2fb/', 'a/b/'), ('/visit//a', '/a'), ('/visit/../x', '../x'), ('/visit/%2e%2e/x', '../x'),
                ('/visit/a%252Fb', 'a%2Fb'), ('/visit/a+b', 'a+b'), ('/visit/a%20b', 'a b'), ('/visit/a%3Fb', 'a?b'),
                ('/visit/a?b', 'a'), ('/visit/?b', 'main_page'), ('/visit?/b', 'main_page'), ('/visit/visit', 'visit'),
                ('/visit/%22%5C', '"\\'), ('/visit/a;b=c&d', 'a;b=c&d'), ('/visit/./', './'), ('/visit/%E2%80%AE', '\u202e'),
                ('/visit/計數器'.encode(), '計數器'), ('/visit/%E8%A8%88數'.encode(), '計數')):
            with self.subTest(target=target):
                self.assertEqual(self.get(target, status=200).json['counter'], name)
        for target in ('/a%2Fb%00c', '/visitx', '/visits/a', '/Visit', '//visit/a', '/visit%2Fa', '/visit%00', '/counter',
                       '/badge', '/x/visit/a', '/counters/', '/healthz/', '/footfall.js/', '/favicon.ico', '/%'):
            with self.subTest(target=target):
                self.get(target, status=404, code='not_found')
        for target in ('/', 'http://counter.example', 'http://counter.example?a', '/?visit'):
            self.assertIn(b'<html', self.get(target, status=200).body)
        total = sum(total for total, _ in self.counters().values())
        self.assertEqual(total, 22)


class Names(Case):
    def test_every_byte(self):
        """What no name may hold is refused and counts nothing; all else is taken for what it is."""
        self.serve()
        good = [chr(byte) for byte in range(0x20, 0x7f)]
        for name in good:
            with self.subTest(name=name):
                self.assertEqual(self.visit(f'%{ord(name):02x}')['counter'], name)
        for byte in [*range(0x20), *range(0x7f, 0x100)]:
            with self.subTest(byte=byte):
                self.get(f'/visit/a%{byte:02X}b', status=400, code='bad_counter')
                self.get(f'/counter/%{byte:02X}', status=400, code='bad_counter')
        self.assertEqual(self.counters(), {name: (1, 1) for name in good})

    def test_malformed(self):
        self.serve()
        for name in ('%', 'a%', 'a%4', '%zz', '%-1', '%%41', '%u0041', '%C0%80', '%ED%A0%80', '%F4%90%80%80', '%E8%A8', 'a' * 201,
                     '%E8' * 3, '%00', 'a%00b', '%0d%0aX-Evil:1', '%E8%A8%88' * 67):
            for route in ('visit', 'counter', 'badge'):
                with self.subTest(name=name, route=route):
                    self.get(f'/{route}/{name}', status=400, code='bad_counter')
                    self.ask('HEAD', f'/{route}/{name}', status=400)
        for target in (b'/visit/\xff', b'/visit/\xc0\x80', b'/visit/a\xe8'):
            self.get(target, status=400, code='bad_counter')
        self.assertEqual(self.visit('a' * 200)['counter'], 'a' * 200)
        self.assertEqual(self.visit('%E8%A8%88' * 66)['counter'], '計' * 66)
        self.assertEqual(sorted(self.counters()), ['a' * 200, '計' * 66])


class Methods(Case):
    """Each path answers to the methods that docs/openapi.yaml has for it, and to no other."""
    paths = {'/visit': '/visit', '/visit/x': '/visit/{name}', '/counter/x': '/counter/{name}', '/badge/x': '/badge/{name}',
             '/': '/',
             '/footfall.js': '/footfall.js', '/counters': '/counters', '/metrics': '/metrics', '/healthz': '/healthz',
             '/readyz': '/readyz'}

    def test_every_path_and_method(self):
        self.ok('set', 'x', '5', '2')
        self.serve('http.admin_token_file=token')
        for (path, template), method in itertools.product(self.paths.items(),
                                                          ('GET', 'POST', 'HEAD', 'OPTIONS', 'PUT', 'PATCH', 'TRACE',
                                                                               'PROPFIND', 'get', 'Visit', 'X' * 40)):
            with self.subTest(path=path, method=method):
                answer = self.ask(method, path, [ADMIN], body=b'{"total_visits":5}' if method == 'PUT' else None)
                known = CONTRACT.methods(template)
                if method in known:
                    self.assertLess(answer.status, 300, answer)
                else:
                    self.assertEqual(answer.status, 405, answer)
                    self.assertEqual(set(answer.get('Allow').split(', ')), known)
                if method == 'OPTIONS':
                    self.assertEqual(set(answer.get('Allow').split(', ')), known)
        self.assertEqual(self.counters(), {'x': (5, 0), 'main_page': (2, 1)})
        self.assertEqual({CONTRACT.path_of(path) for path in self.paths}, set(CONTRACT.document['paths']))

    def test_head_is_get_without_a_body(self):
        self.ok('set', 'x', '5', '2')
        self.serve('http.admin_token_file=token')
        for path in ('/counter/x', '/counter/absent', '/badge/x', '/badge/x?label=a&hit=1', '/', '/footfall.js', '/healthz',
                     '/readyz', '/nothing', '/counters', '/visit/x', '/visit/absent', '/visit'):
            with self.subTest(path=path):
                head = self.ask('HEAD', path, [ADMIN])
                get = self.get(path, [ADMIN], sec_purpose='prefetch')
                self.assertEqual(head.status, get.status)
                left_out = ('Date', 'Connection')
                self.assertEqual([each for each in head.fields if each[0] not in left_out],
                                 [each for each in get.fields if each[0] not in left_out])
        self.assertEqual(self.counters(), {'x': (5, 2)})

    def test_options(self):
        self.serve()
        for path in ('/visit', '/counter/x', '/nothing', '/'):
            self.assertIn(self.ask('OPTIONS', path).status, (204, 404))
        self.ask('OPTIONS', '*', status=204)
        self.get('*', status=405)
        self.assertEqual(self.counters(), {})


class NeverCounts(Case):
    def test_prefetches_and_probes(self):
        """They are answered as a read is."""
        self.ok('set', 'x', '5', '2')
        self.serve()
        shy = [*PREFETCHES, *({'User-Agent': agent} for agent in PROBES)]
        for headers, method in itertools.product(shy, ('GET', 'POST')):
            with self.subTest(headers=headers, method=method):
                self.assertEqual(self.ask(method, '/visit/x', headers, status=200).json,
                                 {'counter': 'x', 'count': 5, 'total_visits': 5, 'unique_visitors': 2})
                self.assertEqual(self.ask(method, '/visit', headers, status=200).json,
                                 {'counter': 'main_page', 'count': 0, 'total_visits': 0, 'unique_visitors': 0})
        for headers in shy:
            self.ask('GET', '/badge/x?hit=1', headers, status=200)
        for headers in ([], *shy):
            self.ask('HEAD', '/visit/x', headers, status=200)
            self.ask('OPTIONS', '/visit/x', headers, status=204)
        for path in ('/counter/x', '/badge/x', '/badge/absent', '/badge/x?hit=0', '/', '/footfall.js', '/healthz', '/readyz'):
            self.get(path)
        self.ask('HEAD', '/badge/x?hit=1')
        self.assertEqual(self.counters(), {'x': (5, 2)})

    def test_others_do(self):
        self.serve()
        for headers in ({'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64)'}, {'Sec-Purpose': ''}, {'Purpose': 'to see'},
                        {'User-Agent': ''},
                        {'Sec-Fetch-Dest': 'empty', 'Sec-Fetch-Mode': 'cors'},
                        {'Cache-Control': 'no-cache', 'If-None-Match': '*'}):
            self.visit('x', headers)
        self.assertEqual(self.numbers('x')[0], 6)


class Caching(Case):
    def test_ages(self):
        self.ok('set', 'x', '5', '2')
        self.serve()
        for path, age, tag in (('/visit/x', 'no-store', False), ('/counter/x', 'public, max-age=5', True),
                               ('/badge/x', 'public, max-age=60', True),
                               ('/badge/x?hit=1', 'no-store', False), ('/footfall.js', 'public, max-age=3600', True),
                               ('/', 'no-cache', True),
                               ('/counter/absent', 'no-store', False), ('/nothing', 'no-store', False),
                               ('/healthz', 'no-store', False)):
            with self.subTest(path=path):
                answer = self.get(path)
                self.assertEqual(answer.get('Cache-Control'), age)
                self.assertEqual(answer.get('ETag') is not None, tag)
        for path in ('/badge/x', '/footfall.js'):
            self.assertEqual(self.get(path).get('Cross-Origin-Resource-Policy'), 'cross-origin')

    def test_not_modified(self):
        self.ok('set', 'x', '5', '2')
        self.serve()
        for path in ('/counter/x', '/badge/x', '/badge/x?label=a', '/footfall.js', '/'):
            first = self.get(path, status=200)
            tag = first.get('ETag')
            with self.subTest(path=path):
                for known in (tag, f'W/{tag}', '*', f'"a", {tag}', f'"a" , W/"b",{tag} ,"c"', f'"a,b", {tag}'):
                    for method in ('GET', 'HEAD'):
                        answer = self.ask(method, path, if_none_match=known, status=304)
                        self.assertEqual(answer.get('ETag'), tag)
                        self.assertEqual(answer.get('Cache-Control'), first.get('Cache-Control'))
                for unknown in ('"a"', tag.strip('"'), f'"{tag[1:-2]}"', '', ',', '"', 'W/', f'"a{tag}'):
                    self.assertEqual(self.get(path, if_none_match=unknown).status, 200, unknown)
        tag = self.get('/counter/x').get('ETag')
        self.visit('x')
        self.assertEqual(self.get('/counter/x', if_none_match=tag, status=200).json['total_visits'], 6)
        self.get('/counter/absent', if_none_match='*', status=404)

    def test_badges(self):
        """A tag for each of its parameters."""
        self.ok('set', 'x', '1234', '2')
        self.serve()
        queries = ['', 'label=a', 'label=b', 'color=red', 'color=f0a', 'color=%23f0ab12', 'value=unique', 'label=a&color=red',
                   'label=']
        tags = [self.get(f'/badge/x?{query}', status=200).get('ETag') for query in queries]
        self.assertEqual(len(set(tags)), len(queries))
        for query in ('value=total&nothing=1', 'label=visits&v=2', '_=1234'):
            self.assertEqual(self.get(f'/badge/x?{query}').get('ETag'), tags[0], query)
        self.assertEqual(self.get('/badge/x?label=a&label=b').get('ETag'), tags[1])  # the first of equal keys
        shown = self.get('/badge/x?label=%3Cscript%3E%26%22%27+x').body.decode()
        self.assertIn('&lt;script&gt;&amp;', shown)
        self.assertNotIn('<script', shown)
        self.assertIn('1.2k', shown)
        self.assertIn('1234', shown)
        for query in ('value=both', 'value=', 'color=nocolour', 'color=12345', 'label=%', 'label=%0a', 'label=%ff',
                      'label=' + 'a' * 129, 'hit=2'):
            self.get(f'/badge/x?{query}', status=400, code='bad_parameter')
        self.get('/badge/x?label=' + 'a' * 128, status=200)
        self.assertIn('>0<', self.get('/badge/absent', status=200).body.decode())
        self.assertEqual(self.counters(), {'x': (1234, 2)})

    def test_badges_that_count(self):
        self.serve()
        for count in (1, 2, 3):
            self.assertIn(f'>{count}<', self.get('/badge/x?hit=1', status=200).body.decode())
        self.get('/badge/x?hit=1', idempotency_key='k')
        self.get('/badge/x?hit=1', idempotency_key='k')
        self.ask('POST', '/badge/x?hit=1', status=405)
        self.assertEqual(self.numbers('x'), (4, 0))


class Origins(Case):
    preflight = {'Origin': ORIGIN, 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'idempotency-key'}

    def test_any(self):
        self.serve()
        for method, path in (('GET', '/visit'), ('POST', '/visit/x'), ('GET', '/counter/x'), ('GET', '/counter/absent'),
                             ('GET', '/badge/x'),
                             ('GET', '/visit/%00'), ('GET', '/nothing'), ('DELETE', '/visit'), ('GET', '/footfall.js'),
                             ('HEAD', '/visit')):
            with self.subTest(path=path):
                answer = self.ask(method, path, origin=ORIGIN)
                self.assertEqual(answer.get('Access-Control-Allow-Origin'), '*')
                self.assertEqual(answer.get('Access-Control-Expose-Headers'), 'ETag' if answer.get('ETag') else None)
                self.assertIsNone(answer.get('Access-Control-Allow-Credentials'))
        answer = self.ask('OPTIONS', '/visit/x', self.preflight, status=204)
        self.assertEqual(answer.get('Access-Control-Allow-Origin'), '*')
        self.assertEqual(answer.get('Access-Control-Allow-Methods'), 'GET, POST, HEAD')
        self.assertEqual(answer.get('Access-Control-Allow-Headers'), 'Idempotency-Key, Content-Type')
        self.assertEqual(answer.get('Access-Control-Max-Age'), '86400')
        self.assertEqual(self.counters(), {'main_page': (1, 1), 'x': (1, 1)})

    def test_a_list(self):
        """An exact match is echoed; the answers differ by origin, and say so to caches, also to who names none."""
        self.serve(f'http.cors_origins={ORIGIN}, http://localhost:3000')
        for origin, good in ((ORIGIN, True), ('http://localhost:3000', True), ('https://pages.example.evil', False),
                             ('null', False), ('*', False),
                             ('http://pages.example', False), (ORIGIN + ':444', False), ('https://PAGES.example', False),
                             ('', False), (ORIGIN + '/', False), (None, False)):
            asked = {'Origin': origin} if origin is not None else {}
            for method, path, more in (('GET', '/counter/x', {}), ('POST', '/visit/x', {}), ('GET', '/visit/%00', {}),
                                       ('OPTIONS', '/visit/x', {'Access-Control-Request-Method': 'POST'})):
                with self.subTest(origin=origin, method=method):
                    answer = self.ask(method, path, {**asked, **more})
                    self.assertEqual(answer.get('Access-Control-Allow-Origin'), origin if good else None)
                    self.assertEqual(answer.get('Vary'), 'Origin')
                    self.assertEqual(answer.get('Access-Control-Allow-Methods') is not None, good and method == 'OPTIONS')
        self.assertEqual(self.numbers('x')[0], 11)  # a visit counts whosever page it is: only the answer is kept from it

    def test_administration_is_for_nobody_elses_pages(self):
        self.serve('http.admin_token_file=token')
        theirs = [('Origin', ORIGIN)]
        for method, path, body in (('GET', '/counters', None), ('PUT', '/counter/x', b'{"total_visits":1}'),
                                   ('DELETE', '/counter/x', None), ('GET', '/metrics', None)):
            for headers in (theirs, [ADMIN, *theirs]):
                answer = self.ask(method, path, headers, body)
                self.assertIsNone(answer.get('Access-Control-Allow-Origin'), f'{method} {path}')
        answer = self.ask('OPTIONS', '/counter/x', {**self.preflight, 'Access-Control-Request-Method': 'DELETE'})
        self.assertNotIn('DELETE', answer.get('Access-Control-Allow-Methods') or '')


class Keys(Case):
    """Idempotency-Key."""

    def test_replays(self):
        self.serve()
        first = self.visit('x', idempotency_key='a key, of any bytes')
        self.assertEqual(first, {'counter': 'x', 'count': 1, 'total_visits': 1, 'unique_visitors': 1, 'is_new_visitor': True})
        self.visit('x')
        again = self.visit('x', idempotency_key='a key, of any bytes')
        self.assertEqual(again, {**first, 'count': 2, 'total_visits': 2, 'replayed': True})
        self.assertEqual(self.get('/visit/x', idempotency_key='a key, of any bytes').json, again)
        self.assertTrue(self.visit('y', idempotency_key='a key, of any bytes')['is_new_visitor'])  # of another counter
        self.assertEqual(self.numbers('x'), (2, 1))

    def test_mistakes(self):
        self.serve()
        self.visit('x', idempotency_key='k' * 64)
        for key in ('', 'k' * 65):
            self.get('/visit/x', idempotency_key=key, status=400, code='bad_token')
        self.get('/badge/x?hit=1', idempotency_key='k' * 64, status=400, code='bad_token')  # of another operation
        self.assertEqual(self.numbers('x'), (1, 1))

    def test_behind_many_headers(self):
        """None is overlooked, however many there are."""
        self.serve()
        many = [(f'X-{number}', 'x') for number in range(100)]
        for headers in ([], many):
            self.assertEqual(self.visit('x', [*headers, ('Idempotency-Key', 'k')])['total_visits'], 1, len(headers))
        self.get('/visit/x', [*many, ('Sec-Purpose', 'prefetch')], status=200)
        self.assertEqual(self.numbers('x'), (1, 1))

    def test_of_another_visitor(self):
        self.serve()
        self.visit('x', idempotency_key='k')
        self.server.forget()
        self.server.kept = self.server.connect('127.0.0.2')
        self.get('/visit/x', idempotency_key='k', status=400, code='bad_token')


class Log(Case):
    def test_access_log(self):
        """What was asked for and what came of it; never an address, a query or a header."""
        headers = {'X-Forwarded-For': '203.0.113.77', 'User-Agent': 'a secret agent', 'Idempotency-Key': 'secret-key'}
        for level in ('info', 'debug'):
            self.serve(f'log_level={level}', 'http.trusted_proxies=127.0.0.1')
            self.get('/visit/a/b', headers, status=200)
            self.get('/counter/nobody?secret=1', headers)
            self.get('/visit/%0a%1b[31m', headers, status=400)
            self.get('/visit/x', [('X-Forwarded-For', '203.0.113.78.9')], status=400)
            self.stop()
            said = self.server.log()
            self.assertRegex(said, r'GET /visit/a(/|%2F)b 200')
            self.assertRegex(said, r'GET /counter/nobody 404')
            said = re.sub(r'^footfall: listening on .*$', '', said, flags=re.MULTILINE)
            self.assertNotRegex(said, r'127\.0\.0\.1|203\.0|secret|\x1b')

    def test_silent_otherwise(self):
        self.serve()
        self.visit('x')
        self.get('/nothing')
        with self.server.connect() as connection:
            connection.send(b'GET /visit/x HTTP/1.1\r\nContent-Length: x\r\n\r\n')
            connection.rest()
        self.stop()
        self.assertRegex(self.server.log(), r'^footfall: listening on http://127\.0\.0\.1:\d+/\n$')


class Checked(Case):
    """What these suites hold against docs/openapi.yaml is really held against it."""

    def test_wrong_answers(self):
        self.serve()
        good = self.get('/visit/x')
        fields, body = good.fields, good.body
        wrong = [Answer(201, fields, body), Answer(204, fields, body), Answer(200, fields),
                 Answer(200, fields + [('X-New', 'x')], body),
                 Answer(200, fields, body.strip()), Answer(200, fields, body.replace(b',', b', ')),
                 Answer(200, fields, body.replace(b'1', b'1.0')),
                 Answer(200, fields, body.replace(b'"count":1', b'"count":2')),
                 Answer(200, fields, body.replace(b'"count":1,', b'')),
                 Answer(200, fields, body.replace(b'}', b',"more":1}')), Answer(200, fields, body.replace(b'}', b',"count":1}'))]
        for name, value in (('Cache-Control', 'public, max-age=5'), ('Content-Type', 'text/html'),
                            ('X-Content-Type-Options', None)):
            rest = [each for each in fields if each[0] != name]
            wrong.append(Answer(200, rest + ([(name, value)] if value else []), body))
        for answer in wrong:
            self.assertRaises(AssertionError, self.check, 'GET', '/visit/x', answer)
        self.check('GET', '/visit/x', good)
        self.assertRaises(AssertionError, self.check, 'HEAD', '/visit/x', good)
        self.assertRaises(AssertionError, self.check, 'DELETE', '/visit/x', good)
        self.assertRaises(AssertionError, self.check, 'GET', '/visits', good)


class Connections(Case):
    def test_one_after_the_other(self):
        """Kept alive unless asked otherwise; several at once are answered in order."""
        self.serve()
        with self.server.connect() as connection:
            for count in range(1, 51):
                self.assertEqual(connection.ask('GET', '/visit/x').json['count'], count)
            connection.send(b''.join(request('POST', f'/visit/{name}') for name in 'abcabc') + request('GET', '/counter/x'))
            self.assertEqual([(each.json['counter'], each.json['count']) for each in (connection.answer() for _ in range(7))],
                             [('a', 1), ('b', 1), ('c', 1), ('a', 2), ('b', 2), ('c', 2), ('x', 50)])
            self.assertTrue(connection.ask('GET', '/visit/x', {'Connection': 'close'}).closes)
            self.assertEqual(connection.rest(), b'')
        with self.server.connect() as connection:
            connection.send(b'GET /visit/x HTTP/1.0\r\n\r\n')
            self.assertEqual(connection.answer().json['count'], 52)
            self.assertEqual(connection.rest(), b'')

"""The runtime and its store: whatever becomes of store, process and connections, what was answered is counted, and counted once."""
import collections
import contextlib
import socket
import struct
import time

from running import ORIGIN, Case, Event, Link, address, url_event

PROCESSES, VISITS, ADDRESSES = 8, 4000, 500
KILLS, KILLS_SLOW = 20, 6
LONG = 'deadline=60s'  # longer than any invocation here
SHORT = 0.6  # seconds of an invocation whose store does not answer


class DroppingLink(Link):
    """One that drops what is idle, as networks do."""

    def __init__(self, url):
        super().__init__(url)
        self.mute, self.swallowed = set(), 0
        self.silent = False

    def relay(self, source, target, is_reply):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if self.silent or source in self.mute:
                    self.swallowed += 1
                elif not (is_reply and self.loses):
                    target.sendall(data)
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def drop(self, way):
        """All connections that there are: 'end', 'reset', 'silence' (nothing passes any more)."""
        with self.lock:
            if way == 'silence':
                self.mute |= self.ends
                return
            for each in self.ends if way == 'reset' else ():
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.hang_up()

    @contextlib.contextmanager
    def hung(self):
        """Meanwhile one can connect, and nothing passes."""
        self.silent = True
        try:
            yield
        finally:
            self.silent = False
            self.hang_up()


class Linked(Case):
    """The store is behind self.link."""
    needs = 'server'

    def setUp(self):
        super().setUp()
        self.link = DroppingLink(self.behind.settings[self.behind.url_key])
        self.addCleanup(self.link.close)

    def start(self, *settings, **more):
        return super().start(f'{self.behind.url_key}={self.link.url}', *settings, **more)


class Checks(Case):
    def assert_refused(self, reply, *statuses):
        """Not counted, and a page of another origin may read why."""
        answer = reply.json
        self.assertIn(answer['statusCode'], statuses, f'{reply}\n{self.process.log()}')
        self.assertEqual(answer['headers'].get('Access-Control-Allow-Origin'), ORIGIN, answer)
        self.assertEqual(answer['headers'].get('Vary'), 'Origin', answer)
        self.assertIn('error', reply.json_body)


class Deadlines(Checks):
    def test_nothing_is_left(self):
        """Of the invocation's time: nothing is counted. What needs no store is answered."""
        self.start('http.cors_origins=' + ORIGIN)
        for timeout in (-5, -0.001, 0, 0.04, 0.12):
            reply = self.answer(Event(url_event(), timeout=timeout))
            self.assert_refused(reply, 503)
            self.answer(Event(url_event('/visit/x', method='OPTIONS', headers={'access-control-request-method': 'POST'}),
                              timeout=timeout), 204)
            self.answer(Event(url_event('/', 'no address'), timeout=timeout), 400)
        self.assertEqual(self.counters(), {})
        self.assertEqual(self.visit(timeout=60)['count'], 1)


class Held(Checks):
    needs = 'hold'

    def test_store_that_hangs(self):
        """Answered when the invocation's time is over and not the configured one, and before Lambda ends the process."""
        self.start(LONG, 'http.cors_origins=' + ORIGIN)
        self.assertEqual(self.visit(timeout=60)['count'], 1)
        with self.behind.hold():
            replies = [self.answer(Event(url_event(), timeout=SHORT)) for _ in range(3)]
        for reply in replies:
            self.assert_refused(reply, 503)
            self.assertLess(reply.seconds, 30)
        self.assertLess(min(reply.seconds for reply in replies), SHORT)
        self.assertEqual(self.visit(timeout=60)['count'], 2)
        self.assertEqual(list(self.counters().values()), [(2, 1)])

    def test_store_that_hangs_at_the_start(self):
        """Whether it could be opened or not."""
        self.ok('add', 'other', '1')
        with self.behind.hold():
            self.start(LONG, 'http.cors_origins=' + ORIGIN)
            self.assert_refused(self.answer(Event(url_event(), timeout=SHORT)), 503)
        self.assertEqual(self.visit(timeout=60)['count'], 1)


class Away(Linked, Checks):
    def test_at_the_start(self):
        """Answered 503; and visits count as soon as it is there, in the same process."""
        with self.link.cut():
            self.start('deadline=1s', 'http.cors_origins=' + ORIGIN, env={'FOOTFALL_WINDOWS': '1h'})
            replies = [self.answer(Event(url_event(), timeout=SHORT)) for _ in range(3)]
            for reply in replies:
                self.assert_refused(reply, 503)
            self.assertLess(min(reply.seconds for reply in replies), SHORT)
            self.answer(Event(url_event('/visit/x', method='OPTIONS', headers={'access-control-request-method': 'POST'}),
                              timeout=SHORT), 204)
            self.answer(Event(url_event('/footfall.js', method='GET'), timeout=SHORT), 200)
            self.assert_refused(self.answer(Event(url_event('/readyz', method='GET'), timeout=SHORT)), 503)
        for number in range(3):
            self.assertEqual(self.visit(timeout=60)['count'], number + 1)
        self.assertEqual(list(self.counters().values()), [(3, 1)])
        self.assertIn('it is tried again with each request that needs it', self.process.log())
        self.assertEqual(self.process.log().count('FOOTFALL_WINDOWS is not a known variable'), 1)

    def test_while_it_runs(self):
        self.start(LONG, 'http.cors_origins=' + ORIGIN)
        self.assertEqual(self.visit(timeout=60)['count'], 1)
        with self.link.cut():
            self.assert_refused(self.answer(Event(url_event(), timeout=SHORT)), 503)
        self.assertEqual(self.visit(timeout=60)['count'], 2)

    def answered_without_store(self):
        """Nobody who needs no store waits for it."""
        preflight = url_event('/visit/x', method='OPTIONS', headers={'access-control-request-method': 'POST'})
        check = {'requestContext': {'elb': {}}, 'httpMethod': 'GET', 'path': '/visit/x', 'headers': {'user-agent': 'ELB-HealthChecker/2.0'}}
        replies = [self.answer(Event(event, timeout=60), status) for event, status in (
            (preflight, 204), (url_event('/footfall.js', method='GET'), 200), (url_event('/', 'no address'), 400), (check, 200))]
        replies.append(self.api.ask(Event({}, timeout=60)))
        self.assertLess(max(reply.seconds for reply in replies), 20)

    def test_it_hangs(self):
        """At the start, and while it runs: an answer in time, and nothing is counted."""
        for number in range(2):
            with self.link.hung():
                if number == 0:
                    self.start(LONG, 'http.cors_origins=' + ORIGIN)
                self.answered_without_store()
                replies = [self.answer(Event(url_event(), timeout=SHORT)) for _ in range(3)]
            for reply in replies:
                self.assert_refused(reply, 503, 504)
                self.assertLess(reply.seconds, 30)
            self.assertLess(min(reply.seconds for reply in replies), SHORT)
            self.assertEqual(self.visit(timeout=60)['count'], number + 1)

    def test_replies_are_lost(self):
        """Nobody knows what became of the visit: said so, in time; with a key it counts once however often it is repeated."""
        self.start(LONG, 'http.cors_origins=' + ORIGIN)
        self.assertEqual(self.visit(timeout=60)['count'], 1)
        event = url_event(headers={'idempotency-key': 'once'})
        with self.link.losing_replies():
            reply = self.answer(Event(event, timeout=SHORT))
            self.assert_refused(reply, 503, 504)
            self.assertLess(reply.seconds, 30)
        for _ in range(3):
            self.answer(Event(event, timeout=60), 200)
        self.assertEqual(list(self.counters().values()), [(2, 1)])


class Tables(Checks):
    needs = 'aws'

    def delete_tables(self):
        with self.behind.client() as client:
            for name in client.tables(self.behind.settings['dynamodb.table']):
                client.call('DeleteTable', TableName=name)

    def test_gone_and_back(self):
        self.start(LONG, 'http.cors_origins=' + ORIGIN)
        self.assertEqual(self.visit(timeout=60)['count'], 1)
        self.delete_tables()
        for _ in range(2):
            self.assert_refused(self.answer(Event(url_event(), timeout=3)), 500, 503)
        self.assertIn('no table', self.process.log())
        self.ok('add', 'other', '1')  # makes them
        for number in range(2):
            self.assertEqual(self.visit(timeout=60)['count'], number + 1)

    def test_not_there_at_the_start(self):
        self.start('dynamodb.create_table=false', LONG, 'http.cors_origins=' + ORIGIN)
        self.assert_refused(self.answer(Event(url_event(), timeout=3)), 500, 503)
        self.ok('add', 'other', '1')
        self.assertEqual(self.visit(timeout=60)['count'], 1)


class Frozen(Linked):
    def test_thawed(self):
        """After longer than connections last, each visit counts, none twice."""
        self.start('deadline=20s', 'log_level=error')
        number = 0
        for way, by_reset in (('end', None), ('reset', None), ('end', False), ('reset', True), (None, False), (None, True),
                              ('silence', None)):
            with self.subTest(way=way, by_reset=by_reset):
                for _ in range(2):
                    number += 1
                    self.assertEqual(self.visit('/visit/x', address(number), timeout=60)['count'], number)
                self.api.idle()
                self.process.freeze()
                if way is not None:
                    self.link.drop(way)
                if by_reset is not None:
                    self.api.hang_up(by_reset)
                event = Event(url_event('/visit/x', address(number)), timeout=60)
                self.api.push(event)
                self.process.thaw()
                self.api.until(lambda event=event: event.request_id in self.api.answered)
                number += 1
                got = self.api.replies[-1].json_body
                self.assertEqual((got['count'], got['is_new_visitor']), (number, False))
        self.assertGreater(self.link.swallowed, 0)
        self.assertEqual(self.counters(), {'x': (number, number - 7)})
        self.assertEqual(self.process.log(), '')


    def test_in_the_middle(self):
        """At whatever moment of a visit, with its connections gone meanwhile: counted once, and that is what is said."""
        self.start('deadline=20s', 'log_level=error')
        said = collections.Counter()
        visits = self.many(400)
        for number in range(visits):
            event = Event(url_event('/visit/x', address(number)), timeout=60)
            self.api.push(event)
            self.api.until(lambda event=event: event.request_id in self.api.events_out)
            time.sleep(self.random.random() * 0.004)
            self.process.freeze()
            self.link.drop(self.random.choice(('end', 'reset')))
            self.process.thaw()
            self.api.until(lambda event=event: event.request_id in self.api.answered)
            reply = self.api.replies[-1].json
            said[reply['statusCode']] += 1
            if reply['statusCode'] == 200:
                self.assertEqual(self.api.replies[-1].json_body['count'], number + 1)
        self.assertEqual(said, {200: visits})
        self.assertEqual(self.counters(), {'x': (visits, visits)})


class Killed(Case):
    def test_at_random(self):
        """What was answered is counted; what was not, and is repeated with its key, counts once."""
        kills = KILLS_SLOW if self.behind.slow > 1 else KILLS
        visits, addresses = self.many(2000), self.many(300)
        api = self.open_api()
        events = [Event(url_event(f'/visit/c{number % 3}', address(number % addresses), headers={'idempotency-key': f'key-{number}'}),
                        timeout=60) for number in range(visits)]
        api.push(*events)
        for kill in range(kills):
            self.start('deadline=20s', api=api)
            so_many = self.random.randrange(visits * (kill + 1) // (kills + 1))
            api.until(lambda so_many=so_many: len(api.replies) >= so_many)
            self.process.kill()
            api.until(lambda: not api.connections)
            lost = [event for event in api.events_out.values() if event.request_id not in api.answered]
            self.assertLessEqual(len(lost), 1)
            for event in lost:
                del api.events_out[event.request_id]
                api.push(Event(event.body, timeout=60))
        self.start('deadline=20s', api=api)
        api.wait(visits)
        self.assertEqual(collections.Counter(reply.json['statusCode'] for reply in api.replies), {200: visits})
        wanted = collections.defaultdict(list)
        for number in range(visits):
            wanted[f'c{number % 3}'].append(number % addresses)
        self.assertEqual(self.counters(), {name: (len(all_), len(set(all_))) for name, all_ in wanted.items()})
        fresh = sum(reply.json_body['is_new_visitor'] for reply in api.replies)
        self.assertEqual(fresh, sum(len(set(all_)) for all_ in wanted.values()))


class AtOnce(Case):
    def test_eight(self):
        """As many processes as invocations at once: each total is seen once, each visitor is new once."""
        visits, addresses = self.many(VISITS), self.many(ADDRESSES)
        order = list(range(visits))
        self.random.shuffle(order)
        api = self.open_api()
        for _ in range(PROCESSES):
            self.start('deadline=20s', api=api)
        api.idle(PROCESSES)
        api.push(*(Event(url_event('/', address(number % addresses)), timeout=60) for number in order))
        replies = api.wait(visits)
        self.assertEqual(collections.Counter(reply.json['statusCode'] for reply in replies), {200: visits})
        bodies = [reply.json_body for reply in replies]
        self.assertEqual(sorted(body['count'] for body in bodies), list(range(1, visits + 1)))
        self.assertEqual(sum(body['is_new_visitor'] for body in bodies), addresses)
        self.assertEqual(list(self.counters().values()), [(visits, addresses)])
        self.assertEqual(api.accepted, PROCESSES)

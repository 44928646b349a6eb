"""The runtime and the Runtime API: what is answered in which state of it, what ends the process and how, what is in its log."""
import contextlib
import json
import os
import re
import sqlite3
import sys

from running import LAMBDA, ORIGIN, Case, Event, url_event

SECRETS = {'FOOTFALL_SECRET': 'the secret of these tests, 32 bytes', 'AWS_SECRET_ACCESS_KEY': 'an-access-key-of-these-tests',
           'AWS_SESSION_TOKEN': 'a-session-token-of-these-tests'}
TOKEN = 'an-admin-token-of-these-tests'
LARGE = 9 << 20
INVOCATIONS = 2000
# Runs a program whose standard error is a pipe without a reader.
NO_READER = """import os, signal, sys
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
reader, writer = os.pipe()
os.dup2(writer, 2)
os.close(reader)
os.execv(sys.argv[1], sys.argv[1:])"""


class Start(Case):
    def test_not_run_by_lambda(self):
        for env in ({}, {'AWS_LAMBDA_RUNTIME_API': ''}):
            done = self.run_only(command=[LAMBDA, 'handler'], env={**self.variables(), **env})
            self.assertEqual((done.status, done.out), (2, ''), done)
            self.assertIn('AWS_LAMBDA_RUNTIME_API is not set', done.err)
            self.assertIn('docs/lambda.md', done.err)
        self.assert_untouched()

    def test_help_and_version(self):
        for word, says in (('--help', 'usage: footfall-lambda\n'), ('--version', 'footfall-lambda 0.')):
            done = self.run_only(command=[LAMBDA, word])
            self.assertEqual((done.status, done.err), (0, ''), done)
            self.assertTrue(done.out.startswith(says), done)

    def test_nobody_at_the_api(self):
        self.open_api().go()
        self.start(api=self.api)
        self.ends(1)
        self.assertIn('the Runtime API is not there for the next invocation: ending', self.process.log())

    def test_api_that_is_none(self):
        done = self.run_only(command=[LAMBDA], env={**self.variables(), 'AWS_LAMBDA_RUNTIME_API': 'x' * 5000})
        self.assertEqual(done.status, 1, done)
        self.assertIn('AWS_LAMBDA_RUNTIME_API', done.err)

    def fails_to_start(self, says, *settings, env=None):
        self.start(*settings, env=env)
        self.ends(3)
        self.assertIn(says, self.process.log())
        self.assertRegex(self.process.log(), r'\Afootfall: [ -~]+\n\Z')
        error = self.api.init_error
        self.assertEqual(set(error.json), {'errorMessage', 'errorType', 'stackTrace'})
        self.assertIn(says, error.json['errorMessage'])
        self.assertEqual((error.json['errorType'], error.json['stackTrace']), ('Footfall.Configuration', []))
        self.assertEqual(error.headers['lambda-runtime-function-error-type'], 'Footfall.Configuration')
        self.assertEqual(error.headers['content-type'], 'application/json')
        self.assertEqual(self.api.unasked, [])
        self.assert_untouched()

    def test_configuration_errors(self):
        self.write('bad.conf', 'window = soon\n')
        for says, settings, env in (
                ('FOOTFALL_WINDOW: window:', ('window=soon',), {}),
                ('FOOTFALL_BACKEND: backend paper is not built in', ('backend=paper',), {}),
                ('bad.conf:1: window:', (), {'FOOTFALL_CONFIG': self.path('bad.conf')}),
                ('FOOTFALL_HTTP_TRUSTED_PROXIES: http.trusted_proxies', ('http.trusted_proxies=everybody',), {}),
                ('FOOTFALL_HTTP_CORS_ORIGINS: http.cors_origins', ('http.cors_origins=nowhere',), {}),
                ('"\\', ('window="\\',), {}),
                ('?', ('window=\u00e9',), {}),
                ('nothing-there.conf', (), {'FOOTFALL_CONFIG': self.path('nothing-there.conf')})):
            with self.subTest(says):
                self.fails_to_start(says, *settings, env=env)

    def test_secrets_stay_secret(self):
        """A secret that is too short, and is named."""
        self.fails_to_start('FOOTFALL_SECRET: secret: too short', env={'FOOTFALL_SECRET': 'sh0rt'})
        self.assertNotIn('sh0rt', self.process.log() + self.api.init_error.body.decode())


class Invocations(Case):
    def test_one_after_another(self):
        """Over one connection, each with its own id, however the API writes its answers."""
        ways = [{}, {'lower': True}, {'chunked': True}, {'headers': {'lAMBDA-rUNTIME-tRACE-iD': None}}, {'timeout': None},
                {'headers': {'Lambda-Runtime-Deadline-Ms': 'soon'}}, {'headers': {'Lambda-Runtime-Trace-Id': None}},
                {'headers': {'Lambda-Runtime-Trace-Id': 'x' * 5000}}, {'request_id': 32 * 'A_b9'}]
        ways += [{'headers': {'Lambda-Runtime-Deadline-Ms': odd}} for odd in ('1 soon', '-1', '99999999999999999999')]
        events = [Event(url_event(), **how) for how in ways]
        self.start(events=events)
        replies = self.api.wait(len(events))
        self.assertEqual([reply.request_id for reply in replies], [event.request_id for event in events])
        self.assertEqual([reply.json_body['count'] for reply in replies], list(range(1, len(events) + 1)))
        self.assertEqual([reply.headers['content-type'] for reply in replies], ['application/json'] * len(events))
        self.assertEqual(self.api.unasked, [])
        self.assertEqual(self.api.accepted, 1)
        self.assertEqual(self.process.log(), '')

    def test_what_else_is_in_the_environment(self):
        """A proxy is for the world outside."""
        proxy = 'http://127.0.0.1:9'
        self.start(env={'http_proxy': proxy, 'HTTP_PROXY': proxy, 'ALL_PROXY': proxy, 'all_proxy': proxy, 'NO_PROXY': ''})
        self.assertEqual(self.visit()['count'], 1)

    def test_event_that_is_none(self):
        """Said to Lambda as an error of ours, counted nowhere, and the next is answered."""
        self.start()
        for number, (body, says) in enumerate((
                ('', 'JSON'), ('{', 'JSON'), ('[]', 'event'), ('{}', 'empty event'),
                ({'Records': [{'eventSource': 'aws:sqs', 'body': 'x'}]}, 'aws:sqs'), ('{"a":"' + LARGE * 'x' + '"}', 'larger'))):
            with self.subTest(says):
                reply = self.api.ask(Event(body))
                self.assertEqual(reply.kind, 'error', reply)
                self.assertEqual((reply.json['errorType'], reply.json['stackTrace']), ('Footfall.Event', []))
                self.assertEqual(reply.headers['lambda-runtime-function-error-type'], 'Footfall.Event')
                self.assertIn(says, reply.json['errorMessage'])
                self.assertIn(f'footfall: {reply.request_id}: {reply.json["errorMessage"]}\n', self.process.log())
                self.assertEqual(self.visit()['count'], number + 1)

    def test_event_without_an_id(self):
        """Cannot be answered; the next can. An API that gives nothing else is no reason to go on for ever."""
        nameless = {'headers': {'Lambda-Runtime-Aws-Request-Id': None}}
        some = [Event(url_event(), **nameless), Event(url_event(), request_id='../../secrets'), Event(url_event(), request_id='y' * 129)]
        some += [Event(url_event(), **nameless) for _ in range(5)]
        self.start(events=[*some, Event(url_event()), *some, Event(url_event())])
        self.assertEqual(self.api.wait(2)[1].json_body['count'], 2)
        self.assertEqual(self.process.log().count('without a request id'), 2 * len(some))
        self.assertEqual(self.api.unasked, [])
        self.api.push(*(Event(url_event(), **nameless) for _ in range(1000)))
        self.ends(1)
        self.assertLess(self.process.log().count('without a request id'), 100)

    def test_memory(self):
        """Does not grow, whatever is asked."""
        events = [url_event(), url_event('/visit/some%20page', '2001:db8::1'), {}, url_event('/counter/none', method='GET'),
                  url_event('/', 'no address'), url_event('/visit/x', method='OPTIONS',
                                                          headers={'access-control-request-method': 'POST'})]
        count = self.many(INVOCATIONS)
        self.start('log_level=error', 'http.cors_origins=' + ORIGIN, events=(Event(events[n % len(events)]) for n in range(count)))
        self.api.until(lambda: len(self.api.replies) >= count // 4)
        before = self.process.memory()
        self.api.wait(count)
        if before is not None:
            self.assertLess(self.process.memory() - before, 128 << 10)


class Trace(Case):
    """The trace id is in the environment while its invocation runs. TRACE is preloaded, and says so before each line of the log."""

    def test_set_and_unset(self):
        ids = ['Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1', None, 'Root=1-x', 'Root=1-' + 400 * 'y', None,
               'Root=2', 1024 * 'z']  # the last is too long to be one
        self.start('log_level=warn', events=[Event({}, headers={'Lambda-Runtime-Trace-Id': each}) for each in ids],
                   env={'LD_PRELOAD': os.environ['FOOTFALL_TEST_TRACE'], '_X_AMZN_TRACE_ID': 'of-before',
                        'ASAN_OPTIONS': 'verify_asan_link_order=0'})
        self.api.wait(len(ids))
        found = re.findall(r'^trace (.*)$', self.process.log(), re.MULTILINE)
        self.assertEqual(found, [each or 'none' for each in ids[:-1]] + ['none'])


class States(Case):
    """What the API answers to us."""

    def test_500_ends_it(self):
        for which, status in (('next', 500), ('response', 500), ('response', 503), ('error', 500)):
            with self.subTest(which):
                event = Event({} if which == 'error' else url_event(), **{'before' if which == 'next' else 'after': [status]})
                self.start(events=[event, Event(url_event())])
                self.ends(1)
                self.assertIn('the Runtime API fails at', self.process.log())
                self.assertEqual(self.api.replies, [])
                self.assertEqual(len(self.api.refused), 0 if which == 'next' else 1)

    def test_403_at_next_ends_it(self):
        """No busy loop."""
        self.start(events=[Event(url_event(), before=[403, 403, 403])])
        self.ends(1)
        self.assertIn('the Runtime API does not take the next invocation (403)', self.process.log())

    def test_refused_answers(self):
        """413, 403 and 400 are told, no error follows them, and it goes on."""
        for status, says in ((413, 'larger than Lambda takes (413)'), (403, 'does not take the reply (403)'), (400, '(400)')):
            with self.subTest(status):
                self.start('window=1h')
                event = Event(url_event(f'/visit/x{status}'), after=[status])
                self.api.push(event)
                self.assertEqual(self.visit(f'/visit/x{status}')['count'], 2)
                self.assertEqual([(reply.kind, reply.event) for reply in self.api.refused], [('response', event)])
                self.assertIn(f'footfall: {event.request_id}: ', self.process.log())
                self.assertIn(says, self.process.log())

    def test_connections_that_end(self):
        """Each answer arrives, once, over another connection where it must; the store is not asked again."""
        ways = [{'bye': True}, {'after': ['bye']}, {'after': ['close']}, {'after': ['reset']}, {'after': ['cut']}, {'after': ['lost']},
                {'before': ['close']}, {'before': ['reset']}, {'before': ['half']}]
        self.random.shuffle(ways)
        events = [Event(url_event(), **how) for how in ways + [{}] + ways]
        self.start('log_level=error', events=events)
        replies = self.api.wait(len(events))
        self.assertEqual([reply.json_body['count'] for reply in replies], list(range(1, len(events) + 1)))
        self.assertEqual(self.api.unasked, [])

    def test_large_replies_and_events(self):
        """Whole, also when the first attempt ends in the middle; a body that is too large is answered, and its memory given back."""
        self.write('token', TOKEN + '\n')
        names = [f'{number:04}' + 39 * '"\\\u2615' for number in range(1000)]
        self.write('counters', ''.join(json.dumps({'counter': name, 'total_visits': 1, 'unique_visitors': 1}) + '\n' for name in names))
        self.run_only('import', 'counters')
        self.start('http.admin_token_file=' + self.path('token'), 'log_level=error')
        listing = url_event('/counters', method='GET', headers={'authorization': 'Bearer ' + TOKEN}, query='limit=1000')
        for after in ([], ['cut'], ['cut'], ['reset'], ['lost']):
            reply = self.answer(Event(listing, after=after), 200)
            self.assertGreater(len(reply.body), 500000)
            self.assertEqual([each['counter'] for each in reply.json_body['counters']], names)
        before = self.process.memory()
        for _ in range(4):
            event = {**url_event(), 'body': (5 << 20) * 'x'}
            self.answer(Event(event, chunked=True), 413)
        self.answer(url_event(), 200)
        if before is not None:
            self.assertLess(self.process.memory() - before, 4 << 20)

    def test_api_that_goes_away(self):
        self.start()
        self.visit()
        self.api.idle()
        self.api.go()
        self.ends(1)
        self.assertIn('footfall: the Runtime API is not there for the next invocation: ending', self.process.log())
        self.assertLess(len(self.process.log().splitlines()), 10)

    def test_api_that_goes_away_while_answered(self):
        self.start()
        self.api.push(Event(url_event(), after=[lambda reply: self.api.go() or 'reset']))
        self.ends(1)
        self.assertIn('the Runtime API is not there for the reply: ending', self.process.log())
        self.assertEqual(self.counters()['home' if 'home' in self.counters() else next(iter(self.counters()))], (1, 1))


class Upkeep(Case):
    needs = 'file'

    def expired(self):
        """How many epoch keys are there that should not."""
        with contextlib.closing(sqlite3.connect(self.behind.path)) as db:
            return db.execute('SELECT count(*) FROM epoch_keys WHERE expire = 1').fetchone()[0]

    def test_after_the_reply(self):
        """Expired epoch keys are erased, after a reply and not before, and not when little is left of the invocation."""
        self.start()
        self.visit()
        self.process.kill()
        with contextlib.closing(sqlite3.connect(self.behind.path)) as db, db:
            db.execute('INSERT INTO epoch_keys SELECT length, 1, key, 1 FROM epoch_keys LIMIT 1')
        self.start(api=self.api)
        self.visit(timeout=0.7)
        self.api.idle()
        self.assertEqual(self.expired(), 1)
        seen = []
        self.answer(Event(url_event(), timeout=60, after=[lambda reply: seen.append(self.expired())]), 200)
        self.api.idle()
        self.assertEqual((seen, self.expired()), ([1], 0))


class Log(Case):
    needs = 'file'

    def test_what_others_say(self):
        """The engine and the handler: is in it too, with the invocation it was said in."""
        for window in ('1h', '3d'):
            self.start('window=' + window)
            self.assertEqual(self.process.log(), '')
            event = Event(url_event(headers={'via': '1.1 proxy.example.org'}))
            self.answer(event, 200)
            self.process.kill()
            self.assertIn(f'footfall: {event.request_id}: a request has Via', self.process.log())
        self.assertIn(f"footfall: {event.request_id}: the window's length differs", self.process.log())
        self.start('log_level=error')
        self.assertEqual(self.api.ask(Event({})).kind, 'error')  # a warning
        self.assertEqual(self.process.log(), '')

    def test_nobody_reads_it(self):
        """That is no reason not to count."""
        self.start(before=[sys.executable, '-c', NO_READER])
        for number in range(3):
            self.assertEqual(self.api.ask(Event({})).kind, 'error')
            self.assertEqual(self.visit()['count'], number + 1)
        self.assertEqual(self.process.log(), '')

    def test_no_address_and_no_secret(self):
        """At any level, whatever comes."""
        self.write('token', TOKEN + '\n')
        secret = [*SECRETS.values(), TOKEN, '203.0.113', '2001:db8', '198.51.100', 'hidden-agent', 'hidden-query', 'hidden-key',
                  'hidden-cookie', 'hidden-body']
        for level in ('error', 'warn', 'info', 'debug'):
            self.start('log_level=' + level, 'http.admin_token_file=' + self.path('token'), 'http.trusted_proxies=198.51.100.0/24',
                       'http.address_header=X-Forwarded-For', env=SECRETS)
            headers = {'user-agent': 'hidden-agent', 'authorization': 'Bearer ' + TOKEN, 'x-forwarded-for': '203.0.113.99',
                       'idempotency-key': 'hidden-key', 'cookie': 'a=hidden-cookie'}
            events = [url_event(path, who, method, headers, 'a=hidden-query')
                      for who in ('203.0.113.7', '2001:db8::7', '198.51.100.1', '203.0.113.7/32')
                      for path, method in (('/', 'GET'), ('/visit/x', 'POST'), ('/counter/x', 'DELETE'), ('/visit/%ff', 'POST'),
                                           ('/metrics', 'GET'), ('/no/such', 'PATCH'))]
            events += [{**url_event(), 'body': 'hidden-body'}, {'Records': [{'eventSource': 'from 203.0.113.7'}]}, {'203.0.113.7': 1},
                       '{"203.0.113.7', {'source': 'hidden-body', 'detail-type': 'hidden-key'},
                       {'requestContext': {'connectionId': 'hidden-key', 'identity': {'sourceIp': '203.0.113.7'}}}]
            for event in events:
                self.api.ask(Event(event))
            with self.behind.hold():
                self.api.ask(Event(url_event(), timeout=0.4))
            self.api.push(*(Event(event, after=[status]) for event in events[:3] for status in (413, 403, 'reset')))
            self.api.ask(Event({}))
            self.process.kill()
            for each in secret:
                self.assertNotIn(each, self.process.log())
            for line in self.process.log().splitlines():
                self.assertRegex(line, r'^footfall: [ -~]+$')
        self.assertIn('\n', self.process.log())

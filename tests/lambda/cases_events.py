"""Every kind of event, through the mock: replies in the format that AWS documents for it, and numbers as the command line reads them
from the same store."""
import collections
import json
import os

import formats
from running import ORIGIN, Case, Event

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'events')
VISIT_BODY = {'counter', 'count', 'total_visits', 'unique_visitors', 'is_new_visitor'}

# name: (status, counter or None: none is counted, whose visit it is)
EVENTS = {
    'rest': (200, 'rest', '192.0.2.10'),
    'rest-duplicates': (200, 'rest/encoded name', '192.0.2.10'),
    'rest-nulls': (200, 'rest-nulls', '192.0.2.10'),
    'rest-console-test': (400, None, None),
    'rest-put-base64': (404, None, None),
    'rest-preflight': (204, None, None),
    'rest-root': (200, 'main_page', '192.0.2.10'),
    'http-1': (200, 'http-1', '192.0.2.11'),
    'http-1-stage': (200, 'http-1 stage', '192.0.2.11'),
    'http-1-custom-domain': (200, 'http-1-domain', '192.0.2.11'),
    'http-2': (200, 'http-2', '192.0.2.12'),
    'http-2-stage': (200, 'http-2/Café ☕', '192.0.2.12'),
    'http-2-custom-domain': (200, 'http-2-domain', '192.0.2.12'),
    'http-2-custom-domain-like-stage': (200, 'x', '192.0.2.12'),
    'http-2-post-base64': (200, 'http-2-post', '192.0.2.12'),
    'http-2-cloudflare': (200, 'http-2-cloudflare', '198.51.100.77'),
    'url': (200, 'main_page', '192.0.2.13'),
    'url-visit': (200, 'url/encoded%2F', '2001:db8::13'),
    'url-head': (200, None, None),
    'url-cloudfront': (200, 'url-cloudfront', '198.51.100.20'),
    'url-cloudflare': (200, 'url-cloudflare', '198.51.100.78'),
    'url-cookies': (200, 'url-cookies', '192.0.2.13'),
    'alb': (200, 'alb/name', '192.0.2.14'),
    'alb-multi-value': (200, 'alb-multi', '192.0.2.14'),
    'alb-forwarded': (200, 'alb-forwarded', '2001:db8::14'),
    'alb-port': (200, 'alb-port', '192.0.2.14'),
    'alb-health': (200, None, None),
    'alb-health-multi-value': (200, None, None),
}


def load(name):
    with open(os.path.join(FOLDER, name + '.json'), encoding='utf-8') as file:
        return json.load(file)


def kind_of(name):
    return next(kind for kind in formats.KINDS if name.startswith(kind))


class Events(Case):
    def setUp(self):
        super().setUp()
        self.names = sorted(name.removesuffix('.json') for name in os.listdir(FOLDER))
        self.taken = [name for name in self.names if not name.startswith('no-')]

    def reply_to(self, name, event):
        """What the client sees, held against the format."""
        reply = self.answer(Event(event, timeout=60))
        try:
            return formats.check(kind_of(name), event, reply.body)
        except AssertionError as why:
            raise AssertionError(f'{name}: {why}: {reply}') from None

    def test_all_of_them(self):
        self.assertEqual(set(EVENTS), set(self.taken))
        self.start('deadline=20s', 'http.cors_origins=' + ORIGIN)
        seen = collections.defaultdict(list)
        for name in self.taken * 2:
            status, counter, who = EVENTS[name]
            with self.subTest(name):
                got = self.reply_to(name, load(name))
                self.assertEqual(got['status'], status, got)
                if counter is None:
                    continue
                visits = seen[counter]
                visits.append(who)
                body = json.loads(got['body'])
                self.assertLessEqual(VISIT_BODY - {'counter'}, set(body))
                self.assertEqual((body['count'], body['total_visits'], body['unique_visitors'], body['is_new_visitor']),
                                 (len(visits), len(visits), len(set(visits)), visits.count(who) == 1))
        self.assertEqual(self.counters(), {name: (len(visits), len(set(visits))) for name, visits in seen.items()})
        for name, visits in seen.items():
            for who in set(visits):  # these and no others were counted
                self.assertFalse(self.json('visit', name, who)['is_new_visitor'], (name, who))

    def test_none_of_them(self):
        """What is no request gets an error of its own, and counts nothing."""
        self.start('log_level=error')
        for name in sorted(set(self.names) - set(self.taken)):
            with self.subTest(name):
                reply = self.api.ask(Event(load(name), timeout=60))
                self.assertEqual(reply.kind, 'error', reply)
                self.assertEqual(reply.json['errorType'], 'Footfall.Event')
                self.assertIn('wanted is an HTTP request', reply.json['errorMessage'])
        self.assertEqual(self.counters(), {})

    def test_answers_of_every_sort(self):
        """Script, badge, page, errors, administration: all in the format of the event."""
        self.write('token', 'a-token-of-sixteen-bytes-or-more\n')
        self.start('deadline=20s', 'http.cors_origins=' + ORIGIN, 'http.admin_token_file=' + self.path('token'))
        for name in ('rest', 'http-1', 'http-2', 'url-visit', 'alb', 'alb-multi-value'):
            for method, path, status in (('GET', '/footfall.js', 200), ('GET', '/badge/x', 200), ('GET', '/badge/x.svg', 200),
                                         ('HEAD', '/footfall.js', 200), ('GET', '/counter/none', 404), ('GET', '/no/such', 404),
                                         ('DELETE', '/visit/x', 405), ('PUT', '/counter/x', 401),
                                         ('GET', '/healthz', 200), ('OPTIONS', '/visit/x', 204), ('GET', '/visit/%00', 400)):
                event = load(name)
                if 'httpMethod' in event:
                    event['httpMethod'], event['path'] = method, path
                else:
                    event['requestContext']['http']['method'], event['rawPath'] = method, path
                with self.subTest(f'{name}: {method} {path}'):
                    got = self.reply_to(name, event)
                    if (name, path) in (('http-1', '/visit/%00'), ('http-2', '/visit/%00')):
                        continue  # decoded already: a name with a percent sign
                    self.assertEqual(got['status'], status, got)
                    self.assertEqual(got['body'] == b'', method in ('HEAD', 'OPTIONS'), got)

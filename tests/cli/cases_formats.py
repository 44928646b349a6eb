"""ingest's formats: JSON lines as servers write them, keys that are given, agents that are left out, addresses in every format."""
import datetime
import json
import os

from cases_ingest import TIME, line
from cases_resume import Resume
from harness import Case
from model import Model, make_lines, stamp

NOON = 1772366400  # of TIME


def nginx(address='198.51.100.7', uri='/a', status=200, when=NOON, agent='Mozilla/5.0', **more):
    """A line as nginx writes it with escape=json; None leaves a field out."""
    fields = {'msec': f'{when:.3f}', 'remote_addr': address, 'request_uri': uri, 'status': status, 'http_user_agent': agent, **more}
    return json.dumps({key: value for key, value in fields.items() if value is not None}) + '\n'


def caddy(address='198.51.100.7', uri='/a', status=200, when=NOON, agent='Mozilla/5.0', logger='http.log.access.log0', **request):
    """A line of Caddy's; request: what else stands there."""
    return json.dumps({'level': 'info', 'ts': when, 'logger': logger, 'msg': 'handled request', 'request': {
        'remote_ip': address, 'remote_port': '37070', 'proto': 'HTTP/2.0', 'method': 'GET', 'host': 'example.org', 'uri': uri,
        'headers': {'Accept': ['*/*'], 'User-Agent': [agent]}, **request}, 'bytes_read': 0, 'user_id': '', 'duration': 0.0002,
        'size': 5, 'status': status, 'resp_headers': {'Server': ['Caddy']}}, separators=(',', ':')) + '\n'


def raw(text):
    return text.encode('utf-8', 'surrogateescape')


class Formats(Case):
    def ingest(self, log, *words):
        """The summary of a run that ends well, and what it says on standard error."""
        done = self.run_only('--json', 'ingest', *words, stdin=raw(log) if isinstance(log, str) else log)
        self.assertEqual(done.status, 0, done)
        return json.loads(done.out), done.err

    def skipped(self, got):
        return {reason: count for reason, count in got['skipped_by_reason'].items() if count}


class Servers(Formats):
    """Random lines in a server's shape; the model knows what was put into them."""

    def check(self, make, *words, counter=None, statuses=None, skips=lambda agent: False):
        model, log, agents, faults = Model(counter=counter, statuses=statuses), [], 0, {}
        for number in range(self.many(4000)):
            visit = {'address': f'198.51.100.{self.random.randrange(200)}' if self.random.random() < 0.7 else
                     f'2001:db8:0:{self.random.randrange(40):x}::{self.random.randrange(1, 5):x}',
                     'when': NOON + number * 60 + self.random.randrange(1000) / 1000,
                     'path': self.random.choice(('/', '/café', '/a b/c', '/%41', '/x"y\\z')),
                     'status': self.random.choice((200, 200, 304, 404, 0)),
                     'agent': self.random.choice(('Mozilla/5.0 (X11; "odd" \\ one)', 'curl/8.5.0', 'ExampleBot/2.1', '', 'a\u0000b'))}
            text, fault = make(visit)
            log.append(text)
            if fault is not None:
                faults[fault] = faults.get(fault, 0) + 1
            elif statuses is not None and visit['status'] not in statuses:
                faults['status'] = faults.get('status', 0) + 1
            elif skips(visit['agent']):
                faults['agent'] = faults.get('agent', 0) + 1
            else:
                model.visit(counter or visit['path'], visit['address'], round(visit['when'] * 1000))
        got, _ = self.ingest(''.join(log), '--format', 'json', *words)
        self.assertEqual(self.counters(), model.counters(), f'seed {self.seed}')
        self.assertEqual((got['read'], got['counted'], got['new_visitors']), (len(log), model.lines, model.fresh))
        self.assertEqual(self.skipped(got), faults)

    def target(self, visit):
        """As a client may send it."""
        path = ''.join(c if c.isalnum() and c.isascii() or c == '/' else ''.join(f'%{b:02X}' for b in c.encode())
                       for c in visit['path'])
        return path + self.random.choice(('', '', '?q=/x', '#y'))

    def test_nginx(self):
        def make(visit):
            when, target = visit['when'], self.target(visit)
            whole = {'remote_user': '', 'body_bytes_sent': '612', 'request_time': '0.000', 'http_referrer': 'https://example.org/'}
            whole.update(self.random.choice((
                {'time_iso8601': datetime.datetime.fromtimestamp(int(when), datetime.timezone.utc).isoformat()},
                {'time_local': stamp(int(when), self.random.choice((0, 60, -420)))},
                {'msec': f'{when:.3f}'}, {'time': when})))
            if 'msec' not in whole and 'time' not in whole:
                visit['when'] = int(when)
            whole.update(self.random.choice(({'request_uri': target, 'uri': '/index.php'}, {'request': f'GET {target} HTTP/1.1'},
                                             {'uri': target}, {'path': target})))
            whole[self.random.choice(('remote_addr', 'client_ip', 'clientip', 'ip'))] = visit['address']
            whole['http_x_forwarded_for'] = '203.0.113.99'
            whole['status'] = self.random.choice((visit['status'], f'{visit["status"]:03d}'))
            whole[self.random.choice(('http_user_agent', 'agent'))] = visit['agent']
            keys = list(whole)
            self.random.shuffle(keys)
            return json.dumps({key: whole[key] for key in keys}, ensure_ascii=self.random.random() < 0.5) + '\n', None
        self.check(make)

    def test_caddy(self):
        def make(visit):
            kind = self.random.random()
            if kind < 0.1:
                return '{"level":"info","ts":1772366400.1,"logger":"http.log","msg":"server running","name":"srv0"}\n', 'bad_line'
            logger = 'http.log.error.log0' if kind < 0.2 else 'http.log.access.log0'
            port = f'[{visit["address"]}]:443' if ':' in visit['address'] else visit['address'] + ':443'
            request = self.random.choice(({'client_ip': visit['address'], 'remote_ip': '192.0.2.1'}, {'client_ip': visit['address']},
                                          {'client_ip': ''}, {'remote_ip': '', 'remote_addr': port}))
            ms = round(visit['when'] * 1000)
            when = self.random.choice((visit['when'], f'{visit["when"]:.3f}', ms, ms * 1000000))
            text = caddy(visit['address'], self.target(visit), visit['status'], when, visit['agent'], logger, **request)
            return text, 'bad_line' if kind < 0.2 else None
        self.check(make, '--status', '200-399', statuses=range(200, 400))

    def test_traefik(self):
        def make(visit):
            when = datetime.datetime.fromtimestamp(visit['when'], datetime.timezone.utc)
            return json.dumps({
                'ClientAddr': 'x:41342', 'ClientHost': visit['address'], 'DownstreamStatus': visit['status'], 'Duration': 61208,
                'RequestMethod': 'GET', 'RequestPath': self.target(visit), 'StartUTC': when.strftime('%Y-%m-%dT%H:%M:%S.%f000Z'),
                'level': 'info', 'msg': '', 'request_User-Agent': visit['agent'], 'time': '2027-03-01T12:00:00Z'}) + '\n', None
        self.check(make, '--counter', 'site', '--skip-agent', 'CURL|bot/', counter='site',
                   skips=lambda agent: 'curl' in agent or 'Bot/' in agent)

    def test_given_keys(self):
        def make(visit):
            return json.dumps({
                'source': {'ip': visit['address'], 'port': 443}, '@timestamp': round(visit['when'] * 1000), 'remote_addr': '192.0.2.9',
                'url.path': self.target(visit), 'url': {'path': '/wrong'}, 'status': 500, 'http': {'response': {'code': visit['status']}},
                'ua': [visit['agent'], 'bot'], 'user_agent': 'bot'}) + '\n', None
        self.check(make, '--keys', 'address=source.ip,target=url.path,status=http.response.code,agent=ua,time=@timestamp', '--status',
                   '000,200', '--skip-agent', 'bot', statuses={0, 200}, skips=lambda agent: 'Bot' in agent)

    def test_the_same_log_in_two_formats(self):
        lines = list(make_lines(self.random, self.many(4000)))
        model, log = Model(), []
        for each in lines:
            model.line(each)
            fields = each.decode().split('"')
            log.append(json.dumps({'remote_addr': fields[0].split()[0], 'time_local': fields[0].split('[')[1][:26],
                                   'request': fields[1], 'status': fields[2].split()[0]}) + '\n')
        got, _ = self.ingest(''.join(log), '--format', 'json')
        self.assertEqual(got['counted'], len(lines))
        self.assertEqual(self.counters(), model.counters(), f'seed {self.seed}')


class Reasons(Formats):
    good = nginx()
    lines = [
        ('\n', 'bad_line', 'empty line'),
        ('192.0.2.1 - - ' + TIME + ' "GET / HTTP/1.1" 200 1\n', 'bad_line', 'no JSON'),
        (good[:-2] + '\n', 'bad_line', 'no JSON'),
        (good[:-1] + '{}\n', 'bad_line', 'no JSON'),
        (good.replace('Mozilla', '\\x22Mozilla'), 'bad_line', 'no JSON: nginx wants escape=json'),
        (f'[{good[:-1]}]\n', 'bad_line', 'no JSON object'),
        (good.replace('"status": 200', '"size": 1e999'), 'bad_line', 'a number out of range'),
        (good.replace('"status"', '"\\u0000"'), 'bad_line', 'a key with a NUL'),
        ('[' * 5000 + '\n', 'bad_line', 'nested too deeply'),
        (nginx(address=None, http_x_forwarded_for='198.51.100.7'), 'bad_line', 'no address'),
        (nginx(address='198.51.100.7, 198.51.100.8'), 'bad_line', 'bad address'),
        (nginx(msec=None), 'bad_line', 'no time'),
        (nginx(msec='0.005'), 'bad_line', 'bad time'),
        (nginx(status=None), 'bad_line', 'no status'),
        (nginx(status='2xx'), 'bad_line', 'no status'),
        (caddy(logger='http.log.error'), 'bad_line', 'not of the access log'),
        (good.replace('Mozilla', 'x' * (1 << 20)), 'bad_line', 'longer than 1 MiB'),
        (nginx(address='crawler.example.org'), 'not_an_address', 'the host is no IP address'),
        (nginx(address='unix:'), 'not_an_address', 'the host is no IP address'),
        (nginx(address='[::]:443'), 'unspecified_address', 'the address stands for no one'),
        (nginx(uri=None), 'no_path', 'no request'),
        (nginx(uri='*'), 'no_path', 'no path'),
        (nginx(uri='/\u0000'), 'bad_name', 'the path is no valid counter name'),
        (nginx(uri='/%ff'), 'bad_name', 'the path is no valid counter name'),
        (nginx(uri='/\udcff').replace('\\udcff', '\udcff'), 'bad_name', 'the path is no valid counter name'),
        (nginx(msec='1969-12-31T23:59:59.999Z'), 'before_1970', 'the time is before 1970'),
        (nginx(msec='99999999999'), 'in_the_future', 'the time is more than one hour ahead of the clock'),
    ]

    def test_each(self):
        """One to a file, so that each is named."""
        names = []
        for number, (text, _, _) in enumerate(self.lines):
            names.append(self.write(f'log{number}', raw(self.good + text)))
        for number, (_, kind, reason) in enumerate(self.lines):
            earlier = [each[1] for each in self.lines[:number]].count(kind)
            if earlier % 3 == 0:
                of_kind = [(name, each) for name, each in list(zip(names, self.lines))[number:] if each[1] == kind][:3]
                got, err = self.ingest('', '--format', 'json', '--status', '200', *(name for name, _ in of_kind))
                self.assertEqual(err, ''.join(f'footfall: {name}:2: skipped: {each[2]}\n' for name, each in of_kind))
                self.assertEqual(self.skipped(got), {kind: len(of_kind)})
                self.assertEqual(got['counted'], len(of_kind))

    def test_strict(self):
        """Each ends the run; those left out by an option do not."""
        some = self.random.sample(self.lines, 8)
        for number, (text, _, reason) in enumerate(some):
            self.write('log', raw(self.good * 2 + nginx(status=404) + nginx(agent='Bot') + text + self.good))
            done = self.run_only('--json', 'ingest', '--format', 'json', '--strict', '--status', '200', '--skip-agent', 'bot', 'log')
            self.assertEqual((done.status, done.err), (2, f'footfall: log:5: {reason}; nothing after that line is counted\n'))
            got = json.loads(done.out)
            self.assertEqual((got['counted'], self.skipped(got)['status'], self.skipped(got)['agent']), (2, 1, 1))
            self.assertEqual(self.counters()['/a'][0], 2 * (number + 1))

    def test_no_line_is_ever_printed(self):
        secret = 'secret.example.org'
        log = ''.join((f'{{"{secret}', nginx(address=secret), f'"{secret}"\n', nginx(msec=secret), nginx(uri=secret)))
        _, err = self.ingest(log, '--format', 'json')
        self.assertNotIn('secret', err)
        self.assertGreater(err.count('\n'), 2)

    def test_status_is_not_asked_for(self):
        got, _ = self.ingest(nginx(status=None) + nginx(status='2xx') + nginx(status=1000), '--format', 'json')
        self.assertEqual(got['counted'], 3)


class Bytes(Formats):
    def test_no_utf8(self):
        """Counts for one counter; is a bad name by path, as in the other format; and agents are told apart."""
        agents = ['M\xfcnchen', 'M\udcfcnchen', 'M\udcfdnchen', 'M\udcfcnchen', '\udcf4\udc8f\udcbe\udc80', '\udc80', 'a\\u0000b']
        log = ''.join(nginx(agent='@', uri='/\udce9').replace('\\udce9', '\udce9').replace('@', agent) for agent in agents)
        got, _ = self.ingest(log, '--format', 'json', '--counter', 'site')
        self.assertEqual((got['counted'], got['new_visitors']), (len(agents), 1))
        got, _ = self.ingest(log, '--format', 'json')
        self.assertEqual(self.skipped(got), {'bad_name': len(agents)})
        done = self.run_only('-o', 'visitor=address+agent', '--json', 'ingest', '--format', 'json', '--counter', 'agents', stdin=raw(log))
        self.assertEqual(json.loads(done.out)['new_visitors'], len(set(agents)))
        self.assertFalse(self.json('-o', 'visitor=address+agent', 'visit', 'agents', '198.51.100.7', '--agent', 'M\udcfdnchen', '--at',
                                   '2026-03-01T13:00:00Z')['is_new_visitor'])

    def test_escapes_are_undone_once(self):
        log = nginx(uri='/a\\x41%5Cx42') + line(request='GET /a\\x5Cx41%5Cx42 HTTP/1.1')
        self.ingest(log.splitlines(True)[0], '--format', 'json')
        self.ingest(log.splitlines(True)[1])
        self.assertEqual(self.counters(), {'/a\\x41\\x42': (2, 1)})

    def test_long_lines(self):
        room = (1 << 20) - len(nginx(agent='')) + 1
        log = nginx() + nginx(agent='x' * room) + nginx(agent='x' * (room + 1)) + nginx(agent='\udcff' * room).replace(
            '\\udcff', '\udcff') + nginx(agent='y' * 9000000)[:-1]
        got, err = self.ingest(log, '--format', 'json', '--counter', 'site')
        self.assertEqual((got['read'], got['counted']), (5, 3))
        self.assertEqual(err, ''.join(f'footfall: (standard input):{n}: skipped: longer than 1 MiB\n' for n in (3, 5)))

    def test_crlf_and_white_space(self):
        log = nginx().replace('\n', '\r\n') + ' \t' + nginx().replace('\n', ' \r\n')
        self.assertEqual(self.ingest(log, '--format', 'json')[0]['counted'], 2)


class Addresses(Formats):
    cases = (('198.51.100.7', None), ('2001:db8::7', None), ('::ffff:198.51.100.7', None), ('fe80::1%eth0', None),
             ('crawler.example.org', 'not_an_address'), ('localhost', 'not_an_address'), ('198.51.100.256', 'not_an_address'),
             ('198.51.100.7/24', 'not_an_address'), ('fe80::1%', 'not_an_address'), ('-', 'not_an_address'), ('0.0.0.0', 'unspecified_address'),
             ('::', 'unspecified_address'), ('::ffff:0.0.0.0', 'unspecified_address'), ('::%eth0', 'unspecified_address'))

    def test_in_every_format(self):
        for words, make in ((('--format', 'common'), lambda host: line(host, more='')), ((), line),
                            (('--format', 'json'), lambda host: nginx(address=host)), (('--format', 'json'), caddy)):
            with self.subTest(words=words, sample=make('x')):
                want = {}
                cases = [(host, 'bad_line' if host == '-' and 'json' in words else kind) for host, kind in self.cases]
                for _, kind in cases:
                    want[kind] = want.get(kind, 0) + 1
                got, _ = self.ingest(''.join(make(host) for host, _ in cases), *words)
                self.assertEqual(got['counted'], want.pop(None))
                self.assertEqual(self.skipped(got), want)
        self.assertEqual(self.counters(), {'/a': (16, 3)}, 'the mapped address is the same visitor')

    def test_ports(self):
        log = ''.join(nginx(address=each) for each in ('198.51.100.7:443', '198.51.100.7', '[2001:db8::7]:1', '[2001:db8::7]'))
        got, _ = self.ingest(log, '--format', 'json')
        self.assertEqual((got['counted'], got['new_visitors']), (4, 2))


class Agents(Formats):
    def test_combined(self):
        agents = (('Mozilla/5.0', 0), ('Googlebot/2.1', 1), ('GOOGLEBOT', 1), ('ro\\x42ot', 1), ('say \\"bo\\"t', 0), ('x\\x00curl', 1),
                  ('a.b', 0), ('', 0), ('-', 0))
        log = ''.join(line(more=f' "bot" "{agent}"') for agent, _ in agents)
        got, err = self.ingest(log, '--skip-agent', 'bot|^..?curl')
        self.assertEqual((self.skipped(got), err), ({'agent': 4}, ''))
        self.assertEqual((got['read'], got['counted'], got['skipped']), (9, 5, 4))
        self.assertEqual(self.skipped(self.ingest(log, '--skip-agent', '^-?$')[0]), {'agent': 2})

    def test_json_escapes(self):
        log = nginx(agent='ro\\x42ot') + nginx(agent='ro\u0062ot') + nginx(agent='x\u0000bot') + nginx(agent=None) + nginx(agent=5)
        self.assertEqual(self.skipped(self.ingest(log, '--format', 'json', '--skip-agent', 'bot')[0]), {'agent': 2})

    def test_many_agents(self):
        """More than are remembered, each several times and in any order; and long ones, alike but for their end."""
        agents = [f'agent {n} {"bot" if n % 3 == 0 else "man"}' for n in range(self.many(12000))]
        agents += ['x' * 494 + end for end in ('bt', 'ot', 'bot', 'bxt', 'abot')] + ['y' * 1000 + end for end in ('bot', 'bit')]
        agents = agents * 3
        self.random.shuffle(agents)
        log = ''.join(line(more=f' "-" "{agent}"') for agent in agents)
        got, _ = self.ingest(log, '--counter', 'site', '--skip-agent', 'bot$')
        self.assertEqual(self.skipped(got), {'agent': sum(agent.endswith('bot') for agent in agents)})

    def test_only_the_beginning(self):
        """However long an agent is, a search ends in time: 1,024 bytes are looked at, and their end is none."""
        log = ''.join(line(more=f' "-" "{agent}"') for agent in (
            'y' * 1021 + 'bot', 'y' * 1021 + 'botany', 'y' * 1022 + 'bot', 'bot' + 'y' * 100000, 'a' * 900000))
        self.assertEqual(self.skipped(self.ingest(log, '--skip-agent', 'bot')[0]), {'agent': 3})
        self.assertEqual(self.skipped(self.ingest(log, '--skip-agent', 'bot$')[0]), {'agent': 1})
        self.assertEqual(self.skipped(self.ingest(log, '--skip-agent', '(a|aa)+bot')[0]), {})

    def test_digits_that_refer_to_nothing(self):
        for expression in (r'[\1]', r'[]\1]', r'[^]\1[:digit:]\1]', r'\\1', r'a\[b|1'):
            self.ingest(line(more=' "-" "x"'), '--skip-agent', expression)

    def test_text(self):
        done = self.run_only('ingest', '--skip-agent', 'bot', '--status', '200', stdin=raw(
            line(more=' "-" "bot"') * 3 + line(status='404', more=' "-" "bot"') + line()))
        self.assertEqual((done.status, done.err), (0, ''))
        self.assertEqual([each.split() for each in done.out.splitlines()[:-2]], [
            ['read', '5'], ['counted', '1'], ['new', 'visitors', '1'], ['skipped', '4'],
            ['left', 'out', 'by', '--status', '1'], ['left', 'out', 'by', '--skip-agent', '3']])

    def test_bad_lines_stay_bad(self):
        got, _ = self.ingest(line('nowhere', more=' "-" "bot"') + 'bot\n' + line('nowhere'), '--skip-agent', 'bot')
        self.assertEqual(self.skipped(got), {'agent': 1, 'bad_line': 1, 'not_an_address': 1})


class Options(Formats):
    def test_wrong(self):
        for words, says in (
                (['--format', 'xml'], '--format: combined, common or json'),
                (['--keys', 'address=a'], '--keys: only with --format json'),
                (['--format', 'combined', '--keys', 'address=a'], '--keys: only with --format json'),
                (['--format', 'json', '--keys', ''], '--keys: "" is not of the form NAME=KEY'),
                (['--format', 'json', '--keys', 'time=t,address'], '--keys: "address" is not of the form NAME=KEY'),
                (['--format', 'json', '--keys', 'path=t'], '--keys: "path=t" names none of address, time, target, status, agent'),
                (['--format', 'json', '--keys', 'time=t,time=u'], '--keys: "time=u" names what was named before'),
                (['--format', 'json', '--keys', 'time=a..b'], '--keys: "time=a..b" has an empty key, or an empty part in it'),
                (['--format', 'json', '--keys', 'time=\udcff'], '--keys: is no UTF-8'),
                (['--format', 'common', '--skip-agent', 'bot'], '--skip-agent: the common format has no user agents'),
                (['--skip-agent', ''], '--skip-agent: is empty'),
                (['--skip-agent', 'bot|'], '--skip-agent: is found in every agent, which would skip every line'),
                (['--skip-agent', 'x*'], '--skip-agent: is found in every agent, which would skip every line'),
                (['--skip-agent', '(bot'], '--skip-agent: Unmatched ('),
                (['--skip-agent', 'a{2,1}'], '--skip-agent: Invalid content of \\{\\}'),
                (['--skip-agent', r'(a*)*\1b'], '--skip-agent: back references such as \\1 are not possible'),
                (['--skip-agent', r'[]\1[:digit:]]\\(b)\1'], '--skip-agent: back references'),
                (['--skip-agent', '\udcff'], '--skip-agent: is no UTF-8')):
            self.fails(2, 'ingest', *words, stdin=line().encode(), says=says)
        self.assert_untouched()


class Resumed(Resume):
    json_words = ('--counter', 'site', '--format', 'json', '--keys', 'address=a.b,time=t', '--skip-agent', 'bot')

    def log(self, host='198.51.100.7', agent='x'):
        return json.dumps({'a': {'b': host}, 't': NOON, 'agent': agent}) + '\n'

    def test_json(self):
        self.write('log', self.log() * 3 + self.log(agent='Bot') + self.log()[:-1])
        self.assertEqual(self.ingest('log', words=self.json_words)['counted'], 4)
        self.append('log', ' \n' + self.log('198.51.100.8'))
        got = self.ingest('log', words=self.json_words)
        self.assertEqual((got['read'], got['counted'], got['new_visitors']), (1, 1, 1))
        self.assertEqual(self.state()['footfall_ingest_state'], 2)
        self.assertEqual(self.state()['rules']['keys'], {'address': 'a.b', 'time': 't'})

    def test_half_a_line_is_left(self):
        whole = caddy(agent='M\xfcnchen')
        for cut in self.random.sample(range(1, len(raw(whole)) - 1), self.many(12)):
            with self.subTest(cut=cut):
                self.write('log', raw(whole) + raw(whole)[:cut])
                words = ('--resume', f'state{cut}', '--counter', f'c{cut}', '--format', 'json', 'log')
                done = self.run_only('--json', 'ingest', *words)
                self.assertEqual((done.status, json.loads(done.out)['counted']), (0, 1))
                self.assertIn('log:2: the last line has no end yet', done.err)
                with open(self.path('log'), 'ab') as log:
                    log.write(raw(whole)[cut:])
                self.assertEqual(self.json('ingest', *words)['counted'], 1)

    def refused(self, says, *words):
        before = self.state()
        self.fails(2, 'ingest', '--resume', 'state', *words, 'log', says=says)
        self.assertEqual(self.state(), before)

    def test_other_options(self):
        self.write('log', self.log() * 3)
        self.ingest('log', words=self.json_words)
        site = ('--counter', 'site')
        self.refused('another --format', *site)
        self.refused('another --format', *site, '--skip-agent', 'bot')
        self.refused('other --keys', *site, '--format', 'json', '--skip-agent', 'bot')
        self.refused('other --keys', *site, '--format', 'json', '--skip-agent', 'bot', '--keys', 'address=a.b')
        self.refused('other --keys', *site, '--format', 'json', '--skip-agent', 'bot', '--keys', 'address=a.b,time=u')
        self.refused('another --skip-agent', *self.json_words[:-2])
        self.refused('another --skip-agent', *self.json_words[:-1], 'Bot')
        self.append('log', self.log())
        words = (*self.json_words[:4], '--keys', 'time=t,address=a.b', *self.json_words[6:])
        self.assertEqual(self.ingest('log', words=words)['counted'], 1, 'the same said otherwise')

    def test_skip_agent_is_new_to_an_old_state(self):
        """States without these options are as they were, whichever footfall made them."""
        self.write('log', line() * 3)
        self.ingest('log')
        state = self.state()
        self.assertEqual((state['footfall_ingest_state'], sorted(state['rules'])), (1, ['counter', 'format', 'status', 'strict']))
        self.refused('another --skip-agent', '--counter', 'site', '--skip-agent', 'bot')
        self.append('log', line())
        self.assertEqual(self.ingest('log')['counted'], 1)
        os.unlink(self.path('state'))
        self.ingest('log', words=('--counter', 'site', '--skip-agent', 'bot'))
        self.assertEqual((self.state()['footfall_ingest_state'], self.state()['rules']['skip_agent']), (2, 'bot'))
        self.refused('another --skip-agent', '--counter', 'site')
        self.edit(footfall_ingest_state=3)
        self.refused('newer footfall', '--counter', 'site', '--skip-agent', 'bot')

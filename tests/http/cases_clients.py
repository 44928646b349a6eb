"""Whose visit it is: the direct peer's; behind trusted proxies, whom they name; and nothing that anybody else says."""
from serving import Case

WARNING = 'http.trusted_proxies'


class Peers(Case):
    def visit_from(self, source, headers=(), name='x'):
        """is_new_visitor of a visit over a connection from that address."""
        with self.server.connect(source) as connection:
            answer = connection.ask('POST', f'/visit/{name}', headers)
        self.check('POST', f'/visit/{name}', answer)
        self.assertEqual(answer.status, 200, answer)
        return answer.json['is_new_visitor']

    def assert_is(self, headers, address, name='x'):
        """The client of a request with these headers is the one that a plain one names."""
        self.visit(name, [('X-Forwarded-For', address)])
        self.assertFalse(self.visit(name, headers)['is_new_visitor'], headers)

    def test_the_direct_peer(self):
        self.serve()
        self.assertTrue(self.visit_from('127.0.0.1'))
        self.assertFalse(self.visit_from('127.0.0.1'))
        self.assertTrue(self.visit_from('127.0.0.2'))
        self.assertEqual(self.numbers('x'), (3, 2))
        self.assertFalse(self.json('visit', 'x', '127.0.0.2')['is_new_visitor'])

    def test_forged_headers(self):
        """Of no effect, and warned of once, without an address."""
        self.serve()
        self.visit('x')
        self.assertNotIn(WARNING, self.server.log())
        for name in ('X-Forwarded-For', 'Forwarded', 'X-Real-IP', 'CF-Connecting-IP', 'True-Client-IP',
                     'CloudFront-Viewer-Address'):
            for value in ('203.0.113.9', 'nonsense', ''):
                self.assertFalse(self.visit('x', [(name, value)])['is_new_visitor'], name)
        said = self.server.log()
        self.assertEqual(said.count(WARNING), 1, said)
        self.assertNotIn('203.0.113.9', said)
        self.assertEqual(self.numbers('x'), (19, 1))

    def test_another_peer_than_the_trusted(self):
        self.serve('http.trusted_proxies=127.0.0.3 10.0.0.0/8')
        self.assertTrue(self.visit_from('127.0.0.2', {'X-Forwarded-For': '203.0.113.9'}))
        self.assertFalse(self.visit_from('127.0.0.2', {'X-Forwarded-For': '203.0.113.10'}))
        self.assertTrue(self.visit_from('127.0.0.3', {'X-Forwarded-For': '203.0.113.9'}))
        self.assertFalse(self.visit_from('127.0.0.3', {'X-Forwarded-For': '203.0.113.9'}))

    def test_from_the_right_past_the_trusted(self):
        self.serve('http.trusted_proxies=127.0.0.1, 10.0.0.0/8, 2001:db8:ffff::/48')
        for number, value in enumerate((
                '203.0.113.9', '198.51.100.1, 203.0.113.9', 'forged, 203.0.113.9', ', 203.0.113.9', '203.0.113.9,10.1.2.3',
                '198.51.100.1,203.0.113.9 ,\t10.1.2.3, 127.0.0.1', '203.0.113.9, 2001:db8:ffff:1::7, 10.0.0.1', '203.0.113.9:443',
                '::ffff:203.0.113.9', '203.0.113.9, ::ffff:10.1.2.3', '[::ffff:203.0.113.9]:443')):
            with self.subTest(value=value):
                self.assert_is([('X-Forwarded-For', value)], '203.0.113.9', name=f'four{number}')
        for number, value in enumerate(('2001:db8::1', '[2001:db8::1]', '[2001:db8::1]:443', '2001:DB8:0::1',
                                        '2001:db8::ffff, 10.0.0.1', '2001:db8:0:0:1::')):
            with self.subTest(value=value):
                self.assert_is([('X-Forwarded-For', value)], '2001:db8::1', name=f'six{number}')
        # Its lines are one list, in their order; when all are trusted the leftmost is who asked.
        self.assert_is([('X-Forwarded-For', '198.51.100.1'), ('x-forwarded-for', '203.0.113.9')], '203.0.113.9', name='lines')
        self.assert_is([('X-Forwarded-For', '203.0.113.9'), ('X-Forwarded-For', '10.0.0.1')], '203.0.113.9', name='trusted')
        self.assert_is([('X-Forwarded-For', '10.0.0.7, 10.0.0.8')], '10.0.0.7', name='all')
        self.assertTrue(self.visit('all', [('X-Forwarded-For', '10.0.0.8, 10.0.0.7')])['is_new_visitor'])
        self.assertTrue(self.visit('other', [('X-Forwarded-For', '2001:db8:0:1::1')])['is_new_visitor'])
        self.assertTrue(self.visit('other', [('X-Forwarded-For', '2001:db8:0:2::1')])['is_new_visitor'])
        self.assertEqual(self.server.log().count('\n'), 1, self.server.log())

    def test_no_usable_address(self):
        """400, and nothing counted. What it says names the header, never what stood in it."""
        self.serve('http.trusted_proxies=127.0.0.1,10.0.0.0/8')
        for headers in ([], *([('X-Forwarded-For', value)] for value in (
                '', ',', '203.0.113.9,', '203.0.113.9, ,10.0.0.1', 'unknown', '203.0.113.9, unknown', '203.0.113',
                '203.0.113.256', '0x7f.1', '203.0.113.09',
                '2001:db8::1::2', '[2001:db8::1', '2001:db8::1]', '203.0.113.9 198.51.100.1', '0.0.0.0', '::', '::ffff:0.0.0.0',
                '"203.0.113.9"', 'for=203.0.113.9', 'a' * 4000, '203.0.113.9:port', '_hidden', '203.0.113.9/32'))):
            with self.subTest(headers=headers):
                answer = self.get('/visit/x', headers, status=400, code='bad_address')
                self.assertIn('X-Forwarded-For', answer.json['error'])
                self.assertNotIn('203.0.113', answer.json['error'])
        self.assertEqual(self.numbers('x'), (0, 0))  # a read needs no address
        self.get('/badge/x?hit=1', status=200)
        self.get('/visit/x', sec_purpose='prefetch', status=200)
        self.assertEqual(self.numbers('x'), (1, 0))

    def test_any(self):
        """Whoever connects is believed; entries are passed over by addresses alone, so the last one counts."""
        self.serve('http.trusted_proxies=any')
        self.assert_is([('X-Forwarded-For', '198.51.100.1, 203.0.113.9')], '203.0.113.9')
        self.assertFalse(self.visit_from('127.0.0.9', {'X-Forwarded-For': '203.0.113.9'}))
        self.get('/visit/x', status=400, code='bad_address')

    def test_other_headers(self):
        for header, good, same in (('X-Real-IP', '203.0.113.9', '203.0.113.9'),
                                   ('CF-Connecting-IP', '2001:db8::1', '2001:db8::2'),
                                   ('CloudFront-Viewer-Address', '203.0.113.9:46532', '203.0.113.9:1'),
                                   ('CloudFront-Viewer-Address', '2001:db8:0:0:1:2:3:4:46532', '2001:db8::9:443'),
                                   ('cloudfront-viewer-address', '2001:db8::1:443', '[2001:db8::1]:443'),
                                   ('X-Whatever', '203.0.113.9', '::ffff:203.0.113.9')):
            with self.subTest(header=header):
                self.serve('http.trusted_proxies=127.0.0.0/8', f'http.address_header={header}')
                name = f'{header}/{good}'
                self.assertTrue(self.visit(name, [(header, good), ('X-Forwarded-For', '198.51.100.1')])['is_new_visitor'])
                self.assertFalse(self.visit(name, [(header.upper(), same),
                                                   ('X-Forwarded-For', '198.51.100.2')])['is_new_visitor'])
                answer = self.get(f'/visit/{name}', x_forwarded_for='198.51.100.1', status=400, code='bad_address')
                self.assertIn(header.lower(), answer.json['error'].lower())
                self.assertEqual(self.numbers(name), (2, 1))

    def test_prefixes(self):
        self.serve('http.trusted_proxies=127.0.0.1', 'ipv4_prefix=24', 'ipv6_prefix=48')
        self.assert_is([('X-Forwarded-For', '203.0.113.200')], '203.0.113.9', name='four')
        self.assert_is([('X-Forwarded-For', '2001:db8:0:ffff::1')], '2001:db8::1', name='six')
        self.assertTrue(self.visit('four', [('X-Forwarded-For', '203.0.114.9')])['is_new_visitor'])


class UnixPeers(Case):
    def test_not_trusted(self):
        self.serve(listen=f'unix:{self.path("socket")}')
        for headers in ([], [('X-Forwarded-For', '203.0.113.9')]):
            answer = self.get('/visit/x', headers, status=400, code='bad_address')
            self.assertIn('http.trusted_proxies', answer.json['error'])
        self.assertEqual(self.numbers('x'), (0, 0))
        self.get('/metrics', status=404)  # not on loopback: who knows whom it is asked for

    def test_trusted(self):
        self.serve('http.trusted_proxies=unix', listen=f'unix:{self.path("socket")}')
        self.assertTrue(self.visit('x', [('X-Forwarded-For', '198.51.100.1, 203.0.113.9')])['is_new_visitor'])
        self.assertFalse(self.visit('x', [('X-Forwarded-For', '203.0.113.9')])['is_new_visitor'])
        self.get('/visit/x', status=400, code='bad_address')

    def test_unix_is_no_word_for_others(self):
        self.serve('http.trusted_proxies=unix')
        self.visit('x', [('X-Forwarded-For', '203.0.113.9')])
        self.assertFalse(self.visit('x', [('X-Forwarded-For', '203.0.113.10')])['is_new_visitor'])

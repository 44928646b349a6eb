"""Where it listens: IPv4, IPv6, a Unix socket, a socket that systemd hands over; and what it says when it cannot, or when the
configuration is wrong."""
import os
import socket
import stat
import subprocess
import sys
import unittest

from serving import Case

# As systemd starts a service: the sockets from descriptor 3 on, and whom they are for.
SYSTEMD = '''
import os, sys
for at, fd in enumerate(map(int, sys.argv[1].split(','))):
    os.dup2(fd, 3 + at)
os.environ['LISTEN_FDS'], os.environ['LISTEN_PID'] = str(at + 1), str(os.getpid() + int(sys.argv[2]))
os.execv(sys.argv[3], sys.argv[3:])
'''


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(('::1', 0))
        return True
    except OSError:
        return False


class Listening(Case):
    def test_any_port(self):
        self.serve()
        self.assertEqual(self.server.address[0], '127.0.0.1')
        self.visit('x')

    @unittest.skipUnless(has_ipv6(), 'no IPv6 here')
    def test_ipv6(self):
        self.serve(listen='[::1]:0')
        self.assertEqual(self.server.address[0], '::1')
        self.assertTrue(self.visit('x')['is_new_visitor'])
        self.assertFalse(self.json('visit', 'x', '::1')['is_new_visitor'])
        self.get('/metrics', status=200)  # loopback too

    @unittest.skipUnless(has_ipv6(), 'no IPv6 here')
    def test_both(self):
        """Everywhere: an IPv4 peer is who it is."""
        self.serve(listen='[::]:0')
        self.server.address = '127.0.0.1', self.server.address[1]
        self.assertTrue(self.visit('x')['is_new_visitor'])
        self.assertFalse(self.json('visit', 'x', '127.0.0.1')['is_new_visitor'])
        self.get('/metrics', status=200)

    def test_unix(self):
        path = self.path('socket')
        self.serve('http.trusted_proxies=unix', listen=f'unix:{path}')
        self.assertEqual(self.server.address, path)
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o666)  # its folder's rights decide
        self.visit('x', x_forwarded_for='203.0.113.9')
        self.fails_to_serve(f'unix:{path}')  # somebody lives there
        self.visit('x', x_forwarded_for='203.0.113.9')
        self.stop()
        self.assertFalse(os.path.exists(path))

    def test_unix_of_somebody_else(self):
        """Whoever has taken its path since keeps it."""
        path = self.path('socket')
        self.serve('http.trusted_proxies=unix', listen=f'unix:{path}')
        os.unlink(path)
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(path)
            self.stop()
            self.assertTrue(os.path.exists(path))

    def test_unix_that_nobody_listens_on(self):
        """What a killed server left is no obstacle."""
        path = self.path('socket')
        self.serve('http.trusted_proxies=unix', listen=f'unix:{path}')
        self.visit('x', x_forwarded_for='203.0.113.9')
        self.server.kill()
        self.assertTrue(stat.S_ISSOCK(os.stat(path).st_mode))
        self.serve('http.trusted_proxies=unix', listen=f'unix:{path}')
        self.visit('x', x_forwarded_for='203.0.113.9')
        self.assertEqual(self.numbers('x'), (2, 1))

    def fails_to_serve(self, listen):
        command = self.serve_command(listen=listen)
        done = self.run_only(command=command)
        self.assertEqual((done.status, done.out), (1, ''), done)
        self.assertIn('http.listen', done.err)
        self.assertNotIn('listening', done.err)

    def test_what_is_no_socket(self):
        self.write('file', 'precious')
        self.fails_to_serve(f'unix:{self.path("file")}')
        with open(self.path('file'), encoding='ascii') as file:
            self.assertEqual(file.read(), 'precious')
        self.fails_to_serve(f'unix:{self.path("absent")}/socket')
        self.fails_to_serve(f'unix:{self.path("store")}')

    def test_address_in_use(self):
        self.serve()
        self.fails_to_serve(f'127.0.0.1:{self.server.address[1]}')
        self.visit('x')
        address = self.server.address
        with self.server.connect() as connection:
            self.assertEqual(connection.ask('GET', '/visit/x').status, 200)
            self.stop()
        self.serve(listen=f'127.0.0.1:{address[1]}')  # and is free at once when it has ended
        self.assertEqual(self.visit('x')['total_visits'], 3)

    def test_address_of_somebody_else(self):
        self.fails_to_serve('192.0.2.1:0')


class Handed(Case):
    """LISTEN_FDS."""

    def handing(self, sockets, other_pid=0):
        """What stands before the command, and what Popen needs, to hand these over."""
        for each in sockets:
            self.addCleanup(each.close)
        fds = [each.fileno() for each in sockets]
        return [sys.executable, '-c', SYSTEMD, ','.join(map(str, fds)), str(other_pid)], fds

    def handed(self, *sockets, options=(), other_pid=0, listen=None):
        before, fds = self.handing(sockets, other_pid)
        self.serve(*options, listen=listen, before=before, pass_fds=fds)

    def test_tcp(self):
        listener = socket.create_server(('127.0.0.1', 0))
        self.handed(listener, listen='127.0.0.1:1')  # what is configured does not matter then
        self.assertEqual(self.server.address, listener.getsockname())
        self.visit('x')
        self.stop()

    def test_unix(self):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.path('socket'))
        listener.listen()
        self.handed(listener, options=['http.trusted_proxies=unix'])
        self.assertEqual(self.server.address, self.path('socket'))
        self.visit('x', x_forwarded_for='203.0.113.9')
        self.stop()
        self.assertTrue(os.path.exists(self.path('socket')), 'it is systemd\'s')

    def test_for_another_process(self):
        listener = socket.create_server(('127.0.0.1', 0))
        self.handed(listener, other_pid=1, listen='127.0.0.1:0')
        self.assertNotEqual(self.server.address, listener.getsockname())
        self.visit('x')

    def test_what_cannot_be_served(self):
        for given in ([socket.socket(socket.AF_INET, socket.SOCK_DGRAM)],
                      [socket.create_server(('127.0.0.1', 0)) for _ in range(2)], [open(os.devnull, 'rb')]):
            with self.subTest(given=given):
                before, fds = self.handing(given)
                done = subprocess.run(before + self.serve_command(listen=None), cwd=self.folder, env=self.environment,
                                      pass_fds=fds, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
                self.assertEqual(done.returncode, 3, done)
                self.assertIn(b'LISTEN_FDS', done.stderr)

    def test_notify(self):
        """Type=notify: systemd is told when it listens, and when it stops."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
            notified.bind(self.path('notify'))
            notified.settimeout(60)
            self.serve(env={'NOTIFY_SOCKET': self.path('notify')})
            self.assertIn('READY=1', notified.recv(4096).decode().splitlines())
            self.visit('x')
            self.stop()
            self.assertIn('STOPPING=1', notified.recv(4096).decode().splitlines())


class Configuration(Case):
    def test_bad_values(self):
        """Exit status 3, and the message names the key; nothing is touched."""
        self.write('short', 'fifteen bytes..\n')
        self.write('odd', 'sixteen bytes or more\x01\n')
        self.write('long', 'x' * 1025)
        self.write('empty', '')
        for setting in ('listen=', 'listen=nonsense', 'listen=127.0.0.1', 'listen=127.0.0.1:', 'listen=127.0.0.1:65536',
                        'listen=127.0.0.1:-1',
                        'listen=127.0.0.1:x', 'listen=:::80', 'listen=[::1', 'listen=[::1]', 'listen=[nonsense]:80',
                        'listen=unix:', 'listen=unix:' + '/x' * 60, 'listen=300.1.1.1:80',
                        'cors_origins=null', 'cors_origins=https://pages.example/', 'cors_origins=pages.example',
                        'cors_origins=*, https://a.example',
                        'cors_origins=https://pages.example:443', 'cors_origins=HTTPS://pages.example',
                        'trusted_proxies=nonsense', 'trusted_proxies=10.0.0.0/33', 'trusted_proxies=300.1.1.1',
                        'trusted_proxies=2001:db8::/129', 'trusted_proxies=127.0.0.1:80', 'trusted_proxies=10.0.0.1/8',
                        'address_header=', 'address_header=X Y', 'address_header=X:', 'default_counter=', 'default_counter=a\x01',
                        'default_counter=' + 'a' * 201, 'create=maybe', 'max_counters=-1', 'max_counters=x',
                        'admin_token_file=absent', 'admin_token_file=short', 'admin_token_file=odd', 'admin_token_file=long',
                        'admin_token_file=empty',
                        'admin_token_file=store', 'max_connections=0', 'max_connections=x', 'max_connections_per_address=-1',
                        'requests_per_second=-1',
                        'header_bytes=0', 'header_bytes=x', 'body_bytes=-1', 'body_bytes=16777217', 'idle_timeout=0s', 'idle_timeout=5',
                        'request_timeout=0s', 'request_timeout=forever', 'threads=-1', 'threads=x', 'threads=100000'):
            with self.subTest(setting=setting):
                command = self.serve_command(f'http.{setting}', listen=None if setting.startswith('listen') else '127.0.0.1:0')
                done = self.run_only(command=command)
                self.assertEqual((done.status, done.out), (3, ''), done)
                self.assertTrue(done.err.startswith('footfall: '), done)
                self.assertIn('http.' + setting.partition('=')[0], done.err)
                self.assertNotIn('fifteen bytes', done.err)
                self.assertFalse(os.path.exists(self.path('footfall.db')), 'made before all keys were read')

    def test_store(self):
        self.write('footfall.ini', 'window = nonsense\n')
        done = self.run_only('-c', 'footfall.ini', '-o', 'http.listen=127.0.0.1:0', 'serve')
        self.assertEqual(done.status, 3, done)
        self.fails(2, 'serve', 'x', says='too many arguments')

    def test_file_and_environment(self):
        self.write('footfall.ini', '[http]\nlisten = 127.0.0.1:0\ndefault_counter = from the file\n')
        self.serve(listen=None, env={'FOOTFALL_CONFIG': self.path('footfall.ini'), 'FOOTFALL_HTTP_CREATE': 'false'})
        self.get('/visit', status=404)
        self.ok('add', 'from the file', '0')
        self.assertEqual(self.get('/visit', status=200).json['counter'], 'from the file')

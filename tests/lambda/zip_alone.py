"""The zip's program in a root of its own, where nothing is but itself and the C library: it starts, counts, and finds the
certificates of whichever system it is on."""
import contextlib
import http.server
import json
import os
import shutil
import ssl
import subprocess
import threading

from runtime_api import RuntimeAPI
from server_process import dies_with_us
from zip_case import Case, url_event

LIBRARIES = ('/lib64/ld-linux-x86-64.so.2', '/lib/x86_64-linux-gnu/libc.so.6', '/lib/x86_64-linux-gnu/libm.so.6')
AMAZON, DEBIAN = 'etc/pki/tls/certs/ca-bundle.crt', 'etc/ssl/certs/ca-certificates.crt'
HASHED = 'etc/pki/ca-trust/extracted/pem/directory-hash'
AWS = ('AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_REGION')
STARTS = 3
DENIED = b'{"__type":"com.amazonaws.dynamodb.v20120810#AccessDeniedException","Message":"as the test wants it"}'


class Denying(http.server.BaseHTTPRequestHandler):
    """DynamoDB to somebody who may do nothing."""
    protocol_version = 'HTTP/1.1'

    def do_POST(self):
        self.rfile.read(int(self.headers.get('Content-Length', 0)))
        self.server.asked += 1
        self.send_response(400)
        self.send_header('Content-Type', 'application/x-amz-json-1.0')
        self.send_header('Content-Length', str(len(DENIED)))
        self.end_headers()
        self.wfile.write(DENIED)

    def log_message(self, *_):
        pass


class Quiet(http.server.ThreadingHTTPServer):
    daemon_threads = True
    asked = 0

    def handle_error(self, *_):  # who does not trust us hangs up
        pass


class Alone(Case):
    def setUp(self):
        super().setUp()
        self.root, self.log_path = os.path.join(self.folder, 'root'), os.path.join(self.folder, 'log')
        self.unpack(os.path.join(self.root, 'var', 'task'))
        for library in LIBRARIES:
            self.put(library.lstrip('/'), library)
        os.mkdir(os.path.join(self.root, 'etc'))
        self.change_root = ['chroot', self.root] if os.geteuid() == 0 else ['unshare', '--map-root-user', 'chroot', self.root]
        done = subprocess.run([*self.change_root, '/var/task/bootstrap', '--version'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              env={'PATH': '/usr/sbin:/usr/bin:/sbin:/bin'}, text=True, check=False)
        if done.returncode != 0 and os.geteuid() != 0 and os.environ.get('CI') != 'true':
            self.skipTest(f'a user may have no root of their own here: {done.stdout.strip()}')
        self.assertEqual(done.returncode, 0, done.stdout)

    def put(self, name, source):
        path = os.path.join(self.root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        shutil.copy(source, path)  # what a link points at
        return path

    @contextlib.contextmanager
    def running(self, settings):
        """The API of one that runs there, with nothing in its environment but this and what Lambda puts there."""
        environment = {'PATH': '/usr/sbin:/usr/bin:/sbin:/bin', **settings, **{name: os.environ[name] for name in AWS}}
        with RuntimeAPI() as api, open(self.log_path, 'wb') as out:
            process = subprocess.Popen([*self.change_root, '/var/task/bootstrap', 'handler'], stdin=subprocess.DEVNULL, stdout=out,
                                       stderr=out, env={**environment, 'AWS_LAMBDA_RUNTIME_API': api.address},
                                       preexec_fn=dies_with_us())
            try:
                yield api
            finally:
                process.kill()
                process.wait()

    def log(self):
        with open(self.log_path, encoding='utf-8', errors='replace') as log:
            return log.read()

    def test_counts(self):
        settings = self.settings(os.environ['FOOTFALL_TEST_DYNAMODB_URL'])
        for total in range(1, STARTS + 1):
            with self.running(settings) as api:
                reply = api.ask(url_event('2001:db8::7'))
                self.assertEqual(reply.kind, 'response', reply)
                body = json.loads(reply.json['body'])
                self.assertEqual((body['total_visits'], body['unique_visitors']), (total, 1), self.log())

    def test_says_what_is_missing(self):
        done = subprocess.run([*self.change_root, '/var/task/bootstrap'], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              env={'PATH': '/usr/sbin:/usr/bin:/sbin:/bin'}, check=False)
        self.assertEqual((done.returncode, done.stdout), (2, ''), done)
        self.assertIn('AWS_LAMBDA_RUNTIME_API', done.stderr)

    def test_says_that_a_backend_must_be_chosen(self):
        """The default is SQLite, which is not in."""
        with self.running({}) as api:
            api.until(lambda: api.init_error)
            self.assertIn('backend is not set', api.init_error.json['errorMessage'])


class Trust(Alone):
    """Over TLS: certificates are checked, against the bundle that is there."""
    test_counts = test_says_what_is_missing = test_says_that_a_backend_must_be_chosen = None

    def setUp(self):
        super().setUp()
        key, self.authority = os.path.join(self.folder, 'key.pem'), os.path.join(self.folder, 'cert.pem')
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', self.authority, '-days', '2',
                        '-subj', '/CN=test', '-addext', 'subjectAltName=IP:127.0.0.1'], check=True, stderr=subprocess.DEVNULL)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.authority, key)
        self.server = Quiet(('127.0.0.1', 0), Denying)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)

    def asked(self, **settings):
        """Whether the server was asked at the start, and what the log says."""
        url = f'https://127.0.0.1:{self.server.server_port}'
        with self.running(self.settings(url, FOOTFALL_DYNAMODB_CREATE_TABLE='false', FOOTFALL_DEADLINE='3s', **settings)) as api:
            api.until(lambda: api.init_error or api.waiting)
        return self.server.asked > 0, self.log()

    def test_none(self):
        asked, log = self.asked()
        self.assertFalse(asked)
        self.assertRegex(log, 'certificate|no reply in time')

    def test_amazon_linux(self):
        self.put(AMAZON, self.authority)
        asked, log = self.asked()
        self.assertTrue(asked, log)

    def test_amazon_linux_by_hashes(self):
        """A folder in which one certificate is found without reading all is preferred, unless it is empty."""
        digest = subprocess.run(['openssl', 'x509', '-noout', '-hash', '-in', self.authority], stdout=subprocess.PIPE, text=True,
                                check=True).stdout.strip()
        self.put(AMAZON, self.authority)
        os.makedirs(os.path.join(self.root, HASHED))
        asked, log = self.asked()
        self.assertTrue(asked, log)
        self.server.asked = 0
        self.put(AMAZON, '/dev/null')
        self.put(f'{HASHED}/{digest}.0', self.authority)
        asked, log = self.asked()
        self.assertTrue(asked, log)

    def test_debian(self):
        self.put(DEBIAN, self.authority)
        asked, log = self.asked()
        self.assertTrue(asked, log)

    def test_one_that_is_named(self):
        self.put('opt/mine.pem', self.authority)
        asked, log = self.asked(AWS_CA_BUNDLE='/opt/mine.pem')
        self.assertTrue(asked, log)

    def test_others_are_not_trusted(self):
        self.put(AMAZON, self.authority)
        self.put('opt/empty.pem', '/dev/null')
        asked, log = self.asked(AWS_CA_BUNDLE='/opt/empty.pem')
        self.assertFalse(asked, log)

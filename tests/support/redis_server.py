"""A Redis server of a test's own, and the few lines of client that tests need to look at it.

    with RedisServer(appendonly='always') as server:
        Client(server.url).command('SET', 'a', '1')
        server.restart()  # kill -9, then the same port, folder and persistence

It listens on 127.0.0.1 or a Unix socket in a fresh folder, and goes with us (server_process.py). $FOOTFALL_TEST_REDIS_SERVER
names another program than `redis-server` in PATH.
"""
import os
import shutil
import socket
import ssl
import subprocess
from urllib.parse import parse_qs, quote, unquote, urlsplit

from server_process import Absent, Server, ServerError, program

OPENSSL_CONFIG = """\
[req]
distinguished_name = name
[name]
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
subjectAltName = IP:127.0.0.1, DNS:localhost
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


class RedisError(Exception):
    """An error reply, without its '-'."""


def redis_program():
    """Debian's redis-tools has the server too, as redis-check-rdb: one program that goes by its name. Unlike redis-server it starts
    no service when it is installed."""
    try:
        return program('redis-server', 'FOOTFALL_TEST_REDIS_SERVER')
    except Absent:
        if os.environ.get('FOOTFALL_TEST_REDIS_SERVER') or not shutil.which('redis-check-rdb'):
            raise
        return program('redis-check-rdb')


def quoted(text):
    """As a word of redis.conf."""
    return '"' + ''.join(chr(b) if 32 < b < 127 and b not in b'"\\' else f'\\x{b:02x}' for b in os.fsencode(text)) + '"'


class Client:
    """One connection. Replies are str, int, None or lists of these; an error reply raises RedisError."""

    def __init__(self, url, ca=None, seconds=5):
        url = urlsplit(url)
        if url.scheme == 'unix':
            self.socket = socket.socket(socket.AF_UNIX)
            db = parse_qs(url.query).get('db', ['0'])[0]
        else:
            self.socket = socket.create_connection((url.hostname, url.port), seconds)
            db = url.path.strip('/') or '0'
        self.socket.settimeout(seconds)
        try:
            if url.scheme == 'unix':
                self.socket.connect(unquote(url.path))
            if url.scheme == 'rediss':
                self.socket = ssl.create_default_context(cafile=ca).wrap_socket(self.socket, server_hostname=url.hostname)
            self.replies = self.socket.makefile('rb')
            if url.password is not None:
                self.command('AUTH', *([unquote(url.username)] if url.username else []), unquote(url.password))
            if db != '0':
                self.command('SELECT', db)
        except BaseException:
            self.socket.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.replies.close()
        self.socket.close()

    def command(self, *words):
        words = [os.fsencode(str(word)) for word in words]
        self.socket.sendall(b'*%d\r\n' % len(words) + b''.join(b'$%d\r\n%s\r\n' % (len(word), word) for word in words))
        return self.reply()

    def reply(self):
        line = self.replies.readline()
        if not line.endswith(b'\r\n'):
            raise ConnectionError('the server hung up')
        kind, text = line[:1], os.fsdecode(line[1:-2])
        if kind == b'-':
            raise RedisError(text)
        if kind == b'+':
            return text
        number = int(text)
        if kind == b':':
            return number
        if number < 0:
            return None
        if kind == b'*':
            return [self.reply() for _ in range(number)]
        return os.fsdecode(self.replies.read(number + 2)[:-2])


class RedisServer(Server):
    """transport: tcp, unix or tls; appendonly: no, everysec or always; config: (key, value) lines of redis.conf that come last."""
    kind = 'redis'

    def __init__(self, transport='tcp', appendonly='no', user=None, password=None, db=0, config=()):
        self.transport, self.appendonly, self.user, self.password, self.db = transport, appendonly, user, password, db
        self.config = list(config)
        self.program = redis_program()
        openssl = program('openssl') if transport == 'tls' else None
        super().__init__(on_port=transport != 'unix')
        if transport == 'tls':
            self.make_certificates(openssl)

    @property
    def socket(self):
        return self.path('redis.sock') if self.transport == 'unix' else None

    @property
    def ca(self):
        return self.path('ca.crt') if self.transport == 'tls' else None

    @property
    def bad_ca(self):
        return self.path('bad-ca.crt') if self.transport == 'tls' else None

    @property
    def url(self):
        who = ''
        if self.password is not None:
            who = f'{quote(self.user or "", safe="")}:{quote(self.password, safe="")}@'
        if self.transport == 'unix':
            return f'unix://{who}{quote(self.socket)}?db={self.db}'
        if self.transport == 'tls':
            return f'rediss://{who}localhost:{self.port}/{self.db}'
        return f'redis://{who}127.0.0.1:{self.port}/{self.db}'

    def make_certificates(self, openssl):
        with open(self.path('openssl.cnf'), 'w', encoding='utf-8') as out:
            out.write(OPENSSL_CONFIG)
        signed = ['-CA', self.path('ca.crt'), '-CAkey', self.path('ca.key')]
        for name, kind, signer in (('ca', 'ca', []), ('bad-ca', 'ca', []), ('server', 'server', signed)):
            made = subprocess.run(
                [openssl, 'req', '-x509', '-config', self.path('openssl.cnf'), '-extensions', kind, '-days', '2', *signer,
                 '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', f'/CN=footfall test {name}',
                 '-keyout', self.path(name + '.key'), '-out', self.path(name + '.crt')],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
            if made.returncode != 0:
                raise ServerError(f'openssl made no certificate: {made.stdout}')

    def write_config(self):
        lines = ['bind 127.0.0.1', 'protected-mode yes', 'daemonize no', 'databases 16', 'enable-debug-command local',
                 'loglevel notice', f'logfile {quoted(self.log_path)}', f'dir {quoted(self.folder)}', 'save ""',
                 'appendonly no' if self.appendonly == 'no' else f'appendonly yes\nappendfsync {self.appendonly}',
                 f'port {self.port if self.transport == "tcp" else 0}']
        if self.transport == 'unix':
            lines += [f'unixsocket {quoted(self.socket)}', 'unixsocketperm 700']
        if self.transport == 'tls':
            lines += [f'tls-port {self.port}', f'tls-ca-cert-file {quoted(self.ca)}', 'tls-auth-clients no',
                      f'tls-cert-file {quoted(self.path("server.crt"))}', f'tls-key-file {quoted(self.path("server.key"))}']
        if self.user:
            lines += [f'user {quoted(self.user)} on {quoted(">" + self.password)} ~* &* +@all', 'user default off']
        elif self.password is not None:
            lines += [f'requirepass {quoted(self.password)}']
        lines += [f'{key} {value}' for key, value in self.config]
        with open(self.path('redis.conf'), 'w', encoding='utf-8', errors='surrogateescape') as out:
            out.write('\n'.join(lines) + '\n')

    def launching(self):
        self.write_config()
        return ['redis-server', self.path('redis.conf')], {'executable': self.program}

    def answers(self):
        """It says PONG, or that it is loading."""
        try:
            with Client(self.url, self.ca) as client:
                # Another server may sit where this one could not bind.
                return f'process_id:{self.pid}\r' in client.command('INFO', 'server') and client.command('PING') == 'PONG'
        except RedisError as error:
            return str(error).startswith('LOADING')
        except OSError:
            return False

"""A Redis server of a test's own, and the few lines of client that tests need to look at it.

    with RedisServer(appendonly='always') as server:
        Client(server.url).command('SET', 'a', '1')
        server.restart()  # kill -9, then the same port, folder and persistence

It listens on 127.0.0.1 or a Unix socket in a fresh folder, and dies with the thread that started it (PR_SET_PDEATHSIG), however
that ends; the folder goes with the process. $FOOTFALL_TEST_REDIS_SERVER names another program than `redis-server` in PATH.
"""
import ctypes
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from urllib.parse import parse_qs, quote, unquote, urlsplit

READY_SECONDS = 20
PORT_TRIES = 5
LONGEST_BASE = 64  # sun_path has 108 bytes
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1

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


class Absent(Exception):
    """A program that must be installed is not there."""


class ServerError(Exception):
    """The server did not start or does not run; the text ends with its log."""


class PortTaken(ServerError):
    pass


class RedisError(Exception):
    """An error reply, without its '-'."""


def program(name, variable=None):
    wanted = os.environ.get(variable or '') or name
    found = shutil.which(wanted)
    if not found:
        raise Absent(f'there is no {wanted}')
    return found


def redis_program():
    """Debian's redis-tools has the server too, as redis-check-rdb: one program that goes by its name. Unlike redis-server it starts
    no service when it is installed."""
    try:
        return program('redis-server', 'FOOTFALL_TEST_REDIS_SERVER')
    except Absent:
        if os.environ.get('FOOTFALL_TEST_REDIS_SERVER') or not shutil.which('redis-check-rdb'):
            raise
        return program('redis-check-rdb')


def dies_with_us():
    """A preexec_fn: the child is killed when the thread that starts it ends."""
    parent = os.getpid()

    def arm():
        LIBC.prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL))
        if os.getppid() != parent:  # it ended before
            os._exit(1)
    return arm


def hold_port():
    """A bound socket that keeps a free port from everybody but a server that sets SO_REUSEADDR, as Redis does: nobody takes it
    while the server is down, and no client's connect() can meet itself there."""
    held = socket.socket()
    held.bind(('127.0.0.1', 0))
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return held


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


class RedisServer:
    """transport: tcp, unix or tls; appendonly: no, everysec or always; config: (key, value) lines of redis.conf that come last."""

    def __init__(self, transport='tcp', appendonly='no', user=None, password=None, db=0, config=()):
        self.transport, self.appendonly, self.user, self.password, self.db = transport, appendonly, user, password, db
        self.config = list(config)
        self.program = redis_program()
        openssl = program('openssl') if transport == 'tls' else None
        base = tempfile.gettempdir()
        self.folder = tempfile.mkdtemp(prefix='footfall-redis-', dir=base if len(base) <= LONGEST_BASE else '/tmp')
        # Removes the folder once we closed the pipe: in close(), or by dying in whatever way.
        self.remover = subprocess.Popen(['sh', '-c', 'read -r _; rm -rf "$1"', 'remover', self.folder], stdin=subprocess.PIPE,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        self.held = hold_port() if transport != 'unix' else None
        self.process = None
        self.started = self.closed = False
        self.ended_by_us = True
        if transport == 'tls':
            self.make_certificates(openssl)

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def path(self, name):
        return os.path.join(self.folder, name)

    @property
    def port(self):
        return self.held.getsockname()[1] if self.held else None

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
    def pid(self):
        return self.process.pid if self.process else None

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
                 'loglevel notice', f'logfile {quoted(self.path("redis.log"))}', f'dir {quoted(self.folder)}', 'save ""',
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

    def start(self):
        """Returns once it answers PING, or says that it is loading."""
        if self.running():
            raise ServerError('the server runs already')
        for left in reversed(range(PORT_TRIES)):
            try:
                self.launch()
                self.started = True
                return
            except PortTaken:
                if self.started or left == 0:
                    raise
                self.held.close()
                self.held = hold_port()

    def launch(self):
        self.write_config()
        with open(self.path('redis.log'), 'ab') as log:
            if self.closed:
                raise ServerError('the test is over')
            self.process = subprocess.Popen(['redis-server', self.path('redis.conf')], executable=self.program,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=dies_with_us())
        self.ended_by_us = False
        until = time.monotonic() + READY_SECONDS
        while not self.answers():
            if not self.running():
                taken = 'Address already in use' in self.log(5)
                raise (PortTaken if taken else ServerError)(f'the server did not start\n{self.log()}')
            if time.monotonic() > until:
                self.kill()
                raise ServerError(f'the server did not answer within {READY_SECONDS} s\n{self.log()}')
            time.sleep(0.02)

    def answers(self):
        try:
            with Client(self.url, self.ca) as client:
                # Another server may sit where this one could not bind.
                return f'process_id:{self.pid}\r' in client.command('INFO', 'server') and client.command('PING') == 'PONG'
        except RedisError as error:
            return str(error).startswith('LOADING')
        except OSError:
            return False

    def running(self):
        return self.process is not None and self.process.poll() is None

    def died(self, within=0.5):
        """True when it ended, or does so in that many seconds, and nobody asked for it here."""
        if self.process is None or self.ended_by_us:
            return False
        try:
            self.process.wait(within)
        except subprocess.TimeoutExpired:
            return False
        return True

    def end(self, *signals):
        self.ended_by_us = True
        if self.running():
            for number in signals:
                self.process.send_signal(number)
            try:
                self.process.wait(READY_SECONDS)
            except subprocess.TimeoutExpired:
                raise ServerError(f'the server did not stop\n{self.log()}') from None

    def kill(self):
        self.end(signal.SIGKILL)

    def stop(self):
        self.end(signal.SIGTERM, signal.SIGCONT)  # it may be paused

    def restart(self):
        self.kill()
        self.start()

    def send(self, number):
        if not self.running():
            raise ServerError('the server does not run')
        self.process.send_signal(number)

    def pause(self):
        self.send(signal.SIGSTOP)

    def resume(self):
        self.send(signal.SIGCONT)

    def log(self, lines=40):
        try:
            with open(self.path('redis.log'), encoding='utf-8', errors='replace') as log:
                return ''.join(log.readlines()[-lines:]).rstrip()
        except FileNotFoundError:
            return ''

    def close(self):
        """Kills the server and removes its folder; for good."""
        self.closed = True
        self.kill()
        if self.held:
            self.held.close()
        self.remover.stdin.close()
        self.remover.wait()

"""A mock of AWS Lambda's Runtime API: hands events to whatever runtime asks for them, and keeps what it answers, with times.

    with RuntimeAPI([Event({'version': '2.0', …}), …]) as api:  # a list, or any iterator: asked for one event at a time
        subprocess.Popen([…], env={**os.environ, 'AWS_LAMBDA_RUNTIME_API': api.address})
        replies = api.wait(len(events))  # Reply: .json, .kind ('response', 'error'), .seconds from event out to reply in
    api.init_error: what came at /init/error, or None. api.push(event, …) hands out more. api.unasked: other requests.

When there are no more events, whoever asks for the next one waits, as a runtime does between invocations. Several runtimes may
ask at once: each event goes to one of them. An event may come in odd ways and its answer may be met by odd ones:

    Event(body, before=['reset', 500]): what becomes of asking for it, one action a time; the last one done, it is handed out
        a number: that status        'close': no answer, the connection ends      'reset': the same by RST
        'half': half of an answer, then the connection ends
    Event(body, after=[…])            : what becomes of its answers, one action a time; then 202
        a number, 'close', 'reset'   : as above, when all of it has come          'cut': RST in the middle of it
        'lost': it is taken, and the connection ends before the 202               'bye': 202 with Connection: close
        a function(reply)            : is called; its result is the action
    Event(body, chunked=True, lower=True, bye=True): in chunks; header names in lower case; the connection ends after it
    Event(body, timeout=3.0)         : seconds from being handed out to Lambda-Runtime-Deadline-Ms; None: no such header
    Event(body, request_id=…, headers={name: value or None}): None leaves one out
    Event(body, delay=0.5)           : it is handed out so much later
"""
import collections
import contextlib
import itertools
import json
import socket
import struct
import threading
import time

VERSION = '/2018-06-01/runtime/'
SECONDS = 60  # longest that anything may take to be seen
STATES = {200: 'OK', 202: 'Accepted', 400: 'Bad Request', 403: 'Forbidden', 404: 'Not Found', 413: 'Payload Too Large',
          500: 'Internal Server Error'}
ARN = 'arn:aws:lambda:us-east-1:123456789012:function:footfall'


class Event:
    """body: bytes, text, or what becomes JSON."""
    numbers = itertools.count(1)

    def __init__(self, body, request_id=None, timeout=3.0, headers=None, before=(), after=(), chunked=False, lower=False, bye=False,
                 delay=0):
        self.body = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
        number = self.number = next(Event.numbers)
        self.request_id = request_id if request_id is not None else f'{number:08x}-0000-4000-8000-{number:012x}'
        self.timeout, self.own_headers = timeout, headers or {}
        self.before, self.after = list(before), list(after)
        self.chunked, self.lower, self.bye, self.delay = chunked, lower, bye, delay
        self.out = None  # when it was handed out, time.monotonic()

    def headers(self):
        headers = {'Content-Type': 'application/json', 'Lambda-Runtime-Aws-Request-Id': self.request_id,
                   'Lambda-Runtime-Invoked-Function-Arn': ARN,
                   'Lambda-Runtime-Trace-Id': f'Root=1-{self.number:08x}-{self.number:024x};Parent={self.number:016x};Sampled=0'}
        if self.timeout is not None:
            headers['Lambda-Runtime-Deadline-Ms'] = str(int((time.time() + self.timeout) * 1000))
        headers.update(self.own_headers)
        return {name.lower() if self.lower else name: value for name, value in headers.items() if value is not None}


class Reply:
    """What came for an event: kind is 'response' or 'error'. came: when all of it was there, time.monotonic()."""

    def __init__(self, event, kind, headers, body, came):
        self.event, self.kind, self.headers, self.body, self.came = event, kind, headers, body, came
        self.request_id = event.request_id if event else None

    @property
    def seconds(self):
        return self.came - self.event.out

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def json_body(self):
        """What the client is sent, when that is JSON."""
        return json.loads(self.json['body'])

    def __repr__(self):
        return f'{self.kind} {self.request_id}: {self.body[:400]!r}'


class Gone(Exception):
    """The connection is no more."""


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))


class Connection:
    """One that a runtime has made."""

    def __init__(self, api, socket_):
        self.api, self.socket = api, socket_
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.kept = b''

    def run(self):
        with contextlib.suppress(Gone, OSError):
            while True:
                self.serve()
        with contextlib.suppress(OSError):
            self.socket.close()
        self.api.forget(self)

    def lives(self):
        """Whether somebody is still at the other end."""
        try:
            return self.socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b''
        except BlockingIOError:
            return True
        except OSError:
            return False

    def more(self):
        got = self.socket.recv(1 << 18)
        if not got:
            raise Gone
        return got

    def serve(self):
        while b'\r\n\r\n' not in self.kept:
            self.kept += self.more()
        head, _, self.kept = self.kept.partition(b'\r\n\r\n')
        first, *lines = head.decode('latin-1').split('\r\n')
        method, target, _ = first.split(' ')
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(':') for line in lines)}
        if method == 'GET' and target == VERSION + 'invocation/next':
            self.give(headers)
        elif method == 'POST' and target == VERSION + 'init/error':
            self.api.init_error = Reply(None, 'init', headers, self.body(headers), time.monotonic())
            self.answer(202)
        elif method == 'POST' and target.startswith(VERSION + 'invocation/'):
            self.take(target[len(VERSION + 'invocation/'):], headers)
        else:
            self.api.unasked.append((method, target))
            self.answer(404)

    def body(self, headers):
        if headers.get('expect'):
            self.api.unasked.append(('Expect', headers['expect']))
            self.socket.sendall(b'HTTP/1.1 100 Continue\r\n\r\n')
        if headers.get('transfer-encoding', '').lower() == 'chunked':
            return self.chunks()
        parts, left = [self.kept], int(headers.get('content-length', 0)) - len(self.kept)
        while left > 0:
            parts.append(self.more())
            left -= len(parts[-1])
        whole = b''.join(parts)
        length = int(headers.get('content-length', 0))
        self.kept = whole[length:]
        return whole[:length]

    def chunks(self):
        parts = []
        while True:
            while b'\r\n' not in self.kept:
                self.kept += self.more()
            size, _, self.kept = self.kept.partition(b'\r\n')
            size = int(size, 16)
            while len(self.kept) < size + 2:
                self.kept += self.more()
            parts.append(self.kept[:size])
            self.kept = self.kept[size + 2:]
            if size == 0:
                return b''.join(parts)

    def send(self, status, headers, body=b''):
        lines = [f'HTTP/1.1 {status} {STATES.get(status, "Odd")}'] + [f'{name}: {value}' for name, value in headers.items()]
        self.socket.sendall('\r\n'.join(lines).encode('latin-1') + b'\r\n\r\n' + body)

    def answer(self, status, **headers):
        body = b'{"status":"OK"}' if status < 300 else b'{"errorMessage":"as the test wants it","errorType":"Mock"}'
        self.send(status, {'Content-Type': 'application/json', 'Content-Length': len(body), **headers}, body)

    def do(self, action):
        """True: it was met by something odd, and is done with."""
        if isinstance(action, int):
            self.answer(action)
            return True
        if action == 'reset':
            reset(self.socket)
        if action in ('close', 'reset'):
            raise Gone
        return False

    def give(self, headers):
        """The next event, as it wants to be given."""
        event = self.api.next_event(self)
        if event is None:
            raise Gone
        if event.delay:
            time.sleep(event.delay)
        if event.before:
            action = event.before.pop(0)
            self.api.give_back(event)
            if action == 'half':
                self.send(200, {**event.headers(), 'Content-Length': len(event.body)}, event.body[:len(event.body) // 2])
                raise Gone
            self.do(action)
            return
        self.api.agents.add(headers.get('user-agent'))
        self.api.handed_out(event)
        lower = str.lower if event.lower else str
        more = {lower('Connection'): 'close'} if event.bye else {}
        event.out = time.monotonic()
        if event.chunked:
            body, size = event.body, max(1, len(event.body) // 3)
            parts = [body[at:at + size] for at in range(0, len(body), size)]
            body = b''.join(f'{len(part):x}\r\n'.encode() + part + b'\r\n' for part in parts) + b'0\r\n\r\n'
            self.send(200, {**event.headers(), lower('Transfer-Encoding'): 'chunked', **more}, body)
        else:
            self.send(200, {**event.headers(), lower('Content-Length'): len(event.body), **more}, event.body)
        if event.bye:
            raise Gone

    def take(self, path, headers):
        """An answer to an event, met as that wants it."""
        request_id, _, kind = path.partition('/')
        event = self.api.events_out.get(request_id)
        action = event.after.pop(0) if event and event.after else None
        if action == 'cut':
            reset(self.socket)
            raise Gone
        body = self.body(headers)
        reply = Reply(event, kind, headers, body, time.monotonic())
        if callable(action):
            action = action(reply)
        if isinstance(action, int):
            self.api.refused.append(reply)
        if self.do(action):
            return
        if event is None or kind not in ('response', 'error') or event.request_id in self.api.answered:
            self.api.refused.append(reply)
            self.answer(403)  # as for an invocation that is over
            return
        self.api.keep(reply)
        if action == 'lost':
            raise Gone
        if action == 'bye':
            self.answer(202, Connection='close')
            raise Gone
        self.answer(202)


class RuntimeAPI:
    """address: host:port. replies: in the order in which they came. refused: those that were met by an error."""

    def __init__(self, events=()):
        self.source, self.pushed = iter(events), collections.deque()
        self.seen = threading.Condition()
        self.replies, self.refused, self.unasked, self.answered, self.agents = [], [], [], set(), set()
        self.init_error, self.events_out, self.connections = None, {}, set()
        self.waiting = set()  # connections that wait for an event
        self.port, self.closed = 0, False
        self.accepted = 0  # connections
        self.listen()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def address(self):
        return f'127.0.0.1:{self.port}'

    def listen(self):
        self.listener = socket.create_server(('127.0.0.1', self.port), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def accept(self, listener):
        with contextlib.suppress(OSError):  # it is closed
            while True:
                connection = Connection(self, listener.accept()[0])
                with self.seen:
                    self.accepted += 1
                    self.connections.add(connection)
                threading.Thread(target=connection.run, daemon=True).start()

    def forget(self, connection):
        with self.seen:
            self.connections.discard(connection)
            self.seen.notify_all()

    # ---- for connections

    def next_event(self, connection):
        """Waits; None: there will be none for this connection."""
        with self.seen:
            if not self.pushed:
                for event in self.source:
                    return event if isinstance(event, Event) else Event(event)
            self.waiting.add(connection)
            self.seen.notify_all()
            self.seen.wait_for(lambda: self.pushed or connection not in self.connections)
            self.waiting.discard(connection)
            if connection in self.connections and connection.lives():
                return self.pushed.popleft()
            self.seen.notify_all()
            return None

    def give_back(self, event):
        with self.seen:
            self.pushed.appendleft(event)
            self.seen.notify_all()

    def handed_out(self, event):
        with self.seen:
            self.events_out[event.request_id] = event
            self.seen.notify_all()

    def keep(self, reply):
        with self.seen:
            self.answered.add(reply.request_id)
            self.replies.append(reply)
            self.seen.notify_all()

    # ---- for tests

    def push(self, *events):
        with self.seen:
            self.pushed += [event if isinstance(event, Event) else Event(event) for event in events]
            self.seen.notify_all()

    def until(self, what, seconds=SECONDS, message='it never came'):
        with self.seen:
            if not self.seen.wait_for(what, seconds):
                raise AssertionError(f'{message}: {len(self.replies)} replies, {self.replies[-1:]}')

    def wait(self, count, seconds=SECONDS):
        """All replies, when there are so many."""
        self.until(lambda: len(self.replies) >= count, seconds)
        return self.replies

    def ask(self, event, seconds=SECONDS):
        """Hands this one out, and returns the reply to it."""
        event = event if isinstance(event, Event) else Event(event)
        self.push(event)
        self.until(lambda: event.request_id in self.answered, seconds)
        return next(reply for reply in reversed(self.replies) if reply.event is event)

    def idle(self, runtimes=1, seconds=SECONDS):
        """Until so many runtimes wait for an event."""
        self.until(lambda: len([each for each in self.waiting if each.lives()]) >= runtimes, seconds, 'nobody asks for the next event')

    def hang_up(self, by_reset=False):
        """Ends the connections that there are. Who waits on one for an event comes back on another."""
        with self.seen:
            connections, self.connections = self.connections, set()
            self.seen.notify_all()
        for connection in connections:
            with contextlib.suppress(OSError):
                if by_reset:
                    reset(connection.socket)
                connection.socket.shutdown(socket.SHUT_RDWR)

    def go(self):
        """Nobody is there any more."""
        self.listener.shutdown(socket.SHUT_RDWR)  # wakes accept
        self.listener.close()
        self.hang_up()

    def close(self):
        if self.closed:
            return
        self.closed = True
        with contextlib.suppress(OSError):
            self.go()

"""HTTP/1.1 as a client speaks it, to the byte: what is sent is what a test says, and answers are read strictly."""
import json
import re
import socket

SECONDS = 60  # longest that an answer may take: it comes, or the test fails
STATUS = re.compile(rb'HTTP/1\.1 ([1-5]\d\d) ([\x20-\x7e]+)')
FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)")
WITHOUT_BODY = (204, 304)


class Gone(Exception):
    """The server closed the connection before the answer was whole."""


class Answer:
    def __init__(self, status, fields, body=b''):
        self.status, self.fields, self.body = status, fields, body

    def __repr__(self):
        lines = ''.join(f'{name}: {value}\n' for name, value in self.fields)
        return f'{self.status}\n{lines}\n{self.body[:600]!r}'

    def get(self, name):
        """The value of the header; None without one. Ours come once."""
        found = [value for each, value in self.fields if each.lower() == name.lower()]
        if len(found) > 1:
            raise AssertionError(f'{name} came {len(found)} times: {self}')
        return found[0] if found else None

    @property
    def closes(self):
        return (self.get('Connection') or '').lower() == 'close'

    @property
    def json(self):
        """Its JSON: compact, no key twice, whole numbers alone, a newline at the end."""
        def no_real(text):
            raise AssertionError(f'{text} is no whole number: {self}')

        def once(pairs):
            if len({key for key, _ in pairs}) != len(pairs):
                raise AssertionError(f'a key came twice: {self}')
            return dict(pairs)
        try:
            value = json.loads(self.body.decode(), object_pairs_hook=once, parse_float=no_real)
        except ValueError as why:
            raise AssertionError(f'{why}: {self}') from None
        if json.dumps(value, separators=(',', ':'), ensure_ascii=False) + '\n' != self.body.decode():
            raise AssertionError(f'not compact, or not with a newline at the end: {self}')
        return value


def head_of(data):
    """(answer without its body, bytes of it), or None while its head is not whole."""
    end = data.find(b'\r\n\r\n')
    if end < 0:
        return None
    first, *lines = bytes(data[:end]).split(b'\r\n')
    status = STATUS.fullmatch(first)
    if not status:
        raise AssertionError(f'no status line: {first!r}')
    fields = []
    for line in lines:
        field = FIELD.fullmatch(line)
        if not field:
            raise AssertionError(f'no header: {line!r}')
        fields.append((field[1].decode(), field[2].decode()))
    return Answer(int(status[1]), fields), end + 4


def parse(data, head=False):
    """(answer, bytes of it) of what begins data, or None while it is not whole. head: it answers HEAD."""
    found = head_of(data)
    if found is None:
        return None
    answer, begin = found
    if answer.status < 200 or answer.status in WITHOUT_BODY:
        if answer.get('Content-Length') not in (None, '0'):
            raise AssertionError(f'a length where no body may be: {answer}')
        return answer, begin
    length = answer.get('Content-Length')
    if length is None or not re.fullmatch('0|[1-9][0-9]*', length):
        raise AssertionError(f'how long is it? {answer}')
    if head:
        return answer, begin
    end = begin + int(length)
    if len(data) < end:
        return None
    answer.body = bytes(data[begin:end])
    return answer, end


def parse_all(data):
    """All answers in what came over a connection, without the 1xx, and what is left behind them."""
    answers = []
    while True:
        found = parse(data)
        if found is None:
            return answers, data
        if found[0].status >= 200:
            answers.append(found[0])
        data = data[found[1]:]


def pairs(headers):
    return list(headers.items()) if isinstance(headers, dict) else list(headers)


def request(method, target, headers=(), body=None):
    """A request as bytes. A body has a Content-Length unless the headers say otherwise."""
    headers = pairs(headers)
    named = {name.lower() for name, _ in headers}
    if 'host' not in named:
        headers.insert(0, ('Host', 'counter.example'))
    if body is not None and not named & {'content-length', 'transfer-encoding'}:
        headers.append(('Content-Length', len(body)))
    lines = [b' '.join((_bytes(method), _bytes(target), b'HTTP/1.1'))]
    lines += [_bytes(name) + b': ' + _bytes(value) for name, value in headers]
    return b'\r\n'.join(lines) + b'\r\n\r\n' + (body or b'')


def _bytes(value):
    return value if isinstance(value, bytes) else str(value).encode()


def dial(address, source=None, seconds=SECONDS):
    """A socket to (host, port) or the path of a Unix socket; source: the address to come from."""
    if isinstance(address, str):
        made = socket.socket(socket.AF_UNIX)
    else:
        made = socket.socket(socket.AF_INET6 if ':' in address[0] else socket.AF_INET)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        made.settimeout(seconds)
        if source is not None:
            made.bind((source, 0))
        made.connect(address)
    except BaseException:
        made.close()
        raise
    return made


class Connection:
    """interim: statuses of the 1xx answers that came."""

    def __init__(self, address, source=None, seconds=SECONDS):
        self.socket = dial(address, source, seconds)
        self.data = b''
        self.interim = []
        self.over = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        """False when nobody takes it any more."""
        try:
            self.socket.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def more(self):
        """False at the end. Raises TimeoutError when nothing comes, not even the end."""
        try:
            came = b'' if self.over else self.socket.recv(65536)
        except ConnectionResetError:
            came = b''
        self.data += came
        self.over = came == b''
        return not self.over

    def answer(self, head=False):
        while True:
            found = parse(self.data, head)
            if found is not None:
                self.data = self.data[found[1]:]
                if found[0].status >= 200:
                    return found[0]
                self.interim.append(found[0].status)
            elif not self.more():
                raise Gone(f'closed after {self.data!r}')

    def ask(self, method, target, headers=(), body=None):
        self.send(request(method, target, headers, body))
        return self.answer(head=method == 'HEAD')

    def rest(self):
        """What comes until the server closes the connection."""
        while self.more():
            pass
        return self.data

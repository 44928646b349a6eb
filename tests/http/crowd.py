"""Many clients at once, in one thread: each sends a request, reads its answer, sends the next; and clients that are no good."""
import selectors
import socket
import time

from client import SECONDS, dial, parse, request


class Client:
    def __init__(self, address, source):
        self.socket = dial(address, source)
        self.data = b''
        self.asked = None  # what its request is about; None: none is under way


class Crowd:
    """next_request() gives (request as bytes, what it is about), or None: this client is done. on_answer(about, answer) gets each
    answer. Whatever was asked and not answered when the server closed the connection is in `lost`. again: who was cut off by a
    whole answer comes back."""

    def __init__(self, server, size, next_request, on_answer, source=None, again=False):
        self.server, self.next_request, self.on_answer, self.source, self.again = server, next_request, on_answer, source, again
        self.lost = []
        self.selector = selectors.DefaultSelector()
        self.clients = [self.arrive() for _ in range(size)]

    def arrive(self):
        client = Client(self.server.address, self.source)
        self.selector.register(client.socket, selectors.EVENT_READ, client)
        return client

    def leave(self, client):
        if client.asked is not None:
            self.lost.append(client.asked)
        self.selector.unregister(client.socket)
        client.socket.close()

    def ask(self, client):
        wanted = self.next_request()
        if wanted is None:
            self.leave(client)
            return
        data, client.asked = wanted
        try:
            client.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            self.leave(client)

    def hear(self, client):
        try:
            came = client.socket.recv(65536)
        except ConnectionResetError:
            came = b''
        client.data += came
        found = parse(client.data)
        if found is not None:
            answer, used = found
            client.data = client.data[used:]
            about, client.asked = client.asked, None
            self.on_answer(about, answer)
            if not answer.closes:
                self.ask(client)
            else:
                self.leave(client)
                if self.again:
                    self.ask(self.arrive())
        elif came == b'':
            self.leave(client)

    def run(self, seconds=2 * SECONDS):
        """Until all are done or cut off."""
        until = time.monotonic() + seconds
        for client in self.clients:
            self.ask(client)
        while self.selector.get_map():
            if time.monotonic() > until:
                raise AssertionError(f'{len(self.selector.get_map())} clients still wait')
            for key, _ in self.selector.select(1):
                self.hear(key.data)
        self.selector.close()

    def close(self):
        for key in list((self.selector.get_map() or {}).values()):
            key.fileobj.close()
        self.selector.close()


class Stuck:
    """A client that takes up a connection and never lets a request end: it sends `begin`, then `trickle` a byte at a time, and
    reads only when it is asked whether it was cut."""

    def __init__(self, server, begin=b'', trickle=b'', source=None):
        self.socket = dial(server.address, source)
        self.trickle, self.at = trickle, 0
        self.socket.setblocking(False)
        try:
            self.socket.send(begin)
        except (BlockingIOError, BrokenPipeError, ConnectionResetError):
            pass

    def go_on(self):
        """A byte more. False when it was cut."""
        if not self.trickle:
            return True
        try:
            self.socket.send(self.trickle[self.at:self.at + 1])
        except BlockingIOError:
            pass
        except OSError:
            return False
        self.at = (self.at + 1) % len(self.trickle)
        return True

    def cut(self, seconds=SECONDS):
        """Whether the server ends the connection by itself, while this goes on to trickle."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if not self.go_on():
                return True
            self.socket.settimeout(0.05)
            try:
                if self.socket.recv(1 << 20) == b'':
                    return True
            except TimeoutError:
                pass
            except OSError:
                return True
            self.socket.setblocking(False)
        return False

    def close(self):
        self.socket.close()


def never_reads(server, target='/', requests=20000):
    """One that asks and asks and does not read: answers pile up until the server can send no more."""
    client = Stuck.__new__(Stuck)
    client.socket = dial(server.address)
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.socket.setblocking(False)
    client.trickle, client.at = b'', 0
    data = request('GET', target) * 50
    for _ in range(requests // 50):
        try:
            if client.socket.send(data) < len(data):
                break
        except OSError:
            break
    return client

"""A TCP proxy that notes when requests came and when their replies left, so that a benchmark knows how long a program waited for a
server, whatever the program is. One thread for all links, one clock (CLOCK_REALTIME) for all notes.

When a request came is the kernel's word (SO_TIMESTAMPNS), not ours; when a reply left is noted just before it is passed on. So what
this proxy takes for itself counts as the server's time, and never as the program's.
"""
import collections
import selectors
import socket
import struct
import threading
import time

SO_TIMESTAMPNS = 35
CHUNK = 256 * 1024

Exchange = collections.namedtuple('Exchange', 'connection line came left')  # nanoseconds; of the last byte of request and reply


class Side:
    """One of the two sockets of a connection; `other` is where its bytes go."""

    def __init__(self, link, sock, number):
        self.link, self.sock, self.number, self.other = link, sock, number, None


class Half(Side):
    """The program's side: what it asked last, and whether a part of the reply has been passed on."""
    line, came, left = None, 0, 0


class Link:
    """Listens on `port` of 127.0.0.1 and forwards to another. `exchanges` are those that are over: a reply is over when the next
    request comes, or the connection goes, or settle() is called while nothing is under way."""

    def __init__(self, links, port):
        self.links, self.upstream = links, port
        self.exchanges, self.connections, self.halves = [], 0, []
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.listener.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)  # so that the kernel has begun before anybody connects
        self.port = self.listener.getsockname()[1]

    def over(self, half):
        """Unless it is still under way."""
        if half.left:
            self.exchanges.append(Exchange(half.number, half.line, half.came, half.left))
            half.line, half.left = None, 0

    def settle(self):
        with self.links.lock:
            for half in self.halves:
                self.over(half)
            taken, self.exchanges = self.exchanges, []
            return taken


class Links:
    def __init__(self):
        self.lock = threading.Lock()
        self.selector = selectors.DefaultSelector()
        self.wake, self.woken = socket.socketpair()
        self.selector.register(self.woken, selectors.EVENT_READ, None)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def to(self, port):
        link = Link(self, port)
        self.selector.register(link.listener, selectors.EVENT_READ, link)
        return link

    def close(self):
        self.wake.close()
        self.thread.join()

    def run(self):
        while True:
            for key, _ in self.selector.select():
                if key.data is None:
                    return
                with self.lock:
                    if isinstance(key.data, Link):
                        self.accept(key.data)
                    elif isinstance(key.data, Half):
                        self.asked(key.data)
                    else:
                        self.replied(key.data)

    def accept(self, link):
        sock, _ = link.listener.accept()
        link.connections += 1
        half = Half(link, sock, link.connections)
        server = Side(link, socket.create_connection(('127.0.0.1', link.upstream)), link.connections)
        half.other, server.other = server, half
        link.halves.append(half)
        for side in (half, server):
            side.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            side.sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            self.selector.register(side.sock, selectors.EVENT_READ, side)

    def asked(self, half):
        try:
            part, notes, _, _ = half.sock.recvmsg(CHUNK, 64)
        except OSError:
            part = b''
        if not part:
            self.end(half)
            return
        now = time.clock_gettime_ns(time.CLOCK_REALTIME)
        half.link.over(half)
        if half.line is None:
            half.line = part[:part.find(b'\r\n')].decode('latin-1')
            for header in part.split(b'\r\n'):
                if header.lower().startswith(b'x-amz-target:'):
                    half.line = header.partition(b'.')[2].decode('latin-1')
        half.came = now
        for level, kind, value in notes:
            if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
                seconds, ns = struct.unpack('qq', value)
                half.came = seconds * 10**9 + ns
        self.pass_on(part, half.other, half)

    def replied(self, side):
        try:
            part = side.sock.recv(CHUNK)
        except OSError:
            part = b''
        if not part:
            self.end(side.other)
            return
        side.other.left = time.clock_gettime_ns(time.CLOCK_REALTIME)
        self.pass_on(part, side.other, side.other)

    def pass_on(self, part, side, half):
        try:
            side.sock.sendall(part)
        except OSError:
            self.end(half)

    def end(self, half):
        half.link.over(half)
        if half in half.link.halves:
            half.link.halves.remove(half)
            for side in (half, half.other):
                self.selector.unregister(side.sock)
                side.sock.close()

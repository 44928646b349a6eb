"""A relay between the program and its store's server, that can be cut and can lose what the store says."""
import contextlib
import socket
import threading
import urllib.parse


class Link:
    """url: the server's; self.url: the same by way of the relay. Ends with close()."""

    def __init__(self, url):
        self.parts = urllib.parse.urlsplit(url)
        self.loses = False
        self.ends = set()  # sockets of connections that are open
        self.lock = threading.Lock()
        self.port = 0
        self.listen()
        host = self.parts.netloc.rpartition(':')[0]
        self.url = self.parts._replace(netloc=f'{host}:{self.port}').geturl()

    def listen(self):
        self.listener = socket.create_server(('127.0.0.1', self.port), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def accept(self, listener):
        with contextlib.suppress(OSError):  # it is closed
            while True:
                near, _ = listener.accept()
                far = socket.create_connection((self.parts.hostname, self.parts.port))
                for each in (near, far):
                    each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with self.lock:
                    self.ends |= {near, far}
                threading.Thread(target=self.relay, args=(near, far, False), daemon=True).start()
                threading.Thread(target=self.relay, args=(far, near, True), daemon=True).start()

    def relay(self, source, target, is_reply):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if not (is_reply and self.loses):
                    target.sendall(data)
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def hang_up(self):
        with self.lock:
            for each in self.ends:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
                each.close()
            self.ends.clear()

    def refuse(self):
        self.listener.shutdown(socket.SHUT_RDWR)  # wakes accept
        self.listener.close()
        self.hang_up()

    @contextlib.contextmanager
    def cut(self):
        """Meanwhile nobody gets through."""
        self.refuse()
        try:
            yield
        finally:
            self.listen()

    @contextlib.contextmanager
    def losing_replies(self):
        """Meanwhile whatever is asked is done, and nobody is told."""
        self.loses = True
        try:
            yield
        finally:
            self.loses = False
            self.hang_up()

    def close(self):
        self.refuse()

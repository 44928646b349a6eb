"""A relay between the program and its store's server, that can be cut and can lose what the store says."""
import contextlib
import socket
import threading
import urllib.parse


class Link:
    """url: the server's; self.url: the same by way of the relay. Ends with close()."""

    def __init__(self, url):
        self.parts = urllib.parse.urlsplit(url)
        self.mode = 'passes'
        self.ends = set()  # sockets of connections that are open
        self.lock = threading.Lock()
        self.listener = socket.create_server(('127.0.0.1', 0), backlog=64)
        host = self.parts.netloc.rpartition(':')[0]
        self.url = self.parts._replace(netloc=f'{host}:{self.listener.getsockname()[1]}').geturl()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:  # closed
                return
            if self.mode == 'cut':
                near.close()
                continue
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
                if not (is_reply and self.mode == 'loses replies'):
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

    @contextlib.contextmanager
    def being(self, mode):
        """Meanwhile: 'cut', nobody gets through; 'loses replies', whatever is asked is done, and nobody is told."""
        self.mode = mode
        if mode == 'cut':
            self.hang_up()
        try:
            yield
        finally:
            self.mode = 'passes'
            self.hang_up()

    def close(self):
        self.listener.close()
        self.hang_up()

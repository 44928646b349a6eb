#!/usr/bin/env python3
"""Gives a test program a Redis server of its own, and takes it away again.

usage: with_redis.py [--transport tcp|unix|tls] [--appendonly no|everysec|always] [--user NAME] [--password PASSWORD] [--db N]
                     [--config KEY VALUE]... -- PROGRAM ARGS...

In PROGRAM's arguments @URL@ is the server's URL, @CA@ the file of the CA that signed its certificate, @SERVER_DIR@ its folder.
PROGRAM finds in its environment FOOTFALL_TEST_REDIS_URL and _PID (of the first start); _PORT (tcp, tls), _SOCKET (unix), _CA and
_BAD_CA (tls: a CA that did not sign); and _CONTROL, a Unix socket: each line kill, restart (kill -9 and start), stop (SIGTERM),
start, pause or resume is answered by "ok" or "error: WHY" once it is done. redis_control.h is the C side of all this.

The exit status is PROGRAM's, or 128 and the number of the signal that ended it. Without redis-server (or openssl, for tls) it is
77, which Meson counts as skipped, and 1 when CI=true; 99 when the server did not start.
"""
import argparse
import sys

sys.dont_write_bytecode = True  # the source tree stays clean
import with_server  # noqa: E402
from redis_server import RedisServer  # noqa: E402

PREFIX = 'FOOTFALL_TEST_REDIS_'


def serve(parser, options, command):
    """Runs the command with a server; the exit status."""
    if options.user and options.password is None:
        parser.error('--user needs --password')
    server = RedisServer(options.transport, options.appendonly, options.user, options.password, options.db, options.config)
    try:
        server.start()
        control = with_server.Control(server)
        control.start()
        command = with_server.filled_in(command, {'URL': server.url, 'CA': server.ca, 'SERVER_DIR': server.folder})
        said = {'URL': server.url, 'PID': server.pid, 'PORT': server.port, 'SOCKET': server.socket, 'CA': server.ca,
                'BAD_CA': server.bad_ca, 'CONTROL': control.path}
        return with_server.run_beside(server, command, with_server.environment(PREFIX, said, stays=(PREFIX + 'SERVER',)))
    finally:
        server.close()


def main(words):
    parser = argparse.ArgumentParser(usage=__doc__.split('\n\n')[1].removeprefix('usage: '))
    parser.add_argument('--transport', choices=['tcp', 'unix', 'tls'], default='tcp')
    parser.add_argument('--appendonly', choices=['no', 'everysec', 'always'], default='no')
    parser.add_argument('--user')
    parser.add_argument('--password')
    parser.add_argument('--db', type=int, choices=range(16), default=0)
    parser.add_argument('--config', nargs=2, action='append', default=[], metavar=('KEY', 'VALUE'))
    return with_server.main(parser, words, serve)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))

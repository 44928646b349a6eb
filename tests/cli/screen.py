"""A terminal for the tests: the program runs on a pseudo-terminal, and what a screen would show is kept."""
import codecs
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
import unicodedata

SECONDS = 120  # longest wait for anything
# All that the program may use: text, the beginning of the line, clearing to its end, styles.
PIECE = re.compile(r'\x1b\[(?P<style>[0-9]*)m|(?P<clear>\x1b\[K)|(?P<begin>\r)|(?P<newline>\n)|(?P<text>[^\x00-\x1f\x7f-\x9f])')
# As a shell does with `sys.argv[1]`, "foreground" or "background".
SHELL = '''import fcntl, os, sys, termios
fcntl.ioctl(sys.stderr, termios.TIOCSCTTY, 0)
job = os.fork()
if job == 0:
    if sys.argv[1] == 'background':
        os.setpgid(0, 0)
    os.execv(sys.argv[2], sys.argv[2:])
sys.exit(os.waitstatus_to_exitcode(os.waitpid(job, 0)[1]))'''
UNFINISHED = re.compile(r'\x1b(\[[0-9]*)?$')


def columns_of(text):
    """As a terminal counts."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in 'WF' else 1 for c in text)


class Screen:
    """As wide as need be: what would have been too wide is seen in `widest`."""

    def __init__(self):
        self.raw = ''
        self.lines = [[]]  # of cells: a character and what combines with it, '' behind a wide one
        self.styles = {}  # text written in each style
        self.style = '0'
        self.column = self.widest = 0
        self.wiped = []  # lines that were cleared from their beginning, or written over
        self.decoder = codecs.getincrementaldecoder('utf-8')('strict')
        self.left = ''

    def text(self):
        return '\n'.join(self.line(n) for n in range(len(self.lines)))

    def line(self, n):
        return ''.join(self.lines[n]).rstrip()

    def feed(self, data):
        more = self.decoder.decode(data)
        self.raw += more
        text, self.left = self.left + more, ''
        unfinished = UNFINISHED.search(text)
        if unfinished:
            text, self.left = text[:unfinished.start()], unfinished.group()
        at = 0
        while at < len(text):
            piece = PIECE.match(text, at)
            assert piece, f'no terminal should get {text[at:at + 20]!r}'
            self.take(piece)
            at = piece.end()

    def take(self, piece):
        kind = piece.lastgroup
        if kind == 'style':
            self.style = piece['style'] or '0'
        elif kind == 'begin':
            self.column = 0
        elif kind == 'clear':
            self.note_wiped()
            del self.lines[-1][self.column:]
        elif kind == 'newline':
            self.lines.append([])
            self.column = 0
        else:
            self.write(piece['text'])

    def note_wiped(self):
        if self.column == 0 and self.line(-1):
            self.wiped.append(self.line(-1))

    def write(self, char):
        self.note_wiped()
        self.styles[self.style] = self.styles.get(self.style, '') + char
        width, line = columns_of(char), self.lines[-1]
        if width == 0:
            line[self.column - 1] += char
            return
        line += [' '] * (self.column - len(line))
        line[self.column:self.column + width] = [char] + [''] * (width - 1)
        self.column += width
        self.widest = max(self.widest, self.column)


class Session:
    """One run of the program. `on`: which of its outputs the terminal is; the other one is a pipe (`piped`, at the end). `job`: as
    one of a shell, in the "foreground" or "background"; otherwise the terminal is nobody's."""

    def __init__(self, command, cwd, env, columns=80, on=('stdout', 'stderr'), stdin=subprocess.DEVNULL, job=None):
        self.screen = Screen()
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', 24, columns, 0, 0))
        outputs = {name: slave if name in on else subprocess.PIPE for name in ('stdout', 'stderr')}
        if job is not None:
            command = [sys.executable, '-c', SHELL, job, *command]
        self.process = subprocess.Popen(command, cwd=cwd, env=env, stdin=stdin, start_new_session=True, **outputs)
        os.close(slave)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()
        os.close(self.master)

    def read(self, seconds):
        """Takes what is there, or comes meanwhile. False: nothing will come any more."""
        if not select.select([self.master], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.master, 65536)
        except OSError:  # Linux's way of saying that nobody has the other side
            return False
        self.screen.feed(data)
        return data != b''

    def wait_for(self, condition, what):
        deadline = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < deadline and self.read(0.1), f'{what} never came; {self.screen.raw!r}'

    def end(self):
        """Until it ends. Returns its status."""
        deadline = time.monotonic() + SECONDS
        while self.read(0.1):
            assert time.monotonic() < deadline, f'it does not end; {self.screen.raw!r}'
        self.piped = b''.join(pipe.read() for pipe in (self.process.stdout, self.process.stderr) if pipe is not None)
        return self.process.wait(SECONDS)

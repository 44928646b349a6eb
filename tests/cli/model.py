"""An independent count of log lines: docs/semantics.md in Python, written without a look at the C code."""
import datetime
import ipaddress
import re
import urllib.parse

HOUR = 3600 * 1000
LINE = re.compile(rb'(\S+) \S+ .*?\[(\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\] "(?:\S+) (\S+)(?: HTTP/[\d.]+)?" '
                  rb'(\d{3}) (?:\d+|-)')


class Model:
    """The counters after the lines that it was given, in their order."""

    def __init__(self, counter=None, window=24 * HOUR, statuses=None):
        self.counter, self.window, self.statuses = counter, window, statuses
        self.epoch = max(24 * HOUR, window)
        self.totals, self.uniques, self.seen = {}, {}, {}
        self.lines = self.fresh = 0

    def visit(self, name, address, now):
        who = ipaddress.ip_address(address)
        if who.version == 6 and who.ipv4_mapped:
            who = who.ipv4_mapped
        if who.version == 6:
            who = int(who) >> 64
        number = now // self.epoch
        last = [self.seen[key] for key in ((name, who, number), (name, who, number - 1)) if key in self.seen]
        fresh = not last or now - max(last) >= self.window
        if fresh:
            self.seen[name, who, number] = now
            if now % self.epoch < HOUR:
                self.seen[name, who, number - 1] = now
        self.totals[name] = self.totals.get(name, 0) + 1
        self.uniques[name] = self.uniques.get(name, 0) + fresh
        self.lines += 1
        self.fresh += fresh

    def line(self, line):
        """A line that is known to be a good one."""
        host, stamp, target, status = LINE.match(line).groups()
        if self.statuses is not None and int(status) not in self.statuses:
            return
        now = int(datetime.datetime.strptime(stamp.decode(), '%d/%b/%Y:%H:%M:%S %z').timestamp() * 1000)
        name = self.counter
        if name is None:
            name = urllib.parse.unquote_to_bytes(target.split(b'?')[0]).decode()
        self.visit(name, host.decode(), now)

    def counters(self):
        return {name: (self.totals[name], self.uniques[name]) for name in self.totals}


def stamp(seconds, zone=0):
    """The time of a log line; zone in minutes east of UTC."""
    where = datetime.timezone(datetime.timedelta(minutes=zone))
    when = datetime.datetime.fromtimestamp(seconds, where)
    months = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split()
    return f'{when.day:02d}/{months[when.month - 1]}/{when:%Y:%H:%M:%S %z}'


def make_lines(random, count, begin=1772323200, visitors=200, paths=12, step=60, jitter=0):
    """Combined lines from documentation addresses, `step` seconds apart on average."""
    seconds = begin
    for _ in range(count):
        seconds += random.randrange(2 * step + 1)
        visitor, path = random.randrange(visitors), random.randrange(paths)
        address = f'198.51.100.{visitor}' if visitor < 150 else f'2001:db8:0:{visitor:x}::{random.randrange(1, 9)}'
        when = stamp(seconds - random.randrange(jitter + 1), random.choice((0, 0, 60, -420, 330)))
        query = random.choice(('', '', '?a=b', '?x=/y'))
        user = random.choice(('-', '-', 'frank', 'John Q. Public'))
        yield (f'{address} - {user} [{when}] "GET /page%20{path}{query} HTTP/1.1" {random.choice((200, 200, 304, 404))} '
               f'{random.randrange(99999)} "https://example.org/" "Mozilla/5.0 (X11; \\"odd\\" one)"\n').encode()

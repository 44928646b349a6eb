"""A manual page as mandoc reads it: sections, the heads of their lists, displays, words; and as a terminal shows it."""
import html.parser
import re
import subprocess


def mandoc(*words):
    """(exit status, standard output, standard error)"""
    done = subprocess.run(['mandoc', *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding='utf-8',
                          check=False)
    return done.returncode, done.stdout, done.stderr


class Part:
    """What stands under one heading."""

    def __init__(self):
        self.heads = []  # of the outer lists: their items' first lines
        self.items = {}  # head to text
        self.inner = []  # heads of lists inside items
        self.displays = []
        self.text = ''


class Page(html.parser.HTMLParser):
    """parts: {(section, subsection or ''): Part}, in order."""

    def __init__(self, path):
        super().__init__()
        self.parts = {}
        self.section = self.subsection = ''
        self.part = Part()
        self.open = []  # [tag, class, text so far]
        status, out, _ = mandoc('-T', 'html', '-O', 'fragment', path)
        self.ok = status < 3 and out != ''
        self.feed(out)

    def handle_starttag(self, tag, attrs):
        if tag not in ('br', 'hr', 'meta', 'link'):
            self.open.append([tag, dict(attrs).get('class') or '', ''])

    def handle_data(self, data):
        if not any(tag == 'pre' for tag, _, _ in self.open):
            data = re.sub(r'\s+', ' ', data)
        for one in self.open:
            one[2] += data
        self.part.text += data

    def handle_endtag(self, tag):
        while self.open and self.open[-1][0] != tag:
            self.open.pop()
        if not self.open:
            return
        _, kind, text = self.open.pop()
        depth = sum(tag == 'dl' for tag, _, _ in self.open)
        if tag in ('h1', 'h2') and kind in ('Sh', 'Ss'):
            self.begin(tag, text.strip())
        elif tag == 'dt':
            (self.part.heads if depth == 1 else self.part.inner).append(' '.join(text.split()))
        elif tag == 'dd' and depth == 1:
            self.part.items[self.part.heads[-1]] = text.strip()
        elif kind.startswith('Bd'):
            self.part.displays.append(text.strip('\n'))
        elif tag in ('p', 'div', 'td', 'dd'):
            self.part.text += '\n'

    def begin(self, tag, title):
        self.section, self.subsection = (title, '') if tag == 'h1' else (self.section, title)
        self.part = self.parts.setdefault((self.section, self.subsection), Part())

    def subsections(self, section):
        return [sub for above, sub in self.parts if above == section and sub]

    def get(self, section, subsection=''):
        return self.parts.get((section, subsection), Part())

    def heads(self, section=None):
        """Of the outer lists of a whole section, or of the page."""
        return [head for (above, _), part in self.parts.items() if section in (None, above) for head in part.heads]

    def all_heads(self):
        return self.heads() + [head for part in self.parts.values() for head in part.inner]

    def displays(self):
        return [display for part in self.parts.values() for display in part.displays]

    def text(self):
        return '\n'.join(f'{section} {sub}\n{part.text}' for (section, sub), part in self.parts.items())


def words(text):
    return ' '.join(re.findall(r'[a-z0-9_]+', text.lower()))


def shown(path, width):
    """The lines that a terminal shows."""
    _, out, _ = mandoc('-T', 'utf8', '-O', f'width={width}', path)
    return re.sub('.\b', '', out).splitlines()

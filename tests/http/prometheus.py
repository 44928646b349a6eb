"""Prometheus' text format 0.0.4, read as strictly as it is written down."""
import math
import re

NAME = re.compile(r'[a-zA-Z_:][a-zA-Z0-9_:]*')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"')
SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{([^\n]*)\})? ([-+.0-9a-zA-Z]+)')
PARTS = ('_bucket', '_sum', '_count')


class Family:
    def __init__(self, name):
        self.name = name
        self.help = self.type = None
        self.samples = {}  # (sample's name, labels as sorted pairs) to value


def labels_of(text):
    if not text:
        return ()
    found = LABEL.findall(text)
    wrong(','.join(f'{name}="{value}"' for name, value in found) == text, f'labels: {text}')
    wrong(len({name for name, _ in found}) == len(found), f'a label twice: {text}')
    return tuple(sorted(found))


def wrong(fine, message):
    if not fine:
        raise AssertionError(message)


def read(text):
    """{family's name: Family}. Raises AssertionError."""
    wrong(text.endswith('\n') and '\r' not in text and '\n\n' not in text, 'lines that end in one newline')
    families, current = {}, None
    for line in text.split('\n')[:-1]:
        if line.startswith('#'):
            mark, kind, name, rest = (line.split(' ', 3) + ['', '', ''])[:4]
            wrong(mark == '#' and kind in ('HELP', 'TYPE') and NAME.fullmatch(name) and rest, line)
            if current is None or current.name != name:
                wrong(name not in families, f'{name} comes in two places')
                current = families[name] = Family(name)
            wrong(not current.samples, f'{line}: behind its samples')
            wrong(getattr(current, kind.lower()) is None, f'{line}: twice')
            wrong(kind == 'HELP' or rest in ('counter', 'gauge', 'histogram'), line)
            setattr(current, kind.lower(), rest)
            continue
        match = SAMPLE.fullmatch(line)
        wrong(match, f'no sample: {line}')
        wrong(current and match[1] in names_of(current), f'{line}: not of the family before it')
        key = match[1], labels_of(match[2])
        wrong(key not in current.samples, f'{line}: twice')
        current.samples[key] = float(match[3].replace('Inf', 'inf'))
    for family in families.values():
        check(family)
    return families


def names_of(family):
    return [family.name + part for part in PARTS] if family.type == 'histogram' else [family.name]


def check(family):
    wrong(family.help and family.type and family.samples, f'{family.name} is not whole')
    wrong(not any(map(math.isnan, family.samples.values())), f'{family.name}: not a number')
    if family.type == 'counter':
        wrong(family.name.endswith('_total'), f'{family.name} counts, and its name says nothing of that')
        wrong(all(value >= 0 for value in family.samples.values()), f'{family.name} is below 0')
    if family.type == 'histogram':
        wrong(not family.name.endswith('_total'), family.name)
        rows = {}
        for (name, labels), value in family.samples.items():
            rest = tuple(pair for pair in labels if pair[0] != 'le')
            rows.setdefault(rest, {})[name.removeprefix(family.name), dict(labels).get('le')] = value
        for rest, row in rows.items():
            check_histogram(f'{family.name}{dict(rest)}', row)


def check_histogram(name, row):
    buckets = [(float(le.replace('Inf', 'inf')), value) for (part, le), value in row.items() if part == '_bucket']
    edges, counts = [edge for edge, _ in buckets], [count for _, count in buckets]
    wrong(edges == sorted(set(edges)) and edges[-1] == math.inf, f'{name}: edges {edges}')
    wrong(counts == sorted(counts), f'{name}: a bucket counts less than a smaller one')
    wrong(('_sum', None) in row and row.get(('_count', None)) == counts[-1], f'{name}: sum, count and the last bucket')
    wrong(len(row) == len(buckets) + 2, f'{name}: {row}')


def value(families, name, **labels):
    """Of the samples of that name with at least these labels, their sum."""
    family = families[next(name.removesuffix(part) for part in ('', *PARTS) if name.removesuffix(part) in families)]
    return sum(each for (sample, pairs), each in family.samples.items()
               if sample == name and labels.items() <= dict(pairs).items())

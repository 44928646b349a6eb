"""A C header as declarations with their comments: enough C for this project's headers. Who needs it is header_to_man.py."""
import re

COMMENT = re.compile(r'/\*(.*?)\*/', re.DOTALL)
ASIDE = re.compile(r'(\w+)(?:\[\d+\])? ' + COMMENT.pattern, re.DOTALL)  # beside a parameter


class Declaration:
    """`code`: on one line, without comments. `name`: of a function or a function's type, else None. `body`: what stands between
    its braces, or None. `doc`: its texts. `joins`: it has none of its own, and follows one whose text stands before it."""

    def __init__(self, raw, before, after, joins):
        brace = raw.find('{')
        self.body = raw[brace + 1:raw.rindex('}')] if brace >= 0 else None
        head = raw[:brace] if brace >= 0 else raw
        code = ' '.join(COMMENT.sub(' ', head).replace('FOOTFALL_API', '').split())
        self.code = re.sub(r' ?([,)])', r'\1', code).replace(' [', '[').rstrip(';, ')
        self.doc = [text for text in (before, after) if text]
        self.own_text = bool(before or after)
        self.joins = joins
        if self.body is not None:
            first = re.match(r'[ \t]*' + COMMENT.pattern, self.body, re.DOTALL)
            if first:
                self.doc.insert(0, clean(first.group(1)))
                self.body = self.body[first.end():]
        if '(' in self.code:
            self.doc += [f'`{parameter}`: {clean(text)}' for parameter, text in ASIDE.findall(head)]
        function = re.match(r'[^(]*?(\w+)\((?!\*)', self.code) if self.body is None else None
        self.name = function.group(1) if function else None


def clean(comment):
    """The text of a comment, without the stars at the beginning of its lines."""
    lines = [re.sub(r'^\s*\* ?', '', line).rstrip() if number else line.strip()
             for number, line in enumerate(comment.split('\n'))]
    if not any(re.match(r'\s*\*', line) for line in comment.split('\n')[1:]):  # beside a field, no stars
        lines = [line.strip() for line in lines]
    return '\n'.join(lines).strip()


def declaration_end(text, at, terminator):
    """Where the declaration that begins at `at` ends, after its terminator."""
    depth = 0
    while at < len(text):
        if text.startswith('/*', at):
            at = text.index('*/', at) + 2
            continue
        depth += {'{': 1, '(': 1, '}': -1, ')': -1}.get(text[at], 0)
        at += 1
        if depth == 0 and text[at - 1] == terminator:
            break
    return at


def pieces(text, terminator=';'):
    """Yields strings (comments that stand alone), ('#', line) and declarations, in order."""
    at, pending, earlier = 0, None, False
    while True:
        space = re.compile(r'\s*').match(text, at).group(0)
        gap = space.count('\n') > 1
        at += len(space)
        if at == len(text):
            break
        comment = COMMENT.match(text, at)
        if comment:
            if pending:
                yield pending
            pending, at = clean(comment.group(1)), comment.end()
            if re.compile(r'[ \t]*\n[ \t]*\n').match(text, at):
                yield pending
                pending, earlier = None, False
        elif text[at] == '#':
            line = re.compile(r'(?:[^\n]*\\\n)*[^\n]*').match(text, at).group(0)
            at += len(line)
            yield '#', line
        else:
            end = declaration_end(text, at, terminator)
            raw = text[at:end]
            after = re.compile(r'[ \t]*' + COMMENT.pattern, re.DOTALL).match(text, end)
            at = after.end() if after else end
            after = clean(after.group(1)) if after else None
            if not after and terminator == ',' and end == len(text):  # an enum's last one has no comma
                last = COMMENT.search(raw)
                after = clean(last.group(1)) if last else None
            one = Declaration(raw, pending, after, earlier and not gap and not pending and not after)
            pending, earlier = None, one.joins or (one.own_text and not after)
            yield one
    if pending:
        yield pending


def read_header(path):
    """(first comment, pieces) of a header, without what is for the compiler alone."""
    with open(path, encoding='utf-8') as file:
        text = file.read()
    first = COMMENT.match(text)
    text = text[first.end():]
    text = re.sub(r'#ifdef __cplusplus\n.*?#endif\n', '', text, flags=re.DOTALL)
    text = re.sub(r'#if defined\(__GNUC__\)\n.*?#endif\n', '', text, flags=re.DOTALL)
    return clean(first.group(1)), list(pieces(text))


def with_text(items, functions_only):
    """Yields (declarations, texts): those that share a text together, and ([], [text]) for a comment that stands alone."""
    group, texts = [], []
    for one in items:
        alone = isinstance(one, str)
        if group and (alone or not one.joins or (functions_only and not (one.name and group[-1].name))):
            yield group, texts
            group, texts = [], []
        if alone:
            yield [], [one]
        else:
            group, texts = group + [one], texts + one.doc
    if group:
        yield group, texts


def parameters(one):
    """Of a function, each as it stands there."""
    inside = one.code[one.code.index('(') + 1:one.code.rindex(')')]
    parts, depth, last = [], 0, 0
    for at, c in enumerate(inside):
        depth += {'(': 1, ')': -1}.get(c, 0)
        if c == ',' and depth == 0:
            parts.append(inside[last:at].strip())
            last = at + 1
    return parts + [inside[last:].strip()]

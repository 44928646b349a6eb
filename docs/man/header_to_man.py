#!/usr/bin/env python3
"""header_to_man.py TEMPLATE HEADER VERSION OUTPUT: the manual page of a header, in mdoc(7).

Each declaration becomes an item, the comment with it its text. A comment that stands alone becomes a paragraph, a comment
"---- title ----" a section. The template is the page around that; in it stand for what is made of the header, each on a line
of its own: @NAMES@ the functions' names, @SYNOPSIS@ their prototypes, @PREFACE@ the first comment of the header without its
first paragraph and what is indented in it, @CONSTANTS@ constants and opaque types, @FIRST@ what comes before the first section,
@SECTIONS@ the sections. The same input gives the same bytes.
"""
import os
import re
import sys

sys.dont_write_bytecode = True  # the source tree stays clean
from header import COMMENT, Declaration, clean, parameters, pieces, read_header, with_text  # noqa: E402


# ---- text ---------------------------------------------------------------------------------------------------------------

class Words:
    """Words of the header that are more than words."""

    def __init__(self, found):
        self.functions, self.statuses = set(), {'OK'}
        for one in found:
            if not isinstance(one, Declaration):
                continue
            if one.name:
                self.functions.add(one.name)
            if one.code.startswith('enum') and one.body is not None:
                for item in pieces(one.body, ','):
                    self.statuses.add(re.sub(r'^FOOTFALL_(STORE_|OP_)?', '', item.code.split(' ')[0]))

    def macro(self, word):
        """What marks a word up, or None."""
        if re.fullmatch(r'`[^`]+`', word):
            return f'Va {escape(word[1:-1])}'
        if word in self.functions:
            return f'Fn {word}'
        if re.fullmatch(r'\w+\(\)', word):
            return f'Fn {word[:-2]}'
        if re.fullmatch(r'FOOTFALL_[A-Z_0-9]+|NULL|INT64_MAX|INT64_MIN', word) or word in self.statuses:
            return f'Dv {word}'
        if re.fullmatch(r'footfall_[a-z_]+', word):
            return f'Vt {word}'
        if re.fullmatch(r'docs/[\w.]+', word):
            return f'Pa {word}'
        page = re.fullmatch(r'([\w.]+)\((\d)\)', word)
        return f'Xr {page.group(1)} {page.group(2)}' if page else None


def escape(text):
    text = text.replace('\\', '\\e').replace('-', '\\-')
    return ''.join(c if ord(c) < 128 else f'\\[u{ord(c):04X}]' for c in text)


def text_line(words):
    line = ' '.join(words)
    return '\\&' + line if line[0] in ".'" else line


def sentence(text):
    """With a capital and a full stop, where that is sure to be right."""
    if re.match(r"(?!enum |struct )[a-z]+('s)?[,;]?( (?![+=<>-])|$)", text):
        text = text[0].upper() + text[1:]
    return text if text[-1] in '.!?:' else text + '.'


def paragraph(text, words):
    lines = []
    for part in re.split(r'(?<=[.!?])\s+(?=[A-Z("*])|(?<=[.!?]\))\s+(?=[A-Z("*])', sentence(' '.join(text.split()))):
        if part.startswith('Errors:') and lines:
            lines.append('.Pp')
        plain = []
        for word in part.split():
            lead, core, trail = re.fullmatch(r'([(\[]*)(.*?)([)\].,;:!?]*)', word).groups()
            if re.search(r'\w\(\d?$', core):  # a page, a function
                core, trail = core + trail[:1], trail[1:]
            macro = words.macro(core)
            if macro is None:
                if plain and len(' '.join(plain)) > 70:
                    lines.append(text_line(plain))
                    plain = []
                plain.append(escape(word))
                continue
            if plain:
                lines.append(text_line(plain))
                plain = []
            name, _, rest = macro.partition(' ')
            lines.append('.' + ' '.join([name, *lead, rest, *trail]))
        if plain:
            lines.append(text_line(plain))
    return lines


def display(text, words):
    """Lines as they stand; or a list, when each has two columns."""
    columns = [re.fullmatch(r'\s+(\S.*?) {3,}(\S.*)', line) for line in text.split('\n')]
    if all(columns):
        items = [['.It Li ' + escape(line.group(1)), *paragraph(line.group(2), words)] for line in columns]
        return ['.Bl -tag -width Ds -offset indent -compact', *(line for item in items for line in item), '.El']
    return ['.Bd -literal -offset indent', *(text_line([escape(line)]) if line else '' for line in text.split('\n')), '.Ed']


def prose(text, words):
    """Paragraphs, and lines that are indented as they stand."""
    lines = []
    for block in re.findall(r'(?:^  .*\n?)+|(?:^(?!  ).+\n?)+', text, re.MULTILINE):
        if block.startswith('  '):
            lines += display(block.rstrip(), words)
        else:
            lines += (['.Pp'] if lines else []) + paragraph(block, words)
    return lines


# ---- items --------------------------------------------------------------------------------------------------------------

def prototype(one):
    kind = one.code[:one.code.index(one.name)].strip()
    return [f'.Ft "{kind}"', f'.Fo {one.name}', *(f'.Fa "{parameter}"' for parameter in parameters(one)), '.Fc']


def tag(one):
    """What stands before a declaration's text."""
    if one.name:
        names = [re.search(r'(\w+)(?:\[\d+\])?$', parameter).group(1) for parameter in parameters(one) if parameter != 'void']
        return f'.It Fn {one.name} {" ".join(names)}'.rstrip()
    return f'.It Vt {one.code}'


def constant(item):
    name, _, value = item.code.partition(' = ')
    return f'.It Dv {name}' + (f' Pq {escape(value)}' if value else '')


def field(item):
    names = [item.code] if '(' in item.code else item.code.split(', ')
    return '.It Fa ' + ' , '.join(f'"{name}"' for name in names)


def fields(one, words):
    """What a struct or an enum consists of, as a list."""
    is_enum = one.code.startswith('enum')
    items = list(pieces(one.body, ',' if is_enum else ';'))
    if is_enum and not any(item.doc for item in items):
        names = [item.code.split(' ')[0] for item in items]
        return [f'.Dv {name} {"," if number + 1 < len(names) else "."}' for number, name in enumerate(names)]
    lines = ['.Bl -tag -width Ds -compact']
    for group, texts in with_text(items, False):
        lines += [constant(item) if is_enum else field(item) for item in group]
        lines += [line for text in texts for line in prose(text, words)]
    return lines + ['.El']


def initialiser(one, defines):
    """The macro that sets up a struct, with its parameter, or None."""
    name = one.code.split(' ')[-1].upper() + '_INIT'
    found = [define for define in defines if define.split('(')[0] == name]
    return found[0] if found else None


def type_lines(one, words, defines):
    """What is said of a type, and its parts."""
    lines = []
    for text in one.doc:
        lines += (['.Pp'] if lines else []) + prose(text, words)
    macro = initialiser(one, defines)
    if macro:
        name, parameter = re.fullmatch(r'(\w+)(?:\((\w+)\))?', macro).groups()
        lines += ['Initialise it with', f'.Fn {name} {parameter} .' if parameter else f'.Dv {name} .']
    if one.body is not None:
        lines += (['.Pp'] if lines else []) + fields(one, words)
    return lines


def item_lines(items, words, defines):
    """Lists of declarations, between comments that stand alone."""
    lines, is_open = [], False
    for group, texts in with_text(items, True):
        if not group:
            lines += (['.El', '.Pp'] if is_open else []) + prose(texts[0], words)
            is_open = False
            continue
        lines += [] if is_open else ['.Bl -tag -width Ds']
        lines += [tag(one) for one in group]
        lines += [line for text in texts for line in prose(text, words)] if group[0].name else type_lines(group[0], words, defines)
        is_open = True
    return lines + (['.El'] if is_open else [])


# ---- the page -----------------------------------------------------------------------------------------------------------

def split_sections(found):
    """[(title, group)]; the first title is ''. And the #defines: 'NAME value' or 'NAME(parameter) value', comment."""
    sections, defines = [('', [])], []
    for one in found:
        title = re.fullmatch(r'-+ (.*?) -+', one) if isinstance(one, str) else None
        if title:
            sections.append((title.group(1), []))
        elif isinstance(one, tuple):
            define = re.match(r'#define (\w+(?:\(\w+\))?)\s+(.*)', one[1], re.DOTALL)
            if define:
                comment = COMMENT.search(define.group(2))
                value = ' '.join(COMMENT.sub('', define.group(2)).split())
                defines.append((define.group(1), value, clean(comment.group(1)) if comment else None))
        else:
            sections[-1][1].append(one)
    return sections, defines


def constants(defines, group, words):
    """Values that have a name, and types that nobody looks into."""
    lines = ['.Bl -tag -width Ds -compact']
    for name, value, comment in defines:
        if '{' not in value and value:
            lines += [f'.It Dv {name} Pq {escape(value)}', *(paragraph(comment, words) if comment else [])]
    for one in sorted(group, key=lambda one: one.body is None):
        for item in pieces(one.body, ',') if one.body is not None else [one]:
            lines += [tag(one) if item is one else constant(item), *(paragraph(item.doc[0], words) if item.doc else [])]
    return lines + ['.El']


def preface(first, words):
    """The first comment's later paragraphs; what one begins with, "Threads.", is its title."""
    lines = []
    for block in re.split(r'\n\n+', first)[1:]:
        if block.startswith('  '):
            continue
        title = re.match(r'([A-Z][A-Za-z]+(?: [A-Za-z]+){0,2})\. ', block)
        if title:
            lines.append('.Ss ' + title.group(1).capitalize())
            block = block[title.end():]
        elif lines:
            lines.append('.Pp')
        lines += prose(block, words)
    return lines


def main():
    template, header, version, output = sys.argv[1:5]
    first, found = read_header(header)
    sections, defines = split_sections(found)
    words = Words(found + read_header(f'{os.path.dirname(header)}/footfall.h')[1])
    for one, following in zip(found, found[1:]):  # a nameless enum's text is of what it serves
        if isinstance(one, Declaration) and one.code == 'enum' and isinstance(following, Declaration):
            one.doc, following.doc = [], one.doc + following.doc
    named = [one for one in found if isinstance(one, Declaration) and one.name]
    apart = [one for one in sections[0][1]
             if isinstance(one, Declaration) and not one.name and (one.body is None or one.code == 'enum')]
    inits = [name for name, value, _ in defines if '{' in value]
    made = {
        '@NAMES@': [f'.Nm {one.name} ,' for one in named[:-1]] + [f'.Nm {one.name}' for one in named[-1:]],
        '@SYNOPSIS@': [line for one in named for line in prototype(one)],
        '@PREFACE@': preface(first, words),
        '@CONSTANTS@': constants(defines, apart, words),
        '@FIRST@': item_lines([one for one in sections[0][1] if one not in apart], words, inits),
        '@SECTIONS@': [line for title, group in sections[1:]
                       for line in [f'.Sh {title.upper()}', *item_lines(group, words, inits)]],
    }
    lines = []
    with open(template, encoding='utf-8') as file:
        for line in file.read().split('\n'):
            lines += made.get(line, [line.replace('@VERSION@', version)])
    with open(output, 'w', encoding='utf-8') as file:
        file.write('\n'.join(lines))


if __name__ == '__main__':
    main()

#!/usr/bin/env python3
"""badge_font.py DejaVuSans.ttf >badge_font.c: the advance widths that badges are laid out by. Run by hand; its outcome is committed."""
import struct
import sys

# Latin, IPA, Greek, Cyrillic, Armenian, Hebrew, Georgian, Latin and Greek with marks, punctuation, raised and lowered digits, currencies,
# letterlike signs and fractions. What is not here has a width by kind (badge_widths.c).
RANGES = [(0x20, 0x7e), (0xa0, 0x2ff), (0x370, 0x3ff), (0x400, 0x52f), (0x531, 0x58a), (0x5d0, 0x5ea), (0x10d0, 0x10fc),
          (0x1e00, 0x1fff), (0x2010, 0x205f), (0x2070, 0x209c), (0x20a0, 0x20bf), (0x2100, 0x218f)]
UNIT = 12  # of 2048 to the em: what a byte counts in

with open(sys.argv[1], 'rb') as file:
    font = file.read()


def numbers(kind, at, count):
    return struct.unpack_from(f'>{count}{kind}', font, at)


tables = {}
for i in range(numbers('H', 4, 1)[0]):
    name, _, at, _ = struct.unpack_from('>4sIII', font, 12 + 16 * i)
    tables[name] = at
assert numbers('H', tables[b'head'] + 18, 1)[0] == 2048
advances = numbers('H', tables[b'hhea'] + 34, 1)[0]


def advance(glyph):
    return numbers('H', tables[b'hmtx'] + 4 * min(glyph, advances - 1), 1)[0]


def characters():
    """{character: glyph} of the Unicode subtable in groups (format 12)."""
    cmap = tables[b'cmap']
    for i in range(numbers('H', cmap + 2, 1)[0]):
        at = cmap + numbers('I', cmap + 4 + 8 * i + 4, 1)[0]
        if numbers('H', at, 1)[0] == 12:
            groups = [numbers('I', at + 16 + 12 * n, 3) for n in range(numbers('I', at + 12, 1)[0])]
            return {c: glyph + c - first for first, last, glyph in groups for c in range(first, last + 1)}
    raise SystemExit('no such table in this font')


glyphs = characters()
print('/* Advance widths of DejaVu Sans; those of Verdana differ from them by a fiftieth at most. Made by badge_font.py. */')
print('#include "badge_font.h"\n')
print('/* clang-format off */')
print('const uint8_t footfall__web_font[] = {')
ranges, place = [], 0
for first, last in RANGES:
    ranges.append(f'    {{ 0x{first:x}, 0x{last:x}, {place} }},')
    widths = [min(255, round(advance(glyphs[c]) / UNIT)) if c in glyphs else 0 for c in range(first, last + 1)]
    place += len(widths)
    line = f'    /* U+{first:04X} */'
    for width in widths:
        if len(line) + len(f' {width},') > 120:
            print(line)
            line = '   '
        line += f' {width},'
    print(line)
print('};\n')
print('const struct footfall_web_font_range footfall__web_font_ranges[] = {')
print('\n'.join(ranges))
print('};')
print('/* clang-format on */')
print('const size_t footfall__web_font_range_count = sizeof footfall__web_font_ranges / sizeof footfall__web_font_ranges[0];')

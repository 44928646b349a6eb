#!/usr/bin/env python3
"""embed.py OUT page.html footfall.js: page and widget as C, each with its type and the Content-Security-Policy it is sent with."""
import base64
import hashlib
import re
import string
import sys

WIDGET_BYTES = 2048  # it stays below

out, page_path, widget_path = sys.argv[1:]


def read(path):
    with open(path, encoding='utf-8') as file:
        return file.read()


def shortened(script):
    """Without comments and blanks, and with one letter for each name that the script lists for it. Knows no more of the language
    than it needs: strings are in single quotes, on one line and without blanks, and those names are no member's."""
    names = ' '.join(re.findall(r'^// short: (.*)$', script, re.MULTILINE)).split()
    letters = [c for c in string.ascii_letters if c != 'e'][:len(names)]  # catch (e)
    lines = (line.strip() for line in script.splitlines())
    parts = re.split(r"('[^'\n]*')", ''.join(line + '\n' for line in lines if line and not line.startswith('//')))
    for i in range(0, len(parts), 2):
        code = re.sub(r' ?([-+*/=<>!?:;,(){}\[\]|&.]) ?', r'\1', parts[i])
        for name, letter in zip(names, letters, strict=True):  # before any of them is one
            if re.search(rf'[{{,]{name}:|{{{name}[,}}]|(?<![.\w]){letter}(?!\w)', code):
                raise SystemExit(f'embed.py: {name} cannot become {letter}')
        for name, letter in zip(names, letters, strict=True):
            code = re.sub(rf'(?<![.\w]){name}(?!\w)', letter, code)
        parts[i] = code
    return ''.join(parts)


def policy(html):
    """Nothing but what the page brings and this server has; its style is allowed by its hash."""
    if re.search(r'<script(?![^>]*\ssrc=)|\sstyle=|\son[a-z]+=', html):
        raise SystemExit('embed.py: the page has a script, a style or a handler that its policy forbids')
    styles = ''.join(" 'sha256-%s'" % base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
                     for style in re.findall(r'<style>(.*?)</style>', html, re.DOTALL))
    return ("default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; style-src" + styles +
            "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")


def literal(text):
    escaped = text.replace('\\', '\\\\').replace('"', '\\"').replace('?', '\\?')
    return ''.join(c if ord(c) < 127 else ''.join('\\%03o' % byte for byte in c.encode()) for c in escaped)


def asset(name, text, content_type, security_policy):
    lines = ''.join(f'    "{literal(line)}\\n"\n' for line in text.split('\n')[:-1])
    shown = f'"{security_policy}"' if security_policy else '0'
    return (f'\nconst struct footfall_web_asset footfall__web_{name} = {{\n{lines}    ,\n'
            f'    {len(text.encode())}, "{content_type}",\n    {shown},\n}};\n')


page, widget = read(page_path), shortened(read(widget_path))
if len(widget) >= WIDGET_BYTES:
    raise SystemExit(f'embed.py: {widget_path} takes {len(widget)} bytes; it must stay below {WIDGET_BYTES}')
with open(out, 'w', encoding='ascii') as c:
    c.write('/* Generated from src/web/page.html and footfall.js by embed.py. */\n#include "assets.h"\n')
    c.write(asset('page', page, 'text/html; charset=utf-8', policy(page)))
    c.write(asset('widget', widget, 'text/javascript; charset=utf-8', None))

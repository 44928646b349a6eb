#!/usr/bin/env python3
"""Packs a folder into a zip whose bytes depend on nothing but the files' names, bytes and who may execute them, and on
$SOURCE_DATE_EPOCH, which all of them get as their time.

usage: pack.py FOLDER ZIP
"""
import os
import sys
import time
import zipfile

FIRST = 'bootstrap'
EARLIEST = 315532800  # 1980, when a zip's time begins


def files(folder):
    """Names in the zip; the program leads."""
    found = [os.path.relpath(os.path.join(where, name), folder) for where, _, names in os.walk(folder) for name in names]
    return sorted(found, key=lambda name: (name != FIRST, name))


def entry(name, path, when):
    info = zipfile.ZipInfo(name, when)
    info.create_system = 3  # Unix, or the mode would not count
    mode = 0o755 if os.stat(path).st_mode & 0o100 else 0o644
    info.external_attr = (0o100000 | mode) << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    return info


def pack(folder, zip_path):
    when = time.gmtime(max(int(os.environ['SOURCE_DATE_EPOCH']), EARLIEST))[:6]
    part = f'{zip_path}.part'
    try:
        with zipfile.ZipFile(part, 'w') as packed:
            for name in files(folder):
                path = os.path.join(folder, name)
                with open(path, 'rb') as file:
                    packed.writestr(entry(name, path, when), file.read(), compresslevel=9)
        os.replace(part, zip_path)
    finally:
        if os.path.exists(part):
            os.unlink(part)


def main(words):
    if len(words) != 2:
        print(__doc__.split('\n\n')[1].strip(), file=sys.stderr)
        return 2
    try:
        pack(*words)
        return 0
    except OSError as why:
        print(f'pack.py: {why}', file=sys.stderr)
        return 1


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))

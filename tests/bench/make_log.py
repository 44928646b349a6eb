#!/usr/bin/env python3
"""Writes a made-up access log in combined format, the same one for the same arguments, with documentation addresses only.

usage: make_log.py [--lines N] [--visitors N] [--paths N] [--visitor-exponent X] [--path-exponent X] [--hours H]
                   [--begin SECONDS] [--seed N] FILE

Visitors and paths are drawn Zipf-like. With the defaults (1,000,000 lines in 20 hours, 50,000 visitors with exponent 0.8,
1,000 paths with exponent 1.0) about two thirds of the lines are a visitor's first on that path. The counts are printed.
"""
import argparse
import ipaddress
import itertools
import random
import time

AGENTS = [
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36',
    'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Safari/605.1.15',
    'Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148',
    'Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36',
    'curl/8.5.0',
    'Mozilla/5.0 (compatible; ExampleBot/2.1; +https://bot.example.com/)',
]
REFERERS = ['-', '-', 'https://www.example.org/', 'https://search.example.com/?q=footfall', 'https://news.example.net/item/7']
STATUSES = [200] * 18 + [304, 404]
WORDS = ['about', 'archive', 'articles', 'blog', 'contact', 'docs', 'download', 'faq', 'guide', 'images', 'news', 'notes',
         'photos', 'posts', 'press', 'products', 'projects', 'reference', 'search', 'shop', 'tags', 'talks', 'terms']


def zipf(count, exponent):
    return list(itertools.accumulate(1.0 / (rank + 1) ** exponent for rank in range(count)))


def make_address(number):
    """Benchmarking and documentation ranges (RFC 2544, RFC 3849); one in twenty is IPv6."""
    if number % 20 == 19:
        return str(ipaddress.IPv6Address((0x20010db8 << 96) | (number << 64) | 0x1f))
    return str(ipaddress.IPv4Address(int(ipaddress.IPv4Address('198.18.0.0')) + number % 131072))


def make_path(number):
    if number == 0:
        return '/'
    return f'/{WORDS[number % len(WORDS)]}/{number // len(WORDS)}/{WORDS[number * 7 % len(WORDS)]}-{number}.html'


def lines(args, made):
    rng = random.Random(args.seed)
    addresses = [make_address(n) for n in range(args.visitors)]
    paths = [make_path(n) for n in range(args.paths)]
    rng.shuffle(addresses)
    visitor_weights, path_weights = zipf(args.visitors, args.visitor_exponent), zipf(args.paths, args.path_exponent)
    seen = set()
    left = args.lines
    while left > 0:
        chunk = min(left, 65536)
        done = args.lines - left
        visitors = rng.choices(range(args.visitors), cum_weights=visitor_weights, k=chunk)
        targets = rng.choices(range(args.paths), cum_weights=path_weights, k=chunk)
        for i, (visitor, target) in enumerate(zip(visitors, targets)):
            seen.add(visitor * args.paths + target)
            second = args.begin + int((done + i) * args.hours * 3600 / args.lines)
            stamp = time.strftime('%d/%b/%Y:%H:%M:%S +0000', time.gmtime(second))
            query = '?ref=' + str(visitor % 97) if visitor % 11 == 0 else ''
            yield (f'{addresses[visitor]} - - [{stamp}] "GET {paths[target]}{query} HTTP/1.1" '
                   f'{STATUSES[(visitor * 31 + target * 17 + i) % 20]} {(visitor * 7919 + target * 104729) % 99991} '
                   f'"{REFERERS[visitor % 5]}" "{AGENTS[visitor % 7]}"\n')
        left -= chunk
    made['first'] = len(seen)


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split('\n\n')[1].removeprefix('usage: '))
    parser.add_argument('--lines', type=int, default=1000000)
    parser.add_argument('--visitors', type=int, default=50000)
    parser.add_argument('--paths', type=int, default=1000)
    parser.add_argument('--visitor-exponent', type=float, default=0.8)
    parser.add_argument('--path-exponent', type=float, default=1.0)
    parser.add_argument('--hours', type=float, default=20)
    parser.add_argument('--begin', type=int, default=1772323200)  # 2026-03-01T00:00:00Z
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('file')
    args = parser.parse_args()
    made = {}
    with open(args.file, 'w', encoding='ascii') as out:
        out.writelines(lines(args, made))
    print(f'{args.lines} lines; {made["first"]} are a visitor\'s first on that path')


if __name__ == '__main__':
    main()

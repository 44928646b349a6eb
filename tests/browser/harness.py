"""What the cases share: a browser, `footfall serve` on a fresh store, and a static site on another origin."""
import http.server
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

import chromium

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
from server_process import dies_with_us  # noqa: E402

TOOL = None  # set by run.py
SCREENSHOTS = None
BROWSER = None
LISTENING = re.compile(r'^footfall: listening on (http://127\.0\.0\.1:(\d+)/)$', re.MULTILINE)


class Site:
    """Static pages, from where the server is another origin."""

    def __init__(self):
        pages = self.pages = {}

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                html, policy = pages.get(urllib.parse.unquote(self.path.split('?')[0]), (None, None))
                self.send_response(200 if html is not None else 404)
                self.send_header('Content-Type', 'text/html; charset=utf-8')
                if policy:
                    self.send_header('Content-Security-Policy', policy)
                self.end_headers()
                self.wfile.write((html or '').encode())

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.url = f'http://localhost:{self.http.server_address[1]}'
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={'poll_interval': 0.05}, daemon=True)
        self.thread.start()

    def close(self):
        self.http.shutdown()
        self.http.server_close()


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='footfall-browser-')
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith('FOOTFALL_')}
        self.port, self.process = 0, None
        self.site = Site()
        self.addCleanup(self.site.close)

    def command(self, *words):
        return [TOOL, '-o', 'backend=sqlite', '-o', 'sqlite.path=' + os.path.join(self.folder, 'footfall.db'),
                '-o', f'http.listen=127.0.0.1:{self.port}', *words]

    def footfall(self, *words):
        subprocess.run(self.command(*words), check=True, env=self.environment, stdout=subprocess.DEVNULL, timeout=chromium.SECONDS)

    def serve(self, *options):
        """Starts it, on the port that it had before."""
        log_path = os.path.join(self.folder, 'log')
        with open(log_path, 'wb') as log:
            self.process = subprocess.Popen(self.command(*options, 'serve'), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                                            env=self.environment, preexec_fn=dies_with_us())
        self.addCleanup(self.kill, self.process)
        until = time.monotonic() + chromium.SECONDS
        while True:
            ended = self.process.poll() is not None
            with open(log_path, encoding='utf-8') as log:
                text = log.read()
            if said := LISTENING.search(text):
                self.url, self.port = said[1], int(said[2])
                return
            self.assertFalse(ended or time.monotonic() > until, f'it does not listen: {text}')
            time.sleep(0.005)

    @staticmethod
    def kill(process):
        if process.poll() is None:
            process.kill()
        process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.process.wait(chromium.SECONDS), 0)

    def ask(self, path, method='GET'):
        request = urllib.request.Request(self.url + path, method=method)
        with urllib.request.urlopen(request, timeout=chromium.SECONDS) as answer:
            return json.load(answer)

    def counter(self, name=''):
        """(visits, visitors), or None when there is no such counter."""
        try:
            said = self.ask('counter/' + urllib.parse.quote(name, safe=''))
        except urllib.error.HTTPError as error:
            with error:
                self.assertEqual((error.code, json.load(error)['code']), (404, 'no_such_counter'))
            return None
        return said['total_visits'], said['unique_visitors']

    def widget(self, attributes='', how='async'):
        return f'<script src="{self.url}footfall.js" {attributes} {how}></script>'

    def publish(self, path, body, head='', policy='strict', lang='en'):
        """A page of the other site, by its path; its address. The strict policy allows what the widget needs and nothing else."""
        if policy == 'strict':
            policy = (f"default-src 'none'; script-src {self.url}; connect-src {self.url}; img-src {self.url}; "
                      "base-uri 'none'; require-trusted-types-for 'script'; trusted-types")
        html = f'<!DOCTYPE html><html lang="{lang}"><head><title>A page</title>{head}</head><body>{body}</body></html>'
        self.site.pages[urllib.parse.unquote(path, errors='replace')] = html, policy
        return self.site.url + path

    def page(self, **more):
        """A fresh visitor's tab."""
        page = BROWSER.page(**more)
        self.addCleanup(page.close)
        return page

    def untroubled(self, page):
        """Nothing went wrong in it that it could hear of, and nothing was stored."""
        self.assertEqual(page.js('troubles'), [])
        self.assertEqual(page.js('[document.cookie, localStorage.length, sessionStorage.length]'), ['', 0, 0])

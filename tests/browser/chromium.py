"""A headless Chromium, spoken to in its DevTools protocol over two pipes: no port, no driver, no library."""
import base64
import collections
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
from server_process import dies_with_us, program  # noqa: E402

SECONDS = 30  # longest that anything may take here
# Of what a browser does by itself nothing is wanted. It sees our own pages alone, and in many a container there
# is no sandbox to be had.
ARGUMENTS = ['--headless=new', '--remote-debugging-pipe', '--no-sandbox', '--no-first-run', '--no-default-browser-check',
             '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage',
             '--disable-gpu', '--hide-scrollbars', '--password-store=basic', '--lang=en-US']
# Runs before the page's own scripts: what went wrong in it.
LISTEN = '''
window.troubles = [];
addEventListener('error', e => troubles.push('error: ' + (e.message || e.target.tagName)));
addEventListener('unhandledrejection', e => troubles.push('rejection: ' + e.reason));
document.addEventListener('securitypolicyviolation', e => troubles.push('policy: ' + e.violatedDirective + ' ' + e.blockedURI));
'''


class Failed(Exception):
    """The browser said no, or nothing."""


class Chromium:
    def __init__(self):
        name = program('chromium', 'FOOTFALL_TEST_CHROMIUM')
        self.folder = tempfile.mkdtemp(prefix='footfall-chromium-')
        to_us, its_out = os.pipe()
        its_in, from_us = os.pipe()
        arguments = [*ARGUMENTS, '--user-data-dir=' + self.folder, 'about:blank']
        arm = dies_with_us()

        def prepare():  # it reads from 3 and writes to 4
            arm()
            ours = os.dup(its_in), os.dup(its_out)
            os.dup2(ours[0], 3)
            os.dup2(ours[1], 4)

        self.process = subprocess.Popen([name, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, close_fds=False, preexec_fn=prepare, start_new_session=True,
                                        env={**os.environ, 'HOME': self.folder, 'TMPDIR': self.folder})
        os.close(its_in)
        os.close(its_out)
        self.writes = from_us
        self.lock = threading.Condition()
        self.last, self.answers = 0, {}
        self.events = collections.defaultdict(list)  # session: [(method, params)]
        self.gone = False
        threading.Thread(target=self.listen, args=(to_us,), daemon=True).start()

    def listen(self, reads):
        with open(reads, 'rb') as pipe:
            rest = b''
            while data := pipe.read1(1 << 20):
                *messages, rest = (rest + data).split(b'\0')
                with self.lock:
                    for message in map(json.loads, messages):
                        if 'id' in message:
                            self.answers[message['id']] = message
                        else:
                            self.events[message.get('sessionId')].append((message['method'], message['params']))
                    self.lock.notify_all()
        with self.lock:
            self.gone = True
            self.lock.notify_all()

    def wait(self, what, found):
        """The first true thing that found() gives, asked whenever something has come in."""
        until = time.monotonic() + SECONDS
        with self.lock:
            while not (it := found()):
                left = until - time.monotonic()
                if left <= 0 or self.gone:
                    raise Failed(f'{what}: {"the browser is gone" if self.gone else f"not within {SECONDS} s"}')
                self.lock.wait(left)
            return it

    def call(self, method, session=None, **params):
        with self.lock:
            self.last += 1
            number = self.last
        message = {'id': number, 'method': method, 'params': params, **({'sessionId': session} if session else {})}
        os.write(self.writes, json.dumps(message).encode() + b'\0')
        answer = self.wait(method, lambda: self.answers.pop(number, None))
        if 'error' in answer:
            raise Failed(f'{method}: {answer["error"]}')
        return answer['result']

    def page(self, **more):
        """A page of a new visitor's browser: nothing is shared with another page's but the address."""
        return Page(self, **more)

    def close(self):
        try:
            self.call('Browser.close')
            self.process.wait(SECONDS)
        except (Failed, OSError, subprocess.TimeoutExpired):
            pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        os.close(self.writes)
        shutil.rmtree(self.folder, ignore_errors=True)


class Page:
    """A tab, and of the documents in it the one that is looked at: what is prerendered is another of them, until it is shown."""

    def __init__(self, browser, width=1100, height=800, dark=False, before=''):
        self.browser, self.documents = browser, 0
        context = browser.call('Target.createBrowserContext')['browserContextId']
        self.target = browser.call('Target.createTarget', url='about:blank', browserContextId=context, forTab=True)['targetId']
        self.tab = browser.call('Target.attachToTarget', targetId=self.target, flatten=True)['sessionId']
        browser.call('Target.setAutoAttach', session=self.tab, autoAttach=True, waitForDebuggerOnStart=False, flatten=True)
        self.session = self.document()
        self.call('Page.enable')
        self.call('Runtime.enable')
        self.call('Network.enable')
        self.call('Page.addScriptToEvaluateOnNewDocument', source=LISTEN + before)
        self.call('Emulation.setDeviceMetricsOverride', width=width, height=height, deviceScaleFactor=2 if width < 600 else 1,
                  mobile=width < 600)
        self.call('Emulation.setEmulatedMedia', features=[{'name': 'prefers-color-scheme', 'value': 'dark' if dark else 'light'}])

    def document(self):
        """The session of the next document that comes into the tab; waits for it."""
        def those_after():
            sessions = [params['sessionId'] for name, params in self.browser.events[self.tab]
                        if name == 'Target.attachedToTarget' and params['targetInfo']['type'] == 'page']
            return sessions[self.documents:]
        session = self.browser.wait('another document', those_after)[0]
        self.documents += 1
        return session

    def call(self, method, **params):
        return self.browser.call(method, session=self.session, **params)

    def open(self, url, until='Page.loadEventFired'):
        """Returns when it is loaded, or at another event of it."""
        del self.browser.events[self.session][:]
        said = self.call('Page.navigate', url=url)
        if 'errorText' in said:
            raise Failed(f'{url}: {said["errorText"]}')
        self.browser.wait(url, lambda: any(name == until for name, _ in self.browser.events[self.session]))

    def js(self, expression):
        said = self.call('Runtime.evaluate', expression=expression, awaitPromise=True, returnByValue=True)
        if 'exceptionDetails' in said:
            raise Failed(f'{expression}: {said["exceptionDetails"]}')
        return said['result'].get('value')

    def requests(self, part):
        """Method and type of those sent since the last open() for a URL with that in it."""
        with self.browser.lock:
            sent = [params for name, params in self.browser.events[self.session] if name == 'Network.requestWillBeSent']
        return [(params['request']['method'], params['type']) for params in sent if part in params['request']['url']]

    @staticmethod
    def text_of(selector):
        return f'(document.querySelector({json.dumps(selector)}) || {{textContent: null}}).textContent'

    def text(self, selector):
        return self.js(self.text_of(selector))

    def becomes(self, expression, wanted=True):
        """Waits until the expression has that value."""
        until = time.monotonic() + SECONDS
        while (value := self.js(expression)) != wanted:
            if time.monotonic() > until:
                raise Failed(f'{expression} is {value!r}, not {wanted!r}')
            time.sleep(0.02)

    def shows(self, selector, text):
        self.becomes(self.text_of(selector), text)

    def screenshot(self, path):
        size = self.call('Page.getLayoutMetrics')['cssContentSize']
        shot = self.call('Page.captureScreenshot', format='png', captureBeyondViewport=True,
                         clip={'x': 0, 'y': 0, 'width': size['width'], 'height': size['height'], 'scale': 1})
        with open(path, 'wb') as file:
            file.write(base64.b64decode(shot['data']))

    def close(self):
        self.browser.call('Target.closeTarget', targetId=self.target)

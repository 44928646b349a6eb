"""nginx and Caddy in front, as docs/http.md says to configure them: its blocks run here, with other ports and folders. A client is told
from others, forged headers change nothing, names arrive as they were, and nothing comes twice. Skipped at home where these programs
are not; with CI=true they must be there."""
import os
import re
import shutil
import socket
import subprocess
import unittest

from client import Connection
from server_process import dies_with_us
from serving import Case

CI = os.environ.get('CI') == 'true'
DOCS = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'docs', 'http.md')
EVERYBODY = ('127.0.0.2', '127.0.0.3', '127.0.0.4')
NGINX = """\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{blocks}
}}
"""
CADDY = '{\n    admin off\n    auto_https off\n    storage file_system %s\n}\n%s'


def blocks(language):
    with open(DOCS, encoding='utf-8') as docs:
        return re.findall(rf'^```{language}\n(.*?)^```', docs.read(), re.DOTALL | re.MULTILINE)


class Proxied(Case):
    """self.proxy is where the proxy listens."""

    def run_proxy(self, *command):
        with open(f'{self.folder}/proxy.log', 'wb') as log:
            process = subprocess.Popen(command, cwd=self.folder, env={**os.environ, 'HOME': self.folder, 'XDG_DATA_HOME': self.folder,
                                                                      'XDG_CONFIG_HOME': self.folder},
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=dies_with_us())
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        try:
            self.until(self.listens)
        except AssertionError:
            with open(f'{self.folder}/proxy.log', encoding='utf-8') as log:
                self.fail(f'{command[0]} does not listen: {log.read()}')

    def listens(self):
        try:
            Connection(self.proxy).close()
        except OSError:
            return False
        return True

    def through(self, source, method='POST', target='/visit/x', headers=(), status=200):
        """The answer that a client there gets through the proxy."""
        with Connection(self.proxy, source) as connection:
            answer = connection.ask(method, target, headers)
        self.assertEqual(answer.status, status, answer)
        return answer

    def assert_told_apart(self, path=''):
        """Clients are who they are, however they forge; each counts once."""
        for source in EVERYBODY:
            self.assertTrue(self.through(source, target=path + '/visit/x').json['is_new_visitor'], source)
            for forged in ('203.0.113.1', '127.0.0.9', 'nonsense', '', '203.0.113.1, 127.0.0.1'):
                for name in ('X-Forwarded-For', 'X-Real-IP', 'Forwarded', 'CF-Connecting-IP'):
                    answer = self.through(source, target=path + '/visit/x', headers=[(name, forged)])
                    self.assertFalse(answer.json['is_new_visitor'], (source, name, forged))
        self.assertEqual(self.numbers('x'), (3 * 21, 3))

    def assert_names_arrive(self, path='', slashes=True):
        names = {'%2Fblog%2F': '/blog/', 'a%2Fb': 'a/b', 'a/b/': 'a/b/', 'a+b%20c%25': 'a+b c%', '%C3%A9': 'é', 'a?_=1': 'a'}
        names.update({'/blog/': '/blog/', 'a/../b': 'a/../b'} if slashes else {})
        for asked, name in names.items():
            self.assertEqual(self.through('127.0.0.2', target=f'{path}/visit/{asked}').json['counter'], name, asked)
        self.through('127.0.0.2', 'GET', path + '/footfall.js')

    def assert_nothing_twice(self):
        page = [('Origin', 'https://pages.example')]
        self.assertEqual(self.through('127.0.0.2', headers=page).get('Access-Control-Allow-Origin'), '*')
        self.assertEqual(self.through('127.0.0.2', 'GET', '/counter/none', page, 404).get('Access-Control-Allow-Origin'), '*')
        preflight = page + [('Access-Control-Request-Method', 'POST')]
        self.assertEqual(self.through('127.0.0.2', 'OPTIONS', headers=preflight, status=204).get('Access-Control-Allow-Methods'), 'GET, POST, HEAD')
        self.assertEqual(self.through('127.0.0.2').get('Cache-Control'), 'no-store')
        badge = self.through('127.0.0.2', 'GET', '/badge/x')
        self.through('127.0.0.2', 'GET', '/badge/x', [('If-None-Match', badge.get('ETag'))], 304)
        self.through('127.0.0.2', 'HEAD')
        self.through('127.0.0.2', 'GET', '/metrics', status=404)  # who asks is no longer known to be here
        self.assertEqual(self.numbers('x'), (2, 1))

    def upstream(self):
        return f'unix:{self.server.address}' if isinstance(self.server.address, str) else '%s:%d' % self.server.address

    def find_port(self):
        with socket.socket() as free:
            free.bind(('127.0.0.1', 0))
            self.proxy = free.getsockname()

    def serve_unix(self):
        self.serve('http.trusted_proxies=unix', listen=f'unix:{self.folder}/http.sock')


@unittest.skipUnless(CI or shutil.which('nginx') or os.path.exists('/usr/sbin/nginx'), 'nginx is not installed')
class Nginx(Proxied):
    def nginx(self, *texts):
        """Its blocks, but for TLS, names and what the docs leave to the reader."""
        self.find_port()
        text = '\n'.join(texts).replace('…', f'listen {self.proxy[0]}:{self.proxy[1]};')
        text = re.sub(r'listen 443 ssl;', f'listen {self.proxy[0]}:{self.proxy[1]};', text)
        text = re.sub(r'^ *(ssl_\w+|error_log) .*\n', '', text, flags=re.MULTILINE)
        text = text.replace('server 127.0.0.1:8080;', f'server {self.upstream()};')
        self.write('nginx.conf', NGINX.format(folder=self.folder, blocks=text))
        self.run_proxy(shutil.which('nginx') or '/usr/sbin/nginx', '-c', f'{self.folder}/nginx.conf', '-e', 'stderr')

    def test_a_site_of_its_own(self):
        self.serve('http.trusted_proxies=127.0.0.1')
        self.nginx(blocks('nginx')[0])
        self.assert_told_apart()
        self.assert_names_arrive()

    def test_nothing_twice(self):
        self.serve('http.trusted_proxies=127.0.0.1')
        self.nginx(blocks('nginx')[0])
        self.assert_nothing_twice()

    def test_a_path_of_a_site(self):
        site, path = blocks('nginx')
        self.serve('http.trusted_proxies=127.0.0.1')
        self.nginx(site[:site.index('server {\n    listen')], path)
        self.assert_told_apart('/count')
        self.assert_names_arrive('/count')

    def test_a_unix_socket(self):
        self.serve_unix()
        self.nginx(blocks('nginx')[0])
        self.assert_told_apart()

    def test_one_that_names_nobody(self):
        self.serve('http.trusted_proxies=127.0.0.1')
        self.nginx(re.sub(r'.*X-Forwarded-For.*\n', '', blocks('nginx')[0]))
        self.assertEqual(self.through('127.0.0.2', status=400).json['code'], 'bad_address')
        self.assertEqual(self.numbers('x'), (0, 0))

    def test_one_that_is_not_trusted(self):
        """Everybody is one visitor, which is said."""
        self.serve()
        self.nginx(blocks('nginx')[0])
        for source in EVERYBODY:
            self.through(source)
        self.assertEqual(self.numbers('x'), (3, 1))
        self.assertIn('http.trusted_proxies', self.server.log())

    def test_another_proxy_before_it(self):
        """As Cloudflare is: it connects from 127.0.0.9, and adds whom it saw."""
        self.serve('http.trusted_proxies=127.0.0.1 127.0.0.9')
        self.nginx(blocks('nginx')[0])
        self.assertTrue(self.through('127.0.0.9', headers=[('X-Forwarded-For', '203.0.113.1')]).json['is_new_visitor'])
        self.assertFalse(self.through('127.0.0.9', headers=[('X-Forwarded-For', '203.0.113.7, 203.0.113.1')]).json['is_new_visitor'])
        self.assertTrue(self.through('127.0.0.9', headers=[('X-Forwarded-For', '203.0.113.2')]).json['is_new_visitor'])
        self.assertTrue(self.through('127.0.0.2', headers=[('X-Forwarded-For', '203.0.113.1')]).json['is_new_visitor'])  # around it
        self.assertFalse(self.through('127.0.0.2', headers=[('X-Forwarded-For', '203.0.113.3')]).json['is_new_visitor'])


@unittest.skipUnless(CI or shutil.which('caddy'), 'caddy is not installed')
class Caddy(Proxied):
    def caddy(self, text):
        self.find_port()
        text = re.sub(r'^(count\.)?example\.org {', 'http://:%d {\n    bind %s' % self.proxy[::-1], text.replace('…', ''), flags=re.MULTILINE)
        upstream = self.upstream().replace('unix:', 'unix/')
        text = text.replace('127.0.0.1:8080', upstream).replace('unix//run/footfall/http.sock', upstream)
        self.write('Caddyfile', CADDY % (self.folder, text))
        self.run_proxy('caddy', 'run', '--adapter', 'caddyfile', '--config', 'Caddyfile')

    def test_a_site_of_its_own(self):
        self.serve('http.trusted_proxies=127.0.0.1')
        self.caddy(blocks('caddy')[0])
        self.assert_told_apart()
        self.assert_names_arrive()

    def test_nothing_twice(self):
        self.serve('http.trusted_proxies=127.0.0.1')
        self.caddy(blocks('caddy')[0])
        self.assert_nothing_twice()

    def test_a_path_of_a_site(self):
        self.serve('http.trusted_proxies=127.0.0.1')
        self.caddy(blocks('caddy')[1])
        self.assert_told_apart('/count')
        self.assert_names_arrive('/count', slashes=False)

    def test_a_unix_socket(self):
        self.serve_unix()
        self.caddy(blocks('caddy')[0])
        self.assert_told_apart()

    def test_another_proxy_before_it(self):
        self.serve('http.trusted_proxies=127.0.0.1 127.0.0.9')
        self.caddy(blocks('caddy')[2].replace('173.245.48.0/20', '127.0.0.9'))
        self.assertTrue(self.through('127.0.0.9', headers=[('X-Forwarded-For', '203.0.113.1')]).json['is_new_visitor'])
        self.assertFalse(self.through('127.0.0.9', headers=[('X-Forwarded-For', '203.0.113.7, 203.0.113.1')]).json['is_new_visitor'])
        self.assertTrue(self.through('127.0.0.2', headers=[('X-Forwarded-For', '203.0.113.1')]).json['is_new_visitor'])  # around it
        self.assertFalse(self.through('127.0.0.2', headers=[('X-Forwarded-For', '203.0.113.3')]).json['is_new_visitor'])

"""Nobody's page breaks: the server is down, slow, or says no; the page is wrong, or its browser is poor."""
import signal

from harness import Case

OWN = '<p id="own"><b>many</b></p><p id="both">many</p><p id="waits">many</p><p id="fails">many</p><p id="alone"></p>'


class Failing(Case):
    def setUp(self):
        super().setUp()
        self.serve()

    def targets(self, name='here'):
        return OWN + ''.join(
            self.widget(f'data-counter="{name}" data-target="{target}" {more}')
            for target, more in (('#own', ''), ('#both', 'data-loading=wait data-error=sorry'), ('#waits', 'data-loading=wait'),
                                 ('#fails', 'data-error=sorry'))) + self.widget(f'data-counter="{name}" data-loading="…"')

    def texts(self, page, *wanted):
        page.becomes('[...document.querySelectorAll("p:not(#alone), .footfall")].map(p => p.textContent)', list(wanted))

    def remember(self, page):
        """The script is in the browser's cache."""
        page.open(self.publish('/before', self.widget('data-count=false')))
        page.shows('.footfall', '0')

    def test_no_script(self):
        url = self.publish('/', self.targets() + '<h1>There</h1>')
        self.stop()
        page = self.page()
        page.open(url)
        self.assertEqual(page.js('typeof footfall'), 'undefined')
        self.assertEqual(page.js('[...document.querySelectorAll("p")].map(p => p.textContent)'), ['many'] * 4 + [''])
        self.untroubled(page)

    def test_script_but_no_server(self):
        page = self.page()
        self.remember(page)
        self.stop()
        page.open(self.publish('/', self.targets()))
        self.texts(page, 'many', 'sorry', 'many', 'sorry', '')
        self.assertEqual(page.js('document.querySelector("#own").innerHTML'), '<b>many</b>')
        self.assertEqual(page.js('footfall.visit()'), None)
        self.assertEqual(page.js('footfall.visit("other")'), None)
        self.texts(page, 'many', 'sorry', 'many', 'sorry', '')
        self.serve()
        self.assertEqual(page.js('footfall.visit()')['count'], 1)
        self.texts(page, *['1'] * 5)
        self.stop()
        self.assertEqual(page.js('footfall.visit()'), None)  # not the number of before
        self.texts(page, 'many', 'sorry', 'many', 'sorry', '')
        self.untroubled(page)

    def test_slow_server(self):
        page = self.page()
        self.remember(page)
        self.process.send_signal(signal.SIGSTOP)
        try:
            head = self.widget('data-counter=here data-target=#late data-loading=wait', '')  # runs before there is such an element
            page.open(self.publish('/', self.targets() + '<p id="late">many</p>', head))  # which is loaded
            self.texts(page, 'many', 'wait', 'wait', 'many', '…', 'wait')
        finally:
            self.process.send_signal(signal.SIGCONT)
        self.texts(page, *['1'] * 6)
        self.assertEqual(self.counter('here'), (1, 1))
        self.untroubled(page)

    def test_slow_script(self):
        url = self.publish('/', self.targets())
        page = self.page()
        self.process.send_signal(signal.SIGSTOP)
        try:
            page.open(url, until='Page.domContentEventFired')
            self.texts(page, *['many'] * 4)
        finally:
            self.process.send_signal(signal.SIGCONT)
        self.texts(page, *['1'] * 5)

    def test_server_says_no(self):
        page = self.page()
        page.open(self.publish('/', self.targets('x' * 201)))
        self.texts(page, 'many', 'sorry', 'many', 'sorry', '')
        self.assertEqual(page.js('footfall.visit()'), None)
        self.untroubled(page)

    def test_server_makes_no_counters(self):
        self.stop()
        self.serve('-o', 'http.create=false')
        page = self.page()
        page.open(self.publish('/', self.targets()))
        self.texts(page, 'many', 'sorry', 'many', 'sorry', '')  # and not 0
        self.footfall('set', 'here', '41', '5')
        self.assertEqual(page.js('footfall.visit()')['count'], 42)
        self.texts(page, *['42'] * 5)
        self.untroubled(page)

    def test_page_is_wrong(self):
        page = self.page()
        mistakes = ('data-target="###"', 'data-target="#nowhere"', 'data-refresh=soon', 'data-refresh=-1', 'data-refresh=1e9',
                    'data-format=null', 'data-format=7', 'data-value=most', 'data-count=no', 'data-locale=""', 'data-target="#own" data-loading')
        page.open(self.publish('/', OWN + ''.join(self.widget(f'data-counter=here {mistake}') for mistake in mistakes)))
        page.shows('#own', '1')
        page.becomes('[...document.querySelectorAll(".footfall")].map(span => span.textContent)', ['1'] * 8)
        self.assertEqual(self.counter('here'), (1, 1))
        self.untroubled(page)

    def test_malformed_path(self):
        page = self.page(before='window.timers = 0; window.setTimeout = () => timers++;')
        page.open(self.publish('/%E9', '<p id="own">many</p>' +
                               self.widget('data-path data-target="#own" data-error="none" data-refresh=5')))
        page.shows('#own', 'none')
        self.assertEqual(page.js('timers'), 0)  # there is nothing to read
        self.untroubled(page)

    def test_poor_browser(self):
        fails, shows = ['many', 'sorry', 'many', 'sorry', ''], ['1'] * 5
        for missing, wanted in {'window.fetch = undefined': fails, 'window.URL = undefined': fails, 'window.Intl = undefined': shows,
                                'window.WeakMap = undefined': ['many'] * 4, 'delete Document.prototype.prerendering': shows}.items():
            page = self.page(before=missing)
            page.open(self.publish('/', self.targets(missing)))
            self.texts(page, *wanted)
            self.untroubled(page)

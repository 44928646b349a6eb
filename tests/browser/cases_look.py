"""The page at /, and the badge: what they say, what they count, how they look."""
import os
import urllib.parse

import harness
from harness import Case

SETTLED = '''['.visits', '.visitors'].every(name => /^[0-9,]+$/.test(document.querySelector(name).textContent))
    && document.querySelector('.server').textContent == location.href && document.querySelector('.badge [role]').offsetWidth > 40'''
ASKED = "performance.getEntriesByType('resource').map(entry => entry.name.split('/')[3])"
# The page is told when its timers are due.
TIMERS = 'window.timers = []; window.setTimeout = (then, ms) => timers.push({then, ms});'
LABELS = ['visits', 'MMMMMMMM', 'iiiiiiii', 'Besuche dieser Seite', 'επισκέψεις', 'посещения', '12,345.67 €', 'f(x) = {…} & <b>']
COLORS = ['brightgreen', 'green', 'yellowgreen', 'yellow', 'orange', 'red', 'blue', 'lightgrey', 'grey', 'teal', '222', 'ffd']


class Page(Case):
    def setUp(self):
        super().setUp()
        self.serve()

    def test_counts_its_visits(self):
        for visits in '1', '2':
            page = self.page()
            page.open(self.url)
            page.becomes(SETTLED)
            self.assertEqual([page.text('.visits'), page.text('.visitors')], [visits, '1'])
            self.assertEqual(page.text('footer p')[:35], f'Visits to this page: {visits}. Visitors: 1'[:35])
            self.assertEqual(page.text('pre'), f'<script src="{self.url}footfall.js" data-counter="my-page" async></script>')
            asked = page.js(ASKED)
            self.assertLess(asked.index('visit'), asked.index('badge'))  # so that it has counted this visit
            self.untroubled(page)
        self.assertEqual(self.counter(), (2, 1))
        self.assertEqual(self.counter('my-page'), None)

    def test_is_refreshed_while_it_is_seen(self):
        page = self.page(before=TIMERS)
        page.open(self.url)
        page.becomes(SETTLED)
        page.becomes('timers.map(timer => timer.ms)', [10000, 10000])
        self.ask('visit', 'POST')
        page.js('timers.splice(0).forEach(timer => timer.then())')
        page.shows('.visits', '2')
        page.becomes('timers.length', 2)  # and so on
        page.js('Object.defineProperty(document, "hidden", {value: true, configurable: true})')
        asked = "performance.getEntriesByType('resource').filter(entry => entry.name.includes('/counter/')).length"
        before = page.js(asked)
        page.js('timers.splice(0).forEach(timer => timer.then())')
        self.assertEqual(page.js(asked), before)
        page.js('Object.defineProperty(document, "hidden", {value: false}); document.dispatchEvent(new Event("visibilitychange"))')
        page.becomes('timers.length', 2)
        self.assertEqual(page.js(asked), before + 2)
        self.assertEqual(self.counter(), (2, 1))
        self.untroubled(page)

    def test_screenshots(self):
        self.footfall('set', 'main_page', '12479', '3910')
        for name, how in {'desktop': {}, 'desktop-dark': {'dark': True}, 'phone': {'width': 390, 'height': 844},
                          'phone-dark': {'width': 390, 'height': 844, 'dark': True}}.items():
            page = self.page(**how)
            page.open(self.url)
            page.becomes(SETTLED)
            self.assertLessEqual(page.js('document.documentElement.scrollWidth'), how.get('width', 1100), f'{name} scrolls sideways')
            page.screenshot(os.path.join(harness.SCREENSHOTS, name + '.png'))
        self.assertEqual(self.counter(), (12483, 3911))


class Badge(Case):
    def setUp(self):
        super().setUp()
        self.footfall('set', 'downloads', '1234567')
        self.serve()

    def test_text_fits(self):
        """What the font needs is what the badge leaves room for."""
        page = self.page()
        page.open(self.publish('/', '', policy=None))
        for label in LABELS:
            widths = page.js('''(async (url) => {
                const parsed = new DOMParser().parseFromString(await (await fetch(url)).text(), 'image/svg+xml');
                const svg = document.body.appendChild(document.importNode(parsed.documentElement, true));
                const texts = [...svg.querySelectorAll('text')];
                const asked = texts.map(text => +text.getAttribute('textLength'));
                texts.forEach(text => text.removeAttribute('textLength'));
                const said = {width: +svg.getAttribute('width'), asked, needed: texts.map(text => text.getComputedTextLength()),
                              texts: texts.map(text => text.textContent), title: svg.querySelector('title').textContent,
                              name: svg.getAttribute('aria-label')};
                svg.remove();
                return said;
            })''' + f'({self.badge(label)!r})')
            self.assertEqual(widths['texts'], [label, '1.2M'])
            self.assertEqual((widths['title'], widths['name']), (f'{label}: 1234567', f'{label}: 1.2M'))
            for asked, needed in zip(widths['asked'], widths['needed'], strict=True):
                self.assertAlmostEqual(asked, needed, delta=0.5 + 0.02 * needed, msg=label)
            self.assertAlmostEqual(widths['width'], sum(widths['asked']) + 20, delta=2)

    def badge(self, label, color='brightgreen'):
        return f'{self.url}badge/downloads?' + urllib.parse.urlencode({'label': label, 'color': color})

    def test_screenshot(self):
        shown = [('visits', color) for color in COLORS] + [(label, 'blue') for label in LABELS + ['', '訪問 한국', '👩‍👧 🇩🇪 👍🏽']]
        images = ''.join(f'<img src="{self.badge(label, color)}" alt=""> '.replace('&', '&amp;') for label, color in shown)
        page = self.page(width=420, height=400)
        page.open(self.publish('/', f'<p>{images}</p><p style="background: #222">{images}</p>', policy=None,
                               head='<meta name="viewport" content="width=device-width">'))
        self.assertTrue(page.js('[...document.images].every(image => image.naturalHeight == 20 && image.naturalWidth > 30)'))
        page.screenshot(os.path.join(harness.SCREENSHOTS, 'badges.png'))

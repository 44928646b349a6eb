"""The widget on the pages of others: what it counts, and what it shows where."""
import json

from harness import Case

# The footers of the two tutorials that people come from, with the address filled in.
COUNT_FOOTER = '''<footer>Views: <span id="counter">Loading...</span></footer><script>
fetch("%s").then(response => response.json()).then(data => { document.getElementById("counter").innerText = data.count; });
</script>'''
TOTAL_FOOTER = '''<footer>Visitors: <span id="visits">Loading...</span></footer><script>
async function updateCounter() {
    try {
        const response = await fetch("%s", { method: "POST", headers: { "Content-Type": "application/json" } });
        const data = await response.json();
        document.getElementById("visits").textContent = data.total_visits;
    } catch (error) { document.getElementById("visits").textContent = "Error"; }
}
document.addEventListener("DOMContentLoaded", updateCounter);
</script>'''
# Requests go out, in the order that they are made or another, when the test says so.
HELD = '''window.held = []; window.fetch = (fetch => (...what) => new Promise(done => held.push(() => {
    const answer = fetch(...what); done(answer); return answer.then(() => undefined); })))(window.fetch);'''
PRERENDER = '<a href="/next">next</a><script type="speculationrules">{"prerender": [{"urls": ["/next"], "eagerness": "immediate"}]}</script>'


class Widget(Case):
    def setUp(self):
        super().setUp()
        self.footfall('set', 'here', '1234566', '77')
        self.serve()

    def test_stands_where_its_script_stands(self):
        page = self.page()
        page.open(self.publish('/', f'<p>Visits: {self.widget("data-counter=fresh")}.</p>'))
        page.shows('p', 'Visits: 1.')
        self.assertEqual(page.text('p > script + span.footfall'), '1')
        self.assertEqual(self.counter('fresh'), (1, 1))
        self.untroubled(page)

    def test_counts_the_default_counter(self):
        page = self.page()
        page.open(self.publish('/', self.widget()))
        page.shows('.footfall', '1')
        self.assertEqual(self.counter('main_page'), (1, 1))

    def test_counts_once_whatever_shows_it(self):
        """Several of one counter on a page: one request, without a preflight."""
        shown = {'': '1,234,567', 'data-value=total': '1,234,567', 'data-value=unique': '78', 'data-locale=de': '1.234.567',
                 'data-format=\'{"notation":"compact"}\' data-locale=en': '1.2M', 'data-format="{oops"': '1234567',
                 'data-locale="no such"': '1234567', 'data-count=false': '1,234,567',
                 'data-format=\'{"style":"currency"}\'': '1234567', 'data-format=\'{"minimumIntegerDigits":9}\'': '001,234,567'}
        body = ''.join(f'<p>{self.widget("data-counter=here " + attributes, how)}</p>'
                       for attributes in shown for how in ('async', 'defer', ''))
        page = self.page()
        page.open(self.publish('/', body))
        page.becomes('[...document.querySelectorAll("p")].map(p => p.textContent)', [text for text in shown.values() for _ in range(3)])
        self.assertEqual([method for method, _ in page.requests('/visit/')], ['POST'])
        self.assertEqual(self.counter('here'), (1234567, 78))
        self.untroubled(page)

    def test_into_an_element(self):
        head = ''.join(self.widget(f'data-counter=here data-target="{target}"', how)
                       for target, how in (('#now', ''), ('.later', 'async'), ('main > :last-child', 'defer')))
        page = self.page()
        body = '<main><p id="now">0</p><p class="later">many</p><p class="later"><b>very</b> many</p><p>?</p></main>'
        page.open(self.publish('/', body, head))
        page.becomes('[...document.querySelectorAll("main p")].map(p => p.textContent)', ['1,234,567'] * 4)
        self.assertEqual(page.js('document.querySelector("span.footfall")'), None)
        self.untroubled(page)

    def test_in_the_language_of_the_page(self):
        page = self.page()
        page.open(self.publish('/', self.widget('data-counter=here'), lang='de'))
        page.shows('.footfall', '1.234.567')

    def test_only_reads(self):
        page = self.page()
        page.open(self.publish('/', ''.join(self.widget(f'data-count=false data-counter={name}') for name in ('here', 'nobody'))))
        page.becomes('[...document.querySelectorAll(".footfall")].map(span => span.textContent)', ['1,234,566', '0'])
        self.assertEqual((self.counter('here'), self.counter('nobody')), ((1234566, 77), None))
        self.untroubled(page)

    def test_by_path(self):
        page = self.page()
        for path, name in {'/': '/', '/blog/': '/blog/', '/a%2Fb': '/a/b',
                           '/%C3%A9t%C3%A9/100%25%20&%20so?a=b#c': '/été/100% & so'}.items():
            self.publish(path.split('?')[0], self.widget('data-path'))
            page.open(self.site.url + path)
            page.shows('.footfall', '1')
            self.assertEqual(self.counter(name), (1, 1), name)

    def test_names_are_what_they_are(self):
        page = self.page()
        for name in ('a/../b', '/', '//', 'a?b=c&d', '100%', '%2e', '訪問 🙂', 'x+y', '-'):
            attribute = name.replace('&', '&amp;').replace('"', '&quot;')
            page.open(self.publish('/', self.widget(f'data-counter="{attribute}"')))
            page.shows('.footfall', '1')
            self.assertEqual(self.counter(name), (1, 1), name)

    def test_added_by_a_script(self):
        page = self.page()
        page.open(self.publish('/', '<p></p>', policy=None))
        page.js(f'''(() => {{ const script = document.createElement('script'); script.src = '{self.url}footfall.js';
            script.dataset.counter = 'here'; document.querySelector('p').append(script); }})()''')
        page.shows('p', '1,234,567')

    def test_beside_an_element_of_its_name(self):
        page = self.page()
        page.open(self.publish('/', f'<p id="footfall"></p>{self.widget("data-counter=here data-target=#footfall")}'))
        page.shows('#footfall', '1,234,567')
        self.untroubled(page)


class SinglePage(Case):
    def setUp(self):
        super().setUp()
        self.serve()

    def test_navigations(self):
        page = self.page()
        widgets = ('data-path', 'data-path data-value=unique', 'data-counter=site')
        page.open(self.publish('/', ''.join(self.widget(attributes, 'defer') for attributes in widgets)))
        texts = '[...document.querySelectorAll(".footfall")].map(span => span.textContent)'
        page.becomes(texts, ['1', '1', '1'])
        said = page.js('history.pushState(0, "", "/two"), footfall.visit()')
        self.assertEqual((said['counter'], said['count']), ('/two', 1))
        page.becomes(texts, ['1', '1', '2'])
        page.js('footfall.visit()')
        page.becomes(texts, ['2', '1', '3'])
        self.assertEqual([self.counter(name) for name in ('/', '/two', 'site')], [(1, 1), (2, 1), (3, 1)])
        page.js('document.querySelectorAll(".footfall")[2].textContent = "untouched"')
        page.js('footfall.visit("/two")')  # by name: this one alone, and what shows it
        page.becomes(texts, ['3', '1', 'untouched'])
        said = page.js('footfall.visit("a download")')
        self.assertEqual((said['counter'], said['count'], said['is_new_visitor']), ('a download', 1, True))
        self.assertEqual(page.js(texts), ['3', '1', 'untouched'])
        self.assertEqual([self.counter(name) for name in ('/', '/two', 'site', 'a download')], [(1, 1), (3, 1), (3, 1), (1, 1)])
        self.untroubled(page)

    def test_an_answer_that_comes_too_late(self):
        page = self.page(before=HELD)
        self.footfall('set', '/two', '50', '5')
        page.open(self.publish('/', self.widget('data-path')))
        page.becomes('held.length', 1)
        page.js('history.pushState(0, "", "/two"); void footfall.visit()')
        self.assertEqual(page.js('held.length'), 2)
        page.js('held[1]()')
        page.shows('.footfall', '51')
        self.assertEqual(page.js('held[0]().then(() => new Promise(done => setTimeout(done, 50)))'), None)
        self.assertEqual(page.text('.footfall'), '51')
        self.assertEqual((self.counter('/'), self.counter('/two')), ((1, 1), (51, 6)))

    def test_ends_with_its_element(self):
        page = self.page()
        page.open(self.publish('/', self.widget('data-counter=gone') + self.widget('data-counter=stays')))
        page.becomes('[...document.querySelectorAll(".footfall")].map(span => span.textContent)', ['1', '1'])
        page.js('document.querySelector("script").remove(), footfall.visit()')
        page.becomes('[...document.querySelectorAll(".footfall")].map(span => span.textContent)', ['1', '2'])
        self.assertEqual((self.counter('gone'), self.counter('stays')), ((1, 1), (2, 1)))
        self.untroubled(page)


class Prerendered(Case):
    def setUp(self):
        super().setUp()
        self.serve()

    def prerender(self):
        """The tab, and in it the document that is not shown yet."""
        page = self.page()
        page.open(self.publish('/', PRERENDER, policy=None))
        shown, page.session = page.session, page.document()
        page.becomes('location.pathname + document.readyState', '/nextcomplete')
        self.assertEqual(page.js('document.prerendering'), True)
        return page, shown

    def activate(self, page, shown):
        hidden, page.session = page.session, shown
        page.js('document.querySelector("a").click()')
        page.session = hidden
        page.becomes('document.prerendering', False)
        self.assertGreater(page.js('performance.getEntriesByType("navigation")[0].activationStart'), 0)

    def test_counts_when_it_is_shown(self):
        self.publish('/next', f'<p>{self.widget("data-counter=later")}</p>' + self.widget('data-counter=later data-value=unique'))
        page, shown = self.prerender()
        page.becomes('typeof footfall.visit', 'function')
        self.assertEqual(page.js('performance.getEntriesByType("resource").map(entry => entry.name)'), [self.url + 'footfall.js'])
        self.assertEqual(self.counter('later'), None)
        self.activate(page, shown)
        page.shows('p', '1')
        self.assertEqual(self.counter('later'), (1, 1))

    def test_never_shown(self):
        self.publish('/next', self.widget('data-counter=later'))
        page, shown = self.prerender()
        page.becomes('typeof footfall.visit', 'function')
        page.session = shown
        page.open(self.publish('/other', self.widget('data-counter=other')))
        page.shows('.footfall', '1')
        self.assertEqual(self.counter('later'), None)


class Tutorials(Case):
    def setUp(self):
        super().setUp()
        self.serve()

    def test_footers(self):
        for footer, path, selector, name in ((COUNT_FOOTER, 'visit', '#counter', ''), (TOTAL_FOOTER, 'visit', '#visits', ''),
                                             (COUNT_FOOTER, 'visit/home', '#counter', 'home'), (TOTAL_FOOTER, 'visit/home', '#visits', 'home')):
            before = (self.counter(name) or (0, 0))[0]
            page = self.page()
            page.open(self.publish('/', footer % (self.url + path), policy=None))
            page.shows(selector, json.dumps(before + 1))
            methods = {COUNT_FOOTER: ['GET'], TOTAL_FOOTER: ['OPTIONS', 'POST']}[footer]  # a type of its own needs a preflight
            self.assertEqual(sorted(method for method, _ in page.requests(path)), methods)
            self.untroubled(page)
        self.assertEqual((self.counter(), self.counter('home')), ((2, 1), (2, 1)))

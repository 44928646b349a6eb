// footfall.js: counts this page view and puts the number into the page. Its options are data- attributes of the script element;
// docs/widget.md has them all. Whatever goes wrong, here or on the server, the page keeps its own text and hears nothing of it.
// embed.py makes it short: comments have lines of their own, strings no spaces, and these names become one letter each:
// short: doc me opt own next event done url kind name ask response answer page last current count told run span put text element
// short: show format number only again turn reads refresh locale
(() => {
    try {
        const doc = document, me = doc.currentScript, opt = me.dataset, own = new WeakMap();
        const next = event => new Promise(done => doc.addEventListener(event, done, {once: true}));
        const url = (kind, name) => new URL(kind + '/' + encodeURIComponent(name), me.src).href;

        // A prerendered page asks when it is shown. No header, no credentials: no preflight.
        const ask = async (kind, name) => {
            if (doc.prerendering) await next('prerenderingchange');
            const response = await fetch(url(kind, name),
                {method: kind == 'visit' ? 'POST' : 'GET', credentials: 'omit', keepalive: true});
            const answer = await response.json();
            if (!response.ok && (kind == 'visit' || answer.code != 'no_such_counter')) throw answer;
            return answer;
        };

        // The footfall scripts of a page share what this page view has counted, so that each counter is counted once.
        let page = window.footfall, last = 0, current;
        const count = name => page.seen[url('visit', name)] = page.seen[url('visit', name)] || ask('visit', name);
        if (!page || !page.seen) page = window.footfall = {seen: {}, all: [], visit: async name => {
            try {
                if (name == null) page.seen = {};
                else delete page.seen[url('visit', name)];
                const told = page.all.map(run => run(name));
                return await (name == null ? told[0] : count(name));
            } catch (e) {}
        }};

        let span;
        if (!opt.target) {
            span = doc.createElement('span');
            span.className = 'footfall';
            me.after(span);
        }
        // No text: what stood there before the first one.
        const put = text => {
            for (const element of span ? [span] : doc.querySelectorAll(opt.target)) {
                if (!own.has(element)) {
                    if (text == null) continue;
                    own.set(element, element.textContent);
                }
                element.textContent = text == null ? own.get(element) : text;
            }
        };
        // An element further down may not be there yet.
        const show = text => {
            put(text);
            if (doc.readyState == 'loading') next('DOMContentLoaded').then(() => put(text));
        };

        const format = answer => {
            const number = answer.code ? 0 : answer[opt.value == 'unique' ? 'unique_visitors' : 'count'];
            if (typeof number != 'number') throw answer;
            try {
                const locale = opt.locale || doc.documentElement.lang || undefined;
                return new Intl.NumberFormat(locale, JSON.parse(opt.format || '{}')).format(number);
            } catch (e) {
                return String(number);
            }
        };

        // only: a counter's name; nothing is done unless it is ours, nor once the script's element is gone. An answer that comes after
        // a later visit is not shown.
        const run = async (only, again) => {
            let turn;
            try {
                const name = again ? current : 'path' in opt ? decodeURIComponent(location.pathname) : opt.counter || '';
                if (only != null && only != name || !me.isConnected) return;
                current = name;
                if (!again) {
                    last++;
                    show(opt.loading);
                }
                turn = last;
                const reads = again || opt.count == 'false' && !page.seen[url('visit', name)];
                const answer = await (reads ? ask('counter', name) : count(name));
                if (turn == last) show(format(answer));
                return answer;
            } catch (e) {
                if (!again && !(turn < last)) show(opt.error);
            }
        };
        const refresh = async () => {
            await new Promise(done => setTimeout(done, Math.min(Math.max(opt.refresh, 5), 1e6) * 1e3));
            if (doc.hidden) await next('visibilitychange');
            await run(null, 1);
            if (me.isConnected) refresh();
        };
        if (opt.value == 'server') show(new URL('.', me.src).href);
        else {
            page.all.push(run);
            run().then(() => current != null && opt.refresh > 0 && refresh());
        }
    } catch (e) {}
})();

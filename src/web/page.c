/* page.c: the page and the widget, which are built in (assets.h). */
#include "exchange.h"

#include "assets.h"
#include "respond.h"

static void show(struct footfall_web_exchange *x, const struct footfall_web_asset *asset, const char *cache,
                 const char *tag)
{
    footfall__web_answer_tagged(x, asset->content_type, cache, tag, asset->body, asset->body_bytes);
    if (asset->security_policy != NULL && x->response.status == 200)
        footfall__web_header(x, "Content-Security-Policy", asset->security_policy);
}

void footfall__web_show_page(struct footfall_web_exchange *x)
{
    show(x, &footfall__web_page, "no-cache", x->web->page_tag);
}

void footfall__web_show_widget(struct footfall_web_exchange *x)
{
    show(x, &footfall__web_widget, "public, max-age=3600", x->web->widget_tag);
    footfall__web_header(x, "Cross-Origin-Resource-Policy", "cross-origin");
}

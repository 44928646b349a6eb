/* assets.h: the page and the widget, as they are built in from page.html and footfall.js. */
#ifndef FOOTFALL_WEB_ASSETS_H
#define FOOTFALL_WEB_ASSETS_H
#include <stddef.h>

struct footfall_web_asset {
    const char *body; /* static */
    size_t body_bytes;
    const char *content_type;
    const char *security_policy; /* Content-Security-Policy, or NULL */
};
extern const struct footfall_web_asset footfall__web_page, footfall__web_widget;
#endif

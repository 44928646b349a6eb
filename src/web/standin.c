#include "exchange.h"
#include "respond.h"
int footfall__web_list_all(struct footfall_web_exchange *x, const struct footfall_call *call) { (void)x; (void)call; return 0; }
void footfall__web_listing_free(struct footfall__web_listing *listing) { (void)listing; }
#define NOT_YET(name) void name(struct footfall_web_exchange *x) { footfall__web_error(x, FOOTFALL__WEB_NOT_FOUND, NULL); }
NOT_YET(footfall__web_show_badge) NOT_YET(footfall__web_list) NOT_YET(footfall__web_set) NOT_YET(footfall__web_delete) NOT_YET(footfall__web_metrics)

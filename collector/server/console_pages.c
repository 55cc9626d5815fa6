/*
 * console_pages: the console's files, which are part of the program.
 *
 * They are packed; every browser takes gzip. Invariant: no page runs a script or asks a server that is not ours: the policy says so, and the
 * files hold neither scripts nor styles in line.
 */
#include "api_int.h"

#include "dogwatch/frame/digest.h"

extern const char console_index_html[], console_index_html_end[], console_app_js[], console_app_js_end[], console_chart_js[],
    console_chart_js_end[], console_app_css[], console_app_css_end[];

static struct api_page pages[] = {
    {.type = "text/html; charset=utf-8", .from = console_index_html, .end = console_index_html_end},
    {.type = "text/javascript; charset=utf-8", .from = console_app_js, .end = console_app_js_end},
    {.type = "text/javascript; charset=utf-8", .from = console_chart_js, .end = console_chart_js_end},
    {.type = "text/css; charset=utf-8", .from = console_app_css, .end = console_app_css_end},
};

void api_pages_start(void)
{
    for (size_t i = 0; i < DW_COUNT_OF(pages); i++) {
        uint8_t hash[DW_SHA256_BYTES];
        char hex[2 * API_ETAG_BYTES + 1];
        dw_sha256_of(dw_str_make(pages[i].from, (size_t)(pages[i].end - pages[i].from)), hash);
        dw_hex(hash, API_ETAG_BYTES, hex);
        pages[i].etag[0] = '"';
        memcpy(pages[i].etag + 1, hex, sizeof hex - 1);
        pages[i].etag[sizeof hex] = '"';
    }
}

static void give(struct request *rq, const struct api_page *page)
{
    const char *has = MHD_lookup_connection_value(rq->conn, MHD_HEADER_KIND, MHD_HTTP_HEADER_IF_NONE_MATCH);
    rq->page = page;
    rq->status = has && strcmp(has, page->etag) == 0 ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK;
}

void api_do_page_index(struct request *rq)
{
    give(rq, &pages[0]);
}

void api_do_page_script(struct request *rq)
{
    give(rq, &pages[1]);
}

void api_do_page_chart(struct request *rq)
{
    give(rq, &pages[2]);
}

void api_do_page_style(struct request *rq)
{
    give(rq, &pages[3]);
}

struct MHD_Response *api_page_response(const struct request *rq)
{
    static const struct {
        const char *name, *value;
    } headers[] = {
        {MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip"},
        {MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache"}, /* kept, and asked for again by ETag: the program may be another */
        {"Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
        {"X-Content-Type-Options", "nosniff"},
        {"X-Frame-Options", "DENY"},
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
    };
    const struct api_page *p = rq->page;
    size_t len = rq->status == MHD_HTTP_NOT_MODIFIED ? 0 : (size_t)(p->end - p->from);
    struct MHD_Response *r = MHD_create_response_from_buffer(len, (void *)(uintptr_t)p->from, MHD_RESPMEM_PERSISTENT);
    if (!r)
        return NULL;
    for (size_t i = 0; i < DW_COUNT_OF(headers); i++)
        api_add_header(r, headers[i].name, headers[i].value);
    api_add_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, p->type);
    api_add_header(r, MHD_HTTP_HEADER_ETAG, p->etag);
    return r;
}

/* Tests of policy/provenance: what strangers write into a header, a name or a message never becomes the sender of a request. */
#include "policies.h"

static const char *const proxied[] = {"policy.trusted_proxies=[192.0.2.0/28]", "policy.claimed=[/var/log/remote/*, apache.error]", NULL};

struct row {
    const char *dataset, *line, *ip;
    enum dw_provenance want;
    const char *address;                    /* of PEER and PROXY */
    const char *hops;                       /* X-Forwarded-For, as a field of its own; NULL: none */
    const char *path, *host, *said; /* NULL: none */
    uint8_t out;                             /* of a container */
    const char *input;                       /* how the agent received it; NULL: it read it */
};

static void assert_row(const struct dw_policy_settings *s, struct dw_keys *keys, const struct row *r)
{
    const struct {
        uint32_t key;
        const char *text;
    } texts[] = {{DW_F_event_dataset, r->dataset}, {DW_F_source_ip, r->ip}, {DW_F_log_file_path, r->path}, {DW_F_host_name, r->host},
        {DW_F_host_hostname, r->said}, {DW_F_input_type, r->input}, {UINT32_MAX, r->hops}};
    static const struct dw_stream stream;
    struct dw_field field[DW_COUNT_OF(texts)];
    struct dw_event ev = {.line = dw_str_of(r->line), .field = field, .stream = &stream, .out = r->out};
    uint32_t forwarded;
    char address[DW_NET_TEXT] = "";
    assert_int_equal(dw_keys_intern(keys, DW_STR("nginx.access.http_x_forwarded_for"), &forwarded), DW_OK);
    for (size_t i = 0; i < DW_COUNT_OF(texts); i++)
        if (texts[i].text)
            field[ev.field_count++] = (struct dw_field){.v.ptr = texts[i].text, .len = (uint32_t)strlen(texts[i].text), .kind = DW_K_CONST,
                .key = texts[i].key == UINT32_MAX ? forwarded : texts[i].key};
    struct dw_ip ip;
    const char *why = NULL;
    enum dw_provenance got = dw_provenance_of(s, keys, &ev, &ip, &why);
    if (got != r->want)
        fail_msg("%s: %s, not %s (%s)", r->line, dw_provenance_text(got), dw_provenance_text(r->want), why ? why : "");
    if (r->address) {
        struct dw_cidr net = dw_policy_net(&ip);
        dw_net_text(&net, address);
        assert_string_equal(address, r->address);
    } else {
        assert_non_null(why);
    }
}

static void assert_rows(const struct row *rows, size_t count)
{
    struct dw_policy_settings *s = policy_settings(proxied);
    struct dw_keys *keys = dw_keys_new();
    for (size_t i = 0; i < count; i++)
        assert_row(s, keys, &rows[i]);
    dw_keys_free(keys);
    dw_policy_settings_free(s);
}

#define GET " [29/Nov/2026:11:00:00 +0000] \"GET / HTTP/1.1\" 200 5 \"-\" \"curl\""

static void access_logs(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"nginx.access", "203.0.113.9 - -" GET, "203.0.113.9", DW_FROM_PEER, .address = "203.0.113.9"},
        {"nginx.access", "2001:db8::9 - bob" GET, "2001:db8::9", DW_FROM_PEER, .address = "2001:db8::/64"},
        {"apache.access", "shop.example:443 203.0.113.9 - -" GET, "203.0.113.9", DW_FROM_PEER, .address = "203.0.113.9"},
        {"nginx.access", "198.51.100.7, 203.0.113.9 - -" GET, "198.51.100.7", DW_FROM_CLAIM, .address = NULL},   /* $proxy_add_x_forwarded_for */
        {"nginx.access", "10.0.0.5 198.51.100.7 - -" GET, "198.51.100.7", DW_FROM_CLAIM, .address = NULL},       /* $remote_addr $http_x_forwarded_for */
        {"nginx.access", "198.51.100.7 203.0.113.9 - -" GET, "203.0.113.9", DW_FROM_CLAIM, .address = NULL},     /* which is whose? */
        {"nginx.access", "shop.example 198.51.100.7 - -" GET, "198.51.100.7", DW_FROM_CLAIM, .address = NULL},
        {"nginx.access", "{\"log\":\"198.51.100.7 - -\"}", "198.51.100.7", DW_FROM_CLAIM, .address = NULL},      /* another shipper */
        {"nginx.access", "203.0.113.9 - -" GET, "203.0.113.9", DW_FROM_CLAIM, .path = "/var/log/remote/web.log"},
        {"nginx.access", "203.0.113.9 - -" GET, "203.0.113.9", DW_FROM_PEER, .address = "203.0.113.9", .path = "/var/log/nginx/access.log"},
        {"traefik.access", "203.0.113.9 - -" GET, "203.0.113.9", DW_FROM_CLAIM, .address = NULL},
        {"nginx.access", " {\"event.dataset\":\"nginx.access\"}", "198.51.100.7", DW_FROM_CLAIM, .hops = "-"}, /* whatever its fields are called */
        {"generic.json", "{\"client_ip\":\"198.51.100.7\"}", "198.51.100.7", DW_FROM_CLAIM, .address = NULL},
        {"kubernetes.audit", "{\"sourceIPs\":[\"198.51.100.7\"]}", "198.51.100.7", DW_FROM_CLAIM, .address = NULL},
        {"nginx.access", "- - -" GET, "unix", DW_FROM_UNKNOWN, .address = NULL},
        {"nginx.access", "- - -" GET, NULL, DW_FROM_UNKNOWN, .address = NULL},
    };
    assert_rows(rows, DW_COUNT_OF(rows));
}

static void x_forwarded_for_counts_from_trusted_proxies_alone(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"nginx.access", "203.0.113.9 - -" GET, "203.0.113.9", DW_FROM_PEER, .address = "203.0.113.9", .hops = "198.51.100.7"}, /* forged by the peer itself */
        {"nginx.access", "192.0.2.1 - -" GET, "192.0.2.1", DW_FROM_PROXY, .address = "203.0.113.9", .hops = "203.0.113.9"},
        {"nginx.access", "192.0.2.1 - -" GET, "192.0.2.1", DW_FROM_PROXY, .address = "203.0.113.9", .hops = "198.51.100.7, 203.0.113.9"}, /* forged before the proxy */
        {"nginx.access", "192.0.2.1 - -" GET, "192.0.2.1", DW_FROM_PROXY, .address = "203.0.113.9", .hops = "198.51.100.7, 203.0.113.9, 192.0.2.2"},
        {"nginx.access", "192.0.2.1 - -" GET, "192.0.2.1", DW_FROM_PROXY, .address = "2001:db8::/64", .hops = "[2001:db8::5]:443"},
        {"nginx.access", "192.0.2.1 - -" GET, "192.0.2.1", DW_FROM_PROXY, .address = "203.0.113.9", .hops = "198.51.100.7,203.0.113.9:1234"},
        {"nginx.access", "192.0.2.1 - -" GET, "192.0.2.1", DW_FROM_CLAIM, .hops = "203.0.113.9, unknown"},
        {"nginx.access", "192.0.2.1 - -" GET, "192.0.2.1", DW_FROM_CLAIM, .hops = "192.0.2.3,192.0.2.2"},
        {"nginx.access", "192.0.2.1 - -" GET, "192.0.2.1", DW_FROM_CLAIM, .hops = ""},
        {"nginx.access", "192.0.2.1 - -" GET, "192.0.2.1", DW_FROM_CLAIM, .address = NULL},
        {"nginx.access", "[29/Nov/2026:11:00:00 +0000] 203.0.113.9 GET", "203.0.113.9", DW_FROM_PEER, .address = "203.0.113.9", .hops = "-"}, /* columns were named */
    };
    assert_rows(rows, DW_COUNT_OF(rows));
}

static void text_of_strangers_beside_the_address(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"system.auth", "Nov 29 11:00:00 h sshd[9]: Failed password for root from 203.0.113.9 port 5 ssh2", "203.0.113.9", DW_FROM_PEER, .address = "203.0.113.9", .host = "h.example", .said = "h"},
        {"system.auth", "Nov 29 11:00:00 h sshd[9]: Failed password for x from 198.51.100.7 port 1 ssh2 from 203.0.113.9 port 5 ssh2", "198.51.100.7", DW_FROM_CLAIM, .host = "h", .said = "h"},
        {"system.auth", "Nov 29 11:00:00 h sshd[9]: Connection closed by invalid user a 198.51.100.7 port 1 203.0.113.9 port 5", "198.51.100.7", DW_FROM_CLAIM, .host = "h", .said = "h"},
        {"system.auth", "Nov 29 11:00:00 h sshd[9]: Accepted publickey for d from 2001:db8::5 port 4 ssh2: ED25519 SHA256:abc", "2001:db8::5", DW_FROM_PEER, .address = "2001:db8::/64", .host = "h", .said = "H"},
        {"system.auth", "Nov 29 11:00:00 x sshd[9]: Failed password for root from 203.0.113.9 port 5 ssh2", "203.0.113.9", DW_FROM_CLAIM, .host = "h", .said = "x"}, /* UDP syslog */
        {"system.auth", "Nov 29 11:00:00 x sshd[9]: Failed password for root from 203.0.113.9 port 5 ssh2", "203.0.113.9", DW_FROM_PEER, .address = "203.0.113.9", .host = "h", .said = "x", .out = DW_OUT_STDOUT},
        {"nginx.error", "2026/11/29 11:00:00 [error] 7#7: *1 open() failed, client: 203.0.113.9, server: _", "203.0.113.9", DW_FROM_PEER, .address = "203.0.113.9"},
        {"nginx.error", "2026/11/29 11:00:00 [error] 7#7: *1 open() \"/x, client: 198.51.100.7, \" failed, client: 203.0.113.9, server: _", "198.51.100.7", DW_FROM_CLAIM, .address = NULL},
        {"apache.error", "[error] [client 203.0.113.9:5] x", "203.0.113.9", DW_FROM_CLAIM, .address = NULL}, /* listed */
        {"haproxy.log", "203.0.113.9:4711 [29/Nov/2026:11:00:00.1] fe be/s 0/0/0/0/0 200 5", "203.0.113.9", DW_FROM_PEER, .address = "203.0.113.9"},
        {"haproxy.log", "Nov 29 11:00:00 h haproxy[7]: 203.0.113.9:4711 [29/Nov/2026:11:00:00.1] fe be/s", "203.0.113.9", DW_FROM_PEER, .address = "203.0.113.9", .host = "h.example"},
        {"haproxy.log", "Nov 29 11:00:00 x haproxy[7]: 203.0.113.9:4711 [29/Nov/2026:11:00:00.1] fe be/s", "203.0.113.9", DW_FROM_CLAIM, .host = "h"}, /* UDP syslog */
        {"haproxy.log", "haproxy[7]: 203.0.113.9:4711 [29/Nov/2026:11:00:00.1] fe be/s", "203.0.113.9", DW_FROM_PEER, .address = "203.0.113.9", .host = "h"},
        {"system.auth", "Nov 29 11:00:00 h sshd[9]: Failed password for root from 203.0.113.9 port 5 ssh2", "203.0.113.9", DW_FROM_CLAIM, .host = "h", .said = "h", .input = "udp"},
        {"nginx.access", "203.0.113.9 - -" GET, "203.0.113.9", DW_FROM_CLAIM, .input = "tls"},
        {"haproxy.log", "Connect from 203.0.113.9:5 to 192.0.2.1:80 (main/HTTP)", "203.0.113.9", DW_FROM_CLAIM, .address = NULL},
    };
    assert_rows(rows, DW_COUNT_OF(rows));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(access_logs),
        cmocka_unit_test(x_forwarded_for_counts_from_trusted_proxies_alone),
        cmocka_unit_test(text_of_strangers_beside_the_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

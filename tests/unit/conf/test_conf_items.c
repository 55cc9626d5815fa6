/* Tests of core/conf: a list of mappings, each checked by a table of its own, and written so that it reads back. */
#include "support.h"

#include "dogwatch/conf/options.h"

#include <stdio.h>
#include <unistd.h>

struct loaded {
    struct dw_conf conf;
    struct dw_collector_options opt;
    struct dw_buf said;
    int rc;
};

static void hear(void *ud, const struct dw_diags *d)
{
    dw_diags_print(d, ud);
}

static int check(const char *option, struct dw_str key, struct dw_str value, struct dw_buf *why)
{
    (void)key;
    if (strcmp(option, "outputs.url") == 0 && dw_str_eq(value, DW_STR("bad"))) {
        dw_buf_str(why, DW_STR("no url"));
        return DW_ECONFIG;
    }
    return DW_OK;
}

static void begin(struct loaded *l)
{
    memset(l, 0, sizeof *l);
    assert_int_equal(dw_conf_init(&l->conf, &dw_conf_collector, &l->opt), DW_OK);
    l->conf.check = check;
}

static void load(struct loaded *l, const char *text)
{
    begin(l);
    l->rc = dw_conf_load_text(&l->conf, &dw_fs_system, "c.yml", dw_str_of(text), (struct dw_diag_sink){hear, &l->said});
}

static void end(struct loaded *l)
{
    dw_conf_fini(&l->conf);
    dw_buf_fini(&l->said);
}

static void says(const char *text, const char *want)
{
    struct loaded l;
    load(&l, text);
    if (l.rc != DW_ECONFIG || dw_str_find(dw_buf_view(&l.said), dw_str_of(want)) == l.said.len)
        fail_msg("%s\nanswers %d: %.*s\nnot: %s", text, l.rc, DW_ARG(dw_buf_view(&l.said)), want);
    end(&l);
}

static const struct dw_output_options *item(const struct loaded *l, uint32_t i)
{
    return (const struct dw_output_options *)l->opt.outputs.item + i;
}

static void items_have_their_own_defaults(void **state)
{
    (void)state;
    struct loaded l;
    load(&l, "outputs:\n  - name: soc\n    type: webhook\n    url: https://h/\n    timeout: 2s\n  - {name: bus, type: kafka}\nlateness: 5s\n");
    assert_int_equal(l.rc, DW_OK);
    assert_int_equal(l.opt.outputs.count, 2);
    assert_str(item(&l, 0)->name, "soc");
    assert_int_equal(item(&l, 0)->timeout, INT64_C(2000000000));
    assert_int_equal(item(&l, 0)->retry_for, INT64_C(86400000000000));
    assert_int_equal(item(&l, 1)->type, DW_OUTPUT_kafka);
    assert_str(item(&l, 1)->topic, "dogwatch.alerts");
    assert_int_equal(item(&l, 1)->timeout, INT64_C(10000000000));
    assert_int_equal(l.opt.lateness, INT64_C(5000000000));
    end(&l);
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    struct loaded l, again;
    struct dw_buf text = {0}, second = {0};
    uint32_t row = dw_conf_find(&dw_conf_collector, DW_STR("outputs"));
    load(&l, "outputs: [{name: soc, type: webhook, url: \"https://h/?a=b&c={d},e\", filter: 'a:(\"x y\" or b)', format: ocsf, secret: {file: /dev/null}}, {name: f, type: file, path: '/tmp/a b'}]\n");
    assert_int_equal(l.rc, DW_OK);
    dw_buf_str(&text, DW_STR("outputs: "));
    dw_conf_value(&l.conf, row, &text);
    dw_buf_str(&text, DW_STR("\n\0"));
    load(&again, text.ptr);
    if (again.rc != DW_OK)
        fail_msg("%s: %.*s", text.ptr, DW_ARG(dw_buf_view(&again.said)));
    dw_buf_str(&second, DW_STR("outputs: "));
    dw_conf_value(&again.conf, row, &second);
    assert_int_equal(text.len, second.len + 2);
    assert_memory_equal(text.ptr, second.ptr, second.len);
    assert_str(item(&again, 0)->url, "https://h/?a=b&c={d},e");
    assert_str(item(&again, 0)->filter, "a:(\"x y\" or b)");
    assert_str(item(&again, 0)->secret.path, "/dev/null");
    end(&l);
    end(&again);
    dw_buf_fini(&text);
    dw_buf_fini(&second);
}

static void set_takes_them_too(void **state)
{
    (void)state;
    struct loaded l;
    begin(&l);
    assert_int_equal(dw_conf_set(&l.conf, &dw_fs_system, DW_STR("outputs=[{name: f, type: file, path: /tmp/x}]"), (struct dw_diag_sink){hear, &l.said}), DW_OK);
    assert_int_equal(l.opt.outputs.count, 1);
    assert_str(item(&l, 0)->path, "/tmp/x");
    assert_int_equal(dw_conf_set(&l.conf, &dw_fs_system, DW_STR("outputs=[]"), (struct dw_diag_sink){hear, &l.said}), DW_OK);
    assert_int_equal(l.opt.outputs.count, 0);
    end(&l);
}

static void mistakes_have_a_place_and_a_hint(void **state)
{
    (void)state;
    says("outputs:\n  - {name: a, type: file, path: /x, fliter: 'b'}\n", "c.yml:2:37: error: unknown option 'fliter'");
    says("outputs:\n  - {name: a, type: file, path: /x, fliter: 'b'}\n", "did you mean 'filter'?");
    says("outputs:\n  - {name: a, type: webhok, url: x}\n", "'type: webhok': unknown word");
    says("outputs:\n  - {name: a, type: webhok, url: x}\n", "one of webhook|alertmanager|syslog|kafka|file");
    says("outputs:\n  - {name: a, type: syslog}\n", "c.yml:2:5: error: 'address' is missing: an output of type syslog needs it");
    says("outputs:\n  - {type: kafka}\n", "'name' is missing: an output of any type needs it");
    says("outputs:\n  - {name: a}\n", "'type' is missing");
    says("outputs:\n  - name: a\n    type: file\n    path: /x\n    token: {file: /dev/null}\n", "c.yml:5:5: error: 'token' is nothing to an output of type file: it takes path format ocsf_version filter provisional retry_for");
    says("outputs:\n  - {name: a, type: kafka}\n  - {name: a, type: file, path: /x}\n", "c.yml:3:5: error: two of 'outputs' are called 'a'");
    says("outputs:\n  - {name: a, type: webhook, url: bad}\n", "'url: bad': no url");
    says("outputs: soc\n", "'outputs' is a list of mappings");
    says("outputs: [soc]\n", "each of 'outputs' is a mapping");
    says("outputs: {name: a}\n", "'outputs' is a list of mappings");
    says("outputs:\n  - {name: a, type: webhook, url: x, include: y.yml}\n", "unknown option 'include'");
    says("outputs:\n  - {name: a, type: webhook, url: x, retry_for: 1ms}\n", "out of range");
    says("outputs:\n  - {name: a, type: file, path: /x, filter: [b]}\n  - {name: b}\n", "'type' is missing"); /* the second is told, too */
}

static void words_of_type_are_the_types_of_the_table(void **state)
{
    (void)state;
    uint32_t row = dw_conf_find(&dw_conf_output, DW_STR("type"));
    struct dw_str words = dw_str_of(dw_conf_output.row[row].unit);
    for (int i = 0; i < DW_OUTPUT_TYPES; i++) {
        struct dw_str word = dw_str_cut(&words, '|');
        assert_str(word, dw_output_type_name((enum dw_output_type)i));
    }
    assert_int_equal(words.len, 0);
    for (int i = 0; i < DW_OUTPUT_TYPES; i++) { /* and every key that they name is a row */
        const char *const lists[] = {dw_output_type_needs((enum dw_output_type)i), dw_output_type_takes((enum dw_output_type)i)};
        for (int k = 0; k < 2; k++)
            for (struct dw_str rest = dw_str_of(lists[k]); rest.len;)
                assert_true(dw_conf_find(&dw_conf_output, dw_str_cut(&rest, ' ')) < dw_conf_output.count);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_have_their_own_defaults),
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(set_takes_them_too),
        cmocka_unit_test(mistakes_have_a_place_and_a_hint),
        cmocka_unit_test(words_of_type_are_the_types_of_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

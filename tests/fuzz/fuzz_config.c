/* Fuzz: a configuration file. Oracle: a file that is accepted shows values that load again and show the same. */
#include "support.h"

#include "dogwatch/conf/options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void quiet(void *ud, const struct dw_diags *d)
{
    struct dw_buf *out = ud;
    dw_buf_reset(out);
    dw_diags_print(d, out);
}

static const char *no_env(const char *name)
{
    return *name == 'A' ? "value" : NULL;
}

static int load(struct dw_str text, struct dw_buf *shown)
{
    struct dw_conf c;
    struct dw_agent_options values;
    struct dw_buf said = {0};
    int rc = dw_conf_init(&c, &dw_conf_agent, &values);
    if (rc < 0)
        return rc;
    c.env = no_env;
    c.include_depth = 8; /* no files from here */
    rc = dw_conf_load_text(&c, &dw_fs_system, "f.yml", text, (struct dw_diag_sink){quiet, &said});
    for (uint32_t i = 0; i < dw_conf_agent.count; i++) {
        dw_buf_str(shown, dw_str_of(dw_conf_agent.row[i].name));
        dw_buf_str(shown, DW_STR(": "));
        dw_conf_value(&c, i, shown);
        dw_buf_byte(shown, '\n');
    }
    dw_buf_fini(&said);
    dw_conf_fini(&c);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dw_str text = dw_str_make((const char *)data, size);
    struct dw_buf first = {0}, second = {0};
    if (load(text, &first) == DW_OK) {
        int rc = load(dw_buf_view(&first), &second);
        DW_ASSERT(rc == DW_OK);
        DW_ASSERT(dw_str_eq(dw_buf_view(&first), dw_buf_view(&second)));
    }
    dw_buf_fini(&first);
    dw_buf_fini(&second);
    return 0;
}

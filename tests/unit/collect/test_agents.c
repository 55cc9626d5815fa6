/* Tests of ingest/agents: who is agreed to, and who is named. */
#include "account_bed.h"

static void the_first_agent_of_a_host_is_pinned(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b, true);
    add_events(&b, 5);
    take_in_order(&b, "01");
    const struct dw_account_agent *g = dw_account_next_agent(b.account, NULL);
    assert_non_null(g);
    assert_int_equal(g->state, DW_AGENT_PINNED);
    assert_int_equal(g->epochs, 1);
    assert_int_equal(g->frames, 2);
    assert_int_equal(g->events, 5);
    assert_null(dw_account_next_agent(b.account, g));
    assert_said(&b, "");
    tear_down(&b);
}

static void an_agent_that_no_list_names_is_said_and_taken(void **state)
{
    (void)state;
    static const uint8_t other[DW_AGENT_ID_BYTES] = {1};
    struct bed b;
    set_up(&b, true);
    dw_account_list_agents(b.account, other, 1);
    dw_account_list_agents(b.twin, other, 1);
    add_events(&b, 5);
    take_in_order(&b, "01");
    const struct dw_account_agent *g = dw_account_next_agent(b.account, NULL);
    assert_int_equal(g->state, DW_AGENT_NEW);
    assert_int_equal(g->events, 5);
    assert_said(&b, "UNLISTED@0");
    tear_down(&b);
}

static void a_list_agrees_to_its_own(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b, true);
    uint8_t own[DW_AGENT_ID_BYTES];
    memcpy(own, b.agent.chain.agent, sizeof own);
    dw_account_list_agents(b.account, own, 1);
    dw_account_list_agents(b.twin, own, 1);
    add_events(&b, 5);
    take_in_order(&b, "01");
    assert_int_equal(dw_account_next_agent(b.account, NULL)->state, DW_AGENT_APPROVED);
    assert_said(&b, "");
    tear_down(&b);
}

/* Into an account that agrees to the agents of `list` (NULL: to the first of each host); says what was told of it. */
static enum dw_agent_state loaded_by(struct bed *b, const uint8_t *list, struct dw_buf *said)
{
    struct dw_buf state = {0};
    struct bed other = {.said.cap = 0};
    other.account = dw_account_new(NULL, hear, &other);
    dw_account_save(b->account, &state);
    if (list)
        dw_account_list_agents(other.account, list, 1);
    struct dw_cursor c = dw_cursor_of(dw_buf_view(&state));
    assert_int_equal(dw_account_load(other.account, &c, 7), DW_OK);
    const struct dw_account_agent *g = dw_account_next_agent(other.account, NULL);
    enum dw_agent_state got = g->state;
    dw_buf_reset(said);
    dw_buf_str(said, dw_buf_view(&other.said));
    dw_account_free(other.account);
    dw_buf_fini(&other.said);
    dw_buf_fini(&other.full);
    dw_buf_fini(&state);
    return got;
}

static void an_account_that_is_loaded_agrees_by_the_list_of_now(void **state)
{
    (void)state;
    uint8_t own[DW_AGENT_ID_BYTES], foreign[DW_AGENT_ID_BYTES] = {1};
    struct dw_buf said = {0};
    struct bed b;
    set_up(&b, true);
    memcpy(own, b.agent.chain.agent, sizeof own);
    dw_account_list_agents(b.account, own, 1);
    dw_account_list_agents(b.twin, own, 1);
    take_in_order(&b, "0");
    assert_int_equal(loaded_by(&b, own, &said), DW_AGENT_APPROVED);
    assert_str(dw_buf_view(&said), "");
    assert_int_equal(loaded_by(&b, foreign, &said), DW_AGENT_NEW);
    assert_str(dw_buf_view(&said), "UNLISTED@0");
    assert_int_equal(loaded_by(&b, NULL, &said), DW_AGENT_PINNED);
    assert_str(dw_buf_view(&said), "");
    dw_buf_fini(&said);
    tear_down(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_account_that_is_loaded_agrees_by_the_list_of_now),
        cmocka_unit_test(the_first_agent_of_a_host_is_pinned),
        cmocka_unit_test(an_agent_that_no_list_names_is_said_and_taken),
        cmocka_unit_test(a_list_agrees_to_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

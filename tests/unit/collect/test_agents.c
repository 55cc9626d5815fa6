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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_agent_of_a_host_is_pinned),
        cmocka_unit_test(an_agent_that_no_list_names_is_said_and_taken),
        cmocka_unit_test(a_list_agrees_to_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

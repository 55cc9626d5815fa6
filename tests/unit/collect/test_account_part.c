/* Tests of collector/ingest/account_part: what is known of one source goes to another account, and nothing else does. */
#include "part_bed.h"

enum { MOVED = 5, STAYS = 6, THIRD = 9 };

/* Two agents of a source that moves, one of another; `old` has heard them all, `new` of the third alone. */
struct world {
    struct sender one, two, other;
    struct listener old, new;
    struct dw_buf part, was, is;
};

static void world_init(struct world *w, uint64_t seed)
{
    memset(w, 0, sizeof *w);
    sender_init(&w->one, 1, MOVED, seed);
    sender_init(&w->two, 2, MOVED, seed);
    sender_init(&w->other, 3, STAYS, seed);
    listener_init(&w->old, NULL);
    listener_init(&w->new, NULL);
}

static void world_fini(struct world *w)
{
    sender_fini(&w->one);
    sender_fini(&w->two);
    sender_fini(&w->other);
    listener_fini(&w->old);
    listener_fini(&w->new);
    dw_buf_fini(&w->part);
    dw_buf_fini(&w->was);
    dw_buf_fini(&w->is);
}

/* A past of the agents that move, and of the one that stays. */
static void world_goes_on(struct world *w, int frames)
{
    give_many(&w->old, &w->one, frames);
    give_many(&w->old, &w->two, frames);
    give_many(&w->new, &w->other, frames);
}

static const struct dw_account_stream *ledger_of(const struct listener *l, const uint8_t *id)
{
    for (const struct dw_account_stream *s = NULL; (s = dw_account_next(l->account, s));)
        if (memcmp(s->id, id, DW_ID_BYTES) == 0)
            return s;
    return NULL;
}

static const struct dw_account_agent *agent_of(const struct listener *l, const struct sender *s)
{
    for (const struct dw_account_agent *g = NULL; (g = dw_account_next_agent(l->account, g));)
        if (memcmp(g->id, s->f.chain.agent, DW_AGENT_ID_BYTES) == 0)
            return g;
    return NULL;
}

static void assert_same_ledger(const struct listener *l, const struct listener *other, const uint8_t *id)
{
    const struct dw_account_stream *a = ledger_of(l, id), *b = ledger_of(other, id);
    assert_true((a == NULL) == (b == NULL));
    if (!a)
        return;
    assert_true(a->read == b->read && a->pending == b->pending && a->archived == b->archived && a->declared == b->declared);
    assert_true(a->duplicate == b->duplicate && a->gap == b->gap && a->events == b->events && a->ended == b->ended && a->lost == b->lost);
    assert_true((a->path == NULL) == (b->path == NULL));
    assert_true(!a->path || (strcmp(a->path, b->path) == 0 && strcmp(a->host, b->host) == 0));
}

/* Both say the same of a frame that came to both. */
static void assert_say_the_same(const struct listener *l, const struct listener *other, const struct sender *s, const struct dw_frame *f)
{
    assert_same(&l->told, &other->told);
    assert_int_equal(dw_account_stated_low_water(l->account, &f->head), dw_account_stated_low_water(other->account, &f->head));
    assert_int_equal(dw_account_part_low_water(l->account, MOVED), dw_account_part_low_water(other->account, MOVED));
    for (int i = 0; i < 2; i++) {
        const uint8_t *id = s->f.stream[i].id;
        assert_same_ledger(l, other, id);
        for (int64_t t = s->low_water_ns - 3; t < s->low_water_ns + 3; t++)
            assert_int_equal(dw_account_is_heard(l->account, id, t), dw_account_is_heard(other->account, id, t));
    }
}

/* The collector decides that an agent is silent; each account has a chain of its own for that. */
static void decide_idle(struct listener *l, struct sender *s)
{
    struct dw_chain own;
    struct dw_buf json = {0};
    struct dw_decision d = {.kind = DW_DECISION_IDLE, .epoch = s->f.chain.epoch, .since_ns = 1000};
    struct dw_encode with = {.chain = &own};
    struct dw_frame *f = NULL;
    memcpy(d.agent, s->f.chain.agent, sizeof d.agent);
    dw_account_chain(l->account, &own);
    dw_decision_write(&d, &json);
    assert_int_equal(dw_encode_record(s->f.encoder, dw_buf_view(&json), 4711, &with, &f), DW_OK);
    give(l, s, f, 4711);
    dw_frame_free(f);
    dw_buf_fini(&json);
}

static void a_history_moves(uint64_t seed)
{
    struct world w;
    world_init(&w, seed);
    world_goes_on(&w, 5 + (int)chance(&w.one, 60));
    if (chance(&w.one, 3) == 0)
        decide_idle(&w.old, &w.two);
    save_part(&w.new, STAYS, &w.was);
    save_part(&w.old, MOVED, &w.part);
    take_part(&w.new, MOVED, &w.part);
    assert_int_equal(w.new.told.len, 0);
    save_part(&w.new, STAYS, &w.is);
    assert_same(&w.is, &w.was);
    assert_knows_the_same(&w.new, &w.old, MOVED);
    for (int i = 0; i < 120; i++) {
        struct sender *s = chance(&w.two, 2) ? &w.one : &w.two;
        const struct dw_frame *f = send_anything(s);
        if (chance(&w.other, 3) == 0)
            give_many(&w.new, &w.other, 1);
        if (!f)
            continue;
        give(&w.old, s, f, 5000 + i);
        give(&w.new, s, f, 5000 + i);
        assert_say_the_same(&w.new, &w.old, s, f);
        if (i == 60) {
            decide_idle(&w.old, s);
            decide_idle(&w.new, s);
        }
    }
    assert_knows_the_same(&w.new, &w.old, MOVED);
    world_fini(&w);
}

static void who_took_a_part_says_what_the_other_would_have_said(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 24; seed++)
        a_history_moves(seed);
}

static void assert_told_of(const struct listener *l, const char *kind, bool told)
{
    assert_int_equal(dw_str_find(dw_buf_view(&l->told), dw_str_of(kind)) < l->told.len, told);
}

static void what_a_spool_sends_is_excused_where_its_opening_went(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, 39);
    give(&w.old, &w.one, send_opening(&w.one), 1000);
    for (int i = 0; i < 3; i++)
        give(&w.old, &w.one, send_events(&w.one, 9), 1000);
    const struct dw_frame *again = w.one.kept[w.one.sent % KEPT];
    give(&w.old, &w.one, send_opening_with(&w.one, true), 1000);
    save_part(&w.old, MOVED, &w.part);
    take_part(&w.new, MOVED, &w.part);
    give(&w.new, &w.one, again, 1000);
    assert_told_of(&w.new, "REPLAYED", false);
    give(&w.new, &w.one, again, 1000); /* each once */
    assert_told_of(&w.new, "REPLAYED", true);
    give(&w.new, &w.one, send_events(&w.one, 9), 1000);
    give(&w.new, &w.one, again, 1000);
    assert_told_of(&w.new, "REPLAYED", true);
    world_fini(&w);
}

static void who_closed_or_was_silent_is_so_there(void **state)
{
    (void)state;
    for (int idle = 0; idle < 2; idle++) {
        struct world w;
        struct dw_decision d;
        world_init(&w, 38);
        give(&w.old, &w.one, send_opening(&w.one), 1000);
        save_part(&w.old, MOVED, &w.part);
        take_part(&w.new, MOVED, &w.part);
        assert_false(dw_account_all_closed(w.new.account));
        assert_false(dw_account_unheard(w.new.account, 10, &d)); /* heard when it was taken */
        assert_true(dw_account_unheard(w.new.account, 11, &d));
        assert_int_equal(d.since_ns, 1000);
        if (idle)
            decide_idle(&w.old, &w.one);
        else
            give(&w.old, &w.one, send_record(&w.one, "{\"type\":\"epoch.close\",\"streams\":[]}"), 1000);
        save_part(&w.old, MOVED, &w.part);
        take_part(&w.new, MOVED, &w.part);
        assert_true(dw_account_all_closed(w.new.account));
        assert_false(dw_account_unheard(w.new.account, INT64_MAX, &d));
        assert_int_equal(dw_account_low_water(w.new.account), INT64_MAX);
        world_fini(&w);
    }
}

static void the_same_account_gives_the_same_part(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, 40);
    world_goes_on(&w, 40);
    save_part(&w.old, MOVED, &w.part);
    save_part(&w.old, MOVED, &w.is);
    assert_same(&w.is, &w.part);
    assert_true(w.part.len > 200);
    world_fini(&w);
}

static void taking_a_part_twice_changes_nothing(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, 41);
    world_goes_on(&w, 40);
    save_part(&w.new, STAYS, &w.was);
    save_part(&w.old, MOVED, &w.part);
    take_part(&w.new, MOVED, &w.part);
    take_part(&w.new, MOVED, &w.part);
    assert_int_equal(w.new.told.len, 0);
    assert_knows_the_same(&w.new, &w.old, MOVED);
    save_part(&w.new, STAYS, &w.is);
    assert_same(&w.is, &w.was);
    world_fini(&w);
}

static void a_newer_part_takes_the_place_of_the_older(void **state)
{
    (void)state;
    struct world w;
    struct dw_buf none = {0};
    world_init(&w, 42);
    save_part(&w.old, MOVED, &none);
    for (int i = 0; i < 3; i++) {
        world_goes_on(&w, 25);
        save_part(&w.old, MOVED, &w.part);
        take_part(&w.new, MOVED, &w.part);
        assert_knows_the_same(&w.new, &w.old, MOVED);
    }
    take_part(&w.new, MOVED, &none); /* of a source that nothing is known of */
    assert_null(agent_of(&w.new, &w.one));
    assert_non_null(agent_of(&w.new, &w.other));
    assert_int_equal(dw_account_part_low_water(w.new.account, MOVED), INT64_MAX);
    dw_buf_fini(&none);
    world_fini(&w);
}

static void what_was_known_under_another_source_moves(void **state)
{
    (void)state;
    struct world w;
    struct dw_buf none = {0};
    world_init(&w, 43);
    save_part(&w.new, THIRD, &none);
    w.one.source = w.two.source = THIRD;
    give_many(&w.new, &w.one, 20); /* as before it was another partition's */
    give_many(&w.new, &w.two, 20);
    w.one.source = w.two.source = MOVED;
    for (int i = 0; i < KEPT; i++) { /* what the other account has not heard stays where it was */
        give(&w.old, &w.one, w.one.kept[(w.one.sent + 1 + (uint64_t)i) % KEPT], 2000);
        give(&w.old, &w.two, w.two.kept[(w.two.sent + 1 + (uint64_t)i) % KEPT], 2000);
    }
    give(&w.old, &w.one, send_opening(&w.one), 2000);
    give(&w.old, &w.two, send_opening(&w.two), 2000);
    save_part(&w.old, MOVED, &w.part);
    take_part(&w.new, MOVED, &w.part);
    assert_knows_the_same(&w.new, &w.old, MOVED);
    assert_int_equal(ledger_of(&w.new, w.one.f.stream[0].id)->archived, ledger_of(&w.old, w.one.f.stream[0].id)->archived);
    take_part(&w.new, MOVED, &none);
    assert_null(agent_of(&w.new, &w.one));
    assert_null(ledger_of(&w.new, w.one.f.stream[0].id));
    dw_buf_fini(&none);
    world_fini(&w);
}

static void what_is_dropped_is_known_no_more(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, 44);
    save_part(&w.old, MOVED, &w.is);
    world_goes_on(&w, 30);
    give_many(&w.old, &w.other, 30);
    save_part(&w.old, STAYS, &w.was);
    part_forget(w.old.account, MOVED);
    save_part(&w.old, MOVED, &w.part);
    assert_same(&w.part, &w.is);
    assert_null(agent_of(&w.old, &w.one));
    assert_null(agent_of(&w.old, &w.two));
    assert_null(ledger_of(&w.old, w.one.f.stream[0].id));
    assert_int_equal(dw_account_part_low_water(w.old.account, MOVED), INT64_MAX);
    save_part(&w.old, STAYS, &w.is);
    assert_same(&w.is, &w.was);
    assert_int_equal(dw_account_low_water(w.old.account), dw_account_part_low_water(w.old.account, STAYS));
    give_many(&w.old, &w.one, 5); /* and it goes on */
    give_many(&w.old, &w.other, 5);
    world_fini(&w);
}

/* ---- what a source is ---- */

static void a_frame_that_came_before_moves_nothing(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, 45);
    give(&w.old, &w.one, send_opening(&w.one), 1000);
    give(&w.old, &w.one, send_events(&w.one, 9), 1000);
    save_part(&w.old, MOVED, &w.was);
    w.one.source = THIRD;
    give(&w.old, &w.one, w.one.kept[w.one.sent % KEPT], 1000); /* anybody can write it into another partition */
    assert_int_equal(dw_account_part_low_water(w.old.account, THIRD), INT64_MAX);
    assert_int_equal(dw_account_part_low_water(w.old.account, MOVED), w.one.low_water_ns);
    give(&w.old, &w.one, send_events(&w.one, 9), 1000); /* the next frame of its own does */
    assert_int_equal(dw_account_part_low_water(w.old.account, THIRD), w.one.low_water_ns);
    assert_int_equal(dw_account_part_low_water(w.old.account, MOVED), INT64_MAX);
    part_forget(w.old.account, MOVED);
    assert_non_null(agent_of(&w.old, &w.one));
    assert_non_null(ledger_of(&w.old, w.one.f.stream[0].id));
    world_fini(&w);
}

/* Records of other shippers are in frames of the collector's own chain, which is no part's. */
static void streams_of_other_shippers_move_and_the_own_chain_does_not(void **state)
{
    (void)state;
    struct world w;
    struct dw_chain own;
    world_init(&w, 46);
    memset(w.one.f.chain.agent, 0, DW_AGENT_ID_BYTES);
    give(&w.old, &w.one, send_events(&w.one, 9), 1000);
    give(&w.old, &w.one, send_events(&w.one, 9), 1000);
    save_part(&w.old, MOVED, &w.part);
    take_part(&w.new, MOVED, &w.part);
    for (int i = 0; i < 2; i++) {
        assert_non_null(ledger_of(&w.new, w.one.f.stream[i].id));
        assert_same_ledger(&w.new, &w.old, w.one.f.stream[i].id);
    }
    dw_account_chain(w.new.account, &own);
    assert_int_equal(own.next_number, 0);
    part_forget(w.old.account, MOVED);
    dw_account_chain(w.old.account, &own);
    assert_int_equal(own.next_number, 2);
    world_fini(&w);
}

/* ---- who is agreed to ---- */

static void approve(struct listener *l, struct sender *s)
{
    struct dw_chain own;
    struct dw_buf json = {0};
    struct dw_decision d = {.kind = DW_DECISION_APPROVED};
    struct dw_encode with = {.chain = &own};
    struct dw_frame *f = NULL;
    memcpy(d.agent, s->f.chain.agent, sizeof d.agent);
    dw_account_chain(l->account, &own);
    dw_decision_write(&d, &json);
    assert_int_equal(dw_encode_record(s->f.encoder, dw_buf_view(&json), 4711, &with, &f), DW_OK);
    uint64_t source = s->source;
    s->source = STAYS;
    give(l, s, f, 4711);
    s->source = source;
    dw_frame_free(f);
    dw_buf_fini(&json);
}

static void who_was_approved_here_stays_approved(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, 47);
    (void)snprintf(w.two.host, sizeof w.two.host, "%s", w.one.host);
    give(&w.old, &w.one, send_opening(&w.one), 1000);
    give(&w.old, &w.two, send_opening(&w.two), 1000);
    assert_int_equal(agent_of(&w.old, &w.two)->state, DW_AGENT_NEW);
    approve(&w.new, &w.two);
    save_part(&w.old, MOVED, &w.part);
    take_part(&w.new, MOVED, &w.part);
    assert_int_equal(agent_of(&w.new, &w.one)->state, DW_AGENT_PINNED);
    assert_int_equal(agent_of(&w.new, &w.two)->state, DW_AGENT_APPROVED);
    assert_int_equal(agent_of(&w.new, &w.two)->epochs, 1);
    take_part(&w.new, MOVED, &w.part);
    assert_int_equal(agent_of(&w.new, &w.two)->state, DW_AGENT_APPROVED);
    world_fini(&w);
}

static void a_list_judges_the_agents_of_a_part(void **state)
{
    (void)state;
    struct world w;
    uint8_t listed[DW_AGENT_ID_BYTES];
    world_init(&w, 48);
    memcpy(listed, w.one.f.chain.agent, sizeof listed);
    give(&w.old, &w.one, send_opening(&w.one), 1000);
    give(&w.old, &w.two, send_opening(&w.two), 1000);
    give(&w.new, &w.other, send_opening(&w.other), 1000);
    save_part(&w.old, MOVED, &w.part);
    dw_account_list_agents(w.new.account, listed, 1);
    take_part(&w.new, MOVED, &w.part);
    assert_int_equal(agent_of(&w.new, &w.one)->state, DW_AGENT_APPROVED);
    assert_int_equal(agent_of(&w.new, &w.two)->state, DW_AGENT_NEW);
    assert_int_equal(agent_of(&w.new, &w.other)->state, DW_AGENT_PINNED); /* no part's: not judged by it */
    assert_true(dw_str_find(dw_buf_view(&w.new.told), DW_STR("UNLISTED")) == 0);
    save_part(&w.new, MOVED, &w.part);
    take_part(&w.old, MOVED, &w.part); /* where there is no list, the first of each host is pinned again */
    assert_int_equal(agent_of(&w.old, &w.two)->state, DW_AGENT_PINNED);
    world_fini(&w);
}

/* ---- bounds ---- */

static void what_finds_no_room_is_forgotten_and_counted(void **state)
{
    (void)state;
    static const struct dw_account_bounds few = {.streams = 3, .epochs = 2, .ranges = 7};
    struct world w;
    struct listener small;
    world_init(&w, 49);
    listener_init(&small, &few);
    give(&small, &w.other, send_opening(&w.other), 1000);
    give(&small, &w.other, send_events(&w.other, 9), 1000);
    give(&w.old, &w.one, send_opening(&w.one), 1000);
    give(&w.old, &w.two, send_opening(&w.two), 1000);
    give(&w.old, &w.one, send_events(&w.one, 9), 1000);
    for (int i = 0; i < 12; i++) /* each second one does not come */
        if (i % 2)
            (void)send_events(&w.two, 3);
        else
            give(&w.old, &w.two, send_events(&w.two, 3), 1000);
    save_part(&w.old, MOVED, &w.part);
    uint64_t streams = dw_counter_get(DW_C_account_streams_forgotten), epochs = dw_counter_get(DW_C_account_epochs_forgotten);
    uint64_t agents = dw_counter_get(DW_C_account_agents_refused), ranges = dw_counter_get(DW_C_account_ranges_refused);
    uint64_t keys = dw_counter_get(DW_C_account_keys_forgotten);
    take_part(&small, MOVED, &w.part);
    assert_int_equal(dw_counter_get(DW_C_account_streams_forgotten), streams + 3);
    assert_int_equal(dw_counter_get(DW_C_account_epochs_forgotten), epochs + 1);
    assert_int_equal(dw_counter_get(DW_C_account_agents_refused), agents + 1);
    assert_int_equal(dw_counter_get(DW_C_account_keys_forgotten), keys + 1);
    assert_true(dw_counter_get(DW_C_account_ranges_refused) > ranges);
    assert_int_equal(dw_account_part_low_water(small.account, STAYS), INT64_MAX); /* longest without a frame */
    give_many(&small, &w.two, 30);
    save_part(&small, MOVED, &w.is);
    take_part(&small, MOVED, &w.is);
    listener_fini(&small);
    world_fini(&w);
}

/* ---- parts that are not as they were ---- */

/* Refused, and then all is as it was; or taken, and then others are. */
static void try_part(struct world *w, struct dw_str part, const struct dw_buf *whole)
{
    struct dw_buf now = {0};
    struct dw_decision d;
    int rc = dw_account_part_take(w->new.account, MOVED, part, 10);
    assert_true(rc == DW_OK || rc == DW_ECORRUPT || rc == DW_EVERSION);
    if (rc < 0) {
        dw_account_save(w->new.account, &now);
        assert_same(&now, whole);
    } else {
        (void)dw_account_unheard(w->new.account, INT64_MAX, &d);
        save_part(&w->new, MOVED, &now);
        take_part(&w->new, MOVED, &now);
        save_part(&w->new, STAYS, &now);
        assert_same(&now, &w->was);
    }
    dw_buf_fini(&now);
}

static void a_damaged_part_is_refused_or_is_another_one(void **state)
{
    (void)state;
    struct world w;
    struct dw_buf whole = {0};
    uint32_t taken = 0;
    world_init(&w, 50);
    world_goes_on(&w, 12);
    save_part(&w.new, STAYS, &w.was);
    save_part(&w.old, MOVED, &w.part);
    for (size_t i = 0; i < w.part.len; i++)
        for (int bit = 0; bit < 8; bit += 3) {
            dw_buf_reset(&whole);
            dw_account_save(w.new.account, &whole);
            w.part.ptr[i] = (char)(w.part.ptr[i] ^ 1 << bit);
            try_part(&w, dw_buf_view(&w.part), &whole);
            w.part.ptr[i] = (char)(w.part.ptr[i] ^ 1 << bit);
        }
    dw_buf_reset(&whole);
    dw_account_save(w.new.account, &whole);
    for (size_t len = 0; len < w.part.len; len++) {
        int rc = dw_account_part_take(w.new.account, MOVED, dw_str_make(w.part.ptr, len), 10);
        taken += rc == DW_OK;
    }
    assert_int_equal(taken, 0);
    dw_buf_byte(&w.part, 0); /* nor one with something behind it */
    assert_int_equal(dw_account_part_take(w.new.account, MOVED, dw_buf_view(&w.part), 10), DW_ECORRUPT);
    dw_buf_reset(&w.is);
    dw_account_save(w.new.account, &w.is);
    assert_same(&w.is, &whole);
    dw_buf_fini(&whole);
    world_fini(&w);
}

static void a_part_of_another_version_is_refused_as_such(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, 51);
    world_goes_on(&w, 5);
    save_part(&w.old, MOVED, &w.part);
    w.part.ptr[3]++;
    assert_int_equal(dw_account_part_take(w.new.account, MOVED, dw_buf_view(&w.part), 10), DW_EVERSION);
    world_fini(&w);
}

/* An agent's frames could name the collector's own chain, and keys push out those of others. */
static void a_part_with_what_is_in_none_is_refused(void **state)
{
    (void)state;
    struct world w;
    uint8_t id[DW_AGENT_ID_BYTES], zeros[DW_AGENT_ID_BYTES] = {0};
    size_t from = 0, at;
    world_init(&w, 52);
    give(&w.old, &w.one, send_opening(&w.one), 1000);
    memcpy(id, w.one.f.chain.agent, sizeof id);
    save_part(&w.old, MOVED, &w.part);
    int found = 0;
    while ((at = dw_str_find(dw_str_slice(dw_buf_view(&w.part), from, w.part.len), dw_str_make((char *)id, sizeof id))) < w.part.len - from) {
        memcpy(w.part.ptr + from + at, zeros, sizeof zeros); /* first the agent, then its epoch, which then has no key either */
        assert_int_equal(dw_account_part_take(w.new.account, MOVED, dw_buf_view(&w.part), 10), DW_ECORRUPT);
        memcpy(w.part.ptr + from + at, id, sizeof id);
        from += at + sizeof id;
        found++;
    }
    assert_int_equal(found, 2);
    w.part.ptr[6] = (char)(w.part.ptr[6] ^ 1); /* the first byte of the key: nobody's */
    assert_int_equal(dw_account_part_take(w.new.account, MOVED, dw_buf_view(&w.part), 10), DW_ECORRUPT);
    world_fini(&w);
}

/* Goal: without memory an account is as it was. Method: the 1st allocation fails, then the 2nd, ... until none does. */
static void a_part_is_taken_whole_or_not_when_the_nth_allocation_fails(void **state)
{
    (void)state;
    struct world w;
    unsigned hits = 1, last = 0;
    world_init(&w, 53);
    world_goes_on(&w, 15);
    save_part(&w.old, MOVED, &w.part);
    dw_account_save(w.new.account, &w.was);
    for (unsigned nth = 1; hits > 0; nth++) {
        assert_true(nth < 1000);
        mem_fail_at(nth);
        int rc = dw_account_part_take(w.new.account, MOVED, dw_buf_view(&w.part), 10);
        hits = mem_fail_hits();
        mem_fail_at(0);
        assert_true(rc == DW_OK || (rc == DW_ENOMEM && hits));
        if (rc == DW_OK) { /* a table may do without */
            assert_knows_the_same(&w.new, &w.old, MOVED);
            part_forget(w.new.account, MOVED);
            dw_buf_reset(&w.was);
            dw_account_save(w.new.account, &w.was);
        }
        dw_buf_reset(&w.is);
        dw_account_save(w.new.account, &w.is);
        assert_same(&w.is, &w.was);
        last = nth;
    }
    assert_true(last > 20);
    world_fini(&w);
}

static void a_part_is_saved_whole_or_says_so_when_the_nth_allocation_fails(void **state)
{
    (void)state;
    struct world w;
    unsigned hits = 1;
    world_init(&w, 54);
    world_goes_on(&w, 15);
    save_part(&w.old, MOVED, &w.part);
    for (unsigned nth = 1; hits > 0; nth++) {
        struct dw_buf got = {0};
        assert_true(nth < 1000);
        mem_fail_at(nth);
        dw_account_part_save(w.old.account, MOVED, &got);
        hits = mem_fail_hits();
        mem_fail_at(0);
        assert_int_equal(got.err, hits ? DW_ENOMEM : DW_OK);
        if (!hits)
            assert_same(&got, &w.part);
        dw_buf_fini(&got);
    }
    world_fini(&w);
}

/* ---- states ---- */

static void a_state_keeps_sources(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, 55);
    world_goes_on(&w, 30);
    give_many(&w.old, &w.other, 30);
    dw_account_save(w.old.account, &w.is);
    struct dw_cursor c = dw_cursor_of(dw_buf_view(&w.is));
    assert_int_equal(dw_account_load(w.new.account, &c, 10), DW_OK);
    for (uint64_t source = MOVED; source <= STAYS; source++) {
        save_part(&w.old, source, &w.was);
        save_part(&w.new, source, &w.part);
        assert_same(&w.part, &w.was);
    }
    world_fini(&w);
}

/* The file is what the version before wrote of one agent with two streams. */
static void a_state_without_sources_is_read_and_they_are_0(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, 56);
    assert_int_equal(dw_fs_read_file(&dw_fs_system, "tests/fuzz/seeds/account/version_1", 1 << 20, &w.is), DW_OK);
    struct dw_cursor c = dw_cursor_of(dw_buf_view(&w.is));
    assert_int_equal(dw_account_load(w.new.account, &c, 10), DW_OK);
    assert_int_equal(dw_account_next_agent(w.new.account, NULL)->epochs, 1);
    assert_int_equal(dw_account_part_low_water(w.new.account, 0), dw_account_low_water(w.new.account));
    save_part(&w.new, 0, &w.part);
    take_part(&w.old, MOVED, &w.part);
    assert_non_null(dw_account_next(w.old.account, dw_account_next(w.old.account, NULL)));
    assert_int_equal(dw_account_part_low_water(w.old.account, MOVED), dw_account_low_water(w.new.account));
    part_forget(w.new.account, 0);
    assert_null(dw_account_next(w.new.account, NULL));
    assert_null(dw_account_next_agent(w.new.account, NULL));
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_took_a_part_says_what_the_other_would_have_said),
        cmocka_unit_test(what_a_spool_sends_is_excused_where_its_opening_went),
        cmocka_unit_test(who_closed_or_was_silent_is_so_there),
        cmocka_unit_test(the_same_account_gives_the_same_part),
        cmocka_unit_test(taking_a_part_twice_changes_nothing),
        cmocka_unit_test(a_newer_part_takes_the_place_of_the_older),
        cmocka_unit_test(what_was_known_under_another_source_moves),
        cmocka_unit_test(what_is_dropped_is_known_no_more),
        cmocka_unit_test(a_frame_that_came_before_moves_nothing),
        cmocka_unit_test(streams_of_other_shippers_move_and_the_own_chain_does_not),
        cmocka_unit_test(who_was_approved_here_stays_approved),
        cmocka_unit_test(a_list_judges_the_agents_of_a_part),
        cmocka_unit_test(what_finds_no_room_is_forgotten_and_counted),
        cmocka_unit_test(a_damaged_part_is_refused_or_is_another_one),
        cmocka_unit_test(a_part_of_another_version_is_refused_as_such),
        cmocka_unit_test(a_part_with_what_is_in_none_is_refused),
        cmocka_unit_test(a_part_is_taken_whole_or_not_when_the_nth_allocation_fails),
        cmocka_unit_test(a_part_is_saved_whole_or_says_so_when_the_nth_allocation_fails),
        cmocka_unit_test(a_state_keeps_sources),
        cmocka_unit_test(a_state_without_sources_is_read_and_they_are_0),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

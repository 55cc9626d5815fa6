/*
 * op_stats: groups and their aggregates.
 *
 *     rows -> groups in memory --full--> states, sorted by key, in a file       (sorter `spilled`)
 *     end:    the groups, merged by key -> finished rows, sorted as asked       (sorter `finished`) -> the next operator
 *
 * A group's key: the texts of its `by` fields, then the number of its span of time; so groups of one key stand together in the file,
 * and in the order in which they were spilled.
 *
 * Among many groups most of the time goes into waiting for the memory of one. Where rows are only counted, their keys wait in a short
 * queue while the memory of their groups is asked for.
 *
 * Invariants:
 *   (1) Every row waits in the queue or is in exactly one state, in memory or in the file; if one is lost (memory, the file), no group is
 *       shown, for its counts might be wrong.
 *   (2) A group that memory cannot hold alone loses the aggregates that are lists, not its counts and sums.
 *   (3) Without `by` and span there is one row, also of no rows.
 *   (4) A `by` value is a number where it was one in all rows of its group, so that it is printed as it came.
 */
#include "aggregate.h"
#include "query_sorter.h"

#include "dogwatch/base/hash.h"

enum { KEY_ALIGN = 16 };

struct group {
    struct dw_node node;
    struct dw_str key;
    struct group *next;
    uint8_t numbers; /* bit i: by[i] was a number in every row */
    struct agg_state state[];
};

_Static_assert(QUERY_BY_MAX <= 8, "a bit for each of them");

/* A row whose group is not looked up yet. */
struct waiting {
    struct dw_buf key;
    uint64_t hash;
    uint8_t numbers;
};

enum { QUEUE = 8 };

struct stats {
    struct op op;
    struct stats_plan plan;
    struct agg_store store;
    struct dw_table groups;
    struct group *newest;
    struct sorter spilled, finished;
    bool any, has_spilled, broken;
    int64_t first_span, last_span;
    struct row_fields made;
    struct query_streams streams; /* none: rows of a table have no stream */
    struct dw_arena arena;        /* of the row that is given */
    struct dw_buf key, bytes, text;
    bool only_counts;             /* aggregates look at no field */
    struct waiting queue[QUEUE];
    uint64_t queued, looked_up; /* rows that came to the queue and that have left it */
};

static void start(struct op *op)
{
    struct stats *s = DW_ITEM(op, struct stats, op);
    sorter_init(&s->spilled, op->cx, op->cx->share / 2); /* takes any group that is a quarter */
    sorter_init(&s->finished, op->cx, op->cx->share / 4);
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static size_t held(const struct stats *s)
{
    return agg_store_bytes(&s->store) + s->groups.slot_count * sizeof(void *);
}

static size_t group_bytes(const struct stats *s)
{
    return sizeof(struct group) + s->plan.agg_count * sizeof(struct agg_state);
}

static int spill(struct stats *s)
{
    int rc = DW_OK;
    for (struct group *g = s->newest; g && rc == DW_OK; g = g->next) {
        dw_buf_reset(&s->bytes);
        dw_buf_byte(&s->bytes, g->numbers);
        for (uint32_t i = 0; i < s->plan.agg_count; i++)
            agg_save(&s->plan.agg[i], &g->state[i], &s->bytes);
        rc = s->bytes.err ? s->bytes.err : sorter_add(&s->spilled, g->key, dw_buf_view(&s->bytes));
    }
    s->has_spilled = true;
    s->newest = NULL;
    dw_table_fini(&s->groups);
    agg_store_reset(&s->store);
    return rc;
}

/* The key stands right before the group, in one piece of memory: to find a group among many is mostly waiting for memory. */
static struct group *new_group(struct stats *s, struct dw_str key, uint64_t hash)
{
    size_t room = (key.len + KEY_ALIGN - 1) / KEY_ALIGN * KEY_ALIGN;
    char *block = dw_arena_alloc(&s->store.arena, room + group_bytes(s));
    if (!block)
        return NULL;
    struct group *g = (struct group *)(void *)(block + room);
    memcpy(block + room - key.len, key.ptr, key.len);
    g->key = dw_str_make(block + room - key.len, key.len);
    g->numbers = UINT8_MAX;
    g->next = s->newest;
    s->newest = g;
    dw_table_add(&s->groups, &g->node, hash);
    return g;
}

static void note_span(struct stats *s, int64_t span)
{
    if (!s->any || span < s->first_span)
        s->first_span = span;
    if (!s->any || span > s->last_span)
        s->last_span = span;
}

/* The key of a row's group; answers which of its `by` values are numbers. */
static uint8_t make_key(struct stats *s, const struct row *row, struct dw_buf *key)
{
    uint8_t numbers = 0;
    dw_buf_reset(key);
    dw_buf_byte(key, 1); /* no key is empty */
    for (uint32_t i = 0; i < s->plan.by_count; i++)
        numbers |= (uint8_t)(query_key_by(key, row, s->plan.by[i]) << i);
    if (s->plan.span_ns) {
        int64_t span = floor_div(row->ev.time_ns, s->plan.span_ns);
        note_span(s, span);
        query_key_i64(key, span);
    }
    s->any = true;
    return numbers;
}

/* Puts a row into its group. `row` may be NULL where rows are only counted. */
static int count_row(struct stats *s, struct dw_str key, uint64_t hash, uint8_t numbers, const struct row *row)
{
    int rc = DW_OK;
    if (s->newest && held(s) + group_bytes(s) + key.len > s->op.cx->share / 4)
        rc = spill(s);
    if (rc < 0)
        return rc;
    struct dw_node *n = dw_table_find(&s->groups, hash);
    while (n && !dw_str_eq(DW_ITEM(n, struct group, node)->key, key))
        n = dw_table_next(n);
    struct group *g = n ? DW_ITEM(n, struct group, node) : new_group(s, key, hash);
    if (!g)
        return DW_ENOMEM;
    g->numbers &= numbers;
    for (uint32_t i = 0; i < s->plan.agg_count; i++)
        agg_take(&s->plan.agg[i], &g->state[i], &s->store, row);
    return DW_OK;
}

static int count_waiting(struct stats *s)
{
    struct waiting *w = &s->queue[s->looked_up++ % QUEUE];
    return count_row(s, dw_buf_view(&w->key), w->hash, w->numbers, NULL);
}

static int queue_row(struct stats *s, const struct row *row)
{
    int rc = s->queued - s->looked_up == QUEUE ? count_waiting(s) : DW_OK;
    struct waiting *w = &s->queue[s->queued % QUEUE];
    if (rc < 0)
        return rc;
    w->numbers = make_key(s, row, &w->key);
    if (w->key.err)
        return w->key.err;
    w->hash = dw_hash(dw_hash_process_key(), dw_buf_view(&w->key));
    dw_table_ask_slot(&s->groups, w->hash);
    if (s->queued - s->looked_up >= QUEUE / 2)
        dw_table_ask_node(&s->groups, s->queue[(s->queued - QUEUE / 2) % QUEUE].hash);
    s->queued++;
    return DW_OK;
}

static int take(struct op *op, struct row *row)
{
    struct stats *s = DW_ITEM(op, struct stats, op);
    if (s->broken)
        return DW_OK;
    int rc;
    if (s->only_counts) {
        rc = queue_row(s, row);
    } else {
        uint8_t numbers = make_key(s, row, &s->key);
        struct dw_str key = dw_buf_view(&s->key);
        rc = s->key.err ? s->key.err : count_row(s, key, dw_hash(dw_hash_process_key(), key), numbers, row);
    }
    s->broken |= rc < 0;
    return rc;
}

/* The `by` fields and the time of a group: texts in s->text, which takes them all before a view into it is made. */
static int key_fields(struct stats *s, struct dw_str key, uint8_t numbers, struct dw_event *ev)
{
    size_t from[QUERY_BY_MAX + 1];
    char room[QUERY_TEXT_MAX];
    int rc = DW_OK;
    dw_buf_reset(&s->text);
    key = dw_str_slice(key, 1, key.len);
    for (uint32_t i = 0; i < s->plan.by_count; i++) {
        from[i] = s->text.len;
        query_key_take(&key, &s->text);
    }
    from[s->plan.by_count] = s->text.len;
    if (s->plan.span_ns) {
        uint64_t bits = 0;
        for (size_t i = 0; i < 8; i++)
            bits = bits << 8 | (uint8_t)key.ptr[i];
        int64_t span = (int64_t)(bits ^ UINT64_C(1) << 63);
        ev->start = (uint64_t)span;
        if (__builtin_mul_overflow(span, s->plan.span_ns, &ev->time_ns))
            ev->time_ns = INT64_MIN;
        dw_buf_str(&s->text, query_time_text(ev->time_ns, room));
    }
    if (s->text.err)
        return s->text.err;
    struct dw_str all = dw_buf_view(&s->text);
    if (s->plan.span_ns)
        rc = row_fields_add(&s->made,
            query_field(DW_F_timestamp, (struct value){.kind = VALUE_TEXT, .text = dw_str_slice(all, from[s->plan.by_count], all.len)}));
    for (uint32_t i = 0; i < s->plan.by_count && rc == DW_OK; i++)
        rc = row_fields_add(&s->made,
            query_field(s->plan.by[i], (struct value){.kind = VALUE_TEXT, .text = dw_str_slice(all, from[i], from[i + 1]),
                                           .number = (numbers >> i & 1) != 0}));
    return rc;
}

/* Makes a group's row and puts it where it belongs among the others. */
static int finish(struct stats *s, struct dw_str key, uint8_t numbers, struct agg_state *state)
{
    struct row row = {.ev.line = DW_STR("")};
    s->made.count = 0;
    int rc = key_fields(s, key, numbers, &row.ev);
    for (uint32_t i = 0; i < s->plan.agg_count && rc == DW_OK; i++) {
        if (state[i].lost)
            query_partial(s->op.cx, "stats: memory does not hold a list of values: its aggregate is left out");
        rc = agg_result(&s->plan.agg[i], &state[i], &s->made);
    }
    row.ev.field = s->made.field;
    row.ev.field_count = s->made.count;
    dw_buf_reset(&s->bytes);
    dw_buf_reset(&s->key);
    if (s->plan.order != STATS_BY_KEYS)
        query_key_u64(&s->key, s->plan.order == STATS_MOST_FIRST ? ~state[0].n : state[0].n);
    dw_buf_str(&s->key, key);
    if (rc == DW_OK)
        rc = query_row_pack(s->op.cx, &s->streams, &row, &s->bytes);
    if (rc == DW_OK)
        rc = s->key.err ? s->key.err : sorter_add(&s->finished, dw_buf_view(&s->key), dw_buf_view(&s->bytes));
    return rc;
}

/* The groups of the file, one at a time. */
static int finish_spilled(struct stats *s)
{
    struct agg_state state[AGGREGATES_MAX] = {{0}};
    struct dw_str key, bytes;
    struct dw_buf of = {0}; /* the key of the group at hand */
    uint8_t numbers = UINT8_MAX;
    int rc = sorter_end(&s->spilled);
    while (rc == DW_OK && (rc = sorter_next(&s->spilled, &key, &bytes)) == DW_OK) {
        if (of.len && !dw_str_eq(dw_buf_view(&of), key)) {
            rc = finish(s, dw_buf_view(&of), numbers, state);
            numbers = UINT8_MAX;
            memset(state, 0, sizeof state);
            agg_store_reset(&s->store);
            dw_buf_reset(&of);
        }
        if (of.len == 0)
            dw_buf_str(&of, key);
        struct dw_cursor c = dw_cursor_of(bytes);
        numbers &= dw_take_byte(&c);
        for (uint32_t i = 0; i < s->plan.agg_count; i++)
            agg_merge(&s->plan.agg[i], &state[i], &s->store, s->op.cx->share / 4, &c);
        rc = rc < 0 ? rc : of.err;
    }
    if (rc == DW_EAGAIN)
        rc = of.len ? finish(s, dw_buf_view(&of), numbers, state) : DW_OK;
    dw_buf_fini(&of);
    agg_store_reset(&s->store);
    sorter_fini(&s->spilled);
    return rc;
}

static int end(struct op *op)
{
    struct stats *s = DW_ITEM(op, struct stats, op);
    struct dw_str key, packed, none = DW_STR("\1");
    struct row row;
    if (s->broken)
        return DW_OK; /* the reason is noted */
    int rc = DW_OK;
    while (rc == DW_OK && s->looked_up < s->queued)
        rc = count_waiting(s);
    if (rc == DW_OK && s->has_spilled)
        rc = spill(s);
    if (rc < 0)
        return rc;
    if (!s->any && s->plan.by_count == 0 && !s->plan.span_ns && !new_group(s, none, 0))
        rc = DW_ENOMEM;
    for (struct group *g = s->newest; g && rc == DW_OK; g = g->next)
        rc = finish(s, g->key, g->numbers, g->state);
    if (rc == DW_OK && s->has_spilled)
        rc = finish_spilled(s);
    if (rc == DW_OK)
        rc = sorter_end(&s->finished);
    while (rc == DW_OK && !op_unwanted(op) && (rc = sorter_next(&s->finished, &key, &packed)) == DW_OK) {
        dw_arena_reset(&s->arena);
        rc = query_row_unpack(packed, &s->arena, &row);
        if (rc == DW_OK)
            rc = op_pass(op, &row);
    }
    return rc == DW_EAGAIN ? DW_OK : rc;
}

static void stats_free(struct op *op)
{
    struct stats *s = DW_ITEM(op, struct stats, op);
    dw_table_fini(&s->groups);
    agg_store_reset(&s->store);
    sorter_fini(&s->spilled);
    sorter_fini(&s->finished);
    query_streams_fini(&s->streams);
    dw_arena_fini(&s->arena);
    dw_free(s->made.field);
    dw_buf_fini(&s->key);
    dw_buf_fini(&s->bytes);
    dw_buf_fini(&s->text);
    for (uint32_t i = 0; i < QUEUE; i++)
        dw_buf_fini(&s->queue[i].key);
    dw_free(s);
}

static const struct op_ops stats_ops = {
    .name = "stats", .holds = true, .start = start, .take = take, .end = end, .free = stats_free};

struct op *stats_new(const struct stats_plan *plan)
{
    struct stats *s = query_op_new(&stats_ops, sizeof *s);
    if (!s)
        return NULL;
    s->plan = *plan;
    s->only_counts = true;
    for (uint32_t i = 0; i < plan->agg_count; i++)
        s->only_counts &= plan->agg[i].field == UINT32_MAX;
    return &s->op;
}

bool stats_spans(const struct op *op, int64_t *ret_first, int64_t *ret_last)
{
    const struct stats *s = DW_ITEM(op, struct stats, op);
    DW_ASSERT(op->ops == &stats_ops);
    *ret_first = s->first_span;
    *ret_last = s->last_span;
    return s->any;
}

int query_pipe_stats(struct query_parser *p, struct op **ret)
{
    struct stats_plan plan = {.order = STATS_BY_KEYS};
    size_t at = (query_skip_blanks(p), p->at);
    int rc = stats_parse(p, &plan);
    if (rc == DW_OK)
        rc = stats_shape(p, at, &plan);
    if (rc < 0)
        return rc;
    if (plan.agg[0].kind == AGGREGATE_COUNT)
        plan.order = STATS_MOST_FIRST;
    *ret = stats_new(&plan);
    return *ret ? DW_OK : DW_ENOMEM;
}

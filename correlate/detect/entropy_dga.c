/*
 * entropy_dga: names that look as if a program had made them up, as malware does to find its master (domain generation algorithms).
 *
 * Idea: how many bits it costs to say a name letter by letter, each after the one before, as people name things (name_costs.h: English words and the
 * names of packages), against saying it as chance does, log2(27) bits a letter. The difference is how much better chance explains the name: its weight
 * grows with the length, so a short odd name is no proof and a long one is. Score 50 is a draw, and each bit for chance adds 2.5; at the usual 70 chance
 * is 2^8 times as likely. A name whose letters hardly differ (entropy under ENTROPY_LEAST) is somebody's idea, however odd.
 *
 *   what is looked at   the label that somebody registered: of a1b2.cloudfront.net that is `cloudfront`, so the made-up names that clouds and
 *                       networks of content give to their customers' hosts are not judged. A value without a dot is judged whole.
 *
 * Entries of a key are the labels that looked made up within `timespan`, each once, at its newest time: a program asks for many, a person for one.
 *
 * Invariants:
 *   (1) Only whole numbers decide.
 *   (2) A label of under LETTERS_LEAST letters and digits, one that is encoded (xn--), and an address are not judged.
 *   (3) Only a label that the key did not have is told. At NAMES_MAX the one not seen for longest is forgotten and counted.
 */
#include "detect.h"
#include "name_costs.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"

enum { NAMES_MAX = 1024, LABEL_MAX = 63, LETTERS_LEAST = 7, OF_CHANCE = 76, DRAW = 50, SCORE_MOST = 100 }; /* 16 * log2(27) */
enum { ENTROPY_LEAST = 160, DIGIT = 26, NOTHING = 27 };                                                    /* 2.5 bits, in 64ths */

/* 64 * n * log2(n) */
static const uint16_t n_log_n[LABEL_MAX + 1] = {
    0, 0, 128, 304, 512, 743, 993, 1258, 1536, 1826, 2126, 2435, 2753, 3079, 3411, 3751,
    4096, 4447, 4804, 5165, 5532, 5903, 6279, 6659, 7043, 7430, 7822, 8216, 8615, 9016, 9421, 9829,
    10240, 10654, 11070, 11490, 11912, 12336, 12763, 13192, 13624, 14058, 14495, 14933, 15374, 15817, 16261, 16708,
    17157, 17608, 18060, 18515, 18971, 19429, 19889, 20350, 20814, 21278, 21745, 22213, 22682, 23154, 23626, 24100};

/* Suffixes below which anybody registers, of more than one label. The word before a country, or a provider of names for addresses that change. */
static const char *const registries[] = {"ac", "ad", "co", "com", "edu", "go", "gob", "gouv", "gov", "lg", "mil", "ne", "net", "nom", "or", "org", "web"};
static const char *const providers[] = {"ddns.net", "duckdns.org", "dyndns.org", "dynserv.com", "hopto.org", "mooo.com", "no-ip.com", "no-ip.org", "sytes.net", "yi.org", "zapto.org"};

static bool among(struct dw_str text, const char *const *words, size_t count)
{
    bool is = false;
    for (size_t i = 0; i < count; i++)
        is = is || dw_str_eq(text, dw_str_of(words[i]));
    return is;
}

/* Cuts the last label off; empty: there is none. */
static struct dw_str last_label(struct dw_str *name)
{
    size_t at = name->len;
    while (at > 0 && name->ptr[at - 1] != '.')
        at--;
    struct dw_str label = dw_str_slice(*name, at, name->len);
    *name = dw_str_slice(*name, 0, at ? at - 1 : 0);
    return label;
}

/* The label that was registered. `name`: in lower case. */
static struct dw_str registered(struct dw_str name)
{
    if (name.len && name.ptr[name.len - 1] == '.')
        name.len--;
    struct dw_str rest = name, top = last_label(&rest);
    if (rest.len == 0)
        return top;
    struct dw_str label = last_label(&rest);
    bool below = (top.len == 2 && among(label, registries, DW_COUNT_OF(registries))) ||
                 among(dw_str_slice(name, (size_t)(label.ptr - name.ptr), name.len), providers, DW_COUNT_OF(providers));
    return below && rest.len ? last_label(&rest) : label;
}

static uint32_t symbol_of(char c)
{
    return c >= 'a' && c <= 'z' ? (uint32_t)(c - 'a') : c >= '0' && c <= '9' ? DIGIT : NOTHING;
}

/* Whether the letters differ enough to have been drawn. */
static bool is_mixed(const uint8_t times[UINT8_MAX + 1], uint32_t letters)
{
    uint32_t same = 0;
    for (uint32_t i = 0; i <= UINT8_MAX; i++)
        same += n_log_n[times[i]];
    return n_log_n[letters] - same >= ENTROPY_LEAST * letters;
}

/* 0 to 100; 0: it is not judged. */
static uint32_t score_of(struct dw_str label)
{
    uint8_t times[UINT8_MAX + 1] = {0};
    uint32_t letters = 0, before = NOTHING;
    int32_t for_chance = 0; /* sixteenths of a bit */
    label = dw_str_slice(label, 0, LABEL_MAX);
    if (dw_str_starts(label, DW_STR("xn--")) || dw_str_find(label, DW_STR(":")) < label.len)
        return 0;
    for (size_t i = 0; i < label.len; i++) {
        uint32_t symbol = symbol_of(label.ptr[i]);
        if (symbol != NOTHING) {
            for_chance += name_costs[before][symbol] - OF_CHANCE;
            times[(uint8_t)label.ptr[i]]++;
            letters++;
        }
        before = symbol;
    }
    if (letters < LETTERS_LEAST || !is_mixed(times, letters))
        return 0;
    int32_t score = DRAW + for_chance * 5 / 32; /* 2.5 a bit */
    return score < 0 ? 0 : score > SCORE_MOST ? SCORE_MOST : (uint32_t)score;
}

static int observe(struct dw_window *w, const struct dw_correlation *c, struct dw__state *s, const struct dw__record *r, bool *ret_is, struct dw_anomaly *ret)
{
    char lower[2 * UINT8_MAX]; /* a name of DNS has at most 255 */
    struct dw_str value = dw_str_make(r->text + r->text_len, r->value_len), name = dw_str_slice(value, sizeof(uint32_t), value.len);
    name = dw_str_slice(name, 0, sizeof lower);
    for (size_t i = 0; i < name.len; i++)
        lower[i] = (char)(name.ptr[i] >= 'A' && name.ptr[i] <= 'Z' ? name.ptr[i] - 'A' + 'a' : name.ptr[i]);
    struct dw_str label = registered(dw_str_make(lower, name.len));
    uint32_t score = score_of(label);
    *ret_is = false;
    *ret = (struct dw_anomaly){.feature = c->field_name[0], .value_text = value, .baseline = c->score, .score = score};
    dw__entries_expire(s, dw__earlier(r->time_ns, c->timespan_ns));
    if (score < c->score)
        return DW_OK;
    struct dw__record as = {.time_ns = r->time_ns, .ref = r->ref};
    dw__hash16(DW_STR("label"), label, as.value);
    bool known = dw__entries_forget(s, as.value);
    DW_COUNT_IF(s->count == NAMES_MAX, correlate_window_capped);
    int rc = dw__entries_append(w, s, &as, NAMES_MAX);
    ret->value = s->count;
    *ret_is = rc == DW_OK && !known && dw__condition_holds(c, ret->value) && dw__has_learned(c, s, r->time_ns);
    return rc;
}

const struct dw__detector dw__detector_entropy_dga = {.word = "entropy_dga", .observe = observe, .keeps = 1, .opens = true, .rests = true};

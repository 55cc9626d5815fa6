/*
 * auth: what sshd, sudo, su, PAM, useradd and cron say about users.
 *
 * Invariants:
 *   (1) Only a message of a known shape yields categories; a user named in passing yields user.name alone.
 *   (2) sshd's Accepted, Failed and Invalid are logins: nothing else is.
 */
#include "syslog_head.h"

static void put_peer(struct dw_draft *d, struct dw_str r)
{
    fmt_source(d, fmt_word(&r));
    fmt_blanks(&r);
    if (fmt_lit(&r, "port "))
        (void)fmt_set_digits(d, DW_F_source_port, fmt_word(&r));
}

static void put_login(struct dw_draft *d, bool accepted)
{
    fmt_words(d, DW_F_event_category, accepted ? "authentication session" : "authentication");
    dw_draft_const(d, DW_F_event_type, "info");
    dw_draft_const(d, DW_F_event_action, "ssh_login");
    dw_draft_const(d, DW_F_event_outcome, accepted ? "success" : "failure");
}

/* Takes the name before " from ADDRESS port N". A name may hold such a text itself, made to look like somebody else's address: the last counts. */
static bool user_from(struct dw_str *r, struct dw_str *ret_user)
{
    struct dw_str from = DW_STR(" from ");
    size_t first = dw_str_find(*r, from), last = first;
    if (first == r->len)
        return false;
    for (size_t at = first; at < r->len; at += 1 + dw_str_find(dw_str_slice(*r, at + 1, r->len), from)) {
        struct dw_str after = dw_str_slice(*r, at + from.len, r->len), address = fmt_word(&after);
        fmt_blanks(&after);
        if (fmt_is_ip(address) && fmt_lit(&after, "port "))
            last = at;
    }
    *ret_user = dw_str_slice(*r, 0, last);
    *r = dw_str_slice(*r, last + from.len, r->len);
    return true;
}

/* Accepted publickey for root from 10.0.0.1 port 22 ssh2; Failed password for invalid user x from ... */
static bool sshd_login(struct dw_draft *d, struct dw_str m)
{
    struct dw_str r = m, event = fmt_word(&r), method = fmt_word(&r), user;
    if (!fmt_among(event, " Accepted Failed Postponed Partial "))
        return false;
    fmt_blanks(&r);
    if (!fmt_lit(&r, "for ") || !user_from(&r, &user))
        return false;
    if (fmt_lit(&user, "invalid user") || fmt_lit(&user, "illegal user"))
        fmt_blanks(&user);
    fmt_user(d, user);
    fmt_set_named(d, "system.auth.ssh.", DW_STR("method"), method);
    fmt_set_named(d, "system.auth.ssh.", DW_STR("event"), event);
    put_peer(d, r);
    if (fmt_eq(event, "Accepted") || fmt_eq(event, "Failed"))
        put_login(d, fmt_eq(event, "Accepted"));
    return true;
}

/* Connection closed by [authenticating|invalid user x] 10.0.0.1 port 22; Received disconnect from 10.0.0.1 port 22:11
 */
static bool sshd_connection(struct dw_draft *d, struct dw_str m)
{
    static const char *const lead[] = {"Connection closed by ", "Connection reset by ", "Disconnected from ",
        "Received disconnect from ", "Connection from ", "Did not receive identification string from ",
        "Unable to negotiate with ", "Disconnecting "};
    for (size_t i = 0; i < DW_COUNT_OF(lead); i++) {
        struct dw_str r = m;
        if (!fmt_lit(&r, lead[i]))
            continue;
        (void)(fmt_lit(&r, "authenticating ") || fmt_lit(&r, "invalid "));
        if (fmt_lit(&r, "user "))
            fmt_user(d, fmt_word(&r));
        struct dw_str at = r, address = fmt_word(&at);
        while (address.len && strchr(":,;", address.ptr[address.len - 1]))
            address.len--;
        if (!fmt_is_ip(address))
            return false;
        fmt_source(d, address);
        fmt_blanks(&at);
        if (fmt_lit(&at, "port ")) {
            struct dw_str port = fmt_word(&at);
            (void)fmt_set_digits(d, DW_F_source_port, dw_str_cut(&port, ':'));
        }
        return true;
    }
    return false;
}

/* ... user x from 10.0.0.1 [port 22] */
static bool sshd_user_from(struct dw_draft *d, struct dw_str m)
{
    struct dw_str r = m, event, user;
    if (!fmt_upto(&r, " user ", &event) || !user_from(&r, &user) || dw_str_index(user, ' ') < user.len)
        return false;
    fmt_user(d, user);
    put_peer(d, r);
    if (fmt_eq(event, "Invalid"))
        put_login(d, false);
    return true;
}

/* vagrant : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/sh */
static bool sudo_command(struct dw_draft *d, struct dw_str m)
{
    struct dw_str r = m, user, v;
    if (!fmt_upto(&r, " : ", &user) || !fmt_has(r, "TTY=") || !fmt_has(r, "COMMAND="))
        return false;
    fmt_user(d, dw_str_trim(user));
    bool refused = !fmt_starts(r, "TTY=");
    if (refused && fmt_upto(&r, " ; TTY=", &v))
        (void)fmt_set(d, DW_F_event_reason, v);
    else
        (void)fmt_lit(&r, "TTY=");
    if (fmt_upto(&r, " ; PWD=", &v))
        (void)fmt_set(d, DW_F_process_tty_name, v);
    if (fmt_upto(&r, " ; USER=", &v))
        (void)fmt_set(d, DW_F_process_working_directory, v);
    struct dw_str target = r;
    if (fmt_upto(&r, " ; ", &target) && fmt_set(d, DW_F_user_effective_name, target))
        (void)fmt_set(d, DW_F_related_user, target);
    if (fmt_lit(&r, "COMMAND=") || fmt_upto(&r, "COMMAND=", &v))
        (void)fmt_set(d, DW_F_process_command_line, r);
    return true;
}

/* new user: name=x, UID=1, GID=1, home=/x, shell=/bin/sh */
static bool account(struct dw_draft *d, struct dw_str program, struct dw_str m)
{
    bool group = fmt_among(program, " groupadd groupdel groupmod "),
         user = fmt_among(program, " useradd userdel usermod ");
    if (!group && !user)
        return false;
    struct dw_str verb = dw_str_slice(program, program.len - 3, program.len);
    dw_draft_const(d, DW_F_event_category, "iam");
    dw_draft_const(d, DW_F_event_outcome, fmt_starts(m, "failed ") ? "failure" : "success");
    dw_draft_const(d, DW_F_event_type, user ? "user" : "group");
    dw_draft_const(d, DW_F_event_type, fmt_eq(verb, "add") ? "creation" : fmt_eq(verb, "del") ? "deletion" : "change");
    struct dw_str r = m, skip;
    if (!fmt_upto(&r, ": ", &skip))
        return true;
    struct dw_str item = dw_str_cut(&r, ',');
    for (; item.len; item = dw_str_cut(&r, ',')) {
        item = dw_str_trim(item);
        struct dw_str key = dw_str_cut(&item, '=');
        if (fmt_eq(key, "name") && user)
            fmt_user(d, item);
        else if (fmt_eq(key, "name"))
            (void)fmt_set(d, DW_F_group_name, item);
        else if (fmt_eq(key, "UID"))
            (void)fmt_set(d, DW_F_user_id, item);
        else if (fmt_eq(key, "GID"))
            (void)fmt_set(d, DW_F_group_id, item);
    }
    return true;
}

static struct dw_str unquoted(struct dw_str s)
{
    s = dw_str_trim(s);
    if (s.len >= 2 && s.ptr[0] == '"' && s.ptr[s.len - 1] == '"')
        return dw_str_slice(s, 1, s.len - 1);
    return s;
}

/* ...for user root by alice(uid=0); ...by user "root" */
static bool pam_user(struct dw_draft *d, struct dw_str m)
{
    struct dw_str r = m, skip, target;
    if (fmt_upto(&r, "for user ", &skip)) {
        bool by = fmt_upto(&r, " by ", &target);
        if (!by)
            target = r;
        target = unquoted(dw_str_slice(target, 0, dw_str_index(target, '(')));
        struct dw_str who = by ? unquoted(dw_str_slice(r, 0, dw_str_index(r, '('))) : DW_STR_NONE, id;
        if (target.len == 0 || dw_str_index(target, ' ') < target.len || dw_str_index(who, ' ') < who.len)
            return false;
        fmt_user(d, who.len ? who : target);
        if (by)
            (void)fmt_set(d, DW_F_user_effective_name, target);
        if (by && fmt_upto(&r, "(uid=", &skip)) {
            id = dw_str_slice(r, 0, dw_str_index(r, ')'));
            (void)fmt_set_digits(d, DW_F_user_id, id);
        }
        return true;
    }
    if (fmt_upto(&r, "by user ", &skip) && dw_str_index(unquoted(r), ' ') == unquoted(r).len) {
        fmt_user(d, unquoted(r));
        return true;
    }
    return false;
}

/* pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=1.2.3.4  user=root */
static bool pam_failure(struct dw_draft *d, struct dw_str m)
{
    struct dw_str r = m, skip, key, value;
    if (!fmt_upto(&r, "authentication failure", &skip) || !fmt_upto(&r, "; ", &skip))
        return false;
    dw_draft_const(d, DW_F_event_category, "authentication");
    dw_draft_const(d, DW_F_event_outcome, "failure");
    while (fmt_pair(&r, &key, &value)) {
        if (fmt_eq(key, "user"))
            fmt_user(d, value);
        else if (fmt_eq(key, "rhost"))
            fmt_source(d, value);
    }
    return true;
}

/* (root) CMD (command) */
static bool cron_command(struct dw_draft *d, struct dw_str m)
{
    struct dw_str r = m, user, command;
    if (!fmt_bracketed(&r, '(', ')', &user) || !fmt_starts(dw_str_trim(r), "CMD") || !fmt_upto(&r, "CMD", &command) ||
        !fmt_bracketed(&r, '(', ')', &command))
        return false;
    fmt_user(d, user);
    (void)fmt_set(d, DW_F_process_command_line, command);
    return true;
}

bool auth_writes(struct dw_str program)
{
    return fmt_among(program, " sshd sshd-session sudo su login useradd groupadd userdel usermod passwd ");
}

bool auth_message(struct dw_draft *d, struct dw_str program, struct dw_str message)
{
    if (fmt_starts(program, "sshd") &&
        (sshd_login(d, message) || sshd_user_from(d, message) || sshd_connection(d, message)))
        return true;
    if (fmt_eq(program, "sudo") && sudo_command(d, message))
        return true;
    if (fmt_among(program, " cron crond anacron ") && cron_command(d, message))
        return true;
    return account(d, program, message) || pam_failure(d, message) || pam_user(d, message);
}

/*
 * judged: what an alert's words say: how bad it is, and whether people are done with it.
 */
#include "dogwatch/collect/triage.h"

static bool is(const char *text, const char *word)
{
    return text && strcmp(text, word) == 0;
}

bool dw_alert_is_nothing(const struct dw_alert *a)
{
    const char *found = a->said[DW_ALERT_disposition];
    return is(a->said[DW_ALERT_status], "false_positive") || is(found, "false_positive") || is(found, "benign") || is(found, "duplicate");
}

bool dw_alert_is_open(const struct dw_alert *a)
{
    const char *status = a->said[DW_ALERT_status];
    return (is(status, "new") || is(status, "in_progress")) && !dw_alert_is_nothing(a);
}

int dw_alert_severity(const char *level)
{
    int found = 0;
    for (int i = DW_LEVEL_INFORMATIONAL; i <= DW_LEVEL_CRITICAL; i++)
        if (strcmp(dw_level_text((enum dw_level)i), level) == 0)
            found = i;
    return found;
}

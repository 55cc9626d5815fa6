/* ALERT_FIELD(name, values, doc): what people may say of an alert, and the values it may have, by `|`; "": any text. The first is what
 * it is until somebody says otherwise. docs/reference/alerts.md comes from here. */
ALERT_FIELD(status, "new|in_progress|resolved|false_positive|closed", "where the work on it stands")
ALERT_FIELD(disposition, "undetermined|true_positive|false_positive|benign|duplicate", "what it turned out to be")
ALERT_FIELD(assignee, "", "who works on it")
ALERT_FIELD(note, "", "a remark; each is kept")

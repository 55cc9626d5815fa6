/* ACCESS(name, roles, doc): the classes of routes, and which roles may use them. */
ACCESS(OPEN, 0, "nobody is asked for a token")
ACCESS(STATE, MAY(triage) | MAY(hunt) | MAY(auditor) | MAY(admin), "how things stand: alerts, rules, counters")
ACCESS(ACCOUNT, MAY(hunt) | MAY(auditor) | MAY(admin), "what the archive holds, in numbers")
ACCESS(CHANGE, MAY(triage) | MAY(hunt) | MAY(admin), "says something of an alert; audited")
ACCESS(EVENTS, MAY(hunt) | MAY(admin), "events themselves; audited")
ACCESS(KEEP, MAY(admin), "decides what the archive keeps; audited")
ACCESS(DECIDE, MAY(hunt) | MAY(admin), "decides what gateways block; audited")

/* ROLE(name, doc): what a token may be for. The check, docs/reference/api.md and `dogwatch token` come from here. */
ROLE(triage, "works on alerts: reads and changes them")
ROLE(hunt, "what triage may, and asks for events")
ROLE(auditor, "reads what tells how things stand, and changes nothing")
ROLE(admin, "everything")

/*
 * evidence_readme: what a pack says to people.
 */
#include "evidence_int.h"

#include "dogwatch/event/json_write.h"

#include <inttypes.h>

static const char what[] =
    "## What is here\n\n"
    "| file | holds |\n|---|---|\n"
    "| PACK | every file with its size and SHA-256, and the digest of that list |\n"
    "| alert.json | the alert, as the collector wrote it down |\n"
    "| events.ndjson | the events that it names, one a line; `event.original` is the line as the program wrote it, but for what was masked on the host |\n"
    "| frames/*.frame | the frames in which the agent on the host shipped these lines, whole: they hold other lines of that moment too |\n"
    "| frames/*.chain | the record in which the agent states its public key, and what its signatures need between a frame and the signature |\n"
    "| KEYS | only where that record was let go by the archive: the agent's public key, whose hash is the agent's id |\n"
    "| rule/ | the rule that raised the alert, and what belongs to it |\n"
    "| match.json | which condition of the rule each event met, and with which value |\n"
    "| MANIFEST | lines of the archive's manifest for the segments of these frames; empty while they are still open |\n\n";

static const char how[] =
    "## How to verify it\n\n"
    "    dogwatch evidence verify THIS_FOLDER                 needs nothing else: no archive, no network\n"
    "    dogwatch evidence verify THIS_FOLDER --key FILE      FILE holds the agent's id or public key, from somewhere else\n"
    "    python3 dwcat.py frames/*                            the same events by another program, written from docs/formats/frame.md alone\n"
    "    python3 dwcat.py --check frames/*                    roots, hashes and chains by that program\n"
    "    zstd -dc frames/*.frame                              the very lines\n\n"
    "Note the digest at the end of PACK somewhere else: with it, not one byte of this folder can be exchanged.\n\n";

static const char proof[] =
    "## What is proved\n\n"
    "The agent's signature covers, through its chain of hashes, the lines, the host, file and bytes they stood in, their times and their order. From these frames and the rule here\n"
    "everything else follows, and `verify` makes it follow: the events, how each meets the rule, and the alert.\n\n"
    "## What is not\n\n"
    "- That the key is that agent's. The pack states it itself; `--key` holds it against one that you have from elsewhere.\n"
    "- What the host's agent says after the host was taken over; and what was changed before the agent read it.\n"
    "- That the rule here is the one that was in force, beyond its logic hash in the alert: rule and alert are signed by nobody.\n"
    "- This text, words and comments in rule/, and MANIFEST, which says something only beside the archive.\n\n"
    "The format: docs/formats/evidence.md of dogwatch.\n";

void evidence_readme(const struct evidence_alert *a, const struct evidence_made *m, struct dw_buf *out)
{
    const struct dw_alert *alert = &a->alert;
    dw_buf_printf(out, "# Evidence of an alert\n\n    alert   %s\n    rule    %s (%s), %s\n    time    ", alert->id, alert->title, alert->rule, alert->level);
    dw_time_text(out, alert->time_ns);
    dw_buf_printf(out, "\n    events  %" PRId64 " counted, %u named, %u here\n    logic   %s\n\nWritten by dogwatch " DW_VERSION ", `evidence export`.\n\n", alert->total,
        a->named.count, m->found, a->logic);
    dw_buf_printf(out, "%s%s%s", what, how, proof);
}

/* SIGNAL(id, action, doc): what the agent tells of itself and of its files as events of `dogwatch.agent` (event.action), since somebody may have meddled. */
SIGNAL(TRUNCATED, "log-truncated", "a log was made shorter, and there is no copy of what stood there: what had not been read is gone")
SIGNAL(REWRITTEN, "log-rewritten", "bytes of a log that were read have other content now")
SIGNAL(DELETED, "log-deleted-unread", "a log was deleted before it was read to its end; it is read on as long as the file is held open")
SIGNAL(SET_BACK, "log-time-set-back", "the time of a log's last change was set back")
SIGNAL(CLOCK, "clock-set", "the host's clock was set by more than a second")
SIGNAL(STARTED, "agent-started", "the agent began")
SIGNAL(STOPPED, "agent-stopped", "the agent was told to end, by a signal or a new configuration")
SIGNAL(DIED, "agent-died", "the agent ended without a word before this start: killed, or the host went down")

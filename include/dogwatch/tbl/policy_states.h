/* POLICY_STATE(name, doc): where an entry of a policy stands. docs/reference/policies.md comes from here. */
POLICY_STATE(proposed, "alerts name the address; nobody has approved it, or there are alerts since it ended")
POLICY_STATE(active, "approved, and its time is not over: gateways get it")
POLICY_STATE(expired, "its time is over")
POLICY_STATE(rolled_back, "somebody took it back")
POLICY_STATE(refused, "it must not be blocked: the never-block list holds it, or nothing proves that the address is its sender's")

/* POLICY_TARGET(name, summary): languages that a policy is printed in, one file each in collector/policy/. The dispatch, the help and
 * docs/reference/policies.md come from here. */
POLICY_TARGET(nginx, "a `geo` block for `include` in http {}; a server refuses with `if ($dogwatch_blocked) { return 403; }`")
POLICY_TARGET(haproxy, "a list of addresses for `http-request deny if { src -f FILE }`")
POLICY_TARGET(nftables, "a table of its own with two sets, whose elements end by themselves, and a chain that drops; for `nft -f`")
POLICY_TARGET(crs, "SecRules with `@ipMatch` for ModSecurity, with or without the Core Rule Set")
POLICY_TARGET(envoy, "an RBAC filter for `http_filters`")
POLICY_TARGET(networkpolicy, "a Kubernetes NetworkPolicy that lets everybody in but these")

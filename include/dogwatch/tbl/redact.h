/* REDACT(id, name, doc): what the agent can mask before a line leaves the host. */
REDACT(CARDS, "cards", "payment card numbers: 13-19 digits with an issuer's prefix and length, Luhn-valid, standing alone")
REDACT(PASSWORDS, "passwords", "the value after password=, passwd=, pwd=, secret=, token=, api_key= (also with ':')")
REDACT(BEARER, "bearer", "the credentials of an Authorization header: Bearer and Basic")
REDACT(AWS_KEYS, "aws-keys", "AWS access key ids (AKIA or ASIA and 16 capitals or digits)")

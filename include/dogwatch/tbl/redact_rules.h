/* REDACT(id, name, doc): what the agent can mask before a line leaves the host. */
REDACT(CARDS, "cards", "payment card numbers: 13-19 digits with an issuer's prefix and length, Luhn-valid, standing alone")
REDACT(PASSWORDS, "passwords", "the value after names that end in password, passwd, pwd, passphrase, secret, token, api_key, access_key, account_key, private_key, credentials, with =, : or %3D, in quotes to their end; after pass= unless it is a number")
REDACT(BEARER, "bearer", "the credentials of an Authorization header, and bearer tokens of 16 bytes and more anywhere")
REDACT(AWS_KEYS, "aws-keys", "AWS access key ids (AKIA or ASIA and 16 capitals or digits)")
REDACT(PRIVATE_KEYS, "private-keys", "what stands between the header and the footer of a PEM private key, after its header to the line's end, and lines of base64 as such keys have")
REDACT(URL_CREDENTIALS, "url-credentials", "the password in scheme://user:password@host")
REDACT(TOKENS, "tokens", "tokens that services give a beginning of their own: GitHub, GitLab, Slack, Stripe, Google, npm, PyPI, SendGrid, Vault and others; JSON web tokens")
REDACT(EMAILS, "emails", "the part of an e-mail address before the @; only when it is asked for")

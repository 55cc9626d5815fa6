/* REDACT(id, name, doc): what the agent can mask before a line leaves the host. */
REDACT(CARDS, "cards", "payment card numbers: 13-19 digits with an issuer's prefix and length, Luhn-valid, standing alone")
REDACT(PASSWORDS, "passwords", "the value after names that end in password, passwd, pwd, passphrase, secret, token, api_key, access_key, private_key, with = or :")
REDACT(BEARER, "bearer", "the credentials of an Authorization header, and bearer tokens of 16 bytes and more anywhere")
REDACT(AWS_KEYS, "aws-keys", "AWS access key ids (AKIA or ASIA and 16 capitals or digits)")
REDACT(PRIVATE_KEYS, "private-keys", "what stands between the header and the footer of a PEM private key, or after its header to the line's end")
REDACT(URL_CREDENTIALS, "url-credentials", "the password in scheme://user:password@host")

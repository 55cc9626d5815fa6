/* REDACT(id, name, on, doc): what is masked before a line leaves the host; `on`: by default. */
REDACT(CARDS, "cards", 1, "payment card numbers: issuer prefix and length, Luhn-valid; the last four digits stay")
REDACT(PASSWORDS, "passwords", 0, "values of password=, passwd=, pwd=, secret=, token=, api_key= and their JSON forms")
REDACT(AUTHORIZATION, "authorization", 0, "credentials after Authorization: Basic, Bearer or Digest")
REDACT(AWS_KEYS, "aws_keys", 0, "AWS access key ids and the secret keys beside their names")
REDACT(PRIVATE_KEYS, "private_keys", 0, "what follows a PEM private key header, to its end or the line's end")
REDACT(URL_CREDENTIALS, "url_credentials", 0, "the password in scheme://user:password@host")

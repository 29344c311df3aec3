"""Sign-in by an OpenID Connect issuer, such as the one of a university."""

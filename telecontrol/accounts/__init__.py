"""Who may enter: organisations and insurers, staff, roles, sign-in, API keys, the insured's links."""

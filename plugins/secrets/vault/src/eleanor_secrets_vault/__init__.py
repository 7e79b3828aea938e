"""Secrets from a server with Vault's API: HashiCorp Vault or OpenBao."""

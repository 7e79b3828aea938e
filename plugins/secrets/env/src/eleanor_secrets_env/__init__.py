"""Secrets from environment variables, for development only."""

"""Deploying and checking deployments, without ape: what, where, and what is there."""

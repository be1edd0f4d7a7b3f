"""Loaded by the service's processes when its folder stands on their path: write grants live five seconds."""

from datetime import timedelta

from broker.sas import grants

grants.WRITE_LIFE = timedelta(seconds=5)

"""Loaded by the service's processes when its folder stands on their path: a request has two seconds to arrive."""

from broker.ops import arrivals

arrivals.REQUEST_SECONDS = 2.0

"""The catalog: an SQL index over the vault. The only folder that imports sqlalchemy.

``engine`` hands out transactions, ``tables`` lists the tables, ``migrate`` brings a database up to date; each other
module holds the queries about one noun, as functions that take a transaction first.
"""

from .engine import Catalog, CatalogRefused, Conflict, Tx

__all__ = ["Catalog", "CatalogRefused", "Conflict", "Tx"]

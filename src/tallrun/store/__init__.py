"""Records on this machine or a clinic's server: SQLite or PostgreSQL through SQLAlchemy, superseded and never edited.

``Store.open`` is the door; ``checks`` refuses what cannot be true before it is stored; ``backup``,
``export`` and ``erase`` are the data rights. Data classes come from ``recovery.model``.
"""

from tallrun.store.location import data_folder
from tallrun.store.store import Store

__all__ = ["Store", "data_folder"]

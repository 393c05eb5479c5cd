"""Where threads are kept: checkpoints, replies and the list of threads.

Three places can be named, and one given:

    storage            checkpoints          journal, index    one run at a time
    MemoryStorage      LangGraph's          in memory         in this program
    SqliteStorage      LangGraph's, sealed  in the same file  on this machine
    PostgresStorage    LangGraph's, sealed  in the same db    everywhere
    GivenStorage       a person's own       none              in this program

A storage may have several users; each has a `Lease` of it, and the last one on an event loop closes
what is open there.
"""

from __future__ import annotations

from .base import Storage, Store, ThreadIndex, ThreadRow
from .given import GivenStorage
from .lease import Lease
from .opening import default_storage, open_storage
from .paths import run_folder, state_dir

__all__ = [
    "GivenStorage",
    "Lease",
    "Storage",
    "Store",
    "ThreadIndex",
    "ThreadRow",
    "default_storage",
    "open_storage",
    "run_folder",
    "state_dir",
]

"""How often simulated agents of known ability are right, alone and together: `make study`.

The engine is the real one, on a virtual clock; docs/accuracy.md tells what comes out.
"""

from __future__ import annotations

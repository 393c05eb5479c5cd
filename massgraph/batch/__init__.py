"""Many questions through one team: JSON lines in, JSON lines out, and on from where it was cut.

questions.py reads what is asked, result_file.py keeps what came of it, work.py asks.
"""

from __future__ import annotations

MOST_JOBS = 256
"""How many questions may be under way."""

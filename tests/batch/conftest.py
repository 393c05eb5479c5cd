"""What the tests of batches share: the command line, and a folder to work in."""

from __future__ import annotations

from tests.cli.conftest import cli as cli
from tests.cli.conftest import folder as folder

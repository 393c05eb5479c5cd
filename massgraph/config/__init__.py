"""Config: teams from YAML and JSON files.

    from massgraph.config import load_config

    team = load_config("team.yaml", overrides=["policy.tie=random"])

What a config may say stands in docs/cli.md. Every problem of a file is found at once.
"""

from __future__ import annotations

from .loader import TeamConfig as TeamConfig
from .loader import load_config as load_config
from .loader import load_document as load_document
from .overrides import Override as Override
from .problems import ConfigError as ConfigError
from .problems import Place as Place
from .problems import Problem as Problem

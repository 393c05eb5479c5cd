"""Decision rules: plain functions from ballots to a winner, or to none.

A rule sees ballots as a set: it is independent of the order in which votes arrived.
"""

from __future__ import annotations

from .borda import borda as borda
from .counting import break_tie as break_tie
from .counting import most_votes as most_votes
from .counting import tie_order as tie_order
from .election import Candidate as Candidate
from .election import Decision as Decision
from .election import Electorate as Electorate
from .election import Rule as Rule
from .election import RuleOptions as RuleOptions
from .election import Tie as Tie
from .election import Vote as Vote
from .election import cast_vote as cast_vote
from .instant_runoff import instant_runoff as instant_runoff
from .registry import RULES as RULES
from .registry import find_rule as find_rule
from .registry import is_ranked as is_ranked
from .registry import rule as rule
from .registry import rule_name as rule_name
from .registry import rule_problem as rule_problem
from .single_choice import majority as majority
from .single_choice import plurality as plurality
from .single_choice import supermajority as supermajority
from .single_choice import unanimity as unanimity

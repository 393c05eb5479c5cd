"""Each thing that a config may not say, with the line and column where it says it."""

# ruff: noqa: E501 - a row of a table is one line
from __future__ import annotations

import pytest

from massgraph.backends.provider import PROVIDERS

from .conftest import AGENT, TEAM, Load, Refused

TYPES = " | ".join(PROVIDERS)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("polcy: {}", "2:1: unknown key 'polcy'; did you mean 'policy'?"),
        ("zzz: 1", "2:1: unknown key 'zzz'; known: agent, agents, backend_params, graph, mcp_servers, policy, ui"),
        ("agent: {}", "2:1: give 'agent' or 'agents', not both"),
        ("graph: teem", "2:8: there is no graph 'teem'; did you mean 'team'?"),
        ("graph: 7", "2:8: graph must be a name: team | single | debate | mixture | council | self_consistency | module:name"),
        ("graph: {layers: 2}", "2:8: graph needs a type: team | single | debate | mixture | council | self_consistency | module:name"),
        ("graph: {type: debate, layers: 2}", "2:23: unknown key 'layers'; known: type"),
        ("graph: {type: mixture, layers: 0}", "2:32: layers must be 1 or more"),
        ("graph: {type: self_consistency, key: 7}", "2:38: key must be text"),
        ("graph: {type: self_consistency, key: nowhere:f}", "2:38: The module 'nowhere' cannot be imported: ModuleNotFoundError: No module named 'nowhere'"),
        ("graph: nowhere:factory", "2:8: The module 'nowhere' cannot be imported: ModuleNotFoundError: No module named 'nowhere'"),
        ("graph: json:nothing", "2:8: The module 'json' has no 'nothing'. It has JSONDecoder, JSONDecodeError, JSONEncoder, dump, dumps, detect_encoding, load, loads."),
        ("graph: json:dumps", "2:8: 'json:dumps' is no graph: give a compiled graph, a team, or a function (members, policy) that returns a CoordinationGraph."),
        ("graph: json:decoder", "2:8: 'json:decoder' is no graph: give a compiled graph, a team, or a function (members, policy) that returns a CoordinationGraph."),
        ("graph: self_consistency\npolicy: {quorum: 9}", "3:18: A quorum of 9 ballots can't be met by 5 agents."),
        ("mcp_servers: []", "2:14: mcp_servers must be a mapping"),
        ("policy:", "2:8: policy must be a mapping"),
        ("policy: {ruel: plurality}", "2:10: unknown key 'ruel'; did you mean 'rule'?"),
        ("policy: {rule: majorty}", "2:16: rule: unknown rule 'majorty'; did you mean 'majority'? known: plurality, majority, supermajority, unanimity, borda, ranked"),
        ("policy: {rule: 'no_such_module:f'}", "2:16: rule: The module 'no_such_module' cannot be imported: ModuleNotFoundError: No module named 'no_such_module'"),
        ("policy: {rule: most}", "2:16: rule: unknown rule 'most'; known: plurality, majority, supermajority, unanimity, borda, ranked"),
        ("policy: {rule: 5}", "2:16: rule must be text"),
        ("policy: {threshold: 1.5}", "2:21: threshold must be 1 or less"),
        ("policy: {threshold: 0}", "2:21: threshold must be more than 0"),
        ("policy: {max_calls: 0}", "2:21: max_calls must be 1 or more"),
        ("policy: {quorum: 1.5}", "2:18: quorum: 1.5 is neither a number of ballots from 1 nor a share between 0 and 1"),
        ("policy: {quorum: 0}", "2:18: quorum: 0 is neither a number of ballots from 1 nor a share between 0 and 1"),
        ("policy: {seed: '1'}", "2:16: seed must be a whole number"),
        ("policy: {seed: -1}", "2:16: seed must be 0 or more"),
        ("policy: {attempts: true}", "2:20: attempts must be a whole number"),
        ("policy: {idle_timeout_s: -1}", "2:26: idle_timeout_s must be more than 0"),
        ("policy: {soft_deadline_s: 400}", "2:27: soft_deadline_s (400) is later than round_deadline_s (300)"),
        ("policy: {weights: {b: 1}}", "2:20: weights names 'b', who is not in the team"),
        ("policy: {weights: {a: -1}}", "2:23: a must be 0 or more"),
        ("policy: {tie: earliest}", "2:15: tie must be one of earliest_answer, registration, random; did you mean 'earliest_answer'?"),
        ("policy: {visibility: rnig}", "2:22: visibility: unknown visibility 'rnig'; did you mean 'ring'?"),
        ("policy: {visible_peers: 2}", "2:25: visible_peers (2) goes with visibility: ring or random"),
        ("policy: {novelty: near}", "2:19: novelty must be one of exact, lenient, strict or a number"),
        ("policy: {templates: {hurry: Go.}}", "2:21: templates: hurry: the placeholder {tools} is missing"),
        ("policy: {output_type: {type: strng}}", "2:23: output_type: It is no JSON Schema: $.type: 'strng' is not valid under any of the given schemas"),
        ("policy: {output_type: 'json:nope'}", "2:23: output_type: The module 'json' has no 'nope'. It has JSONDecoder, JSONDecodeError, JSONEncoder, dump, dumps, detect_encoding, load, loads."),
        ("policy: {presenter: a}", "2:21: a presenter goes with final: synthesize, not with final: present"),
        ("policy: {presenter: b, final: synthesize}", "2:21: presenter names 'b', who is not in the team"),
        ("policy: {final: merge}", "2:17: final must be one of present, reuse, synthesize"),
        ("policy: {templates: {first: 5}}", "2:29: first must be text"),
        ("ui: {display_type: fancy}", "2:20: display_type must be one of rich_terminal, terminal, simple"),
        ("ui: {logging_enabled: yes}", "2:23: logging_enabled must be true or false"),
        ("backend_params: {tempratur: 1}", "2:18: unknown key 'tempratur'; no backend of this config takes it"),
        ("backend_params: {<<: {}}", "2:18: unknown key '<<'; no backend of this config takes it"),
    ],
)  # fmt: skip
def test_beside_the_agents(text: str, problem: str, refused: Refused) -> None:
    """Of a config with one mistake, that mistake is told, where it stands."""
    assert refused(f"{TEAM}{text}\n") == [problem]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("ui: {}", "1:1: a team needs at least one agent under 'agents'"),
        ("agents: []", "1:9: a team needs at least one agent under 'agents'"),
        ("agents:", "1:8: agents must be a list"),
        ("agents: {a: {}}", "1:9: agents must be a list"),
        ("agents: [alice]", "1:10: agents[0] must be a mapping"),
        ("agent: []", "1:8: agent must be a mapping"),
        ("agents: [{id: a}]", "1:10: 'backend' is missing: give it a type"),
        ("agents: [{id: a, backend: {}}]", "1:27: 'backend' is empty: give it a type"),
        ("agents: [{id: a, backend: 5}]", "1:27: backend must be a mapping or text"),
    ],
)
def test_without_an_agent(text: str, problem: str, refused: Refused) -> None:
    """A config without an agent that could answer is refused."""
    assert refused(text) == [problem]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{idd: b, backend: B}", "2:4: unknown key 'idd'; did you mean 'id'?"),
        ("{id: 5, backend: B}", "2:8: id must be text"),
        ("{id: 9b, backend: B}", "2:8: '9b' can't be an agent's id: a letter first, then letters, digits, '_' or '-', 64 characters at most."),
        ("{id: restart, backend: B}", "2:8: 'restart' can't be an agent's id: the name is taken by the machine."),
        ("{id: A, backend: B}", "2:8: two agents are called 'A'; ids differ by more than case"),
        ("{id: b, system_message: [x], backend: B}", "2:27: system_message must be text"),
        ("{id: b, tools: [calculater], backend: B}", "2:19: there is no tool 'calculater'; did you mean 'calculator'?"),
        ("{id: b, tools: ['no_such_module:f'], backend: B}", "2:19: The module 'no_such_module' cannot be imported: ModuleNotFoundError: No module named 'no_such_module'"),
        ("{id: b, tools: ['json:dumsp'], backend: B}", "2:19: The module 'json' has no 'dumsp'. Did you mean 'dump'?"),
        ("{id: b, tools: ['json:__doc__'], backend: B}", "2:19: 'json:__doc__' is not a function"),
        ("{id: b, tools: [5], backend: B}", "2:19: tools[0] must be text"),
        ("{id: b, tool_timeout_s: 0, backend: B}", "2:27: tool_timeout_s must be more than 0"),
    ],
)  # fmt: skip
def test_an_agent(text: str, problem: str, refused: Refused) -> None:
    """Of an agent with one mistake, that mistake is told, where it stands."""
    backend = "{type: scripted, turns: [{new_answer: x}]}"
    agents = f"agents: [{AGENT},\n  {text.replace('B}', f'{backend}}}')}]"
    assert refused(agents) == [problem]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("type: openai", "4:7: 'model' is missing"),
        ("type: chat_completion", "4:13: Unknown provider 'chat_completion'. Did you mean 'chat_completions'?"),
        ("type: 5", "4:13: type must be text"),
        ("model: my-model", f"4:14: the provider cannot be told from the model 'my-model'; add type: {TYPES}"),
        ("temperature: 1", f"4:7: the provider cannot be told; add type: {TYPES}"),
        ("type: scripted", "4:7: 'turns' is missing"),
        ("{type: scripted, turns: []}", "4:31: turns must be a list that is not empty"),
        ("{type: scripted, turns: [{txt: x}]}", "4:33: unknown key 'txt'; did you mean 'text'?"),
        ("{type: scripted, turns: [{}, {delay: -1}]}", "4:44: delay must be 0 or more"),
        ("{type: scripted, turns: [{vote: first, hang: true}]}", "4:32: turns[0]: a turn ends in one way, not in vote and hang"),
        ("{type: scripted, turns: [{error: oops}]}", "4:40: error must be one of auth, rate_limit, overloaded, timeout, bad_request, incomplete_stream"),
        ("{type: scripted, turns: [{raises: oops}]}", "4:41: raises cannot be given in a config"),
        ("{type: scripted, turns: [{tool_calls: [{args: {}}]}]}", "4:46: 'name' is missing"),
    ],
)  # fmt: skip
def test_a_backend(text: str, problem: str, refused: Refused) -> None:
    """Of a backend with one mistake, that mistake is told, where it stands."""
    assert refused(f"agent:\n  id: a\n  backend:\n      {text}\n") == [problem]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("base_url: 'ftp://x'", "base_url is not an http(s) URL. Write it like http://127.0.0.1:8000/v1."),
        ("base_url: 5", "base_url must be text"),
        ("temperature: hot", "temperature must be a number"),
        ("temperature: -0.1", "temperature must be 0 or more"),
        ("max_tokens: 1e3", "max_tokens must be a whole number"),
        ("connect_timeout_s: 0", "connect_timeout_s must be more than 0"),
        ("extra_headers: {a: 1}", "a must be text"),
        ("enable_web_search: true", "chat_completions has no enable_web_search; leave it out"),
        ("api_key_env: sk-live-1234", "api_key_env must be the name of an environment variable"),
        ("api_key: 1234567", "api_key must be text"),
        ("api_key: '${MY_KEY}'", "The key in api_key is a placeholder, which nobody fills in. Leave api_key out, and name the variable in api_key_env."),
        ("idle_timeout_s: -1", "idle_timeout_s must be more than 0"),
    ],
)  # fmt: skip
def test_an_option(text: str, problem: str, refused: Refused) -> None:
    """A provider's options are told by its adapter, and refused where they stand."""
    backend = "type: chat_completions, model: m, base_url: 'http://127.0.0.1:9'"
    if text.startswith("base_url"):
        backend = "type: chat_completions, model: m"
    said = f"agent:\n {{backend: {{{text}, {backend}}}}}"
    column = len(" {backend: {") + text.rindex(": ") + 3
    assert refused(said) == [f"2:{column}: {problem}"]


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("model", "extra_body must not hold 'model'; set model instead"),
        ("messages", "extra_body must not hold 'messages'"),
        ("stream", "extra_body must not hold 'stream'"),
    ],
)
def test_what_a_request_is_made_of(key: str, problem: str, refused: Refused) -> None:
    """`extra_body` cannot replace it; the problem stands at its key."""
    text = f"agent: {{backend: {{extra_body: {{{key}: x}}, type: chat_completions, model: m}}}}"
    assert f"1:{text.index(f'{key}: x') + 1}: {problem}" in refused(text)


def test_everything_at_once(refused: Refused) -> None:
    """All problems are told together, in the order of their places."""
    text = """\
graph: debat
agents:
  - id: a
    bakend: {}
    backend: {type: chat_completions, base_url: x, temperature: hot, enable_web_search: true}
  - id: A
    tools: [calculater]
    backend: {type: openai}
policy: {rule: bordo, weights: {zoe: 1}, max_debate_rounds: -1}
ui: {display_type: 3}
"""
    places = [problem.split(": ")[0] for problem in refused(text)]
    assert places == [
        "1:8", "4:5", "5:14", "5:49", "5:65", "5:89", "6:9", "7:13", "8:14", "9:16", "9:61", "10:20",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("backend", "problems"),
    [
        ("{typ: scripted, turns: [{new_anser: hi}]}", [f"1:18: the provider cannot be told; add type: {TYPES}", "1:19: unknown key 'typ'; did you mean 'type'?", "1:43: unknown key 'new_anser'; did you mean 'new_answer'?"]),
        ("{type: scriptd, temperture: 1}", ["1:25: Unknown provider 'scriptd'. Did you mean 'scripted'?", "1:34: unknown key 'temperture'; did you mean 'temperature'?"]),
    ],
)  # fmt: skip
def test_without_a_provider(backend: str, problems: list[str], refused: Refused) -> None:
    """Where the provider cannot be told, what no provider knows is told all the same."""
    assert refused(f"agent: {{backend: {backend}}}") == problems


def test_a_module_of_many_functions(refused: Refused) -> None:
    """Of a module with hundreds of names, a few are listed."""
    (problem,) = refused(f"agents: [{{tools: ['os:zzz'], {AGENT[1:]}]")
    assert problem.count(",") == 10
    assert problem.endswith(", ...")


def test_endlessly_many_problems_are_cut(refused: Refused) -> None:
    """A hundred problems are listed, and the others are counted."""
    text = TEAM + "".join(f"key{n}: 1\n" for n in range(500))
    problems = refused(text)
    assert len(problems) == 101
    assert problems[-1].endswith("and 400 more problems")


def test_false_switches_are_fine(load: Load) -> None:
    """A switch of a builtin tool that is off needs no builtin tools."""
    load(
        "agent: {backend: {type: chat_completions, model: m, base_url: 'http://127.0.0.1:9', "
        "enable_web_search: false, enable_code_execution: false}}"
    )

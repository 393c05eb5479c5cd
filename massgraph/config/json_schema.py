"""The JSON Schema of configs, for editors: made of the models that the loader checks them by.

It knows what stands in one place; what only fits together, or not, `massgraph validate` tells.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from ..backends.options import SWITCHES, LimitsFields, options_model
from ..backends.provider import PROVIDERS, Provider, adapter_class
from ..backends.spec import FAMILIES
from ..docstrings import arguments_of, summary_of
from ..graphs.names import AGENT_ID, GRAPHS
from ..nodes.budget import BudgetFields
from ..nodes.policy import PolicyFields
from ..nodes.rules import RULES
from ..nodes.visibility import NAMES
from ..presets import PRESETS
from .graphs import MOST
from .schema import AgentFields, ConfigFields, UiFields
from .servers import ServerFields

if TYPE_CHECKING:
    from pydantic.json_schema import GenerateJsonSchema

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
EXAMPLE: Mapping[str, Any] = {
    "agents": [
        {
            "id": "alice",
            "system_message": "You check facts.",
            "backend": {"type": "openai", "model": "gpt-6.1-terra", "enable_web_search": True},
        },
        {"id": "bob", "backend": "claude:claude-sonnet-5-5"},
    ],
    "policy": {"rule": "majority", "max_cost_usd": 1.0},
}
_OWN = {"type": "string", "pattern": ":", "description": "`module:name`, one of your own."}
_LACKING = "Its provider has no such tool: it can be switched off alone."


def config_schema() -> Schema:
    """Return the JSON Schema of a config."""
    top = _of(ConfigFields)
    several: Schema = {"type": "array", "items": _ref("Agent"), "minItems": 1}
    servers: Schema = {"type": "object", "additionalProperties": _ref("Server")}
    for key, said in {
        "graph": _graph(),
        "agent": _ref("Agent"),
        "agents": several,
        "mcp_servers": servers,
        "policy": _ref("Policy"),
        "ui": _ref("Ui"),
        "backend_params": _defaults(),
    }.items():
        _put(top, key, said)
    top["anyOf"] = [{"required": [key]} for key in ("agents", "agent", "graph")]
    top["not"] = {"required": ["agent", "agents"]}
    about = "A team of agents: who answers, and how they coordinate."
    head = {"$schema": DIALECT, "title": "massgraph config", "description": about}
    return {**head, "examples": [EXAMPLE], **top, **head, "$defs": _definitions()}


def _definitions() -> dict[str, Schema]:
    definitions = {
        "Agent": _agent(),
        "Backend": _backend(),
        "Budget": _of(BudgetFields),
        "Limits": _of(LimitsFields),
        "Policy": _policy(),
        "Server": _of(ServerFields),
        "Ui": _of(UiFields),
    }
    for found in PROVIDERS.values():
        definitions[_name(found)] = _provider(found)
    for schema in (*definitions.values(),):
        definitions |= schema.pop("$defs", {})
    del definitions[LimitsFields.__name__]  # they are there as `Limits`
    return definitions


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _either(name: str) -> Schema:
    """Return the schema of a text, or of a mapping, whose problems are then told one by one."""
    return {"type": ["string", "object"], "if": {"type": "object"}, "then": _ref(name)}


def _put(schema: Schema, key: str, said: Schema) -> None:
    """Say more of a key than its model does; its description and default stay."""
    known = schema["properties"][key]
    kept = {name: known[name] for name in ("description", "default") if name in known}
    schema["properties"][key] = {**kept, **said}


def _of(model: type[BaseModel], told: Mapping[str, str] | None = None) -> Schema:
    """Return the schema of a model, described by docstrings.

    Args:
        model: The model.
        told: What is said of its keys, beside what its own docstring says.
    """
    schema: Schema = model.model_json_schema(
        ref_template="#/$defs/{model}", schema_generator=_generator()
    )
    schema["description"] = summary_of(model)
    for key, text in {**arguments_of(model), **(told or {})}.items():
        if key in schema.get("properties", {}):
            schema["properties"][key]["description"] = text
    for key, said in schema.get("properties", {}).items():
        _bound(key, said)
    return schema


def _bound(key: str, said: Schema) -> None:
    """Add the bounds that every number has: seconds are more than 0, others are not below it."""
    for one in (said, *said.get("anyOf", ())):
        if one.get("type") in ("number", "integer") and not one.keys() & _BOUNDS:
            one["exclusiveMinimum" if key.endswith("_s") else "minimum"] = 0


_BOUNDS = frozenset(("minimum", "exclusiveMinimum"))


@cache
def _generator() -> type[GenerateJsonSchema]:
    """Return what makes schemas, in which anything goes where only Python knows what fits."""
    from pydantic.json_schema import GenerateJsonSchema

    class Lenient(GenerateJsonSchema):
        def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> Schema:
            return {}

        def model_schema(self, schema: Any) -> Schema:
            made = super().model_schema(schema)
            made["description"] = summary_of(schema["cls"])
            for key, text in arguments_of(schema["cls"]).items():
                if key in made.get("properties", {}):
                    made["properties"][key].setdefault("description", text)
            return made

        def field_title_should_be_set(self, schema: Any) -> bool:
            return False

    return Lenient


def _graph() -> Schema:
    count = {"type": "integer", "minimum": 1, "maximum": MOST}
    options = {
        "layers": {**count, "description": "Layers of proposers, of a mixture."},
        "samples": {**count, "description": "Answers, of self_consistency."},
        "key": {**_OWN, "description": "From an answer to what must be the same in two of them."},
        "type": {"enum": list(GRAPHS), "description": "The graph's name."},
    }
    mapping = {
        "type": "object",
        "properties": options,
        "required": ["type"],
        "additionalProperties": False,
    }
    return {"anyOf": [{"enum": list(GRAPHS)}, _OWN, mapping]}


def _agent() -> Schema:
    schema = _of(AgentFields)
    backend = _either("Backend")
    expert = {
        "type": "object",
        "properties": {"expert": {"type": "string", "description": "The field."}},
        "required": ["expert"],
        "additionalProperties": False,
    }
    roles = {"enum": [*(name for name in PRESETS if name != "expert"), None]}
    _put(schema, "id", {"type": "string", "pattern": f"^{AGENT_ID.pattern}$"})
    _put(schema, "backend", backend)
    _put(schema, "fallback", backend)
    _put(schema, "budget", _ref("Budget"))
    _put(schema, "preset", {"anyOf": [roles, expert]})
    return schema


def _policy() -> Schema:
    schema = _of(PolicyFields)
    ours = {"enum": list(RULES)}
    installed = {"type": "string", "description": "One that a package brings, or `module:name`."}
    _put(schema, "rule", {"anyOf": [ours, installed]})
    _put(schema, "visibility", {"anyOf": [{"enum": list(NAMES)}, _OWN]})
    _put(schema, "output_type", {"anyOf": [_OWN, {"type": ["object", "null"]}]})
    return schema


def _name(found: Provider) -> str:
    return f"{found.name}_backend"


def _backend() -> Schema:
    """Return the schema of any backend; which keys it has, its type or its model tells."""
    kinds = _kind(PROVIDERS, "The provider; its model may tell it.")
    model = {"type": "string", "description": "The model's name."}
    return {
        "type": "object",
        "description": "Who answers.",
        "properties": {"type": kinds, "model": model},
        "allOf": [*_by_type(), *_by_model()],
    }


def _kind(names: Iterable[str], description: str) -> Schema:
    """Return the schema of a provider's name, proposed in lower case; any case will do."""
    other = {"type": "string", "pattern": "|".join(map(_in_any_case, names))}
    return {"anyOf": [{"enum": list(names)}, other], "description": description}


def _in_any_case(name: str) -> str:
    """Return a pattern of a name; JSON Schema's know no flag for that."""
    letters = (f"[{one}{one.upper()}]" if one.isalpha() else one for one in name)
    return f"^{''.join(letters)}$"


def _by_type() -> Iterator[Schema]:
    for found in PROVIDERS.values():
        told = {"type": {"type": "string", "pattern": _in_any_case(found.name)}}
        named = {"properties": told, "required": ["type"]}
        yield {"if": named, "then": _ref(_name(found))}


def _by_model() -> Iterator[Schema]:
    earlier: list[str] = []
    for start, name in FAMILIES.items():
        less = "".join(f"(?!{one})" for one in earlier if one.startswith(start))
        earlier.append(start)
        if name is not None:
            told = {"model": {"pattern": f"^{less}{start}"}}
            untyped = {"required": ["model"], "not": {"required": ["type"]}, "properties": told}
            yield {"if": untyped, "then": _ref(_name(PROVIDERS[name]))}


def _provider(found: Provider) -> Schema:
    adapter = adapter_class(found)
    schema = _of(options_model(adapter), arguments_of(adapter))
    schema.pop("required", None)  # `backend_params` may hold it
    schema["description"] = summary_of(adapter)
    kind = _kind([found.name], "The provider; its model may tell it.")
    _put(schema, "limits", {"anyOf": [_ref("Limits"), {"type": "null"}]})
    schema["properties"]["limits"]["description"] = "Rate limits that its calls wait for."
    if found.wraps:
        _put(schema, "backend", _either("Backend"))
    lacking = [name for name in SWITCHES if name not in schema["properties"]]
    off = {"enum": [False, None], "description": _LACKING, "deprecated": True}
    properties = {"type": kind, **schema["properties"], **dict.fromkeys(lacking, off)}
    return {**schema, "properties": properties, "additionalProperties": False}


def _defaults() -> Schema:
    """Return the schema of what backends have in common: any key that one of them knows."""
    properties: Schema = {"type": _kind(PROVIDERS, "The provider.")}
    for found in PROVIDERS.values():
        for key, said in _provider(found)["properties"].items():
            known = properties.get(key)
            if known is None or known.get("deprecated"):
                properties[key] = {"description": said.get("description", "")}
    return {"type": "object", "properties": properties, "additionalProperties": False}

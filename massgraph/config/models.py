"""A config made of options: models, each with an agent of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..backends.keys import NO_MODEL, looks_like_key
from ..backends.provider import PROVIDERS, Provider
from ..backends.spec import OTHER_NAMES, SERVERS, infer_provider, meant_provider
from .document import Document, read_document
from .files import locate
from .graphs import read_graph
from .problems import ConfigError, Place, Problem, did_you_mean, quoted

EMBEDDED = "local"
"""The shipped config that answers when neither a config nor a model is given."""

ALONE = ("single", "self_consistency")
"""Graphs of one agent."""


def models_document(models: Sequence[str], backend: str | None) -> Document:
    """Return a config with an agent for each model; without models, one of the provider.

    Args:
        models: `provider:model`, or a model's name where the provider is clear.
        backend: The provider of models that name none.

    Raises:
        ConfigError: When a provider cannot be told.
    """
    document = Document("--model" if models else "--backend")
    if backend is not None and looks_like_key(backend):
        raise ConfigError([Problem(Place("--backend"), NO_MODEL)])
    problems: list[Problem] = []
    agents: list[dict[str, Any]] = []
    for number, spec in enumerate(models or [""]):
        if looks_like_key(spec):
            problems.append(Problem(Place("--model"), NO_MODEL))
            continue
        place = Place(f"--model {spec.strip().rstrip(':')}" if models else f"--backend {backend}")
        described = _described(spec.strip(), backend)
        if isinstance(described, str):
            problems.append(Problem(place, described))
            continue
        agents.append({"id": f"agent_{number + 1}", "backend": described})
        document.put(("agents", number), place)
    if problems:
        raise ConfigError(problems)
    document.value = {"agents": agents}
    return document


def graph_document(graph: str) -> Document:
    """Return the config of a graph alone: the embedded agents, unless it brings its own.

    Raises:
        ConfigError: When there is no such graph.
    """
    document = Document("--graph", {})
    chosen = read_graph(graph, document)
    if chosen is None:
        raise ConfigError(document.problems)
    if chosen.whole is not None:
        return document
    embedded = read_document(locate(EMBEDDED))
    if graph in ALONE:
        del embedded.value["agents"][1:]
    if graph != "team":
        del embedded.value["policy"]  # each graph has its own idea of it
    return embedded


def is_model(spec: str) -> bool:
    """Return whether this names a model of a provider that can be told."""
    return isinstance(_described(spec.strip(), None), dict)


def _described(spec: str, backend: str | None) -> dict[str, str] | str:
    """Return the backend that is meant, or what is wrong."""
    name, colon, model = spec.partition(":")
    if backend is not None:
        model = model if name.lower() == backend.lower() else spec
        return {"type": backend, "model": model} if model else {"type": backend}
    if name.lower() in PROVIDERS:
        return _named(PROVIDERS[name.lower()], model.strip())
    inferred = infer_provider(spec)
    if inferred is not None:
        return {"type": inferred, "model": spec}
    if name.lower() in SERVERS:
        return f"there is no provider {quoted(name)}. {meant_provider(name)}"
    if colon:
        meant = OTHER_NAMES.get(name.lower())
        near = f"; did you mean {meant!r}?" if meant else did_you_mean(name, tuple(PROVIDERS))
        return f"there is no provider {quoted(name)}{near}"
    return f"the provider cannot be told; write it as PROVIDER:NAME ({', '.join(PROVIDERS)})"


def _named(found: Provider, model: str) -> dict[str, str] | str:
    if not model and found.model_required:
        return f"the model is missing; write it as {found.name}:MODEL"
    return {"type": found.name, found.named_by: model} if model else {"type": found.name}


def set_system_message(document: Document, message: str) -> None:
    """Give every agent of a config this role."""
    value = document.value
    if not isinstance(value, dict):
        return
    agents = value.get("agents")
    found = [(("agents", n), a) for n, a in enumerate(agents)] if isinstance(agents, list) else []
    for keys, agent in [*found, (("agent",), value.get("agent"))]:
        if isinstance(agent, dict):
            agent["system_message"] = message
            document.put((*keys, "system_message"), Place("--system-message"))

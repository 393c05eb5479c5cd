"""The `backend:` of an agent: which provider it means, and whether it fits."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..backends.base import BuiltinTool, LLMBackend
from ..backends.errors import MissingError, UserError
from ..backends.keys import NO_MODEL, looks_like_key, shown_variable
from ..backends.options import SWITCHES, option_problems, options_model, switched_on
from ..backends.provider import PROVIDERS, Provider, adapter_class, missing_extra
from ..backends.registry import backend_from_config
from ..backends.spec import described, infer_provider, provider
from .document import Document, Keys
from .problems import Problem, did_you_mean, quoted

ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


@dataclass(slots=True)
class BackendReader:
    """Reads the backends of one document.

    Args:
        document: Takes the problems.
        defaults: The top level's `backend_params`.
        warnings: Takes what is missing on this machine.
    """

    document: Document
    defaults: Mapping[str, Any]
    warnings: list[Problem]

    def read(
        self,
        given: Mapping[str, Any],
        keys: Keys,
        tools: Iterable[BuiltinTool] = (),
        seat: str = "",
    ) -> LLMBackend | dict[str, Any] | None:
        """Return a backend; as a mapping where something is missing; None where it is wrong.

        Args:
            given: What the agent says.
            keys: Where it says it.
            tools: Builtin tools that it has where its model does, unless it says otherwise.
            seat: What it is called where it is recorded, unless it says otherwise.
        """
        known = len(self.document.problems)
        values = {**self.defaults, **given}
        found = self._provider(values, keys, given)
        if found is None:
            self._of_any_provider(values, keys, given)
            return None
        if found.seated and seat:
            values.setdefault("name", seat)
        if found.wraps:
            return self._wrapping(found, {**given, "name": values.get("name")}, keys, tools)
        unfit = self._unfit_defaults(found, given)
        options = {k: v for k, v in values.items() if k != "type" and k not in unfit}
        options |= switched_on(adapter_class(found), options, tools)
        self._switches(found, options, keys, given)
        bad = self._check(found, options, keys, given)
        lacks = self._key_variable(options, keys, given)
        described: LLMBackend | dict[str, Any] = {"type": found.name, **options}
        if bad or lacks:
            left = {"model": "any"} if found.model_required else {}
            left |= {k: v for k, v in options.items() if k not in (*bad, "api_key_env")}
            self._built(found, left, keys, given, trial=True)
        else:
            described = self._built(found, options, keys, given)
        return described if len(self.document.problems) == known else None

    def _wrapping(
        self,
        found: Provider,
        given: dict[str, Any],
        keys: Keys,
        tools: Iterable[BuiltinTool],
    ) -> LLMBackend | dict[str, Any] | None:
        """Return a backend with another one in it, to which the defaults are left."""
        known = len(self.document.problems)
        options = {name: value for name, value in given.items() if name != "type"}
        if isinstance(options.get("backend"), str):
            try:
                options["backend"] = described(options["backend"])
            except UserError as exc:
                self.document.problem((*keys, "backend"), str(exc))
        self._check(found, options, keys, given)
        inner: Any = options.get("backend")
        if isinstance(inner, dict):
            inner = options["backend"] = self.read(inner, (*keys, "backend"), tools)
        if len(self.document.problems) > known:
            return None
        if isinstance(inner, dict):  # what it lacks is noted
            return {"type": found.name, **options}
        built = self._built(found, options, keys, given)
        return built if len(self.document.problems) == known else None

    def are_same(self, one: Any, other: Mapping[str, Any]) -> bool:
        """Return whether two agents' backends differ in nothing."""
        if not isinstance(one, dict):
            return False
        first, second = ({**self.defaults, **given} for given in (one, other))
        first["type"], second["type"] = self._type_of(first), self._type_of(second)
        kind = first["type"]
        if kind in PROVIDERS and PROVIDERS[kind].seated and "name" not in first:
            return False  # each has a seat of its own
        return {k: v for k, v in first.items() if v is not None} == {
            k: v for k, v in second.items() if v is not None
        }

    def unused_defaults(self, used: list[Mapping[str, Any]]) -> None:
        """Note each default that no agent's provider knows."""
        names = [self._type_of({**self.defaults, **innermost(given)}) for given in used]
        fitting: set[str] = {"type", *SWITCHES}
        for name in names:
            if not isinstance(name, str) or name.lower() not in PROVIDERS:
                return  # what is wrong with it is known already
            fitting.update(_fields(PROVIDERS[name.lower()]))
        for key in self.defaults:
            if key not in fitting:
                self.document.problem(
                    ("backend_params", key),
                    f"unknown key {quoted(key)}; no backend of this config takes it",
                    key=True,
                )

    def _at(self, key: str, keys: Keys, given: Mapping[str, Any]) -> Keys:
        """Return where an option stands: with the agent, or among the defaults."""
        if key not in given and key in self.defaults:
            return ("backend_params", key)
        return (*keys, key)

    def _type_of(self, values: Mapping[str, Any]) -> Any:
        model = values.get("model")
        inferred = infer_provider(model) if isinstance(model, str) else None
        return values.get("type", inferred)

    def _provider(
        self, values: Mapping[str, Any], keys: Keys, given: Mapping[str, Any]
    ) -> Provider | None:
        kind = self._type_of(values)
        where = self._at("type" if "type" in values else "model", keys, given)
        model = values.get("model")
        if isinstance(model, str) and looks_like_key(model):
            self.document.problem(self._at("model", keys, given), NO_MODEL)
        elif kind is None:
            of = f" from the model {quoted(model)}" if isinstance(model, str) else ""
            self.document.problem(
                where, f"the provider cannot be told{of}; add type: {' | '.join(PROVIDERS)}"
            )
        elif not isinstance(kind, str):
            self.document.problem(where, "type must be text")
        else:
            try:
                return provider(kind)
            except UserError as exc:
                self.document.problem(where, str(exc))
        return None

    def _of_any_provider(
        self, values: Mapping[str, Any], keys: Keys, given: Mapping[str, Any]
    ) -> None:
        """Note what is wrong whatever provider is meant, where that cannot be told."""
        fields = {name: _fields(found) for name, found in PROVIDERS.items()}
        known = sorted({"type", *SWITCHES}.union(*fields.values()))
        for key in given:
            if key not in known:
                message = f"unknown key {quoted(key)}{did_you_mean(key, known)}"
                self.document.problem((*keys, key), message, key=True)
        fits = {name: len(taken & given.keys()) for name, taken in fields.items()}
        likely = [name for name, number in fits.items() if number == max(fits.values())]
        if len(likely) == 1:
            found = PROVIDERS[likely[0]]
            options = {"model": "any"} if found.model_required else {}
            options |= {key: value for key, value in given.items() if key in fields[found.name]}
            self._check(found, options, keys, given)

    def _unfit_defaults(self, found: Provider, given: Mapping[str, Any]) -> set[str]:
        """Return the defaults that this provider does not know: they are meant for others."""
        fields = _fields(found)
        return {key for key in self.defaults if key not in (*fields, *SWITCHES, *given)}

    def _switches(
        self, found: Provider, options: dict[str, Any], keys: Keys, given: Mapping[str, Any]
    ) -> None:
        """Take out the switches of builtin tools that a provider lacks, and note those set."""
        for name in sorted(options.keys() & set(SWITCHES) - _fields(found)):
            if options.pop(name) not in (False, None) and name in given:
                self.document.problem((*keys, name), f"{found.name} has no {name}; leave it out")

    def _check(
        self, found: Provider, options: Mapping[str, Any], keys: Keys, given: Mapping[str, Any]
    ) -> set[str]:
        """Note what is wrong with the options, and return the names of those."""
        bad: set[str] = set()
        for where, message, is_key in option_problems(adapter_class(found), options):
            first = self._at(str(where[0]), keys, given) if where else keys
            self.document.problem((*first, *where[1:]), message, key=is_key)
            bad.add(str(where[0]) if where else "")
        return bad

    def _key_variable(
        self, options: Mapping[str, Any], keys: Keys, given: Mapping[str, Any]
    ) -> bool:
        """Return whether the variable that should hold the key is none, which is noted."""
        name = options.get("api_key_env")
        if not isinstance(name, str):
            return False
        where = self._at("api_key_env", keys, given)
        if not ENV_NAME.fullmatch(name):
            # Perhaps it is the key itself: it must not be repeated.
            self.document.problem(where, "api_key_env must be the name of an environment variable")
            return True
        if not os.environ.get(name, "").strip() and not options.get("api_key"):
            self._missing(where, f"the environment variable {shown_variable(name)} is not set")
            return True
        return False

    def _built(
        self,
        found: Provider,
        options: dict[str, Any],
        keys: Keys,
        given: Mapping[str, Any],
        *,
        trial: bool = False,
    ) -> LLMBackend | dict[str, Any]:
        """Return the backend, or what describes it where something is missing or wrong.

        On trial, with some of its options left out, only what is wrong with the others counts.
        """
        described = {"type": found.name, **options}
        model = options.get("model")
        lacks = missing_extra(found, model if isinstance(model, str) else None)
        if lacks:
            self._missing(self._at("type", keys, given), lacks)
            return described
        try:
            backend = backend_from_config(described)
        except UserError as exc:
            named = next((k for k in options if re.search(rf"\b{k}\b", str(exc))), None)
            where = self._at(named, keys, given) if named else keys
            if isinstance(exc, MissingError):
                if not trial:
                    self._missing(where, str(exc))
            elif named or not trial:
                self.document.problem(where, str(exc))
            return described
        for name, why in backend.unsent.items():
            where = self._at(name, keys, given)
            self.warnings.append(Problem(self.document.place(where), why))
        return backend

    def _missing(self, where: Keys, message: str) -> None:
        self.warnings.append(Problem(self.document.place(where), message, missing=True))


def innermost(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a config says of the backend that answers, whatever is put around it."""
    kind, inner = given.get("type"), given.get("backend")
    found = PROVIDERS.get(kind.lower()) if isinstance(kind, str) else None
    if found is None or not found.wraps:
        return given
    if isinstance(inner, str):
        return {"type": inner.partition(":")[0], "model": inner}
    return innermost(inner) if isinstance(inner, Mapping) else given


def _fields(found: Provider) -> set[str]:
    return set(options_model(adapter_class(found)).model_fields)

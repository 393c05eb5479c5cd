"""LangChain's providers: which package builds the models of each, without importing any.

The tables are those of `langchain.chat_models.base`; a test compares them.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from collections.abc import Mapping

from ..errors import MissingError, UserError
from ..words import did_you_mean, quoted, sentence

Integration = tuple[str, str]
"""A module, and the chat model's class in it."""

INTEGRATIONS: Mapping[str, Integration] = {
    "anthropic": ("langchain_anthropic", "ChatAnthropic"),
    "anthropic_bedrock": ("langchain_aws", "ChatAnthropicBedrock"),
    "azure_ai": ("langchain_azure_ai.chat_models", "AzureAIOpenAIApiChatModel"),
    "azure_openai": ("langchain_openai", "AzureChatOpenAI"),
    "baseten": ("langchain_baseten", "ChatBaseten"),
    "bedrock": ("langchain_aws", "ChatBedrock"),
    "bedrock_converse": ("langchain_aws", "ChatBedrockConverse"),
    "bedrock_mantle_anthropic": ("langchain_aws", "ChatAnthropicMantle"),
    "bedrock_mantle_openai": ("langchain_aws", "ChatOpenAIMantle"),
    "cohere": ("langchain_cohere", "ChatCohere"),
    "deepseek": ("langchain_deepseek", "ChatDeepSeek"),
    "fireworks": ("langchain_fireworks", "ChatFireworks"),
    "google_anthropic_vertex": ("langchain_google_vertexai.model_garden", "ChatAnthropicVertex"),
    "google_genai": ("langchain_google_genai", "ChatGoogleGenerativeAI"),
    "google_vertexai": ("langchain_google_vertexai", "ChatVertexAI"),
    "groq": ("langchain_groq", "ChatGroq"),
    "huggingface": ("langchain_huggingface", "ChatHuggingFace"),
    "ibm": ("langchain_ibm", "ChatWatsonx"),
    "langsmith": ("langchain_openai", "ChatOpenAI"),
    "litellm": ("langchain_litellm", "ChatLiteLLM"),
    "meta": ("langchain_meta", "ChatMetaModel"),
    "mistralai": ("langchain_mistralai", "ChatMistralAI"),
    "nvidia": ("langchain_nvidia_ai_endpoints", "ChatNVIDIA"),
    "ollama": ("langchain_ollama", "ChatOllama"),
    "openai": ("langchain_openai", "ChatOpenAI"),
    "openrouter": ("langchain_openrouter", "ChatOpenRouter"),
    "perplexity": ("langchain_perplexity", "ChatPerplexity"),
    "together": ("langchain_together", "ChatTogether"),
    "upstage": ("langchain_upstage", "ChatUpstage"),
    "xai": ("langchain_xai", "ChatXAI"),
}

FAMILIES: Mapping[str, str] = {
    "gpt-": "openai",
    "o1": "openai",
    "o3": "openai",
    "chatgpt": "openai",
    "text-davinci": "openai",
    "claude": "anthropic",
    "command": "cohere",
    "accounts/fireworks": "fireworks",
    "gemini": "google_vertexai",
    "amazon.": "bedrock",
    "anthropic.": "bedrock",
    "meta.": "bedrock",
    "mistral": "mistralai",
    "mixtral": "mistralai",
    "deepseek": "deepseek",
    "grok": "xai",
    "sonar": "perplexity",
    "solar": "upstage",
}
"""How the names of a provider's models begin, in lower case."""


def split_name(name: str, provider: str | None) -> tuple[str, str]:
    """Return LangChain's provider, and the model.

    Args:
        name: `provider:model`, or a model whose provider can be told.
        provider: The provider, where the name does not say it.

    Raises:
        UserError: When no model is named, or no provider that LangChain knows.
    """
    head, colon, tail = name.partition(":")
    if provider is None and colon and re.fullmatch(r"[A-Za-z_-]+", head.strip()):
        provider, name = head.strip(), tail
    name = name.strip()
    if not name:
        raise UserError("A langchain backend needs a model.", hint="Write it as openai:gpt-5.4.")
    if provider is None:
        begins = (of for start, of in FAMILIES.items() if name.lower().startswith(start))
        provider = next(begins, None)
    if provider is None:
        raise UserError(
            f"langchain: the provider of {quoted(name)} cannot be told.",
            hint=f"Write it as PROVIDER:{name}, with one of {', '.join(INTEGRATIONS)}.",
        )
    return _known(provider), name


def check_installed(provider: str) -> None:
    """Check that LangChain is there, and its integration for a provider, without importing it.

    Raises:
        MissingError: When one is not, with the command that installs it.
    """
    module, _ = INTEGRATIONS.get(provider, ("langchain", ""))
    wanted = dict.fromkeys(("langchain", module.partition(".")[0]))
    lacking = [name for name in wanted if importlib.util.find_spec(name) is None]
    if lacking:
        raise MissingError(install_hint(*(name.replace("_", "-") for name in lacking)))


def _known(provider: str) -> str:
    """Return the provider as LangChain writes it."""
    name = provider.replace("-", "_").lower()
    if name in INTEGRATIONS or name in _newer():
        return name
    near = did_you_mean(name, tuple(INTEGRATIONS))
    raise UserError(sentence(f"langchain: LangChain has no provider {quoted(provider)}{near}"))


def _newer() -> Mapping[str, object]:
    """Return the providers of the LangChain that is installed; it is imported for that."""
    try:
        base = importlib.import_module("langchain.chat_models.base")
    except ImportError:
        return {}
    found: Mapping[str, object] = getattr(base, "_BUILTIN_PROVIDERS", {})
    return found


def install_hint(*packages: str) -> str:
    """Return what to do about packages that are missing."""
    names = " and ".join(repr(name) for name in packages)
    return f'LangChain needs {names}: "{sys.executable}" -m pip install {" ".join(packages)}'

"""LangChain's own standard tests, for both chat models, over real HTTP on this machine."""

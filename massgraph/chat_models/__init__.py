"""LangChain chat models made of massgraph's parts: one backend, or a whole team."""

"""The steps: state, prompts, and one small file for each step of the protocol."""

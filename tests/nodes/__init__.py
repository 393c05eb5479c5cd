"""The steps: state, rules, fences, actions, policy."""

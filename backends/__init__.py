"""The providers: one interface, one chunk vocabulary, one adapter for each provider."""

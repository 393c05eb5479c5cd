"""A server on this machine that speaks the providers' protocols, and is as strict as they are."""

from __future__ import annotations

"""Values and vocabularies that every layer shares: no I/O, no clock, no asyncio.

Frozen dataclasses, enums that spell what the APIs spell, and the one YAML loader and the
one regular-expression engine, which sit here because everything above needs them.
"""

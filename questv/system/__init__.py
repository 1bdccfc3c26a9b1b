"""The system description: from ``system.toml`` to typed, checked models."""
